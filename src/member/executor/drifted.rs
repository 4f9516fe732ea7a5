//! What a repair put back, and who had changed it: for a person, when it happens again and again.

use crate::member::live::Live;

/// Stable code of a fight over an object.
const CODE: &str = "DRIFT_FIGHT";

/// Fields that a message names; a person looks at the first ones.
const FIELDS_MAX: usize = 3;

/// What was not as desired when an object was repaired.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Drift {
    /// The object was not there.
    Deleted,
    /// Our marks on it were changed, and no field of the template.
    Marks,
    /// These fields were taken, by these field managers; nobody is named where that cannot be told.
    Fields {
        /// Paths, in order of the template.
        lost: Vec<String>,
        /// Names, in order.
        takers: Vec<String>,
    },
}

impl Drift {
    /// What a repair found, `None` for no object. `tolerated` are fields that are never ours: the
    /// server does not keep them.
    pub(super) fn of(before: Option<&Live>, tolerated: &[String]) -> Self {
        let Some(live) = before else { return Self::Deleted };
        let Some(taken) = &live.taken else { return Self::Marks };
        let lost = taken.lost.iter().filter(|path| !tolerated.contains(path));
        let lost: Vec<String> = lost.cloned().collect();
        if lost.is_empty() {
            return Self::Marks;
        }
        Self::Fields { lost, takers: taken.takers.clone() }
    }

    /// The message of a fight that begins with so many repairs within a minute.
    pub(super) fn fight(&self, n_repairs: usize) -> String {
        let (what, way_out) = match self {
            Self::Deleted => (
                "somebody keeps deleting it; the cluster does not keep who it was".to_owned(),
                "find it in the audit log of the API server and stop it, or remove the template",
            ),
            Self::Marks => (
                "somebody keeps changing the labels or annotations that git-fleet sets on it"
                    .to_owned(),
                "stop the other party",
            ),
            Self::Fields { lost, takers } => {
                let who = match takers.as_slice() {
                    [] => "somebody".to_owned(),
                    [one] => format!("field manager {one}"),
                    several => format!("field managers {}", several.join(", ")),
                };
                let n_more = lost.len().saturating_sub(FIELDS_MAX);
                let more = if n_more > 0 { format!(" and {n_more} more") } else { String::new() };
                let first = lost[..lost.len() - n_more].join(", ");
                let keeps = if takers.len() > 1 { "keep" } else { "keeps" };
                (
                    format!("{who} {keeps} changing {first}{more}"),
                    "stop the other party, or leave these fields out of the template",
                )
            }
        };
        format!(
            "{CODE} {what}: it was put back {n_repairs} times within a minute, so from now on that \
             waits longer and longer, up to ten minutes; {way_out}"
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::member::live::Taken;

    use super::*;

    fn live(lost: &[&str], takers: &[&str]) -> Live {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let taken = Taken { lost: owned(lost), takers: owned(takers) };
        Live { taken: Some(Box::new(taken)), ..Live::default() }
    }

    #[test]
    fn a_fight_is_told_by_what_it_is_about() {
        let tolerated = ["kept".to_owned()];
        let told = |live: Option<Live>| {
            let drift = Drift::of(live.as_ref(), &tolerated);
            drift.fight(6)
        };
        for (before, start, end) in [
            (
                Some(live(&[".a", ".b", ".c", ".d", "kept"], &["argocd"])),
                "DRIFT_FIGHT field manager argocd keeps changing .a, .b, .c and 1 more: ",
                "leave these fields out of the template",
            ),
            (
                Some(live(&[".a"], &["argocd", "kubectl"])),
                "DRIFT_FIGHT field managers argocd, kubectl keep changing .a: ",
                "leave these fields out of the template",
            ),
            (Some(live(&[".a"], &[])), "DRIFT_FIGHT somebody keeps changing .a: ", "template"),
            (
                Some(live(&["kept"], &["argocd"])),
                "DRIFT_FIGHT somebody keeps changing the labels or annotations",
                "; stop the other party",
            ),
            (None, "DRIFT_FIGHT somebody keeps deleting it; ", "or remove the template"),
        ] {
            let told = told(before);
            assert!(told.starts_with(start) && told.ends_with(end), "{told}");
            assert!(told.contains(": it was put back 6 times within a minute, "), "{told}");
        }
    }
}
