//! What is told of a name that nothing has.

use std::collections::BTreeSet;

use super::kind_name::TypedName;
use crate::api::decode::closest;
use crate::api::manifest::ObjectKey;
use crate::daemon::Fault;
use crate::daemon::ledger::Recorded;

/// Objects of the same name that a hint shows.
const SHOWN_MAX: usize = 3;

/// There is no such object. `what` is said of it in front of the name, `within` behind it; `there`
/// are all that there are, whatever else was asked for; `remedy` says how to find the right one.
pub(super) fn object(
    what: &str,
    typed: &TypedName,
    within: &str,
    there: &[ObjectKey],
    remedy: &str,
) -> Fault {
    let same = there.iter().filter(|key| *key.name == typed.name);
    let same: BTreeSet<String> = same.map(ToString::to_string).collect();
    let text = format!("{what} {typed} not found{within}");
    if same.is_empty() {
        let near = closest(&typed.name, there.iter().map(|key| &*key.name));
        return Fault::new("NOT_FOUND", text, meant(near, remedy));
    }
    let shown = same.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join(", ");
    let n_more = same.len().saturating_sub(SHOWN_MAX);
    let more = if n_more > 0 { format!(" and {n_more} more of this name") } else { String::new() };
    Fault::new("NOT_FOUND", text, format!("there is {shown}{more}; {remedy}"))
}

/// There is no such cluster.
pub(super) fn cluster(name: &str, recorded: &Recorded, when: &str) -> Fault {
    cluster_of(name, recorded.paths("clusters/").filter_map(member), when)
}

/// The same, where these are all that there are.
pub(super) fn cluster_of<'c>(
    name: &str,
    there: impl Iterator<Item = &'c str>,
    when: &str,
) -> Fault {
    let near = closest(name, there);
    let remedy = "`git fleet get clusters` lists those that the fleet has";
    Fault::new("NOT_FOUND", format!("cluster {name} not found{when}"), meant(near, remedy))
}

/// The cluster whose file of the results this is.
pub(super) fn member(path: &str) -> Option<&str> {
    path.strip_prefix("clusters/")?.strip_suffix(".yaml")
}

fn meant(near: Option<&str>, remedy: &str) -> String {
    match near {
        Some(near) => format!("did you mean `{near}`? {remedy}"),
        None => remedy.to_owned(),
    }
}
