//! Any fleet that validates, made from any bytes: for the fuzz target and for the property tests.
//! Include it with `#[path = "…/any_fleet.rs"] mod any_fleet;`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use git_fleet::api::names::{ClusterName, ObjectId};
use git_fleet::api::placement::ReplicaSchedulingType;
use git_fleet::api::problem::Severity;
use git_fleet::api::report::ClusterReport;
use git_fleet::fleet::{Fleet, parse_file};
use git_fleet::interpret::Bundled;
use git_fleet::plan::{Inputs, Memo, Plan, Previous, make};
use serde_json::{Value, json};

/// A source and what its clusters report.
pub(crate) struct Case {
    fleet: Fleet,
    reports: BTreeMap<ClusterName, Arc<ClusterReport>>,
}

const CLUSTERS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

impl Case {
    /// `None` when it does not validate.
    pub(crate) fn any(u: &mut Unstructured<'_>) -> Result<Option<Self>> {
        let mut documents = Vec::new();
        let mut reports = BTreeMap::new();
        for name in &CLUSTERS[..u.int_in_range(0..=CLUSTERS.len())?] {
            documents.push(cluster(u, name)?);
            if u.ratio(4, 5)? {
                let report = report(u)?;
                reports.insert(name.parse().expect("it is a name"), Arc::new(report));
            }
        }
        for n in 0..u.int_in_range(0..=5)? {
            documents.push(template(u, n)?);
        }
        for n in 0..u.int_in_range(0..=3)? {
            documents.push(policy(u, n)?);
        }
        documents.push(json!({
            "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
            "metadata": {"name": "gold"}, "value": u.arbitrary::<i32>()?,
        }));
        let texts: Vec<String> = documents.iter().map(ToString::to_string).collect();
        let text = texts.join("\n---\n");
        let file = parse_file("any.yaml", ObjectId::from_bytes([0; 20]), text.as_bytes());
        let (fleet, problems) = Fleet::assemble(ObjectId::from_bytes([0; 20]), &[Arc::new(file)]);
        let is_valid = problems.iter().all(|problem| problem.severity != Severity::Error);
        Ok(is_valid.then_some(Self { fleet, reports }))
    }

    pub(crate) fn plan(&self, previous: &Previous, memo: &mut Memo) -> Plan {
        let now = "2026-06-01T12:00:00Z".parse().expect("it is a time");
        let (fleet, reports, interpreter) = (&self.fleet, &self.reports, &Bundled);
        make(&Inputs { fleet, reports, previous, interpreter, now }, memo)
    }
}

/// Plans any fleet, then any other one after it, and holds the plans to what is true of all plans.
pub(crate) fn check(bytes: &[u8]) {
    let mut u = Unstructured::new(bytes);
    let mut previous = Previous::default();
    while let Ok(Some(case)) = Case::any(&mut u) {
        let mut memo = Memo::default();
        let plan = case.plan(&previous, &mut memo);
        keeps_replicas(&plan);
        // Planning again changes nothing, whatever is remembered.
        let own = Previous::from(&plan);
        let files = texts(&plan);
        same(&texts(&case.plan(&own, &mut memo)), &files, "with what is remembered");
        same(&texts(&case.plan(&own, &mut Memo::default())), &files, "with nothing remembered");
        let tree = files.iter().map(|(path, text)| (path.as_str(), text.as_bytes()));
        let read = Previous::read(tree).expect("what was written can be read");
        same(&texts(&case.plan(&read, &mut Memo::default())), &files, "after a start");
        previous = own;
        if u.is_empty() {
            break;
        }
    }
}

type Texts = BTreeMap<String, String>;

fn texts(plan: &Plan) -> Texts {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it is YAML");
    plan.files().into_iter().map(|(path, file)| (path, text(&file.bytes))).collect()
}

/// Fails with the first file that differs.
fn same(again: &Texts, first: &Texts, how: &str) {
    let paths = first.keys().chain(again.keys());
    for path in paths.filter(|path| *path != "README.md") {
        if first.get(path) != again.get(path) {
            let text = |files: &Texts| files.get(path).cloned().unwrap_or_default();
            panic!("{path} differs {how}:\n{}\n--- planned again:\n{}", text(first), text(again));
        }
    }
}

