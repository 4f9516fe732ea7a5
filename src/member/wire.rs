//! Requests to one API server, and what can go wrong with them, by what a caller can do about it.
//!
//! Sits on [`kube::Client`] for connections, TLS and credentials; bodies are plain JSON. Every
//! request has a time limit. Nothing is retried here.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kube::client::Body;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;

use crate::api::marks::FIELD_MANAGER;
use crate::api::period::Period;

use super::discovery::Resource;

/// A request that has no answer after this long is given up, unless it is said otherwise; webhooks may take 30 s
/// each.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(35);
/// Largest answer that is read: a page of the largest objects that etcd keeps (250 × 1.5 MiB) is
/// beyond it, and is not a cluster that we can serve.
const ANSWER_LEN_MAX: usize = 64 << 20;
/// Longest message of a server that is passed on. Admission messages can be whole documents.
const MESSAGE_LEN_MAX: usize = 300;
/// Used when a 429 does not say how long to wait.
const THROTTLED_FOR: Duration = Duration::from_secs(1);
/// Longest wait that a server can ask for.
const THROTTLED_FOR_MAX: Duration = Duration::from_mins(2);

/// Everything but what RFC 3986 leaves unreserved, and `:`, which RBAC names have.
const SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// Why a request did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No connection, a broken one, or no answer in time: the cluster, not the object.
    #[error("CLUSTER_UNREACHABLE: {0}; check the address in its kubeconfig and the way there")]
    Unreachable(String),
    /// The two sides do not trust each other's certificates.
    #[error("CLUSTER_TLS: {0}; check the certificate authority and this machine's clock")]
    Tls(String),
    /// 401.
    #[error(
        "CLUSTER_AUTH: the cluster does not accept the credentials; check that they have not expired"
    )]
    Auth,
    /// 403: no permission, or an admission plugin that answers so.
    #[error("CLUSTER_FORBIDDEN: {0}")]
    Forbidden(Refusal),
    /// 404.
    #[error("not found: {0}")]
    NotFound(Refusal),
    /// 409.
    #[error("conflict: {0}")]
    Conflict(Refusal),
    /// 410: the resource version or the continue token is too old.
    #[error("expired")]
    Gone,
    /// 429: come back later.
    #[error("the cluster asks for fewer requests")]
    Throttled {
        /// How much later.
        after: Duration,
    },
    /// 5xx.
    #[error("the cluster fails: {0}")]
    Server(Refusal),
    /// Any other answer: what was asked for is wrong, and will be next time.
    #[error("OBJECT_REFUSED the cluster refuses it: {0}")]
    Refused(Refusal),
    /// An answer that is not what the Kubernetes API promises.
    #[error("the cluster's answer is not one that we understand: {0}")]
    Nonsense(String),
}

impl RequestError {
    /// Whether it concerns the whole cluster: other requests would fail as well.
    pub fn is_of_cluster(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Tls(_) | Self::Auth | Self::Throttled { .. })
    }

    /// Whether the same request may succeed soon without anybody's doing.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Server(_)
            | Self::Gone
            | Self::Nonsense(_)
            | Self::NotFound(_)
            | Self::Unreachable(_)
            | Self::Tls(_)
            | Self::Auth
            | Self::Throttled { .. } => true,
            Self::Conflict(refusal) => refusal.conflicts().next().is_none(),
            Self::Forbidden(refusal) => refusal.is_terminating(),
            Self::Refused(_) => false,
        }
    }
}

impl RequestError {
    /// The same without anything that may quote the object: for Secrets.
    #[must_use]
    pub fn without_values(self) -> Self {
        match self {
            Self::Forbidden(refusal) => Self::Forbidden(refusal.without_values()),
            Self::NotFound(refusal) => Self::NotFound(refusal.without_values()),
            Self::Conflict(refusal) => Self::Conflict(refusal.without_values()),
            Self::Server(refusal) => Self::Server(refusal.without_values()),
            Self::Refused(refusal) => Self::Refused(refusal.without_values()),
            Self::Unreachable(_)
            | Self::Tls(_)
            | Self::Auth
            | Self::Gone
            | Self::Throttled { .. }
            | Self::Nonsense(_) => self,
        }
    }
}

/// What the server said, as its `Status` object has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub code: u16,
    /// Kubernetes' reason, e.g. `AlreadyExists`.
    pub reason: String,
    /// The message, shortened and in one line. May quote the object.
    pub message: String,
    /// Causes, e.g. one for each field.
    pub causes: Vec<Cause>,
}

