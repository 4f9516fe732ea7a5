//! What each cluster gets changed: image, command, args, labels, annotations, fields, plain patches
//! (`spec/placement.md` §4).
//!
//! Cluster-wide policies come first, then those of the object's namespace; within each, the less
//! specific selector first, so that the more specific one has the last word. One file an overrider.

mod annotations;
mod command;
mod field;
mod image;
mod image_name;
mod labels;
mod patch;
mod plaintext;
mod select;

use crate::api::cluster::Cluster;
use crate::api::manifest::Manifest;
use crate::api::override_policy::Overriders;

pub use command::containers;
pub use select::{Override, OverrideIndex, OverridePolicies};

/// One rule of one policy that applied to a manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Applied {
    /// The policy, as `OverridePolicy web/pull-through` or `ClusterOverridePolicy regions`.
    pub policy: String,
    /// Whether the manifest is another one for it.
    pub has_effect: bool,
}

/// An override that cannot be applied: a decision of data, never of the world.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} {policy}: {overrider} {rule}")]
pub struct OverrideError {
    /// Its stable code.
    pub code: &'static str,
    /// Where in the policy it stands, as a JSON pointer.
    pub at: String,
    /// The policy that asked for it.
    pub policy: String,
    /// Which overrider, in the policy's own word, e.g. `plaintext`.
    pub overrider: &'static str,
    /// What stands against it, as the end of a sentence.
    pub rule: String,
}

/// What stands against one overrider; its policy's name is added by [`apply`].
struct Refusal {
    code: &'static str,
    /// Its place in the list of its kind.
    idx: usize,
    /// The end of a sentence that begins with the overrider. Quotes no value of a Secret.
    rule: String,
}

impl Refusal {
    /// The object has no such place.
    fn path(idx: usize, rule: String) -> Self {
        Self { code: "OVERRIDE_PATH", idx, rule }
    }

    /// What is at the place is not what the overrider changes.
    fn value(idx: usize, rule: String) -> Self {
        Self { code: "OVERRIDE_VALUE", idx, rule }
    }
}

/// One overrider: its name in a policy, and what it does with the part that it reads. It says whether
/// the manifest is another one for it.
struct Overrider {
    name: &'static str,
    apply: fn(&mut Manifest, &Overriders) -> Result<bool, Refusal>,
}

/// Every overrider, in the order in which one rule applies them.
const OVERRIDERS: &[Overrider] = &[
    Overrider { name: "imageOverrider", apply: image::apply },
    Overrider { name: "commandOverrider", apply: command::apply_commands },
    Overrider { name: "argsOverrider", apply: command::apply_args },
    Overrider { name: "labelsOverrider", apply: labels::apply },
    Overrider { name: "annotationsOverrider", apply: annotations::apply },
    Overrider { name: "fieldOverrider", apply: field::apply },
    Overrider { name: "plaintext", apply: plaintext::apply },
];

