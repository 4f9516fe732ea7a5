//! `describe`: objects of the clusters, all that is in them, for people.

mod block;
mod events;

use std::io::Write as _;

use futures::stream::{self, StreamExt as _};
use serde_json::Value;

use super::Exit;
use super::fan_out::kinds::{self, Lookup, TypedKind};
use super::fan_out::pages::{Selection, objects, pages};
use super::fan_out::{Member, Reach, Scope, each, fault, misuse};
use super::run::runtime;
use crate::daemon::Fault;
use block::Block;

/// Objects of one cluster whose events are asked for at one time.
const EVENTS_AT_ONCE_MAX: usize = 8;

/// Show objects of the clusters in full, with their events
#[derive(clap::Args, Debug)]
pub(super) struct DescribeArgs {
    /// A kind, such as pods or deploy, or KIND/NAME
    #[arg(value_name = "KIND")]
    what: String,
    /// Only the object of this name
    name: Option<String>,
    /// In this namespace [default: that of each kubeconfig]
    #[arg(long, short, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// In all namespaces
    #[arg(long, short = 'A', conflicts_with = "namespace")]
    all_namespaces: bool,
    /// Only objects with these labels, e.g. app=web
    #[arg(long, short = 'l', value_name = "SELECTOR")]
    selector: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

struct Wanted {
    kind: TypedKind,
    name: Option<String>,
    scope: Scope,
    selection: Selection,
}

/// What one cluster has: blocks of text, in the order of its list.
enum Answer {
    Found(Vec<String>),
    NotServed(Option<String>),
}

pub(super) fn run(args: &DescribeArgs) -> anyhow::Result<Exit> {
    let (kind, name) = kinds::typed(&args.what, args.name.as_deref());
    let mut selection = Selection { labels: args.selector.clone(), fields: None };
    if let Some(name) = &name {
        if selection.labels.is_some() {
            misuse("a name and a selector cannot be given together");
        }
        selection.fields = Some(format!("metadata.name={name}"));
    }
    let scope = Scope::of(args.namespace.as_deref(), args.all_namespaces);
    let wanted = Wanted { kind, name, scope, selection };
    let (answers, exit) = runtime()?.block_on(async {
        let mut reached = args.reach.members()?;
        let answers =
            each(&reached.members, &mut reached.failures, |member| ask(member, &wanted)).await;
        let answers: Vec<Answer> = answers.into_iter().map(|(_, answer)| answer).collect();
        anyhow::Ok((answers, reached.failures.tell()?))
    })?;
    if answers.is_empty() {
        return Ok(exit);
    }
    let (mut blocks, mut is_served, mut near) = (Vec::new(), false, None);
    for answer in answers {
        match answer {
            Answer::Found(texts) => {
                is_served = true;
                blocks.extend(texts);
            }
            Answer::NotServed(name) => near = near.or(name),
        }
    }
    if !is_served {
        return Err(kinds::unknown(&wanted.kind, near.as_deref()).into());
    }
    let mut out = std::io::stdout().lock();
    if blocks.is_empty() {
        let Some(name) = &wanted.name else {
            writeln!(std::io::stderr(), "No resources found.")?;
            return Ok(exit);
        };
        let text = format!("{}/{name} not found in any cluster that answered", wanted.kind);
        let hint = format!(
            "`git fleet get {} -A --credentials DIR` lists all that there are",
            wanted.kind
        );
        return Err(Fault::new("NOT_FOUND", text, hint).into());
    }
    write!(out, "{}", blocks.join("\n\n"))?;
    Ok(exit)
}

async fn ask(member: &Member, wanted: &Wanted) -> Result<Answer, Fault> {
    let resource = match kinds::find(member, &wanted.kind).await? {
        Lookup::Served(resource) => resource,
        Lookup::NotServed(near) => return Ok(Answer::NotServed(near)),
    };
    let namespace = wanted.scope.in_member(member);
    let listed = pages(member, &resource, namespace, &wanted.selection, "application/json").await;
    let listed = listed.map_err(|error| fault::of(error, &resource.plural))?;
    // Whoever may read an object may not be allowed to read events: the object is shown all the same.
    let texts = stream::iter(objects(&resource, listed))
        .map(async |object| text(member, &object, &events::of(member, &object).await))
        .buffered(EVENTS_AT_ONCE_MAX)
        .collect()
        .await;
    Ok(Answer::Found(texts))
}

/// The whole block of one object.
fn text(member: &Member, object: &Value, events: &Result<Vec<Value>, Fault>) -> String {
    let mut block = Block::default();
    block.object(member.name.as_str(), object);
    events::add(&mut block, events, jiff::Timestamp::now());
    block.finish()
}
