//! Each operation by a webhook, or `None` where none answers it.

use std::cell::RefCell;
use std::time::Duration;

use serde_json::Value;

use super::answer::{Answer, patched};
use super::calls::{Access, Calls};
use super::cause::WebhookCause;
use super::hooks::{Webhook, Webhooks};
use super::question::Question;
use super::records::Records;
use crate::api::binding::{AggregatedStatusItem, Component};
use crate::api::manifest::Manifest;
use crate::api::report::Health;
use crate::api::resource_interpreter_customization::{CustomizationTarget, Operation};
use crate::customize::failure::{Failure, OfSecrets};
use crate::interpret::{Dependency, Replicas};

/// Says what webhooks say. They come with each question: they change with the commit, and what is
/// known of their answers stays.
#[derive(Debug)]
pub(in super::super) struct Layer {
    calls: RefCell<Calls>,
}

type Answered<T> = Result<Option<T>, Failure>;

impl Layer {
    /// Asks nobody yet; a plan waits for each webhook so long at most.
    pub(in super::super) fn new(wait: Duration) -> Self {
        Self { calls: RefCell::new(Calls::new(wait)) }
    }

    /// From now on what is said of Secrets is told.
    pub(in super::super) fn tell_of_secrets(&mut self) {
        self.calls.get_mut().of_secrets = OfSecrets::Told;
    }

    /// Begins a plan.
    pub(in super::super) fn begin_plan(&mut self) {
        self.calls.get_mut().begin_plan();
    }

    /// From now on these webhooks are asked; `are_others` if they, or what they are asked, were
    /// others.
    pub(in super::super) fn retain(&mut self, webhooks: &Webhooks, are_others: bool) {
        self.calls.get_mut().retain(webhooks, are_others);
    }

    /// From now on the network is used or not, and these answers are known.
    pub(in super::super) fn set(&mut self, access: Access, records: Records) {
        let calls = self.calls.get_mut();
        (calls.access, calls.records) = (access, records);
    }

    /// What is known of answers to a plan's questions.
    pub(in super::super) fn records(&mut self) -> &mut Records {
        &mut self.calls.get_mut().records
    }

    pub(in super::super) fn replicas(
        &self,
        webhooks: &Webhooks,
        template: &Manifest,
    ) -> Answered<Replicas> {
        let question = Question::new(Operation::InterpretReplica, template);
        self.ask(webhooks, question, |answer| match answer {
            Answer::Replicas { count, requirements } => Ok(Replicas { count, requirements }),
            _ => Err(mixed_up()),
        })
    }

    pub(in super::super) fn components(
        &self,
        webhooks: &Webhooks,
        template: &Manifest,
    ) -> Answered<Vec<Component>> {
        let question = Question::new(Operation::InterpretComponent, template);
        self.ask(webhooks, question, |answer| match answer {
            Answer::Components(components) => Ok(components),
            _ => Err(mixed_up()),
        })
    }

    /// The object with another number of replicas.
    pub(in super::super) fn revised(
        &self,
        webhooks: &Webhooks,
        manifest: &Manifest,
        replicas: i32,
    ) -> Answered<Manifest> {
        let question = Question { replicas, ..Question::new(Operation::ReviseReplica, manifest) };
        self.ask(webhooks, question, |answer| after(manifest, answer))
    }

    /// `desired` with what the member keeps.
    pub(in super::super) fn retained(
        &self,
        webhooks: &Webhooks,
        desired: &Manifest,
        live: &Manifest,
    ) -> Answered<Manifest> {
        let question =
            Question { observed: Some(live), ..Question::new(Operation::Retain, desired) };
        self.ask(webhooks, question, |answer| after(desired, answer))
    }

    pub(in super::super) fn reflected(
        &self,
        webhooks: &Webhooks,
        live: &Manifest,
    ) -> Answered<Value> {
        let question = Question::new(Operation::InterpretStatus, live);
        self.ask(webhooks, question, |answer| match answer {
            Answer::Status(status) => Ok(status),
            _ => Err(mixed_up()),
        })
    }

    /// The template's new status; null if it is to have none.
    pub(in super::super) fn aggregated(
        &self,
        webhooks: &Webhooks,
        template: &Manifest,
        items: &[AggregatedStatusItem],
    ) -> Answered<Value> {
        let question = Question { items, ..Question::new(Operation::AggregateStatus, template) };
        self.ask(webhooks, question, |answer| match answer {
            Answer::Status(status) => Ok(status),
            _ => Err(mixed_up()),
        })
    }

    pub(in super::super) fn health(
        &self,
        webhooks: &Webhooks,
        live: &Manifest,
    ) -> Answered<Health> {
        let question = Question::new(Operation::InterpretHealth, live);
        self.ask(webhooks, question, |answer| match answer {
            Answer::Healthy(true) => Ok(Health::Healthy),
            Answer::Healthy(false) => Ok(Health::Unhealthy),
            _ => Err(mixed_up()),
        })
    }

    pub(in super::super) fn dependencies(
        &self,
        webhooks: &Webhooks,
        template: &Manifest,
    ) -> Answered<Vec<Dependency>> {
        let question = Question::new(Operation::InterpretDependency, template);
        self.ask(webhooks, question, |answer| match answer {
            Answer::Dependencies(dependencies) => Ok(dependencies),
            _ => Err(mixed_up()),
        })
    }

    /// Asks the webhook that answers this question, and takes its answer for what it should be.
    fn ask<T>(
        &self,
        webhooks: &Webhooks,
        question: Question<'_>,
        take: impl FnOnce(Answer) -> Result<T, WebhookCause>,
    ) -> Answered<T> {
        let Question { object, operation, .. } = question;
        let Some(webhook) = webhooks.get(object, operation) else { return Ok(None) };
        let mut calls = self.calls.borrow_mut();
        match calls.ask(webhook, question).and_then(take) {
            Ok(answer) => Ok(Some(answer)),
            Err(cause) => Err(failure(webhook, question, question.told(cause, calls.of_secrets))),
        }
    }
}

fn after(object: &Manifest, answer: Answer) -> Result<Manifest, WebhookCause> {
    match answer {
        Answer::Patch(patch) => patched(object, &patch),
        _ => Err(mixed_up()),
    }
}

/// An answer is read for its operation; only a record that somebody wrote by hand is to another one.
fn mixed_up() -> WebhookCause {
    WebhookCause::Answer("what is recorded is to another operation".to_owned())
}

fn failure(webhook: &Webhook, question: Question<'_>, cause: WebhookCause) -> Failure {
    let target = CustomizationTarget {
        api_version: question.object.api_version().to_owned(),
        kind: question.object.kind().to_owned(),
    };
    let (webhook, operation) = (webhook.name.clone(), question.operation);
    Failure::Webhook { webhook, target, operation, cause }
}
