//! What the last plan decided: the part of the results tree that the next one builds on.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Plan;
use super::binding::{Binding, PlannedBinding};
use super::packed::PackedBinding;
use super::rendered::RenderedFile;
use super::work::PlannedWork;
use crate::api::manifest::{Manifest, ObjectKey};
use crate::api::names::{ClusterName, ObjectId};
use crate::api::yaml::{self, BadYaml};

/// The previous decisions, by template.
#[derive(Clone, Debug, Default)]
pub struct Previous {
    /// One for each template that had a binding.
    pub bindings: BTreeMap<ObjectKey, Remembered>,
}

/// One previous decision: kept in memory since it was made, or read back from the results.
#[derive(Clone, Debug)]
pub enum Remembered {
    /// Made by this process.
    Planned(Arc<PlannedBinding>),
    /// Read from the results tree.
    Read(Arc<ReadBinding>),
}

/// A decision that was read from the results tree. Its works stay bytes until one is needed.
#[derive(Clone, Debug)]
pub struct ReadBinding {
    packed: PackedBinding,
    works: BTreeMap<ClusterName, Arc<RenderedFile>>,
    survey: Option<Arc<RenderedFile>>,
}

/// A file of the results tree that cannot be read back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} in the results is not what this program writes there")]
pub struct ReadError {
    /// Path of the file.
    pub path: String,
    /// What is wrong with it.
    pub source: BadYaml,
}

impl Remembered {
    pub(super) fn packed(&self) -> &PackedBinding {
        match self {
            Self::Planned(planned) => &planned.packed,
            Self::Read(read) => &read.packed,
        }
    }

    /// The decision. It is unpacked: some tens of microseconds.
    #[must_use]
    pub fn binding(&self) -> Binding {
        self.packed().open()
    }

    /// The survey that its reasons refer to.
    pub(super) fn survey(&self) -> Option<&Arc<RenderedFile>> {
        match self {
            Self::Planned(planned) => planned.survey.as_ref(),
            Self::Read(read) => read.survey.as_ref(),
        }
    }

    /// Blob ids of its works, by cluster.
    pub fn works(&self) -> impl Iterator<Item = (&ClusterName, ObjectId)> {
        let (planned, read) = match self {
            Self::Planned(planned) => (Some(planned.works.iter()), None),
            Self::Read(read) => (None, Some(&read.works)),
        };
        let planned = planned.into_iter().flatten().map(|(name, work)| (name, work.id));
        planned.chain(read.into_iter().flatten().map(|(name, file)| (name, file.id)))
    }

    /// The very value of the work with this id, if this process made it for the cluster.
    pub(super) fn planned_work(
        &self,
        cluster: &ClusterName,
        id: ObjectId,
    ) -> Option<Arc<PlannedWork>> {
        let Self::Planned(planned) = self else { return None };
        planned.works.get(cluster).filter(|work| work.id == id).map(Arc::clone)
    }

    /// What one cluster was given; `None` if nothing, or nothing that can be read back.
    #[must_use]
    pub fn work(&self, cluster: &ClusterName) -> Option<Arc<PlannedWork>> {
        match self {
            Self::Planned(planned) => planned.works.get(cluster).map(Arc::clone),
            Self::Read(read) => {
                let file = read.works.get(cluster)?;
                let text = std::str::from_utf8(&file.bytes).ok()?;
                let manifest: Manifest = yaml::from_str(text).ok()?;
                Some(Arc::new(PlannedWork { manifest: (&manifest).into(), id: file.id }))
            }
        }
    }

    /// Whether other decisions look at it: it holds room, or belongs to a group.
    pub(super) fn is_of_interest(&self) -> bool {
        self.packed().is_awaited || self.packed().has_groups
    }

