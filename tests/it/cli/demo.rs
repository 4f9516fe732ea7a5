//! The demonstration: what can be typed after it, and that it leaves nothing behind.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::run;
use super::running::{Running, is_running, until};
use crate::store::git::git;

fn kill(process: u32) {
    let killed = Command::new("kill").args(["-9", &process.to_string()]).status().unwrap();
    assert!(killed.success());
}

#[test]
fn what_the_demonstration_says_to_type_works_until_something_ends() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["demo", "--stay", "--dir", "demo"];
    let mut demo = Running::start(dir.path(), &dir.path().join("demo-said"), &arguments);
    demo.wait("the end of the story", |said| said.contains("Everything keeps running"));
    let said = demo.output();
    for line in ["$ git fetch && git fleet plan", "$ git commit -am 'a change' && git push"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let checkout = dir.path().join("demo/checkout");
    let differs = || {
        git(&checkout, &["fetch", "-q"]);
        let plan = run(&checkout, &["plan", "--exit-code"]);
        assert!(plan.status.code().is_some_and(|code| code < 2), "{plan:?}");
        plan.status.code() == Some(1)
    };
    assert!(!differs(), "what was pushed is done");
    let app = checkout.join("apps/shop/frontend.yaml");
    let text = std::fs::read_to_string(&app).unwrap();
    std::fs::write(&app, text.replace(":2.4.2", ":2.4.3")).unwrap();
    git(&checkout, &["commit", "-q", "-am", "a change"]);
    assert!(differs());
    git(&checkout, &["push", "-q"]);
    until("the push is planned for", || !differs(), String::new);

    kill(demo.child_of("run"));
    assert_eq!(demo.end().code(), Some(4));
    let told = demo.errors();
    let error = "error[DEMO_FAILED]: the controller has ended by itself (signal: 9";
    assert!(told.contains(error), "{told}");
    assert!(told.lines().next().unwrap().starts_with("controller: "), "its last words: {told}");
    assert!(told.contains("demo/controller.log"), "{told}");
}

#[test]
fn a_killed_demonstration_leaves_no_process_behind() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["demo", "--stay", "--dir", "demo"];
    let mut demo = Running::start(dir.path(), &dir.path().join("demo-said"), &arguments);
    demo.wait("its processes", |said| said.contains("git push origin main"));
    let children = [demo.child_of("run"), demo.child_of("agent")];
    assert!(children.into_iter().all(is_running));
    demo.kill();
    until("they end", || !children.into_iter().any(is_running), String::new);
}

/// What people have set up for their own commits is not there for these.
#[test]
fn peoples_own_hooks_and_signatures_do_not_stop_it() {
    let dir = tempfile::tempdir().unwrap();
    let hooks = dir.path().join("hooks");
    std::fs::create_dir(&hooks).unwrap();
    for hook in ["pre-commit", "pre-push", "pre-receive", "commit-msg"] {
        let path = hooks.join(hook);
        std::fs::write(&path, "#!/bin/sh\nexit 1\n").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let config = dir.path().join("gitconfig");
    let text = format!(
        "[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = /bin/false\n[core]\n\thooksPath = {}\n",
        hooks.display()
    );
    std::fs::write(&config, text).unwrap();
    let shown = Command::new(env!("CARGO_BIN_EXE_git-fleet"))
        .current_dir(dir.path())
        .args(["demo", "--dir", "demo"])
        .env("GIT_CONFIG_GLOBAL", &config)
        .env("XDG_CACHE_HOME", dir.path())
        .output()
        .unwrap();
    assert_eq!(shown.status.code(), Some(0), "{shown:?}");
}
