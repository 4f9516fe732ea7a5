//! Rules for ResourceRegistry, and for WorkloadRebalancer.

use url::Url;

use crate::api::resource_registry::ResourceRegistrySpec;
use crate::api::workload_rebalancer::WorkloadRebalancerSpec;

use super::super::names::bad_dns_label;
use super::super::object::Checked;
use super::super::report::shown;
use super::selector::cluster_affinity;

/// All rules for a ResourceRegistry.
pub(in super::super) fn registry(checked: &mut Checked<'_, '_>, spec: &ResourceRegistrySpec) {
    cluster_affinity(checked, &spec.target_cluster, "/spec/targetCluster");
    for (idx, selector) in spec.resource_selectors.iter().enumerate() {
        let pointer = format!("/spec/resourceSelectors/{idx}");
        if selector.api_version.matches('/').count() > 1 {
            checked.error(
                &format!("{pointer}/apiVersion"),
                "FIELD_INVALID",
                format!("`{}` is no apiVersion", shown(&selector.api_version)),
                "write it like apps/v1",
            );
        }
        if !selector.namespace.is_empty()
            && let Some(rule) = bad_dns_label(&selector.namespace)
        {
            checked.error(
                &format!("{pointer}/namespace"),
                "OBJ_BAD_NAME",
                format!("the namespace `{}` {rule}", shown(&selector.namespace)),
                "write the name of a namespace, or remove it for all",
            );
        }
    }
    let store = spec.backend_store.as_ref().and_then(|store| store.open_search.as_ref());
    for (idx, address) in store.iter().flat_map(|store| &store.addresses).enumerate() {
        let names_host = |url: &Url| {
            address.split_once("://").is_some_and(|(_, rest)| !rest.starts_with('/'))
                && url.has_host()
        };
        let is_right = Url::parse(address)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && names_host(&url));
        if !is_right {
            // Never shown: it may hold a password.
            checked.error(
                &format!("/spec/backendStore/openSearch/addresses/{idx}"),
                "FIELD_INVALID",
                "the address is no http or https URL with a host",
                "write it like https://search.example.com:9200",
            );
        }
    }
}

/// All rules for a WorkloadRebalancer.
pub(in super::super) fn rebalancer(checked: &mut Checked<'_, '_>, spec: &WorkloadRebalancerSpec) {
    if spec.workloads.is_empty() {
        checked.error_at_key(
            "/spec/workloads",
            "OBJ_MISSING_FIELD",
            "`workloads` is empty",
            "name the workloads, at least one",
        );
    }
}
