//! What `validate` reads from disk, and what it and `plan` say of a source that is not there.

use std::path::Path;

use super::{FLEET, World, document, run};
use crate::customize::verb::GAMES;
use crate::store::git::{commit, git, init};

/// What is typed leads to the files; it says nothing about them.
#[test]
fn the_way_to_files_on_disk_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let bad = FLEET.replace("clusterNames", "clusterName");
    for folder in ["apps", "here", ".hidden/apps", "apps/.git"] {
        std::fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    for file in ["apps/all.yaml", ".hidden/apps/all.yaml"] {
        std::fs::write(dir.path().join(file), &bad).unwrap();
    }
    std::fs::write(dir.path().join("apps/.git/not.yaml"), "kind: [").unwrap();
    std::fs::write(dir.path().join("apps/.not.yaml"), "kind: [").unwrap();
    let validate = |from: &str, paths: &[&str]| {
        let refused = run(&dir.path().join(from), &[&["validate"], paths].concat());
        let told = String::from_utf8([refused.stdout, refused.stderr].concat()).unwrap();
        assert_eq!(refused.status.code(), Some(3), "{paths:?}: {told}");
        assert!(!told.contains("FLEET_EMPTY") && !told.contains("not.yaml"), "{paths:?}: {told}");
        told
    };
    let absolute = dir.path().join(".hidden/apps").display().to_string();
    for (from, path, shown) in [
        ("here", "../apps", "../apps/all.yaml"),
        ("here", "../apps/all.yaml", "../apps/all.yaml"),
        ("", ".hidden", ".hidden/apps/all.yaml"),
        ("", ".hidden/apps/all.yaml", ".hidden/apps/all.yaml"),
        ("", "./apps", "apps/all.yaml"),
        ("here", &absolute, &format!("{absolute}/all.yaml")),
    ] {
        let told = validate(from, &[path]);
        assert!(told.starts_with(&format!("{shown}:11:")), "{path}: {told}");
        assert!(told.contains("1 cluster, 1 template"), "{path}: {told}");
    }
    // Two ways may end alike; each file is told by its own.
    let told = validate("apps", &["../.hidden/apps", "../apps"]);
    for shown in ["../.hidden/apps/all.yaml:11:", "../apps/all.yaml:11:"] {
        assert!(told.contains(shown), "{told}");
    }
    assert!(told.contains("OBJ_DUPLICATE"), "{told}");
}

fn told_of_branch(fleet: &Path, verb: &str) -> String {
    let looked = run(fleet, &[verb]);
    let told = String::from_utf8([looked.stdout, looked.stderr].concat()).unwrap();
    assert_eq!(looked.status.code(), Some(0), "{verb}: {told}");
    told
}

/// What `apply` would stop at, who looks before is told of.
#[test]
fn a_source_branch_that_is_not_there_is_warned_of() {
    let world = World::applied();
    let fleet = world.path("fleet");
    let settings = "apiVersion: git-fleet.io/v1alpha1
kind: FleetSettings
spec:
  source: {branch: production}
";
    commit(&fleet, &[("fleet.yaml", settings)]);
    let apply = ["apply", "--credentials", "../credentials"];
    let warning = "fleet.yaml:4:20: warning[REF_MISSING]: the fleet follows `production`";
    for verb in ["validate", "plan"] {
        let told = told_of_branch(&fleet, verb);
        assert!(told.contains(warning), "{verb}: {told}");
    }
    let plan = document(&world.run("fleet", &["plan", "-o", "json"]));
    assert_eq!(plan["problems"][0]["code"], "REF_MISSING", "{plan:#}");
    let refused = world.run("fleet", &apply);
    assert_eq!(refused.status.code(), Some(3));
    let told = String::from_utf8_lossy(&refused.stderr);
    let error = "fleet.yaml:4:20: error[REF_MISSING]: the fleet is to follow `production`, and there is no such branch";
    assert!(told.contains(error) && told.contains("until then `main` is followed"), "{told}");

    // What a checkout did not fetch may be there all the same.
    let url = format!("file://{}", fleet.display());
    git(world.dir.path(), &["clone", "-q", &url, "clone"]);
    git(world.dir.path(), &["clone", "-q", "--depth=1", &url, "shallow"]);
    git(world.dir.path(), &["clone", "-q", "--single-branch", &url, "single"]);
    for verb in ["validate", "plan"] {
        assert!(told_of_branch(&world.path("clone"), verb).contains(warning), "{verb}");
        for checkout in ["shallow", "single"] {
            let told = told_of_branch(&world.path(checkout), verb);
            assert!(!told.contains("REF_MISSING"), "{checkout} {verb}: {told}");
        }
    }
    git(&fleet, &["branch", "production"]);
    for verb in ["validate", "plan"] {
        let told = told_of_branch(&fleet, verb);
        assert!(!told.contains("REF_MISSING"), "{verb}: {told}");
    }
    assert_eq!(world.code("fleet", &apply), 0);
}

