//! The results tree: which file of a plan stands where.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Plan;
use super::member_rules;
use super::owner::OWNER_PATH;
use super::readme;
use super::rendered::RenderedFile;
use super::survey::SurveyFile;
use super::unplaced::UnplacedFile;
use crate::api::cluster::{ResourceModel, default_resource_models};
use crate::api::names::ClusterName;

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
        let mut files = BTreeMap::new();
        for (key, planned) in &self.bindings {
            files.insert(format!("bindings/{}.yaml", key.path()), Arc::clone(&planned.file));
            if let Some(survey) = &planned.survey {
                files.entry(SurveyFile::path(survey.id)).or_insert_with(|| Arc::clone(survey));
            }
        }
        for (cluster, works) in &self.works {
            for (key, work) in works.iter() {
                let path = format!("work/{cluster}/{}.yaml", key.path());
                files.insert(path, Arc::clone(&work.file));
            }
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
}
