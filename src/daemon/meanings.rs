//! Who says what live objects mean: users' rules where a fleet has some.

use std::sync::Arc;

use crate::api::names::ObjectId;
use crate::customize::{Limits, Program, Rules, Service};
use crate::member::{Bundled, Customized, Meaning};

/// The meanings by sets of rules; the same value for the same rules, one after the other.
#[derive(Debug)]
pub(super) struct Meanings {
    program: Program,
    service: Option<Service>,
    last: (ObjectId, Arc<dyn Meaning>),
}

impl Meanings {
    /// No rules yet; `program` is what runs their scripts.
    pub(super) fn new(program: Program) -> Self {
        let last = (Rules::default().id(), Arc::new(Bundled) as Arc<dyn Meaning>);
        Self { program, service: None, last }
    }

    /// What objects mean by these rules. The thread that asks them starts with the first.
    pub(super) fn by(&mut self, rules: &Rules) -> Arc<dyn Meaning> {
        let id = rules.id();
        if self.last.0 != id {
            self.last = (id, self.new_by(rules));
        }
        Arc::clone(&self.last.1)
    }

    fn new_by(&mut self, rules: &Rules) -> Arc<dyn Meaning> {
        if rules.is_empty() {
            return Arc::new(Bundled);
        }
        if self.service.is_none() {
            match Service::start(self.program.clone(), Limits::default()) {
                Ok(service) => self.service = Some(service),
                Err(error) => {
                    tracing::error!(%error, "no thread for customizations; the bundled kinds alone judge live objects");
                    return Arc::new(Bundled);
                }
            }
        }
        let service = self.service.clone().expect("started above");
        Arc::new(Customized::new(Arc::new(rules.clone()), service))
    }
}
