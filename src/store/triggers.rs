//! Hints that a ref may have moved. A hint is never data: who gets one reads the refs.
//!
//! A local repository is watched (the first event of a push is passed on at once; events that pile
//! up while nobody listens become one hint), a remote is polled with jitter, SIGHUP means "look now".

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, CreateKind};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::refs::RefName;

/// Hints that may wait to be taken; what does not fit becomes one [`Hint::Any`].
const HINTS_WAITING_MAX: usize = 256;

/// How often a watched repository is looked at although nothing was heard: file events can get lost.
const WATCHED_INTERVAL: Duration = Duration::from_secs(30);

/// Longest pause between polls after errors.
const PAUSE_MAX: Duration = Duration::from_mins(5);

/// Most doublings of the pause; more would not change it.
const DOUBLINGS_MAX: u32 = 8;

/// How far a pause is from its mean at most: clients that start together soon ask apart.
const JITTER: f64 = 0.2;

/// What may have happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hint {
    /// This ref may have moved.
    Moved(RefName),
    /// Any ref may have moved.
    Any,
}

/// A repository cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum TriggerError {
    /// The system refuses: too many watches, or the directory is gone.
    #[error("failed to watch {}", path.display())]
    Watch {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: notify::Error,
    },
    /// SIGHUP cannot be listened for.
    #[error("failed to listen for SIGHUP")]
    Signal(#[source] std::io::Error),
}

impl TriggerError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "WATCH_FAILED"
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Watch { .. } => {
                "allow more watches (on Linux `sysctl fs.inotify.max_user_instances` and `max_user_watches`), or name the repository by a file:// URL: then it is asked instead"
            }
            Self::Signal(_) => "see the message: the system is out of something",
        }
    }
}

/// A stream of hints. It never ends, and never lags: what was not taken yet is kept as a set.
pub struct Trigger {
    /// Stops watching when dropped; `None` for a remote.
    _watcher: Option<RecommendedWatcher>,
    moved: Option<mpsc::Receiver<RefName>>,
    /// Set by the watcher when it cannot say what moved.
    any: Arc<AtomicBool>,
    wake: Arc<tokio::sync::Notify>,
    waiting: BTreeSet<RefName>,
    hangup: Signal,
    interval: Duration,
    n_failures: u32,
    next_look: Instant,
}

impl Trigger {
    /// Watches the repository whose [`common_dir`](super::Store::common_dir) this is for those refs
    /// that `wants` says yes to: the engine's own moves are no news to it. Must be called inside a
    /// tokio runtime.
    pub fn watch(
        common_dir: &Path,
        wants: impl Fn(&RefName) -> bool + Send + 'static,
    ) -> Result<Self, TriggerError> {
        let (sender, receiver) = mpsc::channel(HINTS_WAITING_MAX);
        let any = Arc::new(AtomicBool::new(false));
        let wake = Arc::new(tokio::sync::Notify::new());
        let root = common_dir.canonicalize().unwrap_or_else(|_| common_dir.to_owned());
        let listener = Listener {
            root: root.clone(),
            wants,
            sender,
            any: Arc::clone(&any),
            wake: Arc::clone(&wake),
        };
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |source| TriggerError::Watch { path, source }
        };
        let mut watcher =
            notify::recommended_watcher(move |event| listener.hear(event)).map_err(fail(&root))?;
        let heads = root.join("refs").join("heads");
        watcher.watch(&heads, RecursiveMode::Recursive).map_err(fail(&heads))?;
        watcher.watch(&root, RecursiveMode::NonRecursive).map_err(fail(&root))?;
        Self::new(Some(watcher), Some(receiver), any, wake, WATCHED_INTERVAL)
    }

    /// Polls a remote every `interval` or so, at once for the first time. Must be called inside a
    /// tokio runtime.
    pub fn poll(interval: Duration) -> Result<Self, TriggerError> {
        let any = Arc::new(AtomicBool::new(true));
        Self::new(None, None, any, Arc::new(tokio::sync::Notify::new()), interval)
    }

    fn new(
        watcher: Option<RecommendedWatcher>,
        moved: Option<mpsc::Receiver<RefName>>,
        any: Arc<AtomicBool>,
        wake: Arc<tokio::sync::Notify>,
        interval: Duration,
    ) -> Result<Self, TriggerError> {
        Ok(Self {
            _watcher: watcher,
            moved,
            any,
            wake,
            waiting: BTreeSet::new(),
            hangup: signal(SignalKind::hangup()).map_err(TriggerError::Signal)?,
            interval,
            n_failures: 0,
            next_look: Instant::now() + pause(interval, 0, fastrand::f64()),
        })
    }

    /// Waits for the next hint. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Hint {
        loop {
            if let Some(moved) = &mut self.moved {
                while let Ok(name) = moved.try_recv() {
                    self.waiting.insert(name);
                }
            }
            if self.any.swap(false, Ordering::AcqRel) {
                self.waiting.clear();
                self.plan_next_look();
                return Hint::Any;
            }
            if let Some(name) = self.waiting.pop_first() {
                return Hint::Moved(name);
            }
            tokio::select! {
                name = receive(&mut self.moved) => {
                    self.waiting.insert(name);
                }
                () = self.wake.notified() => {}
                _ = self.hangup.recv() => self.any.store(true, Ordering::Release),
                () = tokio::time::sleep_until(self.next_look) => {
                    self.any.store(true, Ordering::Release);
                }
            }
        }
    }

    /// Says that the look after the last hint failed: the next one comes later each time.
    pub fn failed(&mut self) {
        self.n_failures = (self.n_failures + 1).min(DOUBLINGS_MAX);
        self.plan_next_look();
    }

    /// Says that the look after the last hint went well.
    pub fn succeeded(&mut self) {
        if std::mem::take(&mut self.n_failures) > 0 {
            self.plan_next_look();
        }
    }

    fn plan_next_look(&mut self) {
        self.next_look = Instant::now() + pause(self.interval, self.n_failures, fastrand::f64());
    }
}

