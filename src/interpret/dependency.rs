//! What a template refers to, and cannot run without (`spec/interpreter.md` §4.8).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::Fields;
use crate::api::selector::LabelSelector;

/// One reference, by name or by labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// API version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace; absent for an object that has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name; empty when labels select.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Labels of the objects, when no name is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<LabelSelector>,
}

/// Brings references into their order, each once: by API version, kind, namespace and name.
#[must_use]
pub fn in_order(mut dependencies: Vec<Dependency>) -> Vec<Dependency> {
    dependencies.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    dependencies.dedup();
    dependencies
}

fn sort_key(one: &Dependency) -> (&str, &str, Option<&str>, &str) {
    (&one.api_version, &one.kind, one.namespace.as_deref(), &one.name)
}

/// Names of core objects in one namespace, collected while a template is read.
#[derive(Default)]
pub(super) struct References<'v> {
    namespace: Option<&'v str>,
    named: BTreeSet<(&'static str, &'v str)>,
}

impl<'v> References<'v> {
    /// No references yet, to objects of `namespace`.
    pub(super) fn new(namespace: Option<&'v str>) -> Self {
        Self { namespace, named: BTreeSet::new() }
    }

    /// Adds a name; one that is absent or empty refers to nothing.
    pub(super) fn add(&mut self, kind: &'static str, name: Option<&'v str>) {
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            self.named.insert((kind, name));
        }
    }

    /// Adds a service account, unless it is the one that every namespace has.
    pub(super) fn add_service_account(&mut self, name: Option<&'v str>) {
        self.add("ServiceAccount", name.filter(|name| *name != "default"));
    }

    /// Forgets the names of `kind` that `is_own` knows.
    pub(super) fn forget(&mut self, kind: &str, is_own: impl Fn(&str) -> bool) {
        self.named.retain(|(of, name)| *of != kind || !is_own(name));
    }

    /// Adds everything that a pod with this template refers to.
    pub(super) fn add_pod(&mut self, template: &'v Value) {
        if let Some(spec) = template.field("spec") {
            self.add_pod_spec(spec);
        }
    }

    /// Adds everything that a pod with this `spec` refers to.
    pub(super) fn add_pod_spec(&mut self, pod: &'v Value) {
        self.add_service_account(pod.text("serviceAccountName"));
        for secret in pod.list("imagePullSecrets") {
            self.add("Secret", secret.text("name"));
        }
        for containers in ["containers", "initContainers", "ephemeralContainers"] {
            for container in pod.list(containers) {
                self.add_container(container);
            }
        }
        for volume in pod.list("volumes") {
            self.add_volume(volume);
        }
    }

    /// Adds what the environment of a container is taken from.
    pub(super) fn add_container(&mut self, container: &'v Value) {
        for variable in container.list("env") {
            self.add("ConfigMap", variable.text("valueFrom.configMapKeyRef.name"));
            self.add("Secret", variable.text("valueFrom.secretKeyRef.name"));
        }
        for source in container.list("envFrom") {
            self.add("ConfigMap", source.text("configMapRef.name"));
            self.add("Secret", source.text("secretRef.name"));
        }
    }

    /// Adds what a volume is filled from, and the secrets that open it.
    pub(super) fn add_volume(&mut self, volume: &'v Value) {
        for secret in [
            "azureFile.secretName",
            "cephfs.secretRef.name",
            "cinder.secretRef.name",
            "csi.nodePublishSecretRef.name",
            "flexVolume.secretRef.name",
            "iscsi.secretRef.name",
            "rbd.secretRef.name",
            "scaleIO.secretRef.name",
            "secret.secretName",
            "storageos.secretRef.name",
        ] {
            self.add("Secret", volume.text(secret));
        }
        self.add("ConfigMap", volume.text("configMap.name"));
        self.add("PersistentVolumeClaim", volume.text("persistentVolumeClaim.claimName"));
        for source in volume.list("projected.sources") {
            self.add("ConfigMap", source.text("configMap.name"));
            self.add("Secret", source.text("secret.name"));
        }
    }

    /// The references, in order.
    pub(super) fn into_dependencies(self) -> Vec<Dependency> {
        let namespace = self.namespace.map(str::to_owned);
        let dependencies = self.named.into_iter().map(|(kind, name)| Dependency {
            api_version: "v1".to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.clone(),
            name: name.to_owned(),
            label_selector: None,
        });
        dependencies.collect()
    }
}

/// What pods of this template refer to in `namespace`.
pub(super) fn of_pod(template: Option<&Value>, namespace: Option<&str>) -> Vec<Dependency> {
    let mut references = References::new(namespace);
    if let Some(template) = template {
        references.add_pod(template);
    }
    references.into_dependencies()
}
