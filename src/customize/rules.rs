//! Users' own rules of a fleet: scripts, and webhooks after them.

use sha1::{Digest as _, Sha1};

use super::foreign::told;
use super::scripts::{Script, Scripts};
use super::webhook::Webhooks;
use crate::api::manifest::Manifest;
use crate::api::names::ObjectId;
use crate::api::resource_interpreter_customization::Operation;
use crate::api::resource_interpreter_webhook_configuration::ResourceInterpreterWebhookConfiguration;
use crate::api::yaml::{self, BadYaml};
use crate::fleet::Fleet;
use crate::plan::{is_path_of_webhooks, script_of_path};

/// What users say of kinds, in the order in which they are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Asked first.
    pub scripts: Scripts,
    /// Asked where there is no script.
    pub webhooks: Webhooks,
}

/// A file of rules that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` holds no rules: {reason}")]
pub struct BadRule {
    /// Its path.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}

impl Rules {
    /// The rules of a fleet.
    #[must_use]
    pub fn of(fleet: &Fleet) -> Self {
        Self { scripts: Scripts::of(fleet), webhooks: Webhooks::of(fleet) }
    }

    /// The rules in a work tree, from its files by path and content. Files that hold no rule are passed
    /// over.
    ///
    /// # Errors
    /// A file of webhooks is not what a plan writes.
    pub fn read<'f>(files: impl IntoIterator<Item = (&'f str, &'f [u8])>) -> Result<Self, BadRule> {
        let mut scripts = Scripts::default();
        let mut configurations: Vec<ResourceInterpreterWebhookConfiguration> = Vec::new();
        for (path, bytes) in files {
            if let Some((target, operation, customization)) = script_of_path(path) {
                let script = Script::new(customization, &String::from_utf8_lossy(bytes));
                scripts.add(&target, operation, script);
            } else if is_path_of_webhooks(path) {
                let bad = |error: BadYaml| BadRule {
                    path: path.to_owned(),
                    reason: told(&error.to_string()),
                };
                configurations.push(yaml::from_bytes(bytes).map_err(bad)?);
            }
        }
        Ok(Self { scripts, webhooks: Webhooks::new(&configurations) })
    }

    /// Whether one of them answers this question about this object.
    #[must_use]
    pub fn answer(&self, object: &Manifest, operation: Operation) -> bool {
        !self.scripts.get(object, operation).is_empty()
            || self.webhooks.get(object, operation).is_some()
    }

    /// Changes iff a rule does.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        united(self.scripts.id(), self.webhooks.id())
    }

    /// Changes iff a rule does that is asked about live objects.
    #[must_use]
    pub fn live_id(&self) -> ObjectId {
        let of_live = Operation::OF_LIVE;
        united(self.scripts.id_of(of_live), self.webhooks.id_of(of_live))
    }
}

fn united(scripts: ObjectId, webhooks: ObjectId) -> ObjectId {
    let mut hash = Sha1::new();
    hash.update(scripts.as_bytes());
    hash.update(webhooks.as_bytes());
    ObjectId::from_bytes(hash.finalize().into())
}

impl From<Scripts> for Rules {
    fn from(scripts: Scripts) -> Self {
        Self { scripts, webhooks: Webhooks::default() }
    }
}

impl From<Webhooks> for Rules {
    fn from(webhooks: Webhooks) -> Self {
        Self { scripts: Scripts::default(), webhooks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_from_the_files_of_a_work_tree() {
        let webhooks = "{apiVersion: config.karmada.io/v1alpha1, kind: ResourceInterpreterWebhookConfiguration,
            metadata: {name: a}, webhooks: [{name: a.example.com, clientConfig: {url: 'https://a.example.com'},
            interpreterContextVersions: [v1alpha1]}]}";
        let files: [(&str, &[u8]); 3] = [
            (
                "_interpreter/example.com/v1/Game/Retain/games.lua",
                b"function Retain(d) return d end",
            ),
            ("_interpreter/a.webhooks", webhooks.as_bytes()),
            ("play/Game.example.com/chess.yaml", b"no rule"),
        ];
        let rules = Rules::read(files).unwrap();
        assert_eq!(
            rules.webhooks.iter().map(|one| &*one.name).collect::<Vec<_>>(),
            ["a/a.example.com"]
        );
        let game = "{apiVersion: example.com/v1, kind: Game, metadata: {name: chess}}";
        let game: Manifest = yaml::from_bytes(game.as_bytes()).unwrap();
        assert!(rules.answer(&game, Operation::Retain));
        assert!(!rules.answer(&game, Operation::InterpretHealth));
        let files: [(&str, &[u8]); 1] = [("_interpreter/a.webhooks", b"webhooks: [")];
        let error = Rules::read(files).unwrap_err();
        assert!(
            error.to_string().starts_with("`_interpreter/a.webhooks` holds no rules: "),
            "{error}"
        );
    }
}
