//! Which cluster is behind each registration, and who may write there.
//!
//! A kubeconfig can lead to another cluster than it did: it was swapped with another one, or the cluster
//! was built anew. Then everything known of what runs there is wrong, and a removal would hit what another
//! member placed. So nothing is written before the cluster that answers is the one that was recorded,
//! and is nobody else's (`spec/reliability-security.md` F36, B303, B304).

use std::collections::{BTreeMap, BTreeSet};

use crate::api::cluster::ClusterStatus;
use crate::api::names::ClusterName;
use crate::member::Identity;
use crate::store::RefName;

use super::not_ready;

/// One member, as far as it matters whether it is itself.
#[derive(Debug)]
pub(super) struct Registration {
    /// The member.
    pub(super) cluster: ClusterName,
    /// `spec.id` of its registration; may be empty.
    pub(super) written: String,
    /// The id that its status has; empty before there is one.
    pub(super) recorded: String,
    /// Whether we write to it. The record of one that an agent writes to counts all the same.
    pub(super) is_ours: bool,
}

/// How a person says that another cluster is to be used from now on.
#[derive(Debug)]
pub(super) enum WayOut {
    /// By `spec.id` of the registration.
    Registration,
    /// By deleting this status ref: an agent does not see the source.
    Status(RefName),
}

/// Whether a member's executor may write, and what is to be taken in as its status.
#[derive(Debug)]
pub(super) struct Decision {
    /// The member.
    pub(super) cluster: ClusterName,
    /// The cluster that it may write to; `None`: it may not.
    pub(super) admitted: Option<Identity>,
    /// The new status: that it is refused, or what it last said while it was.
    pub(super) status: Option<ClusterStatus>,
}

/// All members of one process.
#[derive(Debug)]
pub(super) struct Identities {
    way_out: WayOut,
    members: BTreeMap<ClusterName, Known>,
    /// Members whose cluster has answered and has not been judged.
    waiting: BTreeSet<ClusterName>,
}

#[derive(Debug, Default)]
struct Known {
    is_registered: bool,
    is_ours: bool,
    written: String,
    recorded: String,
    seen: Option<Identity>,
    /// Whether its executor has said anything since it was connected.
    is_heard: bool,
    /// What was decided; an error says why it is refused.
    verdict: Option<Result<(), Refusal>>,
    /// Of which cluster.
    judged: Option<Identity>,
    /// What its executor said of the cluster while it was refused.
    withheld: Option<ClusterStatus>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    reason: &'static str,
    message: String,
}

impl Refusal {
    fn status(&self) -> ClusterStatus {
        not_ready(self.reason, self.message.clone())
    }
}

/// How much a member's word for an id counts: people's word first, then the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    Written,
    Recorded,
    Seen,
}

impl Known {
    fn claim(&self) -> Option<(Claim, &str)> {
        if !self.written.is_empty() {
            return Some((Claim::Written, &self.written));
        }
        if !self.recorded.is_empty() {
            return Some((Claim::Recorded, &self.recorded));
        }
        match &self.seen {
            Some(Identity::Uid(uid)) => Some((Claim::Seen, uid)),
            Some(Identity::Hidden) | None => None,
        }
    }

    /// Whether it may yet turn out to have the cluster of any other member.
    fn is_open(&self) -> bool {
        self.is_ours && !self.is_heard && self.claim().is_none()
    }
}

impl Identities {
    pub(super) fn new(way_out: WayOut) -> Self {
        Self { way_out, members: BTreeMap::new(), waiting: BTreeSet::new() }
    }

