//! One question to one webhook: from what is known, or from the network.

use std::time::{Duration, Instant};

use sha1::{Digest as _, Sha1};

use super::answer::Answer;
use super::cause::WebhookCause;
use super::client::Client;
use super::hooks::{Webhook, Webhooks};
use super::question::Question;
use super::records::Records;
use crate::api::names::ObjectId;
use crate::customize::cache::Cache;
use crate::customize::failure::OfSecrets;
use crate::customize::patience::{Leave, Patience};

/// Where answers may come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) enum Access {
    /// From what is known, or else from the webhook.
    #[default]
    Network,
    /// From the records alone: a plan is made again.
    Records,
}

/// Asks webhooks, each question once.
#[derive(Debug)]
pub(in super::super) struct Calls {
    client: Client,
    pub(in super::super) access: Access,
    pub(in super::super) records: Records,
    pub(super) of_secrets: OfSecrets,
    /// Answers for live objects.
    cache: Cache<Answer>,
    /// Of the questions that plans ask.
    plans: Patience<Asked, WebhookCause>,
    /// Of those about live objects.
    live: Patience<Asked, WebhookCause>,
}

/// A question by its id and the number of replicas, which is no part of it.
type Asked = (ObjectId, i32);

impl Calls {
    /// Nothing is known yet; a plan waits for each webhook so long at most.
    pub(super) fn new(wait: Duration) -> Self {
        Self {
            client: Client::default(),
            access: Access::default(),
            records: Records::default(),
            of_secrets: OfSecrets::default(),
            cache: Cache::default(),
            plans: Patience::of_plans(wait),
            live: Patience::of_live(wait),
        }
    }

    /// Begins a plan.
    pub(super) fn begin_plan(&mut self) {
        self.plans.begin(Instant::now());
        self.records.begin();
    }

    /// Forgets what only webhooks that are gone are remembered for; and if the rules are others, which
    /// questions were answered for good.
    pub(super) fn retain(&mut self, webhooks: &Webhooks, are_others: bool) {
        let is_there = |called| webhooks.iter().any(|webhook| webhook.id == called);
        self.plans.retain(is_there);
        self.live.retain(is_there);
        if are_others {
            self.records.reopen();
            self.plans.forget();
            self.live.forget();
        }
    }

    /// What `webhook` answers.
    pub(in super::super) fn ask(
        &mut self,
        webhook: &Webhook,
        question: Question<'_>,
    ) -> Result<Answer, WebhookCause> {
        let id = question.id(webhook);
        if !question.is_of_plan() {
            // Its replicas are 0, and no part of its id.
            if let Some(answer) = self.cache.get(id.as_bytes()) {
                return Ok(answer);
            }
            let (answer, n_bytes) = self.fetch(webhook, question, id)?;
            self.cache.insert(*id.as_bytes(), answer.clone(), n_bytes);
            return Ok(answer);
        }
        let key = question.object.key();
        let known = self.records.get(&key, question.operation, question.replicas, id);
        match (known, self.access) {
            (Some(known), Access::Records) => return known.answer.clone(),
            (Some(known), Access::Network) if known.is_settled() => return known.answer.clone(),
            (Some(_) | None, _) => {}
        }
        // One that is not asked this time is told as before, also by another process.
        let before = known.and_then(|known| known.answer.as_ref().err());
        let before = before.filter(|cause| cause.is_passing()).cloned();
        let answer = match self.fetch(webhook, question, id) {
            Err(WebhookCause::Spent(seconds)) => {
                Err(before.unwrap_or(WebhookCause::Spent(seconds)))
            }
            fetched => fetched.map(|(answer, _)| answer),
        };
        if self.access == Access::Network {
            self.records.insert(key, question, webhook, id, answer.clone());
        }
        answer
    }

    /// Asks the webhook, if it is this question's turn; also how many bytes its answer took.
    fn fetch(
        &mut self,
        webhook: &Webhook,
        question: Question<'_>,
        id: ObjectId,
    ) -> Result<(Answer, usize), WebhookCause> {
        if self.access == Access::Records {
            return Err(WebhookCause::Unrecorded);
        }
        let Self { client, plans, live, of_secrets, .. } = self;
        let is_of_plan = question.is_of_plan();
        let patience = if is_of_plan { plans } else { live };
        let asked = (id, question.replicas);
        let began = Instant::now();
        match patience.may_ask(webhook.id, &asked, began) {
            Leave::Ask => {}
            Leave::Failed(cause) => return Err(cause),
            Leave::Spent if is_of_plan => return Err(WebhookCause::Spent(patience.seconds())),
            Leave::Spent => return Err(WebhookCause::Rests(patience.seconds())),
        }
        let uid = fresh_uid();
        let answer = client.post(webhook, question.body(&uid)).and_then(|body| {
            let answer = Answer::read(&body, &uid, question.operation)?;
            Ok((answer.settled(question)?, body.len()))
        });
        let answer = answer.map_err(|cause| question.told(cause, *of_secrets));
        let in_vain = answer.as_ref().err().filter(|cause| cause.is_of_server()).cloned();
        patience.count(webhook.id, asked, (began, Instant::now()), in_vain);
        answer
    }
}

/// An id for one request, in the shape of a UUID.
fn fresh_uid() -> String {
    let hex = ObjectId::from_bytes(Sha1::digest(fastrand::u128(..).to_le_bytes()).into());
    let hex = hex.to_string();
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}
