//! Labels and annotations that mean something to us: Karmada's own, and ours.

/// Whether a label or annotation is the fleet's or Karmada's.
#[must_use]
pub fn is_mark(key: &str) -> bool {
    let prefix = key.split_once('/').map_or("", |(prefix, _)| prefix);
    prefix == "git-fleet.io" || prefix == "karmada.io" || prefix.ends_with(".karmada.io")
}

/// Field manager of everything that we apply.
pub const FIELD_MANAGER: &str = "git-fleet";

/// Label of every object that we apply: `"true"`.
pub const MANAGED: &str = "karmada.io/managed";
/// Value of [`MANAGED`].
pub const MANAGED_TRUE: &str = "true";
/// Annotation: namespace of the ResourceBinding that an object came from.
pub const BINDING_NAMESPACE: &str = "resourcebinding.karmada.io/namespace";
/// Annotation: name of the ResourceBinding that an object came from.
pub const BINDING_NAME: &str = "resourcebinding.karmada.io/name";
/// Annotation: name of the ClusterResourceBinding that an object came from.
pub const CLUSTER_BINDING_NAME: &str = "clusterresourcebinding.karmada.io/name";
/// Annotation: `abort` or `overwrite`. On a template it beats the policy's `conflictResolution`.
pub const CONFLICT_RESOLUTION: &str = "work.karmada.io/conflict-resolution";
/// Annotation of an object that stays in its member when its work goes away: `"true"`.
pub const PRESERVE_ON_DELETION: &str = "git-fleet.io/preserve-on-deletion";

/// Annotation that the executor adds to what was in the cluster before it was first applied: `"true"`.
pub const ADOPTED: &str = "git-fleet.io/adopted";
/// Annotation that the executor adds: the source commit that the applied work came from.
pub const SOURCE_COMMIT: &str = "git-fleet.io/source-commit";
/// Annotation that the executor adds: the blob id of the work file.
pub const WORK: &str = "git-fleet.io/work";

/// Annotation on a binding: namespace of the PropagationPolicy that claimed the template.
pub const POLICY_NAMESPACE: &str = "propagationpolicy.karmada.io/namespace";
/// Annotation on a binding: name of the PropagationPolicy that claimed the template.
pub const POLICY_NAME: &str = "propagationpolicy.karmada.io/name";
/// Annotation on a binding: name of the ClusterPropagationPolicy that claimed the template.
pub const CLUSTER_POLICY_NAME: &str = "clusterpropagationpolicy.karmada.io/name";
/// Annotation on a binding: the placement that was last acted upon.
pub const APPLIED_PLACEMENT: &str = "policy.karmada.io/applied-placement";
/// Annotation on a binding: id of its template without the labels and annotations that only say what
/// to do with it, when it has any. A `Lazy` policy acts when this changes.
pub const PLAIN_TEMPLATE: &str = "git-fleet.io/plain-template";
/// Annotation on a work: the overriders of OverridePolicies that were used.
pub const APPLIED_OVERRIDES: &str = "policy.karmada.io/applied-overrides";
/// Annotation on a work: the overriders of ClusterOverridePolicies that were used.
pub const APPLIED_CLUSTER_OVERRIDES: &str = "policy.karmada.io/applied-cluster-overrides";
/// Annotation on a binding: JSON list of what its template refers to.
pub const DEPENDENCIES: &str = "resourcebinding.karmada.io/dependencies";

/// Label of a Namespace that is not to be spread to every member: `"true"`.
pub const SKIP_AUTO_PROPAGATION: &str = "namespace.karmada.io/skip-auto-propagation";
/// Label of a template whose members keep their own replicas: `"true"`.
pub const RETAIN_REPLICAS: &str = "resourcetemplate.karmada.io/retain-replicas";
/// Label of a template that may not be removed: [`DELETION_PROTECTED_ALWAYS`].
pub const DELETION_PROTECTED: &str = "resourcetemplate.karmada.io/deletion-protected";
/// Value of [`DELETION_PROTECTED`] that protects.
pub const DELETION_PROTECTED_ALWAYS: &str = "Always";
/// Label of a template that another feature has claimed: policies leave it alone.
pub const CLAIMED_BY: &str = "resourcetemplate.karmada.io/claimed-by";

/// Taint of a cluster that is reachable and not well; put on and taken off by us.
pub const TAINT_NOT_READY: &str = "cluster.karmada.io/not-ready";
/// Taint of a cluster that nobody hears of; put on and taken off by us.
pub const TAINT_UNREACHABLE: &str = "cluster.karmada.io/unreachable";
/// Taint, with the effect `NoExecute`, of a cluster that a person takes out of the fleet. Nothing tolerates it.
pub const TAINT_UNJOIN: &str = "git-fleet.io/unjoin";
/// Value of [`TAINT_UNJOIN`]: what runs there is to run elsewhere, and runs on until then.
pub const UNJOIN_EVICT: &str = "evict";
/// Value of [`TAINT_UNJOIN`]: what runs there goes.
pub const UNJOIN_REMOVE: &str = "remove";
/// Label of what `git fleet join` makes in a cluster: the cluster's name.
pub const JOINED: &str = "git-fleet.io/joined-as";
/// Annotation of the ServiceAccount that `git fleet join` makes: the first commit of the source of the
/// fleet that it is for.
pub const ACCOUNT_FLEET: &str = "git-fleet.io/fleet";
/// Namespace of the account by which the fleet acts in a cluster.
pub const ACCOUNT_NAMESPACE: &str = "git-fleet-system";
/// Name of that account, and of everything that gives it rights.
pub const ACCOUNT: &str = "git-fleet";
/// Name of the Secret that holds its token.
pub const ACCOUNT_TOKEN: &str = "git-fleet-token";
/// Taint of a cluster that a person has cordoned.
pub const TAINT_UNSCHEDULABLE: &str = "cluster.karmada.io/unschedulable";

/// Condition of a cluster: its API server answers that it is well.
pub const CONDITION_READY: &str = "Ready";
/// Condition of a cluster: all of its API groups could be listed.
pub const CONDITION_COMPLETE_API_ENABLEMENTS: &str = "CompleteAPIEnablements";
/// Condition of a binding: clusters were chosen.
pub const CONDITION_SCHEDULED: &str = "Scheduled";
/// Condition of a binding: every cluster has applied it.
pub const CONDITION_FULLY_APPLIED: &str = "FullyApplied";

/// Annotation of a member's object: the generation of the template that it was made from.
pub const TEMPLATE_GENERATION: &str = "resourcetemplate.karmada.io/generation";