    /// Whether it is the very decision that `other` is.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Planned(left), Self::Planned(right)) => Arc::ptr_eq(left, right),
            (Self::Read(left), Self::Read(right)) => Arc::ptr_eq(left, right),
            (Self::Planned(_), Self::Read(_)) | (Self::Read(_), Self::Planned(_)) => false,
        }
    }

    /// Whether it is this very plan's.
    pub(super) fn is(&self, planned: &Arc<PlannedBinding>) -> bool {
        match self {
            Self::Planned(previous) => Arc::ptr_eq(previous, planned),
            Self::Read(_) => false,
        }
    }
}

impl Previous {
    /// Whether the file at `path` of the results tree is a decision's that is remembered: a binding or a
    /// work.
    #[must_use]
    pub fn has_file(&self, path: &str) -> bool {
        let Some(stem) = path.strip_suffix(".yaml") else { return false };
        if let Some(key) = stem.strip_prefix("bindings/").and_then(ObjectKey::from_path) {
            return self.bindings.contains_key(&key);
        }
        let work = work_of_path(stem);
        work.is_some_and(|(cluster, key)| {
            let remembered = self.bindings.get(&key);
            remembered.is_some_and(|one| one.works().any(|(name, _)| *name == cluster))
        })
    }

    /// Reads the results tree back: files under `bindings/`, `work/` and `surveys/`; others are
    /// passed over.
    ///
    /// Works without a binding are passed over too: nothing can be said about them.
    ///
    /// # Errors
    /// The first file under `bindings/` that is not a binding.
    pub fn read<'f>(
        files: impl IntoIterator<Item = (&'f str, &'f [u8])>,
    ) -> Result<Self, ReadError> {
        let mut bindings: BTreeMap<ObjectKey, ReadBinding> = BTreeMap::new();
        let mut works: BTreeMap<ObjectKey, BTreeMap<ClusterName, Arc<RenderedFile>>> =
            BTreeMap::new();
        let mut surveys: BTreeMap<ObjectId, Arc<RenderedFile>> = BTreeMap::new();
        let mut survey_of: Vec<(ObjectKey, ObjectId)> = Vec::new();
        for (path, bytes) in files {
            let Some(stem) = path.strip_suffix(".yaml") else { continue };
            let file = || Arc::new(RenderedFile::new(bytes.to_vec()));
            if let Some(key) = stem.strip_prefix("bindings/").and_then(ObjectKey::from_path) {
                let text = String::from_utf8_lossy(bytes);
                let binding: Binding = yaml::from_str(&text)
                    .map_err(|source| ReadError { path: path.to_owned(), source })?;
                Binding::dependencies(&binding)
                    .map_err(|source| ReadError { path: path.to_owned(), source })?;
                survey_of.extend(binding.reasons.survey.map(|id| (key.clone(), id)));
                let packed = (&binding).into();
                let works = BTreeMap::new();
                bindings.insert(key, ReadBinding { packed, works, survey: None });
            } else if let Some((cluster, key)) = work_of_path(stem) {
                works.entry(key).or_default().insert(cluster, file());
            } else if stem.starts_with("surveys/") {
                let file = file();
                surveys.insert(file.id, file);
            }
        }
        for (key, id) in survey_of {
            if let Some(read) = bindings.get_mut(&key) {
                read.survey = surveys.get(&id).cloned();
            }
        }
        for (key, works) in works {
            if let Some(read) = bindings.get_mut(&key) {
                read.works = works;
            }
        }
        let remember = |(key, read)| (key, Remembered::Read(Arc::new(read)));
        Ok(Self { bindings: bindings.into_iter().map(remember).collect() })
    }
}

/// Reads `work/<cluster>/<key>` back.
fn work_of_path(stem: &str) -> Option<(ClusterName, ObjectKey)> {
    let (cluster, key) = stem.strip_prefix("work/")?.split_once('/')?;
    Some((ClusterName::new(cluster).ok()?, ObjectKey::from_path(key)?))
}

impl From<&Plan> for Previous {
    fn from(plan: &Plan) -> Self {
        let remember = |(key, planned): (&ObjectKey, &Arc<PlannedBinding>)| {
            (key.clone(), Remembered::Planned(Arc::clone(planned)))
        };
        Self { bindings: plan.bindings.iter().map(remember).collect() }
    }
}
