//! The thread that asks scripts and webhooks for executors: questions in, answers out, one after the other.

use std::sync::Arc;
use std::sync::mpsc;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::oneshot;

use super::failure::Failure;
use super::interpreter::Interpreter;
use super::limits::Limits;
use super::process::Program;
use super::rules::Rules;
use crate::api::manifest::Manifest;
use crate::api::report::Health;
use crate::interpret::NoAnswer;

/// Health and reflected status of a live object, each with its own success.
pub type Seen = (Result<Health, NoAnswer>, Result<Option<Value>, NoAnswer>);

/// Asks an [`Interpreter`] in a thread of its own, which ends with the last handle.
#[derive(Clone, Debug)]
pub struct Service {
    questions: mpsc::Sender<(Arc<Rules>, Question)>,
}

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
        let (questions, asked) = mpsc::channel();
        let thread = std::thread::Builder::new().name("rules".to_owned());
        thread.spawn(move || {
            let mut interpreter = Interpreter::new(program, limits);
            while let Ok((rules, question)) = asked.recv() {
                interpreter.load(rules);
                answer(&interpreter, question);
            }
        })?;
        Ok(Self { questions })
    }

    /// What the rules see in a live object.
    pub async fn see(&self, rules: Arc<Rules>, live: Manifest) -> Seen {
        let (answer, answered) = oneshot::channel();
        self.ask(rules, Question::See(live, answer));
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
        self.ask(rules, Question::Retain { desired, live, answer });
        answered.await.unwrap_or_else(|_| Err(gone()))
    }

    fn ask(&self, rules: Arc<Rules>, question: Question) {
        // When the thread is gone the question is dropped, and so is the way back.
        let _ = self.questions.send((rules, question));
    }
}

fn answer(interpreter: &Interpreter, question: Question) {
    // Who asked may have gone.
    match question {
        Question::See(live, answer) => {
            let now = Timestamp::now();
            let health = interpreter.health(&live, now).map_err(Failure::into);
            let status = interpreter.reflect(&live, now).map_err(Failure::into);
            let _ = answer.send((health, status));
        }
        Question::Retain { mut desired, live, answer } => {
            let retained = interpreter.retain(&mut desired, &live);
            let _ = answer.send(retained.map(|()| desired).map_err(Failure::into));
        }
    }
}

fn gone() -> NoAnswer {
    NoAnswer {
        code: "LUA_WORKER",
        message: "the thread for scripts has ended".to_owned(),
        hint: "start the program again, and report what it logged before".to_owned(),
        is_passing: true,
    }
}
