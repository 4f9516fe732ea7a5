//! Decides which clusters a binding runs in, and with how many replicas: filter, group and select,
//! divide (`spec/placement.md` §3).
//!
//! A plugin is one file under `plugins/`, a way of dividing one under `divide/`. What is not built
//! yet is [`Refusal::NotYet`]: it names what is missing, and the caller keeps what was decided
//! before. A wrong placement is never given.

mod affinity;
pub mod divide;
mod filter;
mod plugins;
mod reason;
pub mod trigger;

use std::collections::BTreeMap;

use crate::api::binding::{BindingSpec, BindingStatus, TargetCluster};
use crate::api::cluster::Cluster;
use crate::api::names::ClusterName;

pub use affinity::terms_to_try;
pub use filter::{Context, Filtered, filter, rejections};
pub use reason::{NotYet, Reason, Refusal, Verdict};

/// A cluster as the scheduler sees it: spec with the taints in force, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// Its name.
    pub name: &'a ClusterName,
    /// Spec and status.
    pub cluster: &'a Cluster,
    /// Whether it ever reported. One that did not is taken to serve every API.
    pub is_reported: bool,
}

/// What to decide on.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The binding with its previous clusters in `spec.clusters`.
    pub spec: &'a BindingSpec,
    /// Its status, of which the affinity group in use matters.
    pub status: &'a BindingStatus,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The clusters by name; replicas are absent for what has none.
    pub clusters: Vec<TargetCluster>,
    /// The affinity group that fitted, when the placement has groups.
    pub affinity: Option<String>,
    /// Why each cluster is in or out, by name.
    pub verdicts: BTreeMap<ClusterName, Verdict>,
}

/// Decides afresh, trying the affinity groups from the one in use onwards.
///
/// # Errors
/// The refusal of the first group that was tried.
pub fn schedule(request: &Request<'_>, members: &[Member<'_>]) -> Result<Decision, Refusal> {
    let mut first_refusal = None;
    for term in terms_to_try(request) {
        match schedule_within(request.spec, term, members) {
            Ok(decision) => return Ok(decision),
            Err(Refusal::NotYet(missing)) => return Err(Refusal::NotYet(missing)),
            Err(refusal) => {
                first_refusal.get_or_insert(refusal);
            }
        }
    }
    Err(first_refusal.expect("at least one pass is tried, and each pass that ends here refused"))
}

/// One pass, within the affinity group called `term` (none when the placement has no groups).
///
/// # Errors
/// No cluster fits, or this version cannot decide it yet.
pub fn schedule_within(
    spec: &BindingSpec,
    term: Option<&str>,
    members: &[Member<'_>],
) -> Result<Decision, Refusal> {
    let placement = spec.placement.as_ref().ok_or(Refusal::NoPlacement)?;
    let ctx = Context { spec, placement, term };
    let Filtered { feasible, verdicts } = filter(&ctx, members);
    if feasible.is_empty() {
        return Err(Refusal::NoClusterFits { n_clusters: members.len(), verdicts });
    }
    if let Some(missing) = divide::not_yet(spec, placement, term) {
        return Err(Refusal::NotYet(missing));
    }
    let clusters = divide::assign(&feasible, spec, placement);
    Ok(Decision { clusters, affinity: term.map(str::to_owned), verdicts })
}
