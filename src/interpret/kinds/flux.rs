//! Flux: its sources, HelmRelease and Kustomization.

use jiff::Timestamp;
use serde_json::Value;

use super::{Kind, pick_generations, pick_present};
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::interpret::dependency::{Dependency, References};
use crate::interpret::fields::{Answer, Fields, Unreadable, set};
use crate::interpret::items::{fold, merged_conditions, put, put_last, sum};

/// A kind of Flux.
pub(super) struct Flux {
    api_version: &'static str,
    kind: &'static str,
    /// Reasons of a `Ready` condition that mean success.
    reasons: &'static [&'static str],
    /// Fields of the status of which the last cluster's counts.
    last: &'static [&'static str],
    /// Such fields that stay as they were while no cluster has them.
    last_or_old: &'static [&'static str],
    /// Counters of failures, which add up and are told only where there are some.
    failures: &'static [&'static str],
    /// Where names of Secrets stand in the spec.
    secrets: &'static [&'static str],
}

pub(super) const GIT_REPOSITORY: Flux = Flux {
    api_version: "source.toolkit.fluxcd.io/v1",
    kind: "GitRepository",
    reasons: &["Succeeded"],
    last: &["artifact"],
    last_or_old: &["observedIgnore", "observedRecurseSubmodules"],
    failures: &[],
    secrets: &["secretRef.name", "verify.secretRef.name"],
};

pub(super) const BUCKET: Flux = Flux {
    api_version: "source.toolkit.fluxcd.io/v1beta2",
    kind: "Bucket",
    reasons: &["Succeeded"],
    last: &["artifact", "url"],
    last_or_old: &["observedIgnore"],
    failures: &[],
    secrets: &["secretRef.name"],
};

pub(super) const HELM_CHART: Flux = Flux {
    api_version: "source.toolkit.fluxcd.io/v1beta2",
    kind: "HelmChart",
    reasons: &["Succeeded", "ChartPullSucceeded"],
    last: &["artifact", "observedChartName", "observedSourceArtifactRevision", "url"],
    last_or_old: &[],
    failures: &[],
    secrets: &["verify.secretRef.name"],
};

pub(super) const HELM_REPOSITORY: Flux = Flux {
    api_version: "source.toolkit.fluxcd.io/v1beta2",
    kind: "HelmRepository",
    reasons: &["Succeeded"],
    last: &["artifact", "url"],
    last_or_old: &[],
    failures: &[],
    secrets: &["secretRef.name"],
};

pub(super) const OCI_REPOSITORY: Flux = Flux {
    api_version: "source.toolkit.fluxcd.io/v1beta2",
    kind: "OCIRepository",
    reasons: &["Succeeded"],
    last: &["artifact", "url"],
    last_or_old: &["observedIgnore", "observedLayerSelector"],
    failures: &[],
    secrets: &["secretRef.name", "verify.secretRef.name", "certSecretRef.name"],
};

pub(super) const HELM_RELEASE: Flux = Flux {
    api_version: "helm.toolkit.fluxcd.io/v2beta1",
    kind: "HelmRelease",
    reasons: &["ReconciliationSucceeded"],
    last: &[],
    last_or_old: &[
        "helmChart",
        "lastAppliedRevision",
        "lastAttemptedRevision",
        "lastAttemptedValuesChecksum",
        "lastReleaseRevision",
    ],
    failures: &["failures", "installFailures", "upgradeFailures"],
    secrets: &["chart.spec.verify.secretRef.name", "kubeConfig.secretRef.name"],
};

pub(super) const KUSTOMIZATION: Flux = Flux {
    api_version: "kustomize.toolkit.fluxcd.io/v1",
    kind: "Kustomization",
    reasons: &["ReconciliationSucceeded"],
    last: &[],
    last_or_old: &["lastAppliedRevision", "lastAttemptedRevision"],
    failures: &[],
    secrets: &["decryption.secretRef.name", "kubeConfig.secretRef.name"],
};

/// Takes over whether the object is on hold, which is for the member to say.
pub(super) fn retain_suspend(desired: &mut Manifest, live: &Manifest) -> Result<(), Unreadable> {
    if let Some(suspend) = live.need("spec")?.field("suspend") {
        desired.need("spec")?;
        set(desired, "spec.suspend", Some(suspend.clone()));
    }
    Ok(())
}

impl Kind for Flux {
    fn matches(&self) -> (&'static str, &'static str) {
        (self.api_version, self.kind)
    }

    fn retains(&self, _desired: &Manifest) -> bool {
        true
    }

    fn retain(&self, desired: &mut Manifest, live: &Manifest) -> Result<(), Unreadable> {
        retain_suspend(desired, live)
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        Ok(Some(live.list("status.conditions").iter().any(|condition| {
            condition["type"] == "Ready"
                && condition["status"] == "True"
                && self.reasons.iter().any(|reason| condition["reason"] == *reason)
        })))
    }

    fn reflect(&self, live: &Manifest, status: &Value) -> Option<Value> {
        let fields = [self.last, self.last_or_old, self.failures].concat();
        let mut kept = pick_present(status, &fields);
        kept.append(&mut pick_present(status, &["conditions", "observedGeneration"]));
        pick_generations(&mut kept, live);
        Some(Value::Object(kept))
    }

    fn aggregate(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        let mut status = fold(template, items, &[], self.last)?;
        for counter in self.failures {
            put(&mut status, counter, Some(Value::from(sum(items, counter))));
        }
        for field in self.last_or_old {
            if items.is_empty() {
                status.remove(*field);
            }
            put_last(&mut status, items, field);
        }
        put(&mut status, "conditions", Some(merged_conditions(items)?));
        Ok(Some(Value::Object(status)))
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        let spec = template.need("spec")?;
        let mut references = References::new(template.namespace());
        for path in self.secrets {
            references.add("Secret", spec.text(path));
        }
        references.add("ServiceAccount", spec.text("serviceAccountName"));
        for source in spec.list("valuesFrom") {
            match source.text("kind") {
                Some("ConfigMap") => references.add("ConfigMap", source.text("name")),
                Some("Secret") => references.add("Secret", source.text("name")),
                Some(_) | None => {}
            }
        }
        Ok(references.into_dependencies())
    }
}
