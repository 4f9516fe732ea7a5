//! Who says what live objects mean: users' rules where a fleet has some.

use std::sync::Arc;

use crate::api::names::ObjectId;
use crate::customize::{Limits, Program, Rules, Service};
use crate::member::{Bundled, Customized, Meaning};

/// The meanings by sets of rules; the same value for the same rules, one after the other.
#[derive(Debug)]
pub(super) struct Meanings {
    program: Program,
    service: Service,
    /// With the id of the rules, as far as they are about live objects.
    last: (ObjectId, Arc<dyn Meaning>),
}

impl Meanings {
    /// No rules yet; `program` is what runs their scripts.
    pub(super) fn new(program: Program) -> Self {
        let last = (Rules::default().live_id(), Arc::new(Bundled) as Arc<dyn Meaning>);
        Self { program, service: Service::ended(), last }
    }

    /// What objects mean by these rules. The thread that asks them starts with the first, and anew
    /// when it has ended.
    pub(super) fn by(&mut self, rules: &Rules) -> Arc<dyn Meaning> {
        self.by_starting(rules, |program| Service::start(program.clone(), Limits::default()))
    }

    /// While no thread can be started, what the rules are asked has no answer: the bundled kinds do
    /// not know what the user wants to be kept.
    fn by_starting(
        &mut self,
        rules: &Rules,
        start: impl FnOnce(&Program) -> std::io::Result<Service>,
    ) -> Arc<dyn Meaning> {
        let id = rules.live_id();
        let is_bundled = id == Rules::default().live_id();
        let mut is_new = self.last.0 != id;
        if !is_bundled && !self.service.is_running() {
            match start(&self.program) {
                Ok(service) => {
                    self.service = service;
                    is_new = true;
                }
                Err(error) => {
                    tracing::error!(%error, "no thread for customizations; what they are asked has no answer");
                }
            }
        }
        if is_new {
            let meaning: Arc<dyn Meaning> = if is_bundled {
                Arc::new(Bundled)
            } else {
                Arc::new(Customized::new(Arc::new(rules.clone()), self.service.clone()))
            };
            self.last = (id, meaning);
        }
        Arc::clone(&self.last.1)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::manifest::Manifest;
    use crate::api::resource_interpreter_customization::{CustomizationTarget, Operation};
    use crate::customize::{Script, Scripts};
    use crate::member::Observing;

    fn rules(scripts: &[(Operation, &str)]) -> Rules {
        let target = CustomizationTarget { api_version: "v1".into(), kind: "Game".into() };
        let mut all = Scripts::default();
        for (operation, text) in scripts {
            all.add(&target, *operation, Script::new("games", text));
        }
        all.into()
    }

    #[tokio::test]
    async fn without_a_thread_there_is_no_answer_until_one_starts() {
        let rules = rules(&[(Operation::Retain, "x"), (Operation::InterpretHealth, "x")]);
        let game = json!({"apiVersion": "v1", "kind": "Game", "metadata": {"name": "chess"}});
        let manifest = Manifest::from_value(game).unwrap();
        let mut meanings = Meanings::new(Program::this());
        let no_thread = |_: &Program| Err(std::io::ErrorKind::WouldBlock.into());
        let meaning = meanings.by_starting(&rules, no_thread);
        assert!(meaning.retains(&manifest));
        let refused = meaning.retain(manifest.clone(), manifest.clone()).await.unwrap_err();
        assert_eq!((refused.code, refused.is_passing), ("LUA_WORKER", true));
        let Observing::UnderWay(observing) = meaning.observe(&manifest) else {
            panic!("it is asked")
        };
        assert!(observing.await.failure.contains("LUA_WORKER"));
        let again = meanings.by_starting(&rules, no_thread);
        assert!(Arc::ptr_eq(&meaning, &again), "nothing has changed for anybody");

        let meaning = meanings.by(&rules);
        assert!(!Arc::ptr_eq(&meaning, &again) && meanings.service.is_running());
        assert!(Arc::ptr_eq(&meaning, &meanings.by(&rules)));
        meanings.service = Service::ended();
        assert!(!Arc::ptr_eq(&meaning, &meanings.by(&rules)) && meanings.service.is_running());
    }

    #[test]
    fn only_rules_about_live_objects_make_another_meaning() {
        let mut meanings = Meanings::new(Program::this());
        let none = meanings.by(&Rules::default());
        let aggregate = meanings.by(&rules(&[(Operation::AggregateStatus, "x")]));
        assert!(Arc::ptr_eq(&none, &aggregate));
        let retain = meanings.by(&rules(&[(Operation::Retain, "x")]));
        assert!(!Arc::ptr_eq(&none, &retain));
        let both = rules(&[(Operation::Retain, "x"), (Operation::AggregateStatus, "y")]);
        assert!(Arc::ptr_eq(&retain, &meanings.by(&both)));
        assert!(!Arc::ptr_eq(&retain, &meanings.by(&rules(&[(Operation::Retain, "y")]))));
    }
}
