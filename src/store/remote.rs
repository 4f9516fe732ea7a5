//! A remote: our bare clone of it, fetch, and push with leases.
//!
//! The clone keeps what the remote last said below `refs/remote/`; the outcome of a push is what
//! the remote's refs say afterwards, never what its rejection says.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::api::names::ObjectId;

use super::error::{FetchError, GitError, PublishError, StoreError};
use super::location::RemoteUrl;
use super::publish::RefUpdate;
use super::refs::RefName;
use super::repository::{Store, oid};
use super::routes::Lane;
use super::wire::{Git, Output, clone_dir, listed, url_digest};

/// How often the refs are read after a push whose outcome is not known, before giving up.
const READS_AFTER_PUSH_MAX: usize = 2;

/// The words of our own git when the server offers no atomic push: not a rejection.
const NO_ATOMIC: &str = "does not support --atomic push";

/// The remote of a clone.
pub(super) struct Remote {
    url: RemoteUrl,
    dir: PathBuf,
    git: Git,
    has_atomic_push: Cell<bool>,
    /// Where our repository keeps the remote's `refs/`.
    tracking: String,
}

impl Remote {
    /// Where a clone keeps the `refs/` of the remote that it is a clone of.
    pub(super) const TRACKING: &str = "refs/remote/";

    /// The name under which our repository keeps what the remote said of `name`.
    pub(super) fn tracking(&self, name: &RefName) -> String {
        name.as_str().replacen("refs/", &self.tracking, 1)
    }

    pub(super) fn url(&self) -> &RemoteUrl {
        &self.url
    }

