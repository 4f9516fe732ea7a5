use serde_json::json;

use super::*;

fn manifest(value: Value) -> Manifest {
    Manifest::from_value(value).expect("a map")
}

/// A live object in which `git-fleet` owns `fields`, and the other managers what stands with them.
#[expect(clippy::needless_pass_by_value, reason = "callers read better with `json!` inline")]
fn live(fields: Value, others: &[(&str, &str, Value)]) -> Value {
    let mut entries =
        vec![json!({"manager": "git-fleet", "operation": "Apply", "fieldsV1": fields})];
    entries.extend(others.iter().map(|(manager, subresource, fields)| {
        json!({"manager": manager, "operation": "Update", "subresource": subresource,
               "time": "2026-01-01T00:00:00Z", "fieldsV1": fields})
    }));
    json!({"metadata": {"managedFields": entries}})
}

fn lost(desired: Value, fields: Value) -> Vec<String> {
    uncovered(&manifest(desired), &live(fields, &[]))
}

#[test]
fn identity_and_status_are_nobodys() {
    let desired = json!({"apiVersion": "v1", "kind": "ConfigMap", "status": {"a": 1},
        "metadata": {"name": "a", "namespace": "b", "labels": {"x": "1"}}, "data": {"k": "v"}});
    let owned = json!({"f:metadata": {"f:labels": {"f:x": {}}}, "f:data": {"f:k": {}}});
    assert_eq!(lost(desired, owned), [""; 0]);
}

#[test]
fn a_field_that_another_took_is_lost() {
    let desired = json!({"spec": {"replicas": 3, "paused": false}});
    let owned = json!({"f:spec": {"f:paused": {}}});
    assert_eq!(lost(desired, owned), [".spec.replicas"]);
}

#[test]
fn a_label_that_another_removed_is_lost() {
    let desired = json!({"metadata": {"labels": {"a.b/c": "1", "d": "2"}}});
    let owned = json!({"f:metadata": {"f:labels": {".": {}, "f:d": {}}}});
    assert_eq!(lost(desired.clone(), owned), [".metadata.labels.a.b/c"]);
    assert_eq!(lost(desired, json!({"f:metadata": {}})), [".metadata.labels"]);
}

#[test]
fn an_object_that_we_never_applied_is_lost_as_a_whole() {
    let desired = manifest(json!({"metadata": {"labels": {"a": "1"}}, "spec": {"x": 1}}));
    let live = json!({"metadata": {"managedFields": [
        {"manager": "git-fleet", "operation": "Update", "fieldsV1": {"f:spec": {"f:x": {}}}}]}});
    assert_eq!(uncovered(&desired, &live), [".metadata.labels", ".spec"]);
    assert_eq!(uncovered(&desired, &json!({})), [".metadata.labels", ".spec"]);
    assert!(!is_ours(&live));
}

#[test]
fn an_atomic_leaf_covers_everything_below_it() {
    let desired = json!({"spec": {"selector": {"matchLabels": {"a": "b"}}, "args": ["x", "y"]}});
    assert_eq!(lost(desired.clone(), json!({"f:spec": {"f:selector": {}, "f:args": {}}})), [""; 0]);
    assert_eq!(lost(desired, json!({"f:spec": {"f:selector": {}}})), [".spec.args"]);
}

#[test]
fn empty_maps_and_lists_and_nulls_need_no_owner() {
    let desired = json!({"spec": {"a": {}, "b": [], "c": null, "d": {"e": null}, "f": {"g": 1}}});
    assert_eq!(lost(desired, json!({"f:spec": {"f:f": {"f:g": {}}}})), [""; 0]);
}

#[test]
fn items_of_keyed_lists_are_found_by_their_keys() {
    let desired = json!({"containers": [{"name": "b", "image": "2"}, {"name": "a", "image": "1"}]});
    let owned = json!({"f:containers": {
        "k:{\"name\":\"a\"}": {".": {}, "f:name": {}, "f:image": {}},
        "k:{\"name\":\"b\"}": {".": {}, "f:name": {}}}});
    assert_eq!(lost(desired.clone(), owned), [".containers[0].image"]);
    let owned = json!({"f:containers": {
        "k:{\"name\":\"a\"}": {".": {}, "f:name": {}, "f:image": {}}}});
    assert_eq!(lost(desired, owned), [".containers[0]"]);
}

#[test]
fn a_key_that_the_server_defaulted_matches() {
    let desired =
        json!({"ports": [{"containerPort": 53}, {"containerPort": 53, "protocol": "UDP"}]});
    let owned = json!({"f:ports": {
        "k:{\"containerPort\":53,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}},
        "k:{\"containerPort\":53,\"protocol\":\"UDP\"}":
            {".": {}, "f:containerPort": {}, "f:protocol": {}}}});
    assert_eq!(lost(desired.clone(), owned), [""; 0]);
    let owned = json!({"f:ports": {
        "k:{\"containerPort\":53,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}});
    assert_eq!(lost(desired, owned), [".ports[1]"]);
}

#[test]
fn items_of_sets_are_found_by_value() {
    let desired = json!({"metadata": {"finalizers": ["a/b", "c/d"]}});
    let owned = json!({"f:metadata": {"f:finalizers": {".": {}, "v:\"a/b\"": {}}}});
    assert_eq!(lost(desired, owned), [".metadata.finalizers[1]"]);
}

#[test]
fn the_owner_of_a_lost_field_is_named() {
    let fields = json!({"f:spec": {"f:replicas": {}, "f:containers": {"k:{\"name\":\"a\"}": {"f:image": {}}}},
        "f:metadata": {"f:labels": {"f:a.b/c": {}}}});
    let live =
        live(json!({}), &[("argocd", "", fields), ("kubelet", "status", json!({"f:status": {}}))]);
    for path in [
        ".spec.replicas",
        ".metadata.labels.a.b/c",
        ".spec.containers[0].image",
        ".metadata.labels",
    ] {
        assert_eq!(owners_of(&live, path), ["argocd"], "{path}");
    }
    assert_eq!(owners_of(&live, ".spec.replicasX"), [""; 0]);
    assert_eq!(owners_of(&live, ".spec.paused"), [""; 0]);
    assert_eq!(last_writer(&live).as_deref(), Some("argocd"));
}

#[test]
fn replicas_are_an_autoscalers_only_if_it_wrote_them_through_scale() {
    let replicas = json!({"f:spec": {"f:replicas": {}}});
    let hpa = live(json!({}), &[("kube-controller-manager", "scale", replicas.clone())]);
    assert_eq!(autoscaler(&hpa), Some("kube-controller-manager"));
    for manager in ["kubectl", "k9s", "node-fetch", "argocd"] {
        assert_eq!(autoscaler(&live(json!({}), &[(manager, "scale", replicas.clone())])), None);
    }
    let by_hand = [("kube-controller-manager", "", replicas.clone())];
    assert_eq!(autoscaler(&live(json!({}), &by_hand)), None);
    assert_eq!(autoscaler(&live(json!({}), &[("kubectl-edit", "", replicas)])), None);
}
