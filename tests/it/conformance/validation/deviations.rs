//! Where we mean to answer otherwise than Karmada, rule by rule; why is in docs/karmada.md.

use std::collections::BTreeSet;

use git_fleet::api::problem::{Problem, Severity};
use serde_json::{Value, json};

use super::problems;
use super::put_right::{
    at_every, can_be_carried, fields_of_clusters, limits_of_the_schema, paths, retain_taints,
    take_out_unknown_fields, words_of_ours, words_of_the_schema,
};

/// Kinds that only the engine writes.
const ENGINES: &[&str] = &["ClusterResourceBinding", "ResourceBinding", "Work"];

/// Why a case asks nothing that a loader of commits could answer, if so, and it is told what it is.
pub(super) fn no_question(case: &Value, problems: &[Problem]) -> Option<&'static str> {
    let kind = case["kind"].as_str().unwrap_or_default();
    let is_told =
        |severity, code| problems.iter().any(|one| (one.severity, one.code) == (severity, code));
    if case["operation"] == "DELETE" {
        Some("a commit is a whole state: what it no longer holds is the plan's to judge")
    } else if ENGINES.contains(&kind) && is_told(Severity::Error, "SELF_PROTECTED") {
        Some("a kind that only the engine writes")
    } else {
        None
    }
}

/// Which rules of Karmada's refuse what passes here. Each of its errors must be of one of them.
pub(super) fn refused_by_karmada_alone(case: &Value, object: &Value) -> Option<String> {
    type Rule = fn(&Value, &Value) -> bool;
    const RULES: &[(&str, &[&str], Rule)] = &[
        (
            "a rule between the old object and the new one",
            &[
                "the schedulerName should not be updated",
                "/permanent-id is required",
                "/permanent-id is immutable",
            ],
            |case, _| is_about_the_old_object(case),
        ),
        (
            "what an update says of the object that there is",
            &[
                "metadata.resourceVersion: Invalid value: \"\": must be specified for an update",
                "field is immutable",
                "MultiClusterService types are immutable",
            ],
            |case, _| is_no_update(case),
        ),
        ("a status, which is never read from the source", &["status."], |case, object| {
            object["status"].is_object() || case["args"]["quota"]["status"].is_object()
        }),
        (
            "a default of the CRD's schema or an old word, which decides what is right",
            &[
                "only takes effect when purgeMode is gracefully",
                "overflowAffinities can only be used together with dynamic weight",
            ],
            |_, object| is_right_by_the_schema(object),
        ),
        (
            "a function called without the webhook that fills in first",
            &[
                "should not be empty when purgeMode is gracefully",
                "namespace of resource selector must be the same",
                "policies: Required value: must specify at least one Policy",
            ],
            |case, object| case["args"].is_object() && is_completed_by_the_webhook(object),
        ),
    ];
    let mut names = BTreeSet::new();
    for error in told_by_karmada(case) {
        let is_of = |texts: &[&str]| texts.iter().any(|text| error.contains(text));
        let mut rules = RULES.iter();
        let (name, ..) = rules.find(|(_, texts, rule)| rule(case, object) && is_of(texts))?;
        names.insert(*name);
    }
    (!names.is_empty()).then(|| names.into_iter().collect::<Vec<_>>().join("; "))
}

/// The errors that Karmada told of, one by one.
fn told_by_karmada(case: &Value) -> Vec<String> {
    if let Some(errors) = case["errors"].as_array() {
        return errors.iter().map(|error| error.as_str().unwrap().to_owned()).collect();
    }
    // Several stand in brackets; each names its field first.
    let message = case["message"].as_str().unwrap_or_default();
    let mut told = vec![String::new()];
    for part in message.trim_matches(['[', ']']).split(", ") {
        if ["spec.", "status.", "metadata.", "label ", "the "]
            .iter()
            .any(|one| part.starts_with(one))
        {
            told.push(String::new());
        }
        told.last_mut().unwrap().push_str(part);
    }
    told.retain(|error| !error.is_empty());
    told
}

