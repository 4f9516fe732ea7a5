//! What the members report of one object, taken together.

use serde_json::{Map, Value};

use super::fields::{Fields, Unreadable, earlier, is_zero, later};
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;

/// Name of a cluster, and the status that it reported; clusters that reported none are left out.
pub(super) fn statuses(items: &[AggregatedStatusItem]) -> impl Iterator<Item = (&str, &Value)> {
    items.iter().filter_map(|item| {
        let status = item.status.as_ref().filter(|status| !status.is_null())?;
        Some((item.cluster_name.as_str(), status))
    })
}

/// The sum of one counter.
pub(super) fn sum(items: &[AggregatedStatusItem], path: &str) -> i64 {
    statuses(items).fold(0, |sum, (_, status)| sum.saturating_add(status.count(path)))
}

/// The value at `path` of the last cluster that has one.
pub(super) fn last<'i>(items: &'i [AggregatedStatusItem], path: &str) -> Option<&'i Value> {
    statuses(items).filter_map(|(_, status)| status.at(path)).last()
}

/// The latest of the times at `path`.
pub(super) fn latest<'i>(items: &'i [AggregatedStatusItem], path: &str) -> Option<&'i Value> {
    statuses(items).fold(None, |so_far, (_, status)| later(so_far, status.at(path)))
}

/// The earliest of the times at `path`.
pub(super) fn earliest<'i>(items: &'i [AggregatedStatusItem], path: &str) -> Option<&'i Value> {
    statuses(items).fold(None, |so_far, (_, status)| earlier(so_far, status.at(path)))
}

/// The lists at `path`, one after the other.
pub(super) fn joined(items: &[AggregatedStatusItem], path: &str) -> Vec<Value> {
    statuses(items).flat_map(|(_, status)| status.list(path)).cloned().collect()
}

/// Whether every cluster caught up with the template (`spec/interpreter.md` §5): its controller saw
/// the newest spec there, and that spec came from the template's newest generation.
///
/// No clusters at all have caught up; a cluster that reported no status has not.
pub(super) fn all_caught_up(template: &Manifest, items: &[AggregatedStatusItem]) -> bool {
    let wanted = template.count("metadata.generation");
    let n_caught_up = statuses(items)
        .filter(|(_, status)| {
            status.count("observedGeneration") >= status.count("generation")
                && status.count("resourceTemplateGeneration") >= wanted
        })
        .count();
    n_caught_up == items.len()
}

/// Like [`all_caught_up`], for kinds that want the numbers to be the same: there, the generation of
/// a template may also go back.
fn all_the_same(template: &Manifest, items: &[AggregatedStatusItem]) -> bool {
    let wanted = template.count("metadata.generation");
    let n_the_same = statuses(items)
        .filter(|(_, status)| {
            status.count("observedGeneration") == status.count("generation")
                && status.count("resourceTemplateGeneration") == wanted
        })
        .count();
    n_the_same == items.len()
}

/// The status of a kind that is not Kubernetes' own: `counters` are the members' sums, `texts` the
/// last that is not empty, `observedGeneration` moves on once all caught up; the rest stays.
pub(super) fn fold(
    template: &Manifest,
    items: &[AggregatedStatusItem],
    counters: &[&str],
    texts: &[&str],
) -> Map<String, Value> {
    let old = template.field("status").and_then(Value::as_object);
    let mut status = old.cloned().unwrap_or_default();
    if all_the_same(template, items) {
        let generation = template.count("metadata.generation");
        put(&mut status, "observedGeneration", Some(Value::from(generation)));
    }
    for counter in counters {
        put(&mut status, counter, Some(Value::from(sum(items, counter))));
    }
    for text in texts {
        status.remove(*text);
        put_last(&mut status, items, text);
    }
    status
}

/// Writes what the last cluster says that has something to say; otherwise the field stays.
pub(super) fn put_last(
    status: &mut Map<String, Value>,
    items: &[AggregatedStatusItem],
    field: &str,
) {
    let said = statuses(items).filter_map(|(_, status)| status.field(field));
    if let Some(value) = said.filter(|value| !is_zero(value)).last() {
        put(status, field, Some(value.clone()));
    }
}

/// The conditions of all clusters. Those of one type, status and reason are one, whose message says
/// what each cluster says: `<cluster>=<message>, …`.
pub(super) fn merged_conditions(items: &[AggregatedStatusItem]) -> Result<Value, Unreadable> {
    let mut merged: Vec<Value> = Vec::new();
    for (cluster, status) in statuses(items) {
        for condition in status.list("conditions") {
            let message = condition.need("message")?.as_str().unwrap_or_default();
            let message = format!("{cluster}={message}");
            let is_same = |one: &&mut Value| {
                ["type", "status", "reason"].iter().all(|field| one[field] == condition[field])
            };
            if let Some(known) = merged.iter_mut().find(is_same) {
                let so_far = known.text("message").unwrap_or_default();
                known["message"] = Value::from(format!("{so_far}, {message}"));
            } else {
                let mut condition = condition.clone();
                condition["message"] = Value::from(message);
                merged.push(condition);
            }
        }
    }
    Ok(Value::Array(merged))
}

/// The status of a workload: `counters` are the members' sums, `observedGeneration` moves on once
/// all caught up, and the rest stays as it was. `None` when nothing changes.
pub(super) fn sum_counters(
    template: &Manifest,
    items: &[AggregatedStatusItem],
    counters: &[&str],
) -> Option<Value> {
    let old = template.field("status");
    let seen = old.map_or(0, |status| status.count("observedGeneration"));
    let observed =
        if all_caught_up(template, items) { template.count("metadata.generation") } else { seen };
    let sums: Vec<i64> = counters.iter().map(|counter| sum(items, counter)).collect();
    let is_unchanged = seen == observed
        && counters
            .iter()
            .zip(&sums)
            .all(|(counter, sum)| old.map_or(0, |status| status.count(counter)) == *sum);
    if is_unchanged {
        return None;
    }
    let mut status = old.and_then(Value::as_object).cloned().unwrap_or_default();
    for mark_of_a_member in ["generation", "resourceTemplateGeneration"] {
        status.remove(mark_of_a_member);
    }
    put(&mut status, "observedGeneration", Some(Value::from(observed)));
    for (counter, sum) in counters.iter().zip(sums) {
        put(&mut status, counter, Some(Value::from(sum)));
    }
    Some(Value::Object(status))
}

/// Writes a field, or removes it when there is nothing to say.
pub(super) fn put(status: &mut Map<String, Value>, field: &str, value: Option<Value>) {
    match value.filter(|value| !is_zero(value)) {
        Some(value) => {
            status.insert(field.to_owned(), value);
        }
        None => {
            status.remove(field);
        }
    }
}
