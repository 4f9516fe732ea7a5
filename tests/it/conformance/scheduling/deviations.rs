//! Where we mean to choose otherwise than Karmada. Each rule also says what the answer has to be then:
//! a wrong one is no deviation.

use git_fleet::api::binding::{BindingSpec, BindingStatus};
use git_fleet::api::placement::SpreadField;
use git_fleet::schedule::divide::{Strategy, strategy};
use git_fleet::schedule::trigger::is_requested;
use git_fleet::schedule::{Context, Request, Snapshot, Verdict, assigned, filter, is_one_cluster};

use super::Answer;

/// What was asked for.
pub(super) struct Asked<'a> {
    pub(super) spec: &'a BindingSpec,
    pub(super) status: &'a BindingStatus,
    pub(super) term: &'a str,
    pub(super) snapshot: &'a Snapshot<'a>,
}

impl Asked<'_> {
    /// Whether the answers differ by a rule of ours, and ours is the one that the rule promises.
    pub(super) fn deviates(
        &self,
        ours: &Answer,
        theirs: &Answer,
        is_open: impl FnOnce() -> bool,
    ) -> bool {
        self.divides_nothing(ours, theirs) || self.keeps_parts_together(ours, theirs) || is_open()
    }

    /// A constraint that leaves its upper bound open, which Karmada takes for 0: the answer is the one
    /// for as many groups as there are clusters.
    pub(super) fn is_open_for<T: PartialEq>(
        &self,
        ours: &T,
        decide: impl FnOnce(&BindingSpec) -> T,
    ) -> bool {
        let mut bounded = self.spec.clone();
        let mut is_open = false;
        let placement = bounded.placement.iter_mut();
        for one in placement.flat_map(|placement| &mut placement.spread_constraints) {
            let field = one.spread_by_field;
            if one.max_groups == 0
                && matches!(field, Some(SpreadField::Cluster | SpreadField::Region))
            {
                one.max_groups = i64::try_from(self.snapshot.members().len()).unwrap();
                is_open = true;
            }
        }
        is_open && decide(&bounded) == *ours
    }

    /// What has no replicas is to be divided afresh, where Karmada's sum of unlimited rooms wraps
    /// around: nobody gets any.
    fn divides_nothing(&self, ours: &Answer, theirs: &Answer) -> bool {
        let is_nothing =
            matches!(ours, Answer::Placed(clusters) if clusters.values().all(|n| *n == 0));
        self.spec.replicas == 0
            && is_requested(self.spec, self.status)
            && is_nothing
            && *theirs == Answer::Refused("UnschedulableError".to_owned())
    }

    /// A workload of several parts goes to one cluster as a set, for which Karmada has a feature gate
    /// that is off by default: of the clusters that will do to the one that it is in, else to one with
    /// room for the most sets; what is divided needs room for one. With regions it goes to as many clusters as there.
    fn keeps_parts_together(&self, ours: &Answer, theirs: &Answer) -> bool {
        let (Answer::Placed(ours), Answer::Placed(theirs)) = (ours, theirs) else { return false };
        let find = |name: &String| self.snapshot.find(&name.parse().unwrap()).unwrap();
        let chosen: Vec<usize> = ours.keys().map(find).collect();
        let constraints = self.spec.placement.iter().flat_map(|one| &one.spread_constraints);
        let by_region =
            constraints.filter(|one| one.spread_by_field == Some(SpreadField::Region)).count() > 0;
        let is_best = |at: &usize| {
            let mut others = 0..self.snapshot.members().len();
            !others.any(|other| self.will_do(other) && self.rank(other) > self.rank(*at))
        };
        is_set(self.spec)
            && chosen.len() == theirs.len()
            && chosen.iter().all(|at| self.will_do(*at) && (by_region || is_best(at)))
    }

    /// Whether a set has room in the cluster, if that matters; whether it runs there; how many sets
    /// have room.
    fn rank(&self, at: usize) -> (bool, bool, i64) {
        let held = assigned(self.spec, self.snapshot)[at];
        let room = self.snapshot.capacity(at).sets(&self.spec.components);
        let room = room + i64::from(held.unwrap_or(0));
        let placement = self.spec.placement.as_ref();
        let needs_room = placement.is_some_and(|one| strategy(one) != Strategy::Duplicated);
        (needs_room && room > 0, held.is_some(), room)
    }

    fn will_do(&self, at: usize) -> bool {
        let Request { companions, profile, .. } = Request::new(self.spec, self.status);
        let placement = self.spec.placement.clone().unwrap_or_default();
        let term = Some(self.term).filter(|term| !term.is_empty());
        let ctx = Context { spec: self.spec, placement: &placement, term, companions, profile };
        let verdicts = filter(&ctx, self.snapshot, &assigned(self.spec, self.snapshot));
        verdicts[at] == Verdict::Accept
    }
}

/// Whether the parts of a workload are placed as one set.
pub(super) fn is_set(spec: &BindingSpec) -> bool {
    !spec.components.is_empty()
        && spec.replicas == 0
        && spec.placement.as_ref().is_some_and(is_one_cluster)
}