    /// Another remote of the repository at `dir`; contacts nobody.
    pub(super) fn beside(
        url: &RemoteUrl,
        dir: &Path,
        git_program: &OsStr,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            url: url.clone(),
            dir: dir.to_owned(),
            git: Git::at(git_program)?,
            has_atomic_push: Cell::new(true),
            tracking: format!("refs/remote-{}/", url_digest(url.as_str()).short()),
        })
    }

    /// Finds the program and prepares the clone; contacts nobody. A clone that cannot be opened is
    /// set aside: everything in it can be fetched again.
    pub(super) fn prepare(
        url: &RemoteUrl,
        state_dir: &Path,
        git_program: &OsStr,
    ) -> Result<(Self, PathBuf), StoreError> {
        let git = Git::at(git_program)?;
        let dir = clone_dir(state_dir, url.as_str());
        let fail = |source| StoreError::State { path: dir.clone(), source };
        if dir.exists() && git2::Repository::open_bare(&dir).is_err() {
            let aside = dir.with_extension(format!("damaged-{}", std::process::id()));
            tracing::warn!(clone = %dir.display(), "the clone is damaged: it is set aside and fetched again");
            std::fs::rename(&dir, aside).map_err(fail)?;
        }
        if !dir.exists() {
            std::fs::create_dir_all(state_dir).map_err(fail)?;
            init(&dir).map_err(|source| StoreError::Open { path: dir.clone(), source })?;
        }
        let remote = Self {
            url: url.clone(),
            dir: dir.clone(),
            git,
            has_atomic_push: Cell::new(true),
            tracking: Self::TRACKING.to_owned(),
        };
        Ok((remote, dir))
    }

    /// Fetches exactly these refs. One that the remote does not have is forgotten here too.
    fn fetch(&self, store: &Store, names: &[RefName]) -> Result<(), FetchError> {
        let output = self.run_fetch(names)?;
        if output.is_success {
            return Ok(());
        }
        // One missing ref fails the whole fetch, so ask what there is; a second failure is real.
        let have = self.list(names)?;
        let (there, gone): (Vec<_>, Vec<_>) =
            names.iter().cloned().partition(|name| have.contains_key(name));
        for name in &gone {
            store
                .track(name, None)
                .map_err(|source| StoreError::ReadRef { name: name.to_string(), source })?;
        }
        if there.is_empty() {
            return Ok(());
        }
        let output = self.run_fetch(&there)?;
        if output.is_success { Ok(()) } else { Err(self.failed("fetch from", &output).into()) }
    }

    fn run_fetch(&self, names: &[RefName]) -> Result<Output, GitError> {
        let options = [
            "fetch",
            "--progress",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--no-auto-maintenance",
            "--",
            self.url.as_str(),
        ];
        let refspecs = names.iter().map(|name| format!("+{name}:{}", self.tracking(name)));
        let arguments = options.into_iter().map(str::to_owned).chain(refspecs);
        self.git.run(&self.dir, "fetch from", self.url.as_str(), arguments)
    }

    /// Where the remote's refs with these names point.
    fn list(&self, names: &[RefName]) -> Result<BTreeMap<RefName, ObjectId>, GitError> {
        let patterns = names.iter().map(|name| name.as_str().to_owned());
        self.list_matching(patterns)
    }

    fn list_matching(
        &self,
        patterns: impl Iterator<Item = String>,
    ) -> Result<BTreeMap<RefName, ObjectId>, GitError> {
        let options = ["ls-remote", "--refs", "--", self.url.as_str()].map(str::to_owned);
        let arguments = options.into_iter().chain(patterns);
        let output = self.git.run(&self.dir, "list", self.url.as_str(), arguments)?;
        if !output.is_success {
            return Err(self.failed("list", &output));
        }
        Ok(listed(&output))
    }

    /// Pushes `updates` in one atomic push where the server has it, else one by one in their order.
    pub(super) fn publish(&self, store: &Store, updates: &[RefUpdate]) -> Result<(), PublishError> {
        if self.has_atomic_push.get() {
            let output = self.push(updates, Atomic::Yes)?;
            if output.is_success || !output.text().contains(NO_ATOMIC) {
                return self.settle(store, updates, &output);
            }
            self.has_atomic_push.set(false);
        }
        for (n_moved, update) in updates.iter().enumerate() {
            let one = std::slice::from_ref(update);
            let output = self.push(one, Atomic::No)?;
            if let Err(source) = self.settle(store, one, &output) {
                return Err(match n_moved {
                    0 => source,
                    _ => PublishError::Partial {
                        name: update.name.clone(),
                        n_moved,
                        n_refs: updates.len(),
                        source: Box::new(source),
                    },
                });
            }
        }
        Ok(())
    }

    /// Runs one push; a stall is an outcome that is not known, like any other failure.
    fn push(&self, updates: &[RefUpdate], atomic: Atomic) -> Result<Output, PublishError> {
        let mut arguments: Vec<String> =
            ["push", "--progress", "--no-verify", "--no-signed"].map(str::to_owned).into();
        if atomic == Atomic::Yes {
            arguments.push("--atomic".to_owned());
        }
        let text = |id: Option<ObjectId>| id.map_or_else(String::new, |id| id.to_string());
        for update in updates {
            arguments.push(format!("--force-with-lease={}:{}", update.name, text(update.old)));
        }
        arguments.extend(["--".to_owned(), self.url.as_str().to_owned()]);
        for update in updates {
            arguments.push(format!("{}:{}", text(update.new), update.name));
        }
        match self.git.run(&self.dir, "push to", self.url.as_str(), arguments) {
            Ok(output) => Ok(output),
            Err(GitError::Stalled { .. }) => {
                let stderr = b"the push stalled".to_vec();
                Ok(Output { is_success: false, stdout: Vec::new(), stderr })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Says what became of a push by reading the refs, unless git said that it went well.
    fn settle(
        &self,
        store: &Store,
        updates: &[RefUpdate],
        output: &Output,
    ) -> Result<(), PublishError> {
        if !output.is_success {
            let actual = self.list_after_push(updates)?;
            let wrong = |update: &&RefUpdate| actual.get(&update.name).copied() != update.new;
            if updates.iter().any(|update| wrong(&update)) {
                for update in updates {
                    let actual = actual.get(&update.name).copied();
                    if actual != update.old && actual != update.new {
                        let (name, expected) = (update.name.clone(), update.old);
                        return Err(PublishError::Moved { name, expected, actual });
                    }
                }
                let moved = updates.iter().find(|update| {
                    update.old != update.new && actual.get(&update.name).copied() == update.new
                });
                return match (moved, updates.iter().find(wrong)) {
                    // A part is there already, say from before a crash: only the rest is pushed.
                    (Some(_), Some(_)) => {
                        let rest: Vec<RefUpdate> = updates.iter().filter(wrong).cloned().collect();
                        self.publish(store, &rest)
                    }
                    _ => Err(PublishError::Refused {
                        remote: self.url.to_string(),
                        text: output.text(),
                    }),
                };
            }
        }
        for update in updates {
            store.track(&update.name, update.new).map_err(|source| {
                PublishError::write(update.name.to_string(), &self.dir, source)
            })?;
        }
        Ok(())
    }

    fn list_after_push(
        &self,
        updates: &[RefUpdate],
    ) -> Result<BTreeMap<RefName, ObjectId>, PublishError> {
        let names: Vec<RefName> = updates.iter().map(|update| update.name.clone()).collect();
        let mut read = self.list(&names);
        for _ in 1..READS_AFTER_PUSH_MAX {
            if read.is_ok() {
                break;
            }
            read = self.list(&names);
        }
        let remote = self.url.to_string();
        read.map_err(|source| PublishError::Unknown { remote, source })
    }

    fn failed(&self, what: &'static str, output: &Output) -> GitError {
        GitError::Failed { what, remote: self.url.to_string(), text: output.text() }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Atomic {
    Yes,
    No,
}

impl Store {
    /// Brings exactly these refs and their history from the remote; nothing to do for a local
    /// repository. A ref that the remote does not have reads as `None` afterwards.
    pub fn fetch(&self, names: &[RefName]) -> Result<(), FetchError> {
        let mut by_lane: BTreeMap<Lane, Vec<RefName>> = BTreeMap::new();
        for name in names {
            by_lane.entry(self.lane(name)).or_default().push(name.clone());
        }
        let mut outcome = Ok(());
        for names in by_lane.values() {
            let Some(remote) = self.remote_of(&names[0]) else { continue };
            // One remote that is away is no reason to leave the others out.
            outcome = outcome.and(remote.fetch(self, names));
        }
        outcome
    }

    /// Where every ref below `prefix` (e.g. `refs/heads/fleet/status/`) points now, at the source's
    /// remote or here. Brings no objects.
    pub fn list_refs(&self, prefix: &str) -> Result<BTreeMap<RefName, ObjectId>, FetchError> {
        match &self.remote {
            Some(remote) => Ok(remote.list_matching(std::iter::once(format!("{prefix}*")))?),
            None => Ok(self.refs(prefix)?.into_iter().collect()),
        }
    }

    /// Remembers where the remote's `name` points.
    fn track(&self, name: &RefName, id: Option<ObjectId>) -> Result<(), git2::Error> {
        let tracking = self.local_name(name);
        self.with(|repository| match id {
            Some(id) => repository.reference(&tracking, oid(id), true, "git-fleet").map(drop),
            None => match repository.find_reference(&tracking) {
                Ok(mut reference) => reference.delete(),
                Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(()),
                Err(error) => Err(error),
            },
        })
    }
}

/// Makes an empty bare repository that nobody tidies up behind our back and that survives a crash:
/// a commit that was decided is on disk before it is acted upon.
fn init(dir: &Path) -> Result<(), git2::Error> {
    let mut options = git2::RepositoryInitOptions::new();
    options.bare(true).no_reinit(true).external_template(false);
    let repository = git2::Repository::init_opts(dir, &options)?;
    let mut config = repository.config()?;
    config.set_i32("gc.auto", 0)?;
    config.set_bool("maintenance.auto", false)?;
    config.set_bool("core.fsyncObjectFiles", true)?;
    config.set_bool("transfer.fsckObjects", true)?;
    config.set_str("core.hooksPath", "/dev/null")
}
