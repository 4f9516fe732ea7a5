//! How `join` and `unjoin` reach a cluster as the person who runs them, and what they leave for the fleet.

use std::path::{Path, PathBuf};

use super::unreadable;
use crate::api::names::ClusterName;
use crate::daemon::credentials::{Credentials, Replace};
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

    /// Refuses to write over what leads to another cluster.
    pub(super) async fn check(
        &self,
        cluster: &ClusterName,
        reached: &Reached,
    ) -> anyhow::Result<()> {
        let Some(dir) = &self.credentials else { return Ok(()) };
        let credentials = Credentials::new(dir, PERSON);
        let path = credentials.file(cluster);
        if !path.exists() {
            return Ok(());
        }
        let other = |why: String| {
            let text = format!("{} is there already, and {why}", path.display());
            let hint = "move it away if it is of no use any more";
            anyhow::Error::from(Fault::new("JOIN_CREDENTIAL", text, hint))
        };
        let config = credentials.config(cluster);
        let config = config.map_err(|error| other(format!("cannot be used: {}", chain(&error))))?;
        if Server::of(&config).url == reached.server.url {
            return Ok(());
        }
        match ask(config).await {
            Ok((_, uid)) if uid == reached.uid => Ok(()),
            Ok((_, uid)) => Err(other(format!("leads to the cluster {uid}"))),
            Err(error) => {
                Err(other(format!("it is not known where it leads: {}", chain(error.as_ref()))))
            }
        }
    }

    /// Writes one cluster's kubeconfig.
    pub(super) async fn write(&self, cluster: &ClusterName, content: &[u8]) -> anyhow::Result<()> {
        if let Some(dir) = &self.credentials {
            let credentials = Credentials::new(dir, Allow::default());
            let replace =
                if credentials.file(cluster).exists() { Replace::Yes } else { Replace::No };
            credentials.write(cluster, content, replace).map_err(|error| {
                let text = format!("the credential cannot be written to {}", dir.display());
                let hint = "name a directory that this user may write; then run it again: it goes on where it stopped";
                Fault::new("JOIN_CREDENTIAL", text, hint).because(&error)
            })?;
        }
        self.put(cluster, Some(content)).await
    }

    /// Removes one cluster's kubeconfig.
    pub(super) async fn remove(&self, cluster: &ClusterName) -> anyhow::Result<()> {
        if let Some(dir) = &self.credentials {
            Credentials::new(dir, Allow::default()).remove(cluster).map_err(|error| {
                let text = format!("the credential cannot be removed from {}", dir.display());
                Fault::new("JOIN_CREDENTIAL", text, "remove it by hand").because(&error)
            })?;
        }
        self.put(cluster, None).await
    }

    async fn put(&self, cluster: &ClusterName, content: Option<&[u8]>) -> anyhow::Result<()> {
        let (Some((namespace, name)), Some(path)) =
            (&self.credentials_secret, &self.host_kubeconfig)
        else {
            return Ok(());
        };
        let host = reach(path, None).await?;
        let key = format!("{cluster}.yaml");
        account::put_credential(&host.api, (namespace, name), &key, content)
            .await
            .map_err(|error| account_fault(&error))?;
        Ok(())
    }
}
