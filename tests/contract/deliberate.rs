//! The differences that are known: those that are meant, and the faults that are still to be mended.
//!
//! Both are described in `docs/simulated-members.md`, by the same names. What is listed here and no longer seen fails too.

use crate::compare::Difference;

/// A difference that is meant.
struct Deliberate {
    /// Its heading in `docs/simulated-members.md`.
    name: &'static str,
    /// Whether a difference is of this sort.
    covers: fn(&Difference) -> bool,
}

const DELIBERATE: &[Deliberate] = &[
    Deliberate { name: "Additions to a Pod", covers: is_added_to_pod },
    Deliberate { name: "Owners of what holds fields", covers: is_dot },
    Deliberate { name: "Items of lists name their kind", covers: is_kind_of_item },
    Deliberate { name: "Fewer kinds", covers: is_missing_kind },
    Deliberate { name: "The version", covers: is_version },
    Deliberate { name: "Discovery writes out group and version", covers: is_response_kind },
    Deliberate { name: "Descriptions of columns", covers: is_column_description },
    Deliberate { name: "Words of refusals", covers: is_wording },
    Deliberate { name: "Deletion is done at once", covers: is_at_once },
    Deliberate { name: "Definitions are established at once", covers: is_established },
    Deliberate { name: "Fields of built-in kinds", covers: is_unchecked },
    Deliberate { name: "JSON only", covers: is_yaml },
];

/// Steps in which a simulated member is wrong today. Everything in them is passed over; a step that is right again must
/// leave the list.
const FAULTS: &[&str] = &[];

/// Whether a difference is known.
pub(crate) fn covers(difference: &Difference) -> bool {
    FAULTS.contains(&difference.step.as_str())
        || DELIBERATE.iter().any(|deliberate| (deliberate.covers)(difference))
}

/// Steps of one scenario that are listed as faults.
pub(crate) fn faults_of(scenario: &str) -> impl Iterator<Item = &'static str> {
    let prefix = format!("{scenario}: ");
    FAULTS.iter().copied().filter(move |step| step.starts_with(&prefix))
}

/// Fields that a real server adds to a Pod by admission, and its class of service.
const ADDED_TO_PODS: &[&str] = &["/spec/preemptionPolicy", "/spec/priority", "/status/qosClass"];

fn is_added_to_pod(difference: &Difference) -> bool {
    let Difference { path, real: Some(_), simulated: None, .. } = difference else { return false };
    let is_added = |field: &&str| path.ends_with(*field);
    let of_pod = !path.contains("/template/");
    of_pod && (ADDED_TO_PODS.iter().any(is_added) || path.contains("/spec/tolerations"))
}

fn is_dot(difference: &Difference) -> bool {
    difference.path.contains("/fieldsV1/") && difference.path.ends_with("/.")
}

fn is_kind_of_item(difference: &Difference) -> bool {
    let parts: Vec<&str> = difference.path.split('/').collect();
    matches!(parts[..], ["", "body", "items", _, "apiVersion" | "kind"])
        && difference.real.is_none()
}

fn is_missing_kind(difference: &Difference) -> bool {
    let is_discovery = difference.step.starts_with("discovery: ")
        || difference.path.ends_with("/storageVersionHash");
    is_discovery
        && ["/body/groups/", "/body/resources/", "/body/items/"]
            .iter()
            .any(|it| difference.path.starts_with(it))
        && difference.simulated.is_none()
}

fn is_version(difference: &Difference) -> bool {
    let place = (difference.step.as_str(), difference.path.as_str());
    place.0 == "discovery: the version"
        || place == ("discovery: the core resources", "/body/apiVersion")
        || place.1.starts_with("/body/serverAddressByClientCIDRs")
}

fn is_response_kind(difference: &Difference) -> bool {
    difference.path.contains("/responseKind/") && difference.real == Some("".into())
}

fn is_column_description(difference: &Difference) -> bool {
    difference.path.starts_with("/body/columnDefinitions/")
        && difference.path.ends_with("/description")
}

/// The same status code for the same reason, in other words.
fn is_wording(difference: &Difference) -> bool {
    let second_cause = ("deletion: no finalizer can be added now", "/body/details/causes/1");
    if (difference.step.as_str(), difference.path.as_str()) == second_cause {
        return difference.simulated.is_none();
    }
    let (Some(real), Some(simulated)) = (&difference.real, &difference.simulated) else {
        return false;
    };
    difference.path == "/outcome"
        && real.pointer("/0") == simulated.pointer("/0")
        && real.is_array()
}

fn is_at_once(difference: &Difference) -> bool {
    const STEPS: &[&str] = &[
        "deletion: deleted in the foreground it waits for the garbage collector",
        "deletion: as its finalizer says",
        "deletion: waits too",
        "deletion: a dry run of a deletion",
        "deletion: nothing can be made in it",
    ];
    STEPS.contains(&difference.step.as_str())
}

fn is_established(difference: &Difference) -> bool {
    const STEPS: &[&str] = &[
        "custom-resources: a definition",
        "custom-resources: cluster-scoped, without status",
        "custom-resources: the definition is deleted",
    ];
    STEPS.contains(&difference.step.as_str())
        || difference.path.contains("/managedFields/kube-apiserver")
}

fn is_unchecked(difference: &Difference) -> bool {
    const STEPS: &[&str] = &[
        "errors: an unknown field, by default",
        "errors: an unknown field, strictly",
        "errors: an object without its required parts",
        "errors: a selector that does not match its template",
        "errors: a selector that cannot change",
        "server-side-apply: a field that the schema does not have",
        "server-side-apply: a field of another type",
    ];
    let path = &difference.path;
    STEPS.contains(&difference.step.as_str())
        || path.starts_with("/body/spec/hard/")
        || difference.real == Some(serde_json::Value::Null) && path.contains("/status/conditions/")
        || path == "/body/details/name" && difference.simulated == Some("".into())
}

fn is_yaml(difference: &Difference) -> bool {
    difference.step == "lists: YAML"
}

#[test]
fn the_documentation_names_what_is_listed_here() {
    let text = include_str!("../../docs/simulated-members.md");
    let headings: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let names: Vec<&str> = DELIBERATE.iter().map(|deliberate| deliberate.name).collect();
    assert_eq!(headings, names);
    let faults: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("- `")?.split_once('`'))
        .map(|it| it.0)
        .collect();
    assert_eq!(faults, FAULTS);
}
