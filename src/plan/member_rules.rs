//! Users' rules, scripts and webhooks, that are asked beside the members: they go along with the work,
//! so that whoever reads the work ref has what it takes to judge the live objects.

use std::sync::Arc;

use super::ClusterWorks;
use super::rendered::RenderedFile;
use super::work::PlannedWork;
use crate::api::manifest::{GroupKind, ObjectKey, group_of};
use crate::api::resource_interpreter_customization::{CustomizationTarget, Operation};
use crate::api::resource_interpreter_webhook_configuration::ResourceInterpreterWebhookConfiguration;
use crate::fleet::Fleet;

/// Folder of the rules in a work tree. No namespace has such a name.
pub const RULES_DIR: &str = "_interpreter";

/// Ending of a file with a configuration of webhooks. Not YAML's: to others that apply a work tree it
/// is no object.
const WEBHOOKS_ENDING: &str = ".webhooks";

/// One script, or one configuration of webhooks, that members need.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MemberRule {
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
    /// Those that webhooks have rules for.
    Webhooks(Arc<ResourceInterpreterWebhookConfiguration>),
}

/// The rules of the fleet that answer for live objects.
pub(super) fn of(fleet: &Fleet) -> Vec<MemberRule> {
    let mut rules = Vec::new();
    for (name, customization) in &fleet.customizations {
        let target = &customization.value.spec.target;
        for operation in Operation::OF_LIVE {
            let text = customization.value.spec.customizations.script(*operation);
            rules.extend(text.map(|text| MemberRule {
                subject: Subject::Kind(target.clone()),
                path: path(target, *operation, name),
                file: Arc::new(RenderedFile::new(text.as_bytes().to_vec())),
            }));
        }
    }
    rules.extend(fleet.webhook_configurations.iter().map(|(name, configuration)| MemberRule {
        subject: Subject::Webhooks(Arc::clone(&configuration.value)),
        path: format!("{RULES_DIR}/{name}{WEBHOOKS_ENDING}"),
        file: RenderedFile::yaml(&*configuration.value),
    }));
    rules
}

/// Those that a cluster with these works needs, by their paths in its work tree.
pub(super) fn needed<'r>(
    rules: &'r [MemberRule],
    works: &ClusterWorks,
) -> impl Iterator<Item = (&'r str, &'r Arc<RenderedFile>)> {
    let has_webhooks = rules.iter().any(|rule| matches!(rule.subject, Subject::Webhooks(_)));
    let kinds = if has_webhooks { kinds(works) } else { Vec::new() };
    let is_needed = move |rule: &&MemberRule| match &rule.subject {
        Subject::Kind(target) => runs(works, target),
        Subject::Webhooks(configuration) => {
            kinds.iter().any(|kind| judges(configuration, kind, works))
        }
    };
    rules.iter().filter(is_needed).map(|rule| (&*rule.path, &rule.file))
}

/// The kinds of the works, each once: one step for each kind, not for each work.
fn kinds(works: &ClusterWorks) -> Vec<&GroupKind> {
    let mut kinds = Vec::new();
    let mut next = works.first_key_value();
    while let Some((ObjectKey { group_kind, .. }, _)) = next {
        kinds.push(group_kind);
        // No text comes between one and the same with a zero byte.
        let kind = format!("{}\0", group_kind.kind).into();
        let after = GroupKind { group: Arc::clone(&group_kind.group), kind };
        next = works.range(first_of(after)..).next();
    }
    kinds
}

/// The works of one kind.
fn of_kind<'w>(
    works: &'w ClusterWorks,
    kind: &'w GroupKind,
) -> impl Iterator<Item = &'w PlannedWork> {
    let from = works.range(first_of(kind.clone())..);
    from.take_while(move |(key, _)| key.group_kind == *kind).map(|(_, work)| &**work)
}

/// What comes before all objects of a kind.
fn first_of(group_kind: GroupKind) -> ObjectKey {
    ObjectKey { group_kind, namespace: None, name: "".into() }
}

fn runs(works: &ClusterWorks, target: &CustomizationTarget) -> bool {
    let group = group_of(&target.api_version).into();
    let kind = GroupKind { group, kind: target.kind.as_str().into() };
    of_kind(works, &kind).any(|work| work.manifest.api_version() == target.api_version)
}

