//! The kinds that steer the fleet become typed: policies, clusters, quotas. Kinds of Karmada's that
//! nothing acts upon yet are judged and kept as they are written.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::api::cluster::{Cluster, default_cluster};
use crate::api::cluster_taint_policy::ClusterTaintPolicy;
use crate::api::cron_federated_hpa::CronFederatedHPA;
use crate::api::decode::{DecodeError, decode, unknown_fields};
use crate::api::federated_hpa::FederatedHPA;
use crate::api::federated_resource_quota::FederatedResourceQuota;
use crate::api::manifest::{Manifest, group_of};
use crate::api::meta::Resource;
use crate::api::multi_cluster_ingress::MultiClusterIngress;
use crate::api::multi_cluster_service::MultiClusterService;
use crate::api::override_policy::{ClusterOverridePolicy, OverridePolicy, default_override_policy};
use crate::api::propagation_policy::{
    ClusterPropagationPolicy, PropagationPolicy, default_cluster_propagation_policy,
    default_propagation_policy,
};
use crate::api::remedy::Remedy;
use crate::api::resource_interpreter_customization::ResourceInterpreterCustomization;
use crate::api::resource_interpreter_webhook_configuration::ResourceInterpreterWebhookConfiguration;
use crate::api::resource_registry::ResourceRegistry;
use crate::api::schema;
use crate::api::settings::{FleetSettings, SETTINGS_PATH};
use crate::api::workload_rebalancer::WorkloadRebalancer;

use super::file::Object;
use super::inert::{Inert, judge};
use super::names::did_you_mean;
use super::object::Checked;
use super::report::{cut, shown};
use super::schema::{Difference, compare};
use super::validate;

