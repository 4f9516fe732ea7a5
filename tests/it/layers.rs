//! The walls of the house: what a module of the core may not touch, and which modules it may see.

use std::fs;
use std::path::{Path, PathBuf};

/// All modules, in the order of their dependencies: each may use those before it only.
const ORDER: &[&str] = &[
    "api",
    "fleet",
    "schedule",
    "interpret",
    "overrides",
    "status",
    "plan",
    "check",
    "engine",
    "store",
    "customize",
    "member",
    "sim",
    "daemon",
    "cli",
];

/// The modules that decide: values in, values out.
const CORE: &[&str] =
    &["api", "fleet", "schedule", "interpret", "overrides", "status", "plan", "check", "engine"];

/// What only the shell may do, as it looks in the source.
const SHELL_ONLY: &[&str] = &[
    "git2::",
    "kube::",
    "tokio::",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "::now(",
    "SystemTime",
    "Instant",
    "HashMap",
    "HashSet",
    "async",
    "fastrand",
    "rand::",
];

/// One line of a module's code, with its place for the message.
struct Line {
    module: String,
    place: String,
    text: String,
}

#[test]
fn the_core_never_touches_the_world() {
    let mut found = Vec::new();
    for line in code_lines().iter().filter(|line| CORE.contains(&line.module.as_str())) {
        for needle in SHELL_ONLY.iter().filter(|needle| mentions(&line.text, needle)) {
            found.push(format!("{}: `{needle}` in `{}`", line.place, line.text.trim()));
        }
    }
    assert!(found.is_empty(), "this is for the shell; pass a value:\n{}", found.join("\n"));
}

#[test]
fn modules_see_only_those_before_them() {
    let mut found = Vec::new();
    for line in code_lines() {
        let Some(own) = ORDER.iter().position(|module| *module == line.module) else { continue };
        for later in &ORDER[own + 1..] {
            if ["crate", "git_fleet"]
                .iter()
                .any(|root| mentions(&line.text, &format!("{root}::{later}")))
            {
                found.push(format!("{}: `{later}` in `{}`", line.place, line.text.trim()));
            }
        }
    }
    assert!(
        found.is_empty(),
        "a module may see those before it only ({}):\n{}",
        ORDER.join(", "),
        found.join("\n")
    );
}

#[test]
fn every_module_has_its_place() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(source).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let whole = path.is_dir();
        assert!(
            !whole || ORDER.contains(&name.as_str()),
            "src/{name} is not in the order of modules; give it a place in tests/it/layers.rs"
        );
    }
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for module in ORDER {
        assert!(lib.contains(&format!("pub mod {module};")), "src/lib.rs does not list {module}");
    }
}

/// Whether `text` has `needle` as words of its own: `crate::plan`, not `crate::planning`.
fn mentions(text: &str, needle: &str) -> bool {
    let in_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let (first, last) = (needle.chars().next(), needle.chars().next_back());
    text.match_indices(needle).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + needle.len()..].chars().next();
        let cut = in_word(first) && in_word(before) || in_word(last) && in_word(after);
        !cut
    })
}

/// The code of all modules without comments and without unit tests, line by line.
fn code_lines() -> Vec<Line> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut lines = Vec::new();
    for path in rust_files(&source) {
        let relative = path.strip_prefix(&source).unwrap();
        let module = relative.iter().next().unwrap().to_str().unwrap();
        if path.file_name().unwrap() == "tests.rs" || relative.iter().any(|part| part == "tests") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("#[cfg(test)]") {
                break;
            }
            lines.push(Line {
                module: module.trim_end_matches(".rs").to_owned(),
                place: format!("src/{}:{}", relative.display(), number + 1),
                text: without_comment(line).to_owned(),
            });
        }
    }
    assert!(lines.len() > 500, "the sources were not found");
    lines
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with("//") {
        return "";
    }
    line.split_once(" // ").map_or(line, |(code, _)| code)
}

/// All Rust files below `folder`, sorted.
pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
