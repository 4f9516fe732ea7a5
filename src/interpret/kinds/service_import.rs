//! `multicluster.x-k8s.io/v1alpha1 ServiceImport`.

use std::collections::BTreeMap;

use super::Kind;
use crate::api::manifest::Manifest;
use crate::api::selector::LabelSelector;
use crate::interpret::dependency::Dependency;
use crate::interpret::fields::Unreadable;

/// A Service of other clusters: goes along with the Service made for it, and its endpoints.
pub(super) struct ServiceImport;

impl Kind for ServiceImport {
    fn matches(&self) -> (&'static str, &'static str) {
        ("multicluster.x-k8s.io/v1alpha1", "ServiceImport")
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        let namespace = template.namespace().map(str::to_owned);
        let name = format!("derived-{}", template.name());
        let endpoints = LabelSelector {
            match_labels: BTreeMap::from([("kubernetes.io/service-name".to_owned(), name.clone())]),
            ..LabelSelector::default()
        };
        Ok(vec![
            Dependency {
                api_version: "v1".to_owned(),
                kind: "Service".to_owned(),
                namespace: namespace.clone(),
                name,
                label_selector: None,
            },
            Dependency {
                api_version: "discovery.k8s.io/v1".to_owned(),
                kind: "EndpointSlice".to_owned(),
                namespace,
                name: String::new(),
                label_selector: Some(endpoints),
            },
        ])
    }
}
