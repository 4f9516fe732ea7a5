//! How `join` and `unjoin` reach a cluster as the person who runs them, and what they leave for the fleet.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::results::stored;
use super::unreadable;
use crate::api::cluster::Cluster;
use crate::api::names::ClusterName;
use crate::daemon::credentials::{Credentials, Replace};
use crate::daemon::ledger::{Ledger, Recorded};
use crate::daemon::{Fault, chain};
use crate::member::account::{self, AccountError};
use crate::member::kubeconfig::{self, Allow, KubeconfigError, Server};
use crate::member::wire::Api;
use crate::member::{Identity, which};

/// What is a kubeconfig's own: the files that it names, and nothing that runs.
const PERSON: Allow = Allow {
    exec: false,
    files: true,
    insecure_tls: false,
    plain_http: false,
    impersonation: false,
};

/// A cluster, as a person reaches it.
pub(super) struct Reached {
    pub(super) api: Api,
    pub(super) server: Server,
    /// Uid of its `kube-system`.
    pub(super) uid: String,
}

/// Reads a person's kubeconfig, and asks the cluster which one it is.
pub(super) async fn reach(path: &Path, context: Option<&str>) -> anyhow::Result<Reached> {
    let text = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    let refused = |error: KubeconfigError| {
        let hint = match &error {
            KubeconfigError::Exec { .. } | KubeconfigError::AuthProvider { .. } => {
                "have its program do its work once: `kubectl create token ACCOUNT --namespace NAMESPACE` for an account that \
                 may do everything, and give a kubeconfig with that token; it is used for this command only"
                    .to_owned()
            }
            KubeconfigError::Insecure { .. } => {
                "give `certificate-authority-data`: what is written for the fleet checks whom it talks to".to_owned()
            }
            KubeconfigError::Http { .. } => "use https".to_owned(),
            KubeconfigError::Impersonate { .. } => "use a user who may do it without acting as another one".to_owned(),
            other => other.hint().to_owned(),
        };
        let text = format!("the kubeconfig {} is refused", path.display());
        Fault::new(error.code(), text, hint).because(&error)
    };
    let mut config = kubeconfig::parse_context(&text, context, PERSON).map_err(refused)?;
    let dir = path.parent().unwrap_or(Path::new("."));
    kubeconfig::read_files(&mut config, dir).map_err(|(path, error)| unreadable(&path, &error))?;
    let server = Server::of(&config);
    let (api, uid) = ask(config).await?;
    Ok(Reached { api, server, uid })
}

/// By which uid a registered cluster is known: that of its registration, or else the one that is recorded; empty if
/// nobody has asked it yet.
pub(super) fn known_uid(
    ledger: &Ledger,
    recorded: &Recorded,
    name: &ClusterName,
    registered: &Cluster,
) -> anyhow::Result<String> {
    let file = format!("clusters/{name}.yaml");
    if !registered.spec.id.is_empty() || !recorded.has(&file) {
        return Ok(registered.spec.id.clone());
    }
    let state: Value = stored(ledger, recorded, &file)?;
    Ok(state["status"]["id"].as_str().unwrap_or_default().to_owned())
}

async fn ask(config: kube::Config) -> anyhow::Result<(Api, String)> {
    let url = config.cluster_url.to_string();
    let client = kube::Client::try_from(config).map_err(|error| {
        let text = "no client can be made from the kubeconfig";
        let hint = "see the message: a key or certificate in it cannot be read";
        Fault::new("KUBECONFIG_CLIENT", text, hint).because(&error)
    })?;
    let api = Api::new(client);
    let failed = |text: String| {
        Fault::new(
            "JOIN_CLUSTER",
            text,
            "see the message; then run it again: it goes on where it stopped",
        )
    };
    match which(&api).await {
        Ok(Identity::Uid(uid)) => Ok((api, uid)),
        Ok(Identity::Hidden) => {
            let text =
                format!("{url} does not show its Namespace kube-system, by whose uid it is known");
            let hint = "use a kubeconfig that may read it, as an administrator's";
            Err(Fault::new("CLUSTER_IDENTITY_HIDDEN", text, hint).into())
        }
        Err(error) => {
            Err(failed(format!("{url} cannot be asked which cluster it is")).because(&error).into())
        }
    }
}

