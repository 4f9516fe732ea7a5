//! Rules for ResourceInterpreterWebhookConfiguration.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use crate::api::names::is_dns_label;
use crate::api::resource_interpreter_webhook_configuration::{
    CONTEXT_VERSION, ResourceInterpreterWebhook, RuleOperation, WebhookClientConfig, WebhookRule,
};

use super::super::names::bad_name;
use super::super::object::Checked;
use super::super::report::shown;

/// Longest part of a domain, longest word for a version.
const LABEL_LEN_MAX: usize = 63;

/// All rules for a ResourceInterpreterWebhookConfiguration.
pub(in super::super) fn webhooks(
    checked: &mut Checked<'_, '_>,
    webhooks: &[ResourceInterpreterWebhook],
) {
    if webhooks.is_empty() {
        checked.warning(
            "/webhooks",
            "WEBHOOK_EMPTY",
            "the configuration has no webhook",
            "add one, or remove the object",
        );
    }
    let mut names = BTreeSet::new();
    for (idx, webhook) in webhooks.iter().enumerate() {
        let pointer = format!("/webhooks/{idx}");
        if !names.insert(webhook.name.as_str()) {
            checked.error(
                &format!("{pointer}/name"),
                "FIELD_CONFLICT",
                format!("another webhook of the object is named {} already", shown(&webhook.name)),
                "give each its own name",
            );
        }
        one(checked, webhook, &pointer);
    }
}

fn one(checked: &mut Checked<'_, '_>, webhook: &ResourceInterpreterWebhook, pointer: &str) {
    if let Some(rule) = bad_domain(&webhook.name) {
        checked.error(
            &format!("{pointer}/name"),
            "OBJ_BAD_NAME",
            format!("the name `{}` {rule}", shown(&webhook.name)),
            "write a domain that is yours, e.g. workloads.example.com",
        );
    }
    client_config(checked, &webhook.client_config, &format!("{pointer}/clientConfig"));
    if webhook.rules.is_empty() {
        checked.warning(
            pointer,
            "WEBHOOK_EMPTY",
            format!("{} has no `rules`: it is never asked", shown(&webhook.name)),
            "say in `rules` which operations on which kinds it answers",
        );
    }
    for (idx, rule) in webhook.rules.iter().enumerate() {
        self::rule(checked, rule, &format!("{pointer}/rules/{idx}"));
    }
    if webhook.timeout_seconds.is_some_and(|seconds| !(1..=30).contains(&seconds)) {
        checked.error(
            &format!("{pointer}/timeoutSeconds"),
            "INT_RANGE",
            "`timeoutSeconds` is not from 1 to 30",
            "write a number of that range; without one it is 10",
        );
    }
    let versions = format!("{pointer}/interpreterContextVersions");
    context_versions(checked, &webhook.interpreter_context_versions, &versions);
}

/// Why `name` is no domain of two parts or more, if so.
fn bad_domain(name: &str) -> Option<&'static str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() {
        return Some("is empty");
    }
    if let Some(rule) = bad_name(name) {
        return Some(rule);
    }
    if !name.contains('.') {
        return Some("is a domain of one part");
    }
    name.split('.')
        .any(|label| label.len() > LABEL_LEN_MAX)
        .then_some("has a part of more than 63 characters")
}

fn client_config(checked: &mut Checked<'_, '_>, config: &WebhookClientConfig, pointer: &str) {
    match (&config.url, &config.service) {
        (Some(_), Some(_)) => checked.error_at_key(
            &format!("{pointer}/service"),
            "FIELD_CONFLICT",
            "`url` and `service` are both set",
            "keep `url`",
        ),
        (None, None) => checked.error_at_key(
            pointer,
            "OBJ_MISSING_FIELD",
            "`clientConfig` has no `url`",
            "add it, e.g. https://interpreter.example.com/workloads",
        ),
        (None, Some(_)) => checked.error_at_key(
            &format!("{pointer}/service"),
            "WEBHOOK_SERVICE",
            "there is no control plane in which a Service could be looked up",
            "write `url` in its place: an address that the controller, and each agent, can reach",
        ),
        (Some(url), None) => {
            if let Some(broken) = bad_url(url) {
                // Never shown: it may hold a password.
                checked.error(
                    &format!("{pointer}/url"),
                    "FIELD_INVALID",
                    format!("`clientConfig.url` {broken}"),
                    "write it like https://interpreter.example.com/workloads",
                );
            }
        }
    }
    if config.ca_bundle.as_deref().is_some_and(|bundle| !holds_certificate(bundle)) {
        checked.error(
            &format!("{pointer}/caBundle"),
            "FIELD_INVALID",
            "`clientConfig.caBundle` is no certificate in PEM, encoded in base64",
            "write what `base64 -w0 ca.crt` prints",
        );
    }
}

