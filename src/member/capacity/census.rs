//! What is kept of nodes and pods, and what it adds up to. No I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::cluster::{AllocatableModeling, NodeSummary, ResourceModel, ResourceSummary};
use crate::api::quantity::Quantity;
use crate::member::watch::Seen;

/// Amounts by the name of the resource.
pub(super) type Amounts = BTreeMap<String, Quantity>;
/// An object's uid, and what is kept of it.
pub(super) type Named<T> = (Box<str>, T);

/// What a cluster's nodes are, have and have left.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::member) struct Room {
    /// How many nodes there are.
    pub nodes: NodeSummary,
    /// What they have.
    pub resources: ResourceSummary,
}

/// What one of the two watches saw.
pub(super) enum Sight {
    Node(Seen<Named<Node>>),
    Pod(Seen<Named<Pod>>),
}

/// What counts of a node.
#[derive(Debug, PartialEq)]
pub(super) struct Node {
    pub name: Box<str>,
    pub is_ready: bool,
    pub allocatable: Amounts,
}

/// What counts of a pod.
#[derive(Debug, PartialEq)]
pub(super) struct Pod {
    /// Empty: none yet.
    pub node: Box<str>,
    /// `None`: the pod is finished, and takes nothing.
    pub requests: Option<Arc<Amounts>>,
}

/// The nodes and pods of one cluster.
#[derive(Debug, Default)]
pub(super) struct Census {
    nodes: Roll<Node>,
    pods: Roll<Pod>,
    /// Most pods ask for the same as many others.
    requests: BTreeSet<Arc<Amounts>>,
}

/// Objects of one kind by uid.
#[derive(Debug)]
struct Roll<T> {
    /// Each with the number of the list in which it was seen last.
    objects: BTreeMap<Box<str>, (u32, T)>,
    /// Number of the newest list.
    list: u32,
    /// Whether a list was whole.
    is_whole: bool,
}

impl<T> Default for Roll<T> {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), list: 0, is_whole: false }
    }
}

impl<T: PartialEq> Roll<T> {
    /// Gives whether a count may be another one now.
    fn take(&mut self, seen: Seen<Named<T>>) -> bool {
        match seen {
            Seen::Listing => {
                self.list += 1;
                false
            }
            Seen::Live((uid, object)) => {
                let known = self.objects.get(&uid);
                let is_news = known.is_none_or(|(_, known)| *known != object);
                self.objects.insert(uid, (self.list, object));
                is_news
            }
            Seen::Listed(_) => {
                let n_before = self.objects.len();
                self.objects.retain(|_, (list, _)| *list == self.list);
                let is_first = !std::mem::replace(&mut self.is_whole, true);
                is_first || self.objects.len() < n_before
            }
            Seen::Deleted((uid, _)) => self.objects.remove(&uid).is_some(),
            Seen::Failed(_) | Seen::Hidden(_) => false,
        }
    }

    fn iter(&self) -> impl Iterator<Item = &T> {
        self.objects.values().map(|(_, object)| object)
    }
}

impl Census {
    /// Takes in a sight. Gives whether a count may be another one now.
    pub(super) fn take(&mut self, sight: Sight) -> bool {
        match sight {
            Sight::Node(seen) => self.nodes.take(seen),
            Sight::Pod(Seen::Live((uid, mut pod))) => {
                pod.requests = pod.requests.map(|requests| self.shared(requests));
                self.pods.take(Seen::Live((uid, pod)))
            }
            Sight::Pod(seen) => self.pods.take(seen),
        }
    }

    fn shared(&mut self, requests: Arc<Amounts>) -> Arc<Amounts> {
        if let Some(known) = self.requests.get(&requests) {
            return Arc::clone(known);
        }
        self.requests.insert(Arc::clone(&requests));
        requests
    }

    /// Whether all nodes and all pods are known.
    pub(super) fn is_whole(&self) -> bool {
        self.nodes.is_whole && self.pods.is_whole
    }

