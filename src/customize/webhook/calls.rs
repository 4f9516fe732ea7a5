//! One question to one webhook: from what is known, or from the network.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sha1::{Digest as _, Sha1};

use super::answer::Answer;
use super::cause::WebhookCause;
use super::client::Client;
use super::hooks::Webhook;
use super::question::Question;
use super::records::Records;
use crate::api::names::ObjectId;
use crate::customize::cache::Cache;

/// So many questions in a row may find no server before it is left alone for [`BENCH`]: each of them
/// keeps its caller waiting.
const STRIKES_MAX: u32 = 3;
/// How long such a server is not asked.
const BENCH: Duration = Duration::from_mins(1);

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
#[derive(Debug, Default)]
pub(in super::super) struct Calls {
    client: Client,
    pub(in super::super) access: Access,
    pub(in super::super) records: Records,
    /// Answers for live objects.
    cache: Cache<Answer>,
    strikes: BTreeMap<ObjectId, Strikes>,
}

/// How often in a row a server was to blame, when it last was, and for what.
#[derive(Debug)]
struct Strikes {
    n: u32,
    last: Instant,
    cause: WebhookCause,
}

impl Calls {
    /// What `webhook` answers.
    pub(in super::super) fn ask(
        &mut self,
        webhook: &Webhook,
        question: Question<'_>,
    ) -> Result<Answer, WebhookCause> {
        let id = question.id(webhook);
        if !question.is_of_plan() {
            // Not a question that is asked with several numbers of replicas.
            if let Some(answer) = self.cache.get(id.as_bytes()) {
                return Ok(answer);
            }
            let (answer, n_bytes) = self.fetch(webhook, question)?;
            self.cache.insert(*id.as_bytes(), answer.clone(), n_bytes);
            return Ok(answer);
        }
        let key = question.object.key();
        let known = self.records.get(&key, question.operation, question.replicas, id);
        match (known, self.access) {
            (Some(Ok(answer)), _) => return Ok(answer.clone()),
            // A failure is asked about again, and said again where a plan is made again.
            (Some(Err(cause)), Access::Records) => return Err(cause.clone()),
            (Some(Err(_)), Access::Network) | (None, _) => {}
        }
        let answer = self.fetch(webhook, question).map(|(answer, _)| answer);
        if self.access == Access::Network {
            self.records.insert(key, question, webhook, id, answer.clone());
        }
        answer
    }

    /// Asks the webhook; also how many bytes its answer took.
    fn fetch(
        &mut self,
        webhook: &Webhook,
        question: Question<'_>,
    ) -> Result<(Answer, usize), WebhookCause> {
        if self.access == Access::Records {
            return Err(WebhookCause::Unrecorded);
        }
        if let Some(strikes) = self.strikes.get(&webhook.id)
            && strikes.n >= STRIKES_MAX
            && strikes.last.elapsed() < BENCH
        {
            return Err(strikes.cause.clone());
        }
        let uid = fresh_uid();
        let answer = self.client.post(webhook, question.body(&uid)).and_then(|body| {
            let answer = Answer::read(&body, &uid, question.operation)?;
            Ok((answer.settled(question)?, body.len()))
        });
        self.count(webhook.id, answer.as_ref().err());
        answer
    }

    fn count(&mut self, webhook: ObjectId, cause: Option<&WebhookCause>) {
        let Some(cause) = cause.filter(|cause| cause.is_of_server()) else {
            self.strikes.remove(&webhook);
            return;
        };
        let n = self.strikes.get(&webhook).map_or(0, |strikes| strikes.n) + 1;
        self.strikes.insert(webhook, Strikes { n, last: Instant::now(), cause: cause.clone() });
    }
}

/// An id for one request, in the shape of a UUID.
fn fresh_uid() -> String {
    let hex = ObjectId::from_bytes(Sha1::digest(fastrand::u128(..).to_le_bytes()).into());
    let hex = hex.to_string();
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}
