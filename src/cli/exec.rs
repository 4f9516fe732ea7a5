//! `exec`: a command in a container of one cluster.
//!
//! Over a WebSocket in Kubernetes' subprotocol: the first byte of a message names its channel. With v5
//! the end of standard input is told too; with v4 (before Kubernetes 1.30) the command never sees it.

mod terminal;

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::time::Duration;

use bytes::Bytes;
use futures::{Sink, SinkExt as _, Stream, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};
use url::form_urlencoded;

use super::Exit;
use super::fan_out::pods::{self, Target, default_container, name_of};
use super::fan_out::text::{at, plain};
use super::fan_out::{Asked, Member, RequestTimeout, Scope, Which, fault};
use super::run::runtime;
use super::session::Allowed;
use crate::api::names::ClusterName;
use crate::api::period::Period;
use crate::daemon::Fault;
use crate::member::wire::object_path;

const V5: &str = "v5.channel.k8s.io";
const V4: &str = "v4.channel.k8s.io";

/// Channels of both subprotocols.
const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ENDED: u8 = 3;
const RESIZE: u8 = 4;
/// Of v5: names a channel that ends.
const CLOSE: u8 = 255;

/// Standard input is sent in pieces of at most so many bytes, as servers send theirs.
const PIECE_LEN: usize = 32 << 10;

/// A connection that says nothing for long is cut off on the way by many a proxy.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A server that is silent for so long although it is asked is gone.
const SILENCE_MAX: Duration = Duration::from_mins(1);

const RUN_AGAIN: &str = "see whether the command still runs, and run it again";

/// Run a command in a container of a cluster; the exit code is the command's own
#[derive(clap::Args, Debug)]
pub(super) struct ExecArgs {
    /// A pod, or KIND/NAME for the first pod of a workload, e.g. deploy/shop
    #[arg(value_name = "POD|KIND/NAME")]
    target: String,
    /// In this cluster
    #[arg(long, value_name = "NAME")]
    cluster: ClusterName,
    /// In this namespace [default: that of the kubeconfig]
    #[arg(long, short, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// In this container [default: the one that the pod's annotation names, or the first]
    #[arg(long, short, value_name = "NAME")]
    container: Option<String>,
    /// Pass standard input to the command
    #[arg(long, short = 'i')]
    stdin: bool,
    /// Give the command a terminal, where standard input is passed from one
    #[arg(long, short)]
    tty: bool,
    /// Directory with one kubeconfig for each cluster, named CLUSTER.yaml
    #[arg(long, value_name = "DIR")]
    credentials: std::path::PathBuf,
    /// How long to wait for one answer of the cluster, e.g. 5s; 0: without end. The command takes as long as it
    /// takes
    #[arg(long, value_name = "DURATION", default_value = "35s")]
    request_timeout: RequestTimeout,
    #[command(flatten)]
    allowed: Allowed,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(super) fn run(args: &ExecArgs) -> anyhow::Result<Exit> {
    runtime()?.block_on(async {
        let which = Which::Named([args.cluster.clone()].into());
        let asked = Asked::new(&args.credentials, &args.allowed, &which, args.request_timeout)?;
        let Some(member) = asked.members.first() else { return Ok(asked.failures.tell()?) };
        let is_tty = is_tty(args)?;
        let path = path(member, args, is_tty).await?;
        // A terminal is taken last, so that nothing that fails before is told in raw mode.
        let connected = member.api.websocket(&path, &[V5, V4]).await;
        let (stream, protocol) = connected.map_err(|error| fault::of(error, "the command"))?;
        let raw = is_tty.then(terminal::Raw::take).transpose()?;
        let input = args.stdin.then(read_stdin).transpose()?;
        let ended = tokio::select! {
            ended = talk(stream, &protocol, input, is_tty) => ended,
            // A terminal that stays raw is of no use to anybody.
            code = stopped()? => return Ok(Exit::Of(code)),
        };
        drop(raw);
        outcome(ended?.as_ref())
    })
}

/// Whether the command gets a terminal: as in kubectl, where keys go to it from one. Says so if it was asked for
/// and is not to be.
fn is_tty(args: &ExecArgs) -> std::io::Result<bool> {
    let hindered = if !args.stdin {
        "standard input is not passed to it, see --stdin"
    } else if !std::io::stdin().is_terminal() {
        "standard input is none"
    } else {
        return Ok(args.tty);
    };
    if args.tty {
        writeln!(std::io::stderr(), "the command gets no terminal: {hindered}")?;
    }
    Ok(false)
}

/// Waits until this process is to end, for the exit code that a shell gives then.
fn stopped() -> std::io::Result<impl Future<Output = u8>> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = terminated.recv() => 128 + 15,
            _ = hung_up.recv() => 128 + 1,
        }
    })
}

