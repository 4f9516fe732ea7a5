//! Plans that remove much wait for a person's word (`spec/reliability-security.md` R-92).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use crate::api::names::ClusterName;
use crate::api::settings::GuardSettings;
use crate::plan::{Lost, PlanDiff, blob_id};

/// Names that a refusal lists; the plan itself shows all.
const NAMES_MAX: usize = 5;

/// Why a plan waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Clusters that run something leave the fleet.
    Leaving {
        /// How many objects stay there as they are, by cluster.
        clusters: BTreeMap<ClusterName, usize>,
    },
    /// It removes objects whose removal takes everything in them along.
    Containers {
        /// Namespaces and CustomResourceDefinitions, in order of their names.
        names: Vec<String>,
    },
    /// It removes what was decided on in results that are lost.
    Unexplained {
        /// The objects, in order of their names.
        names: Vec<String>,
    },
    /// It removes what keeps data.
    Stores {
        /// The objects, in order of their names.
        names: Vec<String>,
    },
    /// It removes all that runs.
    Everything {
        /// Works before.
        n_before: usize,
    },
    /// It removes all that one cluster runs, and none of it is made elsewhere.
    Emptied {
        /// The cluster.
        cluster: ClusterName,
        /// Its works before.
        n_before: usize,
    },
    /// It removes more than the set share of the works of one cluster, or of the fleet.
    Share {
        /// The cluster; none is the whole fleet.
        cluster: Option<ClusterName>,
        /// Works that it removes and that are made nowhere else instead.
        n_removed: usize,
        /// Works before.
        n_before: usize,
        /// The share that needs no word, in percent.
        max_percent: u8,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leaving { clusters } => {
                let names = clusters.iter().map(|(name, n)| format!("{name} ({n} works)"));
                f.write_str("take out of the fleet, leaving there what they run: ")?;
                named(f, &names.collect::<Vec<_>>())
            }
            Self::Containers { names } => {
                f.write_str("remove ")?;
                named(f, names)?;
                f.write_str(", and with them everything that they contain")
            }
            Self::Unexplained { names } => {
                f.write_str("remove ")?;
                named(f, names)?;
                f.write_str(", which the clusters were given by results that are lost")
            }
            Self::Stores { names } => {
                f.write_str("remove ")?;
                named(f, names)?;
                f.write_str(" from every cluster that has it, and maybe the data with it")
            }
            Self::Everything { n_before } => {
                write!(f, "remove all {n_before} works of the fleet")
            }
            Self::Emptied { cluster, n_before } => {
                write!(f, "remove all {n_before} works of cluster {cluster}")
            }
            Self::Share { cluster, n_removed, n_before, max_percent } => {
                write!(f, "remove {n_removed} of {n_before} works")?;
                if let Some(cluster) = cluster {
                    write!(f, " of cluster {cluster}")?;
                }
                write!(f, ", more than {max_percent} %")
            }
        }
    }
}

/// Says in one line why a plan waits; every reason counts.
#[must_use]
pub fn why(refusals: &[Refusal]) -> String {
    let reasons: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    format!("DELETE_GUARD this would {}", reasons.join("; "))
}

fn named(f: &mut fmt::Formatter<'_>, names: &[String]) -> fmt::Result {
    let shown = names.iter().take(NAMES_MAX).cloned().collect::<Vec<_>>().join(", ");
    let n_more = names.len().saturating_sub(NAMES_MAX);
    f.write_str(&shown)?;
    if n_more > 0 {
        write!(f, " and {n_more} more")?;
    }
    Ok(())
}

/// The limits that count for a commit that has `new` ones, where `old` ones are in force: of each the
/// stricter, so that a commit cannot let itself through.
#[must_use]
pub fn stricter(old: &GuardSettings, new: &GuardSettings) -> GuardSettings {
    GuardSettings {
        max_removed_percent: old.max_removed_percent.min(new.max_removed_percent),
        always_removable: old.always_removable.min(new.always_removable),
    }
}

