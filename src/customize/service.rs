//! The thread that asks scripts and webhooks for executors: questions in, answers out, one after the
//! other. What an apply waits for comes before what is only reported.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::interpreter::Interpreter;
use super::limits::Limits;
use super::process::Program;
use super::rules::Rules;
use crate::api::manifest::Manifest;
use crate::api::report::Health;
use crate::interpret::NoAnswer;

/// Health and reflected status of a live object, each with its own success.
pub type Seen = (Result<Health, NoAnswer>, Result<Option<Value>, NoAnswer>);

/// Questions of each urgency that wait in the thread's channel; who has more waits outside.
const QUEUE_MAX: usize = 16;

/// Asks an [`Interpreter`] in a thread of its own, which ends with the last handle.
#[derive(Clone, Debug)]
pub struct Service {
    /// An apply waits for the answer.
    urgent: mpsc::Sender<Asked>,
    others: mpsc::Sender<Asked>,
}

type Asked = (Arc<Rules>, Question);

enum Question {
    See(Manifest, oneshot::Sender<Seen>),
    Retain {
        desired: Manifest,
        live: Manifest,
        answer: oneshot::Sender<Result<Manifest, NoAnswer>>,
    },
}

impl Service {
    /// Starts the thread; it starts a worker at the first script.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub fn start(program: Program, limits: Limits) -> std::io::Result<Self> {
        let (urgent, mut urgently_asked) = mpsc::channel(QUEUE_MAX);
        let (others, mut asked) = mpsc::channel(QUEUE_MAX);
        let waiting = tokio::runtime::Builder::new_current_thread().build()?;
        let thread = std::thread::Builder::new().name("rules".to_owned());
        thread.spawn(move || {
            let mut interpreter = Interpreter::new(program, limits);
            while let Some((rules, question)) =
                waiting.block_on(next(&mut urgently_asked, &mut asked))
            {
                interpreter.load(rules);
                answer(&interpreter, question);
            }
        })?;
        Ok(Self { urgent, others })
    }

    /// One whose thread has ended, or never began: nothing that it is asked has an answer.
    #[must_use]
    pub fn ended() -> Self {
        Self { urgent: mpsc::channel(1).0, others: mpsc::channel(1).0 }
    }

    /// Whether the thread is there to answer.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.urgent.is_closed()
    }

    /// What the rules see in a live object.
    pub async fn see(&self, rules: Arc<Rules>, live: Manifest) -> Seen {
        let (answer, answered) = oneshot::channel();
        // When the thread is gone the question is dropped, and so is the way back.
        let _ = self.others.send((rules, Question::See(live, answer))).await;
        answered.await.unwrap_or_else(|_| (Err(gone()), Err(gone())))
    }

    /// `desired` with what a member keeps of its `live` object.
    ///
    /// # Errors
    /// The script or webhook that answers fails.
    pub async fn retain(
        &self,
        rules: Arc<Rules>,
        desired: Manifest,
        live: Manifest,
    ) -> Result<Manifest, NoAnswer> {
        let (answer, answered) = oneshot::channel();
        let _ = self.urgent.send((rules, Question::Retain { desired, live, answer })).await;
        answered.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// The next question; `None` when the last handle is gone.
async fn next(
    urgent: &mut mpsc::Receiver<Asked>,
    others: &mut mpsc::Receiver<Asked>,
) -> Option<Asked> {
    tokio::select! {
        biased;
        Some(asked) = urgent.recv() => Some(asked),
        Some(asked) = others.recv() => Some(asked),
        else => None,
    }
}

fn answer(interpreter: &Interpreter, question: Question) {
    // Who asked may have gone.
    match question {
        Question::See(live, answer) => {
            let now = Timestamp::now();
            let health = interpreter.health(&live, now);
            let status = interpreter.reflect(&live, now);
            let health = health.map_err(|failure| failure.about(&live));
            let _ = answer.send((health, status.map_err(|failure| failure.about(&live))));
        }
        Question::Retain { mut desired, live, answer } => {
            let retained = interpreter.retain(&mut desired, &live);
            let retained = retained.map_err(|failure| failure.about(&live));
            let _ = answer.send(retained.map(|()| desired));
        }
    }
}

fn gone() -> NoAnswer {
    NoAnswer {
        code: "LUA_WORKER",
        message: "there is no thread that asks scripts and webhooks".to_owned(),
        hint: "see what the program logged; the next plan or work tries to start one".to_owned(),
        is_passing: true,
    }
}
