//! Commands that are given a terminal.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use super::super::running::until;
use super::super::terminal::Terminal;
use super::{Clusters, told};

/// Whoever ends the command by force has a terminal to go on with.
#[test]
fn a_terminal_is_put_back_when_the_command_is_ended_from_outside() {
    let clusters = Clusters::reachable();
    for (signal, code) in [("-TERM", 143), ("-HUP", 129)] {
        let terminal = Terminal::open();
        let exec = ["exec", "deploy/web", "--cluster", "one", "-it", "--", "cat"];
        let mut exec = clusters.command(&exec);
        let mut exec = exec.stdin(terminal.stdio()).stdout(terminal.stdio()).spawn().unwrap();
        until("the terminal is taken", || terminal.is_raw(), || terminal.shown());
        let id = exec.id().to_string();
        let killed = std::process::Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(killed.success());
        let status = exec.wait().unwrap();
        assert_eq!((status.code(), status.signal()), (Some(code), None), "{signal}");
        assert!(!terminal.is_raw(), "{signal}");
    }
}

/// Without keys that reach the command nothing could end it: the terminal stays the person's.
#[test]
fn no_terminal_is_taken_whose_keys_go_nowhere() {
    let clusters = Clusters::reachable();
    let terminal = Terminal::open();
    let without = clusters
        .command(&[
            "exec",
            "deploy/web",
            "--cluster",
            "one",
            "-t",
            "--",
            "sh",
            "-c",
            "echo bad >&2",
        ])
        .stdin(terminal.stdio())
        .output()
        .unwrap();
    // A command with a terminal has one way out for both.
    let expected =
        "the command gets no terminal: standard input is not passed to it, see --stdin\nbad\n";
    assert_eq!((without.status.code(), &*told(&without)), (Some(0), expected), "{without:?}");
    let piped = clusters
        .command(&["exec", "deploy/web", "--cluster", "one", "-it", "--", "cat"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(piped.status.code(), Some(0), "{piped:?}");
    assert_eq!(told(&piped), "the command gets no terminal: standard input is none\n");
}