/// Changes `manifest` as the policies ask for `cluster`, and names each rule that applied, in order.
///
/// The policies of the second stage are selected after the first has been applied: a label that a
/// cluster-wide policy adds can bring in a policy of the namespace.
///
/// # Errors
/// The first overrider that cannot be applied; `manifest` is then half changed and of no use.
pub fn apply(
    manifest: &mut Manifest,
    cluster: &Cluster,
    policies: &OverridePolicies<'_>,
) -> Result<Vec<Applied>, OverrideError> {
    let mut applied = Vec::new();
    for stage in [policies.cluster_wide, policies.namespaced] {
        for policy in select::matching(stage, manifest) {
            for rule in policy.spec.rules().filter(|rule| rule.is_for(cluster)) {
                let mut has_effect = false;
                for overrider in OVERRIDERS {
                    let outcome = (overrider.apply)(manifest, rule.overriders);
                    has_effect |= outcome.map_err(|refusal| OverrideError {
                        code: refusal.code,
                        at: format!("{}/{}/{}", rule.at(), overrider.name, refusal.idx),
                        policy: policy.label.clone(),
                        overrider: overrider.name,
                        rule: refusal.rule,
                    })?;
                }
                applied.push(Applied { policy: policy.label.clone(), has_effect });
            }
        }
    }
    Ok(applied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::override_policy::OverrideSpec;

    /// What one rule with these overriders makes of an object.
    fn outcome(object: &str, overriders: &str) -> Result<bool, OverrideError> {
        let mut manifest: Manifest = serde_saphyr::from_str(object).unwrap();
        let spec = format!("{{overrideRules: [{{overriders: {overriders}}}]}}");
        let spec: OverrideSpec = serde_saphyr::from_str(&spec).unwrap();
        let cluster_wide = [Override { name: "a", label: "a".to_owned(), spec: &spec }];
        let policies = OverridePolicies { cluster_wide: &cluster_wide, namespaced: &[] };
        let before = manifest.clone();
        let applied = apply(&mut manifest, &Cluster::default(), &policies)?;
        assert_eq!(applied[0].has_effect, manifest != before, "{overriders}");
        Ok(applied[0].has_effect)
    }

    #[test]
    fn a_rule_knows_whether_it_changed_anything() {
        let pod = "{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {tier: web}}, spec: {containers: \
             [{name: main, image: 'shop:v1', command: [serve], args: [a]}]}}";
        for (overriders, changes) in [
            ("{imageOverrider: [{component: Tag, operator: replace, value: v1}]}", false),
            ("{imageOverrider: [{component: Tag, operator: replace, value: v2}]}", true),
            ("{commandOverrider: [{containerName: other, operator: add, value: [x]}]}", false),
            ("{commandOverrider: [{containerName: main, operator: remove, value: [x]}]}", false),
            ("{commandOverrider: [{containerName: main, operator: add, value: [x]}]}", true),
            ("{argsOverrider: [{containerName: main, operator: remove, value: [a]}]}", true),
            ("{labelsOverrider: [{operator: add, value: {tier: web}}]}", false),
            ("{labelsOverrider: [{operator: replace, value: {tier: db}}]}", true),
            ("{labelsOverrider: [{operator: remove, value: {none: ''}}]}", false),
            ("{annotationsOverrider: [{operator: add, value: {a: b}}]}", true),
            ("{plaintext: [{path: /metadata/labels/tier, operator: replace, value: web}]}", false),
            ("{plaintext: [{path: /metadata/labels/tier, operator: remove}]}", true),
            ("{plaintext: [{path: /spec/containers/0/args/0, operator: add, value: a}]}", true),
        ] {
            assert_eq!(outcome(pod, overriders), Ok(changes), "{overriders}");
        }
    }

    /// Each operation may put a value into what the one before has made.
    #[test]
    fn no_override_nests_values_without_end() {
        let nested = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
        let add = |n_above: usize, n: usize| {
            let path = format!("/data{}", "/0".repeat(n_above));
            format!("{{path: {path}, operator: add, value: {}}}", nested(n))
        };
        let all = |n| format!("{{plaintext: [{}, {}, {}]}}", add(0, 31), add(30, 31), add(60, n));
        let object = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}";
        // The last place is 61 levels deep.
        assert_eq!(outcome(object, &all(39)), Ok(true));
        let error = outcome(object, &all(40)).unwrap_err();
        assert_eq!(error.code, "OVERRIDE_PATH");
        assert!(error.rule.ends_with("nested more than 100 levels deep"), "{}", error.rule);
    }

    #[test]
    fn a_refusal_says_where_and_quotes_no_secret() {
        let secret =
            "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {key: 'hunter 2'}}";
        let by_image = "{imageOverrider: [{predicate: {path: /stringData/key}, component: Tag, \
             operator: add, value: x}]}";
        let by_field = "{fieldOverrider: [{fieldPath: /stringData/key, json: [{subPath: /a, operator: \
             remove}]}]}";
        let by_patch =
            "{plaintext: [{path: /a, operator: add, value: 1}, {path: /b/c, operator: add}]}";
        for (overriders, code, at) in [
            (by_image, "OVERRIDE_VALUE", "/spec/overrideRules/0/overriders/imageOverrider/0"),
            (by_field, "OVERRIDE_VALUE", "/spec/overrideRules/0/overriders/fieldOverrider/0"),
            (by_patch, "OVERRIDE_PATH", "/spec/overrideRules/0/overriders/plaintext/1"),
        ] {
            let error = outcome(secret, overriders).unwrap_err();
            assert_eq!((error.code, error.at.as_str()), (code, at));
            assert!(!error.to_string().contains("hunter"), "{error}");
        }
    }

    #[test]
    fn yaml_that_cannot_be_read_is_quoted_unless_it_is_a_secrets() {
        let by_field = "{fieldOverrider: [{fieldPath: /data/key, yaml: [{subPath: /a, operator: \
             remove}]}]}";
        for (text, why) in [("hunter2: [", ": "), ("*hunter2", "anchor"), ("pin: 1e999", "`1e999`")]
        {
            let told = |kind: &str| {
                let object = format!(
                    "{{apiVersion: v1, kind: {kind}, metadata: {{name: a}}, data: {{key: '{text}'}}}}"
                );
                outcome(&object, by_field).unwrap_err().rule
            };
            let line_alone = "of `/data/key` cannot be applied: the field does not hold YAML that can be \
                 read, line 1 of it";
            assert_eq!(told("Secret"), line_alone, "{text}");
            let open = told("ConfigMap");
            let told = open.strip_prefix(line_alone).unwrap_or_else(|| panic!("{open}"));
            assert!(told.contains(why), "{open}");
        }
    }

    #[test]
    fn an_image_is_found_by_a_json_pointer() {
        let object = "{apiVersion: example.io/v1, kind: Shop, metadata: {name: a}, spec: {images: \
             {'shop/front~1': 'shop:v1'}, list: [{image: 'shop:v1'}]}}";
        for path in ["/spec/images/shop~1front~01", "/spec/list/0/image"] {
            let overriders = format!(
                "{{imageOverrider: [{{predicate: {{path: {path}}}, component: Tag, operator: \
                 replace, value: v2}}]}}"
            );
            assert_eq!(outcome(object, &overriders), Ok(true), "{path}");
        }
    }
}
