//! What members report, sensible or not.

use std::collections::BTreeMap;
use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use git_fleet::api::names::{ClusterName, ObjectId};
use git_fleet::api::report::{ClusterReport, ObjectReport};
use git_fleet::plan::{Previous, Remembered};
use serde_json::{Map, Value, json};

/// Amounts that a member may report, or a template ask for.
pub(super) const AMOUNTS: [&str; 14] = [
    "0",
    "1",
    "7",
    "100",
    "2500m",
    "-5",
    "1n",
    "0.5",
    "3Gi",
    "1e3",
    "-8Ei",
    "8Ei",
    "9223372036854775807",
    "-9223372036854775808",
];

/// What a cluster says of itself; what it says of its objects stays.
pub(super) fn report(
    u: &mut Unstructured<'_>,
    old: Option<&ClusterReport>,
) -> Result<ClusterReport> {
    let ready = *u.choose(&["True", "True", "True", "False", "Unknown"])?;
    let kind = |group_version: &str, name: &str, kind: &str| json!({"groupVersion": group_version, "resources": [{"name": name, "kind": kind}]});
    let mut kinds = vec![
        kind("apps/v1", "deployments", "Deployment"),
        kind("v1", "configmaps", "ConfigMap"),
        kind("batch.volcano.sh/v1alpha1", "jobs", "Job"),
        kind("apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition"),
    ];
    if u.ratio(1, 4)? {
        kinds.truncate(u.int_in_range(0..=4)?);
    }
    let mut status = json!({
        "apiEnablements": kinds,
        "conditions": [{
            "type": "Ready", "status": ready, "reason": "Said", "message": "",
            "lastTransitionTime": "2026-06-01T11:00:00Z",
        }],
    });
    if u.ratio(7, 8)? {
        let (mut free, mut used) = (Map::new(), Map::new());
        for resource in ["cpu", "memory", "pods", "example.com/gpu"] {
            if u.ratio(4, 5)? {
                free.insert(resource.to_owned(), amount(u)?);
            }
            if u.ratio(1, 2)? {
                used.insert(resource.to_owned(), amount(u)?);
            }
        }
        let count = *u.choose(&[0, 1, 3, 5, -1, i64::MAX])?;
        status["resourceSummary"] = json!({
            "allocatable": free, "allocated": used,
            "allocatableModelings": [{"grade": 1, "count": count}, {"grade": 2, "count": 2}],
        });
    }
    Ok(ClusterReport {
        commit: ObjectId::from_bytes([0; 20]),
        cluster: serde_json::from_value(status).expect("it is a status"),
        objects: old.map_or_else(BTreeMap::new, |old| old.objects.clone()),
    })
}

/// Mostly sensible: room for some replicas makes more of the rules matter.
fn amount(u: &mut Unstructured<'_>) -> Result<Value> {
    let amounts = if u.ratio(2, 3)? { &AMOUNTS[1..5] } else { &AMOUNTS[..] };
    Ok((*u.choose(amounts)?).into())
}

/// A cluster says something of one object: of one that it was given, mostly.
pub(super) fn report_object(
    u: &mut Unstructured<'_>,
    report: &mut ClusterReport,
    cluster: &ClusterName,
    previous: &Previous,
) -> Result<()> {
    let given: Vec<_> =
        previous.bindings.iter().filter(|(_, one)| is_given(one, cluster)).collect();
    let all: Vec<_> = previous.bindings.iter().collect();
    let from = if given.is_empty() { &all } else { &given };
    if from.is_empty() {
        return Ok(());
    }
    let (key, remembered) = *u.choose(from)?;
    if u.ratio(1, 6)? {
        report.objects.remove(key);
        return Ok(());
    }
    let work = remembered.works().find(|(name, _)| *name == cluster).map(|(_, id)| id);
    let is_old = u.ratio(1, 6)?;
    let binding = remembered.binding();
    let target = binding.spec.clusters.iter().find(|one| one.name == *cluster);
    let share = i64::from(target.map_or(0, |target| target.replicas));
    let replicas = *u.choose(&[share, share, share / 2, 0, -1, i64::MAX, i64::MIN])?;
    let mut object = json!({
        "applied": u.ratio(4, 5)?,
        "health": u.choose(&["Healthy", "Unhealthy", "Unknown"])?,
    });
    if let Some(work) = work.filter(|_| !is_old) {
        object["work"] = work.to_string().into();
    }
    if u.arbitrary()? {
        object["status"] = json!({"replicas": replicas});
    }
    let object: ObjectReport = serde_json::from_value(object).expect("it is a report");
    report.objects.insert(key.clone(), Arc::new(object));
    Ok(())
}

fn is_given(remembered: &Remembered, cluster: &ClusterName) -> bool {
    remembered.works().any(|(name, _)| name == cluster)
}
