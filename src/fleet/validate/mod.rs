//! What the types of our own kinds cannot say: Karmada's admission rules, in our words.
//!
//! Each rule is one small function that names the field it is about. The order of the rules is the
//! order of the fields.

mod cluster;
mod cron_federated_hpa;
mod customization;
mod federated_hpa;
mod fields;
mod ingress;
mod overrides;
mod placement;
mod propagation;
mod quota;
mod registry;
mod selector;
mod service;
mod settings;
mod taint;
mod webhook;

pub(super) use cluster::cluster;
pub(super) use cron_federated_hpa::cron_federated_hpa;
pub(super) use customization::customization;
pub(super) use federated_hpa::federated_hpa;
pub(super) use ingress::ingress;
pub(super) use overrides::overrides;
pub(super) use placement::one_kind_of_affinity;
pub(super) use propagation::propagation;
pub(super) use quota::quota;
pub(super) use registry::{rebalancer, registry};
pub(super) use selector::own_namespace;
pub(super) use service::service;
pub(super) use settings::settings;
pub(super) use taint::taint_policy;
pub(super) use webhook::webhooks;
