//! Plans that remove much wait for a person's word (`spec/reliability-security.md` R-92).

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use crate::api::settings::GuardSettings;
use crate::plan::{PlanDiff, blob_id};

/// Names that a refusal lists; the plan itself shows all.
const NAMES_MAX: usize = 5;

/// Why a plan waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It removes more than the set share of the fleet's works.
    Share {
        /// Works that it removes.
        n_removed: usize,
        /// Works before.
        n_before: usize,
        /// The share that needs no word, in percent.
        max_percent: u8,
    },
    /// It removes all that runs.
    Everything {
        /// Works before.
        n_before: usize,
    },
    /// It removes what keeps data.
    Stores {
        /// The objects, in order of their names.
        names: Vec<String>,
    },
    /// It removes objects whose removal takes everything in them along.
    Containers {
        /// Namespaces and CustomResourceDefinitions, in order of their names.
        names: Vec<String>,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share { n_removed, n_before, max_percent } => write!(
                f,
                "DELETE_GUARD this would remove {n_removed} of {n_before} works, more than {max_percent} %"
            ),
            Self::Everything { n_before } => {
                write!(f, "DELETE_GUARD this would remove all {n_before} works of the fleet")
            }
            Self::Stores { names } => {
                named(f, names)?;
                f.write_str(" from every cluster that has it, and maybe the data with it")
            }
            Self::Containers { names } => {
                named(f, names)?;
                f.write_str(", and with them everything that they contain")
            }
        }
    }
}

fn named(f: &mut fmt::Formatter<'_>, names: &[String]) -> fmt::Result {
    let shown = names.iter().take(NAMES_MAX).cloned().collect::<Vec<_>>().join(", ");
    let n_more = names.len().saturating_sub(NAMES_MAX);
    write!(f, "DELETE_GUARD this would remove {shown}")?;
    if n_more > 0 {
        write!(f, " and {n_more} more")?;
    }
    Ok(())
}

/// Whether a plan with this difference has to wait, and why.
#[must_use]
pub fn guard(settings: &GuardSettings, diff: &PlanDiff) -> Option<Refusal> {
    let removals = &diff.removals;
    let namespaces = removals.namespaces.iter().map(|name| format!("Namespace {name}"));
    let definitions = &removals.definitions;
    let definitions = definitions.iter().map(|name| format!("CustomResourceDefinition {name}"));
    let names: Vec<String> = namespaces.chain(definitions).collect();
    if !names.is_empty() {
        return Some(Refusal::Containers { names });
    }
    if !removals.stores.is_empty() {
        return Some(Refusal::Stores { names: removals.stores.iter().cloned().collect() });
    }
    let (n_removed, n_before) = (removals.n_removed, removals.n_works_before);
    if n_removed == n_before && n_removed > 1 && !is_any_moved(diff) {
        return Some(Refusal::Everything { n_before });
    }
    let max_percent = settings.max_removed_percent.get();
    let is_many = n_removed > settings.always_removable as usize;
    let is_large_share = n_removed * 100 > n_before * usize::from(max_percent);
    (is_many && is_large_share).then_some(Refusal::Share { n_removed, n_before, max_percent })
}

/// Whether something that one cluster loses runs on in another, which gets it.
fn is_any_moved(diff: &PlanDiff) -> bool {
    let added: BTreeSet<&String> = diff.works.values().flat_map(|works| &works.added).collect();
    diff.works.values().flat_map(|works| &works.removed).any(|object| added.contains(object))
}

/// Names what a plan removes: equal sets have equal names, and no other set has the same.
#[must_use]
pub fn removal_id(diff: &PlanDiff) -> String {
    let mut text = String::new();
    for (cluster, works) in &diff.works {
        for object in &works.removed {
            let _ = writeln!(text, "{cluster} {object}");
        }
    }
    blob_id(text.as_bytes()).short()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::names::ClusterName;
    use crate::plan::{Removals, WorkChanges};

    fn diff(n_removed: usize, n_works_before: usize) -> PlanDiff {
        let removals = Removals { n_works_before, n_removed, ..Removals::default() };
        PlanDiff { removals, ..PlanDiff::default() }
    }

    #[test]
    fn a_large_share_waits_and_a_few_works_never_do() {
        let settings = GuardSettings::default();
        assert_eq!(guard(&settings, &diff(10, 11)), None, "no more than ten never wait");
        assert_eq!(guard(&settings, &diff(30, 100)), None, "30 % is the limit itself");
        let refusal = guard(&settings, &diff(31, 100)).expect("31 % is over the limit");
        assert_eq!(
            refusal.to_string(),
            "DELETE_GUARD this would remove 31 of 100 works, more than 30 %"
        );
    }

    #[test]
    fn what_keeps_data_and_all_that_there_is_wait_however_few_they_are() {
        let settings = GuardSettings::default();
        let told = |diff: &PlanDiff| guard(&settings, diff).map(|refusal| refusal.to_string());
        let all = "DELETE_GUARD this would remove all 2 works of the fleet";
        assert_eq!(told(&diff(2, 2)).as_deref(), Some(all));
        assert_eq!(told(&diff(1, 1)), None, "one object is what somebody tries things with");
        let changes = |added: &[&str], removed: &[&str]| {
            let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            WorkChanges { added: names(added), removed: names(removed), ..WorkChanges::default() }
        };
        let cluster = |name: &str| ClusterName::new(name).expect("a valid name");
        let mut other = diff(2, 2);
        other.works.insert(cluster("eu"), changes(&["ConfigMap web/c"], &["ConfigMap web/a"]));
        other.works.insert(cluster("us"), changes(&[], &["ConfigMap web/b"]));
        assert_eq!(told(&other).as_deref(), Some(all), "what is new keeps none of it");
        let mut moved = other;
        moved.works.insert(cluster("us"), changes(&["ConfigMap web/a"], &["ConfigMap web/b"]));
        assert_eq!(told(&moved), None, "one of them moves");
        let mut store = diff(1, 1_000);
        store.removals.stores.insert("StatefulSet.apps web/db".to_owned());
        assert!(
            told(&store)
                .expect("data waits")
                .contains("StatefulSet.apps web/db from every cluster")
        );
    }

    #[test]
    fn removing_a_namespace_waits_however_small_the_share() {
        let mut diff = diff(1, 1_000);
        diff.removals.namespaces.insert("web".to_owned());
        let refusal = guard(&GuardSettings::default(), &diff).expect("a namespace waits");
        assert!(refusal.to_string().contains("Namespace web"), "{refusal}");
    }

    #[test]
    fn an_approval_names_one_set_of_removals() {
        let removing = |objects: &[&str]| {
            let removed = objects.iter().map(|object| (*object).to_owned()).collect();
            let works = WorkChanges { removed, ..WorkChanges::default() };
            let cluster = ClusterName::new("eu").expect("a valid name");
            PlanDiff { works: [(cluster, works)].into(), ..PlanDiff::default() }
        };
        assert_eq!(removal_id(&removing(&["a", "b"])), removal_id(&removing(&["a", "b"])));
        assert_ne!(removal_id(&removing(&["a", "b"])), removal_id(&removing(&["a"])));
    }
}