/// The scheduler of a policy never changes, and neither does the permanent id that Karmada gave it.
fn is_about_the_old_object(case: &Value) -> bool {
    let (old, new) = (&case["oldObject"], &case["object"]);
    let permanent_id = |object: &Value| {
        let labels = object["metadata"]["labels"].as_object()?;
        labels.iter().find(|(key, _)| key.ends_with("/permanent-id")).map(|(_, id)| id.clone())
    };
    case["operation"] == "UPDATE"
        && (old["spec"]["schedulerName"] != new["spec"]["schedulerName"]
            || permanent_id(new).is_none()
            || permanent_id(old) != permanent_id(new))
}

/// A commit has no resourceVersion, and another name, or another kind of exposure, is another object.
fn is_no_update(case: &Value) -> bool {
    let (old, new) = (&case["oldObject"], &case["object"]);
    let is_networking = ["MultiClusterIngress", "MultiClusterService"]
        .contains(&case["kind"].as_str().unwrap_or_default());
    case["operation"] == "UPDATE"
        && is_networking
        && (new["metadata"]["resourceVersion"].is_null()
            || old["metadata"]["name"] != new["metadata"]["name"]
            || old["spec"]["types"] != new["spec"]["types"])
}

/// Old names of purge modes are read here as what they were renamed to, and the recording leaves out
/// the defaults of the CRD's schema: a mode that is absent is `Gracefully`, a type is `Divided`.
fn is_purged_gracefully_unsaid(object: &Value) -> bool {
    let application = &object["spec"]["failover"]["application"];
    application.is_object()
        && matches!(application["purgeMode"].as_str(), None | Some("" | "Graciously"))
}

fn is_divided_unsaid(object: &Value) -> bool {
    let scheduling = &object["spec"]["placement"]["replicaScheduling"];
    scheduling.is_object() && scheduling["replicaSchedulingType"].as_str().is_none_or(str::is_empty)
}

/// A grace period needs graceful purging, and tiers to overflow into need division.
fn is_right_by_the_schema(object: &Value) -> bool {
    let spec = &object["spec"];
    let mut groups = spec["placement"]["clusterAffinities"].as_array().into_iter().flatten();
    let has_grace = spec["failover"]["application"]["gracePeriodSeconds"].is_number();
    (has_grace && is_purged_gracefully_unsaid(object))
        || (groups.any(|group| group["overflowAffinities"].is_array()) && is_divided_unsaid(object))
}

/// A grace period, the namespace of a selector and the policies of a behavior, where they are absent.
fn is_completed_by_the_webhook(object: &Value) -> bool {
    let spec = &object["spec"];
    let application = &spec["failover"]["application"];
    let mut selectors = spec["resourceSelectors"].as_array().into_iter().flatten();
    (application["purgeMode"] == "Gracefully" && application["gracePeriodSeconds"].is_null())
        || (object["metadata"]["namespace"].is_string()
            && selectors.any(|one| one["namespace"].as_str().is_none_or(str::is_empty)))
        || ["scaleUp", "scaleDown"].iter().any(|field| {
            let rules = &spec["behavior"][field];
            rules.is_object() && rules["policies"].is_null()
        })
}

/// Whether the specs differ only in what the mutating webhook would fill in had the recording had the
/// defaults of the CRD's schema, and ours is filled in.
pub(super) fn is_completed_otherwise(object: &Value, ours: &Value, theirs: &Value) -> bool {
    let mut like_ours = theirs.clone();
    let grace = "/failover/application/gracePeriodSeconds";
    if object.pointer(&format!("/spec{grace}")).is_none_or(Value::is_null)
        && is_purged_gracefully_unsaid(object)
        && ours.pointer(grace) == Some(&json!(600))
    {
        like_ours["failover"]["application"]["gracePeriodSeconds"] = json!(600);
    }
    let preference = "/placement/replicaScheduling/replicaDivisionPreference";
    if object.pointer(&format!("/spec{preference}")).is_none_or(Value::is_null)
        && is_divided_unsaid(object)
        && ours.pointer(preference) == Some(&json!("Weighted"))
    {
        like_ours["placement"]["replicaScheduling"]["replicaDivisionPreference"] =
            json!("Weighted");
    }
    like_ours == *ours
}

