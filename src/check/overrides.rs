//! Overrides that change nothing, that cannot be applied, or that write a cluster's share of the
//! replicas, with the clusters and templates of the commit: a slip in a path, in the name of a container
//! or in the choice of clusters.

use std::collections::{BTreeMap, BTreeSet};

use super::Guesses;
use super::placements::unmatched;
use super::replica_overrides::{holds_replicas, may_be_replicas};
use crate::api::cluster::Cluster;
use crate::api::override_policy::{OverrideRule, OverrideSpec, Overriders};
use crate::api::problem::{Place, Problem};
use crate::api::selector::Selectable as _;
use crate::fleet::{Fleet, Sourced, Template, shown};
use crate::overrides::{OverrideError, OverrideIndex, apply, containers};
use crate::plan::as_overriders_see;

/// Most times that overrides are tried on a copy of a template. A plan applies them all, and says of
/// those that cannot be the same.
const TRIALS_MAX: usize = 2_000;

/// Most templates that selectors are compared with, of all policies together: a hundred policies over
/// ten thousand templates, in some tenths of a second.
const LOOKS_MAX: usize = 1_000_000;

/// A warning for every rule that no cluster is meant by, every container that no selected template
/// has, every overrider that cannot be applied to a template that its policy selects, and every one that
/// writes the replicas of such a template. Without any template there is nothing to say, and without any
/// cluster only of replicas.
pub(super) fn overrides(fleet: &Fleet) -> Vec<Problem> {
    let has_none = fleet.override_policies.is_empty() && fleet.cluster_override_policies.is_empty();
    if has_none || fleet.templates.is_empty() {
        return Vec::new();
    }
    let mut lint = Lint {
        fleet,
        index: OverrideIndex::new(fleet),
        templates: Templates::new(fleet),
        n_trials_left: TRIALS_MAX,
        n_looks_left: LOOKS_MAX,
        guesses: Guesses::default(),
        problems: Vec::new(),
    };
    for ((namespace, name), policy) in &fleet.override_policies {
        let label = format!("OverridePolicy {namespace}/{name}");
        lint.look(&label, Some(namespace), policy, &policy.spec);
    }
    for (name, policy) in &fleet.cluster_override_policies {
        lint.look(&format!("ClusterOverridePolicy {name}"), None, policy, &policy.spec);
    }
    lint.problems
}

/// Templates by API version and kind, then by namespace; the empty text is no namespace.
struct Templates<'f>(BTreeMap<(&'f str, &'f str), BTreeMap<&'f str, Vec<&'f Template>>>);

impl<'f> Templates<'f> {
    fn new(fleet: &'f Fleet) -> Self {
        let mut templates = Self(BTreeMap::new());
        for template in fleet.templates.values() {
            let kind = (template.api_version(), template.kind());
            let namespace = template.namespace().unwrap_or_default();
            templates.0.entry(kind).or_default().entry(namespace).or_default().push(template);
        }
        templates
    }

    /// Those that a policy of `namespace`, or of all, may select: of the kinds that it names.
    fn candidates(
        &self,
        namespace: Option<&str>,
        spec: &OverrideSpec,
    ) -> impl Iterator<Item = &'f Template> {
        let selectors = &spec.resource_selectors;
        let is_kind = |(api_version, kind): &(&str, &str)| {
            selectors.is_empty()
                || selectors.iter().any(|one| one.api_version == *api_version && one.kind == *kind)
        };
        let kinds = self.0.iter().filter(move |(kind, _)| is_kind(kind)).map(|(_, of)| of);
        let lists = kinds.flat_map(move |of_kind| {
            let one = namespace.map(|namespace| of_kind.get(namespace));
            let all = one.is_none().then(|| of_kind.values());
            one.flatten().into_iter().chain(all.into_iter().flatten())
        });
        lists.flatten().copied()
    }
}

/// What one policy selects.
struct Selected<'f> {
    templates: Vec<&'f Template>,
    /// Names of their containers.
    containers: BTreeSet<String>,
    /// Whether that is all of them: looks were left.
    is_all: bool,
}

struct Lint<'f> {
    fleet: &'f Fleet,
    index: OverrideIndex<'f>,
    templates: Templates<'f>,
    n_trials_left: usize,
    n_looks_left: usize,
    guesses: Guesses,
    problems: Vec<Problem>,
}

impl<'f> Lint<'f> {
    fn look<T>(
        &mut self,
        label: &str,
        namespace: Option<&str>,
        policy: &Sourced<T>,
        spec: &OverrideSpec,
    ) {
        let has_clusters = !self.fleet.clusters.is_empty();
        let mut selected = None;
        for rule in spec.rules() {
            if let Some(target) = rule.target.filter(|_| has_clusters)
                && let Some((at, message, hint)) = unmatched(self.fleet, &rule.target_at(), target)
            {
                self.warn(policy.place_of(&at), "CONSTRAINT_UNSATISFIABLE", message, hint);
            }
            let reads = rule.overriders;
            if !names_containers(reads) && !can_be_refused(reads) {
                continue;
            }
            let selected = selected.get_or_insert_with(|| self.select(namespace, spec));
            if has_clusters {
                self.look_for_containers(policy, &rule, selected);
                self.try_on(label, policy, &rule, &selected.templates);
            }
            self.look_for_replicas(policy, &rule, &selected.templates);
        }
    }