    /// Adds everything up. `models`: the grades in order, each with the same resources in the same order;
    /// none: no node is graded. Takes time by nodes and pods.
    pub(super) fn count(&mut self, models: &[ResourceModel]) -> Room {
        self.requests.retain(|requests| Arc::strong_count(requests) > 1);
        let mut room = Room::default();
        let Room { nodes, resources } = &mut room;
        for node in self.nodes.iter() {
            nodes.total_num += 1;
            nodes.ready_num += i32::from(node.is_ready);
            add(&mut resources.allocatable, &node.allocatable);
        }
        let mut grading = Grading::new(models);
        let (mut n_allocated, mut n_allocating) = (0, 0);
        for pod in self.pods.iter() {
            let Some(requests) = &pod.requests else { continue };
            if pod.node.is_empty() {
                n_allocating += 1;
                add(&mut resources.allocating, requests);
            } else {
                n_allocated += 1;
                add(&mut resources.allocated, requests);
                grading.takes(&pod.node, requests);
            }
        }
        for (amounts, n_pods) in
            [(&mut resources.allocated, n_allocated), (&mut resources.allocating, n_allocating)]
        {
            if n_pods > 0 {
                amounts.insert("pods".to_owned(), Quantity::from(n_pods));
            }
        }
        // One spelling for an amount, whatever the order of the additions was.
        let all = [&mut resources.allocatable, &mut resources.allocated, &mut resources.allocating];
        for amount in all.into_iter().flat_map(|amounts| amounts.values_mut()) {
            if let Ok(canonical) = amount.canonical().parse() {
                *amount = canonical;
            }
        }
        resources.allocatable_modelings = grading.grades(self.nodes.iter());
        room
    }
}

/// How much of the resources that grades are about is taken on each node.
struct Grading<'c> {
    models: &'c [ResourceModel],
    /// The resources that they are about.
    names: Vec<&'c str>,
    /// What the pods of a node take: amounts in the order of the models' ranges, and how many they are.
    taken: BTreeMap<&'c str, (Vec<Quantity>, i64)>,
}

impl<'c> Grading<'c> {
    fn new(models: &'c [ResourceModel]) -> Self {
        let ranges = models.first().map(|model| &*model.ranges).unwrap_or_default();
        let names = ranges.iter().map(|range| &*range.name).collect();
        Self { models, names, taken: BTreeMap::new() }
    }

    fn takes(&mut self, node: &'c str, requests: &Amounts) {
        let nothing = || (vec![Quantity::zero(); self.names.len()], 0);
        let (taken, n_pods) = self.taken.entry(node).or_insert_with(nothing);
        for (taken, name) in taken.iter_mut().zip(&self.names) {
            if let Some(amount) = requests.get(*name) {
                *taken = taken.plus(amount);
            }
        }
        *n_pods += 1;
    }

    /// How many nodes there are of each grade. A node that has no room for one more pod, or less than
    /// nothing of a resource, is of none.
    fn grades<'n>(&self, nodes: impl Iterator<Item = &'n Node>) -> Vec<AllocatableModeling> {
        let of_none = |model: &ResourceModel| AllocatableModeling { grade: model.grade, count: 0 };
        let mut counts: Vec<_> = self.models.iter().map(of_none).collect();
        let nothing = (Vec::new(), 0);
        for node in nodes {
            let (taken, n_pods) = self.taken.get(&*node.name).unwrap_or(&nothing);
            let n_slots = node.allocatable.get("pods").map_or(0, Quantity::value);
            if n_slots <= *n_pods {
                continue;
            }
            let grade = self.names.iter().enumerate().map(|(at, name)| {
                let all = node.allocatable.get(*name).cloned().unwrap_or_default();
                let left = taken.get(at).map_or(all.clone(), |taken| all.minus(taken));
                let fits = |model: &ResourceModel| {
                    model.ranges.get(at).is_some_and(|range| range.min <= left)
                };
                self.models.iter().rposition(fits)
            });
            // No grade of one resource is less than any grade: `None` comes first.
            if let Some(count) = grade.min().flatten().and_then(|grade| counts.get_mut(grade)) {
                count.count += 1;
            }
        }
        counts
    }
}

