//! `top`: what pods and nodes of the clusters use, as their metrics servers measure it.

use std::collections::BTreeMap;
use std::io::Write as _;

use serde_json::Value;

use super::fan_out::pages::{Selection, objects, pages};
use super::fan_out::text::{at, plain};
use super::fan_out::{Member, Reach, Scope, each, fault};
use super::output::Table;
use super::run::runtime;
use super::{Exit, usage};
use crate::api::names::ClusterName;
use crate::api::quantity::Quantity;
use crate::daemon::Fault;
use crate::member::discovery::Resource;
use crate::member::wire::RequestError;

const MIB: i64 = 1 << 20;

/// Show what pods or nodes of the clusters use
#[derive(clap::Args, Debug)]
pub(super) struct TopArgs {
    /// Whose use
    #[arg(value_enum)]
    what: What,
    /// Only the one of this name
    name: Option<String>,
    /// In this namespace [default: that of each kubeconfig]
    #[arg(long, short, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// In all namespaces
    #[arg(long, short = 'A', conflicts_with = "namespace")]
    all_namespaces: bool,
    /// Only those with these labels, e.g. app=web
    #[arg(long, short = 'l', value_name = "SELECTOR", conflicts_with = "name")]
    selector: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Pods
    #[value(alias = "pod", alias = "po")]
    Pods,
    /// Nodes
    #[value(alias = "node", alias = "no")]
    Nodes,
}

/// What one pod or node uses: thousandths of a CPU, bytes.
struct Use {
    namespace: String,
    name: String,
    cpu: i64,
    memory: i64,
    /// What a node has for pods, if that is known.
    of: Option<(i64, i64)>,
}

pub(super) fn run(args: &TopArgs) -> anyhow::Result<Exit> {
    if args.what == What::Nodes && (args.namespace.is_some() || args.all_namespaces) {
        usage("nodes live in no namespace");
    }
    let scope = Scope::of(args.namespace.as_deref(), args.all_namespaces);
    let (answers, exit) = runtime()?.block_on(async {
        let mut asked = args.reach.members()?;
        let answers =
            each(&asked.members, &mut asked.failures, |member| ask(member, args, &scope)).await;
        let named = answers.into_iter().map(|(member, uses)| (member.name.clone(), uses));
        anyhow::Ok((named.collect::<Vec<(ClusterName, Vec<Use>)>>(), asked.failures.tell()?))
    })?;
    // If nobody answered, nothing is known.
    if answers.is_empty() {
        return Ok(exit);
    }
    if answers.iter().all(|(_, uses)| uses.is_empty()) {
        if let Some(name) = &args.name {
            let text = format!("nothing is measured of {name} in any cluster that answered");
            let hint =
                "correct the name or the namespace; what has just started is not measured yet";
            return Err(Fault::new("NOT_FOUND", text, hint).into());
        }
        writeln!(std::io::stderr(), "No resources found.")?;
        return Ok(exit);
    }
    table(args.what, &scope, answers).write(&mut std::io::stdout().lock())?;
    Ok(exit)
}

fn table(what: What, scope: &Scope, answers: Vec<(ClusterName, Vec<Use>)>) -> Table {
    let is_nodes = what == What::Nodes;
    let is_all = *scope == Scope::All;
    let mut headers = vec!["NAME", "CLUSTER", "CPU(cores)"];
    headers.extend(is_nodes.then_some("CPU(%)"));
    headers.push("MEMORY(bytes)");
    headers.extend(is_nodes.then_some("MEMORY(%)"));
    if is_all {
        headers.insert(0, "NAMESPACE");
    }
    let share = |used: i64, of: Option<i64>| match of {
        Some(of) if of > 0 => format!("{}%", used.saturating_mul(100) / of),
        Some(_) | None => "<unknown>".to_owned(),
    };
    let mut table = Table::new(&headers);
    for (cluster, mut uses) in answers {
        uses.sort_by(|one, other| {
            (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name))
        });
        for one in uses {
            let mut cells = vec![plain(&one.name), cluster.to_string(), format!("{}m", one.cpu)];
            cells.extend(is_nodes.then(|| share(one.cpu, one.of.map(|(cpu, _)| cpu))));
            cells.push(format!("{}Mi", one.memory / MIB));
            cells.extend(is_nodes.then(|| share(one.memory, one.of.map(|(_, memory)| memory))));
            if is_all {
                cells.insert(0, plain(&one.namespace));
            }
            table.row(cells);
        }
    }
    table
}

