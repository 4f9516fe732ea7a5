//! Kinds as people type them (`po`, `Deployment`, `crontabs.example.com`), looked up in a cluster.
//!
//! What a name means is for each cluster to say: one may serve a kind in another version, or not at
//! all. Of kinds with the same name the first in the cluster's own order counts, as in kubectl: the
//! core group, then by the priority of their APIs.

use futures::future::join_all;
use serde_json::Value;

use super::text::at;
use super::{Failures, Member, fault};
use crate::api::decode::closest;
use crate::cli::usage;
use crate::daemon::Fault;
use crate::member::discovery::{ACCEPT, Resource};
use crate::member::wire::{RequestError, json};

/// A kind that was typed, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct TypedKind {
    word: String,
    /// A group, its beginning, or version and group.
    group: Option<String>,
}

impl TypedKind {
    /// Reads `KIND`, `KIND.GROUP` or `KIND.VERSION.GROUP`.
    pub(in crate::cli) fn new(text: &str) -> Self {
        let text = text.to_lowercase();
        match text.split_once('.') {
            Some((word, group)) => Self { word: word.to_owned(), group: Some(group.to_owned()) },
            None => Self { word: text, group: None },
        }
    }

    /// How well it fits; the least is the best.
    fn fit(&self, served: &Served) -> Option<u8> {
        let Resource { group, version, kind, plural, .. } = &served.resource;
        let by_word = if [&**plural, &*served.singular].contains(&&*self.word)
            || kind.to_lowercase() == self.word
        {
            0
        } else if served.short_names.contains(&self.word) {
            1
        } else {
            return None;
        };
        let by_group = match self.group.as_deref() {
            None => 0,
            Some(typed) if typed == &**group => 0,
            Some(typed) if !group.is_empty() && typed == format!("{version}.{group}") => 0,
            Some(typed) if group.is_empty() && typed == &**version => 0,
            Some(typed) if group.starts_with(typed) => 2,
            Some(_) => return None,
        };
        Some(by_word + by_group)
    }
}

impl std::fmt::Display for TypedKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.word)?;
        self.group.iter().try_for_each(|group| write!(f, ".{group}"))
    }
}

/// Kinds that were typed, each once, in their order; there is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct TypedKinds(Vec<TypedKind>);

impl TypedKinds {
    /// Reads `KIND NAME`, `KIND/NAME` or `KIND`, and with commas several kinds of which none has a slash.
    pub(in crate::cli) fn read(what: &str, name: Option<&str>) -> (Self, Option<String>) {
        if what.contains('/') {
            let Some((kind, one)) = kind_and_name(what).filter(|_| name.is_none()) else {
                usage("write it as KIND/NAME or as KIND NAME, e.g. deployment/shop")
            };
            return (Self(vec![kind]), Some(one));
        }
        if name.is_some_and(|name| name.contains('/')) {
            usage("write KIND/NAME alone, e.g. deployment/shop")
        }
        let mut kinds = Vec::new();
        for word in what.split(',') {
            if word.is_empty() {
                usage("write a kind before and behind each comma, e.g. pods,services");
            }
            let kind = TypedKind::new(word);
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        (Self(kinds), name.map(str::to_owned))
    }

    /// Whether there is more than one.
    pub(in crate::cli) fn is_several(&self) -> bool {
        self.0.len() > 1
    }
}

impl std::fmt::Display for TypedKinds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kinds: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&kinds.join(","))
    }
}

/// Reads `KIND/NAME`.
pub(super) fn kind_and_name(text: &str) -> Option<(TypedKind, String)> {
    let (kind, name) = text.split_once('/')?;
    let is_one = !kind.is_empty() && !kind.contains(',') && !name.is_empty();
    is_one.then(|| (TypedKind::new(kind), name.to_owned()))
}

/// One kind in one version, with all that it is called.
#[derive(Clone, Debug)]
struct Served {
    resource: Resource,
    singular: String,
    short_names: Vec<String>,
}

/// What a cluster calls so.
#[derive(Clone, Debug)]
pub(super) enum Lookup {
    /// This.
    Served(Resource),
    /// Nothing; with the name that is nearest.
    NotServed(Option<String>),
}

/// Asks `member` what `kind` is.
pub(super) async fn find(member: &Member, kind: &TypedKind) -> Result<Lookup, Fault> {
    Ok(best(kind, &ask(member).await?))
}

