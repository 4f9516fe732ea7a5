//! Many members in one process: a thread that serves them, and the handle that steers it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::mpsc as sync_mpsc;
use std::thread::JoinHandle;

use serde_json::{Map, Value};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::controllers;
use super::faults::Faults;
use super::kubelet;
use super::metrics;
use super::server::{self, Member};
use super::watch::Disturbance;
use super::world::{Requests, now};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// Spreads names over seeds; larger than any difference of two letters, so that names that differ in two of
/// them do not meet: a seed is what tells two members' uids apart.
const SEED_STEP: u64 = 0x0100_0000_01b3;

/// What becomes of workloads in a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Workloads {
    /// Fake controllers and kubelets make pods of them, which run, and report status.
    #[default]
    Progress,
    /// They stay as they are written, as in a cluster of which only the API server runs.
    Still,
}

/// One member to start.
#[derive(Clone, Debug)]
pub struct MemberSpec {
    /// Name of the member, and of the context in its kubeconfig.
    pub name: String,
    /// Bearer token that requests must carry; without one everybody may enter.
    pub token: Option<String>,
    /// Loopback port; 0 takes a free one.
    pub port: u16,
    /// Seed of everything random in the member: uids, generated names, faults.
    pub seed: u64,
    /// Objects that exist from the start, such as Nodes.
    pub objects: Vec<Value>,
    /// Whether workloads progress.
    pub workloads: Workloads,
}

impl MemberSpec {
    /// A member with two nodes, a free port and a seed from its name.
    ///
    /// It asks for no token: `kubectl` sends one over TLS only, and members speak plain HTTP.
    pub fn new(name: &str) -> Self {
        let seed = name
            .bytes()
            .fold(17, |seed: u64, byte| seed.wrapping_mul(SEED_STEP).wrapping_add(u64::from(byte)));
        Self {
            name: name.to_owned(),
            token: None,
            port: 0,
            seed,
            objects: vec![node(&format!("{name}-node-1")), node(&format!("{name}-node-2"))],
            workloads: Workloads::default(),
        }
    }
}

/// A node of 8 CPUs and 32 GiB that is ready.
fn node(name: &str) -> Value {
    kubelet::node(name, ("8", "32Gi", "110"), &Map::new(), &now())
}

/// Why a host or a member could not start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The port is taken, or the machine has none left.
    #[error("cannot listen for member {member} on 127.0.0.1:{port}")]
    Listen {
        /// The member.
        member: String,
        /// The port that was asked for; 0 is any.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// The thread or its runtime could not be made.
    #[error("cannot start the thread of the simulated members")]
    Thread(#[source] std::io::Error),
    /// The host has no member of this name.
    #[error("no simulated member is named {0}")]
    UnknownMember(String),
}

/// What the handle asks of the thread.
enum Command {
    Faults(String, Faults),
    Disturb(String, Disturbance),
    Stop(String),
    Start(String),
    Requests(String),
}

enum Done {
    Nothing,
    Requests(Requests),
}

type Call = (Command, sync_mpsc::Sender<Result<Done, HostError>>);

/// Where a member is reached.
#[derive(Clone, Debug)]
struct Address {
    port: u16,
    token: Option<String>,
}

/// Running members. They stop when this is dropped.
///
/// All members share one thread of their own, so calls here may block for a moment and are safe from
/// any thread, inside an async runtime or not.
#[derive(Debug)]
pub struct Host {
    addresses: BTreeMap<String, Address>,
    calls: Option<mpsc::UnboundedSender<Call>>,
    thread: Option<JoinHandle<()>>,
}

impl Host {
    /// Starts the members; all of them answer when this returns.
    pub fn start(specs: Vec<MemberSpec>) -> Result<Self, HostError> {
        let (calls, inbox) = mpsc::unbounded_channel();
        let (started, start) = sync_mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("simulated-members".to_owned())
            .spawn(move || run(specs, inbox, &started))
            .map_err(HostError::Thread)?;
        let addresses = start
            .recv()
            .map_err(|_| HostError::Thread(std::io::ErrorKind::BrokenPipe.into()))??;
        Ok(Self { addresses, calls: Some(calls), thread: Some(thread) })
    }

    /// Names of the members.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.addresses.keys().map(String::as_str)
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self, name: &str) -> Option<String> {
        self.addresses.get(name).map(|address| format!("http://127.0.0.1:{}", address.port))
    }

    /// A kubeconfig for `kubectl`, kube-rs and a credentials directory.
    pub fn kubeconfig(&self, name: &str) -> Option<String> {
        let address = self.addresses.get(name)?;
        let user = match &address.token {
            Some(token) => format!("\n    token: {token}"),
            None => " {}".to_owned(),
        };
        Some(format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: {name}\n\
             clusters:\n- name: {name}\n  cluster:\n    server: http://127.0.0.1:{port}\n\
             contexts:\n- name: {name}\n  context:\n    cluster: {name}\n    user: {name}\n\
             users:\n- name: {name}\n  user:{user}\n",
            port = address.port,
        ))
    }

    /// Sets what is wrong with a member from now on.
    pub fn faults(&self, name: &str, faults: Faults) -> Result<(), HostError> {
        self.call(Command::Faults(name.to_owned(), faults)).map(drop)
    }

    /// Ends every watch on a member without a word.
    pub fn drop_watches(&self, name: &str) -> Result<(), HostError> {
        self.call(Command::Disturb(name.to_owned(), Disturbance::Dropped)).map(drop)
    }

    /// Ends every watch on a member with 410, and forgets the past: older versions and the pages of
    /// running lists are 410 too.
    pub fn expire_watches(&self, name: &str) -> Result<(), HostError> {
        self.call(Command::Disturb(name.to_owned(), Disturbance::Expired)).map(drop)
    }

    /// Makes a member unreachable: connections end and new ones are refused. It keeps its objects.
    pub fn stop(&self, name: &str) -> Result<(), HostError> {
        self.call(Command::Stop(name.to_owned())).map(drop)
    }

    /// Makes a stopped member reachable again, on the same port.
    pub fn restart(&self, name: &str) -> Result<(), HostError> {
        self.call(Command::Start(name.to_owned())).map(drop)
    }

    /// What a member has been asked so far.
    pub fn requests(&self, name: &str) -> Result<Requests, HostError> {
        match self.call(Command::Requests(name.to_owned()))? {
            Done::Requests(requests) => Ok(requests),
            Done::Nothing => Ok(Requests::default()),
        }
    }

    fn call(&self, command: Command) -> Result<Done, HostError> {
        let (answer, answered) = sync_mpsc::channel();
        let calls =
            self.calls.as_ref().expect("the channel is closed only when the host is dropped");
        let broken = |()| HostError::Thread(std::io::ErrorKind::BrokenPipe.into());
        calls.send((command, answer)).map_err(|_| broken(()))?;
        answered.recv().map_err(|_| broken(()))?
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.calls = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the thread of the simulated members ended by a panic");
        }
    }
}

