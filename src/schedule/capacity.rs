//! How many more replicas a cluster can take, from what it reports of its nodes
//! (`spec/placement.md` §3.8).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::binding::{Component, ReplicaRequirements};
use crate::api::cluster::{Cluster, ResourceModel, ResourceSummary};
use crate::api::quantity::Quantity;

/// Pods that a node of a resource model is taken to hold at most: the kubelet's own default.
const NODE_PODS_MAX: i64 = 110;

/// Nodes of a resource model that are filled one by one at most; no Kubernetes has more.
const NODES_MAX: usize = 20_000;

/// The free resources of one cluster, read once for many bindings.
#[derive(Clone, Debug, Default)]
pub struct Capacity {
    /// Pods that fit yet; `None` for a cluster that reports no resources, which takes nothing.
    pods: Option<i64>,
    free: Vec<Free>,
    grades: Vec<Grade>,
    /// Replicas that were taken off since the cluster reported.
    n_taken: i64,
}

/// What is free of one resource.
#[derive(Clone, Debug)]
struct Free {
    resource: Arc<str>,
    nanos: i128,
    amount: i64,
}

/// The nodes of one grade of the cluster's resource model.
#[derive(Clone, Debug)]
struct Grade {
    n_nodes: i64,
    /// What each of its nodes has at least.
    minima: Vec<(Arc<str>, i64)>,
}

impl Capacity {
    /// What `cluster` reported.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        let Some(summary) = &cluster.status.resource_summary else { return Self::default() };
        let free = summary.allocatable.keys().map(|resource| {
            let nanos = free(summary, resource);
            Free { resource: Arc::from(&**resource), nanos, amount: amount(resource, nanos) }
        });
        let free: Vec<Free> = free.collect();
        let pods = amount("pods", self::free(summary, "pods"));
        let grades = grades(&cluster.spec.resource_models, summary);
        Self { pods: Some(pods), free, grades, n_taken: 0 }
    }

    /// Replicas that fit yet, each with these requirements.
    ///
    /// A cluster that reports nothing takes none; without requirements, as many as pods fit. With a
    /// resource model the nodes of its grades are counted, without one the sums over all nodes.
    #[must_use]
    pub fn replicas(&self, requirements: Option<&ReplicaRequirements>) -> i64 {
        let pods = self.pods.unwrap_or(0).max(0);
        let Some(requirements) = requirements.filter(|_| pods > 0) else { return pods };
        let wants: Vec<Want<'_>> = requirements
            .resource_request
            .iter()
            .filter(|(_, quantity)| quantity.value() > 0)
            .map(|(resource, quantity)| Want {
                resource,
                amount: amount(resource, quantity.nanos()),
            })
            .collect();
        let fit = if self.grades.is_empty() {
            self.in_sum(&wants)
        } else {
            let each = self.grades.iter().map(|grade| grade.replicas(&wants));
            let on_nodes = each.fold(0, i64::saturating_add);
            // On which nodes the taken ones are is not known: each counts as one of these, and the
            // sums bound them by what they really need.
            match self.n_taken {
                0 => on_nodes,
                taken => self.in_sum(&wants).min(on_nodes.saturating_sub(taken)),
            }
        };
        fit.clamp(0, pods)
    }

    fn in_sum(&self, wants: &[Want<'_>]) -> i64 {
        let fit = wants.iter().map(|want| self.free(want.resource).max(0) / want.amount);
        fit.min().unwrap_or(i64::MAX)
    }

    /// Sets of all components that fit yet.
    ///
    /// Amounts are compared exactly, however they are written. (Karmada compares thousandths of the
    /// one with wholes of the other when the two are written in different families of suffixes.)
    #[must_use]
    pub fn sets(&self, components: &[Component]) -> i64 {
        let pods = self.pods.unwrap_or(0).max(0);
        let pods_a_set: i64 = components.iter().map(|one| i64::from(one.replicas)).sum();
        if pods <= 0 || pods_a_set <= 0 {
            return pods;
        }
        let mut fit = pods / pods_a_set;
        let mut a_set: BTreeMap<&str, i128> = BTreeMap::new();
        for component in components {
            for (resource, quantity) in requests(component) {
                let nanos = quantity.nanos().saturating_mul(i128::from(component.replicas));
                let sum = a_set.entry(resource).or_default();
                *sum = sum.saturating_add(nanos);
            }
        }
        for (resource, nanos) in a_set.into_iter().filter(|(_, nanos)| *nanos > 0) {
            let free = self.find(resource).map_or(0, |free| free.nanos.max(0));
            fit = fit.min(i64::try_from(free / nanos).unwrap_or(i64::MAX));
        }
        if self.grades.is_empty() { fit } else { self.sets_on_nodes(components, fit) }
    }

    /// Fills the nodes of the grades, smallest first, set by set, until one does not fit.
    fn sets_on_nodes(&self, components: &[Component], max: i64) -> i64 {
        let nodes = self.grades.iter().flat_map(Grade::nodes);
        let mut nodes: Vec<Node> = nodes.take(NODES_MAX).collect();
        (0..max)
            .take_while(|_| {
                components.iter().all(|component| {
                    let mut left = i64::from(component.replicas);
                    for node in &mut nodes {
                        left -= node.take(component, left);
                        if left == 0 {
                            break;
                        }
                    }
                    left == 0
                })
            })
            .count() as i64
    }

    /// Takes off what `replicas` need, each of them these amounts.
    pub fn take(&mut self, requests: &BTreeMap<String, Quantity>, replicas: i64) {
        let Some(pods) = &mut self.pods else { return };
        *pods = pods.saturating_sub(replicas);
        self.n_taken = self.n_taken.saturating_add(replicas);
        for (resource, quantity) in requests {
            if let Some(free) = self.free.iter_mut().find(|free| *free.resource == **resource) {
                free.nanos = free
                    .nanos
                    .saturating_sub(quantity.nanos().saturating_mul(i128::from(replicas)));
                free.amount = amount(resource, free.nanos);
            }
        }
    }

    fn find(&self, resource: &str) -> Option<&Free> {
        self.free.iter().find(|free| *free.resource == *resource)
    }

    fn free(&self, resource: &str) -> i64 {
        self.find(resource).map_or(0, |free| free.amount)
    }
}

