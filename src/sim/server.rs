//! One member as an HTTP server: connections, credentials, faults, and the way to the right answer.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Either, Full, Limited, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::delete::DeleteOptions;
use super::discovery::{self, Half};
use super::faults::Faults;
use super::format;
use super::resources::api_version;
use super::route::{self, DryRun, Format, Target};
use super::status_error::Refusal;
use super::watch::{self, Disturbances, Lines};
use super::world::{Answer, Call, Reply, Requests, World};
use super::write::PatchKind;
use super::{delete, exec, logs, metrics, openapi, read, write};

/// A body larger than this is refused, as Kubernetes does.
const BODY_BYTES_MAX: usize = 3 * 1024 * 1024;

type Body = Either<Full<Bytes>, StreamBody<Lines>>;

/// One simulated member: its state and what is wrong with it.
#[derive(Debug)]
pub(super) struct Member {
    /// The bearer token that requests must carry, if any.
    pub token: Option<String>,
    pub world: RefCell<World>,
    pub disturbances: Disturbances,
    faults: RefCell<Faults>,
    fault_rng: RefCell<fastrand::Rng>,
    unpaused: Notify,
    requests: RefCell<BTreeMap<&'static str, u64>>,
    /// When a request last asked for a change.
    pub last_write: Cell<Instant>,
}

impl Member {
    pub(super) fn new(token: Option<String>, seed: u64) -> Self {
        Self {
            token,
            world: RefCell::new(World::new(seed)),
            disturbances: Disturbances::default(),
            faults: RefCell::new(Faults::default()),
            fault_rng: RefCell::new(fastrand::Rng::with_seed(seed ^ 0xfa01)),
            unpaused: Notify::new(),
            requests: RefCell::new(BTreeMap::new()),
            last_write: Cell::new(Instant::now()),
        }
    }

    pub(super) fn set_faults(&self, faults: Faults) {
        *self.faults.borrow_mut() = faults;
        self.unpaused.notify_waiters();
    }

    pub(super) fn requests(&self) -> Requests {
        let resource_version = self.world.borrow().storage.resource_version;
        Requests { by_verb: self.requests.borrow().clone(), resource_version }
    }

    fn count(&self, verb: &'static str) {
        *self.requests.borrow_mut().entry(verb).or_default() += 1;
    }
}

/// Accepts connections until the task is aborted; every connection ends with it.
pub(super) async fn serve(member: Rc<Member>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors: let running connections end before the next try.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        // Without it a small answer waits for the client's delayed acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its default delay");
        }
        let member = member.clone();
        connections.spawn_local(async move {
            let service = service_fn(move |request| answer(member.clone(), request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.with_upgrades().await {
                tracing::trace!(%error, "a connection to a simulated member ended");
            }
        });
    }
}

async fn answer(
    member: Rc<Member>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let response = match dispatch(&member, request).await {
        Ok(response) => response,
        Err(refusal) => refused(&refusal),
    };
    Ok(response)
}

