//! Works: the manifest of one template as one cluster is to run it (`spec/placement.md` §5.1–5.3).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::binding::Binding;
use super::rendered::RenderedFile;
use crate::api::cluster::Cluster;
use crate::api::manifest::{Manifest, ObjectKey, PackedManifest};
use crate::api::marks;
use crate::api::names::{ClusterName, ObjectId};
use crate::api::yaml;
use crate::interpret::{self, Interpreter, NoAnswer};
use crate::overrides::{self, OverrideError, OverridePolicies};
use crate::schedule::divide::{self, Strategy};

/// One object of one cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedWork {
    /// The object as it is to be applied.
    pub manifest: PackedManifest,
    /// Id of its file under `work/<cluster>/`.
    pub id: ObjectId,
}

impl PlannedWork {
    /// The work that applies `manifest`.
    #[must_use]
    pub fn new(manifest: &Manifest) -> Arc<Self> {
        let id = RenderedFile::yaml(manifest).id;
        Arc::new(Self { manifest: manifest.into(), id })
    }

    /// Its file under `work/<cluster>/`.
    #[must_use]
    pub fn file(&self) -> Arc<RenderedFile> {
        Arc::new(RenderedFile::new(self.bytes()))
    }

    /// The content of its file.
    pub(super) fn bytes(&self) -> Vec<u8> {
        yaml::to_bytes(&self.manifest.open())
    }
}

/// What one cluster gets besides the template: its share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Share {
    /// Replicas; `None` for what has none to revise.
    pub(super) replicas: Option<i32>,
    /// Completions of a divided Job.
    pub(super) completions: Option<i64>,
}

/// The share of each cluster of the decision.
///
/// A cluster that only others need it in gets the template as it is: their replicas are not its.
pub(super) fn shares(binding: &Binding, template: &Manifest) -> BTreeMap<ClusterName, Share> {
    let spec = &binding.spec;
    let completions = divided_completions(binding, template);
    let mut shares: BTreeMap<ClusterName, Share> = spec
        .clusters
        .iter()
        .map(|target| {
            let replicas = divide::is_workload(spec).then_some(target.replicas);
            let completions = completions.get(&target.name).copied();
            (target.name.clone(), Share { replicas, completions })
        })
        .collect();
    for target in spec.required_by.iter().flat_map(|snapshot| &snapshot.clusters) {
        shares.entry(target.name.clone()).or_default();
    }
    shares
}

/// The completions of a Job, divided like its replicas; empty when they are not to be divided.
fn divided_completions(binding: &Binding, template: &Manifest) -> BTreeMap<ClusterName, i64> {
    let spec = &binding.spec;
    let is_divided = spec
        .placement
        .as_ref()
        .is_some_and(|placement| divide::strategy(placement) != Strategy::Duplicated);
    let completions = template.0.get("spec").and_then(|spec| spec.get("completions"));
    let Some(completions) = completions.and_then(Value::as_i64) else { return BTreeMap::new() };
    if template.kind() != "Job" || spec.replicas <= 0 || !is_divided {
        return BTreeMap::new();
    }
    let weights: BTreeMap<ClusterName, i64> = spec
        .clusters
        .iter()
        .map(|target| (target.name.clone(), i64::from(target.replicas)))
        .collect();
    let uid = spec.resource.uid.as_deref().unwrap_or_default();
    divide::dispense(completions, &weights, &BTreeMap::new(), uid)
}

/// Makes the works of one template. The template is pruned once; clusters that get the same bytes
/// share them.
pub(super) struct WorkMaker<'a> {
    pruned: Manifest,
    binding: &'a Binding,
    /// `None` when no policy could touch the template's kind.
    policies: Option<OverridePolicies<'a>>,
    interpreter: &'a dyn Interpreter,
    /// Works that no override touched, by the share that they render.
    plain: BTreeMap<Share, Arc<PlannedWork>>,
}

/// Why the work of one cluster cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// Nobody can say how its share is written.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// An override that cannot be applied.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// Overrides that make another object of it.
    #[error(
        "OVERRIDE_FORBIDDEN the overrides make {0} of it; leave apiVersion, kind, name and namespace alone"
    )]
    Identity(ObjectKey),
}

/// A work, and the override policies that changed it in the order in which they did.
pub type MadeWork = (Arc<PlannedWork>, Vec<String>);

impl<'a> WorkMaker<'a> {
    pub(super) fn new(
        template: &Manifest,
        binding: &'a Binding,
        policies: OverridePolicies<'a>,
        interpreter: &'a dyn Interpreter,
    ) -> Self {
        let mut pruned = template.clone();
        interpret::prune(&mut pruned);
        let policies = policies.can_touch(template).then_some(policies);
        Self { pruned, binding, policies, interpreter, plain: BTreeMap::new() }
    }