/// Where the command is asked for.
async fn path(member: &Member, args: &ExecArgs, is_tty: bool) -> anyhow::Result<String> {
    let scope = Scope::of(args.namespace.as_deref(), false);
    let namespace = scope.in_member(member).unwrap_or_default();
    let target = Target::named(&args.target);
    let within = format!("in {namespace} namespace of cluster {}", member.name);
    let Some(found) = pods::of(member, namespace, &target).await? else {
        let text = format!("{target} not found {within}");
        let hint = "`git fleet get pods -A --credentials DIR` lists all that there are";
        return Err(Fault::new("NOT_FOUND", text, hint).into());
    };
    let is_running = |pod: &&Value| at(pod, "/status/phase") == "Running";
    let Some(pod) = found.iter().find(is_running).or(found.first()) else {
        return Err(pods::none_of(&target, &format!(" {within}")).into());
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    let container = args.container.as_deref().unwrap_or_else(|| default_container(pod));
    query.append_pair("container", container);
    // A terminal has one way out for both.
    for (name, is_set) in
        [("stdin", args.stdin), ("stdout", true), ("stderr", !is_tty), ("tty", is_tty)]
    {
        if is_set {
            query.append_pair(name, "true");
        }
    }
    for word in &args.command {
        query.append_pair("command", word);
    }
    let pod_path = object_path(&pods::resource(), Some(namespace), name_of(pod));
    Ok(format!("{pod_path}/exec?{}", query.finish()))
}

/// Passes everything on, both ways, until the command has ended. Gives what the server says of that;
/// nothing if the connection broke before.
///
/// Both ways go on at the same time: a command that answers while it is written to would else wait for us to read,
/// and we for it.
async fn talk<S>(
    socket: WebSocketStream<S>,
    protocol: &str,
    input: Option<mpsc::Receiver<Vec<u8>>>,
    is_tty: bool,
) -> anyhow::Result<Option<Value>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (outgoing, incoming) = socket.split();
    let mut received = std::pin::pin!(receive(incoming));
    let unsent = tokio::select! {
        ended = &mut received => return ended,
        Err(error) = send(outgoing, protocol, input, is_tty) => error,
    };
    // A command that ends needs no more input: what the server says of it counts.
    received.await?.map_or(Err(unsent), |ended| Ok(Some(ended)))
}

/// Prints what the command writes, until the server has said how it ended, or the connection has, or nothing comes
/// for long, which is an error.
async fn receive(
    mut incoming: impl Stream<Item = Result<Message, WebSocketError>> + Unpin,
) -> anyhow::Result<Option<Value>> {
    let mut ended = None;
    loop {
        let Ok(next) = timeout(SILENCE_MAX, incoming.next()).await else {
            let text =
                format!("nothing was heard of the command for {}", Period::from(SILENCE_MAX));
            return Err(Fault::new("EXEC_BROKEN", text, RUN_AGAIN).into());
        };
        match next {
            Some(Ok(Message::Binary(data))) => match data.split_first() {
                Some((&STDOUT, data)) => print(&mut std::io::stdout(), data)?,
                Some((&STDERR, data)) => print(&mut std::io::stderr(), data)?,
                Some((&ENDED, data)) => ended = serde_json::from_slice(data).ok().or(ended),
                Some(_) | None => {}
            },
            // What the server has said of the end counts, however the connection ends.
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(ended),
            // A ping is answered by the next look for a message.
            Some(Ok(_)) => {}
        }
    }
}

