//! Why a customization or webhook gave no answer.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::foreign::{UNTOLD, is_secret_kind, told};
use super::webhook::WebhookCause;
use crate::api::manifest::Manifest;
use crate::api::resource_interpreter_customization::{CustomizationTarget, Operation};
use crate::interpret::{NoAnswer, Unreadable};

/// A question about an object that got no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failure {
    /// A script was asked, and is to blame. No other layer is asked then.
    #[error(
        "{operation} of {} {} by the customization `{customization}`: {cause}",
        target.api_version,
        target.kind
    )]
    Script {
        /// Name of the ResourceInterpreterCustomization.
        customization: Arc<str>,
        /// The kind that it is about.
        target: CustomizationTarget,
        /// What was asked.
        operation: Operation,
        /// What went wrong.
        cause: Cause,
    },
    /// A webhook was asked, and is to blame. No other layer is asked then.
    #[error(
        "{operation} of {} {} by the webhook `{webhook}`: {cause}",
        target.api_version,
        target.kind
    )]
    Webhook {
        /// Names of the ResourceInterpreterWebhookConfiguration and of the webhook in it.
        webhook: Arc<str>,
        /// The kind that it was asked about.
        target: CustomizationTarget,
        /// What was asked.
        operation: Operation,
        /// What went wrong.
        cause: WebhookCause,
    },
    /// Nobody was asked, and the object lacks what its kind cannot do without.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// Who hears what a script or webhook says of a Secret, which may quote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OfSecrets {
    /// Nobody: it would stand in results and reports.
    #[default]
    Untold,
    /// Who asks, about objects of their own.
    Told,
}

impl Failure {
    /// What is told of a script's failure.
    pub(super) fn telling(self, of_secrets: OfSecrets) -> Self {
        match self {
            Self::Script { customization, target, operation, cause }
                if of_secrets == OfSecrets::Untold
                    && is_secret_kind(&target.api_version, &target.kind) =>
            {
                Self::Script { customization, target, operation, cause: cause.untold() }
            }
            other => other,
        }
    }

    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Script { cause, .. } => cause.code(),
            Self::Webhook { cause, .. } => cause.code(),
            Self::Unreadable(_) => Unreadable::CODE,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Script { cause, .. } => cause.hint(),
            Self::Webhook { cause, .. } => cause.hint().to_owned(),
            Self::Unreadable(_) => Unreadable::HINT.to_owned(),
        }
    }
}

impl From<Failure> for NoAnswer {
    fn from(failure: Failure) -> Self {
        let is_passing = match &failure {
            Failure::Script { cause, .. } => !cause.is_lasting(),
            Failure::Webhook { cause, .. } => cause.is_passing(),
            Failure::Unreadable(_) => false,
        };
        let (code, message, hint) = (failure.code(), failure.to_string(), failure.hint());
        Self { code, message, hint, is_passing }
    }
}

impl Failure {
    /// What is told of it where `object` was asked about. What went wrong may quote the object, so of
    /// a Secret only the code, the question and the rule are told.
    pub(super) fn about(self, object: &Manifest) -> NoAnswer {
        if !object.is_secret() {
            return self.into();
        }
        let rule = match &self {
            Self::Script { customization, operation, .. } => {
                format!("{operation} by the customization `{customization}`")
            }
            Self::Webhook { webhook, operation, .. } => {
                format!("{operation} by the webhook `{webhook}`")
            }
            Self::Unreadable(_) => return self.into(),
        };
        let message = format!("{rule} failed; what it said of a Secret is not told");
        NoAnswer { message, ..self.into() }
    }
}

