//! What the filters say of every cluster, shared by all bindings of one placement and kind.
//!
//! In a large fleet most clusters are out for most templates. Their names stand once, in a file of
//! the results that all bindings with the same answer refer to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use super::binding::Binding;
use super::reasons::{Answer, ClusterGroup, group_clusters};
use super::rendered::{RenderedFile, blob_id};
use crate::api::binding::{BindingSpec, TargetCluster};
use crate::api::names::ObjectId;
use crate::api::placement::Placement;
use crate::schedule::divide::is_workload;
use crate::schedule::{
    Companions, Context, Fact, Member, Profile, Snapshot, Verdict, assigned, fact, filter,
    filter_one,
};

/// Up to this many clusters that are out are named in the binding itself.
const INLINE_MAX: usize = 50;

/// Up to so many facts are told with what each cluster has: it may be what no other one has.
const FACTS_MAX: usize = 20;

/// A file under `surveys/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyFile {
    /// Clusters that will not do, grouped by why.
    pub out: Vec<ClusterGroup>,
}

impl SurveyFile {
    /// Path in the results of the file with this id.
    #[must_use]
    pub fn path(id: ObjectId) -> String {
        format!("surveys/{id}.yaml")
    }
}

/// What the filters say of every cluster.
#[derive(Debug)]
pub(super) struct Survey {
    /// Why each cluster is out, by index of the snapshot; none for those that will do.
    pub(super) answers: Vec<Option<Answer>>,
    /// Indices of the clusters that will do.
    pub(super) feasible: Vec<usize>,
    /// The others, grouped by why.
    pub(super) out: Vec<ClusterGroup>,
    /// The file, when they are many.
    pub(super) file: Option<Arc<RenderedFile>>,
    /// Changes iff which clusters will do, or their regions, change.
    pub(super) choice: ObjectId,
}

/// What the scheduler looks at.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// The members.
    pub snapshot: &'a Snapshot<'a>,
    /// Where the other workloads of its groups run.
    pub companions: Companions<'a>,
    /// The plugins that take part.
    pub profile: &'a Profile,
}

/// The surveys of one plan.
#[derive(Debug, Default)]
pub(super) struct Surveys {
    by_question: BTreeMap<(ObjectId, bool), Arc<Survey>>,
}

impl Surveys {
    /// The survey for a binding as it stands, and as if it ran nowhere: so that no filter lets a
    /// cluster pass because it was chosen before.
    pub(super) fn of(&mut self, binding: &Binding, sight: Sight<'_>) -> Arc<Survey> {
        let spec = &binding.spec;
        let is_alone =
            !spec.graceful_eviction_tasks.is_empty() || spec.workload_affinity_groups.is_some();
        if is_alone {
            return Arc::new(Survey::new(binding, sight));
        }
        let asked = (
            &spec.placement,
            &binding.status.scheduler_observed_affinity_name,
            &spec.resource.api_version,
            &spec.resource.kind,
        );
        let asked = serde_json::to_vec(&asked).expect("a placement has a JSON form");
        // Overflow tiers are for workloads only.
        let question = (blob_id(&asked), is_workload(spec));
        let new = || Arc::new(Survey::new(binding, sight));
        Arc::clone(self.by_question.entry(question).or_insert_with(new))
    }
}

impl Survey {
    fn new(binding: &Binding, sight: Sight<'_>) -> Self {
        let snapshot = sight.snapshot;
        let mut spec = binding.spec.clone();
        spec.clusters.clear();
        let ctx = context(binding, &spec, sight);
        let verdicts = filter(&ctx, snapshot, &assigned(&spec, snapshot));
        let answers = answers(&ctx, snapshot, &verdicts);
        let feasible: Vec<usize> = (0..answers.len()).filter(|at| answers[*at].is_none()).collect();
        let rejected = answers.iter().zip(snapshot.members());
        let out = group_clusters(
            rejected.filter_map(|(answer, member)| Some((member.name.clone(), answer.clone()?))),
        );
        let is_large = answers.len() - feasible.len() > INLINE_MAX;
        let file = is_large.then(|| RenderedFile::yaml(&SurveyFile { out: out.clone() }));
        let mut choice = Vec::new();
        for at in &feasible {
            let member = &snapshot.members()[*at];
            let region = member.cluster.spec.region.as_deref().unwrap_or_default();
            choice.extend_from_slice(format!("{} {region}\n", member.name).as_bytes());
        }
        Self { answers, feasible, out, file, choice: blob_id(&choice) }
    }

    /// Whether the binding may stay in a cluster that it was given: some filters let it stay where
    /// they would not let it come.
    pub(super) fn lets_stay(
        &self,
        binding: &Binding,
        target: &TargetCluster,
        sight: Sight<'_>,
    ) -> bool {
        let Some(at) = sight.snapshot.find(&target.name) else { return false };
        let ctx = context(binding, &binding.spec, sight);
        let member = &sight.snapshot.members()[at];
        self.answers[at].is_none()
            || filter_one(&ctx, member, Some(target.replicas)) == Verdict::Accept
    }
}

/// What the filters look at for a binding, or for another form of its spec.
fn context<'a>(binding: &'a Binding, spec: &'a BindingSpec, sight: Sight<'a>) -> Context<'a> {
    static EVERYWHERE: LazyLock<Placement> = LazyLock::new(Placement::default);
    let Sight { companions, profile, .. } = sight;
    let placement = binding.spec.placement.as_ref().unwrap_or(&EVERYWHERE);
    let observed = binding.status.scheduler_observed_affinity_name.as_str();
    let mut groups = placement.cluster_affinities.iter().map(|term| &*term.affinity_name);
    // The group in use, else the one that is tried first.
    let first = groups.clone().next();
    let term = groups.find(|group| *group == observed).or(first);
    Context { spec, placement, term, companions, profile }
}

/// The answers with shared texts. Where too many clusters differ by what they have, each by its own,
/// only what was asked of them is told.
fn answers(
    ctx: &Context<'_>,
    snapshot: &Snapshot<'_>,
    verdicts: &[Verdict],
) -> Vec<Option<Answer>> {
    let mut facts = BTreeSet::new();
    let full = tell(ctx, snapshot, verdicts, &mut facts, Fact::to_string);
    if facts.len() <= FACTS_MAX {
        return full;
    }
    tell(ctx, snapshot, verdicts, &mut BTreeSet::new(), |fact| fact.wanted.clone())
}

fn tell(
    ctx: &Context<'_>,
    snapshot: &Snapshot<'_>,
    verdicts: &[Verdict],
    facts: &mut BTreeSet<Arc<str>>,
    told: impl Fn(&Fact) -> String,
) -> Vec<Option<Answer>> {
    let mut others = BTreeSet::new();
    let answer = |(member, verdict): (&Member<'_>, &Verdict)| {
        let Verdict::Reject(reason) = verdict else { return None };
        let fact = fact(ctx, member.cluster, reason);
        Some(Answer {
            why: shared(&mut others, &reason.to_string()),
            plugin: reason.plugin().map(|plugin| shared(&mut others, plugin)),
            fact: fact.map(|fact| shared(facts, &told(&fact))),
        })
    };
    snapshot.members().iter().zip(verdicts).map(answer).collect()
}

fn shared(texts: &mut BTreeSet<Arc<str>>, text: &str) -> Arc<str> {
    if let Some(text) = texts.get(text) {
        return Arc::clone(text);
    }
    let text: Arc<str> = Arc::from(text);
    texts.insert(Arc::clone(&text));
    text
}
