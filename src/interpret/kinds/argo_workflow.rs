//! `argoproj.io/v1alpha1 Workflow`.

use super::flux::retain_suspend;
use super::{Kind, set_in_spec};
use crate::api::manifest::Manifest;
use crate::interpret::dependency::{Dependency, References};
use crate::interpret::fields::{Answer, Fields, Unreadable, keep, replica_count};
use crate::interpret::{Replicas, requirements_of_nodes};

/// Steps that run as pods, `spec.parallelism` at a time.
pub(super) struct Workflow;

impl Kind for Workflow {
    fn matches(&self) -> (&'static str, &'static str) {
        ("argoproj.io/v1alpha1", "Workflow")
    }

    /// What a pod needs is known of its nodes only: each step has containers of its own.
    fn replicas(&self, template: &Manifest) -> Answer<Replicas> {
        let spec = template.need("spec")?;
        let count = replica_count(spec.number("parallelism").unwrap_or(1));
        Ok(Some(Replicas { count, requirements: requirements_of_nodes(spec) }))
    }

    fn revise_replicas(&self, manifest: &mut Manifest, count: i32) {
        set_in_spec(manifest, "parallelism", count);
    }

    fn retains(&self, _desired: &Manifest) -> bool {
        true
    }

    fn retain(&self, desired: &mut Manifest, live: &Manifest) -> Result<(), Unreadable> {
        retain_suspend(desired, live)?;
        keep(desired, live, "status");
        Ok(())
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        let phase = live.filled("status.phase");
        Ok(Some(phase.is_some_and(|phase| !["Error", "Failed"].contains(&phase))))
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        let spec = template.need("spec")?;
        let mut references = References::new(template.namespace());
        references.add("ServiceAccount", spec.text("executor.serviceAccountName"));
        references.add_service_account(spec.text("serviceAccountName"));
        for secret in spec.list("imagePullSecrets") {
            references.add("Secret", secret.text("name"));
        }
        for claim in spec.list("volumeClaimTemplates") {
            references.add("PersistentVolumeClaim", claim.text("metadata.name"));
        }
        for volume in spec.list("volumes") {
            references.add_volume(volume);
        }
        Ok(references.into_dependencies())
    }
}