/// Whether webhooks are asked about the live form of an object of this kind.
fn judges(
    configuration: &ResourceInterpreterWebhookConfiguration,
    kind: &GroupKind,
    works: &ClusterWorks,
) -> bool {
    let rules = configuration.webhooks.iter().flat_map(|webhook| &webhook.rules);
    let rules: Vec<_> = rules.filter(|rule| rule.is_about(&kind.group, &kind.kind)).collect();
    !rules.is_empty()
        && of_kind(works, kind).any(|work| {
            let version = work.manifest.version();
            let judges = |operation: &Operation| {
                rules.iter().any(|rule| rule.matches(*operation, &kind.group, version, &kind.kind))
            };
            Operation::OF_LIVE.iter().any(judges)
        })
}

fn path(target: &CustomizationTarget, operation: Operation, name: &str) -> String {
    let CustomizationTarget { api_version, kind } = target;
    format!("{RULES_DIR}/{api_version}/{kind}/{operation}/{name}.lua")
}

/// Reads the path of a script in a work tree back: what it is about, what it is asked, and the name
/// of its customization. `None` for any other file.
#[must_use]
pub fn script_of_path(path: &str) -> Option<(CustomizationTarget, Operation, &str)> {
    let rest = path.strip_prefix(RULES_DIR)?.strip_prefix('/')?.strip_suffix(".lua")?;
    let (rest, name) = rest.rsplit_once('/')?;
    let (rest, operation) = rest.rsplit_once('/')?;
    let (api_version, kind) = rest.rsplit_once('/')?;
    let operation = Operation::ALL.iter().copied().find(|one| one.name() == operation)?;
    let target = CustomizationTarget { api_version: api_version.to_owned(), kind: kind.to_owned() };
    Some((target, operation, name))
}

/// Whether a path in a work tree is that of a rule.
#[must_use]
pub fn is_path_of_rule(path: &str) -> bool {
    path.strip_prefix(RULES_DIR).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether a path in a work tree is that of a configuration of webhooks, in YAML.
#[must_use]
pub fn is_path_of_webhooks(path: &str) -> bool {
    let name = path.strip_prefix(RULES_DIR).and_then(|rest| rest.strip_prefix('/'));
    name.and_then(|name| name.strip_suffix(WEBHOOKS_ENDING)).is_some_and(|name| !name.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::manifest::Manifest;

    fn works(objects: &[(&str, &str, &str)]) -> ClusterWorks {
        let work = |(api_version, kind, name): &(&str, &str, &str)| {
            let object = serde_json::json!({"apiVersion": api_version, "kind": kind,
                "metadata": {"name": name, "namespace": "play"}});
            let object = Manifest::from_value(object).unwrap();
            (object.key(), PlannedWork::new(&object))
        };
        objects.iter().map(work).collect()
    }

    #[test]
    fn webhooks_go_where_an_object_runs_that_they_judge() {
        let works = works(&[
            ("example.com/v1", "Game", "chess"),
            ("example.com/v1", "Game", "go"),
            ("example.com/v1", "GameServer", "one"),
            ("v1", "ConfigMap", "a"),
            ("v1", "Secret", "a"),
        ]);
        let kinds: Vec<_> = kinds(&works).into_iter().map(ToString::to_string).collect();
        assert_eq!(kinds, ["ConfigMap", "Secret", "Game.example.com", "GameServer.example.com"]);
        let is_needed = |operation: &str, group: &str, version: &str, kind: &str| {
            let configuration = serde_json::json!({
                "apiVersion": "config.karmada.io/v1alpha1",
                "kind": "ResourceInterpreterWebhookConfiguration",
                "metadata": {"name": "games"},
                "webhooks": [{
                    "name": "games.example.com",
                    "clientConfig": {"url": "https://example.com"},
                    "rules": [{"operations": [operation], "apiGroups": [group],
                        "apiVersions": [version], "kinds": [kind]}],
                    "interpreterContextVersions": ["v1alpha1"],
                }],
            });
            let configuration: ResourceInterpreterWebhookConfiguration =
                serde_json::from_value(configuration).unwrap();
            let rule = MemberRule {
                file: RenderedFile::yaml(&configuration),
                subject: Subject::Webhooks(Arc::new(configuration)),
                path: String::new(),
            };
            needed(&[rule], &works).count() == 1
        };
        assert!(is_needed("InterpretHealth", "example.com", "v1", "GameServer"));
        assert!(is_needed("Retain", "", "*", "Secret"));
        assert!(is_needed("*", "*", "*", "*"));
        assert!(!is_needed("InterpretReplica", "*", "*", "*"), "not of live objects");
        assert!(!is_needed("Retain", "example.com", "v2", "Game"));
        assert!(!is_needed("Retain", "", "v1", "Game"));
    }

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
