//! Taints of clusters, and what tolerates them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::meta::empty_as_none;

/// What a taint does to work that does not tolerate it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum TaintEffect {
    /// No new work comes to the cluster.
    #[default]
    NoSchedule,
    /// Kubernetes knows it for nodes; clusters may not carry it.
    PreferNoSchedule,
    /// No new work comes, and running work is moved away.
    NoExecute,
}

impl TaintEffect {
    /// The word in YAML.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoSchedule => "NoSchedule",
            Self::PreferNoSchedule => "PreferNoSchedule",
            Self::NoExecute => "NoExecute",
        }
    }
}

/// A mark on a cluster that keeps work away. Its identity is (key, effect).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Taint {
    /// Key, in the syntax of a label key.
    pub key: String,
    /// Value, in the syntax of a label value.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// What it does.
    pub effect: TaintEffect,
    /// When it was put on; the clock of `tolerationSeconds` starts here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_added: Option<Timestamp>,
}

impl std::fmt::Display for Taint {
    /// `key=value:effect`, or `key:effect` without a value.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.key)?;
        if !self.value.is_empty() {
            write!(f, "={}", self.value)?;
        }
        write!(f, ":{}", self.effect.as_str())
    }
}

/// How a toleration compares itself with a taint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TolerationOperator {
    /// The values are equal.
    #[default]
    Equal,
    /// Any value will do.
    Exists,
    /// Kubernetes knows it for pods; a placement may not use it, and it tolerates nothing.
    Lt,
    /// Kubernetes knows it for pods; a placement may not use it, and it tolerates nothing.
    Gt,
}

/// Accepts the taints that it matches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Toleration {
    /// Key of the taint; empty with `Exists` tolerates every taint.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// `Equal` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "empty_as_none")]
    pub operator: Option<TolerationOperator>,
    /// Value of the taint, for `Equal`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// Effect of the taint; absent means any.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "empty_as_none")]
    pub effect: Option<TaintEffect>,
    /// How long a `NoExecute` taint is tolerated: absent means for ever, 0 or less not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toleration_seconds: Option<i64>,
}

impl Toleration {
    /// Whether it accepts `taint`; `tolerationSeconds` plays no part.
    #[must_use]
    pub fn tolerates(&self, taint: &Taint) -> bool {
        if self.effect.is_some_and(|effect| effect != taint.effect) {
            return false;
        }
        if !self.key.is_empty() && self.key != taint.key {
            return false;
        }
        match self.operator.unwrap_or_default() {
            TolerationOperator::Exists => true,
            TolerationOperator::Equal => self.value == taint.value,
            TolerationOperator::Lt | TolerationOperator::Gt => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taint() -> Taint {
        Taint {
            key: "maintenance".to_owned(),
            value: "tonight".to_owned(),
            effect: TaintEffect::NoSchedule,
            time_added: None,
        }
    }

    fn toleration(yaml: &str) -> Toleration {
        serde_saphyr::from_str(yaml).unwrap()
    }

    #[test]
    fn equal_is_the_default_and_compares_key_and_value() {
        assert!(toleration("{key: maintenance, value: tonight}").tolerates(&taint()));
        assert!(!toleration("{key: maintenance, value: tomorrow}").tolerates(&taint()));
        assert!(!toleration("{key: maintenance}").tolerates(&taint()));
        assert!(!toleration("{key: other, value: tonight}").tolerates(&taint()));
    }

    #[test]
    fn exists_ignores_the_value_and_without_a_key_tolerates_everything() {
        assert!(toleration("{key: maintenance, operator: Exists}").tolerates(&taint()));
        assert!(toleration("{operator: Exists}").tolerates(&taint()));
        assert!(toleration("{operator: Exists, effect: ''}").tolerates(&taint()));
        assert!(!toleration("{operator: Exists, effect: NoExecute}").tolerates(&taint()));
    }

    #[test]
    fn comparing_operators_tolerate_nothing() {
        for operator in ["Lt", "Gt"] {
            let toleration =
                toleration(&format!("{{key: maintenance, operator: {operator}, value: tonight}}"));
            assert!(!toleration.tolerates(&taint()));
        }
    }

    #[test]
    fn a_taint_reads_as_kubectl_shows_it() {
        assert_eq!(taint().to_string(), "maintenance=tonight:NoSchedule");
        let without_value = Taint { value: String::new(), ..taint() };
        assert_eq!(without_value.to_string(), "maintenance:NoSchedule");
    }
}