/// One cause of a refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Cause {
    /// Kind of cause, e.g. `FieldManagerConflict`.
    pub reason: String,
    /// For people. May quote the object.
    pub message: String,
    /// Path of the field.
    pub field: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.message.is_empty() {
            f.write_str(format!("{} {}", self.code, self.reason).trim_end())
        } else {
            f.write_str(&self.message)
        }
    }
}

impl Refusal {
    /// Fields that others own, with the conflict's message: `conflict with "argocd" using v1`.
    pub fn conflicts(&self) -> impl Iterator<Item = &Cause> {
        self.causes.iter().filter(|cause| cause.reason == "FieldManagerConflict")
    }

    /// Whether the object, or the namespace that it should be in, is being deleted.
    pub fn is_terminating(&self) -> bool {
        self.causes.iter().any(|cause| cause.reason == "NamespaceTerminating")
    }

    /// The same without anything that may quote the object: for Secrets.
    #[must_use]
    pub fn without_values(&self) -> Self {
        let fields: Vec<&str> = self
            .causes
            .iter()
            .map(|cause| &*cause.field)
            .filter(|field| !field.is_empty())
            .collect();
        let message = format!("{} {} {}", self.code, self.reason, fields.join(", "));
        Self { message: message.trim_end().to_owned(), ..self.clone() }
    }
}

/// Whether an apply takes fields from their owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// It does.
    Yes,
    /// A field of someone else's is a conflict.
    No,
}

/// One API server.
#[derive(Clone)]
pub struct Api {
    pub(super) client: kube::Client,
    request_timeout: Option<Duration>,
}

impl Api {
    /// The API server behind `client`.
    pub fn new(client: kube::Client) -> Self {
        Self { client, request_timeout: Some(REQUEST_TIMEOUT) }
    }

    /// The same, which gives a request up that has no answer after `limit`; `None`: never.
    #[must_use]
    pub fn with_request_timeout(self, limit: Option<Duration>) -> Self {
        Self { request_timeout: limit, ..self }
    }

    /// What `answer` becomes, or that it did not come in time.
    ///
    /// # Errors
    /// As `answer`; [`RequestError::Unreachable`] if the time is over.
    pub async fn in_time<T>(
        &self,
        answer: impl Future<Output = Result<T, RequestError>>,
    ) -> Result<T, RequestError> {
        let Some(limit) = self.request_timeout else { return answer.await };
        let late = || RequestError::Unreachable(format!("no answer in {}", Period::from(limit)));
        tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| Err(late()))
    }

    /// One object.
    pub async fn get(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Value, RequestError> {
        let bytes =
            self.get_raw(&object_path(resource, namespace, name), "application/json").await?;
        json(&bytes)
    }

    /// Any path.
    pub async fn get_raw(&self, path: &str, accept: &str) -> Result<Bytes, RequestError> {
        self.request(Method::GET, path, accept, None).await
    }

    /// Server-side apply as our field manager. Gives the object as it is then.
    pub async fn apply(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        body: &Value,
        force: Force,
    ) -> Result<Value, RequestError> {
        let force = match force {
            Force::Yes => "&force=true",
            Force::No => "",
        };
        let path = format!(
            "{}?fieldManager={FIELD_MANAGER}{force}",
            object_path(resource, namespace, name)
        );
        self.write(Method::PATCH, &path, "application/apply-patch+yaml", body).await
    }

    /// JSON merge patch as our field manager.
    pub async fn merge(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        body: &Value,
    ) -> Result<Value, RequestError> {
        let path =
            format!("{}?fieldManager={FIELD_MANAGER}", object_path(resource, namespace, name));
        self.write(Method::PATCH, &path, "application/merge-patch+json", body).await
    }

    /// Deletes the object if it still is the one with this uid and resource version; what it owns
    /// goes in the background.
    pub async fn delete(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        uid: &str,
        resource_version: &str,
    ) -> Result<Value, RequestError> {
        let options = serde_json::json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
            "preconditions": {"uid": uid, "resourceVersion": resource_version},
        });
        let path = object_path(resource, namespace, name);
        self.write(Method::DELETE, &path, "application/json", &options).await
    }

    /// Makes what `body` says below `path`: an object of a collection, or what a subresource answers.
    pub async fn create(&self, path: &str, body: &Value) -> Result<Value, RequestError> {
        let path = format!("{path}?fieldManager={FIELD_MANAGER}");
        self.write(Method::POST, &path, "application/json", body).await
    }

    async fn write(
        &self,
        method: Method,
        path: &str,
        content_type: &'static str,
        body: &Value,
    ) -> Result<Value, RequestError> {
        let bytes = serde_json::to_vec(body).expect("a JSON value is always JSON");
        json(&self.request(method, path, "application/json", Some((content_type, bytes))).await?)
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        accept: &str,
        body: Option<(&'static str, Vec<u8>)>,
    ) -> Result<Bytes, RequestError> {
        self.in_time(async {
            let response = self.send(method, path, accept, body).await?;
            collect(response.into_body()).await
        })
        .await
    }

    /// Opens a stream of lines: a watch, or a log. The time limit is that of its beginning.
    pub async fn stream(&self, path: &str) -> Result<Lines, RequestError> {
        let response = self.in_time(self.send(Method::GET, path, "application/json", None)).await?;
        Ok(Lines { body: response.into_body(), buffer: Vec::new(), n_searched: 0 })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        accept: &str,
        body: Option<(&'static str, Vec<u8>)>,
    ) -> Result<Response<Body>, RequestError> {
        let mut request =
            Request::builder().method(method).uri(path).header(header::ACCEPT, accept);
        let mut content = Vec::new();
        if let Some((content_type, bytes)) = body {
            request = request.header(header::CONTENT_TYPE, content_type);
            content = bytes;
        }
        let request = request
            .body(Body::from(content))
            .map_err(|error| RequestError::Nonsense(format!("no request to `{path}`: {error}")))?;
        let response = self.client.send(request).await.map_err(|error| transport(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let after = parts.headers.get(header::RETRY_AFTER).and_then(|text| text.to_str().ok());
        let after = after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let body = collect(body).await.unwrap_or_default();
        Err(refusal(parts.status, after, &body))
    }
}

/// Lines of an answer that does not end.
pub struct Lines {
    body: Body,
    buffer: Vec<u8>,
    n_searched: usize,
}

impl Lines {
    /// What came behind the last line, when the answer is at its end: a line that was not ended.
    pub fn rest(self) -> Vec<u8> {
        self.buffer
    }

    /// The next line, with what ends it; `None` at the end of the answer.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, RequestError> {
        loop {
            if let Some(at) = self.buffer[self.n_searched..].iter().position(|byte| *byte == b'\n')
            {
                let rest = self.buffer.split_off(self.n_searched + at + 1);
                self.n_searched = 0;
                return Ok(Some(std::mem::replace(&mut self.buffer, rest)));
            }
            self.n_searched = self.buffer.len();
            if self.buffer.len() > ANSWER_LEN_MAX {
                return Err(RequestError::Nonsense("a line without end".to_owned()));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.buffer.extend_from_slice(data);
                    }
                }
                Some(Err(error)) => return Err(RequestError::Unreachable(chain(&error))),
            }
        }
    }
}

