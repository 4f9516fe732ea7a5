//! Kinds that the clusters are asked for: what runs there now, as the clusters themselves tell it.

use std::io::Write as _;

use serde_json::{Value, json};

use super::{GetArgs, List};
use crate::cli::fan_out::kinds::{self, Lookup, TypedKind};
use crate::cli::fan_out::pages::{Selection, objects, pages};
use crate::cli::fan_out::table::{self, Across, Namespaces};
use crate::cli::fan_out::text::at;
use crate::cli::fan_out::{Member, Reached, Scope, Which, each, fault, misuse};
use crate::cli::output::{ListFormat, json as print_json, yaml as print_yaml};
use crate::cli::run::runtime;
use crate::cli::{Exit, Repository};
use crate::daemon::Fault;
use crate::member::discovery::Resource;
use crate::member::wire::RequestError;

/// Where Karmada says from which cluster an object that it returns is.
const FROM_CLUSTER: &str = "resource.karmada.io/cached-from-cluster";

/// What was typed, checked.
struct Wanted {
    kind: TypedKind,
    name: Option<String>,
    scope: Scope,
    selection: Selection,
    output: Option<ListFormat>,
}

/// What one cluster has.
enum Answer {
    Found(Resource, Vec<Value>),
    /// It does not serve the kind; with the name that is nearest.
    NotServed(Option<String>),
}

pub(super) fn run(args: &GetArgs) -> anyhow::Result<Exit> {
    let wanted = wanted(args);
    let Repository { repo: _, source_branch, refs_prefix, state_dir } = &args.repository;
    for (flag, is_given) in [
        ("--source-branch", source_branch.is_some()),
        ("--refs-prefix", refs_prefix.is_some()),
        ("--state-dir", state_dir.is_some()),
    ] {
        if is_given {
            let kind = &wanted.kind;
            misuse(format_args!(
                "{flag} is for what the repository has; {kind} are asked of the clusters"
            ));
        }
    }
    let Some(dir) = &args.credentials else {
        let text =
            format!("{} are asked of the clusters, and --credentials is not given", wanted.kind);
        let hint = "add --credentials DIR, the directory that holds one kubeconfig for each cluster; \
                    without it there are clusters, bindings, work and templates";
        return Err(Fault::new("CREDENTIALS_NEEDED", text, hint).into());
    };
    let which = match &args.cluster {
        Some(cluster) => Which::Named([cluster.clone()].into()),
        None => args.clusters.clone().unwrap_or(Which::All),
    };
    runtime()?.block_on(async {
        let mut reached = Reached::new(dir, &args.allowed, &which)?;
        let answers =
            each(&reached.members, &mut reached.failures, |member| ask(member, &wanted)).await;
        let exit = reached.failures.tell()?;
        print(&wanted, answers, exit)
    })
}

fn wanted(args: &GetArgs) -> Wanted {
    let name = args.name.as_ref().map(ToString::to_string);
    let (kind, name) = kinds::typed(&args.what, name.as_deref());
    let mut selection =
        Selection { labels: args.selector.clone(), fields: args.field_selector.clone() };
    if let Some(name) = &name {
        if selection != Selection::default() {
            misuse("a name and a selector cannot be given together");
        }
        selection.fields = Some(format!("metadata.name={name}"));
    }
    let scope = Scope::of(args.namespace.as_deref(), args.all_namespaces);
    Wanted { kind, name, scope, selection, output: args.output }
}

async fn ask(member: &Member, wanted: &Wanted) -> Result<Answer, Fault> {
    let resource = match kinds::find(member, &wanted.kind).await? {
        Lookup::Served(resource) => resource,
        Lookup::NotServed(near) => return Ok(Answer::NotServed(near)),
    };
    let is_table = matches!(wanted.output, None | Some(ListFormat::Wide));
    let accept = if is_table { table::ACCEPT } else { "application/json" };
    let namespace = wanted.scope.in_member(member);
    match pages(member, &resource, namespace, &wanted.selection, accept).await {
        Ok(pages) => Ok(Answer::Found(resource, pages)),
        // A definition that was removed since its kind was looked up.
        Err(RequestError::NotFound(_)) => Ok(Answer::NotServed(None)),
        Err(error) => Err(fault::of(error, &resource.plural)),
    }
}

