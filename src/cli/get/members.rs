//! Kinds that the clusters are asked for: what runs there now, as the clusters themselves tell it.

use std::io::Write;

use serde_json::{Value, json};

use super::{GetArgs, List};
use crate::cli::fan_out::kinds::{self, Answer, Answers, TypedKinds};
use crate::cli::fan_out::pages::{Selection, objects, pages};
use crate::cli::fan_out::table::{self, Across, Namespaces};
use crate::cli::fan_out::text::{at, plain};
use crate::cli::fan_out::{Asked, Member, Scope, Which, each, fault};
use crate::cli::output::{ListFormat, json as print_json, yaml as print_yaml};
use crate::cli::run::runtime;
use crate::cli::{Exit, Repository, usage};
use crate::daemon::Fault;
use crate::member::discovery::Resource;
use crate::member::wire::RequestError;

/// Where Karmada says from which cluster an object that it returns is.
const FROM_CLUSTER: &str = "resource.karmada.io/cached-from-cluster";

/// What was typed, checked.
struct Wanted {
    kinds: TypedKinds,
    name: Option<String>,
    scope: Scope,
    selection: Selection,
    output: Option<ListFormat>,
}

impl Wanted {
    /// Whether a person is to read it.
    fn is_table(&self) -> bool {
        matches!(self.output, None | Some(ListFormat::Wide))
    }
}

/// What one cluster has of one kind: the pages of its list.
struct Listed {
    resource: Resource,
    pages: Vec<Value>,
}

/// What the clusters have, by kind.
type Found<'m> = Vec<Vec<(&'m Member, Listed)>>;

pub(super) fn run(args: &GetArgs) -> anyhow::Result<Exit> {
    let wanted = wanted(args);
    let Repository { repo: _, source_branch, refs_prefix, state_dir } = &args.repository;
    for (flag, is_given) in [
        ("--source-branch", source_branch.is_some()),
        ("--refs-prefix", refs_prefix.is_some()),
        ("--state-dir", state_dir.is_some()),
    ] {
        if is_given {
            let kinds = &wanted.kinds;
            usage(format_args!(
                "{flag} is for what the repository has; {kinds} are asked of the clusters"
            ));
        }
    }
    let Some(dir) = &args.credentials else {
        let text =
            format!("{} are asked of the clusters, and --credentials is not given", wanted.kinds);
        let hint = "add --credentials DIR, the directory that holds one kubeconfig for each cluster; \
                    without it there are clusters, bindings, work and templates";
        return Err(Fault::new("CREDENTIALS_NEEDED", text, hint).into());
    };
    let which = match &args.cluster {
        Some(cluster) => Which::Named([cluster.clone()].into()),
        None => args.clusters.clone().unwrap_or(Which::All),
    };
    runtime()?.block_on(async {
        let request_timeout = args.request_timeout.unwrap_or_default();
        let mut asked = Asked::new(dir, &args.allowed, &which, request_timeout)?;
        let answers =
            each(&asked.members, &mut asked.failures, |member| ask(member, &wanted)).await;
        let found = kinds::by_kind(&wanted.kinds, answers, &mut asked.failures);
        let exit = asked.failures.tell()?;
        print(&wanted, found?, exit)
    })
}

fn wanted(args: &GetArgs) -> Wanted {
    let name = args.name.as_ref().map(ToString::to_string);
    let (kinds, name) = TypedKinds::read(&args.what, name.as_deref());
    let mut selection =
        Selection { labels: args.selector.clone(), fields: args.field_selector.clone() };
    if let Some(name) = &name {
        if selection != Selection::default() {
            usage("a name and a selector cannot be given together");
        }
        selection.fields = Some(format!("metadata.name={name}"));
    }
    let scope = Scope::of(args.namespace.as_deref(), args.all_namespaces);
    Wanted { kinds, name, scope, selection, output: args.output }
}

async fn ask(member: &Member, wanted: &Wanted) -> Result<Answers<Listed>, Fault> {
    let accept = if wanted.is_table() { table::ACCEPT } else { "application/json" };
    let namespace = wanted.scope.in_member(member);
    kinds::list_each(member, &wanted.kinds, async |resource| {
        match pages(member, &resource, namespace, &wanted.selection, accept).await {
            Ok(pages) => Ok(Answer::Found(Listed { resource, pages })),
            // A definition that was removed since its kind was looked up.
            Err(RequestError::NotFound(_)) => Ok(Answer::NotServed(None)),
            Err(error) => Err(fault::of(error, &resource.plural)),
        }
    })
    .await
}

