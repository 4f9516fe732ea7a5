//! Discovery: which kinds a member serves, in the aggregated and the plain form.

use serde_json::{Value, json};

use super::metrics;
use super::resources::{Registry, Resource, Scope, api_version};

/// The version the members claim to be.
pub(super) fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "gitVersion": "v1.36.3-sim", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z", "goVersion": "none", "compiler": "none", "platform": "linux/amd64",
    })
}

/// Verbs of a resource.
fn verbs(resource: &Resource) -> &'static [&'static str] {
    if resource.is_review() || &*resource.kind == "Binding" {
        &["create"]
    } else if &*resource.group == metrics::GROUP {
        &["get", "list"]
    } else if &*resource.table == "namespaces." {
        &["create", "delete", "get", "list", "patch", "update", "watch"]
    } else {
        &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
    }
}

/// Kind and verbs of a subresource: (group, version, kind, verbs).
fn subresource_kind<'a>(
    resource: &'a Resource,
    name: &str,
) -> (&'a str, &'a str, &'a str, &'static [&'static str]) {
    const READ_WRITE: &[&str] = &["get", "patch", "update"];
    match name {
        "scale" => ("autoscaling", "v1", "Scale", READ_WRITE),
        "eviction" => ("policy", "v1", "Eviction", &["create"]),
        "binding" => ("", "v1", "Binding", &["create"]),
        "token" => ("authentication.k8s.io", "v1", "TokenRequest", &["create"]),
        "exec" => ("", "v1", "PodExecOptions", &["create", "get"]),
        "log" => (&resource.group, &resource.version, &resource.kind, &["get"]),
        "finalize" => (&resource.group, &resource.version, &resource.kind, &["update"]),
        _ => (&resource.group, &resource.version, &resource.kind, READ_WRITE),
    }
}

/// `/api`.
pub(super) fn core_versions() -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
}

fn group_json(group: &str, versions: &[std::rc::Rc<str>]) -> Value {
    let entry =
        |version: &str| json!({"groupVersion": api_version(group, version), "version": version});
    json!({
        "name": group,
        "versions": versions.iter().map(|version| entry(version)).collect::<Vec<_>>(),
        "preferredVersion": entry(&versions[0]),
    })
}

/// `/apis`.
pub(super) fn groups(registry: &Registry) -> Value {
    let named = registry.groups().filter(|(group, _)| !group.is_empty());
    let groups: Vec<Value> = named.map(|(group, versions)| group_json(group, versions)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/<group>`.
pub(super) fn group(registry: &Registry, name: &str) -> Option<Value> {
    let (group, versions) =
        registry.groups().find(|(group, _)| ***group == *name && !name.is_empty())?;
    let mut found = group_json(group, versions);
    found["kind"] = Value::from("APIGroup");
    found["apiVersion"] = Value::from("v1");
    Some(found)
}

/// `/api/v1` and `/apis/<group>/<version>`.
pub(super) fn resources(registry: &Registry, group_version: &str) -> Option<Value> {
    let mut list = Vec::new();
    for resource in registry.of_group_version(group_version) {
        let namespaced = resource.scope == Scope::Namespaced;
        let mut entry = json!({
            "name": &*resource.plural, "singularName": resource.singular, "namespaced": namespaced,
            "kind": &*resource.kind, "verbs": verbs(resource),
        });
        if !resource.short_names.is_empty() {
            entry["shortNames"] = json!(resource.short_names);
        }
        if !resource.categories.is_empty() {
            entry["categories"] = json!(resource.categories);
        }
        list.push(entry);
        for name in &resource.subresources {
            let (group, version, kind, verbs) = subresource_kind(resource, name);
            let mut entry = json!({
                "name": format!("{}/{name}", resource.plural), "singularName": "", "namespaced": namespaced,
                "kind": kind, "verbs": verbs,
            });
            if (group, version) != (&*resource.group, &*resource.version) {
                entry["group"] = Value::from(group);
                entry["version"] = Value::from(version);
            }
            list.push(entry);
        }
    }
    (!list.is_empty()).then(|| {
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": list})
    })
}

/// Which half of the API an aggregated document describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    /// `/api`
    Core,
    /// `/apis`
    Named,
}

/// The version of aggregated discovery that `accept` asks for first, if it does.
pub(super) fn aggregated_version(accept: Option<&str>) -> Option<&'static str> {
    accept?.split(',').find_map(|form| {
        let has = |wanted: &str| form.split(';').any(|part| part.trim() == wanted);
        if !has("as=APIGroupDiscoveryList") {
            return None;
        }
        ["v2", "v2beta1"].into_iter().find(|version| has(&format!("v={version}")))
    })
}

/// `/api` or `/apis` with every resource in one document.
pub(super) fn aggregated(registry: &Registry, half: Half, version: &str) -> Value {
    let wanted = |group: &str| group.is_empty() == (half == Half::Core);
    let items: Vec<Value> = registry
        .groups()
        .filter(|(group, _)| wanted(group))
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| {
                    let resources: Vec<Value> = registry
                        .of_group_version(&api_version(group, version))
                        .map(|r| aggregated_resource(r))
                        .collect();
                    json!({"version": &**version, "freshness": "Current", "resources": resources})
                })
                .collect();
            let name = if group.is_empty() { json!({}) } else { json!({"name": &**group}) };
            json!({"metadata": name, "versions": versions})
        })
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"),
        "metadata": {}, "items": items,
    })
}

fn aggregated_resource(resource: &Resource) -> Value {
    let kind = |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
    let subresources: Vec<Value> = resource
        .subresources
        .iter()
        .map(|name| {
            let (group, version, served, verbs) = subresource_kind(resource, name);
            json!({"subresource": name, "responseKind": kind(group, version, served), "verbs": verbs})
        })
        .collect();
    let mut entry = json!({
        "resource": &*resource.plural, "responseKind": kind(&resource.group, &resource.version, &resource.kind),
        "scope": if resource.scope == Scope::Namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular, "verbs": verbs(resource),
    });
    for (field, values) in
        [("shortNames", &resource.short_names), ("categories", &resource.categories)]
    {
        if !values.is_empty() {
            entry[field] = json!(values);
        }
    }
    if !subresources.is_empty() {
        entry["subresources"] = Value::from(subresources);
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_name_the_same_resources() {
        let registry = Registry::built_in();
        let plain = resources(&registry, "apps/v1").unwrap();
        assert!(
            plain["resources"].as_array().unwrap().iter().any(|r| r["name"] == "deployments/scale")
        );
        let document = aggregated(&registry, Half::Named, "v2");
        let apps = document["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|g| g["metadata"]["name"] == "apps")
            .unwrap();
        assert_eq!(apps["versions"][0]["resources"].as_array().unwrap().len(), 5);
        assert!(resources(&registry, "apps/v9").is_none());
    }

    #[test]
    fn the_accept_header_picks_the_form() {
        let both =
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
        assert_eq!(aggregated_version(Some(both)), Some("v2"));
        assert_eq!(aggregated_version(Some("application/json")), None);
    }
}