/// Path of a resource's collection: of one namespace, or of the whole cluster.
pub fn collection_path(resource: &Resource, namespace: Option<&str>) -> String {
    let root = if resource.group.is_empty() {
        format!("/api/{}", resource.version)
    } else {
        format!("/apis/{}/{}", resource.group, resource.version)
    };
    match namespace.filter(|_| resource.namespaced) {
        Some(namespace) => {
            format!(
                "{root}/namespaces/{}/{}",
                utf8_percent_encode(namespace, SEGMENT),
                resource.plural
            )
        }
        None => format!("{root}/{}", resource.plural),
    }
}

/// Path of one object; a namespaced one without a namespace is in `default`.
pub fn object_path(resource: &Resource, namespace: Option<&str>, name: &str) -> String {
    let collection = collection_path(resource, Some(namespace.unwrap_or("default")));
    format!("{collection}/{}", utf8_percent_encode(name, SEGMENT))
}

/// Reads JSON.
pub fn json<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T, RequestError> {
    serde_json::from_slice(bytes).map_err(|error| {
        RequestError::Nonsense(format!("line {} is not as expected", error.line()))
    })
}

pub(super) async fn collect(body: Body) -> Result<Bytes, RequestError> {
    match Limited::new(body, ANSWER_LEN_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(RequestError::Nonsense(format!("longer than {} MiB", ANSWER_LEN_MAX >> 20)))
        }
        Err(error) => Err(RequestError::Unreachable(chain(&*error))),
    }
}

/// What a failure to send means.
pub(super) fn transport(error: &kube::Error) -> RequestError {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<std::io::Error>()
            && is_of_tls(io)
        {
            return RequestError::Tls(chain(error));
        }
        next = cause.source();
    }
    match error {
        kube::Error::Auth(_) => RequestError::Auth,
        _ => RequestError::Unreachable(chain(error)),
    }
}

