//! The `git-fleet` program: parse, telemetry, run, exit code.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = git_fleet::cli::Cli::parse();
    git_fleet::telemetry::start(cli.logging());
    git_fleet::cli::main(cli)
}
