//! The decision for one template, as it stands in `bindings/`: a (Cluster)ResourceBinding in
//! Karmada's shape, and under `reasons` why it is so.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::by_cluster::ByCluster;
use super::packed::PackedBinding;
use super::reasons::Reasons;
use super::rendered::{RenderedFile, stable_uid};
use super::template_state::TemplateState;
use super::work::PlannedWork;
use crate::api::binding::{
    BindingSpec, BindingStatus, ObjectReference, TargetCluster, binding_name,
};
use crate::api::condition::{self, ConditionStatus};
use crate::api::manifest::{Manifest, ObjectKey};
use crate::api::marks;
use crate::api::meta::ObjectMeta;
use crate::api::names::ClusterName;
use crate::api::report::Health;
use crate::api::yaml::{self, BadYaml};
use crate::interpret::Dependency;

/// API version of bindings.
const API_VERSION: &str = "work.karmada.io/v1alpha2";

/// A ResourceBinding, or a ClusterResourceBinding for a template without a namespace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    /// `work.karmada.io/v1alpha2`.
    pub api_version: String,
    /// `ResourceBinding` or `ClusterResourceBinding`.
    pub kind: String,
    /// Name: `<template>-<kind>` in lower case.
    pub metadata: ObjectMeta,
    /// The decision.
    pub spec: BindingSpec,
    /// What became of it.
    #[serde(default)]
    pub status: BindingStatus,
    /// Generation and status of the template.
    #[serde(default, skip_serializing_if = "TemplateState::is_empty")]
    pub template: TemplateState,
    /// Why it is so.
    #[serde(default)]
    pub reasons: Reasons,
}

impl Binding {
    /// A binding for `template` that decides nothing yet.
    #[must_use]
    pub(super) fn new(key: &ObjectKey, template: &Manifest) -> Self {
        let group_kind = key.group_kind.to_string();
        let namespace = key.namespace.as_deref().unwrap_or_default();
        let kind =
            if key.namespace.is_some() { "ResourceBinding" } else { "ClusterResourceBinding" };
        let id = stable_uid(&[kind, &group_kind, namespace, &key.name]);
        let mut metadata = ObjectMeta::named(&binding_name(&key.group_kind.kind, &key.name));
        metadata.namespace = key.namespace.as_deref().map(str::to_owned);
        metadata.labels.insert(format!("{}.karmada.io/permanent-id", kind.to_lowercase()), id);
        Self {
            api_version: API_VERSION.to_owned(),
            kind: kind.to_owned(),
            metadata,
            spec: BindingSpec {
                resource: ObjectReference {
                    api_version: template.api_version().to_owned(),
                    kind: template.kind().to_owned(),
                    namespace: key.namespace.as_deref().map(str::to_owned),
                    name: key.name.to_string(),
                    uid: Some(stable_uid(&[&group_kind, namespace, &key.name])),
                    resource_version: None,
                },
                ..BindingSpec::default()
            },
            status: BindingStatus::default(),
            template: TemplateState::default(),
            reasons: Reasons::default(),
        }
    }

    /// Changes iff the template does, but for labels and annotations that only say what to do with it.
    pub(super) fn plain_template(&self) -> Option<&str> {
        let marked = self.metadata.annotations.get(marks::PLAIN_TEMPLATE);
        marked.or(self.spec.resource.resource_version.as_ref()).map(String::as_str)
    }

    /// Replicas by cluster, of all clusters that it runs in; 0 for what has none, and where it only
    /// goes along with what needs it.
    #[must_use]
    pub fn replicas_by_cluster(&self) -> BTreeMap<ClusterName, i32> {
        self.spec.replicas_by_cluster()
    }

    /// Replicas by cluster, as [`Self::replicas_by_cluster`], and of those too that run it on although
    /// they are not chosen.
    #[must_use]
    pub fn places(&self) -> BTreeMap<ClusterName, i32> {
        let mut places = self.replicas_by_cluster();
        let runs_on = self.reasons.runs_on.iter();
        places.extend(runs_on.map(|target| (target.name.clone(), target.replicas)));
        places
    }

    /// What the cluster of this name is given. Decisions name their clusters in order.
    #[must_use]
    pub(super) fn target(&self, name: &ClusterName) -> Option<&TargetCluster> {
        let targets = &self.spec.clusters;
        targets.binary_search_by(|target| target.name.cmp(name)).ok().map(|at| &targets[at])
    }

    /// Why it was not decided afresh: an earlier decision stays in force, or no cluster fits.
    #[must_use]
    pub fn undecided(&self) -> Option<&str> {
        if let Some(kept) = self.reasons.kept() {
            return Some(kept);
        }
        condition::find(&self.status.conditions, marks::CONDITION_SCHEDULED)
            .filter(|scheduled| scheduled.status != ConditionStatus::True)
            .map(|scheduled| &*scheduled.message)
    }

