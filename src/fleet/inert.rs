//! Kinds of Karmada's that steer the fleet and that nothing acts upon yet: judged as there, and told.

use serde::de::DeserializeOwned;

use crate::api::cron_federated_hpa::CronFederatedHPA;
use crate::api::decode::decode;
use crate::api::federated_hpa::{FederatedHPA, default_federated_hpa};
use crate::api::manifest::Manifest;
use crate::api::meta::Resource;
use crate::api::multi_cluster_ingress::MultiClusterIngress;
use crate::api::multi_cluster_service::MultiClusterService;
use crate::api::remedy::Remedy;
use crate::api::resource_registry::ResourceRegistry;
use crate::api::workload_rebalancer::WorkloadRebalancer;

use super::file::Object;
use super::object::Checked;
use super::own::{refused, unknown};
use super::report::shown;
use super::validate;

/// A kind that the loader types, completes and validates, and that nothing acts upon.
pub(super) trait Inert: Resource + DeserializeOwned {
    /// What to do instead.
    const INSTEAD: &'static str;
    /// Fills in what Karmada's admission would.
    fn complete(&mut self) {}
    /// Checks what types cannot say; everything is filled in.
    fn validate(&self, checked: &mut Checked<'_, '_>);
}

impl Inert for CronFederatedHPA {
    const INSTEAD: &'static str = "commit the replicas at the time, or write a HorizontalPodAutoscaler and a policy that selects it";
    fn validate(&self, checked: &mut Checked<'_, '_>) {
        validate::cron_federated_hpa(checked, &self.spec);
    }
}

impl Inert for FederatedHPA {
    const INSTEAD: &'static str = "write a HorizontalPodAutoscaler and a policy that selects it: each cluster then scales its own share";
    fn complete(&mut self) {
        default_federated_hpa(self);
    }
    fn validate(&self, checked: &mut Checked<'_, '_>) {
        validate::federated_hpa(checked, &self.spec);
    }
}

impl Inert for MultiClusterIngress {
    const INSTEAD: &'static str =
        "write an Ingress and a policy that selects it: each cluster then has one of its own";
    fn validate(&self, checked: &mut Checked<'_, '_>) {
        validate::ingress(checked, &self.spec);
    }
}

impl Inert for MultiClusterService {
    const INSTEAD: &'static str =
        "write a Service and a policy that selects it: each cluster then serves its own pods";
    fn validate(&self, checked: &mut Checked<'_, '_>) {
        validate::service(checked, self);
    }
}

impl Inert for Remedy {
    const INSTEAD: &'static str =
        "put a taint on the cluster by hand when it is to get no traffic and no work";
    // Its type says it all.
    fn validate(&self, _checked: &mut Checked<'_, '_>) {}
}

impl Inert for ResourceRegistry {
    const INSTEAD: &'static str =
        "remove it; `git fleet get` and the branch of results say what runs where";
    fn validate(&self, checked: &mut Checked<'_, '_>) {
        if let Some(spec) = &self.spec {
            validate::registry(checked, spec);
        }
    }
}

impl Inert for WorkloadRebalancer {
    const INSTEAD: &'static str =
        "remove it; to divide a workload afresh, change the placement of its policy";
    fn validate(&self, checked: &mut Checked<'_, '_>) {
        validate::rebalancer(checked, &self.spec);
    }
}

/// Reads an object that nothing acts upon; `None` if it is not right, with the Problems told.
pub(super) fn judge<T: Inert>(
    checked: &mut Checked<'_, '_>,
    manifest: &Manifest,
) -> Option<Object> {
    unknown(checked, manifest);
    match decode::<T>(manifest) {
        Ok(mut object) if !checked.is_bad => {
            object.complete();
            object.validate(checked);
        }
        Ok(_) => {}
        Err(error) => refused(checked, manifest, &error),
    }
    if checked.is_bad {
        return None;
    }
    checked.warning(
        "",
        "KIND_NOT_PROPAGATED",
        format!(
            "{} steers the fleet itself, and this version does not act on it yet",
            shown(&manifest.key().to_string())
        ),
        T::INSTEAD,
    );
    Some(Object::Inert(manifest.into()))
}