    fn select(&mut self, namespace: Option<&str>, spec: &OverrideSpec) -> Selected<'f> {
        let selectors = &spec.resource_selectors;
        let n_looks_left = &mut self.n_looks_left;
        let candidates = self.templates.candidates(namespace, spec);
        let candidates = candidates.take_while(|_| {
            let is_left = *n_looks_left > 0;
            *n_looks_left = n_looks_left.saturating_sub(1);
            is_left
        });
        let templates: Vec<&Template> = candidates
            .filter(|template| {
                selectors.is_empty() || selectors.iter().any(|one| one.matches(*template).is_some())
            })
            .collect();
        let reads = spec.rules().any(|rule| names_containers(rule.overriders));
        let mut named = BTreeSet::new();
        for template in templates.iter().filter(|_| reads) {
            named.extend(containers(&template.manifest.open()).map(str::to_owned));
        }
        Selected { containers: named, templates, is_all: self.n_looks_left > 0 }
    }

    fn look_for_containers<T>(
        &mut self,
        policy: &Sourced<T>,
        rule: &OverrideRule<'_>,
        selected: &Selected<'_>,
    ) {
        if selected.templates.is_empty() || !selected.is_all {
            return;
        }
        let reads = rule.overriders;
        let named = [
            ("commandOverrider", &reads.command_overrider),
            ("argsOverrider", &reads.args_overrider),
        ];
        for (overrider, list) in named {
            for (idx, one) in list.iter().enumerate() {
                let name = one.container_name.as_str();
                if selected.containers.contains(name) {
                    continue;
                }
                let known = selected.containers.iter().map(String::as_str);
                let otherwise = "correct the name; init containers and other kinds than Pod, \
                     Deployment, ReplicaSet, DaemonSet, StatefulSet and Job are not looked into";
                let hint = self.guesses.hint(name, known, otherwise);
                let place =
                    policy.place_of(&format!("{}/{overrider}/{idx}/containerName", rule.at()));
                let message = format!(
                    "no template that the policy selects has a container `{}`",
                    shown(name)
                );
                self.warn(place, "SELECTOR_EMPTY", message, hint);
            }
        }
    }

    /// Looks for patches of the field that the replicas of some template stand in.
    fn look_for_replicas<T>(
        &mut self,
        policy: &Sourced<T>,
        rule: &OverrideRule<'_>,
        templates: &[&Template],
    ) {
        for (idx, patch) in rule.overriders.plaintext.iter().enumerate() {
            if !may_be_replicas(patch) {
                continue;
            }
            let n_trials_left = &mut self.n_trials_left;
            let mut templates = templates.iter();
            let Some(template) = templates
                .find(|one| holds_replicas(&one.manifest.open(), &patch.path, n_trials_left))
            else {
                continue;
            };
            let message = format!(
                "`{}` holds the replicas of {} {}: the cluster runs what is written here, and plans, \
                 `explain` and room go by the share that the policy gives",
                shown(&patch.path),
                template.kind(),
                shown(template.name())
            );
            let hint = "divide the replicas in the propagation policy, e.g. by fixed weights, or write a \
                        template of its own for these clusters";
            let place = policy.place_of(&format!("{}/plaintext/{idx}/path", rule.at()));
            self.warn(place, "OVERRIDE_REPLICAS", message, hint.to_owned());
        }
    }

    /// Tries what the fleet overrides in one cluster of the rule, and tells what of this rule cannot be
    /// applied.
    fn try_on<T>(
        &mut self,
        label: &str,
        policy: &Sourced<T>,
        rule: &OverrideRule<'_>,
        templates: &[&Template],
    ) {
        if self.n_trials_left == 0 || !can_be_refused(rule.overriders) {
            return;
        }
        let mut clusters = self.fleet.clusters.values();
        let Some(cluster) = clusters.find(|cluster| rule.is_for(cluster)) else { return };
        let cluster: &Cluster = &cluster.value;
        let start = rule.at();
        let mut refused: BTreeMap<String, (OverrideError, String, usize)> = BTreeMap::new();
        let templates = &templates[..templates.len().min(self.n_trials_left)];
        self.n_trials_left -= templates.len();
        for template in templates {
            let mut manifest = as_overriders_see(&template.manifest.open());
            let policies = self.index.of(template.namespace());
            let Err(error) = apply(&mut manifest, cluster, &policies) else { continue };
            // What another one says is told where it is looked at.
            if error.policy != label || !error.at.starts_with(&start) {
                continue;
            }
            let at = error.at.clone();
            let one = refused.entry(at).or_insert_with(|| (error, template.key.to_string(), 0));
            one.2 += 1;
        }
        for (at, (error, first, n_templates)) in refused {
            let field = match error.overrider {
                "plaintext" => "/path",
                "fieldOverrider" => "/fieldPath",
                _ => "",
            };
            let more = match n_templates - 1 {
                0 => String::new(),
                n => format!(" and {n} more templates that the policy selects"),
            };
            let message = format!("{first}{more}: {} {}", error.overrider, error.rule);
            let hint = "correct it, or select only templates that it can be applied to: the others \
                        keep the work that they have";
            self.warn(
                policy.place_of(&format!("{at}{field}")),
                error.code,
                message,
                hint.to_owned(),
            );
        }
    }

    fn warn(&mut self, place: Place, code: &'static str, message: String, hint: String) {
        self.problems.push(Problem::warning(place, code, message, hint));
    }
}

fn names_containers(overriders: &Overriders) -> bool {
    !overriders.command_overrider.is_empty() || !overriders.args_overrider.is_empty()
}

/// Whether one of them names a place that an object may not have.
fn can_be_refused(overriders: &Overriders) -> bool {
    !overriders.plaintext.is_empty()
        || !overriders.field_overrider.is_empty()
        || overriders.image_overrider.iter().any(|one| one.predicate.is_some())
}