/// A rule of ours: its name, the codes that tell of it, and how to put right what it refuses.
type OurRule = (&'static str, &'static [&'static str], fn(&Value, &mut Value));

const OUR_RULES: &[OurRule] = &[
    (
        "what the CRD's schema refuses before a webhook is asked",
        &[
            "FIELD_INVALID",
            "INT_RANGE",
            "OBJ_BAD_NAME",
            "OBJ_MISSING_FIELD",
            "SELECTOR_EMPTY",
            "TYPE_MISMATCH",
            "WEIGHT_INVALID",
        ],
        |_, object| {
            words_of_the_schema(object);
            limits_of_the_schema(object);
        },
    ),
    (
        "a word that is none, where the CRD takes any text",
        &["FIELD_INVALID", "TYPE_MISMATCH"],
        |_, object| words_of_ours(object),
    ),
    ("a field that the kind does not have", &["FIELD_UNKNOWN"], |_, object| {
        take_out_unknown_fields(object);
    }),
    ("a label to select by that no object can have", &["LABEL_INVALID"], |_, object| {
        at_every(object, "matchLabels", &mut |labels| *labels = json!({"a": "b"}));
    }),
    ("a selector of fields that no webhook looks at", &["FIELD_INVALID"], |_, object| {
        fields_of_clusters(object);
    }),
    ("weights that add up to more than there are numbers for", &["WEIGHT_INVALID"], |_, object| {
        at_every(object, "weight", &mut |weight| *weight = json!(1));
    }),
    (
        "a NoExecute taint of a policy, which a flag of Karmada's allows",
        &["FIELD_INVALID"],
        |case, object| {
            let is_flagged = case["args"]["allowNoExecute"] == true
                || case["kind"] == "ClusterTaintPolicy(allowNoExecute)";
            if is_flagged {
                retain_taints(object, |taint| taint["effect"] != "NoExecute");
            }
        },
    ),
    (
        "a taint of a policy that no cluster could carry",
        &["FIELD_INVALID", "LABEL_INVALID", "TYPE_MISMATCH"],
        |_, object| retain_taints(object, can_be_carried),
    ),
    (
        "the old form of an override, which no webhook looks into",
        &["FIELD_CONFLICT", "LABEL_INVALID", "OBJ_MISSING_FIELD", "OVERRIDE_PATH"],
        |_, object| {
            if object["spec"]["overriders"].is_object() {
                object["spec"]["overriders"] = json!({});
            }
        },
    ),
    (
        "a path of an override that only fails when it is applied",
        &["OVERRIDE_FORBIDDEN", "OVERRIDE_PATH"],
        |_, object| paths(object),
    ),
    (
        "metadata that an API server refuses before a webhook is asked",
        &["LABEL_INVALID", "OBJ_BAD_NAME", "OBJ_MISSING_FIELD"],
        |_, object| {
            let namespace = object["metadata"]["namespace"].clone();
            object["metadata"] = json!({"name": "a", "namespace": namespace});
        },
    ),
];

/// Which rules of ours refuse what Karmada lets pass. Each puts right what it is about, told by its own
/// codes; with all of that put right the object passes here too.
pub(super) fn refused_here_alone(case: &Value, object: &Value) -> Option<String> {
    let errors = |object: &Value| -> BTreeSet<(&'static str, String)> {
        let problems = problems(object).into_iter();
        let errors = problems.filter(|one| one.severity == Severity::Error);
        errors.map(|one| (one.code, one.message)).collect()
    };
    let mut object = object.clone();
    let mut told = errors(&object);
    let mut names = Vec::new();
    for (name, codes, put_right) in OUR_RULES {
        let mut right = object.clone();
        put_right(case, &mut right);
        let left = errors(&right);
        let mut gone = told.difference(&left).peekable();
        if gone.peek().is_none() {
            continue;
        }
        if !gone.all(|(code, _)| codes.contains(code)) {
            return None;
        }
        names.push(*name);
        (object, told) = (right, left);
    }
    told.is_empty().then(|| names.join("; "))
}
