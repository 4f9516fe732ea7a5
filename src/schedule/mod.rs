//! Decides which clusters a binding runs in, and with how many replicas: filter, score, select,
//! divide (`spec/placement.md` §3).
//!
//! A plugin is one file under `plugins/`, a way of selecting one under `select/`, a way of dividing
//! one under `divide/`.

mod affinity;
mod candidate;
mod capacity;
mod companions;
pub mod divide;
mod filter;
mod plugins;
mod profile;
mod reason;
mod score;
pub mod select;
mod snapshot;
pub mod trigger;

use crate::api::binding::{BindingSpec, BindingStatus, TargetCluster};
use crate::api::placement::{Placement, SpreadField};
use filter::Prospect;

pub use affinity::terms_to_try;
pub use candidate::Candidate;
pub use capacity::Capacity;
pub use companions::{Companions, Crowd};
pub use filter::{Context, assigned, fact, filter, filter_one};
pub use profile::{BadProfile, Profile};
pub use reason::{Fact, Groups, Reason, Refusal, Step, Verdict};
pub use snapshot::{Member, Snapshot};

/// Room that is not counted: what has no replicas fits any number of times.
const UNLIMITED: i64 = i32::MAX as i64;

/// What to decide on.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The binding with its previous clusters in `spec.clusters`.
    pub spec: &'a BindingSpec,
    /// Its status, of which the affinity group in use and the time of the last decision matter.
    pub status: &'a BindingStatus,
    /// Where the other workloads of its groups run.
    pub companions: Companions<'a>,
    /// The plugins that take part.
    pub profile: &'a Profile,
}

impl<'a> Request<'a> {
    /// A request without other workloads, with all plugins.
    #[must_use]
    pub fn new(spec: &'a BindingSpec, status: &'a BindingStatus) -> Self {
        static ALL: std::sync::LazyLock<Profile> = std::sync::LazyLock::new(Profile::default);
        Self { spec, status, companions: Companions::default(), profile: &ALL }
    }
}

/// What was decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The clusters by name; replicas are absent for what has none.
    pub clusters: Vec<TargetCluster>,
    /// The affinity group that fitted, when the placement has groups.
    pub affinity: Option<String>,
    /// Why each cluster is in or out, in the order of their names.
    pub verdicts: Vec<Verdict>,
    /// The clusters that would do, best first.
    pub candidates: Vec<Candidate>,
    /// Those of them that were selected to divide among.
    pub selected: Vec<Candidate>,
}

/// Decides afresh, trying the affinity groups from the one in use onwards.
///
/// # Errors
/// The refusal of the first group that was tried.
pub fn schedule(request: &Request<'_>, snapshot: &Snapshot<'_>) -> Result<Decision, Refusal> {
    attempt(request, snapshot).decision
}

/// A decision, and what was tried in vain before it.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The decision of the first affinity group that fits, or why the first of them does not.
    pub decision: Result<Decision, Refusal>,
    /// The groups that were tried and do not fit, in their order; those without a name are left out.
    pub refused: Vec<(String, Refusal)>,
    /// The clusters that would do for the first of them, best first, when none fits.
    pub candidates: Vec<Candidate>,
}

/// [`schedule`], with what became of each affinity group.
#[must_use]
pub fn attempt(request: &Request<'_>, snapshot: &Snapshot<'_>) -> Attempt {
    let (mut first, mut refused) = (None, Vec::new());
    for term in terms_to_try(request) {
        match pass(request, term, snapshot) {
            Ok(decision) => {
                return Attempt { decision: Ok(decision), refused, candidates: Vec::new() };
            }
            Err((refusal, candidates)) => {
                refused.extend(term.map(|term| (term.to_owned(), refusal.clone())));
                first.get_or_insert((refusal, candidates));
            }
        }
    }
    let (first, candidates) =
        first.expect("at least one pass is tried, and each pass that ends here refused");
    Attempt { decision: Err(first), refused, candidates }
}

