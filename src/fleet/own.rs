//! The kinds that steer the fleet become typed: policies, clusters, quotas.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::cluster::{Cluster, default_cluster};
use crate::api::cluster_taint_policy::ClusterTaintPolicy;
use crate::api::federated_resource_quota::FederatedResourceQuota;
use crate::api::manifest::Manifest;
use crate::api::meta::Resource;
use crate::api::override_policy::{ClusterOverridePolicy, OverridePolicy, default_override_policy};
use crate::api::propagation_policy::{
    ClusterPropagationPolicy, PropagationPolicy, default_cluster_propagation_policy,
    default_propagation_policy,
};

use super::file::Object;
use super::names::did_you_mean;
use super::object::Checked;
use super::report::shown;
use super::schema::{Difference, compare, dotted, pointer_of};
use super::validate;

/// A kind that the loader types, completes, validates and keeps.
trait Own: Resource + DeserializeOwned + JsonSchema {
    /// Fills in what Karmada's admission would.
    fn complete(&mut self) {}
    /// Checks what types cannot say; everything is filled in.
    fn validate(&self, checked: &mut Checked<'_, '_>);
    /// The object as the loader keeps it.
    fn keep(self) -> Object;
}

impl Own for Cluster {
    fn complete(&mut self) {
        default_cluster(self);
    }
    fn validate(&self, checked: &mut Checked<'_, '_>) {
        validate::cluster(checked, self);
    }
    fn keep(self) -> Object {
        Object::Cluster(Arc::new(self))
    }
}

impl Own for PropagationPolicy {
    fn complete(&mut self) {
        default_propagation_policy(self);
    }
    fn validate(&self, checked: &mut Checked<'_, '_>) {
        validate::own_namespace(checked, &self.spec.resource_selectors, &self.metadata);
        validate::propagation(checked, &self.spec);
    }
    fn keep(self) -> Object {
        Object::PropagationPolicy(Arc::new(self))
    }
}

impl Own for ClusterPropagationPolicy {
    fn complete(&mut self) {
        default_cluster_propagation_policy(self);
    }
    fn validate(&self, checked: &mut Checked<'_, '_>) {
        validate::propagation(checked, &self.spec);
    }
    fn keep(self) -> Object {
        Object::ClusterPropagationPolicy(Arc::new(self))
    }
}

impl Own for OverridePolicy {
    fn complete(&mut self) {
        default_override_policy(self);
    }
    fn validate(&self, checked: &mut Checked<'_, '_>) {
        validate::own_namespace(checked, &self.spec.resource_selectors, &self.metadata);
        validate::overrides(checked, &self.spec);
    }
    fn keep(self) -> Object {
        Object::OverridePolicy(Arc::new(self))
    }
}

impl Own for ClusterOverridePolicy {
    fn validate(&self, checked: &mut Checked<'_, '_>) {
        validate::overrides(checked, &self.spec);
    }
    fn keep(self) -> Object {
        Object::ClusterOverridePolicy(Arc::new(self))
    }
}

impl Own for FederatedResourceQuota {
    fn validate(&self, checked: &mut Checked<'_, '_>) {
        validate::quota(checked, self);
    }
    fn keep(self) -> Object {
        Object::Quota(Arc::new(self))
    }
}

impl Own for ClusterTaintPolicy {
    fn validate(&self, checked: &mut Checked<'_, '_>) {
        validate::taint_policy(checked, &self.spec);
    }
    fn keep(self) -> Object {
        Object::TaintPolicy(Arc::new(self))
    }
}

struct OwnKind {
    api_version: &'static str,
    kind: &'static str,
    schema: fn() -> Value,
    read: fn(&mut Checked<'_, '_>, Manifest) -> Option<Object>,
}

const fn kind<T: Own>() -> OwnKind {
    OwnKind {
        api_version: T::API_VERSION,
        kind: T::KIND,
        schema: || schema_for!(T).to_value(),
        read: read::<T>,
    }
}