/// TLS failures come as I/O errors of kind `InvalidData`, possibly wrapped in another one, which
/// `source` skips.
fn is_of_tls(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::InvalidData
        || error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<std::io::Error>())
            .is_some_and(is_of_tls)
}

/// The innermost cause: the layers above it say "client error" and the like.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    // What a client's own timer says of itself is no word for a person.
    let is_late =
        |io: &std::io::Error| io.kind() == std::io::ErrorKind::TimedOut && io.get_ref().is_some();
    if last.is::<tokio::time::error::Elapsed>() || last.downcast_ref().is_some_and(is_late) {
        return "no answer in time".to_owned();
    }
    one_line(&last.to_string())
}

pub(super) fn refusal(status: StatusCode, after: Option<Duration>, body: &[u8]) -> RequestError {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Status {
        reason: String,
        message: String,
        details: Option<Details>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Details {
        causes: Vec<Cause>,
    }
    let said: Status = serde_json::from_slice(body).unwrap_or_default();
    let refusal = Refusal {
        code: status.as_u16(),
        reason: said.reason,
        message: one_line(&said.message),
        causes: said.details.unwrap_or_default().causes,
    };
    match status {
        StatusCode::UNAUTHORIZED => RequestError::Auth,
        StatusCode::FORBIDDEN => RequestError::Forbidden(refusal),
        StatusCode::NOT_FOUND => RequestError::NotFound(refusal),
        StatusCode::CONFLICT => RequestError::Conflict(refusal),
        StatusCode::GONE => RequestError::Gone,
        StatusCode::TOO_MANY_REQUESTS => {
            RequestError::Throttled { after: after.unwrap_or(THROTTLED_FOR).min(THROTTLED_FOR_MAX) }
        }
        // 504 and 500 may carry Retry-After too, but those are an object's trouble.
        status if status.is_server_error() => RequestError::Server(refusal),
        _ => RequestError::Refused(refusal),
    }
}

/// A server's text, fit for a report: one line, no control characters, not endless. A text that is too
/// long loses the values that it quotes first, then its middle: it begins with what is wrong, and ends
/// with why.
fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let fits = |line: &str| line.chars().nth(MESSAGE_LEN_MAX).is_none();
    if fits(&line) {
        return line;
    }
    let line = without_dumps(&line);
    if fits(&line) {
        return line;
    }
    let n_chars = line.chars().count();
    let head: String = line.chars().take(MESSAGE_LEN_MAX * 2 / 3).collect();
    let tail: String = line.chars().skip(n_chars - MESSAGE_LEN_MAX / 3).collect();
    format!("{head}…{tail}")
}

/// `text` with every value in braces, as Go and JSON print them, left out: `core.PodSpec{…}`.
fn without_dumps(text: &str) -> String {
    let mut rest = String::with_capacity(MESSAGE_LEN_MAX);
    let (mut n_open, mut is_quoted, mut is_escaped) = (0_usize, false, false);
    for c in text.chars() {
        if n_open == 0 {
            rest.push(c);
        }
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            // Outside of values a quote may stand alone.
            '"' if n_open > 0 => is_quoted = !is_quoted,
            '{' if !is_quoted => n_open += 1,
            '}' if !is_quoted && n_open > 0 => {
                n_open -= 1;
                if n_open == 0 {
                    rest.push_str("…}");
                }
            }
            _ => {}
        }
    }
    // Whatever is open at the end was no value, or its end is not told.
    if n_open > 0 { text.to_owned() } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_keeps_the_field_and_the_reason() {
        let dump = format!("{{Name:\"a}}\\\"}}\", Env:[]core.EnvVar{{{}}}}}", "x ".repeat(400));
        let (before, after) =
            ("Job.batch \"j1\" is invalid: spec.template: Invalid value: ", ": field is immutable");
        let go = format!("{before}core.PodTemplateSpec{dump}{after}");
        assert_eq!(one_line(&go), format!("{before}core.PodTemplateSpec{{…}}{after}"));
        let json = format!("{before}{{\"a\":{{\"b\":\"{}\"}}}}{after}", "x".repeat(400));
        assert_eq!(one_line(&json), format!("{before}{{…}}{after}"));
        for text in ["x".repeat(400), format!("a {{{}", "x".repeat(400))] {
            let line = one_line(&format!("{before}{text}{after}"));
            assert!(line.starts_with(before) && line.ends_with(after), "{line}");
            assert_eq!(line.chars().count(), MESSAGE_LEN_MAX + 1);
        }
        let short = "spec.ports[0]: Invalid value: {\"port\":\n0}: must be between 1 and 65535";
        assert_eq!(one_line(short), short.replace('\n', " "));
    }
}
