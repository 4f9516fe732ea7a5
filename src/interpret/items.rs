//! What the members report of one object, taken together.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::fields::{Fields, Unreadable, earlier, is_zero, later, written};
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

/// The value at `path` of the first cluster that has one.
pub(super) fn first<'i>(items: &'i [AggregatedStatusItem], path: &str) -> Option<&'i Value> {
    statuses(items).find_map(|(_, status)| status.at(path))
}

fn times<'i>(items: &'i [AggregatedStatusItem], path: &str) -> impl Iterator<Item = &'i Value> {
    statuses(items).filter_map(move |(_, status)| status.at(path)).filter(|time| !is_zero(time))
}

/// The latest of the times at `path`.
pub(super) fn latest<'i>(items: &'i [AggregatedStatusItem], path: &str) -> Option<&'i Value> {
    times(items, path).fold(None, |so_far, time| later(so_far, Some(time)))
}

/// The earliest of the times at `path`.
pub(super) fn earliest<'i>(items: &'i [AggregatedStatusItem], path: &str) -> Option<&'i Value> {
    times(items, path).fold(None, |so_far, time| earlier(so_far, Some(time)))
}

/// The entries of the lists at `path`, one list after the other.
pub(super) fn entries_of<'i>(
    items: &'i [AggregatedStatusItem],
    path: &str,
) -> impl Iterator<Item = &'i Value> {
    statuses(items).flat_map(move |(_, status)| status.list(path))
}

/// The lists at `path`, one after the other.
pub(super) fn joined(items: &[AggregatedStatusItem], path: &str) -> Vec<Value> {
    entries_of(items, path).cloned().collect()
}

/// The value that ranks highest, the first of equal ones.
pub(super) fn foremost<T: Copy, R: PartialOrd>(
    values: impl Iterator<Item = T>,
    rank: impl Fn(T) -> R,
) -> Option<T> {
    values.fold(None, |best: Option<T>, one| {
        Some(best.filter(|best| rank(*best) >= rank(one)).unwrap_or(one))
    })
}

/// The status that the template has, to be written over.
pub(super) fn status_of(template: &Manifest) -> Map<String, Value> {
    template.field("status").and_then(Value::as_object).cloned().unwrap_or_default()
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
) -> Result<Map<String, Value>, Unreadable> {
    let metadata = template.need("metadata")?;
    let mut status = status_of(template);
    if all_the_same(template, items) {
        let generation = metadata.count("generation");
        put_count(&mut status, "observedGeneration", generation);
    } else {
        let seen = status.count("observedGeneration");
        put_count(&mut status, "observedGeneration", seen);
    }
    put_sums(&mut status, items, counters);
    for text in texts {
        status.remove(*text);
        put_last(&mut status, items, text);
    }
    Ok(status)
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
/// all caught up, and the rest stays as it was. Those of `always` are there even when they are 0.
/// `None` when nothing changes.
pub(super) fn sum_counters(
    template: &Manifest,
    items: &[AggregatedStatusItem],
    counters: &[&str],
    always: &[&str],
) -> Option<Value> {
    let old = template.field("status");
    let seen = old.map_or(0, |status| status.count("observedGeneration"));
    let observed =
        if all_caught_up(template, items) { template.count("metadata.generation") } else { seen };
    let sums: Vec<(&str, i64)> = counters.iter().map(|name| (*name, sum(items, name))).collect();
    let is_unchanged = seen == observed
        && sums.iter().all(|(name, sum)| old.map_or(0, |status| status.count(name)) == *sum);
    if is_unchanged {
        return None;
    }
    let mut status = old.and_then(Value::as_object).cloned().unwrap_or_default();
    for mark_of_a_member in ["generation", "resourceTemplateGeneration"] {
        status.remove(mark_of_a_member);
    }
    status.retain(|_, value| !is_zero(value));
    put(&mut status, "observedGeneration", Some(Value::from(observed)));
    for (name, sum) in sums {
        put(&mut status, name, Some(Value::from(sum)));
        if always.contains(&name) {
            put_count(&mut status, name, sum);
        }
    }
    Some(Value::Object(status))
}

/// The status of the only cluster, when there is but one: then nothing needs to be taken together.
/// One that reported nothing has an empty status.
pub(super) fn only(items: &[AggregatedStatusItem]) -> Option<Value> {
    let [item] = items else { return None };
    let status = item.status.clone().filter(|status| !status.is_null());
    Some(status.unwrap_or_else(|| Value::Object(Map::new())))
}

/// The values at `path`, one of each `key`, in the order of their first, by which of two `is_newer`.
pub(super) fn one_of_each<'i>(
    values: impl Iterator<Item = &'i Value>,
    key: &str,
    is_newer: impl Fn(&Value, &Value) -> bool,
) -> Vec<Value> {
    let mut kept: Vec<&Value> = Vec::new();
    for value in values {
        match kept.iter_mut().find(|known| known[key] == value[key]) {
            Some(known) if is_newer(value, known) => *known = value,
            Some(_) => {}
            None => kept.push(value),
        }
    }
    kept.into_iter().cloned().collect()
}

/// A condition, true since `now`, or since the template's old one that says the same.
pub(super) fn condition(
    template: &Manifest,
    of_type: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
) -> Value {
    let says_the_same = |old: &&Value| {
        old["type"] == of_type
            && old["status"] == "True"
            && old["reason"] == reason
            && old["message"] == message
    };
    let old = template.list("status.conditions").iter().find(says_the_same);
    let since = |field| old.and_then(|old| old.field(field)).cloned().unwrap_or(written(now));
    json!({
        "type": of_type,
        "status": "True",
        "lastProbeTime": since("lastProbeTime"),
        "lastTransitionTime": since("lastTransitionTime"),
        "reason": reason,
        "message": message,
    })
}

/// The clusters whose status `is_so`, by name, as one text.
pub(super) fn clusters_where(
    items: &[AggregatedStatusItem],
    separator: &str,
    is_so: impl Fn(&Value) -> bool,
) -> Option<String> {
    let names: Vec<&str> =
        statuses(items).filter(|(_, status)| is_so(status)).map(|(name, _)| name).collect();
    (!names.is_empty()).then(|| names.join(separator))
}

/// Whether the status of every cluster `is_so`, and there is at least one.
pub(super) fn everywhere(items: &[AggregatedStatusItem], is_so: impl Fn(&Value) -> bool) -> bool {
    !items.is_empty() && statuses(items).filter(|(_, status)| is_so(status)).count() == items.len()
}

/// Writes a counter, 0 or not.
pub(super) fn put_count(status: &mut Map<String, Value>, field: &str, count: i64) {
    status.insert(field.to_owned(), Value::from(count));
}

/// Writes the members' sums of these counters, 0 or not.
pub(super) fn put_sums(
    status: &mut Map<String, Value>,
    items: &[AggregatedStatusItem],
    counters: &[&str],
) {
    for counter in counters {
        put_count(status, counter, sum(items, counter));
    }
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
