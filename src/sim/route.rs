//! From a request's path, query and headers to what is asked.

use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::resources::{Registry, Scope};
use super::status_error::Refusal;
use super::table::IncludeObject;
use super::world::Call;

/// How the answer is wanted, by the `Accept` header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    #[default]
    Json,
    /// `as=Table`, which `kubectl get` prints.
    Table(IncludeObject),
    /// `as=PartialObjectMetadata` or its list.
    Metadata,
}

impl Format {
    /// Takes the first form in `accept` that we can write.
    pub(super) fn negotiate(accept: Option<&str>, include: IncludeObject) -> Result<Self, Refusal> {
        let Some(accept) = accept.filter(|accept| !accept.is_empty()) else {
            return Ok(Self::Json);
        };
        for form in accept.split(',') {
            let mut parts = form.split(';').map(str::trim);
            if !matches!(parts.next(), Some("application/json" | "application/*" | "*/*")) {
                continue;
            }
            match parts.find_map(|parameter| parameter.strip_prefix("as=")) {
                None => return Ok(Self::Json),
                Some("Table") => return Ok(Self::Table(include)),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") => {
                    return Ok(Self::Metadata);
                }
                Some(_) => {}
            }
        }
        Err(Refusal::not_acceptable())
    }
}

/// Whether a write is only tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum DryRun {
    #[default]
    No,
    All,
}

/// What becomes of the objects that name the deleted one as owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Propagation {
    Background,
    Foreground,
    Orphan,
}

impl Propagation {
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        match text {
            "Background" => Ok(Self::Background),
            "Foreground" => Ok(Self::Foreground),
            "Orphan" => Ok(Self::Orphan),
            _ => Err(Refusal::bad_request(format!("invalid propagationPolicy {text:?}"))),
        }
    }
}

/// The query of a request, typed.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one parameter of the Kubernetes API")]
pub(super) struct Options {
    pub label_selector: String,
    pub field_selector: String,
    pub limit: usize,
    pub continue_token: String,
    pub resource_version: String,
    pub resource_version_match: String,
    pub watch: bool,
    pub bookmarks: bool,
    pub initial_events: bool,
    pub timeout: Option<Duration>,
    pub field_manager: String,
    pub force: bool,
    pub dry_run: DryRun,
    /// `Strict`, `Warn` or `Ignore`; empty is `Warn`.
    pub field_validation: String,
    pub propagation: Option<Propagation>,
    /// What the rows of a Table carry.
    pub include: IncludeObject,
}

impl Options {
    pub(super) fn parse(query: &str) -> Result<Self, Refusal> {
        let mut options = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let number = || {
                value.parse::<u64>().map_err(|_| {
                    Refusal::bad_request(format!(
                        "strconv.ParseInt: parsing {value:?}: invalid syntax ({name})"
                    ))
                })
            };
            let yes = || matches!(&*value, "true" | "1" | "");
            match &*name {
                "labelSelector" => options.label_selector = value.into_owned(),
                "fieldSelector" => options.field_selector = value.into_owned(),
                "limit" if value.is_empty() => {}
                "limit" => options.limit = usize::try_from(number()?).unwrap_or(usize::MAX),
                "continue" => options.continue_token = value.into_owned(),
                "resourceVersion" => options.resource_version = value.into_owned(),
                "resourceVersionMatch" => options.resource_version_match = value.into_owned(),
                "watch" => options.watch = yes(),
                "allowWatchBookmarks" => options.bookmarks = yes(),
                "sendInitialEvents" => options.initial_events = yes(),
                "timeoutSeconds" => options.timeout = Some(Duration::from_secs(number()?)),
                "fieldManager" => options.field_manager = value.into_owned(),
                "force" => options.force = yes(),
                "dryRun" if value == "All" => options.dry_run = DryRun::All,
                "dryRun" if value.is_empty() => {}
                "dryRun" => {
                    return Err(Refusal::bad_request(format!(
                        "invalid dryRun {value:?}: only \"All\" is supported"
                    )));
                }
                "includeObject" => {
                    options.include = match &*value {
                        "None" => IncludeObject::None,
                        "Object" => IncludeObject::Object,
                        _ => IncludeObject::Metadata,
                    };
                }
                "fieldValidation" => options.field_validation = value.into_owned(),
                "propagationPolicy" => options.propagation = Some(Propagation::parse(&value)?),
                "orphanDependents" if value == "true" => {
                    options.propagation = Some(Propagation::Orphan);
                }
                _ => {}
            }
        }
        Ok(options)
    }
}

/// What a path names.
#[derive(Debug)]
pub(super) enum Target {
    /// Objects of a resource, or one.
    Objects(Box<Call>),
    /// Discovery, health, version, schema: the path's segments.
    Other(Vec<String>),
}