    /// Takes in what is registered and recorded. Members that are not named are gone.
    pub(super) fn register(&mut self, registrations: Vec<Registration>) {
        let names: BTreeSet<&ClusterName> = registrations.iter().map(|one| &one.cluster).collect();
        let mut is_changed = self.members.keys().any(|name| !names.contains(name));
        self.members.retain(|name, _| names.contains(name));
        for Registration { cluster, written, recorded, is_ours } in registrations {
            let known = self.members.entry(cluster).or_default();
            // What was admitted a moment ago is not in a status yet.
            let recorded = Some(recorded).filter(|recorded| !recorded.is_empty());
            let recorded = recorded.unwrap_or_else(|| known.recorded.clone());
            is_changed |= !known.is_registered
                || known.is_ours != is_ours
                || known.written != written
                || known.recorded != recorded;
            (known.is_registered, known.is_ours) = (true, is_ours);
            (known.written, known.recorded) = (written, recorded);
        }
        if is_changed {
            let seen = self.members.iter().filter(|(_, known)| known.seen.is_some());
            self.waiting = seen.map(|(name, _)| name.clone()).collect();
        }
    }

    /// A new executor is started: nothing is known of the cluster that it will find.
    pub(super) fn connecting(&mut self, cluster: &ClusterName) {
        let known = self.members.entry(cluster.clone()).or_default();
        (known.seen, known.is_heard, known.verdict, known.withheld) = (None, false, None, None);
        self.waiting.remove(cluster);
    }

    /// The executor knows which cluster answers.
    pub(super) fn saw(&mut self, cluster: &ClusterName, identity: Identity) {
        let known = self.members.entry(cluster.clone()).or_default();
        known.seen = Some(identity);
        known.is_heard = true;
        self.waiting.insert(cluster.clone());
    }

    /// The status to take in when the executor says this one.
    pub(super) fn status(
        &mut self,
        cluster: &ClusterName,
        mut status: ClusterStatus,
    ) -> ClusterStatus {
        let known = self.members.entry(cluster.clone()).or_default();
        known.is_heard = true;
        match &known.verdict {
            Some(Err(refusal)) => {
                known.withheld = Some(status);
                return refusal.status();
            }
            Some(Ok(())) => status.id.clone_from(&known.recorded),
            None => {}
        }
        status
    }

    /// Whether the cluster that answers for this member is refused.
    pub(super) fn is_refused(&self, cluster: &ClusterName) -> bool {
        let verdict = self.members.get(cluster).and_then(|known| known.verdict.as_ref());
        verdict.is_some_and(Result::is_err)
    }

    /// Decides what can be decided, and gives what is new.
    ///
    /// Members of which nothing was recorded go by their names: one waits for those before it to say
    /// which cluster they have, or that they cannot be reached.
    pub(super) fn decide(&mut self) -> Vec<Decision> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let open = self.members.iter().find(|(_, known)| known.is_open());
        let open = open.map(|(name, _)| name.clone());
        let due = |name: &ClusterName| {
            self.members.get(name).is_some_and(|known| {
                let is_first = open.as_ref().is_none_or(|open| name < open);
                let is_new = matches!(known.claim(), Some((Claim::Seen, _)));
                known.is_registered && known.is_ours && (is_first || !is_new)
            })
        };
        let due: Vec<ClusterName> = self.waiting.iter().filter(|n| due(n)).cloned().collect();
        due.into_iter().filter_map(|name| self.decide_one(name)).collect()
    }

    fn decide_one(&mut self, cluster: ClusterName) -> Option<Decision> {
        self.waiting.remove(&cluster);
        let verdict = self.judge(&cluster)?;
        let known = self.members.get_mut(&cluster)?;
        if known.verdict.as_ref() == Some(&verdict) && known.judged == known.seen {
            return None;
        }
        known.judged.clone_from(&known.seen);
        let decision = match &verdict {
            Ok(()) => {
                if let Some(Identity::Uid(uid)) = &known.seen {
                    known.recorded.clone_from(uid);
                }
                let mut status = known.withheld.take();
                if let Some(status) = &mut status {
                    status.id.clone_from(&known.recorded);
                }
                Decision { cluster, admitted: known.seen.clone(), status }
            }
            Err(refusal) => {
                tracing::error!(%cluster, "{}", refusal.message);
                Decision { cluster, admitted: None, status: Some(refusal.status()) }
            }
        };
        known.verdict = Some(verdict);
        Some(decision)
    }

    fn judge(&self, cluster: &ClusterName) -> Option<Result<(), Refusal>> {
        let known = self.members.get(cluster)?;
        let Identity::Uid(uid) = known.seen.as_ref()? else {
            return Some(known.claim().map_or(Ok(()), |(_, pin)| Err(hidden(cluster, pin))));
        };
        let (claim, pin) = known.claim()?;
        if pin != uid {
            let source = match claim {
                Claim::Written => "`spec.id` of its registration is",
                Claim::Recorded | Claim::Seen => "the recorded one has",
            };
            let accept = match &self.way_out {
                WayOut::Registration => format!("write `spec.id: {uid}` into its registration"),
                WayOut::Status(name) => {
                    format!("delete the branch {name} and start the agent anew")
                }
            };
            let message = format!(
                "CLUSTER_IDENTITY_CHANGED the kubeconfig of {cluster} leads to the cluster whose \
                 kube-system has the uid {uid}, and {source} {pin}: nothing is applied or removed there; \
                 give it the right kubeconfig, or, if this cluster is to be {cluster} from now on, {accept}"
            );
            return Some(Err(Refusal { reason: "ClusterIdentityChanged", message }));
        }
        let rival = self.members.iter().find(|(name, other)| {
            let goes_before = |theirs: Claim| (theirs, *name) < (claim, cluster);
            other.is_registered
                && *name != cluster
                && other.claim().is_some_and(|(theirs, id)| id == uid && goes_before(theirs))
        });
        Some(match rival {
            None => Ok(()),
            Some((rival, _)) => {
                let message = format!(
                    "CLUSTER_DUPLICATE the kubeconfig of {cluster} leads to the cluster of {rival}: its \
                     kube-system has the uid {uid}, so nothing is applied or removed there as {cluster}; \
                     keep one of the two registrations, or give {cluster} the right kubeconfig"
                );
                Err(Refusal { reason: "ClusterDuplicate", message })
            }
        })
    }
}