fn print(wanted: &Wanted, answers: Vec<(&Member, Answer)>, exit: Exit) -> anyhow::Result<Exit> {
    let (mut found, mut near) = (Vec::new(), None);
    // If nobody answered, nothing is known, and what failed is told: an empty list would say that there is nothing.
    if answers.is_empty() {
        return Ok(exit);
    }
    for (member, answer) in answers {
        match answer {
            Answer::Found(resource, pages) => found.push((member, resource, pages)),
            Answer::NotServed(name) => near = near.or(name),
        }
    }
    if found.is_empty() {
        return Err(kinds::unknown(&wanted.kind, near.as_deref()).into());
    }
    let is_namespaced = found.iter().any(|(_, resource, _)| resource.namespaced);
    let mut out = std::io::stdout().lock();
    let is_empty = match wanted.output {
        None | Some(ListFormat::Wide) => {
            let is_wide = wanted.output.is_some();
            let mut across = Across::default();
            for (member, _, pages) in &found {
                for page in pages {
                    across.add(&member.name, page, is_wide);
                }
            }
            let is_all = wanted.scope == Scope::All && is_namespaced;
            // Kubeconfigs that name different namespaces: a row says where it is.
            let is_shown = is_all || across.namespaces().len() > 1;
            let is_empty = across.is_empty();
            if !is_empty {
                let namespaces = if is_shown { Namespaces::Shown } else { Namespaces::Left };
                across.write(&mut out, namespaces)?;
            }
            is_empty
        }
        Some(format) => {
            let items = found.into_iter().flat_map(|(member, resource, pages)| {
                let cluster = member.name.clone();
                objects(&resource, pages).map(move |object| marked(object, cluster.as_str()))
            });
            let items: Vec<Value> = items.collect();
            let is_empty = items.is_empty();
            if format == ListFormat::Name {
                for item in items {
                    writeln!(out, "{}", name_of(&item))?;
                }
            } else if !is_empty || wanted.name.is_none() {
                let list = List { api_version: "v1", kind: "List", items };
                match format {
                    ListFormat::Yaml => print_yaml(&mut out, &list)?,
                    _ => print_json(&mut out, &list)?,
                }
            }
            is_empty
        }
    };
    if is_empty {
        return nothing(wanted, is_namespaced, exit);
    }
    Ok(exit)
}

/// Nothing was found: an error if a name was typed, else a remark in kubectl's words.
fn nothing(wanted: &Wanted, is_namespaced: bool, exit: Exit) -> anyhow::Result<Exit> {
    let within = match &wanted.scope {
        Scope::Named(namespace) if is_namespaced => format!(" in {namespace} namespace"),
        Scope::OfKubeconfig if is_namespaced => " in the kubeconfigs' namespace".to_owned(),
        Scope::All | Scope::Named(_) | Scope::OfKubeconfig => String::new(),
    };
    if let Some(name) = &wanted.name {
        let text = format!("{}/{name} not found{within}", wanted.kind);
        let hint = format!(
            "`git fleet get {} -A --credentials DIR` lists all that there are",
            wanted.kind
        );
        return Err(Fault::new("NOT_FOUND", text, hint).into());
    }
    if matches!(wanted.output, None | Some(ListFormat::Wide)) {
        writeln!(std::io::stderr(), "No resources found{within}.")?;
    }
    Ok(exit)
}

/// The object with its cluster, and without the book-keeping that nobody reads.
fn marked(mut object: Value, cluster: &str) -> Value {
    let Some(metadata) = object["metadata"].as_object_mut() else { return object };
    metadata.remove("managedFields");
    let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
    if !annotations.is_object() {
        *annotations = json!({});
    }
    annotations[FROM_CLUSTER] = Value::from(cluster);
    object
}

/// `eu-1/deployment.apps/shop`: as `get work` names it.
fn name_of(object: &Value) -> String {
    let kind = at(object, "/kind").to_lowercase();
    let group = at(object, "/apiVersion").split_once('/').map(|(group, _)| format!(".{group}"));
    let cluster = object["metadata"]["annotations"][FROM_CLUSTER].as_str().unwrap_or_default();
    format!("{cluster}/{kind}{}/{}", group.unwrap_or_default(), at(object, "/metadata/name"))
}
