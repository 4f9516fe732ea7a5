//! What a person sees while a verb takes long: a bar on stderr, if that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::daemon::controller::Progress;

/// How often the bar shows that it is alive.
const TICK: Duration = Duration::from_millis(120);
/// Without a number to show: what is being done, and for how long.
const WAITING: &str = "{spinner} {msg} ({elapsed})";
/// With one: how many clusters are as they should be.
const APPLYING: &str = "{spinner} [{bar:30}] {pos}/{len} clusters, {msg} ({elapsed})";

/// The bar; gone from the screen when dropped. Nothing is drawn where stderr is no terminal.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// A bar that says what is being done.
    pub(super) fn new(what: &'static str) -> Self {
        let bar = ProgressBar::new_spinner().with_style(style(WAITING)).with_message(what);
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    /// Shows how far the work has come; until the plan is made there is nothing to count.
    pub(super) fn show(&self, progress: &Progress) {
        if progress.n_clusters == 0 {
            return;
        }
        if self.0.length() != Some(progress.n_clusters as u64) {
            self.0.set_style(style(APPLYING));
            self.0.set_length(progress.n_clusters as u64);
        }
        self.0.set_position(progress.n_done as u64);
        self.0.set_message(format!("{} objects applied", progress.n_applied));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("a constant in indicatif's grammar")
}
