//! What a simulated member costs: CPU time of its thread for each creating server-side apply.
//!
//! `cargo bench --bench sim` prints one line a figure, as `benches/figures.rs` does.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and ends at the first surprise"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use git_fleet::sim::{Host, MemberSpec, Workloads};
use serde_json::{Value, json};

/// Objects of each of the two kinds for each member; the figure `cold.1000` applies as many.
const N_OBJECTS: usize = 1000;

fn main() {
    // The work of the controllers comes after the applies and is not theirs.
    let still = |name| MemberSpec { workloads: Workloads::Still, ..MemberSpec::new(name) };
    let host = Host::start(vec![still("one"), still("two")]).unwrap();
    let before = cpu();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for name in host.names() {
            let address = host.url(name).unwrap().replace("http://", "");
            scope.spawn(move || apply_all(&address));
        }
    });
    let applies = 4 * N_OBJECTS;
    let per_apply =
        |spent: Duration| spent.as_secs_f64() * 1e6 / f64::from(u32::try_from(applies).unwrap());
    let spent = per_apply(cpu().saturating_sub(before));
    let verdict = if spent <= 150.0 { "ok" } else { "short" };
    println!("figure sim.apply.cpu {spent:.0} us goal <= 150 {verdict}");
    println!("# wall per apply {:.0} us, client included", per_apply(start.elapsed()));
}

fn apply_all(address: &str) {
    let mut stream = BufReader::new(TcpStream::connect(address).unwrap());
    stream.get_ref().set_nodelay(true).unwrap();
    for at in 0..N_OBJECTS {
        apply(
            &mut stream,
            &format!("/apis/apps/v1/namespaces/default/deployments/web-{at}"),
            &deployment(at),
        );
        let data = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("web-{at}")},
            "data": {"config": "listen 8080\nlog info\n", "at": at.to_string()}});
        apply(&mut stream, &format!("/api/v1/namespaces/default/configmaps/web-{at}"), &data);
    }
}

fn deployment(at: usize) -> Value {
    let name = format!("web-{at}");
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "labels": {"app": name, "karmada.io/managed": "true"}, "annotations": {
            "resourcebinding.karmada.io/namespace": "default", "resourcebinding.karmada.io/name": name}},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}}, "spec": {"containers": [{
                "name": "web", "image": "registry.example.com/web:1.2.3",
                "ports": [{"containerPort": 8080, "name": "http"}],
                "env": [{"name": "LOG", "value": "info"}, {"name": "PORT", "value": "8080"}],
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
                "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}}}]}}}})
}

fn apply(stream: &mut BufReader<TcpStream>, path: &str, object: &Value) {
    let body = object.to_string();
    let head = format!(
        "PATCH {path}?fieldManager=git-fleet&force=true HTTP/1.1\r\nhost: x\r\naccept: application/json\r\n\
         content-type: application/apply-patch+yaml\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.get_mut().write_all((head + &body).as_bytes()).unwrap();
    let mut length = 0;
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 201"), "{line}");
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).unwrap();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
    }
    stream.read_exact(&mut vec![0; length]).unwrap();
}

/// CPU time of the members' thread so far.
fn cpu() -> Duration {
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap().path();
        if std::fs::read_to_string(task.join("comm")).unwrap().starts_with("simulated-mem") {
            let spent = std::fs::read_to_string(task.join("schedstat")).unwrap();
            return Duration::from_nanos(spent.split(' ').next().unwrap().parse().unwrap());
        }
    }
    panic!("the members' thread is not running");
}
