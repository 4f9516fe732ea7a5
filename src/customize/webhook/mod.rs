//! What a kind means by the word of a server: ResourceInterpreterWebhookConfigurations
//! (`spec/interpreter.md` §8).
//!
//! A question goes to the first webhook, by name, with a rule for it. Its answer is kept by webhook and
//! question, so the same question is not asked again: of a plan's questions in [`Records`], which lie
//! beside the plan in git, so that the plan can be made again without the network; of a member's in
//! memory only. A webhook that gives no answer fails that question alone, which is asked again after a
//! minute; none keeps its callers waiting for longer than it may.

mod answer;
mod calls;
mod cause;
mod client;
mod hooks;
mod layer;
mod question;
mod records;
mod trust;

pub use cause::WebhookCause;
pub use hooks::{Webhook, Webhooks};
pub use records::{BadRecord, Records};

pub(super) use calls::Access;
pub(super) use layer::Layer;
