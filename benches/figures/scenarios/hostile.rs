//! Scripts that would harm: how long each goes on, and how much memory its process and ours take.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use git_fleet::api::manifest::Manifest;
use git_fleet::api::resource_interpreter_customization::ResourceInterpreterCustomization;
use git_fleet::customize::{Interpreter, Limits, Printed, Program, Rules, Scripts};
use jiff::Timestamp;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::figure::Figure;
use crate::world::PROGRAM;

/// What each script does, and its function's body.
const SCRIPTS: &[(&str, &str)] = &[
    ("loop", "while true do end"),
    ("loop behind pcall", "while true do pcall(function() while true do end end) end"),
    ("string of 10 GB, doubled", "local s = 'x' while #s < 1e10 do s = s .. s end"),
    ("string of 10 GB, repeated", "local s = string.rep('x', 1e10)"),
    ("table without end", "local t = {} while true do t[#t + 1] = {t} end"),
    ("recursion", "local function f(n) return 1 + f(n + 1) end return f(1)"),
    ("recursion in tail calls", "local function f() return f() end return f()"),
    (
        "slow pattern",
        "local s = ('a'):upper():lower() for _ = 1, 19 do s = s .. s end s:find('.-.-.-.-.-.-.-b')",
    ),
    ("coroutines", "while true do coroutine.wrap(function() end)() end"),
    ("os.execute", "os.execute('sleep 100')"),
    ("io", "io.open('/etc/passwd')"),
    ("require", "require('os')"),
];

/// A field of a process's status, in KiB.
fn kib(pid: &str, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().ok()
}

/// The most memory that any child of this process has held since it became the program: until then it is
/// a copy of this process, with all that earlier scenarios have left in it.
fn peak_of_children() -> u64 {
    let me = std::process::id().to_string();
    let Ok(program) = fs::canonicalize(PROGRAM) else { return 0 };
    let Ok(processes) = fs::read_dir("/proc") else { return 0 };
    let children = processes.flatten().filter_map(|entry| {
        let pid = entry.file_name().into_string().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let parent = stat.rsplit(')').next()?.split_whitespace().nth(1)?;
        let is_child = parent == me && fs::read_link(entry.path().join("exe")).ok()? == program;
        is_child.then(|| kib(&pid, "VmHWM")).flatten()
    });
    children.max().unwrap_or(0)
}

/// Twelve hostile scripts with the default limits, each in a process of its own: the slowest failure,
/// the largest process, and by how much this process has grown when all is over. The remark of each
/// has all scripts.
pub(crate) fn scripts(_: &Runtime) -> anyhow::Result<Vec<Figure>> {
    let before = kib("self", "VmRSS").context("VmRSS")?;
    let mut slowest = 0.0_f64;
    let mut largest = 0;
    let (mut times, mut peaks) = (Vec::new(), Vec::new());
    for (name, body) in SCRIPTS {
        let customization: ResourceInterpreterCustomization = serde_json::from_value(json!({
            "apiVersion": "config.karmada.io/v1alpha1",
            "kind": "ResourceInterpreterCustomization",
            "metadata": {"name": "hostile"},
            "spec": {
                "target": {"apiVersion": "example.com/v1", "kind": "Game"},
                "customizations": {"healthInterpretation": {
                    "luaScript": format!("function InterpretHealth(o) {body} end"),
                }},
            },
        }))?;
        let program = Program { path: PROGRAM.into(), printed: Printed::Discarded };
        let mut interpreter = Interpreter::new(program, Limits::default());
        let scripts = Scripts::new([&customization]);
        interpreter.load(Arc::new(Rules { scripts, ..Rules::default() }));
        let game =
            json!({"apiVersion": "example.com/v1", "kind": "Game", "metadata": {"name": "chess"}});
        let game = Manifest::from_value(game).context("it is an object")?;
        let (is_over, peak) = (AtomicBool::new(false), AtomicU64::new(0));
        let (took, outcome) = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    peak.fetch_max(peak_of_children(), Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
            let start = Instant::now();
            let outcome = interpreter.health(&game, Timestamp::UNIX_EPOCH);
            let took = start.elapsed().as_secs_f64();
            peak.fetch_max(peak_of_children(), Ordering::Relaxed);
            is_over.store(true, Ordering::Relaxed);
            (took, outcome)
        });
        let failure = outcome.err().with_context(|| format!("`{name}` did not fail"))?;
        ensure!(failure.code().starts_with("LUA_"), "{name}: {failure}");
        let mib = peak.into_inner() as f64 / 1024.0;
        slowest = slowest.max(took);
        largest = largest.max(mib as u64);
        times.push(format!("{name} {took:.3}"));
        peaks.push(format!("{name} {mib:.0}"));
    }
    let grown = kib("self", "VmRSS").context("VmRSS")?.saturating_sub(before) as f64 / 1024.0;
    Ok(vec![
        Figure::at_most("hostile.time", slowest, "s", 1.3).remark(times.join(", ")),
        Figure::at_most("hostile.rss", largest as f64, "MiB", 128.0).remark(peaks.join(", ")),
        Figure::at_most("hostile.left", grown, "MiB", 4.0),
    ])
}
