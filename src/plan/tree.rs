//! The results tree: which file of a plan stands where.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Plan;
use super::member_rules;
use super::readme;
use super::rendered::RenderedFile;
use super::survey::SurveyFile;
use super::unplaced::UnplacedFile;

impl Plan {
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
        for (name, state) in &self.clusters {
            files.insert(format!("clusters/{name}.yaml"), Arc::clone(&state.file));
        }
        if !self.unplaced.is_empty() {
            let path = UnplacedFile::PATH.to_owned();
            files.insert(path, RenderedFile::yaml(&UnplacedFile::of(&self.unplaced)));
        }
        files.insert("README.md".to_owned(), readme::render(self));
        files
    }
}
