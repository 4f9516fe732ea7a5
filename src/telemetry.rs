//! Logs: one line an event on stderr, as text or as JSON.
//!
//! The message is a constant sentence, the facts are fields. `error`: a person must act; `warn`:
//! degraded, trying again; `info`: the fleet changed; `debug`: decisions.

use std::io::IsTerminal as _;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::cli::{LogFormat, Logging};

/// Starts logging. Colours only on a terminal, and not where `NO_COLOR` is set.
pub fn start(logging: &Logging) {
    let ours = Targets::new().with_target("git_fleet", logging.log_level);
    // The client calls every refused connection an error; what matters of it we say ourselves.
    let client = match logging.log_level {
        level if level >= tracing::Level::DEBUG => LevelFilter::from_level(level),
        _ => LevelFilter::OFF,
    };
    let others = tracing::Level::WARN.min(logging.log_level);
    let filter = ours.with_target("kube_client", client).with_default(others);
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let lines = fmt::layer().with_writer(std::io::stderr);
    let layer = match logging.log_format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => {
            lines.with_ansi(std::io::stderr().is_terminal() && !is_plain).with_target(false).boxed()
        }
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).init();
}
