//! Every field of every kind is read and written back: `tests/fixtures/kinds/<Kind>.yaml` uses
//! them all.

use std::fs;
use std::path::Path;

use git_fleet::api::binding::{ClusterResourceBinding, ResourceBinding};
use git_fleet::api::cluster::Cluster;
use git_fleet::api::cluster_taint_policy::ClusterTaintPolicy;
use git_fleet::api::cron_federated_hpa::CronFederatedHPA;
use git_fleet::api::decode::{decode, unknown_fields};
use git_fleet::api::federated_hpa::FederatedHPA;
use git_fleet::api::federated_resource_quota::FederatedResourceQuota;
use git_fleet::api::manifest::Manifest;
use git_fleet::api::meta::Resource;
use git_fleet::api::multi_cluster_ingress::MultiClusterIngress;
use git_fleet::api::multi_cluster_service::MultiClusterService;
use git_fleet::api::override_policy::{ClusterOverridePolicy, OverridePolicy};
use git_fleet::api::propagation_policy::{ClusterPropagationPolicy, PropagationPolicy};
use git_fleet::api::remedy::Remedy;
use git_fleet::api::resource_interpreter_customization::ResourceInterpreterCustomization;
use git_fleet::api::resource_interpreter_webhook_configuration::ResourceInterpreterWebhookConfiguration;
use git_fleet::api::resource_registry::ResourceRegistry;
use git_fleet::api::settings::FleetSettings;
use git_fleet::api::work::Work;
use git_fleet::api::workload_rebalancer::WorkloadRebalancer;
use git_fleet::api::{schema, yaml};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

#[test]
fn every_field_survives() {
    survives::<Cluster>();
    survives::<ClusterOverridePolicy>();
    survives::<ClusterPropagationPolicy>();
    survives::<ClusterTaintPolicy>();
    survives::<CronFederatedHPA>();
    survives::<FederatedHPA>();
    survives::<FederatedResourceQuota>();
    survives::<FleetSettings>();
    survives::<MultiClusterIngress>();
    survives::<MultiClusterService>();
    survives::<OverridePolicy>();
    survives::<PropagationPolicy>();
    survives::<Remedy>();
    survives::<ResourceInterpreterCustomization>();
    survives::<ResourceInterpreterWebhookConfiguration>();
    survives::<ResourceRegistry>();
    survives::<WorkloadRebalancer>();
    // Kinds that only we write are read as they are: null means something in a reflected status.
    survives::<ResourceBinding>();
    survives::<ClusterResourceBinding>();
    survives::<Work>();
}

fn survives<K: Resource + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(format!("tests/fixtures/kinds/{}.yaml", K::KIND));
    let text = fs::read_to_string(path).unwrap();
    let written: Value = serde_saphyr::from_str(&text).unwrap();
    let object: K = serde_json::from_value(written.clone()).unwrap();

    // Nothing was lost or renamed on the way. Quantities that were written as numbers come back as
    // text, which means the same.
    let read_back = serde_json::to_value(&object).unwrap();
    assert_eq!(spelled_out(&read_back), spelled_out(&written), "{}", K::KIND);

    // Through our own YAML, and through the loader's door.
    let bytes = yaml::to_bytes(&object);
    let again: K = serde_saphyr::from_slice(&bytes).unwrap();
    assert_eq!(again, object, "{}", K::KIND);
    assert_eq!(yaml::to_bytes(&again), bytes, "{}", K::KIND);
    let manifest = Manifest::from_value(written).unwrap();
    if schema::all().iter().any(|schema| schema.kind == K::KIND) {
        assert_eq!(decode::<K>(&manifest).unwrap(), object, "{}", K::KIND);
    }
    assert_eq!(unknown_fields(&manifest), [], "{}", K::KIND);
}

/// The value with numbers as text and without what is empty: absent and empty mean the same in
/// these kinds, except where a fixture says `value`.
fn spelled_out(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::String(number.to_string()),
        Value::Array(items) => Value::Array(items.iter().map(spelled_out).collect()),
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(_, value)| **value != Value::String(String::new()))
                .map(|(key, value)| (key.clone(), spelled_out(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}
