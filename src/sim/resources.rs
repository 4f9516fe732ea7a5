//! The resources a simulated member serves: the built-in kinds as one table, and those that CRDs add.
//!
//! Neighbours: [`super::discovery`] prints this table, [`super::route`] looks requests up in it,
//! [`super::crd`] adds rows. Not here: how objects of a kind merge (`super::apply`).

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value;

use super::apply::Schema;

/// Whether objects of a resource live in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Namespaced,
    Cluster,
}

/// Where a custom resource keeps what its scale subresource shows, as dotted paths.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ScalePaths {
    pub replicas: String,
    pub status_replicas: String,
    pub selector: Option<String>,
}

/// What a CRD says about one of its versions.
#[derive(Debug)]
pub(super) struct CustomVersion {
    /// Name of the CRD, e.g. `widgets.example.com`.
    pub definition: String,
    /// `openAPIV3Schema` of this version.
    pub schema: Value,
    /// `additionalPrinterColumns` of this version.
    pub columns: Value,
    pub scale: Option<ScalePaths>,
    /// Dotted paths of `selectableFields`.
    pub selectable: Vec<String>,
}

/// One served resource in one version.
#[derive(Debug)]
pub(super) struct Resource {
    pub group: Rc<str>,
    pub version: Rc<str>,
    pub plural: Rc<str>,
    pub singular: String,
    pub kind: Rc<str>,
    pub list_kind: String,
    pub short_names: Vec<String>,
    pub categories: Vec<String>,
    pub scope: Scope,
    /// `status`, `scale` and others that are served, in discovery's order.
    pub subresources: Vec<String>,
    /// Whether objects count their changes in `metadata.generation`.
    pub generation: bool,
    /// Name of the storage that all versions of the resource share.
    pub table: Rc<str>,
    /// `group/version`, or `v1`.
    pub api_version: Rc<str>,
    pub custom: Option<CustomVersion>,
    /// How objects merge; made when one is first written.
    pub schema: OnceCell<Arc<Schema>>,
}

impl Resource {
    /// How lists and maps of the kind merge.
    pub(super) fn schema(&self) -> &Schema {
        self.schema.get_or_init(|| {
            let custom = self.custom.as_ref().map(|custom| &custom.schema);
            Schema::of(&self.group, &self.version, &self.kind, custom)
        })
    }

    /// Whether `subresource` is served.
    pub(super) fn has(&self, subresource: &str) -> bool {
        self.subresources.iter().any(|served| served == subresource)
    }

    /// `deployments.apps`, or `pods` for the core group: how messages name a resource.
    pub(super) fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_string()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// Whether objects are only reviewed and answered, never stored.
    pub(super) fn is_review(&self) -> bool {
        matches!(&*self.group, "authorization.k8s.io" | "authentication.k8s.io")
    }
}

