//! Vocabulary: the kinds that people or we write, and the small values that they are made of.
//!
//! One file a kind. Nothing here decides anything: types, matching, defaults, texts.

pub mod binding;
pub mod cluster;
pub mod cluster_taint_policy;
pub mod condition;
pub mod cron;
pub mod cron_federated_hpa;
pub mod decode;
pub mod depth;
pub mod federated_hpa;
pub mod federated_resource_quota;
pub mod glob;
pub mod manifest;
pub mod marks;
pub mod meta;
pub mod mismatch;
pub mod multi_cluster_ingress;
pub mod multi_cluster_service;
pub mod names;
pub mod override_policy;
pub mod packed;
pub mod period;
pub mod placement;
pub mod pointer;
pub mod problem;
pub mod propagation_policy;
pub mod quantity;
pub mod remedy;
pub mod report;
pub mod resource_interpreter_customization;
pub mod resource_interpreter_webhook_configuration;
pub mod resource_registry;
pub mod schema;
pub mod selector;
pub mod settings;
pub mod time_zone;
pub mod toleration;
pub mod work;
pub mod workload_rebalancer;
pub mod yaml;
