//! What CustomResourceDefinitions of the fleet let the clusters serve.
//!
//! Karmada waits until a cluster reports a new API before it places anything of it, which takes as
//! many rounds as there are steps. Here a definition and its resources come in one commit, so a
//! cluster that gets the definition counts as serving it in the same plan; the executor applies
//! the resources when the definition is established.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::PlannedBinding;
use super::rendered::blob_id;
use crate::api::cluster::{ApiEnablement, ApiResource, Cluster};
use crate::api::manifest::{GroupKind, Manifest};
use crate::api::names::{ClusterName, ObjectId};

/// Whether a template is a CustomResourceDefinition.
pub(super) fn is_definition(group_kind: &GroupKind) -> bool {
    (&*group_kind.group, &*group_kind.kind) == ("apiextensions.k8s.io", "CustomResourceDefinition")
}

/// One API: group and version, plural, kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Api {
    group_version: String,
    plural: String,
    kind: String,
}

/// The APIs that each cluster will serve because the fleet defines them there.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    by_cluster: BTreeMap<ClusterName, BTreeSet<Api>>,
}

impl Definitions {
    /// Notes where a definition was placed.
    pub(super) fn place(&mut self, definition: &Manifest, planned: &PlannedBinding) {
        let apis = apis(definition);
        for cluster in planned.works.keys() {
            self.by_cluster.entry(cluster.clone()).or_default().extend(apis.iter().cloned());
        }
    }

    /// Clusters with what they will serve, added to what they report; only those that gain by it.
    pub(super) fn widen<'c>(
        &self,
        clusters: impl Iterator<Item = (&'c ClusterName, &'c Cluster)>,
    ) -> BTreeMap<ClusterName, Cluster> {
        let mut wider = BTreeMap::new();
        for (name, cluster) in clusters {
            let Some(apis) = self.by_cluster.get(name) else { continue };
            let served = |api: &&Api| cluster.status.serves(&api.group_version, &api.kind);
            let new: Vec<&Api> = apis.iter().filter(|api| !served(api)).collect();
            if new.is_empty() {
                continue;
            }
            let mut cluster = cluster.clone();
            for api in new {
                cluster.status.api_enablements.push(ApiEnablement {
                    group_version: api.group_version.clone(),
                    resources: vec![ApiResource {
                        name: api.plural.clone(),
                        kind: api.kind.clone(),
                    }],
                });
            }
            wider.insert(name.clone(), cluster);
        }
        wider
    }

    /// Changes iff what the clusters will serve does.
    pub(super) fn basis(&self, world: ObjectId) -> ObjectId {
        let mut bytes = world.as_bytes().to_vec();
        for (cluster, apis) in &self.by_cluster {
            for api in apis {
                bytes.extend(format!("{cluster} {} {}\n", api.group_version, api.kind).bytes());
            }
        }
        blob_id(&bytes)
    }
}

/// The APIs that a definition brings: its served versions.
fn apis(definition: &Manifest) -> Vec<Api> {
    let spec = definition.0.get("spec").unwrap_or(&Value::Null);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (group, names) = (text(&spec["group"]), &spec["names"]);
    let versions = spec["versions"].as_array().into_iter().flatten();
    versions
        .filter(|version| version["served"] == Value::Bool(true))
        .map(|version| Api {
            group_version: format!("{group}/{}", text(&version["name"])),
            plural: text(&names["plural"]),
            kind: text(&names["kind"]),
        })
        .collect()
}
