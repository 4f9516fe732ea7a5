//! `config.karmada.io/v1alpha1 ResourceInterpreterCustomization`: what a kind means, in Lua.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::meta::{ApiVersion, Kind, ObjectMeta, Resource};

/// Says with scripts what a kind means: its replicas, health, status and dependencies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceInterpreterCustomization {
    /// Always `config.karmada.io/v1alpha1`.
    pub api_version: ApiVersion<Self>,
    /// Always `ResourceInterpreterCustomization`.
    pub kind: Kind<Self>,
    /// Metadata.
    pub metadata: ObjectMeta,
    /// Which kind, and its scripts.
    pub spec: CustomizationSpec,
}

impl Resource for ResourceInterpreterCustomization {
    const API_VERSION: &'static str = "config.karmada.io/v1alpha1";
    const KIND: &'static str = "ResourceInterpreterCustomization";
    const NAMESPACED: bool = false;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// Which kind, and its scripts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomizationSpec {
    /// The kind that the scripts are about.
    pub target: CustomizationTarget,
    /// The scripts; an operation without one stays as it is.
    pub customizations: CustomizationRules,
}

/// The kind that scripts are about, matched exactly.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct CustomizationTarget {
    /// Group and version, e.g. `apps/v1`.
    pub api_version: String,
    /// The kind.
    pub kind: String,
}

/// One script an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomizationRules {
    /// `Retain(desiredObj, observedObj)`: the desired object with what the member is to keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<LuaScript>,
    /// `GetReplicas(desiredObj)`: the number of replicas, and what one of them needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica_resource: Option<LuaScript>,
    /// `GetComponents(desiredObj)`: name, replicas and needs of each of its pod templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component_resource: Option<LuaScript>,
    /// `ReviseReplica(desiredObj, desiredReplica)`: the object with this number of replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica_revision: Option<LuaScript>,
    /// `ReflectStatus(observedObj)`: the part of the status that is carried home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reflection: Option<LuaScript>,
    /// `AggregateStatus(desiredObj, statusItems)`: the object with the status of all clusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_aggregation: Option<LuaScript>,
    /// `InterpretHealth(observedObj)`: whether a live object does what it should.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_interpretation: Option<LuaScript>,
    /// `GetDependencies(desiredObj)`: the objects that it cannot run without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependency_interpretation: Option<LuaScript>,
}

/// A script that defines one function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LuaScript {
    /// Lua 5.1. May define more functions for its own use.
    pub lua_script: String,
}

impl CustomizationRules {
    /// The script of an operation; an empty one counts as none.
    #[must_use]
    pub fn script(&self, operation: Operation) -> Option<&str> {
        let rule = match operation {
            Operation::Retain => &self.retention,
            Operation::InterpretReplica => &self.replica_resource,
            Operation::InterpretComponent => &self.component_resource,
            Operation::ReviseReplica => &self.replica_revision,
            Operation::InterpretStatus => &self.status_reflection,
            Operation::AggregateStatus => &self.status_aggregation,
            Operation::InterpretHealth => &self.health_interpretation,
            Operation::InterpretDependency => &self.dependency_interpretation,
        };
        rule.as_ref().map(|rule| rule.lua_script.as_str()).filter(|script| !script.is_empty())
    }

    /// The operations that have a script, in the order of the fields.
    pub fn operations(&self) -> impl Iterator<Item = Operation> {
        Operation::ALL.iter().copied().filter(|operation| self.script(*operation).is_some())
    }
}

/// One question about an object, by Karmada's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// What a member is to keep of its live object.
    Retain,
    /// How many replicas an object asks for.
    InterpretReplica,
    /// The parts that an object consists of.
    InterpretComponent,
    /// The object with another number of replicas.
    ReviseReplica,
    /// The part of a live object's status that is carried home.
    InterpretStatus,
    /// The status of all clusters together.
    AggregateStatus,
    /// Whether a live object does what it should.
    InterpretHealth,
    /// What an object cannot run without.
    InterpretDependency,
}

impl Operation {
    /// All of them, in the order of the fields.
    pub const ALL: &[Self] = &[
        Self::Retain,
        Self::InterpretReplica,
        Self::InterpretComponent,
        Self::ReviseReplica,
        Self::InterpretStatus,
        Self::AggregateStatus,
        Self::InterpretHealth,
        Self::InterpretDependency,
    ];

    /// Those that are asked of live objects, beside the member, in the same order.
    pub const OF_LIVE: &[Self] = &[Self::Retain, Self::InterpretStatus, Self::InterpretHealth];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Retain => "Retain",
            Self::InterpretReplica => "InterpretReplica",
            Self::InterpretComponent => "InterpretComponent",
            Self::ReviseReplica => "ReviseReplica",
            Self::InterpretStatus => "InterpretStatus",
            Self::AggregateStatus => "AggregateStatus",
            Self::InterpretHealth => "InterpretHealth",
            Self::InterpretDependency => "InterpretDependency",
        }
    }

    /// The field of `spec.customizations` that holds its script.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Retain => "retention",
            Self::InterpretReplica => "replicaResource",
            Self::InterpretComponent => "componentResource",
            Self::ReviseReplica => "replicaRevision",
            Self::InterpretStatus => "statusReflection",
            Self::AggregateStatus => "statusAggregation",
            Self::InterpretHealth => "healthInterpretation",
            Self::InterpretDependency => "dependencyInterpretation",
        }
    }

    /// The function that its script defines.
    #[must_use]
    pub fn function(self) -> &'static str {
        match self {
            Self::Retain => "Retain",
            Self::InterpretReplica => "GetReplicas",
            Self::InterpretComponent => "GetComponents",
            Self::ReviseReplica => "ReviseReplica",
            Self::InterpretStatus => "ReflectStatus",
            Self::AggregateStatus => "AggregateStatus",
            Self::InterpretHealth => "InterpretHealth",
            Self::InterpretDependency => "GetDependencies",
        }
    }

    /// Whether it is asked of live objects, beside the member.
    #[must_use]
    pub fn is_of_live(self) -> bool {
        Self::OF_LIVE.contains(&self)
    }

    /// Whether several customizations may answer it together.
    #[must_use]
    pub fn is_shared(self) -> bool {
        self == Self::InterpretDependency
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