/// One row: group, version, plural, kind, scope (`N`/`C`), short names, categories, subresources, and
/// `g` when generations are counted. `-` stands for nothing.
const BUILT_IN: &str = "
- v1 bindings Binding N - - - -
- v1 configmaps ConfigMap N cm - - -
- v1 endpoints Endpoints N ep - - -
- v1 events Event N ev - - -
- v1 limitranges LimitRange N limits - - -
- v1 namespaces Namespace C ns - finalize,status -
- v1 nodes Node C no - status -
- v1 persistentvolumeclaims PersistentVolumeClaim N pvc - status -
- v1 persistentvolumes PersistentVolume C pv - status -
- v1 pods Pod N po all binding,eviction,ephemeralcontainers,exec,log,resize,status g
- v1 podtemplates PodTemplate N - - - g
- v1 replicationcontrollers ReplicationController N rc all scale,status g
- v1 resourcequotas ResourceQuota N quota - status -
- v1 secrets Secret N - - - -
- v1 serviceaccounts ServiceAccount N sa - token -
- v1 services Service N svc all status -
admissionregistration.k8s.io v1 mutatingwebhookconfigurations MutatingWebhookConfiguration C - api-extensions - g
admissionregistration.k8s.io v1 validatingadmissionpolicies ValidatingAdmissionPolicy C - api-extensions status g
admissionregistration.k8s.io v1 validatingadmissionpolicybindings ValidatingAdmissionPolicyBinding C - api-extensions - g
admissionregistration.k8s.io v1 validatingwebhookconfigurations ValidatingWebhookConfiguration C - api-extensions - g
apiextensions.k8s.io v1 customresourcedefinitions CustomResourceDefinition C crd,crds api-extensions status g
apiregistration.k8s.io v1 apiservices APIService C - api-extensions status -
apps v1 controllerrevisions ControllerRevision N - - - -
apps v1 daemonsets DaemonSet N ds all status g
apps v1 deployments Deployment N deploy all scale,status g
apps v1 replicasets ReplicaSet N rs all scale,status g
apps v1 statefulsets StatefulSet N sts all scale,status g
authentication.k8s.io v1 selfsubjectreviews SelfSubjectReview C - - - -
authorization.k8s.io v1 localsubjectaccessreviews LocalSubjectAccessReview N - - - -
authorization.k8s.io v1 selfsubjectaccessreviews SelfSubjectAccessReview C - - - -
authorization.k8s.io v1 selfsubjectrulesreviews SelfSubjectRulesReview C - - - -
authorization.k8s.io v1 subjectaccessreviews SubjectAccessReview C - - - -
autoscaling v2 horizontalpodautoscalers HorizontalPodAutoscaler N hpa all status -
autoscaling v1 horizontalpodautoscalers HorizontalPodAutoscaler N hpa all status -
batch v1 cronjobs CronJob N cj all status g
batch v1 jobs Job N - all status g
coordination.k8s.io v1 leases Lease N - - - -
discovery.k8s.io v1 endpointslices EndpointSlice N - - - g
events.k8s.io v1 events Event N ev - - -
networking.k8s.io v1 ingressclasses IngressClass C - - - g
networking.k8s.io v1 ingresses Ingress N ing - status g
networking.k8s.io v1 networkpolicies NetworkPolicy N netpol - - g
node.k8s.io v1 runtimeclasses RuntimeClass C - - - -
policy v1 poddisruptionbudgets PodDisruptionBudget N pdb - status g
rbac.authorization.k8s.io v1 clusterrolebindings ClusterRoleBinding C - - - -
rbac.authorization.k8s.io v1 clusterroles ClusterRole C - - - -
rbac.authorization.k8s.io v1 rolebindings RoleBinding N - - - -
rbac.authorization.k8s.io v1 roles Role N - - - -
scheduling.k8s.io v1 priorityclasses PriorityClass C pc - - g
storage.k8s.io v1 csidrivers CSIDriver C - - - -
storage.k8s.io v1 csinodes CSINode C - - - -
storage.k8s.io v1 csistoragecapacities CSIStorageCapacity N - - - -
storage.k8s.io v1 storageclasses StorageClass C sc - - -
storage.k8s.io v1 volumeattachments VolumeAttachment C - - status -
";

/// What people call a kind that every cluster has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Plural in lower case.
    pub plural: String,
    /// Short names.
    pub short_names: Vec<String>,
}

/// The kinds that every cluster has. One that is served in two versions comes twice.
pub fn built_in_kinds() -> impl Iterator<Item = BuiltIn> {
    BUILT_IN.lines().filter(|row| !row.is_empty()).map(|row| {
        let Resource { group, kind, plural, short_names, .. } = built_in(row);
        let [group, kind, plural] = [group, kind, plural].map(|text| text.to_string());
        BuiltIn { group, kind, plural, short_names }
    })
}

fn words(cell: &str) -> Vec<String> {
    if cell == "-" { Vec::new() } else { cell.split(',').map(str::to_owned).collect() }
}

/// One row of such a table.
pub(super) fn built_in(row: &str) -> Resource {
    let mut cells = row.split(' ');
    let mut cell = || cells.next().expect("every row of the table has nine cells");
    let group = match cell() {
        "-" => "",
        group => group,
    };
    let (version, plural, kind) = (cell(), cell(), cell());
    let scope = if cell() == "N" { Scope::Namespaced } else { Scope::Cluster };
    let (short_names, categories, subresources) = (words(cell()), words(cell()), words(cell()));
    let generation = cell() == "g";
    // One event is stored once, whichever of its two groups is asked.
    let table = if plural == "events" { "events.".to_owned() } else { format!("{plural}.{group}") };
    Resource {
        group: group.into(),
        version: version.into(),
        plural: plural.into(),
        singular: kind.to_lowercase(),
        kind: kind.into(),
        list_kind: format!("{kind}List"),
        short_names,
        categories,
        scope,
        subresources,
        generation,
        table: table.into(),
        api_version: api_version(group, version).into(),
        custom: None,
        schema: OnceCell::new(),
    }
}

