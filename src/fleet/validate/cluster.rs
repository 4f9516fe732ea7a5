//! Rules for Cluster.

use std::collections::BTreeSet;

use url::Url;

use crate::api::cluster::{Cluster, ClusterSpec, ResourceModel, SecretReference};
use crate::api::names::ClusterName;

use super::super::names::bad_label_value;
use super::super::object::Checked;
use super::super::report::shown;
use super::taint::well_formed;

/// All rules for a cluster.
pub(in super::super) fn cluster(checked: &mut Checked<'_, '_>, cluster: &Cluster) {
    let spec = &cluster.spec;
    name(checked, &cluster.metadata.name);
    endpoint(checked, &spec.api_endpoint);
    secret(checked, spec.secret_ref.as_ref(), "secretRef");
    secret(checked, spec.impersonator_secret_ref.as_ref(), "impersonatorSecretRef");
    proxy(checked, &spec.proxy_url);
    failure_domains(checked, spec);
    one_form_of_zones(checked, spec);
    well_formed(
        checked,
        spec.taints.iter().map(|taint| (taint.key.as_str(), taint.value.as_str(), taint.effect)),
    );
    resource_models(checked, &spec.resource_models);
}

fn name(checked: &mut Checked<'_, '_>, name: &str) {
    if let Err(error) = ClusterName::new(name) {
        checked.error(
            "/metadata/name",
            "CLUSTER_BAD_NAME",
            error.to_string(),
            "choose a name by these rules: it becomes part of branches and paths",
        );
    }
}

fn endpoint(checked: &mut Checked<'_, '_>, endpoint: &str) {
    if endpoint.is_empty() {
        return;
    }
    let broken = match Url::parse(endpoint) {
        Err(_) => Some("is no URL"),
        // Readers of URLs take the first part of a path for the host where the scheme wants one.
        Ok(_) if endpoint.split_once("://").is_none_or(|(_, rest)| rest.starts_with('/')) => {
            Some("names no host")
        }
        Ok(url) if url.host_str().is_none_or(str::is_empty) => Some("names no host"),
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Some("holds a user name or password")
        }
        Ok(url) if url.fragment().is_some() || url.query().is_some() => {
            Some("has a `?` or `#` part")
        }
        Ok(_) => None,
    };
    if let Some(broken) = broken {
        // Never shown: it may hold a password.
        checked.error(
            "/spec/apiEndpoint",
            "FIELD_INVALID",
            format!("`spec.apiEndpoint` {broken}"),
            "write it like https://10.0.0.1:6443; credentials come from the operator's directory",
        );
    }
}

fn secret(checked: &mut Checked<'_, '_>, reference: Option<&SecretReference>, field: &str) {
    let Some(reference) = reference else { return };
    for (part, text) in [("namespace", &reference.namespace), ("name", &reference.name)] {
        if text.is_empty() {
            checked.error(
                &format!("/spec/{field}/{part}"),
                "OBJ_MISSING_FIELD",
                format!("`spec.{field}` has no `{part}`"),
                "name the Secret by both, or remove the reference: it is not used here",
            );
        }
    }
}

fn proxy(checked: &mut Checked<'_, '_>, proxy: &str) {
    if proxy.is_empty() {
        return;
    }
    let is_known =
        Url::parse(proxy).is_ok_and(|url| matches!(url.scheme(), "http" | "https" | "socks5"));
    if !is_known {
        checked.error(
            "/spec/proxyURL",
            "FIELD_INVALID",
            "`spec.proxyURL` is no URL of a proxy",
            "write it like http://proxy:3128; http, https and socks5 are known",
        );
    }
}

fn failure_domains(checked: &mut Checked<'_, '_>, spec: &ClusterSpec) {
    let single = [("provider", &spec.provider), ("region", &spec.region), ("zone", &spec.zone)];
    let single =
        single.into_iter().filter_map(|(field, text)| Some((field.to_owned(), text.as_deref()?)));
    let zones =
        spec.zones.iter().enumerate().map(|(idx, zone)| (format!("zones/{idx}"), zone.as_str()));
    for (field, text) in single.chain(zones) {
        if let Some(rule) = bad_label_value(text) {
            checked.error(
                &format!("/spec/{field}"),
                "LABEL_INVALID",
                format!("`{}` {rule}", shown(text)),
                "choose a value by these rules: it is compared like a label",
            );
        }
    }
}

/// `zone` alone has become `zones` by now.
fn one_form_of_zones(checked: &mut Checked<'_, '_>, spec: &ClusterSpec) {
    if spec.zone.is_some() && !spec.zones.is_empty() {
        checked.error_at_key(
            "/spec/zone",
            "FIELD_CONFLICT",
            "`zone` and `zones` are both set",
            "keep `zones`; `zone` is its old name",
        );
    }
}

/// The grades are sorted, the first starts at 0 and the last has no limit by now.
fn resource_models(checked: &mut Checked<'_, '_>, models: &[ResourceModel]) {
    let mut tell = |code, message: String, hint: &str| {
        checked.error_at_key("/spec/resourceModels", code, message, hint);
    };
    let mut grades = BTreeSet::new();
    for model in models {
        if !grades.insert(model.grade) {
            tell(
                "FIELD_CONFLICT",
                format!("two models have the grade {}", model.grade),
                "number them 0, 1, 2, …",
            );
            return;
        }
        for range in &model.ranges {
            if range.max <= range.min {
                tell(
                    "CONSTRAINT_UNSATISFIABLE",
                    format!(
                        "`{}` of grade {} ends at {} and starts at {}",
                        shown(&range.name),
                        model.grade,
                        range.max,
                        range.min
                    ),
                    "let `max` be above `min`",
                );
            }
        }
    }
    for pair in models.windows(2) {
        let [low, high] = pair else { continue };
        let names = |model: &ResourceModel| -> Vec<String> {
            model.ranges.iter().map(|range| range.name.clone()).collect()
        };
        if names(low) != names(high) {
            tell(
                "FIELD_CONFLICT",
                format!(
                    "the grades {} and {} do not have the same resources in the same order",
                    low.grade, high.grade
                ),
                "write the same resources in each grade",
            );
            continue;
        }
        for (below, above) in low.ranges.iter().zip(&high.ranges) {
            if below.max != above.min {
                tell(
                    "CONSTRAINT_UNSATISFIABLE",
                    format!(
                        "`{}` of grade {} ends at {} and grade {} starts at {}",
                        shown(&below.name),
                        low.grade,
                        below.max,
                        high.grade,
                        above.min
                    ),
                    "let each grade start where the one before it ends",
                );
            }
        }
    }
}
