//! What a repository that is opened in place knows of those that it fetches from.

use git2::{Direction, ErrorCode};

use super::error::{GitError, StoreError};
use super::refs::RefName;
use super::repository::Store;
use super::wire::{Git, listed};
use crate::api::names::ObjectId;

/// A remote of the repository's own configuration, as `git remote -v` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    name: String,
    url: String,
}

impl Upstream {
    /// Its name in the repository, e.g. `origin`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address, without any credentials in it.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Store {
    /// The repositories that this one fetches from, by name.
    ///
    /// # Errors
    /// The repository's configuration cannot be read.
    pub fn upstreams(&self) -> Result<Vec<Upstream>, StoreError> {
        let fail = |source| StoreError::ReadRef { name: "the remotes".to_owned(), source };
        self.with(|repository| {
            let mut upstreams = Vec::new();
            for name in repository.remotes().map_err(fail)?.iter().flatten().flatten() {
                let remote = repository.find_remote(name).map_err(fail)?;
                let Ok(url) = remote.url() else { continue };
                upstreams.push(Upstream { name: name.to_owned(), url: without_credentials(url) });
            }
            upstreams.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(upstreams)
        })
    }

    /// The remote that the branch `name` follows, as `git switch` in a clone and `git push -u` set it:
    /// one of [`Store::upstreams`], or an address that has no name.
    ///
    /// # Errors
    /// The repository's configuration cannot be read.
    pub fn upstream_of(&self, name: &RefName) -> Result<Option<Upstream>, StoreError> {
        // Notes follow nobody, and to ask is an error.
        if !name.as_str().starts_with("refs/heads/") {
            return Ok(None);
        }
        let fail = |source| StoreError::ReadRef { name: name.to_string(), source };
        self.with(|repository| {
            let remote = match repository.branch_upstream_remote(name.as_str()) {
                Ok(remote) => remote.as_str().map_err(fail)?.to_owned(),
                Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
                Err(source) => return Err(fail(source)),
            };
            // A dot is the repository itself.
            if remote == "." {
                return Ok(None);
            }
            let url = match repository.find_remote(&remote) {
                Ok(named) => named.url().unwrap_or_default().to_owned(),
                Err(_) => remote.clone(),
            };
            Ok(Some(Upstream { name: remote, url: without_credentials(&url) }))
        })
    }

    /// Whether a fetch from `upstream` moves `name` itself and not a remote-tracking branch, as in what
    /// `git clone --mirror` makes.
    ///
    /// Setting `remote.<name>.mirror` alone is about pushing: such a remote is a backup.
    ///
    /// # Errors
    /// The repository's configuration cannot be read.
    pub fn is_fetched_from(&self, upstream: &Upstream, name: &RefName) -> Result<bool, StoreError> {
        self.with(|repository| match repository.find_remote(&upstream.name) {
            Ok(remote) => Ok(remote.refspecs().any(|refspec| {
                refspec.direction() == Direction::Fetch && refspec.dst_matches(name.as_str())
            })),
            Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => {
                Ok(false)
            }
            Err(source) => Err(StoreError::ReadRef { name: upstream.name.clone(), source }),
        })
    }

    /// Whether a remote may have `name` although no fetch has brought it: the repository is shallow, or
    /// fetches some branches only.
    ///
    /// # Errors
    /// The repository's configuration cannot be read.
    pub fn may_be_elsewhere(&self, name: &RefName) -> Result<bool, StoreError> {
        let upstreams = self.upstreams()?;
        self.with(|repository| {
            let brings = |upstream: &Upstream| {
                let remote = repository.find_remote(&upstream.name);
                remote.is_ok_and(|remote| {
                    remote.refspecs().any(|refspec| {
                        refspec.direction() == Direction::Fetch
                            && refspec.src_matches(name.as_str())
                    })
                })
            };
            let is_all = upstreams.iter().all(brings);
            Ok(!upstreams.is_empty() && (repository.is_shallow() || !is_all))
        })
    }

    /// Where `name` pointed in `upstream` when this repository last fetched it.
    ///
    /// # Errors
    /// The ref cannot be read.
    pub fn read_ref_of(
        &self,
        upstream: &Upstream,
        name: &RefName,
    ) -> Result<Option<ObjectId>, StoreError> {
        self.read_ref_at(&format!("refs/remotes/{}/{}", upstream.name, name.short()))
    }

    /// Asks `upstream` where `name` points now; nothing is fetched.
    ///
    /// # Errors
    /// It is out of reach, or speaks a protocol that the engine does not.
    pub fn ask(&self, upstream: &Upstream, name: &RefName) -> Result<Option<ObjectId>, GitError> {
        // By its name, so that git finds the address, the credentials and the key as it always does.
        let arguments = ["ls-remote", "--refs", "--", &upstream.name, name.as_str()];
        let git = Git::at(self.git_program())?;
        let output = git.run(self.common_dir(), "list", &upstream.url, arguments)?;
        if !output.is_success {
            let remote = upstream.url.clone();
            return Err(GitError::Failed { what: "list", remote, text: output.text() });
        }
        Ok(listed(&output).remove(name))
    }

    /// Whether the branch `name` was made from one of a remote, as `git switch` does in a clone.
    ///
    /// # Errors
    /// The repository's configuration cannot be read.
    pub fn follows_upstream(&self, name: &RefName) -> Result<bool, StoreError> {
        Ok(self.upstream_of(name)?.is_some())
    }
}

fn without_credentials(text: &str) -> String {
    let Ok(mut url) = url::Url::parse(text) else { return text.to_owned() };
    let is_web = matches!(url.scheme(), "http" | "https");
    // Addresses that can have neither have none to take out.
    let _ = url.set_password(None);
    if is_web {
        let _ = url.set_username("");
    }
    url.into()
}