/// `group/version`, or the version alone for the core group.
pub(super) fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// Every resource one member serves now.
#[derive(Debug)]
pub(super) struct Registry {
    by_path: BTreeMap<String, Rc<Resource>>,
    /// Group, then its versions with the preferred one first.
    groups: BTreeMap<Rc<str>, Vec<Rc<str>>>,
}

impl Registry {
    /// The built-in kinds.
    pub(super) fn built_in() -> Self {
        let mut registry = Self { by_path: BTreeMap::new(), groups: BTreeMap::new() };
        for row in BUILT_IN.lines().filter(|row| !row.is_empty()) {
            registry.add(built_in(row));
        }
        registry
    }

    /// Adds or replaces one resource; versions of a group keep the order in which they come.
    pub(super) fn add(&mut self, resource: Resource) {
        let versions = self.groups.entry(resource.group.clone()).or_default();
        if !versions.contains(&resource.version) {
            versions.push(resource.version.clone());
        }
        self.by_path
            .insert(format!("{}/{}", resource.api_version, resource.plural), Rc::new(resource));
    }

    /// Removes every version that the CRD `definition` serves.
    pub(super) fn remove_custom(&mut self, definition: &str) {
        self.by_path.retain(|_, resource| {
            resource.custom.as_ref().is_none_or(|custom| custom.definition != definition)
        });
        let served = &self.by_path;
        self.groups.retain(|group, versions| {
            versions.retain(|version| {
                let prefix = format!("{}/", api_version(group, version));
                served
                    .range(prefix.clone()..)
                    .next()
                    .is_some_and(|(path, _)| path.starts_with(&prefix))
            });
            !versions.is_empty()
        });
    }

    /// The resource behind `/apis/<group>/<version>/<plural>`.
    pub(super) fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Rc<Resource>> {
        let path = if group.is_empty() {
            format!("{version}/{plural}")
        } else {
            format!("{group}/{version}/{plural}")
        };
        self.by_path.get(&path)
    }

    /// The resource of a kind, as owner references and workloads name it.
    pub(super) fn of_kind(&self, api_version: &str, kind: &str) -> Option<&Rc<Resource>> {
        self.of_group_version(api_version).find(|resource| &*resource.kind == kind)
    }

    /// Every group with its versions, preferred first; the core group is the empty name.
    pub(super) fn groups(&self) -> impl Iterator<Item = (&Rc<str>, &Vec<Rc<str>>)> {
        self.groups.iter()
    }

    /// The resources of one `group/version`, by plural.
    pub(super) fn of_group_version(
        &self,
        api_version: &str,
    ) -> impl Iterator<Item = &Rc<Resource>> {
        let prefix = format!("{api_version}/");
        let n_segments = prefix.matches('/').count();
        self.by_path
            .range(prefix.clone()..)
            .take_while(move |(path, _)| path.starts_with(&prefix))
            // `v1/` of the core group is not the start of a longer group and version.
            .filter(move |(path, _)| path.matches('/').count() == n_segments)
            .map(|(_, resource)| resource)
    }

    /// Every resource.
    pub(super) fn all(&self) -> impl Iterator<Item = &Rc<Resource>> {
        self.by_path.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_found_again() {
        let registry = Registry::built_in();
        let deployments = registry.find("apps", "v1", "deployments").unwrap();
        assert_eq!((&*deployments.kind, deployments.has("scale")), ("Deployment", true));
        assert_eq!(registry.of_group_version("v1").count(), 16);
        assert_eq!(registry.of_kind("v1", "Pod").unwrap().short_names, ["po"]);
        assert!(
            registry
                .all()
                .all(|r| r.scope == Scope::Namespaced || !r.categories.contains(&"all".to_owned()))
        );
    }

    #[test]
    fn the_preferred_version_comes_first() {
        let registry = Registry::built_in();
        let (_, versions) =
            registry.groups().find(|(group, _)| &***group == "autoscaling").unwrap();
        assert_eq!(versions.iter().map(|v| &**v).collect::<Vec<_>>(), ["v2", "v1"]);
    }
}
