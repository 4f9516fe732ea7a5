//! What keeps a cluster out of an affinity, for a person who wonders.

use std::fmt;

use super::cluster::Cluster;
use super::selector::{SelectorOperator, SelectorTerm};

/// So many values of a term are named at most.
const VALUES_MAX: usize = 5;

/// The first thing by which a cluster is outside of a `ClusterAffinity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch<'a> {
    /// `exclude` names it.
    Excluded,
    /// It has not this label with this value.
    Label {
        /// Key of the label.
        key: &'a str,
        /// Value that is wanted.
        value: &'a str,
    },
    /// This term on its labels does not hold.
    LabelTerm(&'a SelectorTerm),
    /// This term on its provider, region or zones does not hold.
    FieldTerm(&'a SelectorTerm),
    /// `clusterNames` names others.
    NotNamed,
}

impl Mismatch<'_> {
    /// What the cluster has instead; `None` where that says nothing new.
    #[must_use]
    pub fn found(&self, cluster: &Cluster) -> Option<String> {
        let label = |key: &str| cluster.metadata.labels.get(key).cloned();
        let found = match self {
            Self::Excluded | Self::NotNamed => return None,
            Self::Label { key, .. } => label(key),
            Self::LabelTerm(term) => label(&term.key),
            Self::FieldTerm(term) => match term.key.as_str() {
                "zone" => Some(cluster.spec.zones.join(", ")).filter(|zones| !zones.is_empty()),
                "provider" => cluster.spec.provider.clone(),
                "region" => cluster.spec.region.clone(),
                _ => None,
            },
        };
        Some(match found {
            Some(value) if value.is_empty() => "it has an empty one".to_owned(),
            Some(value) => format!("it has {value}"),
            None => "it has none".to_owned(),
        })
    }
}

/// What would have to hold: `label tier in (core, edge) is wanted`.
impl fmt::Display for Mismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Excluded => f.write_str("exclude names it"),
            Self::Label { key, value } => write!(f, "label {key}={value} is wanted"),
            Self::LabelTerm(term) => write_term(f, "label ", term),
            Self::FieldTerm(term) => write_term(f, "", term),
            Self::NotNamed => f.write_str("clusterNames does not name it"),
        }
    }
}

fn write_term(f: &mut fmt::Formatter<'_>, what: &str, term: &SelectorTerm) -> fmt::Result {
    let key = &term.key;
    let among = match term.operator {
        SelectorOperator::In => "in",
        SelectorOperator::NotIn => "not in",
        SelectorOperator::Exists => return write!(f, "{what}{key} is wanted"),
        SelectorOperator::DoesNotExist => return write!(f, "no {what}{key} is wanted"),
    };
    let named: Vec<&str> = term.values.iter().take(VALUES_MAX).map(String::as_str).collect();
    write!(f, "{what}{key} {among} ({}", named.join(", "))?;
    if term.values.len() > VALUES_MAX {
        write!(f, " and {} more", term.values.len() - VALUES_MAX)?;
    }
    f.write_str(") is wanted")
}

#[cfg(test)]
mod tests {
    use super::super::selector::ClusterAffinity;
    use super::*;

    fn told(affinity: &str) -> String {
        let mut cluster = Cluster::default();
        cluster.metadata.name = "m1".to_owned();
        cluster.metadata.labels.insert("tier".to_owned(), "edge".to_owned());
        cluster.spec.region = Some("eu".to_owned());
        cluster.spec.zones = vec!["a".to_owned(), "b".to_owned()];
        let affinity: ClusterAffinity = crate::api::yaml::from_str(affinity).unwrap();
        let mismatch = affinity.mismatch(&cluster).expect("it is outside");
        assert!(!affinity.matches(&cluster));
        match mismatch.found(&cluster) {
            Some(found) => format!("{mismatch}, {found}"),
            None => mismatch.to_string(),
        }
    }

    #[test]
    fn the_first_thing_that_keeps_a_cluster_out_is_told() {
        for (affinity, expected) in [
            ("{clusterNames: [m2]}", "clusterNames does not name it"),
            ("{clusterNames: [m1], exclude: [m1]}", "exclude names it"),
            (
                "{labelSelector: {matchLabels: {tier: core}}, clusterNames: [m2]}",
                "label tier=core is wanted, it has edge",
            ),
            (
                "{labelSelector: {matchExpressions: [{key: tier, operator: NotIn, values: [edge]}]}}",
                "label tier not in (edge) is wanted, it has edge",
            ),
            (
                "{labelSelector: {matchExpressions: [{key: gpu, operator: Exists}]}}",
                "label gpu is wanted, it has none",
            ),
            (
                "{labelSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}]}}",
                "no label tier is wanted, it has edge",
            ),
            (
                "{fieldSelector: {matchExpressions: [{key: region, operator: In, values: [us, ap]}]}}",
                "region in (us, ap) is wanted, it has eu",
            ),
            (
                "{fieldSelector: {matchExpressions: [{key: zone, operator: NotIn, values: [b]}]}}",
                "zone not in (b) is wanted, it has a, b",
            ),
            (
                "{fieldSelector: {matchExpressions: [{key: provider, operator: In, values: [p1, p2, p3, p4, p5, p6, p7]}]}}",
                "provider in (p1, p2, p3, p4, p5 and 2 more) is wanted, it has none",
            ),
        ] {
            assert_eq!(told(affinity), expected, "{affinity}");
        }
    }
}
