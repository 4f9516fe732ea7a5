//! Moves refs by compare-and-swap: every move names the exact id that it replaces.
//!
//! Order of one publication, where a backend cannot move all at once: results, then work, then
//! notes ([`Role`](super::refs::Role)'s order; the caller gives it, we keep it). Results are the
//! record that a restart reads, so an executor never sees work that the record does not hold; work
//! refs that lag behind are made to follow when the loop runs again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use git2::ErrorCode;

use crate::api::names::ObjectId;

use super::error::PublishError;
use super::refs::RefName;
use super::repository::{Store, oid};

/// How long to wait for a lock: git itself holds one for milliseconds, a hook for a second or two.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(3);

/// Pause between two tries of a lock.
const LOCK_PAUSE: Duration = Duration::from_millis(2);

/// One ref to move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// The ref.
    pub name: RefName,
    /// Where it must point now; `None`: it must not exist.
    pub old: Option<ObjectId>,
    /// Where it is to point; `None` deletes it.
    pub new: Option<ObjectId>,
}

impl Store {
    /// Moves `updates`, in this order, if every one of them is where its `old` says.
    ///
    /// In a local repository all are locked and compared before the first moves. A remote gets one
    /// atomic push. Refs of several [`Lane`](super::routes::Lane)s go lane by lane, and the first
    /// that fails ends it. A ref that already is where `new` says counts as moved: publishing again after
    /// a crash or an unknown outcome is harmless.
    pub fn publish(&self, updates: &[RefUpdate]) -> Result<(), PublishError> {
        let mut by_lane: BTreeMap<_, Vec<RefUpdate>> = BTreeMap::new();
        for update in updates {
            by_lane.entry(self.lane(&update.name)).or_default().push(update.clone());
        }
        for updates in by_lane.values() {
            match self.remote_of(&updates[0].name) {
                Some(remote) => remote.publish(self, updates)?,
                None => self.publish_in_place(updates)?,
            }
        }
        Ok(())
    }

    fn publish_in_place(&self, updates: &[RefUpdate]) -> Result<(), PublishError> {
        let _journal = Journal::open(self.common_dir(), updates)?;
        self.with(|repository| {
            let fail = |name: &RefName, source| {
                PublishError::write(name.to_string(), self.common_dir(), source)
            };
            let deadline = Instant::now() + LOCK_WAIT_MAX;
            // Locked by name, moved in the caller's order: two writers never wait for each other.
            let mut by_name: Vec<&RefUpdate> = updates.iter().collect();
            by_name.sort_by(|a, b| a.name.cmp(&b.name));
            let mut locks = BTreeMap::new();
            for update in by_name {
                let mut lock = repository.transaction().map_err(|e| fail(&update.name, e))?;
                loop {
                    match lock.lock_ref(update.name.as_str()) {
                        Ok(()) => break,
                        Err(error) if error.code() != ErrorCode::Locked => {
                            return Err(fail(&update.name, error));
                        }
                        Err(_) if Instant::now() >= deadline => {
                            return Err(PublishError::Locked { name: update.name.clone() });
                        }
                        Err(_) => std::thread::sleep(LOCK_PAUSE),
                    }
                }
                locks.insert(&update.name, lock);
            }
            let mut to_move = Vec::with_capacity(updates.len());
            for update in updates {
                let actual = self.read_ref_at(update.name.as_str())?;
                if actual == update.new {
                    continue;
                }
                if actual != update.old {
                    let (name, expected) = (update.name.clone(), update.old);
                    return Err(PublishError::Moved { name, expected, actual });
                }
                to_move.push(update);
            }
            let signature =
                git2::Signature::new("git-fleet", "git-fleet@localhost", &git2::Time::new(0, 0))
                    .expect("name and address are well-formed");
            for (n_moved, update) in to_move.iter().enumerate() {
                let name = &update.name;
                let mut lock = locks.remove(name).expect("every update was locked, names differ");
                let set = match update.new {
                    Some(new) => {
                        lock.set_target(name.as_str(), oid(new), Some(&signature), "git-fleet")
                    }
                    None => lock.remove(name.as_str()),
                };
                if let Err(source) = set.and_then(|()| lock.commit()) {
                    let source = fail(name, source);
                    return Err(match n_moved {
                        0 => source,
                        _ => PublishError::Partial {
                            name: name.clone(),
                            n_moved,
                            n_refs: to_move.len(),
                            source: Box::new(source),
                        },
                    });
                }
            }
            Ok(())
        })
    }
}

/// Says which refs a publication is about to lock, for as long as it lasts.
///
/// A killed process leaves its `.lock` files behind, and git would then refuse the ref for ever.
/// The journal is held by a file lock, which the system frees with the process: who gets it and
/// finds names in it knows that their owner is dead, and removes the locks that it left.
struct Journal {
    file: File,
}

impl Journal {
    fn open(common_dir: &Path, updates: &[RefUpdate]) -> Result<Self, PublishError> {
        let path = common_dir.join("git-fleet.publish");
        let fail = |source| PublishError::write_file(&path, source);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(fail)?;
        let deadline = Instant::now() + LOCK_WAIT_MAX;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(std::fs::TryLockError::Error(source)) => return Err(fail(source)),
                Err(std::fs::TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(PublishError::Locked { name: updates[0].name.clone() });
                }
                Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            }
        }
        let mut left = String::new();
        file.read_to_string(&mut left).map_err(fail)?;
        if !left.is_empty() {
            remove_stale_locks(common_dir, &file, &left).map_err(fail)?;
        }
        let names: Vec<&str> = updates.iter().map(|update| update.name.as_str()).collect();
        file.set_len(0).and_then(|()| file.rewind()).map_err(fail)?;
        file.write_all(names.join("\n").as_bytes()).map_err(fail)?;
        Ok(Self { file })
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // When this fails the next publication looks for stale locks and finds none.
        let _emptied = self.file.set_len(0);
    }
}

/// Removes the locks of the refs named in `left`. One older than the journal is not its writer's,
/// so it is somebody else's and stays.
fn remove_stale_locks(common_dir: &Path, journal: &File, left: &str) -> std::io::Result<()> {
    let written = journal.metadata()?.modified()?;
    for line in left.lines() {
        let Ok(name) = RefName::new(line) else { continue };
        let lock: PathBuf = common_dir.join(format!("{name}.lock"));
        let Ok(metadata) = lock.metadata() else { continue };
        if metadata.modified()? >= written {
            std::fs::remove_file(&lock)?;
            tracing::warn!(lock = %lock.display(), "removed the lock of a publication that was killed");
        }
    }
    Ok(())
}
