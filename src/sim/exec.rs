//! Commands in the containers of a simulated pod, over a WebSocket.
//!
//! A container holds a handful of programs: `echo`, `cat`, `env`, `hostname`, `true`, `false`, and a
//! `sh` that runs them, one after the other, knows `exit` and `>&2`, and reads its script from standard
//! input if it has no `-c`. Anything else is not there, as in an image without a shell.

use std::rc::Rc;

use futures::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::logs::{container_of, pod};
use super::server::Member;
use super::status_error::Refusal;
use super::world::Call;
use crate::member::websocket::{Socket, accept_of, socket};

/// Subprotocols, the preferred first.
const PROTOCOLS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ENDED: u8 = 3;
const CLOSE: u8 = 255;

/// A container and the command that is to run in it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Container {
    pod: String,
    env: Vec<String>,
    command: Vec<String>,
    has_stdin: bool,
}

/// What a command did.
#[derive(Clone, Debug, PartialEq)]
enum Ran {
    /// It wrote to both, and ended with this code.
    Ended { out: String, err: String, code: u8 },
    /// There is no such program.
    NotThere(String),
}

/// Agrees to the WebSocket, and runs the command in it once the connection is handed over.
pub(super) fn answer(
    member: &Rc<Member>,
    call: &Call,
    query: &str,
    headers: &HeaderMap,
    upgrade: OnUpgrade,
) -> Result<Response<()>, Refusal> {
    let pod = pod(&member.world.borrow(), call)?;
    let container = Container::of(&pod, query)?;
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let offered: Vec<&str> =
        text(header::SEC_WEBSOCKET_PROTOCOL).split(',').map(str::trim).collect();
    let protocol = PROTOCOLS.into_iter().find(|one| offered.contains(one));
    let (Some(protocol), "websocket") = (protocol, text(header::UPGRADE)) else {
        return Err(Refusal::bad_request("Upgrade request required"));
    };
    let accept = accept_of(text(header::SEC_WEBSOCKET_KEY));
    tokio::task::spawn_local(async move {
        let talked = match upgrade.await {
            Ok(upgraded) => talk(socket(upgraded, Role::Server).await, &container).await,
            Err(error) => Err(Error::Io(std::io::Error::other(error))),
        };
        if let Err(error) = talked {
            tracing::trace!(%error, "a command in a simulated pod lost its connection");
        }
    });
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept)
        .header(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    Ok(response.body(()).expect("the headers are ours"))
}

async fn talk(mut socket: Socket, container: &Container) -> Result<(), Error> {
    let mut input = Vec::new();
    while container.reads() {
        match socket.next().await.transpose()? {
            Some(Message::Binary(data)) => match data.split_first() {
                Some((&STDIN, data)) => input.extend_from_slice(data),
                Some((&CLOSE, [STDIN])) => break,
                Some(_) | None => {}
            },
            Some(Message::Close(_)) | None => return Ok(()),
            Some(_) => {}
        }
    }
    let say = |channel: u8, data: &[u8]| Message::binary([&[channel], data].concat());
    let status = match container.run(&String::from_utf8_lossy(&input)) {
        Ran::Ended { out, err, code } => {
            for (channel, text) in [(STDOUT, out), (STDERR, err)] {
                if !text.is_empty() {
                    socket.send(say(channel, text.as_bytes())).await?;
                }
            }
            ended(code)
        }
        Ran::NotThere(program) => json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "InternalError", "code": 500,
            "message": format!("exec: \"{program}\": executable file not found in $PATH"),
        }),
    };
    socket.send(say(ENDED, status.to_string().as_bytes())).await?;
    socket.close(None).await
}

fn ended(code: u8) -> Value {
    if code == 0 {
        return json!({"metadata": {}, "status": "Success"});
    }
    json!({
        "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
        "message": format!("command terminated with non-zero exit code: exit status {code}"),
        "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
    })
}

