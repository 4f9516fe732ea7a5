//! Overrides that change nothing, or that cannot be applied, with the clusters and templates of the
//! commit: a slip in a path, in the name of a container or in the choice of clusters.

use std::collections::BTreeMap;

use super::Guesses;
use super::placements::unmatched;
use crate::api::cluster::Cluster;
use crate::api::manifest::Manifest;
use crate::api::override_policy::{OverrideRule, OverrideSpec, Overriders};
use crate::api::problem::{Place, Problem};
use crate::fleet::{Fleet, Sourced, shown};
use crate::overrides::{OverrideError, OverrideIndex, apply, containers};
use crate::plan::as_overriders_see;

/// Most times that overrides are tried on a template. A plan applies them all, and says the same.
const TRIALS_MAX: usize = 2_000;

/// A warning for every rule that no cluster is meant by, every container that no selected template
/// has, and every overrider that cannot be applied to a template that its policy selects. Without any
/// cluster or template there is nothing to say.
pub(super) fn overrides(fleet: &Fleet) -> Vec<Problem> {
    let has_none = fleet.override_policies.is_empty() && fleet.cluster_override_policies.is_empty();
    if has_none || fleet.clusters.is_empty() || fleet.templates.is_empty() {
        return Vec::new();
    }
    let mut lint = Lint {
        fleet,
        index: OverrideIndex::new(fleet),
        templates: Templates::new(fleet),
        n_trials_left: TRIALS_MAX,
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
struct Templates<'f>(BTreeMap<(&'f str, &'f str), BTreeMap<&'f str, Vec<&'f Manifest>>>);

impl<'f> Templates<'f> {
    fn new(fleet: &'f Fleet) -> Self {
        let mut templates = Self(BTreeMap::new());
        for template in fleet.templates.values() {
            let manifest = &*template.manifest;
            let kind = (manifest.api_version(), manifest.kind());
            let namespace = manifest.namespace().unwrap_or_default();
            templates.0.entry(kind).or_default().entry(namespace).or_default().push(manifest);
        }
        templates
    }

    /// Those that a policy of `namespace`, or of all, selects.
    fn selected(&self, namespace: Option<&str>, spec: &OverrideSpec) -> Vec<&'f Manifest> {
        let selectors = &spec.resource_selectors;
        let is_kind = |(api_version, kind): &(&str, &str)| {
            selectors.is_empty()
                || selectors.iter().any(|one| one.api_version == *api_version && one.kind == *kind)
        };
        let kinds = self.0.iter().filter(|(kind, _)| is_kind(kind)).map(|(_, of_kind)| of_kind);
        let mut selected: Vec<&Manifest> = match namespace {
            Some(namespace) => {
                kinds.filter_map(|of| of.get(namespace)).flatten().copied().collect()
            }
            None => kinds.flat_map(BTreeMap::values).flatten().copied().collect(),
        };
        selected.retain(|template| {
            selectors.is_empty() || selectors.iter().any(|one| one.matches(template).is_some())
        });
        selected
    }
}

struct Lint<'f> {
    fleet: &'f Fleet,
    index: OverrideIndex<'f>,
    templates: Templates<'f>,
    n_trials_left: usize,
    guesses: Guesses,
    problems: Vec<Problem>,
}

impl Lint<'_> {
    fn look<T>(
        &mut self,
        label: &str,
        namespace: Option<&str>,
        policy: &Sourced<T>,
        spec: &OverrideSpec,
    ) {
        let mut selected = None;
        for rule in spec.rules() {
            if let Some(target) = rule.target
                && let Some((at, message, hint)) = unmatched(self.fleet, &rule.target_at(), target)
            {
                self.warn(policy.place_of(&at), "CONSTRAINT_UNSATISFIABLE", message, hint);
            }
            let reads = rule.overriders;
            let names_containers =
                !reads.command_overrider.is_empty() || !reads.args_overrider.is_empty();
            if !names_containers && !can_be_refused(reads) {
                continue;
            }
            let templates =
                selected.get_or_insert_with(|| self.templates.selected(namespace, spec));
            let templates: &[&Manifest] = templates;
            self.look_for_containers(policy, &rule, templates);
            let mut clusters = self.fleet.clusters.values();
            if can_be_refused(reads)
                && let Some(cluster) = clusters.find(|cluster| rule.is_for(cluster))
            {
                let cluster = &*cluster.value;
                self.try_on(label, policy, &rule, cluster, templates);
            }
        }
    }

    fn look_for_containers<T>(
        &mut self,
        policy: &Sourced<T>,
        rule: &OverrideRule<'_>,
        templates: &[&Manifest],
    ) {
        let reads = rule.overriders;
        let named = [
            ("commandOverrider", &reads.command_overrider),
            ("argsOverrider", &reads.args_overrider),
        ];
        for (overrider, list) in named {
            for (idx, one) in list.iter().enumerate() {
                let name = one.container_name.as_str();
                let mut known = templates.iter().flat_map(|template| containers(template));
                if templates.is_empty() || known.any(|known| known == name) {
                    continue;
                }
                let known = templates.iter().flat_map(|template| containers(template));
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

    /// Tries what the fleet overrides in one cluster, and tells what of this rule cannot be applied.
    fn try_on<T>(
        &mut self,
        label: &str,
        policy: &Sourced<T>,
        rule: &OverrideRule<'_>,
        cluster: &Cluster,
        templates: &[&Manifest],
    ) {
        let start = rule.at();
        let mut refused: BTreeMap<String, (OverrideError, String, usize)> = BTreeMap::new();
        let templates = &templates[..templates.len().min(self.n_trials_left)];
        self.n_trials_left -= templates.len();
        for template in templates {
            let mut manifest = as_overriders_see(template);
            let policies = self.index.of(template.namespace());
            let Err(error) = apply(&mut manifest, cluster, &policies) else { continue };
            // What another one says is told where it is looked at.
            if error.policy != label || !error.at.starts_with(&start) {
                continue;
            }
            let at = error.at.clone();
            let one = refused.entry(at).or_insert_with(|| (error, template.key().to_string(), 0));
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

/// Whether one of them names a place that an object may not have.
fn can_be_refused(overriders: &Overriders) -> bool {
    !overriders.plaintext.is_empty()
        || !overriders.field_overrider.is_empty()
        || overriders.image_overrider.iter().any(|one| one.predicate.is_some())
}
