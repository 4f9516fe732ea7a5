//! One etcd and the API servers on it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;

use super::assets::Assets;
use super::leash::{Leashed, free_port, scratch_dir};

/// How long a server may take until it answers. Six seconds on an idle machine; tests share theirs.
const READY_WITHIN: Duration = Duration::from_mins(3);

/// How often a server that fails to start gets new ports: another program can take one between our look and its bind.
const ATTEMPTS: u32 = 3;

/// The one user of these servers; its token is as public as this file, and its servers listen on the loopback interface only.
const TOKEN: &str = "git-fleet-tests";

/// What runs beside the API servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Controllers {
    /// Nothing: objects stay as they were written. Enough for most tests, and starts fastest.
    None,
    /// Controller manager, scheduler and kwok for each server: workloads progress, deletion collects garbage.
    All,
}

/// What to start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options<'a> {
    /// Names of the API servers.
    pub(crate) servers: &'a [&'a str],
    /// What runs beside each of them.
    pub(crate) controllers: Controllers,
}

/// Running API servers on one etcd. Dropping it kills them all.
#[derive(Debug)]
pub(crate) struct Kube {
    // Fields drop in this order: clients of etcd before etcd itself.
    servers: BTreeMap<String, Server>,
    etcd: Leashed,
    assets: Assets,
}

/// One API server, with its controllers when it has any.
#[derive(Debug)]
pub(crate) struct Server {
    controllers: Vec<Leashed>,
    process: Leashed,
    kubeconfig: String,
    kubeconfig_path: PathBuf,
}

impl Kube {
    /// Starts everything and waits until it answers.
    pub(super) fn start(assets: Assets, options: &Options<'_>) -> Kube {
        let dir = scratch_dir("servers");
        let tokens = dir.join("tokens.csv");
        write(&tokens, &format!("{TOKEN},admin,admin,\"system:masters\"\n"));
        let key = dir.join("service-account.key");
        write(&key, &signing_key(&assets));

        let (etcd, etcd_url) = start_etcd(&assets, &dir);
        // All at once: each keeps a processor busy for seconds.
        let servers = std::thread::scope(|scope| {
            let starting: Vec<_> = options
                .servers
                .iter()
                .map(|name| {
                    let start = Start {
                        assets: &assets,
                        dir: &dir,
                        etcd_url: &etcd_url,
                        name,
                        controllers: options.controllers,
                    };
                    (*name, scope.spawn(move || start.run()))
                })
                .collect();
            starting
                .into_iter()
                .map(|(name, thread)| {
                    (
                        name.to_owned(),
                        thread.join().unwrap_or_else(|e| std::panic::resume_unwind(e)),
                    )
                })
                .collect()
        });
        Kube { servers, etcd, assets }
    }

    /// The server called `name`.
    pub(crate) fn server(&self, name: &str) -> &Server {
        self.servers.get(name).unwrap_or_else(|| panic!("no server {name} was started"))
    }

    /// The same, to stop or pause it.
    pub(crate) fn server_mut(&mut self, name: &str) -> &mut Server {
        self.servers.get_mut(name).unwrap_or_else(|| panic!("no server {name} was started"))
    }

    /// Names of the servers, sorted.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.servers.keys().map(String::as_str)
    }

    /// Runs `kubectl` against one server and returns its stdout; panics with its stderr when it fails.
    pub(crate) fn kubectl(&self, server: &str, args: &[&str]) -> String {
        self.kubectl_with(server, args, "")
    }

    /// The same with this on its stdin.
    pub(crate) fn kubectl_with(&self, server: &str, args: &[&str], input: &str) -> String {
        let mut child = Command::new(self.assets.program("kubectl"))
            .arg("--kubeconfig")
            .arg(&self.server(server).kubeconfig_path)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kubectl starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(input.as_bytes()).expect("kubectl reads what it is given");
        drop(stdin);
        let output = child.wait_with_output().expect("kubectl ends");
        assert!(
            output.status.success(),
            "kubectl {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("kubectl prints UTF-8")
    }
}

