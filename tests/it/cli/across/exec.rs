//! Commands in containers.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Stdio;

use git_fleet::member::websocket::accept_of;
use git_fleet::sim::{Host, MemberSpec};
use serde_json::json;

use super::{Clusters, told};

#[test]
fn a_command_runs_where_it_is_sent_and_ends_as_it_ends() {
    let clusters = Clusters::reachable();
    let pods = clusters.pods();
    let (_, pod) = pods.iter().find(|(cluster, _)| cluster == "two").unwrap();
    let script = "hostname; echo bad >&2; exit 7";
    let ran =
        clusters.run(&["exec", pod, "-n", "default", "--cluster", "two", "--", "sh", "-c", script]);
    assert_eq!(ran.status.code(), Some(7), "{ran:?}");
    assert_eq!(String::from_utf8(ran.stdout).unwrap(), format!("{pod}\n"));
    assert_eq!(String::from_utf8(ran.stderr).unwrap(), "bad\n");
    let env =
        clusters.printed(&["exec", "deploy/web", "--cluster", "two", "-c", "server", "--", "env"]);
    assert!(env.contains("TIER=edge\n"), "{env}");
    // Standard input goes there and its end is seen, of any length.
    let long = "a line that goes there and back\n".repeat(10_000);
    let mut cat = clusters.command(&["exec", "deploy/web", "--cluster", "one", "-i", "--", "cat"]);
    let mut cat = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, text) = (cat.stdin.take().unwrap(), long.clone());
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()).unwrap());
    let back = cat.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!((back.status.code(), back.stdout.len()), (Some(0), long.len()));
    assert!(back.stdout == long.as_bytes());
    for (arguments, expected) in [
        (
            &["exec", pod, "--cluster", "two", "--", "nope"][..],
            "error[EXEC_FAILED]: the command was not run: exec: \"nope\"",
        ),
        (&["exec", pod, "--cluster", "one", "--", "true"], "error[NOT_FOUND]: pod/"),
        (
            &["exec", pod, "--cluster", "two", "-c", "x", "--", "true"],
            "error[CLUSTER_REFUSES]: container x is not valid",
        ),
        (&["exec", pod, "--cluster", "four", "--", "true"], "cluster four: CREDENTIALS_MISSING: "),
    ] {
        let refused = clusters.run(arguments);
        assert_eq!(refused.status.code(), Some(4), "{arguments:?}: {refused:?}");
        assert!(told(&refused).starts_with(expected), "{arguments:?}: {refused:?}");
    }
}

/// A server that has its own ideas of how a command ends.
fn odd_server(
    protocol: &'static str,
    is_proved: bool,
    frames: &'static [u8],
) -> (Clusters, std::thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let clusters = Clusters::of(Host::start(vec![MemberSpec::new("one")]).unwrap());
    let kubeconfig = clusters.host.kubeconfig("one").unwrap();
    let port = clusters.host.url("one").unwrap().rsplit_once(':').unwrap().1.to_owned();
    let kubeconfig = kubeconfig.replace(&format!(":{port}"), &format!(":{}", address.port()));
    std::fs::write(clusters.dir.path().join("odd.yaml"), kubeconfig).unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let pod = json!({"kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [{"name": "c"}]}}).to_string();
        let head = read_head(&mut stream);
        assert!(head.starts_with("GET /api/v1/namespaces/default/pods/web HTTP/1.1"), "{head}");
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{pod}", pod.len()).unwrap();
        let head = read_head(&mut stream);
        assert!(head.contains("/pods/web/exec?container=c&"), "{head}");
        let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")).unwrap();
        let proof = if is_proved { accept_of(key) } else { accept_of("another") };
        write!(
            stream,
            "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-accept: {proof}\r\nsec-websocket-protocol: {protocol}\r\n\r\n"
        )
        .unwrap();
        // Whoever is not convinced has gone by now.
        let _ = stream.write_all(frames);
        let mut said = Vec::new();
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut said);
        said
    });
    (clusters, server)
}

pub(super) fn read_head(stream: &mut impl std::io::Read) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// What an older server does, and what one does that is none, or breaks off.
#[test]
fn a_command_is_not_taken_to_have_ended_well_before_the_server_says_so() {
    const ENDED: &[u8] = b"\x82\x04\x01hi\n\x82\x15\x03{\"status\":\"Success\"}";
    const HALF: &[u8] = b"\x82\x04\x01hi\n\x82\x15\x03{\"stat";
    const PINGED: &[u8] = b"\x89\x02ab\x82\x04\x01hi\n\x82\x15\x03{\"status\":\"Success\"}\x88\x00";
    let exec = ["exec", "web", "--cluster", "odd", "--", "true"];
    for (protocol, is_proved, frames, code, out, error) in [
        ("v4.channel.k8s.io", true, ENDED, 0, "hi\n", ""),
        ("v5.channel.k8s.io", true, PINGED, 0, "hi\n", ""),
        ("v5.channel.k8s.io", true, HALF, 4, "hi\n", "error[EXEC_BROKEN]: "),
        ("v5.channel.k8s.io", true, b"", 4, "", "error[EXEC_BROKEN]: "),
        ("v5.channel.k8s.io", false, ENDED, 4, "", "error[CLUSTER_ANSWER]: "),
        ("v9.channel.k8s.io", true, ENDED, 4, "", "error[CLUSTER_ANSWER]: "),
    ] {
        let (clusters, server) = odd_server(protocol, is_proved, frames);
        let ran = clusters.run(&exec);
        assert_eq!(ran.status.code(), Some(code), "{protocol} {frames:?}: {ran:?}");
        assert_eq!(String::from_utf8_lossy(&ran.stdout), out, "{protocol} {frames:?}: {ran:?}");
        assert!(told(&ran).starts_with(error), "{protocol} {frames:?}: {ran:?}");
        let said = server.join().unwrap();
        // A pong of two bytes, masked.
        assert_eq!(said.starts_with(b"\x8a\x82"), frames == PINGED, "{said:?}");
    }
}