/// Why a plan with this difference has to wait; empty when it does not. Works that are made in
/// another cluster instead count for no share: nothing leaves before they are there.
#[must_use]
pub fn guard(settings: &GuardSettings, diff: &PlanDiff) -> Vec<Refusal> {
    let removals = &diff.removals;
    let mut refusals = Vec::new();
    if !diff.left.is_empty() {
        refusals.push(Refusal::Leaving { clusters: diff.left.clone() });
    }
    let namespaces = removals.namespaces.iter().map(|name| match removals.still_used.get(name) {
        None => format!("Namespace {name}"),
        Some(used) => {
            let first = used.first().map(String::as_str).unwrap_or_default();
            let more = match used.len().saturating_sub(1) {
                0 => String::new(),
                n_more => format!(" and {n_more} more"),
            };
            format!("Namespace {name} (still to run there: {first}{more})")
        }
    });
    let definitions = &removals.definitions;
    let definitions = definitions.iter().map(|name| format!("CustomResourceDefinition {name}"));
    let names: Vec<String> = namespaces.chain(definitions).collect();
    if !names.is_empty() {
        refusals.push(Refusal::Containers { names });
    }
    let removed = diff.works.values().flat_map(|works| &works.removed);
    let removed: BTreeSet<&String> = removed.filter(|_| removals.is_blind).collect();
    if !removed.is_empty() {
        let names = removed.into_iter().cloned().collect();
        refusals.push(Refusal::Unexplained { names });
    }
    if !removals.stores.is_empty() {
        refusals.push(Refusal::Stores { names: removals.stores.iter().cloned().collect() });
    }
    let total = removals.total();
    if total.is_all() {
        refusals.push(Refusal::Everything { n_before: total.n_before });
        return refusals;
    }
    let n_before = total.n_before;
    let max_percent = settings.max_removed_percent.get();
    let is_too_much = |lost: Lost| {
        let is_many = lost.for_good() > settings.always_removable as usize;
        is_many && lost.for_good() * 100 > lost.n_before * usize::from(max_percent)
    };
    for (name, lost) in &removals.clusters {
        let (cluster, n_before) = (name.clone(), lost.n_before);
        if lost.is_all() {
            refusals.push(Refusal::Emptied { cluster, n_before });
        } else if is_too_much(*lost) {
            let (cluster, n_removed) = (Some(cluster), lost.for_good());
            refusals.push(Refusal::Share { cluster, n_removed, n_before, max_percent });
        }
    }
    if is_too_much(total) {
        let n_removed = total.for_good();
        refusals.push(Refusal::Share { cluster: None, n_removed, n_before, max_percent });
    }
    refusals
}