/// The pause before the next look; `chance` is between 0 and 1.
fn pause(interval: Duration, n_failures: u32, chance: f64) -> Duration {
    let mean = interval.saturating_mul(1 << n_failures).min(PAUSE_MAX.max(interval));
    mean.mul_f64(1.0 - JITTER + 2.0 * JITTER * chance)
}

/// The next ref that the watcher names; never ready without a watcher.
async fn receive(moved: &mut Option<mpsc::Receiver<RefName>>) -> RefName {
    let name = match moved {
        Some(moved) => moved.recv().await,
        None => None,
    };
    match name {
        Some(name) => name,
        None => std::future::pending().await,
    }
}

/// Runs on the watcher's thread.
struct Listener<W> {
    root: PathBuf,
    wants: W,
    sender: mpsc::Sender<RefName>,
    any: Arc<AtomicBool>,
    wake: Arc<tokio::sync::Notify>,
}

impl<W: Fn(&RefName) -> bool> Listener<W> {
    fn hear(&self, event: notify::Result<notify::Event>) {
        let Ok(event) = event else { return self.anything() };
        if event.need_rescan() {
            return self.anything();
        }
        match event.kind {
            // Refs are read all the time; only an end of writing is news.
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => {}
            EventKind::Access(_) => return,
            // A ref may have been written into it before it was watched.
            EventKind::Create(CreateKind::Folder) => return self.anything(),
            _ => {}
        }
        for path in &event.paths {
            let Ok(path) = path.strip_prefix(&self.root) else { continue };
            if path == Path::new("packed-refs") {
                self.anything();
            }
            let Some(name) = path.to_str().and_then(|path| RefName::new(path).ok()) else {
                continue;
            };
            if (self.wants)(&name) && self.sender.try_send(name).is_err() {
                self.anything();
            }
        }
    }

    fn anything(&self) {
        self.any.store(true, Ordering::Release);
        self.wake.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_after_errors_and_stay_bounded() {
        let second = Duration::from_secs(1);
        assert_eq!(pause(second, 0, 0.5), second);
        assert_eq!(pause(second, 3, 0.5), 8 * second);
        assert_eq!(pause(Duration::from_mins(1), 8, 0.5), PAUSE_MAX);
        assert_eq!(pause(Duration::from_mins(10), 8, 0.5), Duration::from_mins(10));
        assert!(pause(second, 0, 0.0) >= second.mul_f64(0.79));
        assert!(pause(second, 0, 1.0) <= second.mul_f64(1.21));
    }
}
