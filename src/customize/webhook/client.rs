//! The way to webhooks: HTTPS, one question after the other, from a thread of its own.
//!
//! The thread lets whoever asks block, also where an async runtime is at work. Connections are kept
//! for the next question; no redirect is followed, no proxy is used, and nothing of the environment is
//! read but the operating system's certificates.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;

use super::cause::WebhookCause;
use super::hooks::Webhook;
use super::trust::{self, Trust};
use crate::customize::foreign::told;

/// Largest answer: as large as the result of a script may be.
const ANSWER_BYTES_MAX: usize = 2 << 20;
/// How long a connection is kept for the next question. Servers keep them longer.
const IDLE: Duration = Duration::from_secs(5);
/// A kept connection may turn out to be closed when it is used; a new one is made once.
const TRIES: usize = 2;

/// So many bundles are known at a time: fleets change, and each client keeps a connection.
const CLIENTS_MAX: usize = 100;

type Http = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;
type Reply = Result<Bytes, WebhookCause>;

/// Asks webhooks; its thread starts with the first question.
#[derive(Debug, Default)]
pub(super) struct Client {
    thread: Option<mpsc::Sender<Job>>,
}

#[derive(Debug)]
struct Job {
    url: String,
    ca_bundle: Option<Arc<str>>,
    timeout: Duration,
    body: Bytes,
    reply: mpsc::SyncSender<Reply>,
}

impl Client {
    /// Sends `body` to a webhook and waits for the body of its answer, no longer than it may take.
    pub(super) fn post(&mut self, webhook: &Webhook, body: Vec<u8>) -> Reply {
        let (reply, replied) = mpsc::sync_channel(1);
        let job = Job {
            // The server is told how long it may take.
            url: format!("{}?timeout={}s", webhook.url, webhook.timeout.as_secs()),
            ca_bundle: webhook.ca_bundle.clone(),
            timeout: webhook.timeout,
            body: body.into(),
            reply,
        };
        let sent = match self.thread.take() {
            Some(thread) => Ok(thread),
            None => start(),
        };
        let gone = |error: &dyn Error| WebhookCause::Unreachable(format!("no thread: {error}"));
        let thread = sent.map_err(|error| gone(&error))?;
        thread.send(job).map_err(|error| gone(&error))?;
        let answer = replied.recv().map_err(|error| gone(&error))?;
        self.thread = Some(thread);
        answer
    }
}

fn start() -> io::Result<mpsc::Sender<Job>> {
    let (sender, jobs) = mpsc::channel::<Job>();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("webhooks".to_owned()).spawn(move || {
        let mut clients = BTreeMap::new();
        while let Ok(job) = jobs.recv() {
            let Job { url, ca_bundle, timeout, body, reply } = job;
            if clients.len() >= CLIENTS_MAX {
                clients.clear();
            }
            let client =
                clients.entry(ca_bundle.clone()).or_insert_with(|| client(ca_bundle.as_deref()));
            let answer = match client {
                Ok(client) => runtime.block_on(within(timeout, exchange(client, &url, body))),
                Err(cause) => Err(cause.clone()),
            };
            // Who asked may have gone.
            let _ = reply.send(answer);
        }
        // A name that is still looked up is not waited for.
        runtime.shutdown_background();
    })?;
    Ok(sender)
}

async fn within(timeout: Duration, exchange: impl Future<Output = Reply>) -> Reply {
    let late = |_| Err(WebhookCause::Late(timeout.as_secs()));
    tokio::time::timeout(timeout, exchange).await.unwrap_or_else(late)
}

/// A client that trusts these certificates, or those of the operating system.
fn client(ca_bundle: Option<&str>) -> Result<Http, WebhookCause> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trust = Trust::new(ca_bundle, Arc::clone(&provider))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has suites for the protocols that it is built for")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(trust))
        .with_no_client_auth();
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http1().build();
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    Ok(builder.pool_idle_timeout(IDLE).pool_max_idle_per_host(1).build(connector))
}

async fn exchange(client: &Http, url: &str, body: Bytes) -> Reply {
    for _ in 1..TRIES {
        match once(client, url, body.clone()).await {
            Err(error) if was_closed(&*error) => {}
            reply => return reply.map_err(|error| cause(&*error)),
        }
    }
    once(client, url, body).await.map_err(|error| cause(&*error))
}

async fn once(
    client: &Http,
    url: &str,
    body: Bytes,
) -> Result<Bytes, Box<dyn Error + Send + Sync>> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(url)
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, concat!("git-fleet/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(body))?;
    let response = client.request(request).await?;
    if response.status() != StatusCode::OK {
        return Err(Box::new(WebhookCause::Status(response.status().as_u16())));
    }
    Ok(Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await?.to_bytes())
}

/// An error and what stands behind it. What an I/O error carries is not among its sources.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| behind(*error))
}

fn behind<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(carried) => Some(carried),
        None => error.source(),
    }
}

fn find<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    chain(error).find_map(|one| one.downcast_ref::<E>())
}

/// Whether a connection was closed before anything of an answer came.
fn was_closed(error: &(dyn Error + 'static)) -> bool {
    find::<hyper::Error>(error)
        .is_some_and(|error| error.is_incomplete_message() || error.is_canceled())
}

fn cause(error: &(dyn Error + 'static)) -> WebhookCause {
    if let Some(cause) = find::<WebhookCause>(error) {
        return cause.clone();
    }
    if find::<LengthLimitError>(error).is_some() {
        let told = format!("more than {ANSWER_BYTES_MAX} bytes");
        return WebhookCause::Answer(told);
    }
    if let Some(error) = find::<rustls::Error>(error) {
        return trust::cause(error);
    }
    let last = chain(error).last().unwrap_or(error);
    WebhookCause::Unreachable(told(&last.to_string()))
}
