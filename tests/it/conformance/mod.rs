//! What Karmada answered to the same questions, recorded by running it.
//!
//! The recordings are read from the folder that `FLEET_CORPUS` names, or from `../shared/conformance`
//! beside the repository. Without them the tests are left out, which they say in one line;
//! `FLEET_REQUIRE_CORPUS=1` makes that a failure.

mod cron;
mod division;
mod estimator;
mod interpreter;
mod overrides;
mod policy_match;
mod scheduling;
mod validation;

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;

/// Every case of a recording, or `None` when there is none to read.
fn cases(corpus: &str) -> Option<Vec<Value>> {
    let folder = std::env::var_os("FLEET_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance"),
        PathBuf::from,
    );
    let path = folder.join(format!("{corpus}.jsonl.gz"));
    if !path.exists() {
        let is_required = std::env::var_os("FLEET_REQUIRE_CORPUS").is_some_and(|one| one == "1");
        assert!(!is_required, "no {corpus}.jsonl.gz: FLEET_CORPUS names the folder that has it");
        say(&format!("conformance {corpus}: left out, FLEET_CORPUS names no folder that has it"));
        return None;
    }
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Writes a line that the test runner does not swallow.
fn say(line: &str) {
    let mut stderr = std::io::stderr().lock();
    stderr.write_all(line.as_bytes()).unwrap();
    stderr.write_all(b"\n").unwrap();
}

/// Counts agreement and remembers the first cases that differ.
struct Tally {
    corpus: String,
    n_agree: usize,
    n_total: usize,
    /// Cases that differ for a reason that is written down, by that reason.
    n_deviating: usize,
    differing: Vec<String>,
}

impl Tally {
    fn new(corpus: &str) -> Self {
        let corpus = corpus.to_owned();
        Self { corpus, n_agree: 0, n_total: 0, n_deviating: 0, differing: Vec::new() }
    }

    /// Counts one case; `ours` and `theirs` are shown when they differ.
    fn compare<T: PartialEq + std::fmt::Debug>(&mut self, case: &Value, ours: &T, theirs: &T) {
        self.n_total += 1;
        if ours == theirs {
            self.n_agree += 1;
        } else {
            let id = &case["id"];
            self.differing.push(format!("case {id}:\n  ours   {ours:?}\n  theirs {theirs:?}"));
        }
    }

    /// Counts one case; a difference in one where we mean to differ is no failure.
    fn compare_unless<T: PartialEq + std::fmt::Debug>(
        &mut self,
        deviates: bool,
        case: &Value,
        ours: &T,
        theirs: &T,
    ) {
        if ours != theirs && deviates {
            self.deviate();
        } else {
            self.compare(case, ours, theirs);
        }
    }

    /// Counts one case in which we mean to differ.
    fn deviate(&mut self) {
        self.n_total += 1;
        self.n_deviating += 1;
    }

    /// Prints the figure; fails when a case differs that nobody wrote down.
    fn end(self) {
        say(&format!(
            "conformance {}: {}/{} agree, {} documented deviations",
            self.corpus, self.n_agree, self.n_total, self.n_deviating
        ));
        let shown: Vec<_> = self.differing.iter().take(5).cloned().collect();
        assert!(
            self.differing.is_empty(),
            "{} cases of {} differ:\n{}",
            self.differing.len(),
            self.corpus,
            shown.join("\n")
        );
        // Without one that agrees there is nothing that could have failed.
        assert!(self.n_agree > 0, "no case of {} agrees", self.corpus);
    }
}

/// Field `name` of a case as a type of ours; an absent one is the default.
fn field<T: serde::de::DeserializeOwned + Default>(case: &Value, name: &str) -> T {
    match &case[name] {
        Value::Null => T::default(),
        value => serde_json::from_value(value.clone()).unwrap(),
    }
}
