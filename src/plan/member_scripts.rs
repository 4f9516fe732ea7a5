//! The scripts of customizations, and the webhooks, that are asked beside the members: they go along
//! with the work, so that whoever reads the work ref has what it takes to judge the live objects.

use std::sync::Arc;

use super::ClusterWorks;
use super::rendered::RenderedFile;
use crate::api::manifest::Manifest;
use crate::api::manifest::{GroupKind, ObjectKey};
use crate::api::resource_interpreter_customization::{CustomizationTarget, Operation};
use crate::api::resource_interpreter_webhook_configuration::ResourceInterpreterWebhookConfiguration;
use crate::fleet::Fleet;

/// Ending of a file with a configuration of webhooks. Not YAML's: to others that apply a work tree it
/// is no object.
const WEBHOOKS_ENDING: &str = ".webhooks";

/// Folder of the scripts and webhooks in a work tree. No namespace has such a name.
pub const SCRIPTS_DIR: &str = "_interpreter";

/// One script, or one configuration of webhooks, that members need.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MemberScript {
    subject: Subject,
    /// Its path in a work tree. Not YAML: to others that apply a work tree it is no object.
    path: String,
    file: Arc<RenderedFile>,
}

/// Which objects it is asked about.
#[derive(Clone, Debug, PartialEq)]
enum Subject {
    /// Those of one kind.
    Kind(CustomizationTarget),
    /// Those that rules of webhooks are about.
    Rules(Arc<ResourceInterpreterWebhookConfiguration>),
}

/// The scripts and webhooks of the fleet that answer for live objects.
pub(super) fn of(fleet: &Fleet) -> Vec<MemberScript> {
    let mut scripts = Vec::new();
    for (name, customization) in &fleet.customizations {
        let target = &customization.value.spec.target;
        for operation in Operation::ALL.iter().filter(|operation| operation.is_of_live()) {
            let text = customization.value.spec.customizations.script(*operation);
            scripts.extend(text.map(|text| MemberScript {
                subject: Subject::Kind(target.clone()),
                path: path(target, *operation, name),
                file: Arc::new(RenderedFile::new(text.as_bytes().to_vec())),
            }));
        }
    }
    scripts.extend(fleet.webhook_configurations.iter().map(|(name, configuration)| MemberScript {
        subject: Subject::Rules(Arc::clone(&configuration.value)),
        path: format!("{SCRIPTS_DIR}/{name}{WEBHOOKS_ENDING}"),
        file: RenderedFile::yaml(&*configuration.value),
    }));
    scripts
}

/// Those that a cluster with these works needs, by their paths in its work tree.
pub(super) fn needed<'s>(
    scripts: &'s [MemberScript],
    works: &ClusterWorks,
) -> impl Iterator<Item = (&'s str, &'s Arc<RenderedFile>)> {
    let is_needed = |script: &&MemberScript| match &script.subject {
        Subject::Kind(target) => runs(works, target),
        Subject::Rules(configuration) => {
            works.values().any(|work| judges(configuration, &work.manifest))
        }
    };
    scripts.iter().filter(is_needed).map(|script| (&*script.path, &script.file))
}

fn runs(works: &ClusterWorks, target: &CustomizationTarget) -> bool {
    let group = target.api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let group_kind = GroupKind { group: group.into(), kind: target.kind.as_str().into() };
    let first = ObjectKey { group_kind: group_kind.clone(), namespace: None, name: "".into() };
    works
        .range(first..)
        .take_while(|(key, _)| key.group_kind == group_kind)
        .any(|(_, work)| work.manifest.api_version() == target.api_version)
}

/// Whether webhooks are asked about the live form of an object.
fn judges(configuration: &ResourceInterpreterWebhookConfiguration, object: &Manifest) -> bool {
    let (group, version, kind) = (object.group(), object.version(), object.kind());
    let mut rules = configuration.webhooks.iter().flat_map(|webhook| &webhook.rules);
    let of_live = || Operation::ALL.iter().filter(|operation| operation.is_of_live());
    rules.any(|rule| of_live().any(|operation| rule.matches(*operation, group, version, kind)))
}

fn path(target: &CustomizationTarget, operation: Operation, name: &str) -> String {
    let CustomizationTarget { api_version, kind } = target;
    format!("{SCRIPTS_DIR}/{api_version}/{kind}/{operation}/{name}.lua")
}

/// Reads the path of a script in a work tree back: what it is about, what it is asked, and the name
/// of its customization. `None` for any other file.
#[must_use]
pub fn script_of_path(path: &str) -> Option<(CustomizationTarget, Operation, &str)> {
    let rest = path.strip_prefix(SCRIPTS_DIR)?.strip_prefix('/')?.strip_suffix(".lua")?;
    let (rest, name) = rest.rsplit_once('/')?;
    let (rest, operation) = rest.rsplit_once('/')?;
    let (api_version, kind) = rest.rsplit_once('/')?;
    let operation = Operation::ALL.iter().copied().find(|one| one.name() == operation)?;
    let target = CustomizationTarget { api_version: api_version.to_owned(), kind: kind.to_owned() };
    Some((target, operation, name))
}

/// Whether a path in a work tree is that of a configuration of webhooks, in YAML.
#[must_use]
pub fn is_path_of_webhooks(path: &str) -> bool {
    let name = path.strip_prefix(SCRIPTS_DIR).and_then(|rest| rest.strip_prefix('/'));
    name.and_then(|name| name.strip_suffix(WEBHOOKS_ENDING)).is_some_and(|name| !name.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_script_says_what_it_is_for() {
        for api_version in ["v1", "example.io/v1alpha1"] {
            let target = CustomizationTarget {
                api_version: api_version.to_owned(),
                kind: "Game".to_owned(),
            };
            let path = path(&target, Operation::Retain, "games");
            assert_eq!(script_of_path(&path), Some((target, Operation::Retain, "games")));
        }
        assert!(is_path_of_webhooks("_interpreter/workloads.webhooks"));
        assert!(!is_path_of_webhooks("_interpreter/v1/Pod/Retain/a.lua"));
        assert!(!is_path_of_webhooks("web/ConfigMap/a.webhooks"));
        assert_eq!(script_of_path("web/ConfigMap/a.lua"), None);
        assert_eq!(script_of_path("_interpreter/v1/Pod/Guess/a.lua"), None);
    }
}
