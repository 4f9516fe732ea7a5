//! Rules for OverridePolicy and ClusterOverridePolicy.

use crate::api::override_policy::{
    CommandArgsOverrider, FieldOverrider, FieldPatch, LabelAnnotationOverrider, OverrideSpec,
    OverriderOperator, Overriders,
};

use super::super::names::{bad_annotation_key, bad_label_key, bad_label_value};
use super::super::object::{ANNOTATIONS_MAX, Checked, SERVER_FIELDS, is_reserved};
use super::super::positions::escape;
use super::super::report::shown;
use super::selector::{cluster_affinity, resource_selectors};

/// Most changes in one policy.
const CHANGES_MAX: usize = 1_000;

/// Fields that make an object the one that it is: another value would be another object.
const IDENTITY: &[&str] = &["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"];

/// What works are pruned of behind the overrides, besides the fields of `metadata` that a template is
/// not read with.
const PRUNED: &[&str] = &["/metadata/finalizers", "/metadata/ownerReferences", "/status"];

/// All rules for what both kinds of policy say.
pub(in super::super) fn overrides(checked: &mut Checked<'_, '_>, spec: &OverrideSpec) {
    resource_selectors(checked, &spec.resource_selectors);
    one_form(checked, spec);
    if let Some(target) = &spec.target_cluster {
        cluster_affinity(checked, target, "/spec/targetCluster");
    }
    overriders(checked, &spec.overriders, "/spec/overriders");
    for (idx, rule) in spec.override_rules.iter().enumerate() {
        let pointer = format!("/spec/overrideRules/{idx}");
        if let Some(target) = &rule.target_cluster {
            cluster_affinity(checked, target, &format!("{pointer}/targetCluster"));
        }
        overriders(checked, &rule.overriders, &format!("{pointer}/overriders"));
    }
    not_too_many(checked, spec);
}

/// The old form of a single rule and the list of rules exclude one another.
fn one_form(checked: &mut Checked<'_, '_>, spec: &OverrideSpec) {
    if spec.override_rules.is_empty() {
        return;
    }
    let fields = [
        ("targetCluster", spec.target_cluster.is_some()),
        ("overriders", !spec.overriders.is_empty()),
    ];
    for (field, is_set) in fields {
        if is_set {
            checked.error_at_key(
                &format!("/spec/{field}"),
                "FIELD_CONFLICT",
                format!("`overrideRules` and `{field}` are both set"),
                "move it into a rule of its own in `overrideRules`",
            );
        }
    }
}

fn overriders(checked: &mut Checked<'_, '_>, all: &Overriders, pointer: &str) {
    for (idx, overrider) in all.image_overrider.iter().enumerate() {
        if let Some(predicate) = &overrider.predicate {
            let at = format!("{pointer}/imageOverrider/{idx}/predicate/path");
            json_pointer(checked, &predicate.path, &at);
            not_identity(checked, &predicate.path, &at);
        }
    }
    add_or_remove(checked, &all.command_overrider, &format!("{pointer}/commandOverrider"));
    add_or_remove(checked, &all.args_overrider, &format!("{pointer}/argsOverrider"));
    pairs(checked, &all.labels_overrider, &format!("{pointer}/labelsOverrider"), Pairs::Labels);
    pairs(
        checked,
        &all.annotations_overrider,
        &format!("{pointer}/annotationsOverrider"),
        Pairs::Annotations,
    );
    for (idx, overrider) in all.field_overrider.iter().enumerate() {
        field(checked, overrider, &format!("{pointer}/fieldOverrider/{idx}"));
    }
    for (idx, overrider) in all.plaintext.iter().enumerate() {
        let at = format!("{pointer}/plaintext/{idx}/path");
        json_pointer(checked, &overrider.path, &at);
        not_identity(checked, &overrider.path, &at);
        if is_pruned(&overrider.path) {
            checked.warning(
                &at,
                "FIELD_SERVER_OWNED",
                format!("`{}` is left out of every work: the change has no effect", overrider.path),
                "remove the change",
            );
        }
    }
}

/// Refuses a change of what says which object it is, or of what holds that.
fn not_identity(checked: &mut Checked<'_, '_>, path: &str, pointer: &str) {
    let is_below = |one: &&&str| one.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    if IDENTITY.contains(&path) {
        checked.error(
            pointer,
            "OVERRIDE_FORBIDDEN",
            format!("`{path}` says which object it is, and cannot be overridden"),
            "write a template of its own instead",
        );
    } else if let Some(identity) = IDENTITY.iter().find(is_below) {
        checked.error(
            pointer,
            "OVERRIDE_FORBIDDEN",
            format!(
                "`{path}` holds `{identity}`, which says which object it is, and cannot be overridden as a whole"
            ),
            "name the field below it that is meant",
        );
    }
}