/// Passes on standard input and the size of the terminal, and says now and then that we are there; ends only by an
/// error.
async fn send(
    mut outgoing: impl Sink<Message, Error = WebSocketError> + Unpin,
    protocol: &str,
    mut input: Option<mpsc::Receiver<Vec<u8>>>,
    is_tty: bool,
) -> anyhow::Result<()> {
    let mut resized = if is_tty { Some(signal(SignalKind::window_change())?) } else { None };
    let resize = |size: (u16, u16)| {
        let text = json!({"Width": size.0, "Height": size.1}).to_string();
        message(&[RESIZE], text.as_bytes())
    };
    if let Some(size) = terminal::size().filter(|_| is_tty) {
        outgoing.send(resize(size)).await.map_err(broken)?;
    }
    let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    loop {
        tokio::select! {
            Some(piece) = next(&mut input) => {
                if !piece.is_empty() {
                    outgoing.send(message(&[STDIN], &piece)).await.map_err(broken)?;
                    continue;
                }
                input = None;
                if protocol == V5 {
                    outgoing.send(message(&[CLOSE, STDIN], &[])).await.map_err(broken)?;
                }
            }
            Some(()) = changed(&mut resized) => {
                if let Some(size) = terminal::size() {
                    outgoing.send(resize(size)).await.map_err(broken)?;
                }
            }
            _ = heartbeat.tick() => outgoing.send(Message::Ping(Bytes::new())).await.map_err(broken)?,
        }
    }
}

fn message(channel: &[u8], data: &[u8]) -> Message {
    Message::binary([channel, data].concat())
}

/// Pieces of standard input; an empty one at its end. A thread of its own reads them: it ends with the
/// process, not with the command, since nothing wakes it before the next key.
fn read_stdin() -> std::io::Result<mpsc::Receiver<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut stdin = std::io::stdin().lock();
        loop {
            let mut piece = vec![0; PIECE_LEN];
            // An input that cannot be read any more has ended.
            let len = stdin.read(&mut piece).unwrap_or(0);
            piece.truncate(len);
            if sender.blocking_send(piece).is_err() || len == 0 {
                return;
            }
        }
    })?;
    Ok(receiver)
}

/// The next piece; never, if there is no input, or no more of it.
async fn next(input: &mut Option<mpsc::Receiver<Vec<u8>>>) -> Option<Vec<u8>> {
    match input {
        Some(input) => input.recv().await,
        None => std::future::pending().await,
    }
}

async fn changed(resized: &mut Option<Signal>) -> Option<()> {
    match resized {
        Some(resized) => resized.recv().await,
        None => std::future::pending().await,
    }
}