/// What the account's part cannot do, in words.
pub(super) fn account_fault(error: &AccountError) -> Fault {
    let (code, hint) = match error {
        AccountError::Object { .. } => (
            "JOIN_CLUSTER",
            "see the message: it takes who may do everything in the cluster; then run it again: it goes on where it stopped",
        ),
        AccountError::Foreign { .. } => (
            "JOIN_OTHER_NAME",
            "join it under that name, or `git fleet unjoin` that one first, in the fleet that has it",
        ),
        AccountError::OtherFleet { .. } => (
            "JOIN_OTHER_FLEET",
            "a cluster is a member of one fleet: take it out of that one first, by `git fleet unjoin` there; if that fleet is \
             no more, or its history was rewritten, take the annotation git-fleet.io/fleet off the ServiceAccount \
             git-fleet-system/git-fleet",
        ),
        AccountError::Taken { .. } => (
            "JOIN_TAKEN",
            "see what uses it, and give it another name or remove it; or make an account and a kubeconfig yourself",
        ),
        AccountError::NoToken(_) => (
            "JOIN_TOKEN",
            "run the cluster's token controller (kube-controller-manager), or have its API server issue tokens \
             (--service-account-issuer)",
        ),
    };
    Fault::new(code, chain(error), hint)
}

/// Where the fleet's credentials are kept.
#[derive(clap::Args, Debug, Clone)]
#[group(skip)]
pub(super) struct Keep {
    /// Directory of the kubeconfigs, as `git fleet run` has it
    #[arg(long, value_name = "DIR")]
    credentials: Option<PathBuf>,
    /// Secret of the kubeconfigs, in the cluster that the controller runs in, which it has as a volume
    #[arg(
        long,
        value_name = "NAMESPACE/NAME",
        conflicts_with = "credentials",
        requires = "host_kubeconfig",
        value_parser = secret_name
    )]
    credentials_secret: Option<(String, String)>,
    /// Kubeconfig of that cluster
    #[arg(long, value_name = "FILE", requires = "credentials_secret")]
    host_kubeconfig: Option<PathBuf>,
}

fn secret_name(text: &str) -> Result<(String, String), String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {
            Ok((namespace.to_owned(), name.to_owned()))
        }
        _ => Err("write it as NAMESPACE/NAME".to_owned()),
    }
}

impl Keep {
    /// Whether any place is named.
    pub(super) fn is_named(&self) -> bool {
        self.credentials.is_some() || self.credentials_secret.is_some()
    }

    /// Whether the directory has one cluster's kubeconfig.
    pub(super) fn has(&self, cluster: &ClusterName) -> bool {
        let dir = self.credentials.as_ref();
        dir.is_some_and(|dir| Credentials::new(dir, Allow::default()).file(cluster).exists())
    }

    /// Refuses a directory in the work tree of the fleet: what is there is committed by who adds all that is new.
    pub(super) fn refuse_source(
        &self,
        ledger: &Ledger,
        cluster: &ClusterName,
    ) -> anyhow::Result<()> {
        let path = self.credentials.as_ref().map(|dir| dir.join(format!("{cluster}.yaml")));
        let Some(path) = path.filter(|path| ledger.would_commit(path)) else { return Ok(()) };
        let text = format!("{} is in the repository, and would be committed to it", path.display());
        let hint = "name a directory outside of it, or one that git is told to ignore";
        Err(Fault::new("KUBECONFIG_IN_SOURCE", text, hint).into())
    }

    /// The place of one cluster's kubeconfig, in words.
    pub(super) fn told(&self, cluster: &ClusterName) -> String {
        match (&self.credentials, &self.credentials_secret) {
            (Some(dir), _) => {
                Credentials::new(dir, Allow::default()).file(cluster).display().to_string()
            }
            (None, Some((namespace, name))) => {
                format!("{cluster}.yaml of the Secret {namespace}/{name}")
            }
            (None, None) => "nowhere".to_owned(),
        }
    }

    /// Looks where one cluster's kubeconfig goes.
    ///
    /// # Errors
    /// There is one already, and it is not known to lead to this cluster; or the place cannot be reached.
    pub(super) async fn open(
        &self,
        cluster: &ClusterName,
        reached: &Reached,
    ) -> anyhow::Result<Place> {
        if let Some(dir) = &self.credentials {
            let credentials = Credentials::new(dir, PERSON);
            let path = credentials.file(cluster);
            if !path.exists() {
                return Ok(Place::Directory(credentials, Replace::No));
            }
            let what = path.display().to_string();
            let config = credentials.config(cluster);
            let config = config.map_err(|error| unusable(&what, &error))?;
            refuse_other(&what, config, reached).await?;
            return Ok(Place::Directory(credentials, Replace::Yes));
        }
        let secret = self.secret().await?.expect("a place is named");
        if let Some(there) = secret.read(cluster).await? {
            let what = self.told(cluster);
            let config = kubeconfig::parse(&there, PERSON);
            let config = config.map_err(|error| unusable(&what, &error))?;
            refuse_other(&what, config, reached).await?;
        }
        Ok(Place::Secret(secret))
    }

