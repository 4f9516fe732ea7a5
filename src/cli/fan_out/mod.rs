//! Asking several clusters at once, each with the caller's own kubeconfig.
//!
//! Shared by the verbs that look into members. Which clusters there are is what the directory of
//! kubeconfigs says: the repository is not asked, and nothing is written to it. A cluster that
//! cannot be asked is told on stderr and does not keep the others from answering.

pub(super) mod fault;
pub(super) mod kinds;
pub(super) mod pages;
pub(super) mod pods;
pub(super) mod table;
pub(super) mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::stream::{self, StreamExt as _};

use super::Exit;
use super::session::Allowed;
use crate::api::decode::closest;
use crate::api::names::ClusterName;
use crate::api::period::{BadPeriod, Period};
use crate::daemon::Fault;
use crate::daemon::credentials::Credentials;
use crate::member::wire::{Api, REQUEST_TIMEOUT};

/// Clusters that are asked at one time: each costs a TLS handshake and an answer in memory.
const AT_ONCE_MAX: usize = 32;

/// How long a connection may take: a person waits, and looks at the others meanwhile.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Which clusters are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// All that there is a kubeconfig for.
    All,
    /// These.
    Named(BTreeSet<ClusterName>),
}

impl std::str::FromStr for Which {
    type Err = String;

    /// Reads `all` or names with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        let names = text.split(',').map(|name| {
            let name = name.trim();
            if name == "all" {
                return Err("`all` leaves none to be named beside it".to_owned());
            }
            ClusterName::new(name).map_err(|error| format!("`{name}`: {error}"))
        });
        Ok(Self::Named(names.collect::<Result<_, _>>()?))
    }
}

/// How members are asked by verbs that only look.
#[derive(clap::Args, Debug, Clone)]
pub(super) struct Reach {
    /// Directory with one kubeconfig for each cluster, named CLUSTER.yaml
    #[arg(long, value_name = "DIR")]
    credentials: PathBuf,
    /// Only these clusters: names with commas between them, or all that have a kubeconfig
    #[arg(long, value_name = "NAMES", default_value = "all")]
    clusters: Which,
    /// How long to wait for one answer of a cluster, e.g. 5s; 0: without end
    #[arg(long, value_name = "DURATION", default_value = "35s")]
    request_timeout: RequestTimeout,
    #[command(flatten)]
    allowed: Allowed,
}

impl Reach {
    /// Makes the clients.
    pub(super) fn members(&self) -> anyhow::Result<Asked> {
        Asked::new(&self.credentials, &self.allowed, &self.clusters, self.request_timeout)
    }
}

/// How long one request may take; none: for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestTimeout(Option<Duration>);

impl Default for RequestTimeout {
    fn default() -> Self {
        Self(Some(REQUEST_TIMEOUT))
    }
}

impl std::str::FromStr for RequestTimeout {
    type Err = BadPeriod;

    /// Reads a length of time, or, as kubectl does, a number of seconds. None of them is no limit.
    fn from_str(text: &str) -> Result<Self, BadPeriod> {
        let limit = match text.parse() {
            Ok(secs) => Duration::from_secs(secs),
            Err(_) => text.parse::<Period>()?.duration(),
        };
        Ok(Self(Some(limit).filter(|limit| !limit.is_zero())))
    }
}

/// One cluster that can be asked.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) name: ClusterName,
    /// The namespace that its kubeconfig names, or `default`.
    pub(super) namespace: String,
    pub(super) api: Api,
}

/// The clusters that are meant, in the order of their names.
pub(super) struct Asked {
    pub(super) members: Vec<Member>,
    pub(super) failures: Failures,
}

impl Asked {
    /// Reads the kubeconfigs. One that cannot be used is a failure of its cluster alone. Makes clients,
    /// which need a runtime to be running.
    pub(super) fn new(
        dir: &Path,
        allowed: &Allowed,
        which: &Which,
        request_timeout: RequestTimeout,
    ) -> anyhow::Result<Self> {
        let credentials = allowed.credentials(dir)?;
        let there = credentials.clusters().map_err(|error| error.told())?;
        let names = match which {
            Which::Named(names) => names.clone(),
            Which::All if there.is_empty() => {
                let text = format!("--credentials {} has no kubeconfig", dir.display());
                let hint = "put one there for each cluster, as CLUSTER.yaml";
                return Err(Fault::new("CREDENTIALS_MISSING", text, hint).into());
            }
            Which::All => there.clone(),
        };
        let mut asked = Self { members: Vec::new(), failures: Failures::default() };
        for name in names {
            match member(&credentials, &name, &there, request_timeout) {
                Ok(member) => asked.members.push(member),
                Err(fault) => asked.failures.add(&name, fault),
            }
        }
        Ok(asked)
    }
}