fn print(wanted: &Wanted, found: Found<'_>, exit: Exit) -> anyhow::Result<Exit> {
    // If nobody answered, nothing is known, and what failed is told: an empty list would say that there is nothing.
    if found.iter().all(Vec::is_empty) {
        return Ok(exit);
    }
    let is_namespaced = found.iter().flatten().any(|(_, listed)| listed.resource.namespaced);
    let mut out = std::io::stdout().lock();
    let is_empty = match wanted.output {
        None | Some(ListFormat::Wide) => tables(&mut out, wanted, &found)?,
        Some(format) => list(&mut out, wanted, format, found)?,
    };
    if is_empty {
        return nothing(wanted, is_namespaced, exit);
    }
    Ok(exit)
}

/// Prints a table for each kind that there is anything of. Gives whether there is nothing.
fn tables(out: &mut impl Write, wanted: &Wanted, found: &Found<'_>) -> std::io::Result<bool> {
    let mut is_empty = true;
    for of_kind in found {
        let mut across = Across::default();
        for (member, Listed { resource, pages }) in of_kind {
            let prefix =
                if wanted.kinds.is_several() { group_kind(resource) + "/" } else { String::new() };
            for page in pages {
                across.add(&member.name, page, wanted.output.is_some(), &prefix);
            }
        }
        if across.is_empty() {
            continue;
        }
        if !is_empty {
            writeln!(out)?;
        }
        is_empty = false;
        let is_namespaced = of_kind.iter().any(|(_, listed)| listed.resource.namespaced);
        // Kubeconfigs that name different namespaces: a row says where it is.
        let is_shown = wanted.scope == Scope::All && is_namespaced || across.namespaces().len() > 1;
        across.write(out, if is_shown { Namespaces::Shown } else { Namespaces::Left })?;
    }
    Ok(is_empty)
}

/// Prints the objects themselves, or their names. Gives whether there are none.
fn list(
    out: &mut impl Write,
    wanted: &Wanted,
    format: ListFormat,
    found: Found<'_>,
) -> anyhow::Result<bool> {
    let items = found.into_iter().flatten().flat_map(|(member, listed)| {
        let cluster = member.name.clone();
        objects(&listed.resource, listed.pages).map(move |object| marked(object, cluster.as_str()))
    });
    let items: Vec<Value> = items.collect();
    let is_empty = items.is_empty();
    if format == ListFormat::Name {
        for item in items {
            writeln!(out, "{}", plain(&name_of(&item)))?;
        }
    } else if !is_empty || wanted.name.is_none() {
        let list = List { api_version: "v1", kind: "List", items };
        match format {
            ListFormat::Yaml => print_yaml(out, &list)?,
            _ => print_json(out, &list)?,
        }
    }
    Ok(is_empty)
}

/// `pod`, `deployment.apps`: as kubectl names an object's kind before its name.
fn group_kind(resource: &Resource) -> String {
    let kind = plain(&resource.kind.to_lowercase());
    match &*resource.group {
        "" => kind,
        group => format!("{kind}.{}", plain(group)),
    }
}

/// Nothing was found: an error if a name was typed, else a remark in kubectl's words.
fn nothing(wanted: &Wanted, is_namespaced: bool, exit: Exit) -> anyhow::Result<Exit> {
    let within = match &wanted.scope {
        Scope::Named(namespace) if is_namespaced => format!(" in {namespace} namespace"),
        Scope::OfKubeconfig if is_namespaced => " in the kubeconfigs' namespace".to_owned(),
        Scope::All | Scope::Named(_) | Scope::OfKubeconfig => String::new(),
    };
    if let Some(name) = &wanted.name {
        let text = format!("{}/{name} not found{within}", wanted.kinds);
        let hint = format!(
            "`git fleet get {} -A --credentials DIR` lists all that there are",
            wanted.kinds
        );
        return Err(Fault::new("NOT_FOUND", text, hint).into());
    }
    if wanted.is_table() {
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
