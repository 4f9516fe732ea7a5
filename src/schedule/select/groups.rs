//! Chooses groups of clusters (`spec/placement.md` §3.9.4).

/// A group of clusters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Place of its name among the names of all groups.
    pub rank: u32,
    /// Number of clusters in it.
    pub n_clusters: i64,
    /// How good it is.
    pub weight: i64,
}

/// The indices of the best `min` to `max` groups that have `target` clusters together, the heaviest
/// first; `None` when there are no such groups.
///
/// A choice is looked at only while it has too few groups or clusters: what has enough is not made
/// larger. Groups are taken from small to large. Of all choices the heaviest is the best, then the
/// one with most clusters, then the one that was found first; if the heaviest groups of the best
/// choice are a choice by themselves, that one is taken, and the smallest such.
///
/// Branches that cannot become better than what was found are cut. Where that is not enough, which
/// takes dozens of groups of many sizes, the search ends after `STEPS_MAX` steps with the best
/// choice that was found by then.
#[must_use]
pub fn best_groups(groups: &[Group], min: usize, max: usize, target: i64) -> Option<Vec<usize>> {
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by_key(|at| {
        let group = &groups[*at];
        (group.n_clusters, std::cmp::Reverse(group.weight), group.rank)
    });
    let sorted: Vec<&Group> = order.iter().map(|at| &groups[*at]).collect();
    let sizes = || sorted.iter().rev().take(max).map(|group| group.n_clusters);
    if groups.len() < min || max < min || sizes().sum::<i64>() < target {
        return None;
    }
    let mut search = Search {
        n_steps: 0,
        choice: Vec::new(),
        best: None,
        bounds: bounds(&sorted, n_useful(&sorted, min, max, target)),
        groups: &sorted,
        min,
        max,
        target,
    };
    if !groups.is_empty() {
        search.extend(0, 0, 0);
    }
    // The largest groups are a choice when there is any.
    let largest = || (sorted.len().saturating_sub(max)..sorted.len()).collect();
    let mut best = search.best.map_or_else(largest, |best| best.places);
    best.sort_by_key(|at| (std::cmp::Reverse(sorted[*at].weight), sorted[*at].rank));
    let is_choice = |part: &&[usize]| {
        let clusters: i64 = part.iter().map(|at| sorted[*at].n_clusters).sum();
        let last = part.iter().max().map_or(0, |at| sorted[*at].n_clusters);
        let is_enough = |n: usize, clusters: i64| n >= min && n <= max && clusters >= target;
        is_enough(part.len(), clusters) && !is_enough(part.len() - 1, clusters - last)
    };
    let shortest = (1..best.len()).map(|n| &best[..n]).find(is_choice).map(<[usize]>::to_vec);
    let chosen = shortest.unwrap_or(best);
    Some(chosen.into_iter().map(|at| order[at]).collect())
}

/// Steps of a search: some milliseconds.
const STEPS_MAX: usize = 200_000;

/// A choice with enough groups and clusters.
struct Choice {
    places: Vec<usize>,
    weight: i64,
    n_clusters: i64,
}

/// What the best `n` groups from some place on add at most: weight and clusters, by place and `n`.
type Bounds = Vec<Vec<(i64, i64)>>;

/// Most groups that a choice can have: it is not made larger when it has enough.
fn n_useful(groups: &[&Group], min: usize, max: usize, target: i64) -> usize {
    let smallest = groups.first().map_or(0, |group| group.n_clusters);
    let wanted = if smallest > 0 { usize::try_from(target).unwrap_or(0) } else { max };
    max.min(min.max(wanted)).min(groups.len())
}

fn bounds(groups: &[&Group], n_max: usize) -> Bounds {
    let mut bounds = vec![vec![(0, 0)]; groups.len() + 1];
    let mut weights: Vec<i64> = Vec::new();
    let mut clusters: Vec<i64> = Vec::new();
    for (place, group) in groups.iter().enumerate().rev() {
        let at = weights.partition_point(|weight| *weight > group.weight);
        weights.insert(at, group.weight);
        let at = clusters.partition_point(|n| *n > group.n_clusters);
        clusters.insert(at, group.n_clusters);
        let sums = weights.iter().zip(&clusters).scan((0, 0), |sum, (weight, n)| {
            *sum = (sum.0 + weight, sum.1 + n);
            Some(*sum)
        });
        bounds[place].extend(sums.take(n_max));
    }
    bounds
}

struct Search<'a> {
    groups: &'a [&'a Group],
    bounds: Bounds,
    min: usize,
    max: usize,
    target: i64,
    choice: Vec<usize>,
    best: Option<Choice>,
    n_steps: usize,
}

impl Search<'_> {
    /// Looks at all choices that begin with the present one and go on with groups from `place` on.
    fn extend(&mut self, place: usize, weight: i64, n_clusters: i64) {
        let n = self.choice.len();
        if n_clusters >= self.target && n >= self.min && n <= self.max {
            let is_better = self
                .best
                .as_ref()
                .is_none_or(|best| (weight, n_clusters) > (best.weight, best.n_clusters));
            if is_better {
                self.best = Some(Choice { places: self.choice.clone(), weight, n_clusters });
            }
            return;
        }
        if n >= self.max {
            return;
        }
        for next in place..self.groups.len() {
            self.n_steps += 1;
            if self.n_steps > STEPS_MAX || !self.can_improve(next, weight, n_clusters) {
                // From a later place there is even less to add.
                return;
            }
            let group = self.groups[next];
            self.choice.push(next);
            self.extend(next + 1, weight + group.weight, n_clusters + group.n_clusters);
            self.choice.pop();
        }
    }

    fn can_improve(&self, place: usize, weight: i64, n_clusters: i64) -> bool {
        let n = self.choice.len();
        // From here on every group is at least as large as this one, so that many are enough.
        let size = self.groups[place].n_clusters;
        let missing = (self.target - n_clusters).max(0);
        let wanted = if size > 0 { ((missing + size - 1) / size) as usize } else { self.max };
        let left = self.max.saturating_sub(n).min(self.min.saturating_sub(n).max(wanted));
        let bounds = &self.bounds[place];
        let (more_weight, more_clusters) = bounds[left.min(bounds.len() - 1)];
        let enough = self.choice.len() + bounds.len() > self.min;
        let at_most = (weight + more_weight, n_clusters + more_clusters);
        enough
            && at_most.1 >= self.target
            && self.best.as_ref().is_none_or(|best| {
                at_most.0 > best.weight || (at_most.0 == best.weight && at_most.1 > best.n_clusters)
            })
    }
}
