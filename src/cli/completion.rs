//! `completion`.

use clap::CommandFactory as _;

use super::{Cli, Exit};

/// Print a completion script for a shell
#[derive(clap::Args, Debug)]
pub(super) struct CompletionArgs {
    /// The shell
    shell: clap_complete::Shell,
}

pub(super) fn run(args: &CompletionArgs) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "git-fleet", &mut script);
    std::io::Write::write_all(&mut std::io::stdout(), &script)?;
    Ok(Exit::Clean)
}
