//! Clusters that are registered twice: only one of the two registrations may have an agent write there.
//!
//! The controller sees to it for the executors that are its own. An agent knows its own registration
//! only, so its work says whose the cluster is (`spec/reliability-security.md` B303).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Plan;
use crate::api::cluster::{Cluster, SyncMode};
use crate::api::names::ClusterName;

/// Path in a work tree of the registration that the cluster belongs to, where that is another one. No
/// namespace has such a name, and to others that apply a work tree it is no object.
pub const OWNER_PATH: &str = "_owner";

/// The registration that a cluster belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Its name.
    pub cluster: ClusterName,
    /// Uid of the Namespace `kube-system` of the cluster that both lead to.
    pub id: String,
}

impl Plan {
    /// Pull-mode members whose cluster is another one's, by name. People's word for an id counts before
    /// the record, and of two that are alike the first name.
    pub(super) fn owners(&self) -> BTreeMap<&ClusterName, Owner> {
        let mut claims: BTreeMap<&str, Vec<(bool, &ClusterName)>> = BTreeMap::new();
        for (name, state) in &self.clusters {
            if let Some((is_recorded, id)) = claim(&state.cluster) {
                claims.entry(id).or_default().push((is_recorded, name));
            }
        }
        let mut owners = BTreeMap::new();
        for (id, mut claims) in claims {
            claims.sort_unstable();
            let Some(((_, first), others)) = claims.split_first() else { continue };
            for (_, name) in others {
                if self.clusters[*name].cluster.spec.sync_mode == SyncMode::Pull {
                    owners.insert(*name, Owner { cluster: (*first).clone(), id: id.to_owned() });
                }
            }
        }
        owners
    }
}

/// The id that a registration has a claim to, and whether only the record says so.
fn claim(cluster: &Cluster) -> Option<(bool, &str)> {
    let (written, recorded) = (&*cluster.spec.id, &*cluster.status.id);
    let claim = if written.is_empty() { (true, recorded) } else { (false, written) };
    Some(claim).filter(|(_, id)| !id.is_empty())
}
