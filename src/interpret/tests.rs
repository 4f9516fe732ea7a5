//! Each kind by example.

use proptest::prelude::*;

use super::*;

fn count(api_version: &str, kind: &str, spec: &str) -> Option<i32> {
    let text = format!("{{apiVersion: {api_version}, kind: {kind}, spec: {spec}}}");
    replicas(&serde_saphyr::from_str(&text).unwrap()).map(|replicas| replicas.count)
}

#[test]
fn an_absent_number_is_the_one_that_an_api_server_fills_in() {
    for kind in ["Deployment", "ReplicaSet", "StatefulSet"] {
        assert_eq!(count("apps/v1", kind, "{}"), Some(1), "{kind}");
        assert_eq!(count("apps/v1", kind, "{replicas: null}"), Some(1), "{kind}");
        assert_eq!(count("apps/v1", kind, "{replicas: 0}"), Some(0), "{kind}");
    }
    for (spec, expected) in [
        ("{}", 1),
        ("{parallelism: 3}", 3),
        ("{completions: 5}", 1),
        ("{parallelism: 3, completions: 2}", 2),
        ("{parallelism: 0, completions: 2}", 0),
    ] {
        assert_eq!(count("batch/v1", "Job", spec), Some(expected), "{spec}");
    }
    assert_eq!(count("v1", "Pod", "{}"), Some(1));
    assert_eq!(count("apps/v1", "DaemonSet", "{}"), None);
}

/// Names of fields that some kind reads, so that what is made up gets somewhere.
const NAMES: &[&str] = &[
    "active",
    "activeServiceStatus",
    "applicationState",
    "applicationStatuses",
    "conditions",
    "containerState",
    "containerStatuses",
    "controlledResources",
    "desired",
    "desiredCPU",
    "disruptedPods",
    "env",
    "executorState",
    "failed",
    "generation",
    "hostname",
    "ingress",
    "initContainers",
    "ip",
    "jobStatus",
    "lastTransitionTime",
    "lastUpdateTime",
    "limits",
    "loadBalancer",
    "message",
    "minAvailable",
    "name",
    "observedGeneration",
    "phase",
    "ports",
    "rayClusterConfig",
    "reason",
    "replicas",
    "replicaStatuses",
    "requests",
    "resources",
    "resourceTemplateGeneration",
    "rulecount",
    "running",
    "runningDuration",
    "spec",
    "startTime",
    "startedAt",
    "state",
    "status",
    "taskStatusCount",
    "tasks",
    "template",
    "tolerations",
    "type",
    "validate",
    "volumes",
    "Worker",
    "workerGroupSpecs",
];

const TEXTS: &[&str] = &[
    "",
    "1",
    "1g",
    "2026-06-01T10:00:00Z",
    "2m30s",
    "500m",
    "Complete",
    "Failed",
    "Java",
    "LoadBalancer",
    "Running",
    "Succeeded",
    "True",
];

fn arb_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop_oneof![any::<i64>(), -1_i64..5].prop_map(Value::from),
        proptest::sample::select(TEXTS).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(proptest::sample::select(NAMES), inner, 0..6).prop_map(
                |map| map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            ),
        ]
    })
}

fn object(kind: (&str, &str), spec: &Value, status: &Value) -> Manifest {
    let (api_version, kind) = kind;
    let metadata = serde_json::json!({ "name": "odd", "namespace": "web", "generation": 1 });
    let object = serde_json::json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": metadata,
        "spec": spec,
        "status": status,
    });
    Manifest::from_value(object).unwrap()
}