    /// The policy that decided; what goes along is decided by none.
    pub(super) fn deciding_policy(&self) -> Option<&str> {
        self.spec.placement.as_ref().map(|_| &*self.reasons.policy)
    }

    /// What a person should know of it; `None` when all is well.
    pub(super) fn trouble(&self) -> Option<String> {
        if let Some(why) = self.undecided() {
            return Some(why.to_owned());
        }
        if let Some(stale) = self.reasons.stale.first() {
            return Some(stale.why.to_string());
        }
        let items = &self.status.aggregated_status;
        let named = |names: Vec<&str>, what: &str| {
            (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")))
        };
        let pending = items.iter().filter(|item| !item.applied);
        let unhealthy = items.iter().filter(|item| item.health == Health::Unhealthy);
        named(pending.map(|item| item.cluster_name.as_str()).collect(), "not yet applied in")
            .or_else(|| {
                named(unhealthy.map(|item| item.cluster_name.as_str()).collect(), "unhealthy in")
            })
    }

    /// Whether it waits for clusters or for room, and so is decided on at every plan.
    #[must_use]
    pub(super) fn is_waiting(&self) -> bool {
        self.reasons.held.is_empty()
            && condition::find(&self.status.conditions, marks::CONDITION_SCHEDULED)
                .is_some_and(|scheduled| scheduled.status != ConditionStatus::True)
    }

    /// Whether what others are given can change the decision although it stands: it waits, or goes
    /// by where others run.
    #[must_use]
    pub(super) fn is_unsettled(&self) -> bool {
        self.is_waiting() || self.spec.workload_affinity_groups.is_some() || self.reasons.is_at_odds
    }

    /// Whether it leaves a cluster that it ran in: some filters let it stay, and would not let it
    /// come back.
    #[must_use]
    pub(super) fn leaves(&self, before: &Self) -> bool {
        !before.spec.clusters.iter().all(|target| self.target(&target.name).is_some())
    }

    /// What its template refers to, as it was recorded.
    ///
    /// # Errors
    /// It is not what this program records.
    pub(super) fn dependencies(&self) -> Result<Vec<Dependency>, BadYaml> {
        match self.metadata.annotations.get(marks::DEPENDENCIES) {
            None => Ok(Vec::new()),
            // JSON is YAML, whose errors say where.
            Some(text) => serde_json::from_str(text).or_else(|_| yaml::from_str(text)),
        }
    }

    /// The placement that the clusters were decided by, as it was recorded.
    #[must_use]
    pub fn applied_placement(&self) -> Option<&str> {
        self.metadata.annotations.get(marks::APPLIED_PLACEMENT).map(String::as_str)
    }
}

/// A decision with its works.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedBinding {
    pub(super) packed: PackedBinding,
    /// What each cluster runs of the template.
    pub works: ByCluster<Arc<PlannedWork>>,
    /// The survey that its reasons refer to.
    pub survey: Option<Arc<RenderedFile>>,
    /// What its template refers to, if that is to go along.
    pub(super) dependencies: Vec<Dependency>,
}

impl PlannedBinding {
    /// The same, with the note that it may not be the last word.
    #[must_use]
    pub(super) fn at_odds(&self) -> Arc<Self> {
        let mut binding = self.binding();
        binding.reasons.is_at_odds = true;
        Arc::new(Self { packed: (&binding).into(), ..self.clone() })
    }

    /// The decision `binding`, packed, with its works.
    #[must_use]
    pub(super) fn new(
        binding: &Binding,
        packed: PackedBinding,
        works: ByCluster<Arc<PlannedWork>>,
        survey: Option<Arc<RenderedFile>>,
    ) -> Arc<Self> {
        let dependencies = binding.dependencies().expect("read back before it is taken over");
        Arc::new(Self { packed, works, survey, dependencies })
    }

    /// The decision. It is unpacked: some tens of microseconds.
    #[must_use]
    pub fn binding(&self) -> Binding {
        self.packed.open()
    }

    /// Its file under `bindings/`.
    #[must_use]
    pub fn file(&self) -> Arc<RenderedFile> {
        Arc::new(RenderedFile::new(self.bytes()))
    }

    /// The content of its file.
    pub(super) fn bytes(&self) -> Vec<u8> {
        yaml::to_bytes(&self.binding())
    }

    /// Whether it takes others along, or goes along with others.
    pub(super) fn goes_or_takes_along(&self) -> bool {
        !self.dependencies.is_empty() || self.packed.is_required
    }
}