/// Resolves a path and query against the resources served now.
pub(super) fn resolve(
    registry: &Registry,
    path: &str,
    query: &str,
    accept: Option<&str>,
) -> Result<Target, Refusal> {
    let segments: Vec<String> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let segment = |at: usize| segments.get(at).map(String::as_str);
    let (group, version, rest) = match (segment(0), segment(1), segment(2)) {
        (Some("api"), Some(version), Some(_)) => ("", version, &segments[2..]),
        (Some("apis"), Some(group), Some(version)) if segments.len() > 3 => {
            (group, version, &segments[3..])
        }
        _ => return Ok(Target::Other(segments)),
    };
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    // `namespaces` is a scope before a resource, and a resource on its own.
    let (namespace, rest) = match rest.as_slice() {
        rest @ ["namespaces", _, "status" | "finalize"] => ("", rest),
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        rest => ("", rest),
    };
    let (plural, name, subresource) = match *rest {
        [plural] => (plural, None, None),
        [plural, name] => (plural, Some(name), None),
        [plural, name, subresource] => (plural, Some(name), Some(subresource)),
        _ => return Err(Refusal::no_such_path()),
    };
    let resource = registry.find(group, version, plural).ok_or_else(Refusal::no_such_path)?;
    let in_scope = match resource.scope {
        Scope::Cluster => namespace.is_empty(),
        Scope::Namespaced => !namespace.is_empty() || name.is_none(),
    };
    if !in_scope || subresource.is_some_and(|subresource| !resource.has(subresource)) {
        return Err(Refusal::no_such_path());
    }
    let options = Options::parse(query)?;
    Ok(Target::Objects(Box::new(Call {
        resource: resource.clone(),
        namespace: namespace.to_owned(),
        name: name.map(str::to_owned),
        subresource: subresource.map(str::to_owned),
        format: Format::negotiate(accept, options.include)?,
        options,
        user_agent: String::new(),
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(path: &str) -> Option<(String, String, Option<String>, Option<String>)> {
        match resolve(&Registry::built_in(), path, "", None) {
            Ok(Target::Objects(call)) => Some((
                call.resource.plural.to_string(),
                call.namespace,
                call.name,
                call.subresource,
            )),
            _ => None,
        }
    }

    #[test]
    fn paths_name_resources() {
        let some = |text: &str| Some(text.to_owned());
        let cases = [
            ("/api/v1/pods", ("pods", "", None, None)),
            ("/api/v1/namespaces", ("namespaces", "", None, None)),
            ("/api/v1/namespaces/a", ("namespaces", "", some("a"), None)),
            ("/api/v1/namespaces/a/status", ("namespaces", "", some("a"), some("status"))),
            ("/api/v1/namespaces/a/pods/b", ("pods", "a", some("b"), None)),
            (
                "/apis/apps/v1/namespaces/a/deployments/b/scale",
                ("deployments", "a", some("b"), some("scale")),
            ),
            (
                "/apis/rbac.authorization.k8s.io/v1/clusterroles/x%3Ay",
                ("clusterroles", "", some("x:y"), None),
            ),
        ];
        for (path, (plural, namespace, name, subresource)) in cases {
            assert_eq!(
                call(path),
                Some((plural.into(), namespace.into(), name, subresource)),
                "{path}"
            );
        }
        for path in
            ["/apis/apps/v1/pods", "/api/v1/pods/a", "/api/v1/namespaces/a/nodes", "/apis/apps/v1"]
        {
            assert_eq!(call(path), None, "{path}");
        }
    }

    #[test]
    fn the_first_form_we_can_write_is_taken() {
        let negotiate = |accept| Format::negotiate(accept, IncludeObject::None);
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
        assert_eq!(negotiate(Some(kubectl)), Ok(Format::Table(IncludeObject::None)));
        assert_eq!(negotiate(Some("application/vnd.kubernetes.protobuf, */*")), Ok(Format::Json));
        assert_eq!(negotiate(Some("text/html")).unwrap_err().code, 406);
    }

    #[test]
    fn a_query_is_typed() {
        let options =
            Options::parse("limit=5&watch=1&labelSelector=a%3Db&timeoutSeconds=3&dryRun=All")
                .unwrap();
        assert_eq!(
            (options.limit, options.watch, options.label_selector.as_str()),
            (5, true, "a=b")
        );
        assert_eq!((options.timeout, options.dry_run), (Some(Duration::from_secs(3)), DryRun::All));
        assert!(Options::parse("dryRun=Some").is_err());
        assert!(Options::parse("limit=x").is_err());
    }
}
