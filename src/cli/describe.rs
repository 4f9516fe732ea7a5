//! `describe`: objects of the clusters, all that is in them, for people.

mod block;
mod events;

use std::io::Write as _;

use futures::stream::{self, StreamExt as _};
use serde_json::Value;

use super::fan_out::kinds::{self, Answer, Answers, TypedKinds};
use super::fan_out::pages::{Selection, objects, pages};
use super::fan_out::{Member, Reach, Scope, each, fault};
use super::run::runtime;
use super::{Exit, usage};
use crate::daemon::Fault;
use block::Block;

/// Objects of one cluster whose events are asked for at one time.
const EVENTS_AT_ONCE_MAX: usize = 8;

/// Show objects of the clusters in full, with their events
#[derive(clap::Args, Debug)]
pub(super) struct DescribeArgs {
    /// A kind, such as pods or deploy, several with commas between them, or KIND/NAME
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
    kinds: TypedKinds,
    name: Option<String>,
    scope: Scope,
    selection: Selection,
}

pub(super) fn run(args: &DescribeArgs) -> anyhow::Result<Exit> {
    let (kinds, name) = TypedKinds::read(&args.what, args.name.as_deref());
    let mut selection = Selection { labels: args.selector.clone(), fields: None };
    if let Some(name) = &name {
        if selection.labels.is_some() {
            usage("a name and a selector cannot be given together");
        }
        selection.fields = Some(format!("metadata.name={name}"));
    }
    let scope = Scope::of(args.namespace.as_deref(), args.all_namespaces);
    let wanted = Wanted { kinds, name, scope, selection };
    let (found, exit) = runtime()?.block_on(async {
        let mut asked = args.reach.members()?;
        let answers =
            each(&asked.members, &mut asked.failures, |member| ask(member, &wanted)).await;
        let found = kinds::by_kind(&wanted.kinds, answers, &mut asked.failures);
        let exit = asked.failures.tell()?;
        let found: Vec<Vec<String>> =
            found?.into_iter().flatten().map(|(_, blocks)| blocks).collect();
        anyhow::Ok((found, exit))
    })?;
    // If nobody answered, nothing is known.
    if found.is_empty() {
        return Ok(exit);
    }
    let blocks: Vec<String> = found.into_iter().flatten().collect();
    if blocks.is_empty() {
        let Some(name) = &wanted.name else {
            writeln!(std::io::stderr(), "No resources found.")?;
            return Ok(exit);
        };
        let text = format!("{}/{name} not found in any cluster that answered", wanted.kinds);
        let hint = format!(
            "`git fleet get {} -A --credentials DIR` lists all that there are",
            wanted.kinds
        );
        return Err(Fault::new("NOT_FOUND", text, hint).into());
    }
    write!(std::io::stdout().lock(), "{}", blocks.join("\n\n"))?;
    Ok(exit)
}

/// Blocks of text for what a cluster has of each kind, in the order of its lists.
async fn ask(member: &Member, wanted: &Wanted) -> Result<Answers<Vec<String>>, Fault> {
    let namespace = wanted.scope.in_member(member);
    kinds::list_each(member, &wanted.kinds, async |resource| {
        let listed = pages(member, &resource, namespace, &wanted.selection, "application/json");
        let listed = listed.await.map_err(|error| fault::of(error, &resource.plural))?;
        // Whoever may read an object may not be allowed to read events: the object is shown all the same.
        let texts = stream::iter(objects(&resource, listed))
            .map(async |object| text(member, &object, &events::of(member, &object).await))
            .buffered(EVENTS_AT_ONCE_MAX)
            .collect()
            .await;
        Ok(Answer::Found(texts))
    })
    .await
}

/// The whole block of one object.
fn text(member: &Member, object: &Value, events: &Result<Vec<Value>, Fault>) -> String {
    let mut block = Block::default();
    block.object(member.name.as_str(), object);
    events::add(&mut block, events, jiff::Timestamp::now());
    block.finish()
}