    /// Removes one cluster's kubeconfig; whether there was one.
    pub(super) async fn remove(&self, cluster: &ClusterName) -> anyhow::Result<bool> {
        if let Some(dir) = &self.credentials {
            let removed = Credentials::new(dir, Allow::default()).remove(cluster);
            return Ok(removed.map_err(|error| {
                let text = format!("the credential cannot be removed from {}", dir.display());
                Fault::new("JOIN_CREDENTIAL", text, "remove it by hand").because(&error)
            })?);
        }
        let Some(secret) = self.secret().await? else { return Ok(false) };
        let is_there = secret.read(cluster).await?.is_some();
        if is_there {
            secret.put(cluster, None).await?;
        }
        Ok(is_there)
    }

    /// The Secret, in the cluster that the controller runs in.
    async fn secret(&self) -> anyhow::Result<Option<Secret>> {
        let (Some((namespace, name)), Some(path)) =
            (&self.credentials_secret, &self.host_kubeconfig)
        else {
            return Ok(None);
        };
        let host = reach(path, None).await?;
        Ok(Some(Secret { api: host.api, namespace: namespace.clone(), name: name.clone() }))
    }
}

/// Where a credential goes: whatever may hinder that is known before anything is made in the cluster.
pub(super) enum Place {
    Directory(Credentials, Replace),
    Secret(Secret),
}

impl Place {
    /// Writes one cluster's kubeconfig.
    pub(super) async fn write(&self, cluster: &ClusterName, content: &[u8]) -> anyhow::Result<()> {
        match self {
            Self::Directory(credentials, replace) => {
                credentials.write(cluster, content, *replace).map_err(|error| {
                    let path = credentials.file(cluster);
                    let text = format!("the credential cannot be written to {}", path.display());
                    let hint = "name a directory that this user may write; then run it again: it goes on where it stopped";
                    Fault::new("JOIN_CREDENTIAL", text, hint).because(&error)
                })?;
                Ok(())
            }
            Self::Secret(secret) => secret.put(cluster, Some(content)).await,
        }
    }
}

/// A Secret that holds kubeconfigs.
pub(super) struct Secret {
    api: Api,
    namespace: String,
    name: String,
}

impl Secret {
    async fn read(&self, cluster: &ClusterName) -> anyhow::Result<Option<Vec<u8>>> {
        let place = (&*self.namespace, &*self.name);
        let read = account::credential(&self.api, place, &format!("{cluster}.yaml")).await;
        Ok(read.map_err(|error| account_fault(&error))?)
    }

    async fn put(&self, cluster: &ClusterName, content: Option<&[u8]>) -> anyhow::Result<()> {
        let (place, key) = ((&*self.namespace, &*self.name), format!("{cluster}.yaml"));
        let put = account::put_credential(&self.api, place, &key, content).await;
        Ok(put.map_err(|error| account_fault(&error))?)
    }
}

/// Refuses the credential `what` if it does not lead to this cluster.
async fn refuse_other(what: &str, config: kube::Config, reached: &Reached) -> anyhow::Result<()> {
    if Server::of(&config).url == reached.server.url {
        return Ok(());
    }
    match ask(config).await {
        Ok((_, uid)) if uid == reached.uid => Ok(()),
        Ok((_, uid)) => Err(in_the_way(what, &format!("leads to the cluster {uid}"))),
        Err(error) => {
            let why = format!("it is not known where it leads: {}", chain(error.as_ref()));
            Err(in_the_way(what, &why))
        }
    }
}

fn unusable(what: &str, error: &(dyn std::error::Error + 'static)) -> anyhow::Error {
    in_the_way(what, &format!("cannot be used: {}", chain(error)))
}

fn in_the_way(what: &str, why: &str) -> anyhow::Error {
    let text = format!("{what} is there already, and {why}");
    Fault::new("JOIN_CREDENTIAL", text, "move it away if it is of no use any more").into()
}
