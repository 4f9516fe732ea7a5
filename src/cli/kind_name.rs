//! Templates as people type them, in the manner of kubectl: `deploy/shop`, `cm/settings`,
//! `deployments.apps/shop`, `gateway.networking.istio.io/edge`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::api::manifest::{Manifest, ObjectKey};
use crate::api::names::ClusterName;
use crate::api::selector::Selectable as _;
use crate::daemon::ledger::{Ledger, Recorded};
use crate::fleet::{Template, built_in};
use crate::sim::{BuiltIn, built_in_kinds};

/// Where a definition that was placed stands below the directory of a cluster.
const DEFINITIONS: &str = "/_cluster/CustomResourceDefinition.apiextensions.k8s.io/";

/// Where the decisions on definitions stand.
const BOUND_DEFINITIONS: &str = "bindings/_cluster/CustomResourceDefinition.apiextensions.k8s.io/";

/// A name, with its kind and group in front of it if they were typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TypedName {
    /// Kind, plural or short name, in lower case; none means any kind.
    kind: Option<String>,
    /// What was typed behind the kind: a group, its beginning, or version and group.
    group: Option<String>,
    /// The name.
    pub(super) name: String,
}

impl std::str::FromStr for TypedName {
    type Err = String;

    /// Reads `NAME`, `KIND/NAME` or `KIND.GROUP/NAME`.
    fn from_str(text: &str) -> Result<Self, String> {
        let Some((kind, name)) = text.split_once('/') else {
            return Ok(Self { kind: None, group: None, name: text.to_owned() });
        };
        if kind.is_empty() || name.is_empty() {
            return Err("write it as KIND/NAME, e.g. deployment/shop".to_owned());
        }
        let kind = kind.to_lowercase();
        let (kind, group) = match kind.split_once('.') {
            Some((kind, group)) => (kind.to_owned(), Some(group.to_owned())),
            None => (kind, None),
        };
        Ok(Self { kind: Some(kind), group, name: name.to_owned() })
    }
}

impl std::fmt::Display for TypedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(kind) = &self.kind {
            f.write_str(kind)?;
            if let Some(group) = &self.group {
                write!(f, ".{group}")?;
            }
            f.write_str("/")?;
        }
        f.write_str(&self.name)
    }
}

impl TypedName {
    /// Whether a kind was typed.
    pub(super) const fn has_kind(&self) -> bool {
        self.kind.is_some()
    }
}

/// What kinds are called.
#[derive(Clone, Debug)]
struct KindNames {
    known: Vec<BuiltIn>,
}

/// How well a typed name suits an object; the least is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Exact,
    ShortName,
    /// The group begins with what was typed.
    GroupBegins,
}

/// Those of the objects that the typed name fits best; several when it is not clear which is meant.
///
/// Kinds are called as every cluster calls them, and as the definitions of the fleet say that were
/// placed. Only if none is found by that, the source is read for the others.
pub(super) fn pick(
    ledger: &mut Ledger,
    recorded: &Recorded,
    typed: &TypedName,
    keys: Vec<ObjectKey>,
) -> anyhow::Result<Vec<ObjectKey>> {
    if !typed.has_kind() || keys.is_empty() {
        return Ok(keys);
    }
    let mut names = KindNames::placed(ledger, recorded)?;
    let found = names.pick(typed, &keys);
    if !found.is_empty() {
        return Ok(found);
    }
    // Without a readable source nothing more is known.
    let Ok(loaded) = ledger.source_head().and_then(|commit| ledger.read(commit)) else {
        return Ok(found);
    };
    let is_definition = |one: &&Template| one.kind() == "CustomResourceDefinition";
    let definitions = loaded.fleet.templates.values().filter(is_definition);
    names.known.extend(definitions.filter_map(|one| defined(&one.manifest.open())));
    Ok(names.pick(typed, &keys))
}

/// Whether the object lives in the namespace that was typed. A template may leave `default` out if
/// neither Kubernetes nor a definition of the fleet says whether its kind lives in a namespace.
pub(super) fn lives_in(recorded: &Recorded, key: &ObjectKey, namespace: &str) -> bool {
    if let Some(one) = key.namespace.as_deref() {
        return one == namespace;
    }
    let (group, kind) = (&*key.group_kind.group, &*key.group_kind.kind);
    let defines = |path: &str| {
        let name = path.strip_prefix(BOUND_DEFINITIONS).and_then(|name| name.strip_suffix(".yaml"));
        let (plural, of_group) = name.and_then(|name| name.split_once('.')).unwrap_or_default();
        of_group == group && plurals(&kind.to_lowercase()).iter().any(|one| one == plural)
    };
    namespace == "default"
        && built_in(group, kind).is_none()
        && !recorded.paths(BOUND_DEFINITIONS).any(defines)
}

/// Where was looked: ` in namespace web in cluster eu-1`.
pub(super) fn within(namespace: Option<&str>, cluster: Option<&ClusterName>) -> String {
    let namespace = namespace.map(|one| format!(" in namespace {one}")).unwrap_or_default();
    let cluster = cluster.map(|one| format!(" in cluster {one}")).unwrap_or_default();
    namespace + &cluster
}

impl KindNames {
    fn placed(ledger: &Ledger, recorded: &Recorded) -> anyhow::Result<Self> {
        let mut seen = BTreeSet::new();
        let mut known: Vec<BuiltIn> = built_in_kinds().collect();
        for path in recorded.paths("work/") {
            let Some((_, name)) = path.split_once(DEFINITIONS) else { continue };
            if !seen.insert(name) {
                continue;
            }
            let bytes = ledger.recorded_file(recorded, path)?.unwrap_or_default();
            let definition = crate::api::yaml::from_bytes::<Manifest>(&bytes).ok();
            known.extend(definition.as_ref().and_then(defined));
        }
        Ok(Self { known })
    }