/// What was decided with success gives every replica a place, and none two.
fn keeps_replicas(plan: &Plan) {
    for (key, planned) in &plan.bindings {
        let (spec, status) = (&planned.binding.spec, &planned.binding.status);
        let is_decided =
            status.conditions.iter().any(|one| one.type_ == "Scheduled" && one.reason == "Success");
        let Some(placement) = spec.placement.as_ref().filter(|_| is_decided) else { continue };
        if spec.replicas == 0 || !planned.binding.reasons.held.is_empty() {
            continue;
        }
        let shares: Vec<i64> =
            spec.clusters.iter().map(|target| i64::from(target.replicas)).collect();
        let all = i64::from(spec.replicas);
        match placement.scheduling_type() {
            ReplicaSchedulingType::Duplicated => {
                assert!(shares.iter().all(|share| *share == all), "{key}: {shares:?} of {all}");
            }
            ReplicaSchedulingType::Divided => {
                assert_eq!(shares.iter().sum::<i64>(), all, "{key}: {shares:?}");
            }
        }
    }
}

fn maybe(u: &mut Unstructured<'_>, value: Value) -> Result<Value> {
    Ok(if u.arbitrary()? { value } else { Value::Null })
}

fn cluster(u: &mut Unstructured<'_>, name: &str) -> Result<Value> {
    let region = *u.choose(&["eu", "us", ""])?;
    let labels = json!({"tier": u.choose(&["edge", "core"])?});
    let taints = json!([{"key": "spot", "effect": u.choose(&["NoSchedule", "NoExecute"])?}]);
    let mut spec = json!({"syncMode": "Push", "region": region, "zones": [format!("{region}-1")]});
    if u.ratio(1, 4)? {
        spec["taints"] = taints;
    }
    if region.is_empty() {
        spec.as_object_mut().expect("it is one").remove("zones");
    }
    Ok(json!({
        "apiVersion": "cluster.karmada.io/v1alpha1", "kind": "Cluster",
        "metadata": {"name": name, "labels": labels}, "spec": spec,
    }))
}

fn report(u: &mut Unstructured<'_>) -> Result<ClusterReport> {
    let ready = *u.choose(&["True", "True", "True", "False", "Unknown"])?;
    let kinds = json!([
        {"groupVersion": "apps/v1", "resources": [{"name": "deployments", "kind": "Deployment"}]},
        {"groupVersion": "v1", "resources": [{"name": "configmaps", "kind": "ConfigMap"}]},
    ]);
    let number = |u: &mut Unstructured<'_>| -> Result<String> {
        Ok(u.choose(&["0", "1", "7", "100", "2500m", "9223372036854775807"])?.to_string())
    };
    let (cpu, used, pods) = (number(u)?, number(u)?, number(u)?);
    let count = u.int_in_range(0..=5)?;
    let status = json!({
        "apiEnablements": maybe(u, kinds)?,
        "conditions": [{
            "type": "Ready", "status": ready, "reason": "Said", "message": "",
            "lastTransitionTime": "2026-06-01T11:00:00Z",
        }],
        "resourceSummary": {
            "allocatable": {"cpu": cpu, "pods": pods}, "allocated": {"cpu": used},
            "allocatableModelings": [{"grade": 1, "count": count}],
        },
    });
    let status: serde_json::Map<String, Value> = status
        .as_object()
        .expect("it is one")
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Ok(ClusterReport {
        commit: ObjectId::from_bytes([0; 20]),
        cluster: serde_json::from_value(status.into()).expect("it is a status"),
        objects: BTreeMap::new(),
    })
}

fn template(u: &mut Unstructured<'_>, n: usize) -> Result<Value> {
    let labels = json!({"with": u.choose(&["x", "y"])?, "apart": u.choose(&["x", "y"])?});
    let metadata = json!({"name": format!("t{n}"), "namespace": "web", "labels": labels});
    if u.ratio(1, 4)? {
        return Ok(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}));
    }
    let replicas = *u.choose(&[0, 1, 2, 3, 10, 1000])?;
    let requests = json!({"cpu": u.choose(&["0", "1m", "1", "3500m"])?});
    let container = json!({"name": "main", "resources": {"requests": maybe(u, requests)?}});
    Ok(json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [container]}}},
    }))
}

