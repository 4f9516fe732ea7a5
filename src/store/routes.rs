//! Which repository a ref lives in: the source's own, or another one for what the engine writes.
//!
//! All of them share the objects of the repository that we opened. What another remote last said is
//! kept below `refs/remote-<digest of its URL>/`, so one repository is never taken for another.

use std::collections::BTreeMap;

use super::error::StoreError;
use super::location::RemoteUrl;
use super::refs::{Layout, RefName, Role};
use super::remote::Remote;
use super::repository::Store;

/// Refs that go to one repository together. In the order of a publication: the record first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Results and notes, where they have a repository of their own.
    Results,
    /// All that has none.
    Own,
    /// The work refs, where they have a repository of their own.
    Work,
    /// The status refs, where they have a repository of their own.
    Status,
}

/// The lanes beside the own one.
pub(super) struct Routes {
    layout: Layout,
    remotes: BTreeMap<Lane, Remote>,
}

impl Store {
    /// From now on the refs of `layout` that belong to these lanes live at these addresses.
    ///
    /// # Errors
    /// There is no usable `git` program.
    pub fn route(
        &mut self,
        layout: &Layout,
        urls: &BTreeMap<Lane, RemoteUrl>,
    ) -> Result<(), StoreError> {
        let mut remotes = BTreeMap::new();
        for (lane, url) in urls {
            let is_own = self.remote.as_ref().is_some_and(|own| own.url() == url);
            if *lane != Lane::Own && !is_own {
                let remote = Remote::beside(url, self.common_dir(), &self.git_program)?;
                remotes.insert(*lane, remote);
            }
        }
        self.routes = (!remotes.is_empty()).then(|| Routes { layout: layout.clone(), remotes });
        Ok(())
    }

    /// Whether some refs live elsewhere than the rest.
    pub fn is_routed(&self) -> bool {
        self.routes.is_some()
    }

    /// Which refs `name` goes with.
    pub fn lane(&self, name: &RefName) -> Lane {
        let Some(routes) = &self.routes else { return Lane::Own };
        let lane = match routes.layout.role(name) {
            Role::Results | Role::Notes => Lane::Results,
            Role::Work(_) => Lane::Work,
            Role::Status(_) => Lane::Status,
            Role::Source | Role::Other => Lane::Own,
        };
        if routes.remotes.contains_key(&lane) { lane } else { Lane::Own }
    }

    /// The remote that `name` lives at; `None` when it is a ref of the repository opened in place.
    pub(super) fn remote_of(&self, name: &RefName) -> Option<&Remote> {
        match (&self.routes, self.lane(name)) {
            (Some(routes), lane) if lane != Lane::Own => routes.remotes.get(&lane),
            _ => self.remote.as_ref(),
        }
    }
}