/// What went wrong with one call of a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Cause {
    /// It is not Lua.
    #[error("the script is not Lua: {message}")]
    Syntax {
        /// Line in the script, from 1; 0 when it is not known.
        line: u32,
        /// What Lua says.
        message: String,
    },
    /// It does not define its function.
    #[error("the script does not define the function `{0}`")]
    NoFunction(String),
    /// It raised an error.
    #[error("the script failed: {0}")]
    Raised(String),
    /// It returned what the operation does not.
    #[error("the script returned what it may not: {0}")]
    Answer(String),
    /// It went on for too long.
    #[error("the script took longer than {0} ms")]
    Time(u64),
    /// It wanted too much memory.
    #[error("the script wanted more than {0} bytes of memory")]
    Memory(u64),
    /// It ended its process: a crash, or a limit of the operating system.
    #[error("the script ended its process: {0}")]
    Died(String),
    /// It was not called: its answers had taken this many seconds of the plan.
    #[error("the script was not called any more: a plan waits {0} s for it")]
    Spent(u64),
    /// It was not called about a live object: calls in vain had taken this many seconds of the minute.
    #[error(
        "the script was not called: others of its calls failed, for which it has {0} s a minute"
    )]
    Rests(u64),
    /// There is no process to run it in. Not the script's fault.
    #[error("the process for scripts cannot be run: {0}")]
    Worker(String),
}

impl Cause {
    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "LUA_SYNTAX",
            Self::NoFunction(_) => "LUA_FUNCTION",
            Self::Raised(_) => "LUA_ERROR",
            Self::Answer(_) => "LUA_ANSWER",
            Self::Time(_) | Self::Memory(_) | Self::Died(_) => "LUA_LIMIT",
            Self::Spent(_) | Self::Rests(_) => "LUA_BUDGET",
            Self::Worker(_) => "LUA_WORKER",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Syntax { .. } => "correct the script; it is Lua 5.1".to_owned(),
            Self::NoFunction(function) => {
                format!("define a global function `{function}`, in this spelling")
            }
            Self::Raised(_) => {
                "try the script with `git fleet interpret`; test for nil what may be absent"
                    .to_owned()
            }
            Self::Answer(_) => {
                "see docs/customizations.md for what each function returns".to_owned()
            }
            Self::Time(_) | Self::Memory(_) | Self::Died(_) => {
                "look for a loop without an end, or for text that grows with every turn".to_owned()
            }
            Self::Spent(_) => {
                "make the script faster; the plan is made again within a minute, and goes on from here"
                    .to_owned()
            }
            Self::Rests(_) => {
                "see for which objects it used up its limits (`LUA_LIMIT`); this one is asked about again within minutes"
                    .to_owned()
            }
            Self::Worker(_) => {
                "see the message; the program starts itself once more to run scripts".to_owned()
            }
        }
    }

    /// As it may be told: what a worker says is not ours either.
    pub(super) fn told(self) -> Self {
        match self {
            Self::Syntax { line, message } => Self::Syntax { line, message: told(&message) },
            Self::NoFunction(function) => Self::NoFunction(told(&function)),
            Self::Raised(message) => Self::Raised(told(&message)),
            Self::Answer(why) => Self::Answer(told(&why)),
            Self::Died(why) => Self::Died(told(&why)),
            Self::Worker(why) => Self::Worker(told(&why)),
            Self::Time(_) | Self::Memory(_) | Self::Spent(_) | Self::Rests(_) => self,
        }
    }

    /// As it may be told of an object with secrets: without what the script made of them.
    fn untold(self) -> Self {
        match self {
            Self::Raised(_) => Self::Raised(UNTOLD.to_owned()),
            Self::Answer(_) => Self::Answer(UNTOLD.to_owned()),
            Self::Syntax { .. }
            | Self::NoFunction(_)
            | Self::Time(_)
            | Self::Memory(_)
            | Self::Died(_)
            | Self::Spent(_)
            | Self::Rests(_)
            | Self::Worker(_) => self,
        }
    }

    /// Whether a script used up what it may.
    pub(super) fn is_of_limits(&self) -> bool {
        matches!(self, Self::Time(_) | Self::Memory(_) | Self::Died(_))
    }

    /// Whether the same call would end in the same way: what a script does by itself.
    pub(super) fn is_lasting(&self) -> bool {
        match self {
            Self::Syntax { .. } | Self::NoFunction(_) | Self::Raised(_) | Self::Answer(_) => true,
            Self::Time(_)
            | Self::Memory(_)
            | Self::Died(_)
            | Self::Spent(_)
            | Self::Rests(_)
            | Self::Worker(_) => false,
        }
    }
}