fn affinity(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match u.int_in_range(0..=3)? {
        0 => json!({"labelSelector": {"matchLabels": {"tier": u.choose(&["edge", "core"])?}}}),
        1 => json!({"clusterNames": [u.choose(&CLUSTERS)?, u.choose(&CLUSTERS)?]}),
        2 => json!({"exclude": [u.choose(&CLUSTERS)?]}),
        _ => json!({"fieldSelector": {"matchExpressions": [
            {"key": "region", "operator": u.choose(&["In", "NotIn"])?, "values": ["eu"]}
        ]}}),
    })
}

fn scheduling(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match u.int_in_range(0..=4)? {
        0 => json!({"replicaSchedulingType": "Duplicated"}),
        1 => json!({"replicaSchedulingType": "Divided"}),
        2 => json!({"replicaSchedulingType": "Divided", "replicaDivisionPreference": "Aggregated"}),
        3 => json!({
            "replicaSchedulingType": "Divided", "replicaDivisionPreference": "Weighted",
            "weightPreference": {"dynamicWeight": "AvailableReplicas"},
        }),
        _ => json!({
            "replicaSchedulingType": "Divided", "replicaDivisionPreference": "Weighted",
            "weightPreference": {"staticWeightList": [
                {"targetCluster": affinity(u)?, "weight": u.int_in_range(1..=5)?},
                {"targetCluster": affinity(u)?, "weight": u.int_in_range(1..=5)?},
            ]},
        }),
    })
}

fn policy(u: &mut Unstructured<'_>, n: usize) -> Result<Value> {
    let mut placement = serde_json::Map::new();
    match u.int_in_range(0..=3)? {
        0 => {}
        1 => {
            let mut own = affinity(u)?;
            own["affinityName"] = "own".into();
            if u.arbitrary()? {
                let mut tier = affinity(u)?;
                tier["affinityName"] = "tier".into();
                own["overflowAffinities"] = json!([tier]);
            }
            let mut other = affinity(u)?;
            other["affinityName"] = "other".into();
            placement.insert("clusterAffinities".into(), json!([own, other]));
        }
        _ => {
            placement.insert("clusterAffinity".into(), affinity(u)?);
        }
    }
    if u.arbitrary()? {
        placement
            .insert("clusterTolerations".into(), json!([{"key": "spot", "operator": "Exists"}]));
    }
    if u.arbitrary()? {
        let bounds = |u: &mut Unstructured<'_>, field: &str| -> Result<Value> {
            let min = u.int_in_range(0..=3)?;
            let max = if u.arbitrary()? { 0 } else { min + u.int_in_range(0..=2)? };
            Ok(json!({"spreadByField": field, "minGroups": min, "maxGroups": max}))
        };
        let mut constraints = vec![bounds(u, "cluster")?];
        for field in ["region", "zone", "provider"] {
            if u.ratio(1, 3)? {
                constraints.push(bounds(u, field)?);
            }
        }
        placement.insert("spreadConstraints".into(), constraints.into());
    }
    if u.ratio(4, 5)? {
        placement.insert("replicaScheduling".into(), scheduling(u)?);
    }
    if u.ratio(1, 4)? {
        placement.insert(
            "workloadAffinity".into(),
            json!({"affinity": {"groupByLabelKey": "with"}, "antiAffinity": {"groupByLabelKey": "apart"}}),
        );
    }
    let mut spec = json!({
        "resourceSelectors": [
            {"apiVersion": "apps/v1", "kind": "Deployment"},
            {"apiVersion": "v1", "kind": "ConfigMap"},
        ],
        "priority": u.int_in_range(-1..=1)?,
        "placement": placement,
    });
    if u.ratio(1, 4)? {
        spec["schedulePriority"] = json!({
            "priorityClassSource": "KubePriorityClass",
            "priorityClassName": u.choose(&["gold", "system-node-critical", "none"])?,
        });
    }
    Ok(json!({
        "apiVersion": "policy.karmada.io/v1alpha1", "kind": "PropagationPolicy",
        "metadata": {"name": format!("p{n}"), "namespace": "web"}, "spec": spec,
    }))
}
