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

use clap::CommandFactory as _;
use clap::error::ErrorKind;
use futures::stream::{self, StreamExt as _};

use super::Exit;
use super::session::Allowed;
use crate::api::decode::closest;
use crate::api::names::ClusterName;
use crate::daemon::Fault;
use crate::daemon::credentials::Credentials;
use crate::member::wire::Api;

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
            ClusterName::new(name).map_err(|error| format!("`{name}`: {error}"))
        });
        Ok(Self::Named(names.collect::<Result<_, _>>()?))
    }
}

/// How members are reached by verbs that only look.
#[derive(clap::Args, Debug, Clone)]
pub(super) struct Reach {
    /// Directory with one kubeconfig for each cluster, named CLUSTER.yaml
    #[arg(long, value_name = "DIR")]
    credentials: PathBuf,
    /// Only these clusters: names with commas between them, or all that have a kubeconfig
    #[arg(long, value_name = "NAMES", default_value = "all")]
    clusters: Which,
    #[command(flatten)]
    allowed: Allowed,
}

impl Reach {
    /// Makes the clients.
    pub(super) fn members(&self) -> anyhow::Result<Reached> {
        Reached::new(&self.credentials, &self.allowed, &self.clusters)
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
pub(super) struct Reached {
    pub(super) members: Vec<Member>,
    pub(super) failures: Failures,
}

impl Reached {
    /// Reads the kubeconfigs. One that cannot be used is a failure of its cluster alone. Makes clients,
    /// which need a runtime to be running.
    pub(super) fn new(dir: &Path, allowed: &Allowed, which: &Which) -> anyhow::Result<Self> {
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
        let mut reached = Self { members: Vec::new(), failures: Failures::default() };
        for name in names {
            match member(&credentials, &name, &there) {
                Ok(member) => reached.members.push(member),
                Err(fault) => reached.failures.add(&name, fault),
            }
        }
        Ok(reached)
    }
}

fn member(
    credentials: &Credentials,
    name: &ClusterName,
    there: &BTreeSet<ClusterName>,
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
    Ok(Member { name: name.clone(), namespace, api: Api::new(client) })
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
    let asked = stream::iter(members).map(|member| {
        let answer = ask(member);
        async move { (member, answer.await) }
    });
    let answers: Vec<_> = asked.buffered(AT_ONCE_MAX).collect().await;
    let mut good = Vec::new();
    for (member, answer) in answers {
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

/// Says that what was typed cannot be meant, as the parser of the command line does, and ends.
pub(super) fn misuse(told: impl std::fmt::Display) -> ! {
    super::Cli::command().error(ErrorKind::ArgumentConflict, told).exit();
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
}
