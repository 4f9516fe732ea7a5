//! From a request's path, query and headers to what is asked.

use std::time::Duration;

use http::Method;
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
            _ => Err(Refusal::invalid_option(
                "DeleteOptions",
                "propagationPolicy",
                "FieldValueNotSupported",
                format!(
                    "Unsupported value: {text:?}: supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
                ),
            )),
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
    /// Reads a query. `kind` is the kind of options that the method takes, such as `ListOptions`.
    pub(super) fn parse(query: &str, kind: &'static str) -> Result<Self, Refusal> {
        let mut options = Self::default();
        let mut send_initial_events = None;
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
                "sendInitialEvents" => send_initial_events = Some(yes()),
                "timeoutSeconds" => options.timeout = Some(Duration::from_secs(number()?)),
                "fieldManager" => options.field_manager = value.into_owned(),
                "force" => options.force = yes(),
                "dryRun" if value == "All" => options.dry_run = DryRun::All,
                "dryRun" if value.is_empty() => {}
                "dryRun" => {
                    return Err(Refusal::invalid_option(
                        kind,
                        "dryRun",
                        "FieldValueNotSupported",
                        format!("Unsupported value: [{value:?}]: supported values: \"All\""),
                    ));
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
        options.initial_events = send_initial_events == Some(true);
        if kind == LIST {
            options.check_versions(send_initial_events)?;
        }
        Ok(options)
    }

    /// Refuses versions and matches of a list or a watch that say nothing together.
    fn check_versions(&self, send_initial_events: Option<bool>) -> Result<(), Refusal> {
        let matching = self.resource_version_match.as_str();
        let version = self.resource_version.as_str();
        let continues = !self.continue_token.is_empty();
        let forbidden = match (matching, send_initial_events) {
            (_, Some(_)) if !self.watch => Some("sendInitialEvents is forbidden for list"),
            (matching, Some(_)) if matching != "NotOlderThan" => {
                Some("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
            }
            ("", _) | (_, Some(_)) => None,
            (_, None) if self.watch => Some(
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            ),
            _ if version.is_empty() => {
                Some("resourceVersionMatch is forbidden unless resourceVersion is provided")
            }
            _ if continues => Some("resourceVersionMatch is forbidden when continue is provided"),
            ("Exact", _) if version == "0" => {
                Some("resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"")
            }
            ("Exact" | "NotOlderThan", _) => None,
            _ => {
                return Err(Refusal::invalid_option(
                    LIST,
                    "resourceVersionMatch",
                    "FieldValueNotSupported",
                    format!(
                        "Unsupported value: {matching:?}: supported values: \"Exact\", \"NotOlderThan\", \"\""
                    ),
                ));
            }
        };
        if let Some(why) = forbidden {
            let field = "resourceVersionMatch";
            let message = format!("Forbidden: {why}");
            return Err(Refusal::invalid_option(LIST, field, "FieldValueForbidden", message));
        }
        if continues && !matches!(version, "" | "0") {
            return Err(Refusal::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        Ok(())
    }
}

/// The options of a list or a watch.
const LIST: &str = "ListOptions";

/// The kind of options that a method takes.
fn options_of(method: &Method) -> &'static str {
    match *method {
        Method::POST => "CreateOptions",
        Method::PUT => "UpdateOptions",
        Method::PATCH => "PatchOptions",
        Method::DELETE => "DeleteOptions",
        _ => LIST,
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

/// Resolves a method, path and query against the resources served now.
pub(super) fn resolve(
    registry: &Registry,
    method: &Method,
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
    let options = Options::parse(query, options_of(method))?;
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
        match resolve(&Registry::built_in(), &Method::GET, path, "", None) {
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
        let parse = |query| Options::parse(query, LIST);
        let options =
            parse("limit=5&watch=1&labelSelector=a%3Db&timeoutSeconds=3&dryRun=All").unwrap();
        assert_eq!(
            (options.limit, options.watch, options.label_selector.as_str()),
            (5, true, "a=b")
        );
        assert_eq!((options.timeout, options.dry_run), (Some(Duration::from_secs(3)), DryRun::All));
        assert_eq!(parse("dryRun=Some").unwrap_err().code, 422);
        assert_eq!(parse("limit=x").unwrap_err().code, 400);
    }

    #[test]
    fn versions_and_matches_belong_together() {
        let code = |query| Options::parse(query, LIST).map_or_else(|refusal| refusal.code, |_| 200);
        let cases = [
            ("resourceVersion=5&resourceVersionMatch=Exact", 200),
            ("resourceVersion=0&resourceVersionMatch=NotOlderThan", 200),
            ("resourceVersion=0&resourceVersionMatch=Exact", 422),
            ("resourceVersion=5&resourceVersionMatch=Newest", 422),
            ("resourceVersionMatch=Exact", 422),
            ("watch=1&resourceVersion=5&resourceVersionMatch=NotOlderThan", 422),
            ("watch=1&sendInitialEvents=true", 422),
            ("watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan", 200),
            ("sendInitialEvents=true&resourceVersionMatch=NotOlderThan", 422),
            ("continue=x&resourceVersion=5", 400),
            ("continue=x&resourceVersion=0", 200),
        ];
        for (query, expected) in cases {
            assert_eq!(code(query), expected, "{query}");
        }
    }
}