/// Names what a plan removes and what becomes of it: the same removals have the same name, and no
/// others have it. What is moved is not what is gone for good, be it the same object.
#[must_use]
pub fn removal_id(diff: &PlanDiff) -> String {
    let mut text = String::new();
    let removals = &diff.removals;
    for (cluster, works) in &diff.works {
        for object in &works.removed {
            let _ = write!(text, "{cluster} {object}");
            for other in removals.moves.get(object).into_iter().flatten() {
                let _ = write!(text, " {other}");
            }
            text.push('\n');
        }
    }
    for (namespace, used) in &removals.still_used {
        let used = used.iter().cloned().collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "{namespace} holds {used}");
    }
    for cluster in diff.left.keys() {
        let _ = writeln!(text, "{cluster} leaves");
    }
    blob_id(text.as_bytes()).short()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Removals, WorkChanges};

    fn cluster(name: &str) -> ClusterName {
        ClusterName::new(name).expect("a valid name")
    }

    /// A plan that removes so much of the works of `eu` and `us`: before, removed, moved.
    fn diff(eu: [usize; 3], us: [usize; 3]) -> PlanDiff {
        let lost =
            |[n_before, n_removed, n_moved]: [usize; 3]| Lost { n_before, n_removed, n_moved };
        let clusters = [(cluster("eu"), lost(eu)), (cluster("us"), lost(us))];
        let removals = Removals { clusters: clusters.into(), ..Removals::default() };
        PlanDiff { removals, ..PlanDiff::default() }
    }

    fn told(diff: &PlanDiff) -> String {
        let refusals = guard(&GuardSettings::default(), diff);
        if refusals.is_empty() { String::new() } else { why(&refusals) }
    }

    #[test]
    fn a_large_share_waits_and_a_few_works_never_do() {
        assert_eq!(told(&diff([11, 10, 0], [40, 0, 0])), "", "no more than ten never wait");
        assert_eq!(told(&diff([100, 20, 0], [0, 0, 0])), "", "20 % is the limit itself");
        assert_eq!(
            told(&diff([100, 21, 0], [1_000, 0, 0])),
            "DELETE_GUARD this would remove 21 of 100 works of cluster eu, more than 20 %"
        );
        assert_eq!(
            told(&diff([60, 11, 0], [40, 10, 0])),
            "DELETE_GUARD this would remove 21 of 100 works, more than 20 %",
            "neither cluster loses much, the fleet does"
        );
    }

    #[test]
    fn what_is_made_elsewhere_is_no_loss() {
        assert_eq!(told(&diff([100, 100, 100], [50, 0, 0])), "");
        assert_eq!(
            told(&diff([100, 100, 79], [200, 0, 0])),
            "DELETE_GUARD this would remove 21 of 100 works of cluster eu, more than 20 %"
        );
    }

    #[test]
    fn all_that_a_cluster_or_the_fleet_runs_waits_however_little_it_is() {
        assert_eq!(
            told(&diff([1, 1, 0], [1, 1, 0])),
            "DELETE_GUARD this would remove all 2 works of the fleet"
        );
        assert_eq!(
            told(&diff([2, 2, 0], [50, 0, 0])),
            "DELETE_GUARD this would remove all 2 works of cluster eu"
        );
        assert_eq!(told(&diff([1, 1, 0], [50, 0, 0])), "", "one object is what somebody tries");
        assert_eq!(told(&diff([1, 1, 0], [1, 1, 1])), "", "one of them moves");
    }

    #[test]
    fn each_reason_is_told() {
        let mut diff = diff([1_000, 1, 0], [5, 0, 0]);
        diff.removals.namespaces.insert("web".to_owned());
        diff.removals.stores.insert("StatefulSet.apps web/db".to_owned());
        diff.left.insert(cluster("us"), 5);
        assert_eq!(
            told(&diff),
            "DELETE_GUARD this would take out of the fleet, leaving there what they run: us (5 works); \
             remove Namespace web, and with them everything that they contain; \
             remove StatefulSet.apps web/db from every cluster that has it, and maybe the data with it"
        );
    }

    #[test]
    fn an_approval_names_one_set_of_removals() {
        let removing = |objects: &[&str]| {
            let removed = objects.iter().map(|object| (*object).to_owned()).collect();
            let works = WorkChanges { removed, ..WorkChanges::default() };
            PlanDiff { works: [(cluster("eu"), works)].into(), ..PlanDiff::default() }
        };
        let leaving = PlanDiff { left: [(cluster("us"), 1)].into(), ..removing(&["a"]) };
        assert_eq!(removal_id(&removing(&["a", "b"])), removal_id(&removing(&["a", "b"])));
        assert_ne!(removal_id(&removing(&["a", "b"])), removal_id(&removing(&["a"])));
        assert_ne!(removal_id(&leaving), removal_id(&removing(&["a"])));

        let moving = |to: &[&str]| {
            let mut diff = removing(&["a"]);
            let to: BTreeSet<ClusterName> = to.iter().map(|name| cluster(name)).collect();
            diff.removals.moves.insert("a".to_owned(), to);
            diff
        };
        assert_eq!(removal_id(&moving(&["us"])), removal_id(&moving(&["us"])));
        assert_ne!(removal_id(&moving(&["us"])), removal_id(&removing(&["a"])));
        assert_ne!(removal_id(&moving(&["us"])), removal_id(&moving(&["us", "asia"])));
    }
}
