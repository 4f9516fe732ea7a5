//! Templates as an API server would show them: as people wrote them, with generation and status.

use std::sync::Arc;

use anyhow::Context as _;
use serde_json::Value;

use super::{GetArgs, Row, bound, cells_of, name_of, print};
use crate::api::manifest::ObjectKey;
use crate::cli::Exit;
use crate::cli::output::{ListFormat, json, yaml};
use crate::cli::results::{stored, unreadable};
use crate::daemon::ledger::{Ledger, Recorded};
use crate::fleet::Fleet;
use crate::plan::Binding;

pub(super) fn run(
    args: &GetArgs,
    ledger: &mut Ledger,
    recorded: &Recorded,
) -> anyhow::Result<Exit> {
    let bound = bound(args, ledger, recorded)?;
    let is_whole = args.is_whole();
    let source = if is_whole && !bound.is_empty() { Some(source(ledger, recorded)?) } else { None };
    let mut rows = Vec::new();
    for (path, key) in bound {
        let binding: Binding = stored(ledger, recorded, path)?;
        if !args.is_placed(&binding.places()) {
            continue;
        }
        let value = match &source {
            None => Value::Null,
            Some(fleet) => {
                // What was decided on one that has left the source can be kept.
                let Some(template) = fleet.templates.get(&key) else { continue };
                binding.template.shown_on(&template.manifest.open()).into_value()
            }
        };
        rows.push(row(&key, &binding, value));
    }
    let headers = ["NAMESPACE", "KIND", "NAME", "GENERATION", "STATUS"];
    let typed = args.name.as_ref().filter(|_| is_whole);
    match (typed, rows.as_slice()) {
        // One that is named is printed by itself, as kubectl does: tools read it from a pipe.
        (Some(_), [row]) => {
            let mut out = std::io::stdout().lock();
            if args.output == Some(ListFormat::Json) {
                json(&mut out, &row.value)?;
            } else {
                yaml(&mut out, &row.value)?;
            }
            Ok(Exit::Clean)
        }
        _ => print(args, recorded, &headers, &["OBSERVED", "NOTE"], rows),
    }
}

/// The fleet at the source commit that was planned for.
fn source(ledger: &mut Ledger, recorded: &Recorded) -> anyhow::Result<Arc<Fleet>> {
    let commit = ledger.recorded_source(recorded)?;
    let lacks = || unreadable("the results do not name their source".to_owned());
    let commit = commit.ok_or_else(lacks)?;
    let loaded = ledger.read(commit);
    let loaded = loaded.with_context(|| format!("the results were made of commit {commit}"))?;
    Ok(loaded.fleet)
}

fn row(key: &ObjectKey, binding: &Binding, value: Value) -> Row {
    let state = &binding.template;
    let status = state.status.as_ref();
    let observed = status.and_then(|status| status.get("observedGeneration")?.as_i64());
    let text = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    Row {
        name: name_of(key),
        cells: cells_of(key)
            .into_iter()
            .chain([
                text(state.generation),
                status.map(|status| word(status, binding.spec.replicas)).unwrap_or_default(),
            ])
            .collect(),
        wide: vec![text(observed), binding.reasons.status.clone()],
        value,
    }
}

/// Conditions that tell all of an object where they hold; the first of several counts.
const FINAL: [&str; 3] = ["Failed", "Complete", "Suspended"];

/// Conditions without which an object does not do its work; the first that is lacking counts, then
/// the first that holds.
const NEEDED: [&str; 3] = ["Ready", "Available", "Established"];

/// A status in one word: `2/3` replicas that are ready, a phase, or a condition.
fn word(status: &Value, replicas: i32) -> String {
    let number = |field: &str| status.get(field).and_then(Value::as_i64);
    // A workload that cannot start its pods has fewer than it wants, one that rolls over has more.
    if let Some(there) = number("replicas") {
        return format!("{}/{}", number("readyReplicas").unwrap_or(0), there.max(replicas.into()));
    }
    if let Some(wanted) = number("desiredNumberScheduled") {
        return format!("{}/{wanted}", number("numberReady").unwrap_or(0));
    }
    if let Some(phase) = status.get("phase").and_then(Value::as_str) {
        return phase.to_owned();
    }
    let conditions = status.get("conditions").and_then(Value::as_array);
    let is = |wanted: &str| {
        let mut conditions = conditions.into_iter().flatten();
        conditions.find(|one| one["type"] == wanted).map(|one| one["status"] == "True")
    };
    let finds =
        |types: [&'static str; 3], status| types.into_iter().find(|one| is(one) == Some(status));
    let lacking = || finds(NEEDED, false).map(|one| format!("Not{one}"));
    let ended = finds(FINAL, true).map(str::to_owned);
    let told = ended.or_else(lacking).or_else(|| finds(NEEDED, true).map(str::to_owned));
    told.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_in_one_word() {
        let condition = |type_: &str, status: &str| json!({"type": type_, "status": status});
        for (status, expected) in [
            (json!({"replicas": 3, "readyReplicas": 2}), "2/3"),
            (json!({"replicas": 0, "unavailableReplicas": 2}), "0/2"),
            (json!({"replicas": 6, "readyReplicas": 6}), "6/6"),
            (json!({"desiredNumberScheduled": 4, "numberReady": 1}), "1/4"),
            (json!({"phase": "Bound"}), "Bound"),
            (
                json!({"conditions": [condition("Failed", "False"), condition("Complete", "True")]}),
                "Complete",
            ),
            (
                json!({"conditions": [condition("Available", "True"), condition("Ready", "False")]}),
                "NotReady",
            ),
            (
                json!({"conditions": [condition("Synced", "True"), condition("Ready", "True")]}),
                "Ready",
            ),
            (json!({"conditions": [condition("Ready", "Unknown")]}), "NotReady"),
            (json!({"loadBalancer": {}}), ""),
        ] {
            assert_eq!(word(&status, 2), expected, "{status}");
        }
    }
}
