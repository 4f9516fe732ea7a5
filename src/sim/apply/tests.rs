use super::*;
use serde_json::json;

const NOON: &str = "2026-01-31T12:00:00Z";
const LATER: &str = "2026-01-31T13:00:00Z";

fn by<'a>(manager: &'a str, time: &'a str) -> Write<'a> {
    Write { manager, api_version: "apps/v1", time, subresource: None }
}

fn deployments() -> std::sync::Arc<Schema> {
    Schema::of("apps", "v1", "Deployment", None)
}

fn deployment(spec: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop", "namespace": "web"},
        "spec": spec,
    })
}

fn containers(containers: &Value) -> Value {
    deployment(&json!({"template": {"spec": {"containers": containers}}}))
}

fn fields_of<'a>(object: &'a Value, manager: &str) -> &'a Value {
    let entries = object.pointer("/metadata/managedFields").expect("the object has books");
    let entries = entries.as_array().expect("a list");
    let entry = entries.iter().find(|entry| entry["manager"] == manager);
    entry.map_or(&Value::Null, |entry| &entry["fieldsV1"])
}

fn applied(live: Option<&Value>, config: &Value, manager: &str) -> Value {
    apply(&deployments(), live, config, &by(manager, NOON), Force::No).expect("no conflict")
}

#[test]
fn created_object_carries_what_the_config_sets() {
    let config = deployment(&json!({
        "replicas": 3,
        "selector": {"matchLabels": {"app": "shop"}},
        "template": {
            "metadata": {"labels": {"app": "shop"}},
            "spec": {"containers": [{
                "name": "app", "image": "shop:1", "args": ["-v"],
                "ports": [{"containerPort": 80}],
                "env": [{"name": "A", "value": "1"}],
            }]},
        },
    }));
    let object = applied(None, &config, "git-fleet");
    assert_eq!(object["spec"], config["spec"]);
    assert_eq!(
        object["metadata"]["managedFields"],
        json!([{
            "manager": "git-fleet", "operation": "Apply", "apiVersion": "apps/v1", "time": NOON,
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {
                "f:replicas": {},
                "f:selector": {},
                "f:template": {
                    "f:metadata": {"f:labels": {"f:app": {}}},
                    "f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {
                        ".": {}, "f:name": {}, "f:image": {}, "f:args": {},
                        "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {
                            ".": {}, "f:containerPort": {}}},
                        "f:env": {"k:{\"name\":\"A\"}": {".": {}, "f:name": {}, "f:value": {}}},
                    }}},
                },
            }},
        }])
    );
}

#[test]
fn apply_twice_is_apply_once() {
    let config = containers(&json!([{"name": "app", "image": "shop:1"}]));
    let once = applied(None, &config, "git-fleet");
    let twice = apply(&deployments(), Some(&once), &config, &by("git-fleet", LATER), Force::No);
    assert_eq!(twice.as_ref(), Ok(&once));
}

#[test]
fn changing_a_field_of_another_manager_is_a_conflict() {
    let live = applied(None, &deployment(&json!({"replicas": 3})), "kubectl");
    let config = deployment(&json!({"replicas": 5}));
    let refused = apply(&deployments(), Some(&live), &config, &by("hpa", LATER), Force::No);
    let conflicts = refused.expect_err("kubectl owns it");
    assert_eq!(
        conflicts.to_string(),
        r#"Apply failed with 1 conflict: conflict with "kubectl": .spec.replicas"#
    );

    let forced = apply(&deployments(), Some(&live), &config, &by("hpa", LATER), Force::Yes);
    let forced = forced.expect("forced");
    assert_eq!(forced["spec"]["replicas"], 5);
    assert_eq!(fields_of(&forced, "kubectl"), &Value::Null);
}

#[test]
fn dropped_field_goes_unless_another_manager_owns_it() {
    let both = deployment(&json!({"replicas": 3, "paused": true}));
    let one = deployment(&json!({"paused": true}));
    let live = applied(None, &both, "git-fleet");
    assert_eq!(applied(Some(&live), &one, "git-fleet")["spec"], json!({"paused": true}));

    let shared = applied(Some(&live), &deployment(&json!({"replicas": 3})), "hpa");
    assert_eq!(applied(Some(&shared), &one, "git-fleet")["spec"], both["spec"]);
}

#[test]
fn update_takes_ownership() {
    let live = applied(None, &deployment(&json!({"replicas": 3})), "git-fleet");
    let mut new = live.clone();
    new["spec"]["replicas"] = json!(4);
    let write = Write { subresource: Some("scale"), ..by("kubectl", LATER) };
    track(&deployments(), Some(&live), &mut new, &write);
    assert_eq!(
        new["metadata"]["managedFields"],
        json!([{
            "manager": "kubectl", "operation": "Update", "apiVersion": "apps/v1",
            "subresource": "scale", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:replicas": {}}},
        }])
    );
    let refused = apply(
        &deployments(),
        Some(&new),
        &deployment(&json!({"replicas": 3})),
        &by("git-fleet", LATER),
        Force::No,
    );
    assert_eq!(
        refused.expect_err("kubectl owns it now").to_string(),
        "Apply failed with 1 conflict: conflict with \"kubectl\" with subresource \"scale\" using \
         apps/v1: .spec.replicas"
    );
}

/// As a real API server v1.36 answers: structs that the Go type holds by value are not owned for
/// themselves, maps and items are.
#[test]
fn creation_owns_what_is_in_the_structs() {
    let mut new = deployment(&json!({
        "strategy": {"rollingUpdate": {"maxSurge": 1}},
        "template": {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [{"name": "app"}]}},
    }));
    track(&deployments(), None, &mut new, &by("kubectl", NOON));
    assert_eq!(
        fields_of(&new, "kubectl"),
        &json!({"f:spec": {
            "f:strategy": {"f:rollingUpdate": {".": {}, "f:maxSurge": {}}},
            "f:template": {
                "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
                "f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {".": {}, "f:name": {}}}},
            },
        }})
    );
}