/// Whether `path` is, or is below, what no work holds.
fn is_pruned(path: &str) -> bool {
    let is_at = |root: &str| {
        path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let is_server_field = || {
        let mut fields = SERVER_FIELDS.iter();
        path.strip_prefix("/metadata/")
            .is_some_and(|rest| fields.any(|field| rest.split('/').next() == Some(*field)))
    };
    PRUNED.iter().any(|root| is_at(root)) || is_server_field()
}

fn json_pointer(checked: &mut Checked<'_, '_>, path: &str, pointer: &str) {
    let starts_well = path.is_empty() || path.starts_with('/');
    let escapes_well = path.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if !starts_well || !escapes_well {
        checked.error(
            pointer,
            "OVERRIDE_PATH",
            format!("`{}` is no JSON pointer", shown(path)),
            "write it like /spec/template/spec/containers/0/image, with ~1 for `/` and ~0 for `~` in a name",
        );
    }
}

fn add_or_remove(checked: &mut Checked<'_, '_>, all: &[CommandArgsOverrider], pointer: &str) {
    for (idx, overrider) in all.iter().enumerate() {
        if overrider.operator == OverriderOperator::Replace {
            checked.error(
                &format!("{pointer}/{idx}/operator"),
                "FIELD_INVALID",
                "commands and arguments can be added and removed, not replaced",
                "remove the old ones, then add the new ones",
            );
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pairs {
    Labels,
    Annotations,
}

fn pairs(
    checked: &mut Checked<'_, '_>,
    all: &[LabelAnnotationOverrider],
    pointer: &str,
    pairs: Pairs,
) {
    for (idx, overrider) in all.iter().enumerate() {
        let n_bytes: usize =
            overrider.value.iter().map(|(key, value)| key.len() + value.len()).sum();
        if pairs == Pairs::Annotations && n_bytes > ANNOTATIONS_MAX {
            checked.error_at_key(
                &format!("{pointer}/{idx}/value"),
                "OBJ_TOO_LARGE",
                format!(
                    "the annotations hold {n_bytes} bytes; API servers take {ANNOTATIONS_MAX} in an object"
                ),
                "move the data into a ConfigMap",
            );
        }
        for (key, value) in &overrider.value {
            let at = format!("{pointer}/{idx}/value/{}", escape(key));
            let bad_key = match pairs {
                Pairs::Labels => bad_label_key(key),
                Pairs::Annotations => bad_annotation_key(key),
            };
            if let Some(rule) = bad_key {
                checked.error_at_key(
                    &at,
                    "LABEL_INVALID",
                    format!("the key `{}` {rule}", shown(key)),
                    "choose a key by these rules",
                );
            }
            if is_reserved(key) {
                checked.warning(
                    &at,
                    "LABEL_RESERVED",
                    format!("`{}` is set by the engine on what it applies", shown(key)),
                    "remove it; the engine overwrites it",
                );
            }
            if pairs == Pairs::Labels
                && let Some(rule) = bad_label_value(value)
            {
                checked.error(
                    &at,
                    "LABEL_INVALID",
                    format!("the value `{}` of the label `{}` {rule}", shown(value), shown(key)),
                    "choose a value by these rules",
                );
            }
        }
    }
}

fn field(checked: &mut Checked<'_, '_>, overrider: &FieldOverrider, pointer: &str) {
    let at = format!("{pointer}/fieldPath");
    json_pointer(checked, &overrider.field_path, &at);
    not_identity(checked, &overrider.field_path, &at);
    if overrider.json.is_empty() == overrider.yaml.is_empty() {
        checked.error_at_key(
            pointer,
            "FIELD_CONFLICT",
            "a field holds either JSON or YAML, so exactly one of `json` and `yaml` is set",
            "write the changes under the one that the field holds",
        );
    }
    for (idx, patch) in overrider.json.iter().enumerate() {
        field_patch(checked, patch, &format!("{pointer}/json/{idx}"));
    }
    for (idx, patch) in overrider.yaml.iter().enumerate() {
        field_patch(checked, patch, &format!("{pointer}/yaml/{idx}"));
    }
}

fn field_patch(checked: &mut Checked<'_, '_>, patch: &FieldPatch, pointer: &str) {
    json_pointer(checked, &patch.sub_path, &format!("{pointer}/subPath"));
    match (patch.operator, &patch.value) {
        (OverriderOperator::Add | OverriderOperator::Replace, None) => checked.error_at_key(
            pointer,
            "OBJ_MISSING_FIELD",
            "the change has no `value`",
            "add the value, or use the operator `remove`",
        ),
        (OverriderOperator::Remove, Some(_)) => checked.error_at_key(
            &format!("{pointer}/value"),
            "FIELD_CONFLICT",
            "what is removed has no value",
            "remove `value`",
        ),
        (OverriderOperator::Add | OverriderOperator::Replace, Some(_))
        | (OverriderOperator::Remove, None) => {}
    }
}

fn not_too_many(checked: &mut Checked<'_, '_>, spec: &OverrideSpec) {
    let rules = spec.override_rules.iter().map(|rule| &rule.overriders);
    let n_changes: usize = rules.chain([&spec.overriders]).map(n_changes).sum();
    if n_changes > CHANGES_MAX {
        checked.error_at_key(
            "/spec",
            "LIMIT_OVERRIDES",
            format!("the policy makes {n_changes} changes; the most is {CHANGES_MAX}"),
            "split it into several policies",
        );
    }
}

fn n_changes(all: &Overriders) -> usize {
    let in_fields: usize =
        all.field_overrider.iter().map(|one| one.json.len() + one.yaml.len()).sum();
    all.image_overrider.len()
        + all.command_overrider.len()
        + all.args_overrider.len()
        + all.labels_overrider.len()
        + all.annotations_overrider.len()
        + in_fields
        + all.plaintext.len()
}
