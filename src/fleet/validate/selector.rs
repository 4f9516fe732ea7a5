//! Rules for selectors of templates and of clusters.

use crate::api::meta::ObjectMeta;
use crate::api::selector::{
    ClusterAffinity, FieldSelector, LabelSelector, ResourceSelector, SelectorOperator, SelectorTerm,
};

use super::super::names::{bad_label_key, bad_label_value};
use super::super::object::Checked;
use super::super::positions::escape;
use super::super::report::shown;

/// A policy in a namespace selects templates of that namespace only.
pub(in super::super) fn own_namespace(
    checked: &mut Checked<'_, '_>,
    selectors: &[ResourceSelector],
    metadata: &ObjectMeta,
) {
    let Some(own) = metadata.namespace.as_deref() else { return };
    for (idx, selector) in selectors.iter().enumerate() {
        if selector.namespace != own {
            checked.error(
                &format!("/spec/resourceSelectors/{idx}/namespace"),
                "FIELD_CONFLICT",
                format!(
                    "the selector names the namespace `{}`, and the policy is in `{}`",
                    shown(&selector.namespace),
                    shown(own)
                ),
                "remove the namespace, or use the cluster-wide kind of policy",
            );
        }
    }
}

/// Selectors of templates name a kind.
pub(super) fn resource_selectors(checked: &mut Checked<'_, '_>, selectors: &[ResourceSelector]) {
    for (idx, selector) in selectors.iter().enumerate() {
        let pointer = format!("/spec/resourceSelectors/{idx}");
        for (field, text) in [("apiVersion", &selector.api_version), ("kind", &selector.kind)] {
            if text.is_empty() {
                checked.error(
                    &format!("{pointer}/{field}"),
                    "OBJ_MISSING_FIELD",
                    format!("the selector has no `{field}`"),
                    format!("add the `{field}` of the templates"),
                );
            }
        }
        if let Some(labels) = &selector.label_selector {
            label_selector(checked, labels, &format!("{pointer}/labelSelector"));
        }
    }
}

/// A set of clusters.
pub(super) fn cluster_affinity(
    checked: &mut Checked<'_, '_>,
    affinity: &ClusterAffinity,
    pointer: &str,
) {
    if let Some(labels) = &affinity.label_selector {
        label_selector(checked, labels, &format!("{pointer}/labelSelector"));
    }
    if let Some(fields) = &affinity.field_selector {
        field_selector(checked, fields, &format!("{pointer}/fieldSelector"));
    }
}

fn field_selector(checked: &mut Checked<'_, '_>, selector: &FieldSelector, pointer: &str) {
    for (idx, term) in selector.match_expressions.iter().enumerate() {
        let pointer = format!("{pointer}/matchExpressions/{idx}");
        if !matches!(term.key.as_str(), "provider" | "region" | "zone") {
            checked.error(
                &format!("{pointer}/key"),
                "FIELD_INVALID",
                format!("clusters have no field `{}` to select by", shown(&term.key)),
                "write provider, region or zone; for anything else use labelSelector",
            );
        }
        if matches!(term.operator, SelectorOperator::In | SelectorOperator::NotIn) {
            values(checked, term, &pointer);
            never_matches(checked, term, &pointer);
        } else {
            checked.error(
                &format!("{pointer}/operator"),
                "FIELD_INVALID",
                "fields of clusters are compared by In and NotIn only",
                "write In or NotIn",
            );
        }
    }
}

/// What no label can be is not looked for: Karmada lets it pass, and then selects nothing by it.
fn label_selector(checked: &mut Checked<'_, '_>, selector: &LabelSelector, pointer: &str) {
    for (key, value) in &selector.match_labels {
        let pointer = format!("{pointer}/matchLabels/{}", escape(key));
        if let Some(rule) = bad_label_key(key) {
            checked.error_at_key(&pointer, "LABEL_INVALID", no_key(key, rule), NO_LABEL);
        }
        if let Some(rule) = bad_label_value(value) {
            checked.error(&pointer, "LABEL_INVALID", no_value(value, rule), NO_LABEL);
        }
    }
    for (idx, term) in selector.match_expressions.iter().enumerate() {
        let pointer = format!("{pointer}/matchExpressions/{idx}");
        if let Some(rule) = bad_label_key(&term.key) {
            let pointer = format!("{pointer}/key");
            checked.error(&pointer, "LABEL_INVALID", no_key(&term.key, rule), NO_LABEL);
        }
        values(checked, term, &pointer);
        never_matches(checked, term, &pointer);
    }
}

/// What to do about a selector of what no label can be.
const NO_LABEL: &str = "write the label as it stands on what you mean";

fn no_key(key: &str, rule: &str) -> String {
    format!("the selector's key `{}` {rule}", shown(key))
}

fn no_value(value: &str, rule: &str) -> String {
    format!("the selector's value `{}` {rule}", shown(value))
}

/// The values of labels, and of the fields that are compared like labels.
fn values(checked: &mut Checked<'_, '_>, term: &SelectorTerm, pointer: &str) {
    for (idx, value) in term.values.iter().enumerate() {
        if let Some(rule) = bad_label_value(value) {
            let pointer = format!("{pointer}/values/{idx}");
            checked.error(&pointer, "LABEL_INVALID", no_value(value, rule), NO_LABEL);
        }
    }
}

/// Karmada accepts a term whose number of values does not suit its operator, and it selects nothing.
fn never_matches(checked: &mut Checked<'_, '_>, term: &SelectorTerm, pointer: &str) {
    if !term.is_well_formed() {
        checked.warning(
            pointer,
            "SELECTOR_EMPTY",
            format!("the term about `{}` never matches", shown(&term.key)),
            "give In and NotIn at least one value, Exists and DoesNotExist none",
        );
    }
}