fn print(out: &mut impl std::io::Write, data: &[u8]) -> std::io::Result<()> {
    out.write_all(data)?;
    out.flush()
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` takes")]
fn broken(error: WebSocketError) -> Fault {
    Fault::new("EXEC_BROKEN", "the connection to the command broke", RUN_AGAIN).because(&error)
}

/// How the verb ends when the server has said this of the end.
fn outcome(ended: Option<&Value>) -> anyhow::Result<Exit> {
    let Some(status) = ended else {
        let text = "the connection ended, and nothing was said of how the command did";
        return Err(Fault::new("EXEC_BROKEN", text, RUN_AGAIN).into());
    };
    if status["status"] == "Success" {
        return Ok(Exit::Clean);
    }
    let causes = status["details"]["causes"].as_array().into_iter().flatten();
    let code = causes.filter(|cause| cause["reason"] == "ExitCode").find_map(|cause| {
        let code: i64 = cause["message"].as_str()?.parse().ok()?;
        // A code that the system cannot give to us is a failure all the same.
        Some(u8::try_from(code).unwrap_or(u8::MAX))
    });
    if let Some(code) = code {
        return Ok(Exit::Of(code));
    }
    let text = format!("the command was not run: {}", plain(at(status, "/message")));
    let hint = "see the message: often the image has no such program, or no shell";
    Err(Fault::new("EXEC_FAILED", text, hint).into())
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;

    /// Both ends of a connection with little room on the way.
    async fn connected() -> (WebSocketStream<DuplexStream>, WebSocketStream<DuplexStream>) {
        let (ours, theirs) = tokio::io::duplex(64);
        let socket = async |io, role| WebSocketStream::from_raw_socket(io, role, None).await;
        (socket(ours, Role::Client).await, socket(theirs, Role::Server).await)
    }

    /// As `head -1` does it.
    #[tokio::test]
    async fn a_command_may_end_before_it_has_read_everything() {
        let (client, mut server) = connected().await;
        tokio::spawn(async move {
            server.next().await;
            server.send(message(&[ENDED], br#"{"status":"Success"}"#)).await.unwrap();
        });
        let (sender, input) = mpsc::channel(8);
        for _ in 0..8 {
            sender.send(vec![b'x'; PIECE_LEN]).await.unwrap();
        }
        let ended = talk(client, V5, Some(input), false).await.unwrap();
        assert_eq!(outcome(ended.as_ref()).unwrap(), Exit::Clean);
    }

    /// As `cat` does it.
    #[tokio::test]
    async fn a_command_may_answer_while_it_is_written_to() {
        const UNSHOWN: u8 = 9;
        let (client, mut server) = connected().await;
        tokio::spawn(async move {
            while let Some(Ok(Message::Binary(data))) = server.next().await {
                if data[..] == [CLOSE, STDIN] {
                    server.send(message(&[ENDED], br#"{"status":"Success"}"#)).await.unwrap();
                    return server.close(None).await;
                }
                server.send(message(&[UNSHOWN], &data)).await?;
            }
            Ok(())
        });
        let (sender, input) = mpsc::channel(8);
        for len in [PIECE_LEN, PIECE_LEN, PIECE_LEN, 0] {
            sender.send(vec![b'x'; len]).await.unwrap();
        }
        let talked = talk(client, V5, Some(input), false);
        let ended = tokio::time::timeout(std::time::Duration::from_mins(1), talked).await;
        let ended = ended.expect("neither waits for the other").unwrap();
        assert_eq!(outcome(ended.as_ref()).unwrap(), Exit::Clean);
    }

    /// As `sleep` does it.
    #[tokio::test(start_paused = true)]
    async fn a_command_may_say_nothing_for_long_where_its_server_is_there() {
        let (client, mut server) = connected().await;
        tokio::spawn(async move {
            for _ in 0..50 {
                assert!(matches!(server.next().await, Some(Ok(Message::Ping(_)))));
            }
            server.send(message(&[ENDED], br#"{"status":"Success"}"#)).await
        });
        let ended = talk(client, V5, None, false).await.unwrap();
        assert_eq!(outcome(ended.as_ref()).unwrap(), Exit::Clean);
        let (client, _server) = connected().await;
        let told = talk(client, V5, None, false).await.unwrap_err().to_string();
        assert_eq!(told, "nothing was heard of the command for 1m");
    }

    #[test]
    fn the_end_of_a_command_is_ours() {
        let failed = |causes: Value| json!({"status": "Failure", "message": "no such file", "details": {"causes": causes}});
        let exit = |status: Value| outcome(Some(&status));
        assert_eq!(exit(json!({"status": "Success"})).unwrap(), Exit::Clean);
        let code = |text: &str| failed(json!([{"reason": "ExitCode", "message": text}]));
        assert_eq!(exit(code("3")).unwrap(), Exit::Of(3));
        assert_eq!(exit(code("300")).unwrap(), Exit::Of(255));
        let told = exit(failed(json!([]))).unwrap_err().to_string();
        assert_eq!(told, "the command was not run: no such file");
        assert!(outcome(None).is_err());
    }
}