/// Adds `amounts` to `to`.
pub(super) fn add(to: &mut Amounts, amounts: &Amounts) {
    for (name, amount) in amounts {
        match to.get_mut(name) {
            Some(sum) => *sum = sum.plus(amount),
            None => drop(to.insert(name.clone(), amount.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::api::cluster::default_resource_models;

    use super::*;

    fn amounts(amounts: &[(&str, &str)]) -> Amounts {
        amounts.iter().map(|(name, text)| ((*name).to_owned(), text.parse().unwrap())).collect()
    }

    fn node(name: &str, cpu: &str, pods: &str) -> Sight {
        let allocatable = amounts(&[("cpu", cpu), ("memory", "64Gi"), ("pods", pods)]);
        Sight::Node(Seen::Live((
            name.into(),
            Node { name: name.into(), is_ready: true, allocatable },
        )))
    }

    fn pod(name: &str, node: &str, cpu: Option<&str>) -> Sight {
        let requests = cpu.map(|cpu| Arc::new(amounts(&[("cpu", cpu)])));
        Sight::Pod(Seen::Live((name.into(), Pod { node: node.into(), requests })))
    }

    fn census(sights: impl IntoIterator<Item = Sight>) -> Census {
        let mut census = Census::default();
        census.take(Sight::Node(Seen::Listing));
        census.take(Sight::Pod(Seen::Listing));
        for sight in sights {
            census.take(sight);
        }
        census.take(Sight::Node(Seen::Listed(1)));
        assert!(!census.is_whole(), "pods are still being listed");
        census.take(Sight::Pod(Seen::Listed(1)));
        census
    }

    fn grades(room: &Room) -> Vec<(u32, i64)> {
        let counts = room.resources.allocatable_modelings.iter();
        counts.filter(|of| of.count > 0).map(|of| (of.grade, of.count)).collect()
    }

    #[test]
    fn a_node_is_of_the_least_grade_of_what_its_pods_leave() {
        let nodes = [node("a", "8", "110"), node("b", "8", "110"), node("full", "8", "1")];
        let pods = [
            pod("1", "a", Some("4500m")),
            pod("2", "a", None),
            pod("3", "full", Some("1")),
            pod("4", "", Some("2")),
        ];
        let mut census = census(nodes.into_iter().chain(pods));
        let room = census.count(&default_resource_models());
        // 3.5 CPUs are grade 2; 8 CPUs are grade 4, and so are 64 GiB; `full` takes no more pods.
        assert_eq!(grades(&room), [(2, 1), (4, 1)]);
        assert_eq!(room.resources.allocatable_modelings.len(), 9, "all grades are listed");
        assert_eq!(room.resources.allocated, amounts(&[("cpu", "5500m"), ("pods", "2")]));
        assert_eq!(room.resources.allocating, amounts(&[("cpu", "2"), ("pods", "1")]));
        assert_eq!(room.resources.allocatable["cpu"], "24".parse().unwrap());
        assert_eq!(census.count(&[]).resources.allocatable_modelings, []);
    }

    #[test]
    fn a_node_with_more_asked_for_than_it_has_is_of_no_grade() {
        let mut census = census([node("a", "1", "110"), pod("1", "a", Some("2"))]);
        assert_eq!(grades(&census.count(&default_resource_models())), []);
    }

    #[test]
    fn what_a_new_list_does_not_name_is_gone_and_a_heartbeat_is_no_news() {
        let mut census = census([node("a", "1", "110"), node("b", "1", "110")]);
        assert!(!census.take(node("a", "1", "110")), "nothing of it changed");
        assert!(census.take(node("a", "2", "110")));
        census.take(Sight::Node(Seen::Listing));
        census.take(node("a", "2", "110"));
        assert_eq!(census.count(&[]).nodes.total_num, 2, "half a list takes nothing away");
        assert!(census.take(Sight::Node(Seen::Listed(2))));
        assert_eq!(census.count(&[]).nodes.total_num, 1);
    }

    #[test]
    fn pods_that_ask_for_the_same_share_it() {
        let pods = (0..100).map(|n| pod(&n.to_string(), "a", Some("1")));
        let mut census = census(pods);
        assert_eq!(census.requests.len(), 1);
        for n in 0..100 {
            census.take(pod(&n.to_string(), "a", None));
        }
        census.count(&[]);
        assert!(census.requests.is_empty());
    }
}
