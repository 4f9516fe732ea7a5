//! The operator's directory of kubeconfigs: one file a cluster.
//!
//! Credentials come from here and from nowhere else; above all never from the repository. Only the
//! file named after the cluster is looked at, so a cluster's name is all that the repository
//! contributes, and that is a checked RFC 1123 label.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Fault;
use crate::api::names::ClusterName;
use crate::member::kubeconfig::{self, Allow, KubeconfigError};

/// File names tried for cluster `eu`: `eu.yaml`, `eu.kubeconfig`, `eu.conf`, `eu`.
const ENDINGS: [&str; 4] = [".yaml", ".kubeconfig", ".conf", ""];

/// A directory of kubeconfigs and what they are allowed to contain.
#[derive(Clone, Debug)]
pub struct Credentials {
    dir: PathBuf,
    allow: Allow,
}

/// What tells one state of a cluster's file from another: which file it is, its size and the time
/// of its last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialsState(Option<(PathBuf, u64, Option<std::time::SystemTime>)>);

/// Whether a file may take the place of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// It may.
    Yes,
    /// There must be none.
    No,
}

/// Why a cluster has no usable credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// There is no file for it.
    #[error("no kubeconfig for cluster {cluster} in {}", dir.display())]
    Missing {
        /// The cluster.
        cluster: ClusterName,
        /// The directory.
        dir: PathBuf,
    },
    /// The file cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds what we refuse.
    #[error("the kubeconfig {} is refused", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KubeconfigError,
    },
}

impl CredentialsError {
    /// It in words: the stable code, the causes, what to do.
    #[must_use]
    pub fn told(&self) -> Fault {
        let (code, hint) = match self {
            Self::Missing { cluster, .. } => {
                ("CREDENTIALS_MISSING", format!("put one there as {cluster}.yaml"))
            }
            Self::Read { .. } => (
                "CONFIG_READ",
                "check that it is a file and that its mode lets this user read it".to_owned(),
            ),
            Self::Refused { source, .. } => (source.code(), source.hint().to_owned()),
        };
        Fault::new(code, super::chain(self), hint)
    }
}

impl Credentials {
    /// The credentials in `dir`.
    #[must_use]
    pub fn new(dir: &Path, allow: Allow) -> Self {
        Self { dir: dir.to_owned(), allow }
    }

    /// The state of one cluster's file: it differs when the file was replaced, came or went.
    #[must_use]
    pub fn state(&self, cluster: &ClusterName) -> CredentialsState {
        let found = ENDINGS.iter().find_map(|ending| {
            let path = self.dir.join(format!("{cluster}{ending}"));
            let metadata = std::fs::metadata(&path).ok()?;
            Some((path, metadata.len(), metadata.modified().ok()))
        });
        CredentialsState(found)
    }

    /// The cluster's file: the one that is looked at, or the one to write if there is none.
    #[must_use]
    pub fn file(&self, cluster: &ClusterName) -> PathBuf {
        match self.state(cluster) {
            CredentialsState(Some((path, ..))) => path,
            CredentialsState(None) => self.dir.join(format!("{cluster}{}", ENDINGS[0])),
        }
    }

    /// Writes the cluster's file, for this user alone, and makes the directory if it is not there. Whoever reads
    /// the file meanwhile finds all of the old one or all of the new one.
    ///
    /// # Errors
    /// It cannot be written; [`ErrorKind::AlreadyExists`](std::io::ErrorKind::AlreadyExists): it is to be new, and
    /// somebody else has just made one.
    pub fn write(
        &self,
        cluster: &ClusterName,
        content: &[u8],
        replace: Replace,
    ) -> std::io::Result<PathBuf> {
        use std::io::Write as _;
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        let path = self.file(cluster);
        // It is made anew, readable for this user alone, and has no name that is looked for: what an
        // interrupted one has left is in nobody's way.
        let prefix = format!(".{cluster}.");
        let mut file = tempfile::Builder::new().prefix(&prefix).tempfile_in(&self.dir)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        match replace {
            Replace::Yes => file.persist(&path)?,
            Replace::No => file.persist_noclobber(&path)?,
        };
        Ok(path)
    }

    /// Removes the cluster's file; whether there was one.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove(&self, cluster: &ClusterName) -> std::io::Result<bool> {
        match std::fs::remove_file(self.file(cluster)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The clusters that have a file here. Files that cannot be named after a cluster are none.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn clusters(&self) -> Result<BTreeSet<ClusterName>, CredentialsError> {
        let unreadable = |source| CredentialsError::Read { path: self.dir.clone(), source };
        let mut clusters = BTreeSet::new();
        for entry in std::fs::read_dir(&self.dir).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            // The empty ending is the last one: a file without any other is the cluster's name itself.
            let stem = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending));
            // A symbolic link counts as what it leads to: Secrets are mounted as such.
            if path.is_file() {
                clusters.extend(stem.and_then(|stem| ClusterName::new(stem).ok()));
            }
        }
        Ok(clusters)
    }

    /// The client configuration for one cluster, read anew each time: a rotated token is found.
    ///
    /// # Errors
    /// There is no file, it cannot be read, or it contains what is refused.
    pub fn config(&self, cluster: &ClusterName) -> Result<kube::Config, CredentialsError> {
        for ending in ENDINGS {
            let path = self.dir.join(format!("{cluster}{ending}"));
            match std::fs::read(&path) {
                Ok(text) => {
                    return kubeconfig::parse(&text, self.allow)
                        .map_err(|source| CredentialsError::Refused { path, source });
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(source) => return Err(CredentialsError::Read { path, source }),
            }
        }
        Err(CredentialsError::Missing { cluster: cluster.clone(), dir: self.dir.clone() })
    }
}
