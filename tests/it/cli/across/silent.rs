//! Clusters that take a connection and never answer.

use std::io::Write as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::json;

use super::exec::read_head;
use super::{Clusters, told};

/// Long before a request is given up unasked.
const SOON: Duration = Duration::from_secs(20);

/// Adds a cluster `name` whose server is `listener`.
fn add(clusters: &Clusters, name: &str, listener: &TcpListener) {
    let kubeconfig = clusters.host.kubeconfig("one").unwrap();
    let port = clusters.host.url("one").unwrap().rsplit_once(':').unwrap().1.to_owned();
    let own = format!(":{}", listener.local_addr().unwrap().port());
    let path = clusters.dir.path().join(format!("{name}.yaml"));
    std::fs::write(path, kubeconfig.replace(&format!(":{port}"), &own)).unwrap();
}

#[test]
fn a_silent_cluster_costs_no_more_than_the_request_timeout() {
    let clusters = Clusters::reachable();
    // The system takes connections that nobody reads from.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    add(&clusters, "silent", &silent);
    for (arguments, n_lines) in [
        (&["get", "deploy"][..], 3),
        (&["describe", "deploy", "web"], 2),
        (&["top", "pods"], 5),
        (&["logs", "deploy/web", "-c", "server", "--tail", "1"], 4),
    ] {
        let began = Instant::now();
        let output = clusters.run(&[arguments, &["--request-timeout", "1"]].concat());
        assert!(began.elapsed() < SOON, "{arguments:?}: {:?}", began.elapsed());
        assert_eq!(output.status.code(), Some(4), "{arguments:?}: {output:?}");
        let expected = "cluster silent: CLUSTER_UNREACHABLE: no answer in 1s; ";
        assert!(told(&output).starts_with(expected), "{arguments:?}: {output:?}");
        assert_eq!(told(&output).lines().count(), 1, "{arguments:?}: {output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.lines().count() >= n_lines, "{arguments:?}: {text}");
    }
}

/// The cluster finds the pod, and then says nothing of the command.
#[test]
fn a_command_that_is_never_begun_is_given_up() {
    let clusters = Clusters::reachable();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    add(&clusters, "silent", &silent);
    let server = std::thread::spawn(move || {
        let (mut stream, _) = silent.accept().unwrap();
        read_head(&mut stream);
        let pod = json!({"metadata": {"name": "web"}, "spec": {"containers": [{"name": "c"}]}})
            .to_string();
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{pod}", pod.len()).unwrap();
        assert!(read_head(&mut stream).contains("/pods/web/exec?"));
        stream
    });
    let began = Instant::now();
    let exec = ["exec", "web", "--cluster", "silent", "--request-timeout", "1s", "--", "true"];
    let output = clusters.run(&exec);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(told(&output).starts_with("error[CLUSTER_UNREACHABLE]: no answer in 1s"), "{output:?}");
    drop(server.join().unwrap());
}