impl Container {
    fn of(pod: &Value, query: &str) -> Result<Self, Refusal> {
        let (mut named, mut command, mut has_stdin) = (None, Vec::new(), false);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "container" if !value.is_empty() => named = Some(value.into_owned()),
                "command" => command.push(value.into_owned()),
                "stdin" => has_stdin = matches!(&*value, "true" | "1"),
                _ => {}
            }
        }
        let name = container_of(pod, named.as_deref())?;
        if command.is_empty() {
            return Err(Refusal::bad_request(
                "you must specify at least 1 command for the container",
            ));
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let pod_name = text(&pod["metadata"]["name"]);
        if pod["spec"]["nodeName"].is_null() {
            return Err(Refusal::bad_request(format!(
                "pod {pod_name} does not have a host assigned"
            )));
        }
        if pod["status"]["phase"] != "Running" {
            let phase = text(&pod["status"]["phase"]);
            return Err(Refusal::bad_request(format!(
                "cannot exec in a container of pod {pod_name}; current phase is {phase}"
            )));
        }
        let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
        let env = containers
            .filter(|container| container["name"] == *name)
            .flat_map(|container| container["env"].as_array().into_iter().flatten())
            .map(|one| format!("{}={}", text(&one["name"]), text(&one["value"])));
        let env = std::iter::once(format!("HOSTNAME={pod_name}")).chain(env).collect();
        Ok(Self { pod: pod_name, env, command, has_stdin })
    }

    /// Whether the command waits for the end of its input.
    fn reads(&self) -> bool {
        let words: Vec<&str> = self.command.iter().map(String::as_str).collect();
        self.has_stdin && matches!(words.as_slice(), ["cat" | "sh"])
    }

    fn run(&self, input: &str) -> Ran {
        let words: Vec<&str> = self.command.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["sh", "-c", script, ..] => self.script(script),
            ["sh"] => self.script(input),
            words => match self.program(words, input) {
                Some((out, code)) => Ran::Ended { out, err: String::new(), code },
                None => Ran::NotThere(words[0].to_owned()),
            },
        }
    }

    fn script(&self, script: &str) -> Ran {
        let (mut out, mut err, mut code) = (String::new(), String::new(), 0);
        for line in script.split([';', '\n']) {
            let (line, is_err) = match line.trim().strip_suffix(">&2") {
                Some(line) => (line, true),
                None => (line, false),
            };
            let words: Vec<&str> =
                line.split_whitespace().map(|word| word.trim_matches(['\'', '"'])).collect();
            match words.as_slice() {
                [] => {}
                ["exit"] => break,
                ["exit", with] => {
                    code = with.parse().unwrap_or(2);
                    break;
                }
                words => {
                    let Some((text, ended)) = self.program(words, "") else {
                        err.push_str("sh: ");
                        err.push_str(words[0]);
                        err.push_str(": not found\n");
                        code = 127;
                        continue;
                    };
                    if is_err { &mut err } else { &mut out }.push_str(&text);
                    code = ended;
                }
            }
        }
        Ran::Ended { out, err, code }
    }

    /// What a program writes, and its code.
    fn program(&self, words: &[&str], input: &str) -> Option<(String, u8)> {
        match words {
            ["echo", words @ ..] => Some((words.join(" ") + "\n", 0)),
            ["cat"] => Some((input.to_owned(), 0)),
            ["env"] => Some((self.env.join("\n") + "\n", 0)),
            ["hostname"] => Some((format!("{}\n", self.pod), 0)),
            ["true"] => Some((String::new(), 0)),
            ["false"] => Some((String::new(), 1)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_runs_the_programs_that_there_are() {
        let container = Container { pod: "web-0".to_owned(), ..Container::default() };
        let ran = container.script("hostname; echo 'no good' >&2; nope; exit 3; echo never");
        let (out, err) = ("web-0\n".to_owned(), "no good\nsh: nope: not found\n".to_owned());
        assert_eq!(ran, Ran::Ended { out, err, code: 3 });
        let nope = Container { command: vec!["nope".to_owned()], ..container };
        assert_eq!(nope.run(""), Ran::NotThere("nope".to_owned()));
    }
}