/// A kind that the loader types, completes, validates and keeps.
trait Own: Resource + DeserializeOwned {
    /// Fills in what Karmada's admission would.
    fn complete(&mut self) {}
    /// Checks what the type no longer shows: that an empty list was written at all.
    fn validate_written(_checked: &mut Checked<'_, '_>, _manifest: &Manifest) {}
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
    fn validate_written(checked: &mut Checked<'_, '_>, manifest: &Manifest) {
        validate::one_kind_of_affinity(checked, manifest);
    }
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
    fn validate_written(checked: &mut Checked<'_, '_>, manifest: &Manifest) {
        validate::one_kind_of_affinity(checked, manifest);
    }
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

impl Own for ResourceInterpreterCustomization {
    fn validate(&self, checked: &mut Checked<'_, '_>) {
        validate::customization(checked, &self.spec);
    }
    fn keep(self) -> Object {
        Object::Customization(Arc::new(self))
    }
}

impl Own for ResourceInterpreterWebhookConfiguration {
    fn validate(&self, checked: &mut Checked<'_, '_>) {
        validate::webhooks(checked, &self.webhooks);
    }
    fn keep(self) -> Object {
        Object::WebhookConfiguration(Arc::new(self))
    }
}

impl Own for FleetSettings {
    fn validate(&self, checked: &mut Checked<'_, '_>) {
        if checked.report.path() != SETTINGS_PATH {
            checked.error(
                "/kind",
                "SETTINGS_PLACE",
                "settings of the fleet are read from fleet.yaml at the root of the repository only",
                "move them there",
            );
        }
        validate::settings(checked, &self.spec);
    }
    fn keep(self) -> Object {
        Object::Settings(Arc::new(self))
    }
}

struct OwnKind {
    api_version: &'static str,
    kind: &'static str,
    read: fn(&mut Checked<'_, '_>, &Manifest) -> Option<Object>,
}

const fn kind<T: Own>() -> OwnKind {
    OwnKind { api_version: T::API_VERSION, kind: T::KIND, read: read::<T> }
}

const fn inert<T: Inert>() -> OwnKind {
    OwnKind { api_version: T::API_VERSION, kind: T::KIND, read: judge::<T> }
}

const KINDS: &[OwnKind] = &[
    kind::<Cluster>(),
    kind::<ClusterOverridePolicy>(),
    kind::<ClusterPropagationPolicy>(),
    kind::<ClusterTaintPolicy>(),
    inert::<CronFederatedHPA>(),
    inert::<FederatedHPA>(),
    kind::<FederatedResourceQuota>(),
    kind::<FleetSettings>(),
    inert::<MultiClusterIngress>(),
    inert::<MultiClusterService>(),
    kind::<OverridePolicy>(),
    kind::<PropagationPolicy>(),
    inert::<Remedy>(),
    kind::<ResourceInterpreterCustomization>(),
    kind::<ResourceInterpreterWebhookConfiguration>(),
    inert::<ResourceRegistry>(),
    inert::<WorkloadRebalancer>(),
];

/// Whether objects of this group steer the fleet rather than run in it. What only claims to does too:
/// it is refused with the kinds that there are.
pub(super) fn is_own(group: &str) -> bool {
    group == "work.karmada.io" || KINDS.iter().any(|kind| group_of(kind.api_version) == group)
}

/// Reads an object of one of our own groups; `None` if it cannot be used, with the Problems told.
pub(super) fn own(checked: &mut Checked<'_, '_>, manifest: &Manifest) -> Option<Object> {
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
        let mut all: Vec<&str> = of_group().map(|kind| kind.kind).collect();
        all.sort_unstable();
        let otherwise = format!("the kinds of {group} are {}", all.join(", "));
        let message = format!("there is no kind `{}` in {group}", shown(name));
        checked.error(
            "/kind",
            "KIND_UNKNOWN",
            message,
            did_you_mean(name, all.into_iter(), &otherwise),
        );
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

fn read<T: Own>(checked: &mut Checked<'_, '_>, manifest: &Manifest) -> Option<Object> {
    unknown(checked, manifest);
    match decode::<T>(manifest) {
        Ok(mut object) => {
            object.complete();
            if !checked.is_bad {
                T::validate_written(checked, manifest);
                object.validate(checked);
            }
            Some(object.keep())
        }
        Err(error) => {
            refused(checked, manifest, &error);
            None
        }
    }
}

/// Says which fields the kind does not have.
pub(super) fn unknown(checked: &mut Checked<'_, '_>, manifest: &Manifest) {
    for field in unknown_fields(manifest) {
        let hint = match field.meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the fields here are {}", field.known.join(", ")),
        };
        let message = format!("there is no field `{}` here", shown(&field.path.to_string()));
        checked.error_at_key(&field.path.pointer(), "FIELD_UNKNOWN", message, hint);
    }
}

/// Says what the type refused: all that differs from its schema, else what the type itself said, which
/// is about a text with a grammar of its own.
pub(super) fn refused(checked: &mut Checked<'_, '_>, manifest: &Manifest, error: &DecodeError) {
    let schema = schema::of(manifest.api_version(), manifest.kind());
    let differences = schema.map(|schema| compare(schema, manifest)).unwrap_or_default();
    if differences.is_empty() {
        checked.error(
            &error.path.pointer(),
            "TYPE_MISMATCH",
            format!("`{}`: {}", error.path, cut(&error.message, 300)),
            "write a value of the form that the field takes",
        );
    }
    for Difference { pointer, code, message, hint } in differences {
        if code == "OBJ_MISSING_FIELD" {
            checked.error_at_key(&pointer, code, message, hint);
        } else {
            checked.error(&pointer, code, message, hint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scope::built_in;
    use super::*;

    #[test]
    fn it_is_known_where_objects_of_our_kinds_live() {
        for kind in KINDS.iter().filter(|kind| kind.kind != FleetSettings::KIND) {
            let scope = built_in(group_of(kind.api_version), kind.kind);
            assert!(scope.is_some(), "{} has no scope", kind.kind);
            assert!(
                schema::of(kind.api_version, kind.kind).is_some(),
                "{} has no schema",
                kind.kind
            );
        }
        assert_eq!(KINDS.len(), schema::all().len());
    }
}