impl Server {
    /// A kubeconfig with everything inline: CA, address, token.
    pub(crate) fn kubeconfig(&self) -> &str {
        &self.kubeconfig
    }

    /// A kube-rs client as an administrator.
    pub(crate) async fn client(&self) -> ::kube::Client {
        client(&self.kubeconfig).await
    }

    /// Process of the API server, e.g. to pause it by `signal("STOP")`.
    pub(crate) fn process(&mut self) -> &mut Leashed {
        &mut self.process
    }
}

/// A kube-rs client from the text of a kubeconfig.
pub(crate) async fn client(kubeconfig: &str) -> ::kube::Client {
    let kubeconfig =
        ::kube::config::Kubeconfig::from_yaml(kubeconfig).expect("it is YAML of our own");
    let config = ::kube::Config::from_custom_kubeconfig(
        kubeconfig,
        &::kube::config::KubeConfigOptions::default(),
    )
    .await
    .expect("it has one context");
    ::kube::Client::try_from(config).expect("it has a CA and a token")
}

struct Start<'a> {
    assets: &'a Assets,
    dir: &'a Path,
    etcd_url: &'a str,
    name: &'a str,
    controllers: Controllers,
}

impl Start<'_> {
    fn run(&self) -> Server {
        let (process, port) = self.api_server();
        let ca = std::fs::read(self.cert_dir().join("apiserver.crt"))
            .expect("a ready server has written its certificate");
        let kubeconfig = kubeconfig(self.name, port, &ca);
        let kubeconfig_path = self.dir.join(format!("{}.kubeconfig", self.name));
        write(&kubeconfig_path, &kubeconfig);
        let controllers = match self.controllers {
            Controllers::None => Vec::new(),
            Controllers::All => self.controllers(&kubeconfig_path),
        };
        Server { controllers, process, kubeconfig, kubeconfig_path }
    }

    fn cert_dir(&self) -> PathBuf {
        self.dir.join(self.name)
    }

    fn log(&self, program: &str) -> PathBuf {
        self.dir.join(format!("{}-{program}.log", self.name))
    }

    fn api_server(&self) -> (Leashed, u16) {
        let log = self.log("kube-apiserver");
        for _ in 0..ATTEMPTS {
            let port = free_port();
            let key = self.dir.join("service-account.key");
            let mut command = Command::new(self.assets.program("kube-apiserver"));
            command
                .args(["--bind-address", "127.0.0.1", "--secure-port", &port.to_string()])
                .args([
                    "--etcd-servers",
                    self.etcd_url,
                    "--etcd-prefix",
                    &format!("/{}", self.name),
                ])
                .args(["--service-cluster-ip-range", "10.0.0.0/24", "--authorization-mode", "RBAC"])
                .args([
                    "--service-account-issuer",
                    "https://kubernetes.default.svc",
                    "--endpoint-reconciler-type",
                    "none",
                ])
                .arg("--service-account-key-file")
                .arg(&key)
                .arg("--service-account-signing-key-file")
                .arg(&key)
                .arg("--token-auth-file")
                .arg(self.dir.join("tokens.csv"))
                .arg("--cert-dir")
                .arg(self.cert_dir());
            if self.controllers == Controllers::None {
                // It makes pods wait for a token that only the controller manager hands out.
                command.args(["--disable-admission-plugins", "ServiceAccount"]);
            }
            let mut process = Leashed::spawn(command, &log);
            if until_ready(&mut process, || self.readyz(port)) {
                return (process, port);
            }
        }
        panic!("the API server {} did not start:\n{}", self.name, tail(&log))
    }

    fn readyz(&self, port: u16) -> bool {
        let Ok(ca) = std::fs::read(self.cert_dir().join("apiserver.crt")) else { return false };
        let path = self.dir.join(format!("{}.probe", self.name));
        write(&path, &kubeconfig(self.name, port, &ca));
        let output = Command::new(self.assets.program("kubectl"))
            .arg("--kubeconfig")
            .arg(&path)
            .args(["get", "--raw", "/readyz"])
            .output();
        output.is_ok_and(|output| output.status.success() && output.stdout.trim_ascii() == b"ok")
    }

    fn controllers(&self, kubeconfig: &Path) -> Vec<Leashed> {
        let spawn = |name: &str, args: &[&str]| {
            let mut command = Command::new(self.assets.program(name));
            command.arg("--kubeconfig").arg(kubeconfig).args(args);
            Leashed::spawn(command, &self.log(name))
        };
        let key = self.dir.join("service-account.key");
        let key = key.to_str().expect("temporary directories have plain names");
        let stages_path = self.dir.join("stages.yaml");
        let stages =
            Command::new(self.assets.program("kwok")).arg("stages").output().expect("kwok starts");
        write(&stages_path, &String::from_utf8_lossy(&stages.stdout));
        let stages_path = stages_path.to_str().expect("temporary directories have plain names");
        vec![
            spawn(
                "kube-controller-manager",
                &[
                    "--service-account-private-key-file",
                    key,
                    "--leader-elect=false",
                    "--secure-port",
                    "0",
                ],
            ),
            spawn("kube-scheduler", &["--leader-elect=false", "--secure-port", "0"]),
            spawn(
                "kwok",
                &[
                    "--config",
                    stages_path,
                    "--manage-all-nodes=true",
                    "--node-lease-duration-seconds=40",
                ],
            ),
        ]
    }
}

