//! The program itself: its size, and the first five minutes.

use std::process::Command;
use std::time::Instant;

use anyhow::ensure;
use tokio::runtime::Runtime;

use crate::figure::Figure;
use crate::world::PROGRAM;

/// Size of the release build.
pub(crate) fn binary_size(_: &Runtime) -> anyhow::Result<Vec<Figure>> {
    // What people install has no symbols; `cargo bench` keeps them, so they are left out here.
    let stripped = tempfile::NamedTempFile::new()?;
    let strip = Command::new("strip").arg("-o").arg(stripped.path()).arg(PROGRAM).status()?;
    ensure!(strip.success(), "strip failed");
    let mib = stripped.as_file().metadata()?.len() as f64 / 1_048_576.0;
    Ok(vec![Figure::at_most("binary.size", mib, "MiB", 25.0)])
}

/// The whole demonstration.
pub(crate) fn demo_time(_: &Runtime) -> anyhow::Result<Vec<Figure>> {
    let dir = tempfile::tempdir()?;
    let start = Instant::now();
    let out =
        Command::new(PROGRAM).arg("demo").arg("--dir").arg(dir.path().join("demo")).output()?;
    let seconds = start.elapsed().as_secs_f64();
    ensure!(out.status.success(), "demo: {}", String::from_utf8_lossy(&out.stderr));
    Ok(vec![Figure::at_most("demo.time", seconds, "s", 30.0)])
}