/// One pass, within the affinity group called `term` (none when the placement has no groups).
///
/// # Errors
/// No cluster fits, or those that do have too little room.
pub fn schedule_within(
    request: &Request<'_>,
    term: Option<&str>,
    snapshot: &Snapshot<'_>,
) -> Result<Decision, Refusal> {
    pass(request, term, snapshot).map_err(|(refusal, _)| refusal)
}

/// The same; a refusal comes with the clusters that would do.
fn pass(
    request: &Request<'_>,
    term: Option<&str>,
    snapshot: &Snapshot<'_>,
) -> Result<Decision, (Refusal, Vec<Candidate>)> {
    let Request { spec, status, companions, profile } = *request;
    let placement = spec.placement.as_ref().ok_or((Refusal::NoPlacement, Vec::new()))?;
    let ctx = Context { spec, placement, term, companions, profile };
    let assigned = assigned(spec, snapshot);
    let verdicts = filter(&ctx, snapshot, &assigned);
    let candidates = candidates(&ctx, snapshot, &assigned, &verdicts);
    if candidates.is_empty() {
        return Err((Refusal::NoClusterFits { verdicts }, candidates));
    }
    let is_fresh = trigger::is_requested(spec, status);
    let chosen = select::select(&candidates, spec, placement, snapshot).and_then(|selected| {
        let clusters = divide::assign(&ctx, &selected, is_fresh, snapshot)?;
        Ok((selected, clusters))
    });
    match chosen {
        Ok((selected, clusters)) => {
            let affinity = term.map(str::to_owned);
            Ok(Decision { clusters, affinity, verdicts, candidates, selected })
        }
        Err(refusal) => Err((refusal, candidates)),
    }
}

/// The clusters that will do, best first.
#[must_use]
pub fn candidates(
    ctx: &Context<'_>,
    snapshot: &Snapshot<'_>,
    assigned: &[Option<i32>],
    verdicts: &[Verdict],
) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = verdicts
        .iter()
        .enumerate()
        .filter(|(_, verdict)| **verdict == Verdict::Accept)
        .map(|(at, _)| {
            let prospect = Prospect { member: &snapshot.members()[at], assigned: assigned[at] };
            let allocatable = allocatable(ctx.spec, ctx.placement, snapshot.capacity(at));
            Candidate {
                at,
                score: score::score(ctx, &prospect),
                tier: tier(ctx, &prospect),
                allocatable,
                available: allocatable + i64::from(assigned[at].unwrap_or(0)),
                assigned: assigned[at],
            }
        })
        .collect();
    candidates.sort_unstable_by_key(Candidate::rank);
    candidates
}

/// Replicas, or sets of components, that a cluster can take now.
#[must_use]
pub fn allocatable(spec: &BindingSpec, placement: &Placement, capacity: &Capacity) -> i64 {
    if spec.replicas == 0 && spec.components.is_empty() {
        return UNLIMITED;
    }
    let fit = if is_set_of_components(spec, placement) {
        capacity.sets(&spec.components)
    } else {
        capacity.replicas(spec.replica_requirements.as_ref())
    };
    fit.min(UNLIMITED)
}

/// Whether the components of a workload are placed as one set in one cluster; what is counted in
/// replicas besides is not.
fn is_set_of_components(spec: &BindingSpec, placement: &Placement) -> bool {
    !spec.components.is_empty() && spec.replicas == 0 && is_one_cluster(placement)
}

/// Whether a placement wants exactly one cluster.
#[must_use]
pub fn is_one_cluster(placement: &Placement) -> bool {
    placement.spread_constraints.iter().any(|one| {
        one.spread_by_field == Some(SpreadField::Cluster)
            && (one.min_groups, one.max_groups) == (1, 1)
    })
}

/// Tier of a cluster that belongs to no tier; it is out, but for the clusters of before.
const NO_TIER: u32 = 1_000;

fn tier(ctx: &Context<'_>, prospect: &Prospect<'_>) -> u32 {
    let Some(group) = ctx.group() else { return 0 };
    let cluster = prospect.member.cluster;
    if group.affinity.matches(cluster) {
        return 0;
    }
    let mut tiers = group.overflow_affinities.iter();
    tiers.position(|tier| tier.affinity.matches(cluster)).map_or(NO_TIER, |at| at as u32 + 1)
}
