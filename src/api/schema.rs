//! JSON Schemas of the kinds that people write, generated from the types.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

use super::cluster::Cluster;
use super::cluster_taint_policy::ClusterTaintPolicy;
use super::federated_resource_quota::FederatedResourceQuota;
use super::meta::Resource;
use super::override_policy::{ClusterOverridePolicy, OverridePolicy};
use super::propagation_policy::{ClusterPropagationPolicy, PropagationPolicy};
use super::resource_interpreter_customization::ResourceInterpreterCustomization;
use super::resource_interpreter_webhook_configuration::ResourceInterpreterWebhookConfiguration;
use super::settings::FleetSettings;

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

/// The schemas of all kinds that people write, in order of their kinds.
#[must_use]
pub fn all() -> Vec<KindSchema> {
    kinds(SchemaSettings::draft2020_12)
}

fn kinds(settings: fn() -> SchemaSettings) -> Vec<KindSchema> {
    vec![
        kind::<Cluster>(settings()),
        kind::<ClusterOverridePolicy>(settings()),
        kind::<ClusterPropagationPolicy>(settings()),
        kind::<ClusterTaintPolicy>(settings()),
        kind::<FederatedResourceQuota>(settings()),
        kind::<FleetSettings>(settings()),
        kind::<OverridePolicy>(settings()),
        kind::<PropagationPolicy>(settings()),
        kind::<ResourceInterpreterCustomization>(settings()),
        kind::<ResourceInterpreterWebhookConfiguration>(settings()),
    ]
}

fn kind<K: Resource + JsonSchema>(settings: SchemaSettings) -> KindSchema {
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
    static INLINE: LazyLock<Vec<KindSchema>> = LazyLock::new(|| {
        kinds(|| SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true))
    });
    INLINE
        .iter()
        .find(|known| known.api_version == api_version && known.kind == kind)
        .map(|known| &known.schema)
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
