//! Why a webhook gave no answer.

use serde::{Deserialize, Serialize};

use crate::customize::foreign::UNTOLD;

/// What went wrong with one question to a webhook.
///
/// Equal failures have equal words: they stand in results, and no commit may come from a clock.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WebhookCause {
    /// There is no connection to it.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// Its certificate, or the bundle that is to verify it, is not accepted.
    #[error("its certificate is not accepted: {0}")]
    Untrusted(String),
    /// It took longer than this many seconds.
    #[error("it did not answer within {0} s")]
    Late(u64),
    /// It answered with another HTTP status than 200.
    #[error("it answered with the HTTP status {0}")]
    Status(u16),
    /// What it answered is not what the operation asks for.
    #[error("it answered what it may not: {0}")]
    Answer(String),
    /// It said that it did not succeed, with a code and in its own words.
    #[error("it did not succeed: {message} (code {code})")]
    Refused {
        /// Its code.
        code: i32,
        /// Its words.
        message: String,
    },
    /// It was not asked: its answers had taken this many seconds of the plan.
    #[error("it was not asked any more: a plan waits {0} s for it")]
    Spent(u64),
    /// It was not asked about a live object: questions in vain had taken this many seconds of the
    /// minute.
    #[error("it was not asked: other questions failed, for which it has {0} s a minute")]
    Rests(u64),
    /// It was not asked: only recorded answers count, and there is none.
    #[error("its answer is not recorded, and it is not asked here")]
    Unrecorded,
}

impl WebhookCause {
    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "WEBHOOK_UNREACHABLE",
            Self::Untrusted(_) => "WEBHOOK_CERTIFICATE",
            Self::Late(_) => "WEBHOOK_TIMEOUT",
            Self::Status(_) => "WEBHOOK_HTTP",
            Self::Answer(_) => "WEBHOOK_ANSWER",
            Self::Refused { .. } => "WEBHOOK_REFUSED",
            Self::Spent(_) | Self::Rests(_) => "WEBHOOK_BUDGET",
            Self::Unrecorded => "WEBHOOK_UNRECORDED",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "see that the server runs and that `clientConfig.url` is right",
            Self::Untrusted(_) => {
                "write into `clientConfig.caBundle` the certificate that signed the server's, or the server's own; the server's must be for the host of the URL"
            }
            Self::Late(_) => "make the server faster, or raise `timeoutSeconds` (at most 30)",
            Self::Status(300..=399) => {
                "write into `clientConfig.url` where it points to: redirects are not followed"
            }
            Self::Status(_) => "see the server's log, and that the path of the URL is right",
            Self::Spent(_) => {
                "make the server faster; the plan is made again within a minute, and asks"
            }
            Self::Rests(_) => {
                "see for which objects it failed; this one is asked about again within minutes"
            }
            Self::Answer(_) => "see docs/customizations.md for what each operation answers",
            Self::Refused { .. } => "see the message: it is the server's own",
            Self::Unrecorded => {
                "let the controller plan the commit: it asks, and records; or ask from here with `git fleet plan --call-webhooks`"
            }
        }
    }

    /// Whether the server is to blame rather than the question: another one would fare no better.
    pub(super) fn is_of_server(&self) -> bool {
        match self {
            Self::Unreachable(_)
            | Self::Untrusted(_)
            | Self::Late(_)
            | Self::Status(429 | 500..=599) => true,
            Self::Status(_)
            | Self::Answer(_)
            | Self::Refused { .. }
            | Self::Spent(_)
            | Self::Rests(_)
            | Self::Unrecorded => false,
        }
    }

    /// Whether the same question may have an answer soon.
    pub(in super::super) fn is_passing(&self) -> bool {
        self.is_of_server() || matches!(self, Self::Spent(_) | Self::Rests(_) | Self::Unrecorded)
    }

    /// As it may be told of an object with secrets: without what the server made of them.
    pub(super) fn untold(self) -> Self {
        match self {
            Self::Answer(_) => Self::Answer(UNTOLD.to_owned()),
            Self::Refused { code, .. } => Self::Refused { code, message: UNTOLD.to_owned() },
            Self::Unreachable(_)
            | Self::Untrusted(_)
            | Self::Late(_)
            | Self::Status(_)
            | Self::Spent(_)
            | Self::Rests(_)
            | Self::Unrecorded => self,
        }
    }
}
