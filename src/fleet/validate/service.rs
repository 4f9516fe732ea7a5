//! Rules for MultiClusterService.

use std::collections::BTreeSet;

use crate::api::multi_cluster_service::{ClusterSelector, MultiClusterService};
use crate::api::names::ClusterName;

use super::super::names::{bad_dns_label, bad_service_name};
use super::super::object::Checked;
use super::super::report::shown;
use super::fields::port;

/// All rules for a MultiClusterService.
pub(in super::super) fn service(checked: &mut Checked<'_, '_>, service: &MultiClusterService) {
    let (name, spec) = (&service.metadata.name, &service.spec);
    if let Some(rule) = bad_service_name(name) {
        checked.error(
            "/metadata/name",
            "OBJ_BAD_NAME",
            format!("the name `{}` {rule}", shown(name)),
            "name it like the Service that it exposes",
        );
    }
    if spec.types.iter().collect::<BTreeSet<_>>().len() > 1 {
        checked.error_at_key(
            "/spec/types",
            "FIELD_CONFLICT",
            "a service is exposed in one way only",
            "keep CrossCluster or LoadBalancer",
        );
    }
    let mut names = BTreeSet::new();
    for (idx, exposed) in spec.ports.iter().enumerate() {
        let pointer = format!("/spec/ports/{idx}");
        if !exposed.name.is_empty() {
            if let Some(rule) = bad_dns_label(&exposed.name) {
                checked.error(
                    &format!("{pointer}/name"),
                    "OBJ_BAD_NAME",
                    format!("the port's name `{}` {rule}", shown(&exposed.name)),
                    "write it as it stands in the Service",
                );
            }
            if !names.insert(exposed.name.as_str()) {
                checked.error(
                    &format!("{pointer}/name"),
                    "FIELD_CONFLICT",
                    format!("another port is named {} already", shown(&exposed.name)),
                    "give each its own name",
                );
            }
        }
        port(checked, exposed.port, &format!("{pointer}/port"));
    }
    clusters(checked, &spec.provider_clusters, "/spec/providerClusters");
    clusters(checked, &spec.consumer_clusters, "/spec/consumerClusters");
}

fn clusters(checked: &mut Checked<'_, '_>, clusters: &[ClusterSelector], pointer: &str) {
    for (idx, cluster) in clusters.iter().enumerate() {
        if let Err(error) = ClusterName::new(&cluster.name) {
            checked.error(
                &format!("{pointer}/{idx}/name"),
                "CLUSTER_BAD_NAME",
                error.to_string(),
                "write the name of a Cluster of the fleet",
            );
        }
    }
}
