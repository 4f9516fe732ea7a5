//! The documents of any source.

use arbitrary::{Result, Unstructured};
use serde_json::{Value, json};

use super::CLUSTERS;
use super::members::AMOUNTS;

const REGIONS: [&str; 4] = ["eu", "us", "ap", ""];

pub(super) fn priority_class(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(json!({
        "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
        "metadata": {"name": "gold"}, "value": u.arbitrary::<i32>()?,
    }))
}

pub(super) fn settings(u: &mut Unstructured<'_>) -> Result<Value> {
    let without = u.choose(&["-ClusterLocality", "-TaintToleration", "-WorkloadAffinity"])?;
    Ok(json!({
        "apiVersion": "git-fleet.io/v1alpha1", "kind": "FleetSettings",
        "spec": {"scheduler": {"plugins": ["*", without]}},
    }))
}

pub(super) fn cluster(u: &mut Unstructured<'_>, name: &str) -> Result<Value> {
    let region = *u.choose(&REGIONS)?;
    let labels = json!({"tier": u.choose(&["edge", "core"])?});
    let mut spec = json!({"syncMode": "Push"});
    if !region.is_empty() {
        let zones: Vec<String> =
            (1..=u.int_in_range(1..=3)?).map(|n| format!("{region}-{n}")).collect();
        spec["region"] = region.into();
        spec["zones"] = json!(zones);
    }
    if u.arbitrary()? {
        spec["provider"] = (*u.choose(&["aws", "gcp"])?).into();
    }
    if u.ratio(1, 3)? {
        spec["taints"] = json!([{
            "key": u.choose(&["spot", "maintenance"])?,
            "effect": u.choose(&["NoSchedule", "NoExecute"])?,
        }]);
    }
    if u.ratio(1, 4)? {
        spec["resourceModels"] = json!([
            {"grade": 1, "ranges": [{"name": "cpu", "min": "0", "max": "2"}]},
            {"grade": 2, "ranges": [{"name": "cpu", "min": "2", "max": "9223372036854775807"}]},
        ]);
    }
    Ok(json!({
        "apiVersion": "cluster.karmada.io/v1alpha1", "kind": "Cluster",
        "metadata": {"name": name, "labels": labels}, "spec": spec,
    }))
}

pub(super) fn template(u: &mut Unstructured<'_>, n: usize) -> Result<Value> {
    let labels = json!({"with": u.choose(&["x", "y"])?, "apart": u.choose(&["x", "y", "z"])?});
    let metadata = json!({"name": format!("t{n}"), "namespace": "web", "labels": labels});
    let replicas = *u.choose(&[0, 1, 2, 3, 3, 10, 10, 1000, i32::MAX])?;
    let mut container = json!({"name": "main"});
    if u.ratio(3, 4)? {
        let amounts = if u.ratio(3, 4)? { &AMOUNTS[1..2] } else { &AMOUNTS[..] };
        container["resources"] = json!({"requests": {"cpu": u.choose(amounts)?}});
    }
    if u.arbitrary()? {
        let name = format!("t{}", u.int_in_range(0..=6)?);
        container["envFrom"] = json!([{"configMapRef": {"name": name}}]);
    }
    let pod = json!({"spec": {"containers": [container]}});
    Ok(match u.int_in_range(0..=9)? {
        0 | 1 => json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}),
        4 => json!({
            "apiVersion": "batch.volcano.sh/v1alpha1", "kind": "Job", "metadata": metadata,
            "spec": {"tasks": [
                {"name": "server", "replicas": 1, "template": pod},
                {"name": "worker", "replicas": replicas.min(20), "template": pod},
            ]},
        }),
        2 if n == 0 => json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "widgets.example.com"},
            "spec": {
                "group": "example.com", "scope": "Namespaced",
                "names": {"plural": "widgets", "kind": "Widget"},
                "versions": [{"name": "v1", "served": true, "storage": true}],
            },
        }),
        2 | 3 => json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata}),
        _ => json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {"replicas": replicas, "template": pod},
        }),
    })
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