fn best(kind: &TypedKind, served: &[Served]) -> Lookup {
    let fits = served.iter().filter_map(|one| Some((kind.fit(one)?, one)));
    if let Some((_, best)) = fits.min_by_key(|(fit, _)| *fit) {
        return Lookup::Served(best.resource.clone());
    }
    let near = closest(&kind.word, served.iter().map(|one| &*one.resource.plural));
    Lookup::NotServed(near.map(str::to_owned))
}

/// What one cluster has of a kind.
#[derive(Debug)]
pub(in crate::cli) enum Answer<T> {
    /// This.
    Found(T),
    /// It does not serve the kind; with the name that is nearest.
    NotServed(Option<String>),
}

/// What one cluster has of each of the kinds, in their order.
pub(in crate::cli) type Answers<T> = Vec<Result<Answer<T>, Fault>>;

/// Asks `member` what each of the kinds is, and then, by `list`, for what it has of those that it serves.
///
/// # Errors
/// It does not tell its kinds. What it does not tell of one of them is said with that one.
pub(in crate::cli) async fn list_each<T>(
    member: &Member,
    kinds: &TypedKinds,
    list: impl AsyncFn(Resource) -> Result<Answer<T>, Fault>,
) -> Result<Answers<T>, Fault> {
    let served = ask(member).await?;
    let answers = kinds.0.iter().map(async |kind| match best(kind, &served) {
        Lookup::Served(resource) => list(resource).await,
        Lookup::NotServed(near) => Ok(Answer::NotServed(near)),
    });
    Ok(join_all(answers).await)
}

/// What the clusters have, kind by kind in the order in which they were typed. What they did not tell goes to
/// `failures`.
///
/// # Errors
/// No cluster that answered serves one of the kinds.
pub(in crate::cli) fn by_kind<'m, T>(
    kinds: &TypedKinds,
    answers: Vec<(&'m Member, Answers<T>)>,
    failures: &mut Failures,
) -> Result<Vec<Vec<(&'m Member, T)>>, Fault> {
    let mut by_member: Vec<(&Member, std::vec::IntoIter<_>)> =
        answers.into_iter().map(|(member, answers)| (member, answers.into_iter())).collect();
    let mut all = Vec::new();
    for kind in &kinds.0 {
        let (mut found, mut is_unserved, mut near) = (Vec::new(), false, None);
        for (member, answers) in &mut by_member {
            match answers.next().expect("each cluster was asked for each kind") {
                Ok(Answer::Found(one)) => found.push((*member, one)),
                Ok(Answer::NotServed(name)) => {
                    is_unserved = true;
                    near = near.or(name);
                }
                Err(fault) => failures.add(&member.name, fault),
            }
        }
        if found.is_empty() && is_unserved {
            return Err(unknown(kind, near.as_deref()));
        }
        all.push(found);
    }
    Ok(all)
}

/// That no cluster that answered serves the kind.
fn unknown(kind: &TypedKind, near: Option<&str>) -> Fault {
    let meant = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    let hint = format!(
        "{meant}Write a plural, a kind or a short name, with `.GROUP` behind it if need be"
    );
    Fault::new("KIND_UNKNOWN", format!("no cluster that answered serves a kind `{kind}`"), hint)
}

async fn ask(member: &Member) -> Result<Vec<Served>, Fault> {
    served(member).await.map_err(|error| fault::of(error, "the kinds that it serves"))
}

async fn served(member: &Member) -> Result<Vec<Served>, RequestError> {
    let (core, named) =
        futures::join!(member.api.get_raw("/api", ACCEPT), member.api.get_raw("/apis", ACCEPT));
    let mut served = Vec::new();
    for (root, bytes) in [("/api", core?), ("/apis", named?)] {
        let document: Value = json(&bytes)?;
        if document["kind"] == "APIGroupDiscoveryList" {
            for group in list(&document["items"]) {
                aggregated(group, &mut served);
            }
            continue;
        }
        // Before Kubernetes 1.26, and in some servers that are none.
        for version in group_versions(&document) {
            let path = format!("{root}/{version}");
            match member.api.get_raw(&path, "application/json").await {
                Ok(bytes) => plain(&version, &json::<Value>(&bytes)?, &mut served),
                Err(error) if error.is_of_cluster() => return Err(error),
                // An aggregated API that is down: its kinds are not known.
                Err(_) => {}
            }
        }
    }
    Ok(served)
}

