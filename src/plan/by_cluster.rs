//! One value for each of a few clusters.

use std::collections::BTreeMap;

use crate::api::names::ClusterName;

/// A map that is made once: in the order of the names, with no room to spare. There are as many as decisions.
#[derive(Clone, Debug, PartialEq)]
pub struct ByCluster<T>(Box<[(ClusterName, T)]>);

impl<T> ByCluster<T> {
    /// The value of a cluster.
    #[must_use]
    pub fn get(&self, name: &ClusterName) -> Option<&T> {
        let at = self.0.binary_search_by(|(other, _)| other.cmp(name)).ok()?;
        Some(&self.0[at].1)
    }

    /// Names and values, by the names.
    pub fn iter(&self) -> impl Iterator<Item = (&ClusterName, &T)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// The names, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &ClusterName> {
        self.0.iter().map(|(name, _)| name)
    }

    /// The values, by the names.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, value)| value)
    }

    /// How many clusters have one.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none has.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> From<BTreeMap<ClusterName, T>> for ByCluster<T> {
    fn from(map: BTreeMap<ClusterName, T>) -> Self {
        Self(map.into_iter().collect())
    }
}