    /// The work of one cluster: replicas, completions, overrides, marks, in this order. What belongs to
    /// an API server is pruned once more behind the overrides, as Karmada's webhook for Works does.
    ///
    /// # Errors
    /// A share that cannot be written, or an override that cannot be applied.
    pub(super) fn make(&mut self, cluster: &Cluster, share: Share) -> Result<MadeWork, WorkError> {
        let Some(policies) = &self.policies else {
            return Ok((self.plain_work(share)?, Vec::new()));
        };
        let mut manifest = self.with_share(share)?;
        give_maps(&mut manifest);
        let mut applied = overrides::apply(&mut manifest, cluster, policies)?;
        applied.retain(|one| one.has_effect);
        if applied.is_empty() {
            return Ok((self.plain_work(share)?, Vec::new()));
        }
        if identity(&manifest) != identity(&self.pruned) {
            return Err(WorkError::Identity(manifest.key()));
        }
        interpret::prune(&mut manifest);
        mark(&mut manifest, self.binding);
        let policies = applied.into_iter().map(|one| one.policy).collect();
        Ok((PlannedWork::new(&manifest), policies))
    }

    fn with_share(&self, share: Share) -> Result<Manifest, NoAnswer> {
        let mut manifest = self.pruned.clone();
        if let Some(replicas) = share.replicas {
            self.interpreter.revise_replicas(&mut manifest, replicas)?;
        }
        if let Some(completions) = share.completions
            && let Some(spec) = manifest.0.get_mut("spec").and_then(Value::as_object_mut)
        {
            spec.insert("completions".to_owned(), Value::from(completions));
        }
        Ok(manifest)
    }

    fn plain_work(&mut self, share: Share) -> Result<Arc<PlannedWork>, NoAnswer> {
        if let Some(work) = self.plain.get(&share) {
            return Ok(Arc::clone(work));
        }
        let mut manifest = self.with_share(share)?;
        mark(&mut manifest, self.binding);
        let work = PlannedWork::new(&manifest);
        self.plain.insert(share, Arc::clone(&work));
        Ok(work)
    }
}

/// What an object is, whatever is in it.
fn identity(one: &Manifest) -> (&str, &str, Option<&str>, &str) {
    (one.api_version(), one.kind(), one.namespace(), one.name())
}

/// The works of one template in the clusters of its binding, as a plan makes them, and the override
/// policies that changed each.
///
/// # Errors
/// A share that cannot be written, or an override that cannot be applied.
pub fn works(
    template: &Manifest,
    binding: &Binding,
    policies: OverridePolicies<'_>,
    interpreter: &dyn Interpreter,
    clusters: &BTreeMap<ClusterName, Cluster>,
) -> Result<BTreeMap<ClusterName, MadeWork>, WorkError> {
    let mut maker = WorkMaker::new(template, binding, policies, interpreter);
    let shares = shares(binding, template).into_iter();
    let shares = shares.filter_map(|(name, share)| Some((clusters.get(&name)?, name, share)));
    shares.map(|(cluster, name, share)| Ok((name, maker.make(cluster, share)?))).collect()
}

/// A template as overriders see it, with one replica if its kind has them: for trying them.
#[must_use]
pub fn as_overriders_see(template: &Manifest) -> Manifest {
    let mut manifest = template.clone();
    interpret::prune(&mut manifest);
    interpret::revise_replicas(&mut manifest, 1);
    give_maps(&mut manifest);
    manifest
}

/// Gives a template labels and annotations, empty ones if it has none: in Karmada a claim has put both
/// there before overriders see it, so that a patch can add to them. [`mark`] leaves neither empty.
fn give_maps(manifest: &mut Manifest) {
    let metadata = manifest.metadata_mut();
    for field in ["annotations", "labels"] {
        let slot = metadata.entry(field).or_insert(Value::Null);
        if slot.is_null() {
            *slot = Value::Object(serde_json::Map::new());
        }
    }
}

/// Writes into the manifest that it is ours, which binding it comes from, and what to do when the
/// member has an object of that name already.
fn mark(manifest: &mut Manifest, binding: &Binding) {
    let wanted = manifest.annotation(marks::CONFLICT_RESOLUTION);
    let resolution = match wanted {
        Some(word @ ("abort" | "overwrite")) => word.to_owned(),
        Some(_) | None => binding.spec.conflict_resolution.annotation().to_owned(),
    };
    manifest.set_label(marks::MANAGED, marks::MANAGED_TRUE);
    manifest.set_annotation(marks::CONFLICT_RESOLUTION, &resolution);
    match &binding.metadata.namespace {
        Some(namespace) => {
            manifest.set_annotation(marks::BINDING_NAMESPACE, namespace);
            manifest.set_annotation(marks::BINDING_NAME, &binding.metadata.name);
        }
        None => manifest.set_annotation(marks::CLUSTER_BINDING_NAME, &binding.metadata.name),
    }
    let generation = binding.template.generation.map(|generation| generation.to_string());
    let preserves = binding.spec.preserve_resources_on_deletion == Some(true);
    // Ours alone to say, whatever an override wrote.
    for (key, value) in [
        (marks::TEMPLATE_GENERATION, generation.as_deref()),
        (marks::PRESERVE_ON_DELETION, preserves.then_some("true")),
    ] {
        match value {
            Some(value) => manifest.set_annotation(key, value),
            None => manifest.remove_annotation(key),
        }
    }
}