fn items(statuses: Vec<Value>) -> Vec<AggregatedStatusItem> {
    let items = statuses.into_iter().enumerate().map(|(place, status)| {
        let item = serde_json::json!({ "clusterName": format!("member{place}"), "status": status });
        serde_json::from_value(item).unwrap()
    });
    items.collect()
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

/// Members that scale by themselves read as done, with what there really is; where no pod is left, no
/// status tells of any.
#[test]
fn what_members_scale_themselves_is_told_as_it_is() {
    let template =
        object(("apps/v1", "Deployment"), &serde_json::json!({"replicas": 3}), &Value::Null);
    let told = |pods: [i64; 2]| {
        let status = |n: &i64| {
            serde_json::json!({"replicas": n, "updatedReplicas": n, "readyReplicas": n,
                "availableReplicas": n, "resourceTemplateGeneration": 1})
        };
        let mut items = items(pods.iter().map(status).collect());
        for item in &mut items {
            item.health = Health::Healthy;
        }
        let now = at("2026-07-01T00:00:00Z");
        let aggregated = aggregate(&template, &items, now).unwrap();
        let status = complete(&template, aggregated, &items, Some(3), now).unwrap();
        let available = &status["conditions"][0];
        assert_eq!(available["type"], "Available");
        let count = status.get("availableReplicas").and_then(Value::as_i64).unwrap_or(0);
        (count, available["status"] == "True", available["message"].as_str().unwrap().to_owned())
    };
    let as_assigned = "3 of 3 replicas are available";
    assert_eq!(told([2, 1]), (3, true, as_assigned.to_owned()));
    let scaled = "all 10 replicas are available, where 3 were assigned";
    assert_eq!(told([6, 4]), (3, true, scaled.to_owned()));
    assert_eq!(told([0, 0]), (0, false, "0 of 3 replicas are available".to_owned()));
}

/// A change that a cluster does not take, as of a Job's pods, does not read as done by what the Job of
/// before did; that it failed where the newest runs does. What only its work has anew, such as a label,
/// takes nothing back.
#[test]
fn a_job_has_not_ended_while_a_cluster_runs_an_earlier_one() {
    let told = |template: &Value, ends: [(&str, bool); 2]| {
        let ended = |of_type: &str| {
            serde_json::json!({"startTime": "2026-06-01T00:00:00Z",
                "conditions": [{"type": of_type, "status": "True"}]})
        };
        let mut items = items(ends.iter().map(|(end, _)| ended(end)).collect());
        for (item, (_, is_newest)) in items.iter_mut().zip(ends) {
            item.applied = is_newest;
        }
        let template = object(("batch/v1", "Job"), &Value::Null, template);
        let now = at("2026-07-01T00:00:00Z");
        let aggregated = aggregate(&template, &items, now).unwrap();
        let status = complete(&template, aggregated, &items, None, now).unwrap();
        let of_type = |one: &Value| one["type"].as_str().unwrap().to_owned();
        let conditions = status["conditions"].as_array().unwrap();
        (conditions.iter().map(of_type).collect::<Vec<_>>().join(" "), status)
    };
    let (word, complete) = told(&Value::Null, [("Complete", true), ("Complete", true)]);
    assert_eq!(word, "Complete");
    let (word, relabelled) = told(&complete, [("Complete", true), ("Complete", false)]);
    assert_eq!((word.as_str(), &relabelled), ("Complete", &complete));
    let job = object(("batch/v1", "Job"), &Value::Null, &complete);
    let anew = begin_anew(&job, complete);
    let (word, changed) = told(&anew, [("Complete", true), ("Complete", false)]);
    assert_eq!((word.as_str(), changed.get("startTime")), ("", None));
    let (word, _) = told(&changed, [("Complete", true), ("Complete", true)]);
    assert_eq!(word, "Complete");
    assert_eq!(told(&Value::Null, [("Failed", true), ("Complete", false)]).0, "Failed");
    assert_eq!(told(&Value::Null, [("Failed", false), ("Complete", true)]).0, "");
}

proptest! {
    /// A member may say anything, and a file may hold anything: every kind answers every question,
    /// and the same reports change a status once only,
    /// before it is completed and after.
    #[test]
    fn nothing_is_too_odd_for_a_kind(
        spec in arb_value(),
        old in arb_value(),
        statuses in proptest::collection::vec(arb_value(), 0..4),
    ) {
        let items = items(statuses.clone());
        for kind in kinds::KINDS {
            let mut template = object(kind.matches(), &spec, &old);
            let _ = (replicas(&template), components(&template), dependencies(&template));
            revise_replicas(&mut template, 7);
            for status in &statuses {
                let live = object(kind.matches(), &spec, status);
                let _ = (health(&live), reflect(&live));
                let _ = retain(&mut template.clone(), &live);
            }
            let aggregated = aggregate(&template, &items, at("2026-07-01T00:00:00Z"));
            if let Ok(Some(status)) = aggregated {
                template.0.insert("status".to_owned(), status);
                let again = aggregate(&template, &items, at("2026-07-01T00:00:01Z"));
                prop_assert_eq!(again, Ok(None), "{:?}", kind.matches());
            }
            for assigned in [None, Some(0), Some(7), Some(i64::MAX)] {
                let completed = |template: &Manifest, time| {
                    let aggregated = aggregate(template, &items, at(time)).unwrap_or_default();
                    complete(template, aggregated, &items, assigned, at(time))
                };
                let mut template = template.clone();
                let first = completed(&template, "2026-07-01T00:00:00Z");
                template.0.insert("status".to_owned(), first.clone().unwrap_or_default());
                let second = completed(&template, "2026-07-01T00:00:01Z");
                prop_assert_eq!(first, second, "{:?}", kind.matches());
            }
        }
    }

    /// What a cluster was given is what its object asks for.
    #[test]
    fn a_share_is_read_back(share in 1_i32..5_000, sizes in proptest::collection::vec(0..9, 1..5)) {
        let groups: Vec<Value> =
            sizes.iter().map(|size| serde_json::json!({ "replicas": size })).collect();
        let spec = serde_json::json!({
            "template": { "spec": {} },
            "rayClusterConfig": { "headGroupSpec": { "template": {} }, "workerGroupSpecs": groups },
        });
        for kind in [
            ("apps/v1", "Deployment"),
            ("apps/v1", "ReplicaSet"),
            ("apps/v1", "StatefulSet"),
            ("batch/v1", "Job"),
            ("apps.kruise.io/v1alpha1", "BroadcastJob"),
            ("apps.kruise.io/v1alpha1", "CloneSet"),
            ("apps.kruise.io/v1alpha1", "UnitedDeployment"),
            ("apps.kruise.io/v1beta1", "StatefulSet"),
            ("argoproj.io/v1alpha1", "Workflow"),
            ("ray.io/v1", "RayService"),
        ] {
            let mut template = object(kind, &spec, &Value::Null);
            revise_replicas(&mut template, share);
            prop_assert_eq!(replicas(&template).map(|asked| asked.count), Some(share), "{:?}", kind);
            let groups = template.0["spec"]["rayClusterConfig"]["workerGroupSpecs"].as_array();
            let is_negative = |group: &Value| group["replicas"].as_i64() < Some(0);
            prop_assert!(!groups.into_iter().flatten().any(is_negative));
        }
    }

    /// The federated generation is the template's when every member caught up, else the old one.
    #[test]
    fn the_generation_moves_when_all_caught_up(
        seen in 0_i64..3,
        members in proptest::collection::vec((0_i64..3, 0_i64..3, 0_i64..3), 1..4),
    ) {
        let reports = members.iter().map(|(generation, observed, of_template)| {
            serde_json::json!({
                "replicas": 1,
                "generation": generation,
                "observedGeneration": observed,
                "resourceTemplateGeneration": of_template,
            })
        });
        let items = items(reports.collect());
        let all_caught_up = members
            .iter()
            .all(|(generation, observed, of_template)| observed >= generation && *of_template >= 1);
        let old = serde_json::json!({ "observedGeneration": seen });
        let template = object(("apps/v1", "Deployment"), &Value::Null, &old);
        let status = aggregate(&template, &items, at("2026-07-01T00:00:00Z")).unwrap().unwrap();
        let moved = status.get("observedGeneration").and_then(Value::as_i64).unwrap_or(0);
        prop_assert_eq!(moved, if all_caught_up { 1 } else { seen });
    }
}
