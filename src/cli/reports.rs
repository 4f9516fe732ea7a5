//! What clusters are supposed to report, for `plan --reports`.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::unreadable;
use crate::api::cluster::{Cluster, ClusterStatus};
use crate::api::decode::unknown_status_fields;
use crate::api::manifest::Manifest;
use crate::api::meta::Resource;
use crate::api::names::ClusterName;
use crate::api::yaml;
use crate::daemon::Fault;
use crate::fleet::Fleet;

/// Reads a map from the names of clusters to what each reports, in the shape of a Cluster's `status`.
///
/// # Errors
/// The file cannot be read, says something else, or names a cluster that `fleet` does not have.
pub(super) fn read(
    path: &Path,
    fleet: &Fleet,
) -> Result<BTreeMap<ClusterName, ClusterStatus>, Fault> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    let statuses: BTreeMap<ClusterName, ClusterStatus> =
        yaml::from_bytes(&bytes).map_err(|error| unreadable(path, &error))?;
    let written: BTreeMap<ClusterName, Value> =
        yaml::from_bytes(&bytes).map_err(|error| unreadable(path, &error))?;
    let wrong = |text: String, hint: String| {
        Fault::new("CONFIG_READ", format!("{}: {text}", path.display()), hint)
    };
    for (name, status) in written {
        if !fleet.clusters.contains_key(name.as_str()) {
            let known = fleet.clusters.keys().map(ClusterName::as_str).collect::<Vec<_>>();
            let hint = format!("the clusters of the commit are: {}", known.join(", "));
            return Err(wrong(format!("the commit has no cluster {name}"), hint));
        }
        let cluster = json!({
            "apiVersion": Cluster::API_VERSION, "kind": Cluster::KIND, "status": status,
        });
        let manifest = Manifest(cluster.as_object().cloned().unwrap_or_default());
        if let Some(unknown) = unknown_status_fields(&manifest).into_iter().next() {
            let hint = match &unknown.meant {
                Some(meant) => format!("`{meant}` was probably meant"),
                None => format!("there may be: {}", unknown.known.join(", ")),
            };
            let text = format!("cluster {name}: there is no field `{}`", unknown.path);
            return Err(wrong(text, hint));
        }
    }
    Ok(statuses)
}