fn member(
    credentials: &Credentials,
    name: &ClusterName,
    there: &BTreeSet<ClusterName>,
    RequestTimeout(limit): RequestTimeout,
) -> Result<Member, Fault> {
    let mut config = credentials.config(name).map_err(|error| {
        let mut fault = error.told();
        let near = closest(name.as_str(), there.iter().map(ClusterName::as_str));
        if let Some(near) = near.filter(|_| !there.contains(name)) {
            fault.hint = format!("did you mean `{near}`? Otherwise {}", fault.hint);
        }
        fault
    })?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    let namespace = config.default_namespace.clone();
    let client = kube::Client::try_from(config).map_err(|error| {
        let text = "no client can be made from its kubeconfig";
        let hint = "give it a token or a client certificate that can be read";
        Fault::new("KUBECONFIG_CLIENT", text, hint).because(&error)
    })?;
    let api = Api::new(client).with_request_timeout(limit);
    Ok(Member { name: name.clone(), namespace, api })
}

/// What could not be asked, by cluster: one each, the first.
#[derive(Debug, Default)]
pub(super) struct Failures(BTreeMap<ClusterName, Fault>);

impl Failures {
    pub(super) fn add(&mut self, cluster: &ClusterName, fault: Fault) {
        self.0.entry(cluster.clone()).or_insert(fault);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Says each in one line on stderr, and how the verb ends.
    pub(super) fn tell(&self) -> std::io::Result<Exit> {
        let mut err = std::io::stderr().lock();
        for (cluster, Fault { code, text, hint }) in &self.0 {
            writeln!(err, "cluster {cluster}: {code}: {text}; {hint}")?;
        }
        Ok(if self.is_empty() { Exit::Clean } else { Exit::Failed })
    }
}

/// Asks each member; answers come in the order of the members, and what failed goes to `failures`.
pub(super) async fn each<'m, T, F>(
    members: &'m [Member],
    failures: &mut Failures,
    ask: impl Fn(&'m Member) -> F,
) -> Vec<(&'m Member, T)>
where
    F: Future<Output = Result<T, Fault>>,
{
    let asked = stream::iter(members.iter().enumerate()).map(|(at, member)| {
        let answer = ask(member);
        async move { (at, member, answer.await) }
    });
    // As they come: one that keeps silent must not hold up those behind it.
    let mut answers: Vec<_> = asked.buffer_unordered(AT_ONCE_MAX).collect().await;
    answers.sort_by_key(|(at, ..)| *at);
    let mut good = Vec::new();
    for (_, member, answer) in answers {
        match answer {
            Ok(answer) => good.push((member, answer)),
            Err(fault) => failures.add(&member.name, fault),
        }
    }
    good
}

/// Which namespaces are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// All of them.
    All,
    /// This one.
    Named(String),
    /// That of each kubeconfig.
    OfKubeconfig,
}

impl Scope {
    pub(super) fn of(namespace: Option<&str>, is_all: bool) -> Self {
        match namespace {
            _ if is_all => Self::All,
            Some(namespace) => Self::Named(namespace.to_owned()),
            None => Self::OfKubeconfig,
        }
    }

    /// The namespace to ask `member` for; none: all.
    pub(super) fn in_member<'s>(&'s self, member: &'s Member) -> Option<&'s str> {
        match self {
            Self::All => None,
            Self::Named(namespace) => Some(namespace),
            Self::OfKubeconfig => Some(&member.namespace),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_all_or_named() {
        assert_eq!("all".parse(), Ok(Which::All));
        let names = ["a", "b"].map(|name| ClusterName::new(name).unwrap());
        assert_eq!("b, a".parse(), Ok(Which::Named(BTreeSet::from(names))));
        assert!("a,".parse::<Which>().is_err());
        assert!("A".parse::<Which>().is_err());
    }

    #[test]
    fn a_time_limit_is_read_as_kubectl_reads_it() {
        let limit = |text: &str| text.parse::<RequestTimeout>().map(|RequestTimeout(limit)| limit);
        for (text, secs) in [("5", 5), ("5s", 5), ("2m", 120), ("1m30s", 90)] {
            assert_eq!(limit(text), Ok(Some(Duration::from_secs(secs))), "{text}");
        }
        assert_eq!((limit("0"), limit("0s")), (Ok(None), Ok(None)));
        for text in ["", "-1", "s", "1.5"] {
            assert!(limit(text).is_err(), "{text}");
        }
    }
}
