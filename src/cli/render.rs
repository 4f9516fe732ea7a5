//! A plan's difference, for a terminal and for a pull request.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::api::names::ClusterName;
use crate::plan::{
    Plan, PlanDiff, TemplateChange, not_decided_anew, not_placed, not_up_to_date, remarks,
};

/// Rows of each part of a Markdown plan: a pull request's comment has at most 65,536 characters.
const MARKDOWN_ROWS_MAX: usize = 200;

/// What becomes of a workload that is new and asks for none.
const NO_REPLICAS: &str = "nowhere, it asks for 0 replicas";

/// The difference for a terminal; readable without colours.
pub(super) fn text(plan: &Plan, diff: &PlanDiff) -> String {
    let mut out = String::new();
    if diff.is_empty() {
        let _ = writeln!(out, "{}", no_difference(diff));
    }
    for change in moved(diff) {
        let sign = sign(&change.before, &change.after);
        let (before, after) = (places(&change.before, &[]), places(&change.after, &change.runs_on));
        let _ = write!(out, "{sign} {}: {before} → {after}", change.template);
        if !change.policy.is_empty() {
            let _ = write!(out, "   by {}", change.policy);
        }
        if !change.policy_before.is_empty() {
            let _ = write!(out, ", not {}", change.policy_before);
        }
        out.push('\n');
        if !change.held.is_empty() {
            let _ = writeln!(out, "    kept: {}", change.held);
        }
    }
    for one in &diff.takeovers {
        let _ = writeln!(
            out,
            "= {}: stays where it is   now by {}, not {}",
            one.template, one.to, one.from
        );
    }
    for change in without_replicas(diff) {
        let (template, policy) = (&change.template, &change.policy);
        let _ = writeln!(out, "+ {template}: {NO_REPLICAS}   by {policy}");
    }
    for (cluster, works) in &diff.works {
        let (added, changed, removed) =
            (works.added.len(), works.changed.len(), works.removed.len());
        let _ =
            writeln!(out, "cluster {cluster}: {added} added, {changed} changed, {removed} removed");
        for (sign, objects) in [("+", &works.added), ("~", &works.changed), ("-", &works.removed)] {
            for object in objects {
                let _ = writeln!(out, "  {sign} {object}");
            }
        }
    }
    for (cluster, n) in &diff.left {
        let _ = writeln!(out, "{}", leaving(cluster, *n));
    }
    for told in not_placed(plan) {
        let _ = writeln!(out, "not placed: {told}");
    }
    for told in not_decided_anew(plan) {
        let _ = writeln!(out, "not decided anew: {told}");
    }
    for stale in not_up_to_date(plan) {
        let _ = writeln!(out, "not up to date: {stale}");
    }
    for told in remarks(plan) {
        let _ = writeln!(out, "remark: {told}");
    }
    out
}

/// The difference as GitHub's Markdown.
pub(super) fn markdown(plan: &Plan, diff: &PlanDiff) -> String {
    let mut out = String::from("## git-fleet plan\n\n");
    if diff.is_empty() {
        let _ = writeln!(out, "There is {}.\n", no_difference(diff));
    } else {
        let _ = writeln!(out, "{}\n", cell(&crate::plan::subject(diff)));
    }
    let row = |sign: &str, change: &TemplateChange, before: &str, after: &str| {
        let policy = policies(&change.policy_before, &change.policy);
        [sign, &cell(&change.template), &cell(before), &cell(after), &policy].join(" | ")
    };
    let moved = moved(diff).map(|change| {
        let (before, after) = (places(&change.before, &[]), places(&change.after, &change.runs_on));
        row(sign(&change.before, &change.after), change, &before, &after)
    });
    let rows: Vec<String> = moved
        .chain(without_replicas(diff).map(|one| row("+", one, "nowhere", NO_REPLICAS)))
        .collect();
    if !rows.is_empty() {
        out.push_str("| | workload | before | after | policy |\n| --- | --- | --- | --- | --- |\n");
        for row in rows.iter().take(MARKDOWN_ROWS_MAX) {
            let _ = writeln!(out, "| {row} |");
        }
        more(&mut out, rows.len());
        out.push('\n');
    }
    for one in diff.takeovers.iter().take(MARKDOWN_ROWS_MAX) {
        let told =
            format!("{} stays where it is, now by {}, not {}", one.template, one.to, one.from);
        let _ = writeln!(out, "- {}", cell(&told));
    }
    if !diff.takeovers.is_empty() {
        more(&mut out, diff.takeovers.len());
        out.push('\n');
    }
    if !diff.works.is_empty() {
        out.push_str("| cluster | added | changed | removed |\n| --- | ---: | ---: | ---: |\n");
        for (cluster, works) in diff.works.iter().take(MARKDOWN_ROWS_MAX) {
            let (added, changed) = (works.added.len(), works.changed.len());
            let _ = writeln!(out, "| {cluster} | {added} | {changed} | {} |", works.removed.len());
        }
        more(&mut out, diff.works.len());
        out.push('\n');
    }
    for (cluster, n) in diff.left.iter().take(MARKDOWN_ROWS_MAX) {
        let _ = writeln!(out, "- {}", cell(&leaving(cluster, *n)));
    }
    list(&mut out, "Not placed:", not_placed(plan));
    list(&mut out, "Not decided anew:", not_decided_anew(plan));
    list(&mut out, "Not up to date:", not_up_to_date(plan));
    list(&mut out, "Remarks:", remarks(plan));
    out
}

