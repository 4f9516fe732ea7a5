//! The pods that are meant by a name, by a workload or by labels, in one cluster.

use serde_json::Value;

use super::kinds::{self, Lookup, TypedKind};
use super::pages::{Selection, objects, pages};
use super::text::at;
use super::{Member, fault};
use crate::daemon::Fault;
use crate::member::discovery::Resource;
use crate::member::wire::RequestError;

/// The annotation that names the container people mean.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Target {
    /// The pod of this name.
    Pod(String),
    /// The pods of a workload, or of whatever else has a selector.
    Of(TypedKind, String),
    /// All with these labels.
    Labelled(String),
}

impl Target {
    /// Reads `POD` or `KIND/NAME`.
    pub(in crate::cli) fn named(text: &str) -> Self {
        if !text.contains('/') {
            return Self::Pod(text.to_owned());
        }
        match kinds::kind_and_name(text) {
            Some((kind, name)) => Self::Of(kind, name),
            None => crate::cli::usage("write it as POD or KIND/NAME, e.g. deployment/shop"),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pod(name) => write!(f, "pod/{name}"),
            Self::Of(kind, name) => write!(f, "{kind}/{name}"),
            Self::Labelled(selector) => write!(f, "a pod with the labels {selector}"),
        }
    }
}

/// The kind Pod, which every cluster serves.
pub(in crate::cli) fn resource() -> Resource {
    Resource {
        group: "".into(),
        version: "v1".into(),
        kind: "Pod".into(),
        plural: "pods".into(),
        namespaced: true,
        watchable: true,
    }
}

/// The pods of `target` in `member`, by name; `None` if there is no such object, or no such kind.
///
/// # Errors
/// A request failed, or the object that was named has no pods by its kind.
pub(in crate::cli) async fn of(
    member: &Member,
    namespace: &str,
    target: &Target,
) -> Result<Option<Vec<Value>>, Fault> {
    let labels = match target {
        Target::Pod(name) => {
            let pod = one(member, &resource(), namespace, name).await?;
            return Ok(pod.map(|pod| vec![pod]));
        }
        Target::Labelled(labels) => labels.clone(),
        Target::Of(kind, name) => {
            let Lookup::Served(resource) = kinds::find(member, kind).await? else {
                return Ok(None);
            };
            let Some(object) = one(member, &resource, namespace, name).await? else {
                return Ok(None);
            };
            if (&*resource.group, &*resource.kind) == ("", "Pod") {
                return Ok(Some(vec![object]));
            }
            let Some(labels) = selector(&object["spec"]["selector"]) else {
                let text =
                    format!("{} {name} says of no pods that they are its own", resource.kind);
                let hint = "name a pod, or what has a selector: a Deployment, StatefulSet, DaemonSet or Job";
                return Err(Fault::new("NO_PODS", text, hint));
            };
            labels
        }
    };
    let selection = Selection { labels: Some(labels), fields: None };
    let pods = resource();
    let listed = pages(member, &pods, Some(namespace), &selection, "application/json").await;
    let listed = listed.map_err(|error| fault::of(error, "pods"))?;
    let mut found: Vec<Value> = objects(&pods, listed).collect();
    found.sort_by(|one, other| name_of(one).cmp(name_of(other)));
    let is_named = matches!(target, Target::Of(..));
    Ok(Some(found).filter(|found| is_named || !found.is_empty()))
}

/// A workload is there, and none of its pods are.
pub(in crate::cli) fn none_of(target: &Target, within: &str) -> Fault {
    let text = format!("{target} has no pods{within}");
    let hint = "see how many it is to have, and why there are none: git fleet describe";
    Fault::new("NO_PODS", text, hint)
}

/// An object, if it is there.
async fn one(
    member: &Member,
    resource: &Resource,
    namespace: &str,
    name: &str,
) -> Result<Option<Value>, Fault> {
    match member.api.get(resource, Some(namespace), name).await {
        Ok(object) => Ok(Some(object)),
        Err(RequestError::NotFound(_)) => Ok(None),
        Err(error) => Err(fault::of(error, &resource.plural)),
    }
}

/// The name of an object.
pub(in crate::cli) fn name_of(object: &Value) -> &str {
    at(object, "/metadata/name")
}

/// The container that is meant where none is named: the one that the pod's annotation names, or the
/// first.
pub(in crate::cli) fn default_container(pod: &Value) -> &str {
    let annotated = pod["metadata"]["annotations"][DEFAULT_CONTAINER].as_str();
    annotated.unwrap_or_else(|| at(pod, "/spec/containers/0/name"))
}

/// A selector as the query of a list has it. None if there is none, since an empty one means nothing
/// here, and everything in a list.
fn selector(selector: &Value) -> Option<String> {
    let whole = selector.as_object()?;
    let is_typed = whole.contains_key("matchLabels") || whole.contains_key("matchExpressions");
    let labels = if is_typed { selector["matchLabels"].as_object() } else { Some(whole) };
    let labels = labels.into_iter().flatten();
    let mut terms: Vec<String> = labels
        .map(|(label, value)| format!("{label}={}", value.as_str().unwrap_or_default()))
        .collect();
    for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = expression["key"].as_str()?;
        let values = expression["values"].as_array().into_iter().flatten();
        let values: Vec<&str> = values.filter_map(Value::as_str).collect();
        terms.push(match expression["operator"].as_str()? {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return None,
        });
    }
    Some(terms.join(",")).filter(|terms| !terms.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_selector_becomes_a_query() {
        for (value, expected) in [
            (json!({"matchLabels": {"a": "1", "b": "2"}}), Some("a=1,b=2")),
            (json!({"app": "web"}), Some("app=web")),
            (
                json!({"matchExpressions": [
                    {"key": "t", "operator": "NotIn", "values": ["x", "y"]},
                    {"key": "u", "operator": "DoesNotExist"},
                ]}),
                Some("t notin (x,y),!u"),
            ),
            (json!({}), None),
            (json!({"matchLabels": {}}), None),
            (Value::Null, None),
        ] {
            assert_eq!(selector(&value).as_deref(), expected, "{value}");
        }
    }
}