const KINDS: &[OwnKind] = &[
    kind::<Cluster>(),
    kind::<ClusterOverridePolicy>(),
    kind::<ClusterPropagationPolicy>(),
    kind::<ClusterTaintPolicy>(),
    kind::<FederatedResourceQuota>(),
    kind::<OverridePolicy>(),
    kind::<PropagationPolicy>(),
];

/// Made once: generating them takes about a millisecond.
static SCHEMAS: LazyLock<BTreeMap<&str, Value>> =
    LazyLock::new(|| KINDS.iter().map(|kind| (kind.kind, (kind.schema)())).collect());

fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// Whether objects of this group steer the fleet rather than run in it.
pub(super) fn is_own(group: &str) -> bool {
    group == "work.karmada.io" || KINDS.iter().any(|kind| group_of(kind.api_version) == group)
}

/// Reads an object of one of our own groups; `None` if it cannot be used, with the Problems told.
pub(super) fn own(checked: &mut Checked<'_, '_>, manifest: Manifest) -> Option<Object> {
    let (group, name) = (manifest.group(), manifest.kind());
    if group == "work.karmada.io" {
        checked.error(
            "/kind",
            "SELF_PROTECTED",
            format!("a {} is written by the engine, never by people", shown(name)),
            "remove it from the source; what the engine decided is in the branch of results",
        );
        return None;
    }
    let of_group = || KINDS.iter().filter(|kind| group_of(kind.api_version) == group);
    let Some(kind) = of_group().find(|kind| kind.kind == name) else {
        let known = of_group().map(|kind| kind.kind);
        let all: Vec<&str> = known.clone().collect();
        let hint = did_you_mean(name, known, &format!("the kinds of {group} are {}", all.join(", ")));
        let message = format!("there is no kind `{}` in {group}", shown(name));
        checked.error("/kind", "KIND_UNKNOWN", message, hint);
        return None;
    };
    if manifest.api_version() != kind.api_version {
        checked.error(
            "/apiVersion",
            "SCHEMA_NEWER",
            format!("this version does not know `{}` of {name}", shown(manifest.api_version())),
            format!("write {}, or use a version of git-fleet that knows it", kind.api_version),
        );
        return None;
    }
    (kind.read)(checked, manifest)
}

fn read<T: Own>(checked: &mut Checked<'_, '_>, manifest: Manifest) -> Option<Object> {
    let mut value = manifest.into_value();
    let schema = SCHEMAS.get(T::KIND).expect("every own kind has a schema");
    let differences = compare(schema, &mut value);
    let typed: Result<T, _> = serde_path_to_error::deserialize(value);
    let is_typed = typed.is_ok();
    // The types are more lenient than their schemas in places: old names of enumerated values, empty
    // text for absent. So the schema only explains what a type refused. Unknown fields stay errors.
    let mut explained = false;
    for difference in differences {
        let is_unknown = difference.code == "FIELD_UNKNOWN";
        if is_unknown || !is_typed {
            explained |= !is_unknown;
            tell(checked, difference);
        }
    }
    match typed {
        Ok(mut object) => {
            object.complete();
            if !checked.is_bad {
                object.validate(checked);
            }
            Some(object.keep())
        }
        Err(error) => {
            if !explained {
                tell(checked, refused(&error));
            }
            None
        }
    }
}

/// What a type refused and its schema allows: a text with a grammar of its own.
fn refused(error: &serde_path_to_error::Error<serde_json::Error>) -> Difference {
    let pointer = pointer_of(&error.path().to_string());
    let why = error.inner().to_string();
    let code = if why.contains("is not a cluster name") { "CLUSTER_BAD_NAME" } else { "TYPE_MISMATCH" };
    Difference {
        message: format!("`{}` cannot be read: {}", dotted(&pointer), shown(&why)),
        pointer,
        code,
        hint: "write a value of the form that the field takes".to_owned(),
    }
}

fn tell(checked: &mut Checked<'_, '_>, difference: Difference) {
    let Difference { pointer, code, message, hint } = difference;
    if matches!(code, "FIELD_UNKNOWN" | "OBJ_MISSING_FIELD") {
        checked.error_at_key(&pointer, code, message, hint);
    } else {
        checked.error(&pointer, code, message, hint);
    }
}
