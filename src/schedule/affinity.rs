//! Affinity groups: ordered sets of clusters of which the first that fits is used
//! (`spec/placement.md` §3.4).

use super::{Request, trigger};

/// The groups to try, in order: from the one in use to the last, so falling back only moves
/// forward; from the first when a fresh start was asked for. One pass without a group when the
/// placement has none.
#[must_use]
pub fn terms_to_try<'a>(request: &Request<'a>) -> Vec<Option<&'a str>> {
    let Some(placement) = &request.spec.placement else { return vec![None] };
    let terms = &placement.cluster_affinities;
    if terms.is_empty() {
        return vec![None];
    }
    let in_use = request.status.scheduler_observed_affinity_name.as_str();
    let start = if trigger::is_requested(request.spec, request.status) {
        0
    } else {
        terms.iter().position(|term| term.affinity_name == in_use).unwrap_or(0)
    };
    terms[start..].iter().map(|term| Some(term.affinity_name.as_str())).collect()
}