/// The words that `init` prints can be typed as they stand.
#[test]
fn what_init_says_next_can_be_typed() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["plain/fleet", "a b/ü", "it's", "$HOME"] {
        let made = run(dir.path(), &["init", name]);
        assert!(made.status.success(), "{made:?}");
        let told = String::from_utf8(made.stderr).unwrap();
        let line = told.lines().find(|line| line.starts_with("  cd ")).unwrap();
        let shell = std::process::Command::new("sh")
            .current_dir(dir.path())
            .args(["-c", &format!("{line} && ls namespaces")])
            .output()
            .unwrap();
        assert!(shell.status.success(), "{line}: {shell:?}");
    }
    // The frame is a whole fleet.
    git(&dir.path().join("plain/fleet"), &["add", "-A"]);
    let frame = init(&dir.path().join("plain/fleet"));
    commit(&frame, &[]);
    let checked = run(&frame, &["validate"]);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
}

/// A mounted `ConfigMap` is nothing but links. What is no file is said, not passed over.
#[test]
fn links_to_files_are_followed_on_disk() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    std::fs::create_dir_all(path("mounted/..2026")).unwrap();
    std::fs::write(path("mounted/..2026/all.yaml"), FLEET).unwrap();
    symlink("..2026", path("mounted/..data")).unwrap();
    symlink("..data/all.yaml", path("mounted/all.yaml")).unwrap();
    symlink("mounted", path("link")).unwrap();
    symlink("..", path("mounted/up")).unwrap();
    let told = |verb: &[&str]| {
        let output = run(dir.path(), verb);
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), told)
    };
    for named in ["mounted", "link", "mounted/all.yaml", "link/all.yaml"] {
        let (code, told) = told(&["validate", named]);
        assert_eq!(code, Some(0), "{named}: {told}");
        assert!(told.contains("1 cluster, 1 template"), "{named}: {told}");
    }
    let shell = std::process::Command::new("bash")
        .args(["-c", "exec \"$0\" validate <(cat mounted/all.yaml)"])
        .arg(env!("CARGO_BIN_EXE_git-fleet"))
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert_eq!(shell.status.code(), Some(0), "{shell:?}");
    let (code, device) = told(&["validate", "/dev/null"]);
    assert_eq!(code, Some(4), "{device}");
    assert!(device.contains("error[CONFIG_READ]: /dev/null is neither a file nor"), "{device}");
    symlink("gone", path("mounted/gone.yaml")).unwrap();
    let (code, gone) = told(&["validate", "mounted"]);
    assert_eq!(code, Some(4), "{gone}");
    assert!(gone.contains("error[CONFIG_READ]: mounted/gone.yaml cannot be read"), "{gone}");

    std::fs::create_dir(path("rules")).unwrap();
    std::fs::write(path("rules.yaml"), GAMES).unwrap();
    symlink("../rules.yaml", path("rules/rules.yaml")).unwrap();
    symlink("rules", path("linked")).unwrap();
    for named in ["rules", "linked", "linked/rules.yaml"] {
        let (code, told) = told(&["interpret", "--check", "-f", named]);
        assert_eq!(code, Some(0), "{named}: {told}");
        assert!(told.contains("games: InterpretReplica of example.com/v1 Game: pass"), "{told}");
    }
}
