//! Rules for MultiClusterIngress: those of Kubernetes for an Ingress.

use crate::api::multi_cluster_ingress::{
    HTTPIngressPath, IngressBackend, IngressServiceBackend, IngressSpec, IngressTLS, PathType,
    TypedLocalObjectReference,
};

use super::super::names::{bad_host, bad_name, bad_port_name, bad_service_name, is_ipv4};
use super::super::object::Checked;
use super::super::report::shown;
use super::fields::{name, port};

/// What a path that is compared part by part must not hold.
const FORBIDDEN_PARTS: &[&str] = &["//", "/./", "/../", "%2f", "%2F"];
/// What it must not end with.
const FORBIDDEN_ENDS: &[&str] = &["/..", "/."];

/// All rules for a MultiClusterIngress.
pub(in super::super) fn ingress(checked: &mut Checked<'_, '_>, spec: &IngressSpec) {
    if let Some(class) = &spec.ingress_class_name
        && let Some(rule) = bad_name(class)
    {
        checked.error(
            "/spec/ingressClassName",
            "OBJ_BAD_NAME",
            format!("the class `{}` {rule}", shown(class)),
            "write the name of an IngressClass",
        );
    }
    match &spec.default_backend {
        Some(default) => backend(checked, default, "/spec/defaultBackend"),
        None if spec.rules.is_empty() => checked.error_at_key(
            "/spec",
            "OBJ_MISSING_FIELD",
            "the ingress has no `defaultBackend` and no `rules`",
            "say with at least one of them where requests go",
        ),
        None => {}
    }
    for (idx, one) in spec.tls.iter().enumerate() {
        tls(checked, one, &format!("/spec/tls/{idx}"));
    }
    for (idx, rule) in spec.rules.iter().enumerate() {
        let pointer = format!("/spec/rules/{idx}");
        if !rule.host.is_empty() {
            host(checked, &rule.host, &format!("{pointer}/host"), Kind::Rule);
        }
        let Some(http) = &rule.http else { continue };
        let pointer = format!("{pointer}/http/paths");
        if http.paths.is_empty() {
            checked.error_at_key(
                &pointer,
                "OBJ_MISSING_FIELD",
                "`paths` is empty",
                "add a path, or remove `http`: the rule then leads to `defaultBackend`",
            );
        }
        for (idx, path) in http.paths.iter().enumerate() {
            self::path(checked, path, &format!("{pointer}/{idx}"));
        }
    }
}

/// Where a host stands. The host of a rule must not be an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rule,
    Certificate,
}

fn host(checked: &mut Checked<'_, '_>, host: &str, pointer: &str, kind: Kind) {
    let rule = if kind == Kind::Rule && is_ipv4(host) {
        Some("is an address, not a name")
    } else {
        bad_host(host)
    };
    if let Some(rule) = rule {
        checked.error(
            pointer,
            "FIELD_INVALID",
            format!("the host `{}` {rule}", shown(host)),
            "write a name such as shop.example.com or *.example.com",
        );
    }
}

fn tls(checked: &mut Checked<'_, '_>, tls: &IngressTLS, pointer: &str) {
    for (idx, host) in tls.hosts.iter().enumerate() {
        self::host(checked, host, &format!("{pointer}/hosts/{idx}"), Kind::Certificate);
    }
    if !tls.secret_name.is_empty()
        && let Some(rule) = bad_name(&tls.secret_name)
    {
        checked.error(
            &format!("{pointer}/secretName"),
            "OBJ_BAD_NAME",
            format!("the Secret's name `{}` {rule}", shown(&tls.secret_name)),
            "write the name of a Secret of the namespace",
        );
    }
}

fn path(checked: &mut Checked<'_, '_>, path: &HTTPIngressPath, pointer: &str) {
    let text = path.path.as_str();
    let is_compared = path.path_type != PathType::ImplementationSpecific;
    let part = FORBIDDEN_PARTS.iter().find(|part| text.contains(**part));
    let end = FORBIDDEN_ENDS.iter().find(|end| text.ends_with(**end));
    let broken = if !text.starts_with('/') && (is_compared || !text.is_empty()) {
        Some("does not begin with `/`".to_owned())
    } else if is_compared {
        let part = part.map(|part| format!("holds `{part}`"));
        part.or_else(|| end.map(|end| format!("ends with `{end}`")))
    } else {
        None
    };
    if let Some(broken) = broken {
        checked.error(
            &format!("{pointer}/path"),
            "FIELD_INVALID",
            format!("the path `{}` {broken}", shown(text)),
            "write it like /shop/cart",
        );
    }
    backend(checked, &path.backend, &format!("{pointer}/backend"));
}

fn backend(checked: &mut Checked<'_, '_>, backend: &IngressBackend, pointer: &str) {
    match (&backend.service, &backend.resource) {
        (Some(_), Some(_)) => checked.error_at_key(
            &format!("{pointer}/resource"),
            "FIELD_CONFLICT",
            "`service` and `resource` are both set",
            "keep the one that requests go to",
        ),
        (None, None) => checked.error_at_key(
            pointer,
            "OBJ_MISSING_FIELD",
            "the backend has no `service` and no `resource`",
            "name the Service that requests go to",
        ),
        (Some(service), None) => self::service(checked, service, &format!("{pointer}/service")),
        (None, Some(resource)) => self::resource(checked, resource, &format!("{pointer}/resource")),
    }
}

fn service(checked: &mut Checked<'_, '_>, service: &IngressServiceBackend, pointer: &str) {
    if service.name.is_empty() {
        checked.error(
            &format!("{pointer}/name"),
            "OBJ_MISSING_FIELD",
            "`name` is empty",
            "write the name of a Service",
        );
    } else if let Some(rule) = bad_service_name(&service.name) {
        checked.error(
            &format!("{pointer}/name"),
            "OBJ_BAD_NAME",
            format!("the Service's name `{}` {rule}", shown(&service.name)),
            "write the name of a Service",
        );
    }
    let pointer = format!("{pointer}/port");
    match (service.port.name.as_str(), service.port.number) {
        ("", 0) => checked.error_at_key(
            &pointer,
            "OBJ_MISSING_FIELD",
            "the port has no `name` and no `number`",
            "add one of the two, as it stands in the Service",
        ),
        ("", number) => port(checked, number, &format!("{pointer}/number")),
        (name, 0) => {
            if let Some(rule) = bad_port_name(name) {
                checked.error(
                    &format!("{pointer}/name"),
                    "OBJ_BAD_NAME",
                    format!("the port's name `{}` {rule}", shown(name)),
                    "write it as it stands in the Service",
                );
            }
        }
        (_, _) => checked.error_at_key(
            &format!("{pointer}/name"),
            "FIELD_CONFLICT",
            "`name` and `number` of the port are both set",
            "keep one of the two",
        ),
    }
}

fn resource(checked: &mut Checked<'_, '_>, resource: &TypedLocalObjectReference, pointer: &str) {
    if let Some(group) = &resource.api_group
        && let Some(rule) = bad_name(group)
    {
        checked.error(
            &format!("{pointer}/apiGroup"),
            "OBJ_BAD_NAME",
            format!("the group `{}` {rule}", shown(group)),
            "write a group of an API, or remove the field for the core group",
        );
    }
    for (field, text) in [("kind", &resource.kind), ("name", &resource.name)] {
        let hint = format!("write the {field} of the object");
        name(checked, text, &format!("{pointer}/{field}"), &hint);
    }
}
