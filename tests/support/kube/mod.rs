//! Real Kubernetes API servers for tests that a fake could fool.
//!
//! [`assets`] finds the programs or builds them from the Go module in `tests/kube`, [`servers`] starts one etcd and
//! any number of API servers from them, [`leash`] makes sure that nothing of it outlives the tests.
//! [`judge`] asks the tools that people watch workloads with.
//! Include it with `#[path = "../support/kube/mod.rs"] mod kube;`.
//!
//! ```ignore
//! let Some(kube) = kube::shared() else { return }; // said in one line why
//! let client = kube.server("member1").client().await;
//! ```
#![allow(
    dead_code,
    unused_imports,
    reason = "each test binary that includes this uses a part of it"
)]

pub(crate) mod assets;
pub(crate) mod judge;
pub(crate) mod leash;
pub(crate) mod servers;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

pub(crate) use servers::{Controllers, Kube, Options, Server};

/// Names of the API servers that the tests of one binary share.
pub(crate) const SHARED: &[&str] = &["member1", "member2"];

/// Returns the servers that all tests of this binary share, `None` when there can be none here.
///
/// They have no controllers: what a test writes stays as it was written. A test works in namespaces and with
/// cluster-scoped names of its own ([`unique`]) and never stops these servers; to break one, [`start`] others.
pub(crate) fn shared() -> Option<Arc<Kube>> {
    static SERVERS: OnceLock<Option<Arc<Kube>>> = OnceLock::new();
    SERVERS
        .get_or_init(|| {
            start(&Options { servers: SHARED, controllers: Controllers::None }).map(Arc::new)
        })
        .clone()
}

/// Starts servers for one test; they are killed when the value is dropped. `None` as [`assets()`] is.
pub(crate) fn start(options: &Options<'_>) -> Option<Kube> {
    assets(options.controllers).map(|assets| Kube::start(assets, options))
}

/// Finds the programs of Kubernetes, or builds them.
///
/// `None`, after one line on stderr, when they are not to be had. With `FLEET_REQUIRE_KUBE=1` that fails.
pub(crate) fn assets(controllers: Controllers) -> Option<assets::Assets> {
    match assets::find(controllers) {
        Ok(assets) => Some(assets),
        Err(reason) => {
            assert!(
                !required(),
                "FLEET_REQUIRE_KUBE is set and there is no Kubernetes to test against: {reason}"
            );
            let test = std::thread::current().name().unwrap_or("a test").to_owned();
            say(&format!("{test} is left out: {reason}"));
            None
        }
    }
}

/// Returns `stem` with a number that no other test of this process gets: a name for a namespace or a cluster-wide object.
pub(crate) fn unique(stem: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{stem}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn required() -> bool {
    std::env::var("FLEET_REQUIRE_KUBE").is_ok_and(|value| !value.is_empty() && value != "0")
}

/// Writes a line to the real stderr: what `eprintln!` writes, the test harness keeps to itself while tests pass.
pub(crate) fn say(line: &str) {
    use std::io::Write as _;
    writeln!(std::io::stderr(), "kube: {line}").ok();
}