    fn pick(&self, typed: &TypedName, keys: &[ObjectKey]) -> Vec<ObjectKey> {
        let fits = keys.iter().filter_map(|key| Some((self.fit(typed, key)?, key)));
        let fits: Vec<(Fit, &ObjectKey)> = fits.collect();
        let best = fits.iter().map(|(fit, _)| *fit).min();
        let best = fits.into_iter().filter(|(fit, _)| Some(*fit) == best);
        best.map(|(_, key)| key.clone()).collect()
    }

    fn fit(&self, typed: &TypedName, key: &ObjectKey) -> Option<Fit> {
        if typed.name != *key.name {
            return None;
        }
        let Some(wanted) = &typed.kind else { return Some(Fit::Exact) };
        let (group, kind) = (&*key.group_kind.group, &*key.group_kind.kind);
        let by_group = match &typed.group {
            None => Fit::Exact,
            Some(typed) if typed == group || without_version(typed) == group => Fit::Exact,
            Some(typed) if group.starts_with(typed.as_str()) => Fit::GroupBegins,
            Some(_) => return None,
        };
        let known = self.known.iter().find(|known| known.group == group && known.kind == kind);
        let kind = kind.to_lowercase();
        let by_kind = match known {
            _ if *wanted == kind => Fit::Exact,
            Some(known) if *wanted == known.plural => Fit::Exact,
            Some(known) if known.short_names.contains(wanted) => Fit::ShortName,
            None if plurals(&kind).contains(wanted) => Fit::Exact,
            Some(_) | None => return None,
        };
        Some(by_group.max(by_kind))
    }
}

/// The names in a definition.
fn defined(definition: &Manifest) -> Option<BuiltIn> {
    let spec = definition.0.get("spec")?;
    let (group, names) = (spec.get("group")?.as_str()?, spec.get("names")?);
    let text = |name: &str| names.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let short_names = names.get("shortNames").and_then(Value::as_array).into_iter().flatten();
    let mut short_names: Vec<String> =
        short_names.filter_map(Value::as_str).map(str::to_owned).collect();
    short_names.extend(Some(text("singular")).filter(|singular| !singular.is_empty()));
    Some(BuiltIn {
        group: group.to_owned(),
        kind: text("kind"),
        plural: text("plural"),
        short_names,
    })
}

/// `apps` of `v1.apps`; empty for `v1`, the core group in one version.
fn without_version(typed: &str) -> &str {
    let is_version = |text: &str| {
        text.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    match typed.split_once('.') {
        Some((version, group)) if is_version(version) => group,
        None if is_version(typed) => "",
        Some(_) | None => typed,
    }
}

/// The plurals that a kind may have, where nobody says which it has.
fn plurals(kind: &str) -> Vec<String> {
    let mut plurals = vec![format!("{kind}s"), format!("{kind}es")];
    plurals.extend(kind.strip_suffix('y').map(|stem| format!("{stem}ies")));
    plurals
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> KindNames {
        let definition = "
spec:
  group: networking.istio.io
  names: {kind: Gateway, plural: gateways, singular: gateway, shortNames: [gw]}
";
        let definition: Manifest = crate::api::yaml::from_str(definition).unwrap();
        KindNames { known: built_in_kinds().chain(defined(&definition)).collect() }
    }

    fn keys() -> Vec<ObjectKey> {
        [
            ("apps", "Deployment"),
            ("", "ConfigMap"),
            ("", "Endpoints"),
            ("networking.k8s.io", "Ingress"),
            ("networking.k8s.io", "NetworkPolicy"),
            ("networking.istio.io", "Gateway"),
            ("gateway.networking.k8s.io", "Gateway"),
            ("example.com", "Proxy"),
        ]
        .map(|(group, kind)| ObjectKey::new(group, kind, Some("web"), "x"))
        .to_vec()
    }

    fn found(typed: &str) -> Vec<String> {
        let typed = typed.parse().unwrap();
        let picked = names().pick(&typed, &keys());
        picked.iter().map(|key| key.group_kind.to_string()).collect()
    }

    #[test]
    fn kinds_are_found_as_in_kubectl() {
        for (typed, expected) in [
            ("deploy/x", "Deployment.apps"),
            ("deployment/x", "Deployment.apps"),
            ("Deployments/x", "Deployment.apps"),
            ("deployment.apps/x", "Deployment.apps"),
            ("deployments.v1.apps/x", "Deployment.apps"),
            ("deploy.apps/x", "Deployment.apps"),
            ("cm/x", "ConfigMap"),
            ("configmaps.v1/x", "ConfigMap"),
            ("ep/x", "Endpoints"),
            ("ing/x", "Ingress.networking.k8s.io"),
            ("ingresses/x", "Ingress.networking.k8s.io"),
            ("networkpolicies/x", "NetworkPolicy.networking.k8s.io"),
            ("netpol.networking/x", "NetworkPolicy.networking.k8s.io"),
            ("gw/x", "Gateway.networking.istio.io"),
            ("gateways.networking.istio.io/x", "Gateway.networking.istio.io"),
            ("gateway.gateway/x", "Gateway.gateway.networking.k8s.io"),
            ("proxies/x", "Proxy.example.com"),
        ] {
            assert_eq!(found(typed), [expected], "{typed}");
        }
        for typed in ["deploys/x", "cm/y", "configmap.apps/x", "de/x"] {
            assert_eq!(found(typed), [""; 0], "{typed}");
        }
        assert_eq!(found("gateway/x").len(), 2, "it is for the person to say which");
        assert_eq!(found("x").len(), keys().len(), "a name alone is of any kind");
    }
}
