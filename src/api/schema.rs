//! JSON Schemas of the kinds that people write: the files in `schemas/`, which are made from the types.

use std::sync::OnceLock;

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

use super::cluster::Cluster;
use super::cluster_taint_policy::ClusterTaintPolicy;
use super::cron_federated_hpa::CronFederatedHPA;
use super::federated_hpa::FederatedHPA;
use super::federated_resource_quota::FederatedResourceQuota;
use super::meta::Resource;
use super::multi_cluster_ingress::MultiClusterIngress;
use super::multi_cluster_service::MultiClusterService;
use super::override_policy::{ClusterOverridePolicy, OverridePolicy};
use super::propagation_policy::{ClusterPropagationPolicy, PropagationPolicy};
use super::remedy::Remedy;
use super::resource_interpreter_customization::ResourceInterpreterCustomization;
use super::resource_interpreter_webhook_configuration::ResourceInterpreterWebhookConfiguration;
use super::resource_registry::ResourceRegistry;
use super::settings::FleetSettings;
use super::workload_rebalancer::WorkloadRebalancer;

/// The schema of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct KindSchema {
    /// `apiVersion` of its objects.
    pub api_version: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// The schema, JSON Schema 2020-12. Refuses fields that the kind does not have, so that an
    /// editor points at misspelt ones.
    pub schema: Value,
}

impl KindSchema {
    /// Name of its file: the kind in lower case, `.json`.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}.json", self.kind.to_lowercase())
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{:#}\n", self.schema)
    }
}

/// The file of one kind, as it came into the program.
#[derive(Debug)]
pub struct SchemaFile {
    /// `apiVersion` of its objects.
    pub api_version: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// The schema, JSON Schema 2020-12.
    pub text: &'static str,
    /// The schema with everything in place of its references.
    inline: OnceLock<Value>,
}

/// Lists the kinds that people write, with their files, in order of the kinds.
macro_rules! kinds {
    ($n_kinds:literal: $($kind:ident $file:literal),* $(,)?) => {
        static FILES: [SchemaFile; $n_kinds] = [$(SchemaFile {
            api_version: $kind::API_VERSION,
            kind: $kind::KIND,
            text: include_str!(concat!("../../schemas/", $file)),
            inline: OnceLock::new(),
        }),*];

        /// Makes the schemas of all kinds that people write from their types, in order of the kinds.
        /// The program has the files instead, which are a fraction of the code that makes them.
        #[must_use]
        pub fn generate() -> Vec<KindSchema> {
            vec![$(of_type::<$kind>()),*]
        }
    };
}

kinds! { 17:
    Cluster "cluster.json",
    ClusterOverridePolicy "clusteroverridepolicy.json",
    ClusterPropagationPolicy "clusterpropagationpolicy.json",
    ClusterTaintPolicy "clustertaintpolicy.json",
    CronFederatedHPA "cronfederatedhpa.json",
    FederatedHPA "federatedhpa.json",
    FederatedResourceQuota "federatedresourcequota.json",
    FleetSettings "fleetsettings.json",
    MultiClusterIngress "multiclusteringress.json",
    MultiClusterService "multiclusterservice.json",
    OverridePolicy "overridepolicy.json",
    PropagationPolicy "propagationpolicy.json",
    Remedy "remedy.json",
    ResourceInterpreterCustomization "resourceinterpretercustomization.json",
    ResourceInterpreterWebhookConfiguration "resourceinterpreterwebhookconfiguration.json",
    ResourceRegistry "resourceregistry.json",
    WorkloadRebalancer "workloadrebalancer.json",
}

/// The schemas of all kinds that people write, in order of their kinds.
#[must_use]
pub fn all() -> &'static [SchemaFile] {
    &FILES
}

fn of_type<K: Resource + JsonSchema>() -> KindSchema {
    let settings = SchemaSettings::draft2020_12();
    let generator = settings.with_transform(CloseObjects).into_generator();
    KindSchema {
        api_version: K::API_VERSION,
        kind: K::KIND,
        schema: generator.into_root_schema_for::<K>().to_value(),
    }
}

/// Says of every object with named fields that it has no others, unless it says so itself.
#[derive(Clone, Debug)]
struct CloseObjects;

impl Transform for CloseObjects {
    fn transform(&mut self, schema: &mut Schema) {
        if schema.get("properties").is_some() && schema.get("additionalProperties").is_none() {
            schema.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
        transform_subschemas(self, schema);
    }
}

/// The schema of a kind that people write, with everything in place of its references.
pub fn of(api_version: &str, kind: &str) -> Option<&'static Value> {
    let file = FILES.iter().find(|file| file.api_version == api_version && file.kind == kind)?;
    Some(file.inline.get_or_init(|| {
        let mut schema: Value =
            serde_json::from_str(file.text).expect("what the types say: a test compares the files");
        let definitions = schema.as_object_mut().and_then(|map| map.remove("$defs"));
        put_in_place(&mut schema, &definitions.unwrap_or_default());
        schema
    }))
}

/// Puts what a reference means in its place, below what stands beside the reference. No type of ours
/// holds itself.
fn put_in_place(schema: &mut Value, definitions: &Value) {
    match schema {
        Value::Object(map) => {
            let meant = map.remove("$ref").and_then(|reference| {
                definitions.get(reference.as_str()?.strip_prefix("#/$defs/")?)?.as_object().cloned()
            });
            for (key, value) in meant.into_iter().flatten() {
                map.entry(key).or_insert(value);
            }
            map.values_mut().for_each(|value| put_in_place(value, definitions));
        }
        Value::Array(all) => all.iter_mut().for_each(|value| put_in_place(value, definitions)),
        _ => {}
    }
}

/// The parts of a schema that may hold for a value: itself, and each of its `anyOf`.
fn alternatives(schema: &Value) -> impl Iterator<Item = &Map<String, Value>> {
    let any_of = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    std::iter::once(schema).chain(any_of).filter_map(Value::as_object)
}

fn named_fields(schema: &Value) -> impl Iterator<Item = &Map<String, Value>> {
    alternatives(schema).filter_map(|schema| schema.get("properties")?.as_object())
}

/// Whether an object of this schema has named fields and no others.
pub(super) fn is_closed(schema: &Value) -> bool {
    alternatives(schema)
        .any(|schema| schema.get("additionalProperties") == Some(&Value::Bool(false)))
}

/// The schema of one field of an object.
pub(super) fn property<'s>(schema: &'s Value, key: &str) -> Option<&'s Value> {
    named_fields(schema).find_map(|fields| fields.get(key))
}

/// The names of an object's fields, in alphabetical order.
pub(super) fn properties(schema: &Value) -> Vec<String> {
    named_fields(schema).flat_map(Map::keys).cloned().collect()
}

/// The schema of a list's items.
pub(super) fn items(schema: &Value) -> Option<&Value> {
    alternatives(schema).find_map(|schema| schema.get("items"))
}
