//! CustomResourceDefinitions: registering the kinds they name, finding what they hold.

use std::cell::OnceCell;
use std::rc::Rc;

use serde_json::{Value, json};

use super::resources::{CustomVersion, Resource, ScalePaths, Scope, api_version};
use super::storage::{Key, Object};
use super::world::{World, now};

/// Storage of the definitions themselves.
pub(super) const TABLE: &str = "customresourcedefinitions.apiextensions.k8s.io";
/// Finalizer that holds a definition until its objects are gone.
pub(super) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Serves the versions of a definition and writes its conditions; returns the definition as it then is.
pub(super) fn register(world: &mut World, stored: &Rc<Object>) -> Rc<Object> {
    let mut definition = stored.value();
    world.registry.remove_custom(&stored.key.name);
    for resource in resources(&definition) {
        world.storage.begin_table(&resource.table);
        world.registry.add(resource);
    }
    let condition = |name: &str, reason: &str, message: &str| json!({"type": name, "status": "True", "reason": reason, "message": message, "lastTransitionTime": now()});
    let spec = &definition["spec"];
    let storage_version =
        list(&spec["versions"]).iter().find(|v| v["storage"] == true).map(|v| v["name"].clone());
    let mut stored_versions = list(&definition["status"]["storedVersions"]).to_vec();
    stored_versions.extend(storage_version.filter(|version| !stored_versions.contains(version)));
    let mut conditions = definition["status"]["conditions"].clone();
    if !conditions.is_array() {
        conditions = json!([
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition(
                "Established",
                "InitialNamesAccepted",
                "the initial names have been accepted"
            ),
        ]);
    }
    definition["status"] = json!({
        "acceptedNames": with_defaults(&spec["names"]), "storedVersions": stored_versions, "conditions": conditions,
    });
    if definition == stored.value() {
        return stored.clone();
    }
    world.storage.put(&stored.key, stored.api_version.clone(), definition)
}

/// The objects of a definition, in every namespace.
pub(super) fn instances<'a>(
    world: &'a World,
    definition: &'a Object,
) -> impl Iterator<Item = &'a Rc<Object>> {
    // A definition is named `<plural>.<group>`, which is also how its table is called.
    world.storage.objects_of(&definition.key.name)
}

/// The definition whose objects are stored in `table`.
pub(super) fn definition_of(world: &World, table: &Rc<str>) -> Option<Key> {
    let key = Key { table: TABLE.into(), namespace: "".into(), name: table.clone() };
    world.storage.get(&key).map(|found| found.key.clone())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    list(value).iter().map(text).collect()
}

/// `spec.names` with the singular and the list kind filled in.
pub(super) fn with_defaults(names: &Value) -> Value {
    let mut names = names.clone();
    let kind = text(&names["kind"]);
    if names["singular"].as_str().is_none_or(str::is_empty) {
        names["singular"] = Value::from(kind.to_lowercase());
    }
    if names["listKind"].as_str().is_none_or(str::is_empty) {
        names["listKind"] = Value::from(format!("{kind}List"));
    }
    names
}

fn resources(definition: &Value) -> Vec<Resource> {
    let spec = &definition["spec"];
    let names = with_defaults(&spec["names"]);
    let (group, plural) = (text(&spec["group"]), text(&names["plural"]));
    let mut versions: Vec<&Value> =
        list(&spec["versions"]).iter().filter(|v| v["served"] == true).collect();
    versions.sort_by_key(|version| {
        std::cmp::Reverse(priority(version["name"].as_str().unwrap_or_default()))
    });
    versions
        .into_iter()
        .map(|version| {
            let name = text(&version["name"]);
            let subresources = &version["subresources"];
            let scale = subresources.get("scale").map(|scale| ScalePaths {
                replicas: text(&scale["specReplicasPath"]),
                status_replicas: text(&scale["statusReplicasPath"]),
                selector: scale["labelSelectorPath"].as_str().map(str::to_owned),
            });
            let mut served = Vec::new();
            served.extend(subresources.get("status").is_some().then(|| "status".to_owned()));
            served.extend(scale.is_some().then(|| "scale".to_owned()));
            Resource {
                group: group.as_str().into(),
                version: name.as_str().into(),
                plural: plural.as_str().into(),
                singular: text(&names["singular"]),
                kind: text(&names["kind"]).into(),
                list_kind: text(&names["listKind"]),
                short_names: texts(&names["shortNames"]),
                categories: texts(&names["categories"]),
                scope: if spec["scope"] == "Cluster" { Scope::Cluster } else { Scope::Namespaced },
                subresources: served,
                generation: true,
                table: format!("{plural}.{group}").into(),
                api_version: api_version(&group, &name).into(),
                custom: Some(CustomVersion {
                    definition: format!("{plural}.{group}"),
                    schema: version["schema"]["openAPIV3Schema"].clone(),
                    columns: version["additionalPrinterColumns"].clone(),
                    scale,
                    selectable: list(&version["selectableFields"])
                        .iter()
                        .map(|field| text(&field["jsonPath"]).trim_start_matches('.').to_owned())
                        .collect(),
                }),
                schema: OnceCell::new(),
            }
        })
        .collect()
}

/// Kubernetes' order of versions: stable before beta before alpha, then the higher number; names of
/// another shape come last.
fn priority(version: &str) -> (u8, u64, u64) {
    let parse = || {
        let rest = version.strip_prefix('v')?;
        for (word, stage) in [("beta", 2), ("alpha", 1)] {
            if let Some((major, minor)) = rest.split_once(word) {
                return Some((stage, major.parse().ok()?, minor.parse().ok()?));
            }
        }
        Some((3, rest.parse().ok()?, 0))
    };
    parse().unwrap_or((0, 0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_stability_then_number() {
        let mut versions = ["v1alpha1", "foo", "v2", "v1beta2", "v10", "v1beta10"];
        versions.sort_by_key(|version| std::cmp::Reverse(priority(version)));
        assert_eq!(versions, ["v10", "v2", "v1beta10", "v1beta2", "v1alpha1", "foo"]);
    }
}