/// Why a cluster is refused that does not say any more which one it is.
fn hidden(cluster: &ClusterName, pin: &str) -> Refusal {
    let message = format!(
        "CLUSTER_IDENTITY_HIDDEN the kubeconfig of {cluster} may not read the Namespace kube-system, whose uid \
         would say whether this is still the cluster {pin}: nothing is applied or removed there; allow it \
         `get` on that Namespace, or give {cluster} the right kubeconfig"
    );
    Refusal { reason: "ClusterIdentityHidden", message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ClusterName {
        ClusterName::new(text).unwrap()
    }

    /// Members as name, `spec.id` and recorded id.
    fn of(members: &[(&str, &str, &str)]) -> Identities {
        let mut identities = Identities::new(WayOut::Registration);
        identities.register(registrations(members));
        identities
    }

    fn registrations(members: &[(&str, &str, &str)]) -> Vec<Registration> {
        let one = |(cluster, written, recorded): &(&str, &str, &str)| Registration {
            cluster: name(cluster),
            written: (*written).to_owned(),
            recorded: (*recorded).to_owned(),
            is_ours: true,
        };
        members.iter().map(one).collect()
    }

    impl Identities {
        fn answers(&mut self, cluster: &str, uid: &str) -> Vec<String> {
            self.saw(&name(cluster), Identity::Uid(uid.to_owned()));
            self.told()
        }

        /// The decisions, e.g. `a+` for one that may write, `b CLUSTER_DUPLICATE` for one that may not.
        fn told(&mut self) -> Vec<String> {
            let told = |decision: Decision| {
                if decision.admitted.is_some() {
                    return format!("{}+", decision.cluster);
                }
                let status = decision.status.expect("a refusal is told of");
                let code = status.conditions[0].message.split(' ').next().unwrap_or_default();
                format!("{} {code}", decision.cluster)
            };
            self.decide().into_iter().map(told).collect()
        }
    }

    #[test]
    fn the_record_decides_and_a_persons_word_counts_above_it() {
        let mut swapped = of(&[("a", "", "A"), ("b", "", "B")]);
        assert_eq!(swapped.answers("a", "B"), ["a CLUSTER_IDENTITY_CHANGED"]);
        assert_eq!(swapped.answers("b", "A"), ["b CLUSTER_IDENTITY_CHANGED"]);
        swapped.register(registrations(&[("a", "B", "A"), ("b", "A", "B")]));
        assert_eq!(swapped.told(), ["a+", "b+"]);
        // One of them only: the other one has no claim to what a person gave away.
        let mut half = of(&[("a", "", "A"), ("b", "", "B")]);
        assert_eq!(half.answers("b", "B"), ["b+"]);
        half.register(registrations(&[("a", "B", "A"), ("b", "", "B")]));
        assert_eq!(half.told(), ["b CLUSTER_DUPLICATE"]);
        assert_eq!(half.answers("a", "B"), ["a+"]);
    }

    #[test]
    fn of_two_that_are_new_the_first_by_name_has_the_cluster_whoever_answers_first() {
        let mut new = of(&[("a", "", ""), ("b", "", ""), ("c", "", "C")]);
        assert_eq!(new.answers("c", "C"), ["c+"]);
        assert!(new.answers("b", "A").is_empty(), "a may have it");
        assert_eq!(new.answers("a", "A"), ["a+", "b CLUSTER_DUPLICATE"]);
        // Nobody waits for one that is away, and who came first keeps it then.
        let mut away = of(&[("a", "", ""), ("b", "", "")]);
        assert!(away.answers("b", "A").is_empty());
        away.status(&name("a"), ClusterStatus::default());
        assert_eq!(away.told(), ["b+"]);
        assert_eq!(away.answers("a", "A"), ["a CLUSTER_DUPLICATE"]);
    }

    #[test]
    fn nothing_is_decided_before_the_record_was_read() {
        let mut identities = Identities::new(WayOut::Registration);
        identities.connecting(&name("a"));
        assert!(identities.answers("a", "B").is_empty());
        identities.register(registrations(&[("a", "", "A")]));
        assert_eq!(identities.told(), ["a CLUSTER_IDENTITY_CHANGED"]);
        assert!(identities.answers("a", "B").is_empty(), "told already");
        assert_eq!(identities.answers("a", "A"), ["a+"]);
    }

    #[test]
    fn a_cluster_hides_which_one_it_is_from_the_start_or_not_at_all() {
        let mut identities = of(&[("a", "", "A"), ("b", "B", ""), ("c", "", "")]);
        for cluster in ["a", "b", "c"] {
            identities.saw(&name(cluster), Identity::Hidden);
        }
        let refused = ["a CLUSTER_IDENTITY_HIDDEN", "b CLUSTER_IDENTITY_HIDDEN"];
        assert_eq!(identities.told(), [refused[0], refused[1], "c+"]);
        assert_eq!(identities.answers("a", "A"), ["a+"]);
        identities.saw(&name("a"), Identity::Hidden);
        assert_eq!(identities.told(), [refused[0]]);
        // Once it has said it, the next one behind the kubeconfig has to say it too.
        assert_eq!(identities.answers("c", "C"), ["c+"]);
        identities.saw(&name("c"), Identity::Hidden);
        assert_eq!(identities.told(), ["c CLUSTER_IDENTITY_HIDDEN"]);
    }

    #[test]
    fn what_is_said_of_a_refused_cluster_is_withheld_until_it_is_accepted() {
        let mut identities = of(&[("a", "", "A")]);
        identities.answers("a", "B");
        let said =
            ClusterStatus { kubernetes_version: "v1".to_owned(), ..ClusterStatus::default() };
        let taken = identities.status(&name("a"), said);
        assert_eq!((&*taken.kubernetes_version, &*taken.id), ("", ""));
        assert_eq!(taken.conditions[0].reason, "ClusterIdentityChanged");
        identities.register(registrations(&[("a", "B", "A")]));
        let accepted = identities.decide().pop().unwrap().status.unwrap();
        assert_eq!((&*accepted.kubernetes_version, &*accepted.id), ("v1", "B"));
    }
}
