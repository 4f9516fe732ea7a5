//! One object in the several versions its resource is served in.
//!
//! Custom kinds change their `apiVersion` only. Two built-in kinds change shape: events, which have a
//! core and a named group, and horizontal pod autoscalers. Each is stored in one version, so that
//! selectors and merges see one shape.

use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::resources::Resource;
use super::storage::Object;

/// Fields of an event: the name in the core group, the name in `events.k8s.io`.
const EVENT_FIELDS: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// The object in the version that `resource` serves.
pub(super) fn served(resource: &Resource, object: &Rc<Object>) -> Value {
    let mut value = object.value();
    if object.api_version != resource.api_version {
        value["apiVersion"] = Value::from(&*resource.api_version);
        match &*resource.api_version {
            "events.k8s.io/v1" => rename(&mut value, EVENT_FIELDS.into_iter()),
            "autoscaling/v1" => autoscaler_to_v1(&mut value),
            _ => {}
        }
    }
    value
}

/// The object as it is stored, with the version it is then in.
pub(super) fn stored(resource: &Resource, mut value: Value) -> (Rc<str>, Value) {
    let version = match &*resource.api_version {
        "events.k8s.io/v1" => {
            rename(&mut value, EVENT_FIELDS.into_iter().map(|(core, named)| (named, core)));
            "v1"
        }
        "autoscaling/v1" => {
            autoscaler_to_v2(&mut value);
            "autoscaling/v2"
        }
        _ => return (resource.api_version.clone(), value),
    };
    value["apiVersion"] = Value::from(version);
    (version.into(), value)
}

fn rename<'a>(value: &mut Value, fields: impl Iterator<Item = (&'a str, &'a str)>) {
    let Some(object) = value.as_object_mut() else { return };
    for (from, to) in fields {
        if let Some(field) = object.remove(from) {
            object.insert(to.to_owned(), field);
        }
    }
}

fn section<'a>(value: &'a mut Value, name: &str) -> Option<&'a mut Map<String, Value>> {
    value.get_mut(name)?.as_object_mut()
}

/// The one metric that `autoscaling/v1` knows becomes an entry of `metrics`.
fn autoscaler_to_v2(value: &mut Value) {
    if let Some(spec) = section(value, "spec")
        && let Some(percent) = spec.remove("targetCPUUtilizationPercentage")
    {
        let target = json!({"type": "Utilization", "averageUtilization": percent});
        spec.insert(
            "metrics".to_owned(),
            json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]),
        );
    }
}

/// CPU utilization is all that `autoscaling/v1` can say; other metrics are not shown in it.
fn autoscaler_to_v1(value: &mut Value) {
    if let Some(spec) = section(value, "spec") {
        let metrics = spec.remove("metrics").unwrap_or_default();
        spec.remove("behavior");
        let mut entries = metrics.as_array().into_iter().flatten();
        let cpu = entries.find(|metric| metric["resource"]["name"] == "cpu");
        let percent = cpu.and_then(|metric| metric.pointer("/resource/target/averageUtilization"));
        if let Some(percent) = percent {
            spec.insert("targetCPUUtilizationPercentage".to_owned(), percent.clone());
        }
    }
    if let Some(status) = section(value, "status") {
        status.remove("conditions");
        status.remove("currentMetrics");
    }
}

#[cfg(test)]
mod tests {
    use super::super::resources::Registry;
    use super::super::storage::{Key, Storage};
    use super::*;

    fn round_trip(group: &str, version: &str, plural: &str, value: &Value) -> (Value, Value) {
        let registry = Registry::built_in();
        let resource = registry.find(group, version, plural).unwrap();
        let (api_version, stored) = stored(resource, value.clone());
        let object = Storage::new().put(&Key::new(resource, "a", "b"), api_version, stored);
        let mut back = served(resource, &object);
        back["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        (object.value(), back)
    }

    #[test]
    fn an_event_of_the_named_group_is_stored_as_a_core_event() {
        let event = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "b"},
            "regarding": {"kind": "Pod", "name": "p"}, "note": "pulled", "reason": "Pulled"});
        let (stored, back) = round_trip("events.k8s.io", "v1", "events", &event);
        assert_eq!(
            (&stored["involvedObject"]["name"], &stored["message"]),
            (&json!("p"), &json!("pulled"))
        );
        assert_eq!(back, event);
    }

    #[test]
    fn an_autoscaler_keeps_its_target_in_both_versions() {
        let scaler = json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "b"}, "spec": {"maxReplicas": 5, "targetCPUUtilizationPercentage": 70}});
        let (stored, back) = round_trip("autoscaling", "v1", "horizontalpodautoscalers", &scaler);
        assert_eq!(stored["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 70);
        assert_eq!(back, scaler);
    }
}
