//! The events of an object.

use jiff::Timestamp;
use serde_json::Value;

use super::block::Block;
use crate::cli::fan_out::pages::{Selection, pages};
use crate::cli::fan_out::text::{at, word};
use crate::cli::fan_out::{Member, fault};
use crate::daemon::Fault;
use crate::member::discovery::Resource;

/// Those that `member` has of `object`, oldest first.
pub(super) async fn of(member: &Member, object: &Value) -> Result<Vec<Value>, Fault> {
    let events = Resource {
        group: "".into(),
        version: "v1".into(),
        kind: "Event".into(),
        plural: "events".into(),
        namespaced: true,
        watchable: true,
    };
    // Events of what lives in no namespace are in `default`.
    let namespace =
        Some(at(object, "/metadata/namespace")).filter(|namespace| !namespace.is_empty());
    let fields = [
        ("involvedObject.name", at(object, "/metadata/name")),
        ("involvedObject.namespace", namespace.unwrap_or_default()),
        ("involvedObject.kind", at(object, "/kind")),
    ];
    let fields = fields.iter().filter(|(_, value)| !value.is_empty());
    let fields: Vec<String> = fields.map(|(field, value)| format!("{field}={value}")).collect();
    let selection = Selection { labels: None, fields: Some(fields.join(",")) };
    let listed = pages(
        member,
        &events,
        Some(namespace.unwrap_or("default")),
        &selection,
        "application/json",
    )
    .await
    .map_err(|error| fault::of(error, "events"))?;
    let mut found: Vec<Value> = Vec::new();
    for mut page in listed {
        if let Value::Array(items) = page["items"].take() {
            found.extend(items);
        }
    }
    // Not those of an earlier object of this name. Some sources name no uid, and a kubelet names its node's
    // name as such, so a server cannot be asked for it.
    found.retain(|event| {
        let uid = at(event, "/involvedObject/uid");
        ["", at(object, "/metadata/uid"), at(object, "/metadata/name")].contains(&uid)
    });
    found.sort_by_key(last_seen);
    Ok(found)
}

/// Adds them to the block of their object.
pub(super) fn add(block: &mut Block, events: &Result<Vec<Value>, Fault>, now: Timestamp) {
    let events = match events {
        Ok(events) if events.is_empty() => return block.line(0, &["Events:", "<none>"]),
        Ok(events) => events,
        Err(fault) => {
            let told = format!("<unknown: {}: {}>", fault.code, fault.text);
            return block.line(0, &["Events:", &told]);
        }
    };
    block.line(0, &["Events:"]);
    block.line(1, &["Type", "Reason", "Age", "From", "Message"]);
    block.line(1, &["----", "------", "----", "----", "-------"]);
    for event in events {
        let source = Some(at(event, "/source/component")).filter(|text| !text.is_empty());
        block.line(
            1,
            &[
                at(event, "/type"),
                at(event, "/reason"),
                &age(event, now),
                source.unwrap_or_else(|| at(event, "/reportingComponent")),
                &word(&event["message"]),
            ],
        );
    }
}

/// `5m`, or `5m (x12 over 2h)` of what happened more than once.
fn age(event: &Value, now: Timestamp) -> String {
    let since = |time: Option<Timestamp>| match time {
        Some(time) => span(now.duration_since(time).as_secs().max(0).unsigned_abs()),
        None => "<unknown>".to_owned(),
    };
    let count = event["series"]["count"].as_i64().or(event["count"].as_i64()).unwrap_or(1);
    if count < 2 {
        return since(last_seen(event));
    }
    let first = time(at(event, "/firstTimestamp")).or_else(|| time(at(event, "/eventTime")));
    format!("{} (x{count} over {})", since(last_seen(event)), since(first))
}

fn last_seen(event: &Value) -> Option<Timestamp> {
    let places =
        ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
    places.iter().find_map(|place| time(at(event, place)))
}

fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// A time span as people say it, in one or two units: `45s`, `3m10s`, `5h12m`, `3d`.
fn span(secs: u64) -> String {
    let (mins, hours, days) = (secs / 60, secs / 3600, secs / 86_400);
    match secs {
        0..120 => format!("{secs}s"),
        120..600 => two(mins, "m", secs % 60, "s"),
        600..10_800 => format!("{mins}m"),
        10_800..28_800 => two(hours, "h", mins % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        _ => format!("{days}d"),
    }
}

fn two(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large}{large_unit}")
    } else {
        format!("{large}{large_unit}{small}{small_unit}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ages_are_short_and_tell_how_often() {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        for (event, expected) in [
            (json!({"lastTimestamp": "2026-01-01T23:59:15Z", "count": 1}), "45s"),
            (
                json!({"firstTimestamp": "2026-01-01T18:48:00Z", "lastTimestamp": "2026-01-01T23:56:50Z", "count": 12}),
                "3m10s (x12 over 5h12m)",
            ),
            (json!({"eventTime": "2025-12-20T00:00:00.000000Z"}), "13d"),
            (json!({}), "<unknown>"),
        ] {
            assert_eq!(age(&event, now), expected, "{event}");
        }
    }
}
