//! The results tree: which file of a plan stands where.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Plan;
use super::binding::PlannedBinding;
use super::cursor::join;
use super::member_rules;
use super::owner::OWNER_PATH;
use super::previous::{Previous, Remembered};
use super::readme;
use super::rendered::RenderedFile;
use super::survey::SurveyFile;
use super::unplaced::UnplacedFile;
use super::work::PlannedWork;
use crate::api::cluster::{ResourceModel, default_resource_models};
use crate::api::manifest::ObjectKey;
use crate::api::names::{ClusterName, ObjectId};

/// Path in a work tree of the grades that the cluster's nodes are counted in, where they are not the nine
/// built-in ones. No namespace has such a name, and to others that apply a work tree it is no object.
pub const MODELS_PATH: &str = "_resource-models";

impl Plan {
    /// The grades that the nodes of a cluster are counted in; none for a cluster that is not of the fleet.
    #[must_use]
    pub fn models(&self, cluster: &ClusterName) -> &[ResourceModel] {
        self.clusters
            .get(cluster)
            .map(|state| &*state.cluster.spec.resource_models)
            .unwrap_or_default()
    }

    /// Every file of the results tree but `inputs.yaml`, which names the commits that were read and
    /// is the daemon's.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, Arc<RenderedFile>> {
        let mut files = self.other_files();
        for (path, file) in self.changes(&Previous::default()) {
            files.extend(file.map(|file| (path, Arc::new(RenderedFile::new(file.bytes())))));
        }
        files
    }

    /// The files that are no decision's own: surveys, clusters, rules, the page for people.
    #[must_use]
    pub fn other_files(&self) -> BTreeMap<String, Arc<RenderedFile>> {
        let mut files = BTreeMap::new();
        for survey in self.bindings.values().filter_map(|planned| planned.survey.as_ref()) {
            files.entry(SurveyFile::path(survey.id)).or_insert_with(|| Arc::clone(survey));
        }
        for (cluster, works) in &self.works {
            for (path, file) in member_rules::needed(&self.member_rules, works) {
                files.insert(format!("work/{cluster}/{path}"), Arc::clone(file));
            }
        }
        let built_in = default_resource_models();
        for (name, state) in &self.clusters {
            let models = &state.cluster.spec.resource_models;
            if *models != built_in {
                files.insert(format!("work/{name}/{MODELS_PATH}"), RenderedFile::yaml(models));
            }
            files.insert(format!("clusters/{name}.yaml"), Arc::clone(&state.file));
        }
        for (name, owner) in self.owners() {
            files.insert(format!("work/{name}/{OWNER_PATH}"), RenderedFile::yaml(&owner));
        }
        if !self.unplaced.is_empty() {
            let path = UnplacedFile::PATH.to_owned();
            files.insert(path, RenderedFile::yaml(&UnplacedFile::of(&self.unplaced)));
        }
        files.insert("README.md".to_owned(), readme::render(self));
        files
    }

    /// The files of decisions, bindings and works, that differ from those before, by path; `None` for one
    /// that is to go.
    pub fn changes<'p>(
        &'p self,
        before: &'p Previous,
    ) -> impl Iterator<Item = (String, Option<DecisionFile<'p>>)> {
        join(&before.bindings, &self.bindings).flat_map(|(key, old, new)| {
            let mut changes = Vec::new();
            if let (Some(old), Some(new)) = (old, new)
                && old.is(new)
            {
                return changes;
            }
            if old.map(Remembered::packed) != new.map(|new| &new.packed) {
                let file = new.map(|new| DecisionFile::Binding(new));
                changes.push((path_of_binding(key), file));
            }
            let had: BTreeMap<&ClusterName, ObjectId> =
                old.into_iter().flat_map(Remembered::works).collect();
            let works = new.into_iter().flat_map(|new| new.works.iter());
            let has: BTreeMap<&ClusterName, &PlannedWork> = works
                .filter(|(cluster, _)| self.works.contains_key(*cluster))
                .map(|(cluster, work)| (cluster, &**work))
                .collect();
            for (cluster, work) in &has {
                if had.get(*cluster) != Some(&work.id) {
                    changes.push((path_of_work(cluster, key), Some(DecisionFile::Work(work))));
                }
            }
            let gone = had.keys().filter(|cluster| !has.contains_key(*cluster));
            changes.extend(gone.map(|cluster| (path_of_work(cluster, key), None)));
            changes
        })
    }
}

/// A file of one decision. It is rendered when it is written: thousands may be.
#[derive(Clone, Copy, Debug)]
pub enum DecisionFile<'p> {
    /// The binding.
    Binding(&'p PlannedBinding),
    /// The work of one cluster.
    Work(&'p PlannedWork),
}

impl DecisionFile<'_> {
    /// Its content.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Binding(planned) => planned.bytes(),
            Self::Work(work) => work.bytes(),
        }
    }
}

fn path_of_binding(key: &ObjectKey) -> String {
    format!("bindings/{}.yaml", key.path())
}

fn path_of_work(cluster: &ClusterName, key: &ObjectKey) -> String {
    format!("work/{cluster}/{}.yaml", key.path())
}