/// A member's door: open, or shut with the port kept from others.
enum Door {
    Open(tokio::task::JoinHandle<()>),
    Shut(TcpSocket),
}

struct Running {
    member: Rc<Member>,
    port: u16,
    door: Option<Door>,
}

fn run(
    specs: Vec<MemberSpec>,
    mut inbox: mpsc::UnboundedReceiver<Call>,
    started: &sync_mpsc::Sender<Result<BTreeMap<String, Address>, HostError>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            // Nobody listens only when the host was dropped while it started.
            let _ = started.send(Err(HostError::Thread(error)));
            return;
        }
    };
    LocalSet::new().block_on(&runtime, async {
        let mut members = BTreeMap::new();
        let mut addresses = BTreeMap::new();
        for spec in specs {
            let (name, token) = (spec.name.clone(), spec.token.clone());
            match open(spec) {
                Ok(running) => {
                    addresses.insert(name.clone(), Address { port: running.port, token });
                    members.insert(name, running);
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                    return;
                }
            }
        }
        if started.send(Ok(addresses)).is_err() {
            return;
        }
        while let Some((command, answer)) = inbox.recv().await {
            let done = perform(&mut members, command).await;
            // The caller waits for the answer; it is gone only if its thread was killed.
            let _ = answer.send(done);
        }
    });
}

fn bind(port: u16) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    Ok(socket)
}

fn listen(member: &Rc<Member>, socket: TcpSocket) -> std::io::Result<(u16, Door)> {
    let listener: TcpListener = socket.listen(BACKLOG)?;
    let port = listener.local_addr()?.port();
    Ok((port, Door::Open(tokio::task::spawn_local(server::serve(member.clone(), listener)))))
}

fn open(spec: MemberSpec) -> Result<Running, HostError> {
    let member = Rc::new(Member::new(spec.token, spec.seed));
    for object in spec.objects {
        member.world.borrow_mut().seed(object);
    }
    let opened = bind(spec.port).and_then(|socket| listen(&member, socket));
    if spec.workloads == Workloads::Progress {
        metrics::serve(&mut member.world.borrow_mut().registry);
        // Ends with the thread, as the member does.
        tokio::task::spawn_local(controllers::run(member.clone()));
    }
    let (port, door) = opened.map_err(|source| HostError::Listen {
        member: spec.name,
        port: spec.port,
        source,
    })?;
    Ok(Running { member, port, door: Some(door) })
}

async fn perform(
    members: &mut BTreeMap<String, Running>,
    command: Command,
) -> Result<Done, HostError> {
    let (Command::Faults(name, _)
    | Command::Disturb(name, _)
    | Command::Stop(name)
    | Command::Start(name)
    | Command::Requests(name)) = &command;
    let name = name.clone();
    let Some(running) = members.get_mut(&name) else {
        return Err(HostError::UnknownMember(name));
    };
    let port = running.port;
    let failed = |source| HostError::Listen { member: name.clone(), port, source };
    match command {
        Command::Faults(_, faults) => running.member.set_faults(faults),
        Command::Disturb(_, disturbance) => {
            if disturbance == Disturbance::Expired {
                running.member.world.borrow_mut().storage.compact();
            }
            running.member.disturbances.disturb(disturbance);
        }
        Command::Stop(_) => {
            running.door = match running.door.take() {
                Some(Door::Open(task)) => {
                    task.abort();
                    // The listener is closed when the task is gone; it was cancelled, so it says nothing else.
                    let _ = task.await;
                    Some(Door::Shut(bind(port).map_err(failed)?))
                }
                shut => shut,
            };
        }
        Command::Start(_) => {
            running.door = match running.door.take() {
                Some(Door::Shut(socket)) => {
                    Some(listen(&running.member, socket).map_err(failed)?.1)
                }
                Some(open) => Some(open),
                None => {
                    Some(listen(&running.member, bind(port).map_err(failed)?).map_err(failed)?.1)
                }
            };
        }
        Command::Requests(_) => return Ok(Done::Requests(running.member.requests())),
    }
    Ok(Done::Nothing)
}
