//! Who says what live objects mean: users' scripts where a fleet has some.

use std::sync::Arc;

use crate::api::names::ObjectId;
use crate::customize::{Limits, Program, Scripts, Service};
use crate::member::{Bundled, Customized, Meaning};

/// The meanings by sets of scripts; the same value for the same scripts, one after the other.
#[derive(Debug)]
pub(super) struct Meanings {
    program: Program,
    service: Option<Service>,
    last: (ObjectId, Arc<dyn Meaning>),
}

impl Meanings {
    /// No scripts yet; `program` is what runs them.
    pub(super) fn new(program: Program) -> Self {
        let last = (Scripts::default().id(), Arc::new(Bundled) as Arc<dyn Meaning>);
        Self { program, service: None, last }
    }

    /// What objects mean by these scripts. The thread that runs them starts with the first.
    pub(super) fn by(&mut self, scripts: &Scripts) -> Arc<dyn Meaning> {
        let id = scripts.id();
        if self.last.0 != id {
            self.last = (id, self.new_by(scripts));
        }
        Arc::clone(&self.last.1)
    }

    fn new_by(&mut self, scripts: &Scripts) -> Arc<dyn Meaning> {
        if scripts.is_empty() {
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
        Arc::new(Customized::new(Arc::new(scripts.clone()), service))
    }
}