/// Templates that have a place before or after. What has none is among those that are not placed, with
/// the reason, or asks for no replicas.
fn moved(diff: &PlanDiff) -> impl Iterator<Item = &TemplateChange> {
    diff.templates.iter().filter(|one| !(one.before.is_empty() && one.after.is_empty()))
}

/// Templates that are decided on and run nowhere all the same.
fn without_replicas(diff: &PlanDiff) -> impl Iterator<Item = &TemplateChange> {
    diff.templates.iter().filter(|one| {
        one.before.is_empty() && one.after.is_empty() && !one.refused && !one.policy.is_empty()
    })
}

/// A list of its own, if there is anything on it.
fn list(out: &mut String, title: &str, entries: impl Iterator<Item = impl ToString>) {
    let entries: Vec<String> = entries.map(|entry| entry.to_string()).collect();
    if entries.is_empty() {
        return;
    }
    if !out.ends_with("\n\n") {
        out.push('\n');
    }
    let _ = writeln!(out, "{title}\n");
    for entry in entries.iter().take(MARKDOWN_ROWS_MAX) {
        let _ = writeln!(out, "- {}", cell(entry));
    }
    more(out, entries.len());
}

/// What is said when nothing that runs would change.
fn no_difference(diff: &PlanDiff) -> &'static str {
    if diff.takeovers.is_empty() { "no difference" } else { "no difference in what runs" }
}

/// The policy that decides, and the one that did before if it was another.
fn policies(before: &str, now: &str) -> String {
    if before.is_empty() { cell(now) } else { format!("{} → {}", cell(before), cell(now)) }
}

fn leaving(cluster: &ClusterName, n_objects: usize) -> String {
    let objects = if n_objects == 1 { "object stays as it is" } else { "objects stay as they are" };
    format!("cluster {cluster} leaves the fleet: {n_objects} {objects}")
}

fn more(out: &mut String, n_rows: usize) {
    let n_more = n_rows.saturating_sub(MARKDOWN_ROWS_MAX);
    if n_more > 0 {
        let _ = writeln!(out, "\n… and {n_more} more");
    }
}

fn sign(before: &BTreeMap<ClusterName, i32>, after: &BTreeMap<ClusterName, i32>) -> &'static str {
    match (before.is_empty(), after.is_empty()) {
        (true, false) => "+",
        (false, true) => "-",
        _ => "~",
    }
}

/// The clusters with their replicas; those of `runs_on` are marked.
fn places(clusters: &BTreeMap<ClusterName, i32>, runs_on: &[ClusterName]) -> String {
    if clusters.is_empty() {
        return "nowhere".to_owned();
    }
    let place = |(name, replicas): (&ClusterName, &i32)| {
        place(name.as_str(), *replicas, runs_on.contains(name).then_some(RUNS_ON))
    };
    clusters.iter().map(place).collect::<Vec<_>>().join(" ")
}

/// Mark of a cluster that is not chosen and runs a template on all the same.
pub(super) const RUNS_ON: &str = "runs-on";

/// A cluster with what it runs of a template: `eu`, `eu(3)`, `eu(runs-on)`, `eu(3,runs-on)`.
pub(super) fn place(cluster: &str, replicas: i32, mark: Option<&str>) -> String {
    match (replicas, mark) {
        (0, None) => cluster.to_owned(),
        (0, Some(mark)) => format!("{cluster}({mark})"),
        (n, None) => format!("{cluster}({n})"),
        (n, Some(mark)) => format!("{cluster}({n},{mark})"),
    }
}

/// Text from the repository, made harmless in a table: it can neither end the cell, nor mention a
/// person, nor be HTML.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_the_repository_cannot_leave_its_cell() {
        assert_eq!(cell("a|b\n<img> @all"), "a\\|b &lt;img&gt; &#64;all");
    }

    #[test]
    fn places_are_told_with_replicas_where_there_are_any() {
        let name = |text| ClusterName::new(text).expect("a valid name");
        let clusters = BTreeMap::from([(name("eu"), 3), (name("us"), 0)]);
        assert_eq!(places(&clusters, &[]), "eu(3) us");
        let runs_on = [name("eu"), name("us")];
        assert_eq!(places(&clusters, &runs_on), "eu(3,runs-on) us(runs-on)");
        assert_eq!(places(&BTreeMap::new(), &[]), "nowhere");
    }
}