/// Min and max, sometimes none.
fn bounds(u: &mut Unstructured<'_>, field: &str) -> Result<Value> {
    let min = u.int_in_range(0..=3)?;
    let max = if u.arbitrary()? { 0 } else { min + u.int_in_range(0..=2)? };
    Ok(json!({"spreadByField": field, "minGroups": min, "maxGroups": max}))
}

fn placement(u: &mut Unstructured<'_>) -> Result<Value> {
    let mut placement = json!({});
    let mut is_by_room = false;
    if u.ratio(4, 5)? {
        let scheduling = scheduling(u)?;
        is_by_room = scheduling["replicaDivisionPreference"] == "Aggregated"
            || !scheduling["weightPreference"]["dynamicWeight"].is_null();
        placement["replicaScheduling"] = scheduling;
    }
    match u.int_in_range(0..=3)? {
        0 => {}
        1 => {
            let mut own = affinity(u)?;
            own["affinityName"] = "own".into();
            if is_by_room && u.ratio(2, 3)? {
                let mut tier = affinity(u)?;
                tier["affinityName"] = "tier".into();
                own["overflowAffinities"] = json!([tier]);
            }
            let mut other = affinity(u)?;
            other["affinityName"] = "other".into();
            placement["clusterAffinities"] = json!([own, other]);
        }
        _ => placement["clusterAffinity"] = affinity(u)?,
    }
    if u.arbitrary()? {
        placement["clusterTolerations"] = json!([{"key": "spot", "operator": "Exists"}]);
    }
    if u.arbitrary()? {
        let mut constraints = vec![bounds(u, "cluster")?];
        for field in ["region", "zone", "provider"] {
            if u.ratio(1, 3)? {
                constraints.push(bounds(u, field)?);
            }
        }
        placement["spreadConstraints"] = constraints.into();
    }
    if u.ratio(1, 3)? {
        let mut groups = json!({});
        if u.arbitrary()? {
            groups["affinity"] = json!({"groupByLabelKey": "with"});
        }
        if u.ratio(2, 3)? {
            groups["antiAffinity"] = json!({"groupByLabelKey": "apart"});
        }
        placement["workloadAffinity"] = groups;
    }
    Ok(placement)
}

pub(super) fn policy(u: &mut Unstructured<'_>, n: usize) -> Result<Value> {
    let mut selectors = Vec::new();
    for (version, kind) in [
        ("apps/v1", "Deployment"),
        ("v1", "ConfigMap"),
        ("batch.volcano.sh/v1alpha1", "Job"),
        ("example.com/v1", "Widget"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ] {
        if kind != "Deployment" && u.ratio(1, 4)? {
            continue;
        }
        let mut selector = json!({"apiVersion": version, "kind": kind});
        match u.int_in_range(0..=9)? {
            0 => selector["name"] = format!("t{}", u.int_in_range(0..=6)?).into(),
            1 => selector["labelSelector"] = json!({"matchLabels": {"with": "x"}}),
            _ => {}
        }
        selectors.push(selector);
    }
    let is_cluster_wide = u.ratio(1, 3)?;
    if !is_cluster_wide {
        selectors.retain(|one| one["kind"] != "CustomResourceDefinition");
    }
    let mut spec = json!({
        "resourceSelectors": selectors,
        "priority": u.int_in_range(-1..=1)?,
        "placement": placement(u)?,
    });
    if u.ratio(1, 4)? {
        spec["schedulePriority"] = json!({
            "priorityClassSource": "KubePriorityClass",
            "priorityClassName": u.choose(&["gold", "system-node-critical", "none"])?,
        });
    }
    if u.ratio(1, 8)? {
        spec["activationPreference"] = "Lazy".into();
    }
    if u.ratio(1, 3)? {
        spec["propagateDeps"] = true.into();
    }
    if u.ratio(1, 8)? {
        spec["suspension"] = json!({"dispatching": true});
    }
    let mut metadata = json!({"name": format!("p{n}")});
    let kind = if is_cluster_wide {
        "ClusterPropagationPolicy"
    } else {
        metadata["namespace"] = "web".into();
        "PropagationPolicy"
    };
    Ok(json!({
        "apiVersion": "policy.karmada.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec,
    }))
}
