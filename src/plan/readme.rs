//! `README.md` of the results: the state of the fleet for a person who opens the branch in a browser.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use super::Plan;
use super::rendered::RenderedFile;

/// Most rows of one table: the page stays readable, and small, however large the fleet is.
const ROWS_MAX: usize = 50;

/// The page.
pub(super) fn render(plan: &Plan) -> Arc<RenderedFile> {
    let mut page = String::new();
    write(plan, &mut page).expect("a String takes every text");
    Arc::new(RenderedFile::new(page.into_bytes()))
}

fn write(plan: &Plan, page: &mut String) -> fmt::Result {
    let n_works: usize = plan.works.values().map(|works| works.len()).sum();
    writeln!(page, "# State of the fleet\n")?;
    writeln!(
        page,
        "{} in {}, {} of them in force everywhere; {} without a place.\n",
        count(plan.bindings.len(), "workload"),
        count(plan.clusters.len(), "cluster"),
        plan.bindings.values().filter(|planned| planned.packed.is_in_force).count(),
        count(plan.unplaced.len(), "template"),
    )?;
    writeln!(page, "| directory | what it holds |")?;
    writeln!(page, "| --- | --- |")?;
    writeln!(page, "| `bindings/` | one decision a template: where it runs, and why |")?;
    writeln!(
        page,
        "| `surveys/` | why clusters are out, where they are too many to name in each decision |"
    )?;
    writeln!(page, "| `work/` | what each cluster runs: {} |", count(n_works, "object"))?;
    writeln!(page, "| `clusters/` | the state of each cluster |\n")?;
    write_clusters(plan, page)?;
    write_unfinished(plan, page)?;
    write_unplaced(plan, page)
}

fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// Says how many rows a table leaves out.
fn write_rest(page: &mut String, n_rows: usize) -> fmt::Result {
    if n_rows > ROWS_MAX {
        writeln!(page, "\n… and {} more.", n_rows - ROWS_MAX)?;
    }
    writeln!(page)
}

fn write_clusters(plan: &Plan, page: &mut String) -> fmt::Result {
    if plan.clusters.is_empty() {
        return Ok(());
    }
    writeln!(page, "## Clusters\n")?;
    writeln!(page, "| cluster | ready | version | region | taints | objects |")?;
    writeln!(page, "| --- | --- | --- | --- | --- | --- |")?;
    for (name, state) in plan.clusters.iter().take(ROWS_MAX) {
        let ready = if state.is_reported { state.readiness().as_str() } else { "not heard of yet" };
        let taints: Vec<String> =
            state.cluster.spec.taints.iter().map(ToString::to_string).collect();
        writeln!(
            page,
            "| [{name}](clusters/{name}.yaml) | {ready} | {} | {} | {} | {} |",
            state.cluster.status.kubernetes_version,
            state.cluster.spec.region.as_deref().unwrap_or_default(),
            cell(&taints.join(", ")),
            plan.works.get(name).map_or(0, |works| works.len()),
        )?;
    }
    write_rest(page, plan.clusters.len())
}

fn write_unfinished(plan: &Plan, page: &mut String) -> fmt::Result {
    let unfinished: Vec<_> =
        plan.bindings.iter().filter(|(_, planned)| planned.packed.is_in_trouble).collect();
    if unfinished.is_empty() {
        return Ok(());
    }
    writeln!(page, "## Not as it should be\n")?;
    writeln!(page, "| workload | why |")?;
    writeln!(page, "| --- | --- |")?;
    for (key, planned) in unfinished.iter().take(ROWS_MAX) {
        let why = planned.binding().trouble().unwrap_or_default();
        writeln!(page, "| [{key}](bindings/{}.yaml) | {} |", key.path(), cell(&why))?;
    }
    write_rest(page, unfinished.len())
}

fn write_unplaced(plan: &Plan, page: &mut String) -> fmt::Result {
    if plan.unplaced.is_empty() {
        return Ok(());
    }
    writeln!(page, "## Without a place\n")?;
    writeln!(page, "| template | why |")?;
    writeln!(page, "| --- | --- |")?;
    for (key, unplaced) in plan.unplaced.iter().take(ROWS_MAX) {
        writeln!(page, "| {key} | {} |", cell(&unplaced.reason))?;
    }
    write_rest(page, plan.unplaced.len())
}

/// Text that stays in its cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}