/// What a replica wants of one resource, more than nothing.
struct Want<'a> {
    resource: &'a str,
    amount: i64,
}

/// A node of a resource model while it is being filled.
struct Node {
    pods: i64,
    free: Vec<(Arc<str>, i64)>,
}

impl Node {
    /// Puts up to `n` replicas of the component here; how many.
    fn take(&mut self, component: &Component, n: i64) -> i64 {
        let wants = || {
            requests(component)
                .map(|(resource, quantity)| (resource, amount(resource, quantity.nanos())))
                .filter(|(_, amount)| *amount > 0)
        };
        let mut fit = n.min(self.pods);
        for (resource, amount) in wants() {
            match self.free.iter().find(|(name, _)| **name == *resource) {
                Some((_, free)) => fit = fit.min(free / amount),
                None if is_counted(resource) => fit = 0,
                None => {}
            }
        }
        for (resource, amount) in wants() {
            for (_, free) in self.free.iter_mut().filter(|(name, _)| **name == *resource) {
                *free -= amount.saturating_mul(fit);
            }
        }
        self.pods -= fit;
        fit
    }
}

impl Grade {
    fn replicas(&self, wants: &[Want<'_>]) -> i64 {
        let on_a_node = wants.iter().map(|want| {
            match self.minima.iter().find(|(name, _)| **name == *want.resource) {
                Some((_, least)) => least / want.amount,
                None if is_counted(want.resource) => 0,
                None => NODE_PODS_MAX,
            }
        });
        self.n_nodes.saturating_mul(on_a_node.min().unwrap_or(NODE_PODS_MAX).min(NODE_PODS_MAX))
    }

    fn nodes(&self) -> impl Iterator<Item = Node> {
        let n_nodes = usize::try_from(self.n_nodes).unwrap_or(0);
        std::iter::repeat_with(|| Node { pods: NODE_PODS_MAX, free: self.minima.clone() })
            .take(n_nodes)
    }
}

fn requests(component: &Component) -> impl Iterator<Item = (&str, &Quantity)> {
    let requests = component.replica_requirements.iter().flat_map(|one| &one.resource_request);
    requests.map(|(resource, quantity)| (resource.as_str(), quantity))
}

/// Whether the resources of a node say how much of it there is: what is neither of the three basic
/// ones nor an extended resource is not counted there.
fn is_counted(resource: &str) -> bool {
    matches!(resource, "cpu" | "memory" | "ephemeral-storage")
        || resource.contains('/')
        || resource.starts_with("hugepages-")
        || resource.starts_with("attachable-volumes-")
}

/// Thousandths of a CPU, whole units of anything else; rounded away from zero.
fn amount(resource: &str, nanos: i128) -> i64 {
    let unit: i128 = if resource == "cpu" { 1_000_000 } else { 1_000_000_000 };
    let rounded = nanos / unit + (nanos % unit).signum();
    i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
}

fn free(summary: &ResourceSummary, resource: &str) -> i128 {
    let of = |map: &BTreeMap<String, Quantity>| map.get(resource).map_or(0, Quantity::nanos);
    of(&summary.allocatable)
        .saturating_sub(of(&summary.allocated))
        .saturating_sub(of(&summary.allocating))
}

/// The grades of the model that have nodes; none when the model cannot be used.
fn grades(models: &[ResourceModel], summary: &ResourceSummary) -> Vec<Grade> {
    let counts = &summary.allocatable_modelings;
    if models.is_empty() || counts.iter().any(|one| one.count < 0) {
        return Vec::new();
    }
    let mut sorted: Vec<&ResourceModel> = models.iter().collect();
    sorted.sort_by_key(|model| model.grade);
    let grade = |model: &&ResourceModel| {
        let n_nodes = counts.iter().find(|one| one.grade == model.grade)?.count;
        let minimum = |range: &crate::api::cluster::ResourceModelRange| {
            (Arc::from(&*range.name), amount(&range.name, range.min.nanos()))
        };
        Some(Grade { n_nodes, minima: model.ranges.iter().map(minimum).collect() })
    };
    sorted.iter().filter_map(grade).collect()
}
