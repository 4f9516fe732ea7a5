//! What a cluster serves: which plural and scope a kind has, in which versions.
//!
//! Two requests when the server has aggregated discovery (Kubernetes 1.26), one a group version
//! when it has not. A group that could not be asked (an aggregated API that is down) is *unsure*:
//! its kinds are not gone, and nothing may be concluded from not finding them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;

use crate::api::manifest::GroupKind;

use super::wire::{Api, RequestError, json};

/// What asks for all kinds in one document; a server that has no such document answers as it used to.
pub const ACCEPT: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

/// One kind in one version, as the server serves it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// API group, empty for the core group.
    pub group: Arc<str>,
    /// Version, e.g. `v1`.
    pub version: Arc<str>,
    /// Kind.
    pub kind: Arc<str>,
    /// Name in paths, e.g. `deployments`.
    pub plural: Arc<str>,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether it can be listed and watched.
    pub watchable: bool,
}

/// What a cluster serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovery {
    /// By group and kind; the server's preferred version first.
    kinds: BTreeMap<GroupKind, Vec<Resource>>,
    /// Groups that could not be asked.
    unsure: BTreeSet<String>,
}

/// Answer to "how is this kind served?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<'d> {
    /// So.
    Served(&'d Resource),
    /// Not in this version, but in these others.
    OtherVersions(&'d [Resource]),
    /// Not at all.
    NotServed,
    /// Nobody knows: its group could not be asked.
    Unsure,
}

impl Discovery {
    /// Asks the cluster. What of `before` could not be asked again is kept.
    pub async fn ask(api: &Api, before: Option<&Self>) -> Result<Self, RequestError> {
        let mut found = Self::default();
        for root in ["/api", "/apis"] {
            let bytes = api.get_raw(root, ACCEPT).await?;
            let list: Root = json(&bytes)?;
            if list.kind == "APIGroupDiscoveryList" {
                for group in list.items {
                    found.add_group(group);
                }
            } else if root == "/api" {
                for version in &list.versions {
                    found.ask_version(api, "", version).await?;
                }
            } else {
                for group in list.groups {
                    for version in group.in_order() {
                        found.ask_version(api, &group.name, version).await?;
                    }
                }
            }
        }
        if let Some(before) = before {
            for (group_kind, resources) in &before.kinds {
                if found.unsure.contains(&*group_kind.group) {
                    found.kinds.entry(group_kind.clone()).or_insert_with(|| resources.clone());
                }
            }
        }
        Ok(found)
    }

    /// How `kind` is served.
    pub fn find(&self, group_kind: &GroupKind, version: &str) -> Lookup<'_> {
        match self.kinds.get(group_kind) {
            Some(resources) => resources
                .iter()
                .find(|resource| *resource.version == *version)
                .map_or(Lookup::OtherVersions(resources), Lookup::Served),
            None if self.unsure.contains(&*group_kind.group) => Lookup::Unsure,
            None => Lookup::NotServed,
        }
    }

    /// The kind in the version that the server prefers.
    pub fn preferred(&self, group_kind: &GroupKind) -> Lookup<'_> {
        match self.kinds.get(group_kind).and_then(|resources| resources.first()) {
            Some(resource) => Lookup::Served(resource),
            None if self.unsure.contains(&*group_kind.group) => Lookup::Unsure,
            None => Lookup::NotServed,
        }
    }

    /// Whether every group could be asked.
    pub fn is_complete(&self) -> bool {
        self.unsure.is_empty()
    }

    /// Every kind, in the version that the server prefers.
    pub fn kinds(&self) -> impl Iterator<Item = &Resource> {
        self.kinds.values().filter_map(|versions| versions.first())
    }

    /// Every kind in every version.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.kinds.values().flatten()
    }

    fn add(&mut self, resource: Resource) {
        let group_kind = GroupKind { group: resource.group.clone(), kind: resource.kind.clone() };
        let known = self.kinds.entry(group_kind).or_default();
        // Two resources of one kind and version exist (`Scale` is not among them: it is a
        // subresource); the first one is the kind's own.
        if known.iter().all(|other| other.version != resource.version) {
            known.push(resource);
        }
    }

    fn add_group(&mut self, group: AggregatedGroup) {
        let name: Arc<str> = Arc::from(group.metadata.name);
        for version in group.versions {
            if version.freshness == "Stale" {
                self.unsure.insert(name.to_string());
            }
            let version_name: Arc<str> = Arc::from(version.version);
            for resource in version.resources {
                let Some(kind) = resource.response_kind.map(|kind| kind.kind) else { continue };
                self.add(Resource {
                    group: name.clone(),
                    version: version_name.clone(),
                    kind: Arc::from(kind),
                    plural: Arc::from(resource.resource),
                    namespaced: resource.scope == "Namespaced",
                    watchable: is_watchable(&resource.verbs),
                });
            }
        }
    }

    async fn ask_version(
        &mut self,
        api: &Api,
        group: &str,
        version: &str,
    ) -> Result<(), RequestError> {
        let path = if group.is_empty() {
            format!("/api/{version}")
        } else {
            format!("/apis/{group}/{version}")
        };
        let bytes = match api.get_raw(&path, "application/json").await {
            Ok(bytes) => bytes,
            Err(error) if error.is_of_cluster() => return Err(error),
            Err(_) => {
                self.unsure.insert(group.to_owned());
                return Ok(());
            }
        };
        let list: PlainList = json(&bytes)?;
        let (group, version): (Arc<str>, Arc<str>) = (Arc::from(group), Arc::from(version));
        for resource in list.resources {
            if resource.name.contains('/') {
                continue;
            }
            self.add(Resource {
                group: group.clone(),
                version: version.clone(),
                kind: Arc::from(resource.kind),
                plural: Arc::from(resource.name),
                namespaced: resource.namespaced,
                watchable: is_watchable(&resource.verbs),
            });
        }
        Ok(())
    }
}

fn is_watchable(verbs: &[String]) -> bool {
    ["list", "watch"].iter().all(|verb| verbs.iter().any(|have| have == verb))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Root {
    kind: String,
    items: Vec<AggregatedGroup>,
    versions: Vec<String>,
    groups: Vec<PlainGroup>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AggregatedGroup {
    metadata: AggregatedName,
    versions: Vec<AggregatedVersion>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AggregatedName {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AggregatedVersion {
    version: String,
    freshness: String,
    resources: Vec<AggregatedResource>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AggregatedResource {
    resource: String,
    response_kind: Option<AggregatedKind>,
    scope: String,
    verbs: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AggregatedKind {
    kind: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PlainGroup {
    name: String,
    versions: Vec<PlainVersion>,
    preferred_version: PlainVersion,
}

impl PlainGroup {
    /// Versions, the preferred one first.
    fn in_order(&self) -> Vec<&str> {
        let preferred = &*self.preferred_version.version;
        let others = self.versions.iter().map(|v| &*v.version).filter(|v| *v != preferred);
        Some(preferred).filter(|v| !v.is_empty()).into_iter().chain(others).collect()
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PlainVersion {
    version: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PlainList {
    resources: Vec<PlainResource>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PlainResource {
    name: String,
    kind: String,
    namespaced: bool,
    verbs: Vec<String>,
}