async fn dispatch(
    member: &Rc<Member>,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let query = parts.uri.query().unwrap_or_default();
    let accept = text_of(&parts.headers, header::ACCEPT);
    let target =
        route::resolve(&member.world.borrow().registry, &parts.method, path, query, accept);
    let verb = verb_of(&parts.method, &target);
    member.count(verb);
    trouble(member).await?;
    check_token(member, path, &parts.headers)?;
    if let Some(refusal) = member.faults.borrow().forbid(path, parts.method == Method::GET) {
        return Err(refusal);
    }
    let content_type = text_of(&parts.headers, header::CONTENT_TYPE).unwrap_or("application/json");
    let body = Limited::new(body, BODY_BYTES_MAX)
        .collect()
        .await
        .map_err(|error| Refusal::new(413, "RequestEntityTooLarge", error.to_string()))?
        .to_bytes();
    match target? {
        Target::Other(segments) => other(member, &parts.method, &segments, accept),
        Target::Objects(mut call) => {
            let agent = text_of(&parts.headers, header::USER_AGENT).unwrap_or("unknown");
            agent.split('/').next().unwrap_or_default().clone_into(&mut call.user_agent);
            match parts.method {
                Method::GET if &*call.resource.group == metrics::GROUP && !is_watch(&call) => {
                    let measured = metrics::answer(&member.world.borrow(), &call)?;
                    Ok(json_value(200, &measured))
                }
                _ if &*call.resource.group == metrics::GROUP => Err(Refusal::method_not_allowed()),
                Method::GET if call.subresource.as_deref() == Some("exec") => {
                    let agreed = exec::answer(member, &call, query, &parts.headers, upgrade)?;
                    Ok(agreed.map(|()| Either::Left(Full::new(Bytes::new()))))
                }
                Method::GET if is_watch(&call) => {
                    Ok(streaming("application/json", watch::stream(member.clone(), *call)?))
                }
                Method::GET if call.subresource.as_deref() == Some("log") => {
                    Ok(streaming("text/plain", logs::answer(member.clone(), *call, query)?))
                }
                Method::GET if call.name.is_none() => {
                    let bytes = read::list(&mut member.world.borrow_mut(), &call)?;
                    Ok(json_bytes(200, bytes))
                }
                method => {
                    if method != Method::GET {
                        member.last_write.set(Instant::now());
                    }
                    let world = &mut *member.world.borrow_mut();
                    let answer = write_or_get(world, &method, &call, &body, content_type)?;
                    Ok(reply(&call, answer))
                }
            }
        }
    }
}

fn write_or_get(
    world: &mut World,
    method: &Method,
    call: &Call,
    body: &[u8],
    content_type: &str,
) -> Result<Answer, Refusal> {
    match *method {
        Method::GET => read::get(world, call),
        // The answer to a review does not depend on the question, which may come as protobuf.
        Method::POST if call.resource.is_review() => write::create(world, call, json!({})),
        Method::POST => write::create(world, call, write::decode(body, content_type)?),
        Method::PUT => write::update(world, call, write::decode(body, content_type)?),
        Method::PATCH => {
            let kind = PatchKind::of(content_type)?;
            write::patch(world, call, kind, &write::decode(body, content_type)?)
        }
        Method::DELETE => {
            let options = DeleteOptions::parse(call, body, content_type)?;
            if call.name.is_some() {
                delete::one(world, call, &options)
            } else {
                delete::collection(world, call, &options)
            }
        }
        _ => Err(Refusal::method_not_allowed()),
    }
}

fn is_watch(call: &Call) -> bool {
    call.options.watch && call.name.is_none()
}

/// The verb a request is counted under; a dry run is `dry-run` whatever it tries.
fn verb_of(method: &Method, target: &Result<Target, Refusal>) -> &'static str {
    let call = match target {
        Ok(Target::Objects(call)) => call,
        Ok(Target::Other(_)) => return "other",
        Err(_) => return "unknown",
    };
    if call.resource.is_review() {
        return "other";
    }
    if call.options.dry_run == DryRun::All && *method != Method::GET {
        return "dry-run";
    }
    match (method, &call.name) {
        (&Method::GET, None) if call.options.watch => "watch",
        (&Method::GET, None) => "list",
        (&Method::GET, Some(_)) => "get",
        (&Method::POST, _) => "create",
        (&Method::PUT, _) => "update",
        (&Method::PATCH, _) => "patch",
        (&Method::DELETE, Some(_)) => "delete",
        (&Method::DELETE, None) => "deletecollection",
        _ => "unknown",
    }
}

/// What the member's faults do to this request.
async fn trouble(member: &Member) -> Result<(), Refusal> {
    let latency = member.faults.borrow().latency;
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    while member.faults.borrow().paused {
        member.unpaused.notified().await;
    }
    let struck = member.faults.borrow_mut().strike(&mut member.fault_rng.borrow_mut());
    struck.map_or(Ok(()), Err)
}

