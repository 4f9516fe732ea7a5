//! Habits of the house that a reader relies on.

use std::fs;
use std::path::Path;

use crate::layers::rust_files;

/// Past this, look for the second idea inside the file.
const FILE_LINES_MAX: usize = 600;

/// Folders where each file is one plugin, overrider, kind, lint or verb, listed in `mod.rs`.
const LISTED: &[&str] = &[
    "src/api",
    "src/check",
    "src/cli",
    "src/interpret/kinds",
    "src/overrides",
    "src/schedule/plugins",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn no_file_is_too_long() {
    for folder in ["src", "tests", "benches"].map(|folder| root().join(folder)) {
        if !folder.exists() {
            continue;
        }
        for path in rust_files(&folder) {
            let n_lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(
                n_lines <= FILE_LINES_MAX,
                "{} has {n_lines} lines, more than {FILE_LINES_MAX}",
                path.display()
            );
        }
    }
}

#[test]
fn nothing_is_left_to_do_in_code() {
    // Written in two parts so that this file does not find itself.
    let unfinished = ["todo", "unimplemented"].map(|name| format!("{name}!("));
    let left_out = format!("#[{}", "ignore");
    for folder in ["src", "tests"].map(|folder| root().join(folder)) {
        for path in rust_files(&folder) {
            let text = fs::read_to_string(&path).unwrap();
            for needle in unfinished.iter().chain([&left_out]) {
                assert!(!text.contains(needle), "{} has `{needle}`", path.display());
            }
        }
    }
}

#[test]
fn exceptions_to_lints_have_reasons() {
    for path in rust_files(&root().join("src")) {
        let text = fs::read_to_string(&path).unwrap();
        for opening in ["#[allow(", "#[expect("] {
            for (at, _) in text.match_indices(opening) {
                let attribute = text[at..].split_once(")]").map_or("", |(inside, _)| inside);
                assert!(
                    attribute.contains("reason"),
                    "{}: `{attribute}` has no reason",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn every_extension_is_listed() {
    for folder in LISTED {
        let list = fs::read_to_string(root().join(folder).join("mod.rs")).unwrap();
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let is_code = path.is_dir() || path.extension().is_some_and(|ending| ending == "rs");
            if name == "mod" || name == "tests" || !is_code {
                continue;
            }
            assert!(
                list.lines().any(|line| line.trim().ends_with(&format!("mod {name};"))),
                "{folder}/mod.rs does not list {name}"
            );
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for path in rust_files(&root().join("src")) {
        if path.file_name().is_some_and(|name| name == "tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not begin with `//!`", path.display());
    }
}

#[test]
fn every_code_is_documented() {
    // Names of environment variables look like codes and are none.
    let is_code = |word: &str| {
        word.contains('_')
            && word.starts_with(|c: char| c.is_ascii_uppercase())
            && !word.starts_with("GIT_")
                | ["GIT_BINARY", "GIT_COMMAND", "GIT_REMOTE"].contains(&word)
            && !["LC_ALL", "ENCODING", "CARGO_PKG_VERSION", "XDG_CACHE_HOME", "OUT_DIR"]
                .contains(&word)
    };
    let documented = fs::read_to_string(root().join("docs/problems.md")).unwrap();
    let mut missing = Vec::new();
    for module in ["fleet", "plan", "check", "store", "customize", "member", "daemon", "cli"] {
        for path in rust_files(&root().join("src").join(module)) {
            let text = fs::read_to_string(&path).unwrap();
            // A literal is a code, or begins with one.
            let words = text.split('"').map(|literal| {
                let end = literal.find([' ', ':']).unwrap_or(literal.len());
                &literal[..end]
            });
            for word in words.filter(|word| {
                word.len() > 4
                    && word
                        .bytes()
                        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
                    && is_code(word)
            }) {
                if !documented.contains(&format!("`{word}`")) {
                    missing.push(format!("{}: {word}", path.display()));
                }
            }
        }
    }
    assert!(missing.is_empty(), "not in docs/problems.md:\n{}", missing.join("\n"));
}

/// What a verb cannot do it says with a code, which only a type has.
#[test]
fn errors_of_verbs_have_codes() {
    for path in rust_files(&root().join("src/cli")) {
        let text = fs::read_to_string(&path).unwrap();
        for needle in ["bail!(", "anyhow!(", "ensure!("] {
            assert!(!text.contains(needle), "{}: `{needle}` has no code", path.display());
        }
    }
}