fn start_etcd(assets: &Assets, dir: &Path) -> (Leashed, String) {
    let log = dir.join("etcd.log");
    for attempt in 0..ATTEMPTS {
        let (clients, peers) = (free_port(), free_port());
        let (clients_url, peers_url) =
            (format!("http://127.0.0.1:{clients}"), format!("http://127.0.0.1:{peers}"));
        let mut command = Command::new(assets.program("etcd"));
        command
            .arg("--data-dir")
            .arg(dir.join(format!("etcd-{attempt}")))
            .arg("--unsafe-no-fsync") // it need not outlive the machine
            .args(["--listen-client-urls", &clients_url, "--advertise-client-urls", &clients_url])
            .args(["--listen-peer-urls", &peers_url, "--initial-advertise-peer-urls", &peers_url])
            .args(["--initial-cluster", &format!("default={peers_url}")]);
        let mut process = Leashed::spawn(command, &log);
        if until_ready(&mut process, || {
            std::net::TcpStream::connect(("127.0.0.1", clients)).is_ok()
        }) {
            return (process, clients_url);
        }
    }
    panic!("etcd did not start:\n{}", tail(&log))
}

/// Waits until `ready` holds; `false` when the program ended before that. Panics when it takes too long.
fn until_ready(process: &mut Leashed, ready: impl Fn() -> bool) -> bool {
    let started = Instant::now();
    while started.elapsed() < READY_WITHIN {
        if !process.is_running() {
            return false;
        }
        if ready() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("a server is not ready after {} s", READY_WITHIN.as_secs())
}

fn signing_key(assets: &Assets) -> String {
    // Ours can make one; where the programs come from elsewhere, openssl is what there is.
    let genkey = assets.program("genkey");
    let mut command = if genkey.is_file() { Command::new(genkey) } else { Command::new("openssl") };
    if command.get_program() == "openssl" {
        command.args(["genrsa", "2048"]);
    }
    let output = command.stderr(Stdio::null()).output().expect("`genkey` or openssl starts");
    assert!(output.status.success(), "no RSA key from {}", command.get_program().display());
    String::from_utf8(output.stdout).expect("PEM is ASCII")
}

fn kubeconfig(name: &str, port: u16, ca: &[u8]) -> String {
    let ca = base64::engine::general_purpose::STANDARD.encode(ca);
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         current-context: {name}\n\
         clusters:\n\
         - name: {name}\n  \
           cluster:\n    \
             server: https://127.0.0.1:{port}\n    \
             certificate-authority-data: {ca}\n\
         users:\n\
         - name: admin\n  \
           user:\n    \
             token: {TOKEN}\n\
         contexts:\n\
         - name: {name}\n  \
           context:\n    \
             cluster: {name}\n    \
             user: admin\n"
    )
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