fn check_token(member: &Member, path: &str, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(token) = &member.token else { return Ok(()) };
    let public = matches!(path, "/healthz" | "/livez" | "/readyz" | "/version");
    let given =
        text_of(headers, header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let is_admitted = given.is_some_and(|given| {
        given == token || super::tokens::is_of_an_account(&member.world.borrow(), given)
    });
    if public || is_admitted { Ok(()) } else { Err(Refusal::unauthorized()) }
}

/// Discovery, health, version and schema.
fn other(
    member: &Member,
    method: &Method,
    segments: &[String],
    accept: Option<&str>,
) -> Result<Response<Body>, Refusal> {
    if *method != Method::GET {
        return Err(Refusal::method_not_allowed());
    }
    let registry = &member.world.borrow().registry;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let aggregated = discovery::aggregated_version(accept);
    let found = match (segments.as_slice(), aggregated) {
        (["healthz" | "readyz" | "livez", ..], _) => return Ok(plain("ok")),
        (["version"], _) => Some(discovery::version()),
        ([half @ ("api" | "apis")], Some(version)) => {
            let half = if *half == "api" { Half::Core } else { Half::Named };
            let document = discovery::aggregated(registry, half, version);
            let kind = format!(
                "application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
            );
            return Ok(full(200, &kind, format::bytes_of(&document)));
        }
        (["api"], None) => Some(discovery::core_versions()),
        (["apis"], None) => Some(discovery::groups(registry)),
        (["api", version], _) => discovery::resources(registry, version),
        (["apis", group], _) => discovery::group(registry, group),
        (["apis", group, version], _) => {
            discovery::resources(registry, &api_version(group, version))
        }
        (["openapi", "v3"], _) => Some(openapi::index(registry)),
        (["openapi", "v3", base @ ..], _) => openapi::document(registry, &base.join("/")),
        (["openapi", "v2"], _) if accept.is_some_and(|accept| accept.contains("proto")) => {
            let kind = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
            return Ok(full(200, kind, openapi::swagger_protobuf()));
        }
        (["openapi", "v2"], _) => Some(openapi::swagger()),
        ([], _) => Some(
            json!({"paths": ["/api", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]}),
        ),
        _ => None,
    };
    found.map(|value| json_value(200, &value)).ok_or_else(Refusal::no_such_path)
}

fn reply(call: &Call, answer: Answer) -> Response<Body> {
    // A delete answers with a Status, which has no other form.
    let form = if call.subresource.is_some() { Format::Json } else { call.format };
    let bytes = match answer.reply {
        Reply::Object(object) => format::object(&call.resource, &object, form),
        Reply::Value(value) => format::value(&call.resource, value, form),
    };
    json_bytes(answer.code, bytes)
}

fn refused(refusal: &Refusal) -> Response<Body> {
    let mut response = json_value(refusal.code, &refusal.body());
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn text_of(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn full(code: u16, content_type: &str, bytes: Bytes) -> Response<Body> {
    Response::builder()
        .status(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .header(header::CONTENT_TYPE, content_type)
        .body(Either::Left(Full::new(bytes)))
        .expect("code and content type are ours")
}

fn json_bytes(code: u16, bytes: Bytes) -> Response<Body> {
    full(code, "application/json", bytes)
}

fn json_value(code: u16, value: &Value) -> Response<Body> {
    json_bytes(code, format::bytes_of(value))
}

fn plain(text: &'static str) -> Response<Body> {
    full(200, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
}

fn streaming(content_type: &str, lines: Lines) -> Response<Body> {
    Response::builder()
        .header(header::CONTENT_TYPE, content_type)
        .body(Either::Right(StreamBody::new(lines)))
        .expect("the content type is ours")
}
