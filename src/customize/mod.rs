//! What a kind means in its users' words: runs the scripts of ResourceInterpreterCustomizations
//! (`spec/interpreter.md` §6), asks the webhooks of ResourceInterpreterWebhookConfigurations (§8), and
//! asks [`interpret`](crate::interpret) where there is neither.
//!
//! A script is not ours, so it runs in a child process: this program once more, without environment,
//! files or rights, held to memory and time by the operating system. The process is started once and
//! answers one call after the other; it is killed and replaced when a call uses up its limits. Only that
//! call fails then, and is not made again for a minute. Replies are kept by script and input, so an
//! unchanged object costs no call.
//!
//! Where no script answers, a webhook may: see [`Records`] for what becomes of its answers.
//!
//! [`Interpreter`] is the whole of it for its users. [`serve`] is the other side, in the child.

mod cache;
mod calls;
mod check;
mod convert;
mod dependencies;
mod failure;
mod foreign;
mod interpreter;
mod kube;
mod limits;
mod patience;
mod process;
mod protocol;
mod requirements;
mod rules;
mod sandbox;
mod scripts;
mod service;
mod socket;
mod webhook;
mod worker;

pub use check::check;
pub use failure::{Cause, Failure};
pub use interpreter::Interpreter;
pub use limits::Limits;
pub use process::{Printed, Program, WORKER_VERB};
pub use rules::{BadRule, Rules};
pub use scripts::{Script, Scripts};
pub use service::{Seen, Service};
pub use webhook::{BadRecord, Records, Webhook, WebhookCause, Webhooks};
pub use worker::serve;
