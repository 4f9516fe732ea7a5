//! An HTTPS server that answers as a test says, with certificates of its own making.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use git_fleet::api::resource_interpreter_webhook_configuration::ResourceInterpreterWebhookConfiguration;
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

/// What the server says to one request.
pub(crate) struct Said {
    pub(crate) status: &'static str,
    pub(crate) body: Vec<u8>,
    pub(crate) after: Duration,
}

impl Said {
    /// A response that answers `request`, with these fields beside uid and success.
    pub(crate) fn answer(request: &Value, fields: Value) -> Self {
        let mut response = json!({"uid": request["uid"], "successful": true});
        let Value::Object(fields) = fields else { panic!("{fields} has no fields") };
        response.as_object_mut().unwrap().extend(fields);
        Self::response(response)
    }

    /// This response, whatever was asked.
    pub(crate) fn response(response: Value) -> Self {
        Self::body(Value::from_iter([("response", response)]).to_string().into_bytes())
    }

    /// This body, whatever was asked.
    pub(crate) fn body(body: Vec<u8>) -> Self {
        Self { status: "200 OK", body, after: Duration::ZERO }
    }
}

/// Fields of a response with a patch.
pub(crate) fn patch(steps: &Value) -> Value {
    json!({"patchType": "JSONPatch", "patch": STANDARD.encode(steps.to_string())})
}

type Answer = dyn Fn(&Value) -> Said + Send + Sync;

/// A server that runs until it is dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) ca_bundle: String,
    asked: Arc<Mutex<Vec<Value>>>,
    ends: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers each request's `request` with what `answer` makes of it.
    pub(crate) fn start(answer: impl Fn(&Value) -> Said + Send + Sync + 'static) -> Self {
        Self::with(certificates(), answer)
    }

    /// The same, by these certificates.
    pub(crate) fn with(
        (ca_bundle, config): Certificates,
        answer: impl Fn(&Value) -> Said + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
        let ends = Arc::new(AtomicBool::new(false));
        let open: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let answer: Arc<Answer> = Arc::new(answer);
        let thread = std::thread::spawn({
            let (asked, ends, open) = (Arc::clone(&asked), Arc::clone(&ends), Arc::clone(&open));
            move || {
                for stream in listener.incoming() {
                    if ends.load(Ordering::SeqCst) {
                        return;
                    }
                    let stream = stream.unwrap();
                    open.lock().unwrap().push(stream.try_clone().unwrap());
                    let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                    let (answer, asked) = (Arc::clone(&answer), Arc::clone(&asked));
                    std::thread::spawn(move || {
                        serve(StreamOwned::new(connection, stream), &*answer, &asked);
                    });
                }
            }
        });
        Self { port, ca_bundle, asked, ends, open, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/interpret", self.port)
    }

    /// The requests so far: the whole contexts.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }

    /// A configuration by which it is asked these operations about all kinds.
    pub(crate) fn configuration(
        &self,
        name: &str,
        operations: &[&str],
    ) -> ResourceInterpreterWebhookConfiguration {
        configuration(name, &self.url(), Some(&self.ca_bundle), operations)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        self.thread.take().unwrap().join().unwrap();
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

/// A configuration of one webhook for all kinds.
pub(crate) fn configuration(
    name: &str,
    url: &str,
    ca_bundle: Option<&str>,
    operations: &[&str],
) -> ResourceInterpreterWebhookConfiguration {
    serde_json::from_value(json!({
        "apiVersion": "config.karmada.io/v1alpha1",
        "kind": "ResourceInterpreterWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [{
            "name": "games.example.com",
            "clientConfig": {"url": url, "caBundle": ca_bundle},
            "rules": [{
                "operations": operations, "apiGroups": ["*"], "apiVersions": ["*"], "kinds": ["*"],
            }],
            "timeoutSeconds": 2,
            "interpreterContextVersions": ["v1alpha1"],
        }],
    }))
    .unwrap()
}

/// A bundle, PEM in base64, and a server that it verifies.
pub(crate) type Certificates = (String, Arc<ServerConfig>);

/// An authority's certificate, and a server for `localhost` that it has signed.
fn certificates() -> Certificates {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    (STANDARD.encode(authority.pem()), signed(&for_host("localhost"), &issuer))
}

/// A certificate for a host, which anybody may sign.
pub(crate) fn for_host(host: &str) -> CertificateParams {
    CertificateParams::new(vec![host.to_owned()]).unwrap()
}

fn signed(params: &CertificateParams, issuer: &Issuer<'_, KeyPair>) -> Arc<ServerConfig> {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    server_config(&certificate, &key)
}

/// A server's certificate that has signed itself and says that it may sign others, as `openssl req
/// -x509` makes it.
pub(crate) fn self_signed(mut params: CertificateParams) -> Certificates {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (STANDARD.encode(certificate.pem()), server_config(&certificate, &key))
}

fn server_config(certificate: &Certificate, key: &KeyPair) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(certificate.der().to_vec())],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    Arc::new(config)
}

fn serve(
    stream: StreamOwned<ServerConnection, TcpStream>,
    answer: &Answer,
    asked: &Mutex<Vec<Value>>,
) {
    let mut stream = BufReader::new(stream);
    while let Some(body) = request(&mut stream) {
        let context: Value = serde_json::from_slice(&body).unwrap();
        let said = answer(&context["request"]);
        asked.lock().unwrap().push(context);
        std::thread::sleep(said.after);
        let head = format!(
            "HTTP/1.1 {}\r\nContent-Type: application/json\r\nLocation: https://localhost/\r\nContent-Length: {}\r\n\r\n",
            said.status,
            said.body.len()
        );
        let stream = stream.get_mut();
        let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&said.body));
        if sent.and_then(|()| stream.flush()).is_err() {
            return;
        }
    }
}

/// The body of the next request; `None` when the connection ends, or was never one.
fn request(stream: &mut BufReader<StreamOwned<ServerConnection, TcpStream>>) -> Option<Vec<u8>> {
    let mut n_bytes = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(length) = line.strip_prefix("content-length:") {
            n_bytes = length.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; n_bytes];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}