async fn ask(member: &Member, args: &TopArgs, scope: &Scope) -> Result<Vec<Use>, Fault> {
    let (plural, kind, namespace) = match args.what {
        What::Pods => ("pods", "PodMetrics", scope.in_member(member)),
        What::Nodes => ("nodes", "NodeMetrics", None),
    };
    let resource = |group: &str, version: &str, kind: &str| Resource {
        group: group.into(),
        version: version.into(),
        kind: kind.into(),
        plural: plural.into(),
        namespaced: args.what == What::Pods,
        watchable: false,
    };
    let selection = Selection { labels: args.selector.clone(), fields: None };
    let list = async |resource: Resource| {
        let listed = pages(member, &resource, namespace, &selection, "application/json").await?;
        Ok::<Vec<Value>, RequestError>(objects(&resource, listed).collect())
    };
    let measured = list(resource("metrics.k8s.io", "v1beta1", kind)).await;
    let measured = measured.map_err(|error| match error {
        RequestError::NotFound(_) => Fault::new(
            "METRICS_MISSING",
            format!("the cluster measures no {plural}: it does not serve metrics.k8s.io"),
            "install metrics-server there",
        ),
        // An API that is registered and whose server is down answers 503.
        RequestError::Server(_) => Fault::new(
            "METRICS_MISSING",
            format!("the cluster measures no {plural}: {error}"),
            "see why its metrics-server does not answer",
        ),
        error => fault::of(error, "metrics"),
    })?;
    let allocatable: BTreeMap<String, (i64, i64)> = match args.what {
        What::Pods => BTreeMap::new(),
        What::Nodes => {
            let nodes = list(resource("", "v1", "Node")).await;
            let nodes = nodes.map_err(|error| fault::of(error, "nodes"))?;
            let room = |node: &Value| {
                let room = &node["status"]["allocatable"];
                (at(node, "/metadata/name").to_owned(), amounts(room))
            };
            nodes.iter().map(room).collect()
        }
    };
    let is_wanted =
        |one: &&Value| args.name.as_deref().is_none_or(|name| at(one, "/metadata/name") == name);
    Ok(measured.iter().filter(is_wanted).map(|one| used(one, &allocatable)).collect())
}

fn used(measured: &Value, allocatable: &BTreeMap<String, (i64, i64)>) -> Use {
    let containers = measured["containers"].as_array();
    let (cpu, memory) = match containers {
        None => amounts(&measured["usage"]),
        Some(containers) => containers.iter().map(|one| amounts(&one["usage"])).fold(
            (0_i64, 0_i64),
            |(cpu, memory), (more_cpu, more_memory)| {
                (cpu.saturating_add(more_cpu), memory.saturating_add(more_memory))
            },
        ),
    };
    let name = at(measured, "/metadata/name").to_owned();
    let of = allocatable.get(&name).copied();
    Use { namespace: at(measured, "/metadata/namespace").to_owned(), name, cpu, memory, of }
}

/// CPU in thousandths and memory in bytes; what cannot be read counts as none.
fn amounts(resources: &Value) -> (i64, i64) {
    let amount =
        |name: &str| resources[name].as_str().and_then(|text| text.parse::<Quantity>().ok());
    (
        amount("cpu").map_or(0, |amount| amount.milli_value()),
        amount("memory").map_or(0, |amount| amount.value()),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn containers_of_a_pod_are_added_up() {
        let pod = json!({"metadata": {"name": "a"}, "containers": [
            {"usage": {"cpu": "1500000n", "memory": "1Mi"}},
            {"usage": {"cpu": "10m", "memory": "512Ki"}},
        ]});
        let one = used(&pod, &BTreeMap::new());
        assert_eq!((one.cpu, one.memory), (12, 1_572_864));
    }
}