/// The versions of the core group, or of all others with the preferred one of each first.
fn group_versions(document: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut found: Vec<String> = list(&document["versions"]).filter_map(text).collect();
    for group in list(&document["groups"]) {
        let preferred = &group["preferredVersion"]["groupVersion"];
        let others = list(&group["versions"]).map(|version| &version["groupVersion"]);
        let others = others.filter(|version| *version != preferred);
        found.extend(std::iter::once(preferred).chain(others).filter_map(text));
    }
    found
}

fn aggregated(group: &Value, served: &mut Vec<Served>) {
    let name = at(group, "/metadata/name");
    for version in list(&group["versions"]) {
        for resource in list(&version["resources"]) {
            served.push(Served {
                resource: Resource {
                    group: name.into(),
                    version: at(version, "/version").into(),
                    kind: at(resource, "/responseKind/kind").into(),
                    plural: at(resource, "/resource").into(),
                    namespaced: resource["scope"] == "Namespaced",
                    watchable: list(&resource["verbs"]).any(|verb| verb == "watch"),
                },
                singular: at(resource, "/singularResource").to_owned(),
                short_names: names(&resource["shortNames"]),
            });
        }
    }
}

fn plain(group_version: &str, document: &Value, served: &mut Vec<Served>) {
    let (group, version) = group_version.split_once('/').unwrap_or(("", group_version));
    for resource in list(&document["resources"]) {
        let plural = at(resource, "/name");
        if plural.contains('/') {
            continue;
        }
        served.push(Served {
            resource: Resource {
                group: group.into(),
                version: version.into(),
                kind: at(resource, "/kind").into(),
                plural: plural.into(),
                namespaced: resource["namespaced"] == true,
                watchable: list(&resource["verbs"]).any(|verb| verb == "watch"),
            },
            singular: at(resource, "/singularName").to_owned(),
            short_names: names(&resource["shortNames"]),
        });
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn names(value: &Value) -> Vec<String> {
    list(value).filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn served() -> Vec<Served> {
        let mut served = Vec::new();
        let resource = |plural: &str, kind: &str, short: &[&str]| {
            json!({"resource": plural, "responseKind": {"kind": kind}, "scope": "Namespaced",
                "singularResource": kind.to_lowercase(), "verbs": ["list"], "shortNames": short})
        };
        for (group, versions, resources) in [
            ("", vec!["v1"], vec![resource("pods", "Pod", &["po"])]),
            ("apps", vec!["v1"], vec![resource("deployments", "Deployment", &["deploy"])]),
            ("example.com", vec!["v2", "v1"], vec![resource("crontabs", "CronTab", &["ct"])]),
            ("metrics.k8s.io", vec!["v1beta1"], vec![resource("pods", "PodMetrics", &[])]),
        ] {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| json!({"version": version, "resources": resources}))
                .collect();
            aggregated(&json!({"metadata": {"name": group}, "versions": versions}), &mut served);
        }
        served
    }

    fn found(text: &str) -> Option<String> {
        let (kind, served) = (TypedKind::new(text), served());
        let fits = served.iter().filter_map(|one| Some((kind.fit(one)?, one)));
        let (_, best) = fits.min_by_key(|(fit, _)| *fit)?;
        let Resource { group, version, kind, .. } = &best.resource;
        Some(format!("{kind}.{version}.{group}"))
    }

    #[test]
    fn kinds_are_found_as_in_kubectl() {
        for (text, expected) in [
            ("po", "Pod.v1."),
            ("pods", "Pod.v1."),
            ("Pod", "Pod.v1."),
            ("pods.v1", "Pod.v1."),
            ("pods.metrics.k8s.io", "PodMetrics.v1beta1.metrics.k8s.io"),
            ("pods.metrics", "PodMetrics.v1beta1.metrics.k8s.io"),
            ("deploy", "Deployment.v1.apps"),
            ("deployments.v1.apps", "Deployment.v1.apps"),
            ("ct", "CronTab.v2.example.com"),
            ("crontabs.example.com", "CronTab.v2.example.com"),
            ("crontabs.v1.example.com", "CronTab.v1.example.com"),
        ] {
            assert_eq!(found(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["deploys", "pods.apps", "ct.com"] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn versions_of_the_old_discovery_come_preferred_first() {
        let document = json!({"groups": [{"versions": [
            {"groupVersion": "a.io/v1beta1"}, {"groupVersion": "a.io/v1"},
        ], "preferredVersion": {"groupVersion": "a.io/v1"}}]});
        assert_eq!(group_versions(&document), ["a.io/v1", "a.io/v1beta1"]);
        assert_eq!(group_versions(&json!({"versions": ["v1"]})), ["v1"]);
    }
}
