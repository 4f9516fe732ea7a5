//! `version`.

use std::io::Write as _;

use super::Exit;

/// Print the version
#[derive(clap::Args, Debug)]
pub(super) struct VersionArgs {}

pub(super) fn run(_args: &VersionArgs) -> anyhow::Result<Exit> {
    writeln!(std::io::stdout(), "git-fleet {}", env!("CARGO_PKG_VERSION"))?;
    Ok(Exit::Clean)
}