/// Why `url` is not where a webhook can be, if so.
fn bad_url(text: &str) -> Option<&'static str> {
    let Ok(url) = Url::parse(text) else { return Some("is no URL") };
    // Readers of URLs take the first part of a path for the host where there is none.
    let names_host = text.split_once("://").is_some_and(|(_, rest)| !rest.starts_with('/'));
    if url.scheme() != "https" {
        Some("is not https")
    } else if !names_host || url.host_str().is_none_or(str::is_empty) {
        Some("names no host")
    } else if !url.username().is_empty() || url.password().is_some() {
        Some("holds a user name or password")
    } else if url.query().is_some() || url.fragment().is_some() {
        Some("has a `?` or `#` part")
    } else {
        None
    }
}

fn holds_certificate(bundle: &str) -> bool {
    let bytes = STANDARD.decode(bundle.split_ascii_whitespace().collect::<String>());
    bytes.is_ok_and(|pem| {
        String::from_utf8_lossy(&pem).lines().any(|line| line == "-----BEGIN CERTIFICATE-----")
    })
}

fn rule(checked: &mut Checked<'_, '_>, rule: &WebhookRule, pointer: &str) {
    let is_all = |operation: &RuleOperation| *operation == RuleOperation::All;
    let operations = rule.operations.iter();
    list(checked, pointer, "operations", rule.operations.len(), operations.clone().any(is_all));
    for (field, words) in [
        ("apiGroups", &rule.api_groups),
        ("apiVersions", &rule.api_versions),
        ("kinds", &rule.kinds),
    ] {
        list(checked, pointer, field, words.len(), words.iter().any(|word| word == "*"));
        // The core group has no name; versions and kinds have one.
        let empty = words.iter().position(String::is_empty).filter(|_| field != "apiGroups");
        if let Some(idx) = empty {
            checked.error(
                &format!("{pointer}/{field}/{idx}"),
                "FIELD_INVALID",
                format!("a text in `{field}` is empty"),
                "write a word, or `*` for all",
            );
        }
    }
}

/// A list of words of a rule: not empty, and nothing beside `*`.
fn list(checked: &mut Checked<'_, '_>, pointer: &str, field: &str, len: usize, has_all: bool) {
    let pointer = format!("{pointer}/{field}");
    if len == 0 {
        checked.error_at_key(
            &pointer,
            "OBJ_MISSING_FIELD",
            format!("the rule has no `{field}`"),
            "name them, or write `*` for all",
        );
    } else if len > 1 && has_all {
        checked.error_at_key(
            &pointer,
            "FIELD_CONFLICT",
            format!("`{field}` holds `*` and other words"),
            "leave `*` alone, or remove it",
        );
    }
}

fn context_versions(checked: &mut Checked<'_, '_>, versions: &[String], pointer: &str) {
    let mut seen = BTreeSet::new();
    for (idx, version) in versions.iter().enumerate() {
        let is_word = version.len() <= LABEL_LEN_MAX
            && is_dns_label(version)
            && version.starts_with(|first: char| first.is_ascii_lowercase());
        let broken = if !seen.insert(version) {
            "stands there twice"
        } else if !is_word {
            "is no version"
        } else {
            continue;
        };
        checked.error(
            &format!("{pointer}/{idx}"),
            "FIELD_INVALID",
            format!("`{}` {broken}", shown(version)),
            format!("write {CONTEXT_VERSION}, once"),
        );
    }
    if !versions.iter().any(|version| version == CONTEXT_VERSION) {
        checked.error_at_key(
            pointer,
            "FIELD_INVALID",
            format!("`interpreterContextVersions` does not hold {CONTEXT_VERSION}"),
            format!("add {CONTEXT_VERSION}: it is the version that is spoken here"),
        );
    }
}
