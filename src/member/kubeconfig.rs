//! Kubeconfigs, read by a strict type of our own.
//!
//! A kubeconfig is a program in disguise: `exec` and `auth-provider` start commands, file paths read
//! any file of the operator's machine, a proxy sees every request. Each such field is a named
//! refusal unless the operator's own flag ([`Allow`]) permits it; nothing is started or read here.
//! What is left is put into a [`kube::Config`] field by field.

mod person;

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kube::config::{AuthInfo, ExecConfig};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::IgnoredAny;

pub use person::{Server, read_files, with_token};

/// Largest kubeconfig that is read. A large one with several certificate chains has 40 KiB.
pub const KUBECONFIG_LEN_MAX: usize = 1 << 20;

/// What the operator permits a kubeconfig to ask for. The default permits nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    /// `exec`: starting a credential plugin.
    pub exec: bool,
    /// File paths (`tokenFile`, `client-key`, …) in place of inline data.
    pub files: bool,
    /// `insecure-skip-tls-verify`.
    pub insecure_tls: bool,
    /// `http://` to an address that is not loopback.
    pub plain_http: bool,
    /// `as`, `as-uid`, `as-groups`, `as-user-extra`.
    pub impersonation: bool,
}

/// Why a kubeconfig is refused. No variant carries a value that may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KubeconfigError {
    /// Not YAML, not a kubeconfig, or a field that we do not know. The parser's own text is left
    /// out: it may quote a token.
    #[error("not a kubeconfig that we can read (line {line}, column {column})")]
    Syntax {
        /// Line, from 1; 0 when unknown.
        line: u64,
        /// Column, from 1; 0 when unknown.
        column: u64,
    },
    /// Larger than [`KUBECONFIG_LEN_MAX`].
    #[error("{len} bytes long, more than the {KUBECONFIG_LEN_MAX} that a kubeconfig may have")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// A named part is not there.
    #[error("{what} is missing")]
    Missing {
        /// The part, e.g. "the cluster `east`".
        what: String,
    },
    /// Several contexts and no `current-context`, or a name that stands twice.
    #[error("{what}")]
    Ambiguous {
        /// What is ambiguous.
        what: String,
    },
    /// A command would be started.
    #[error("user `{user}` asks for the command of an `exec` plugin, which is never started")]
    Exec {
        /// Name of the user.
        user: String,
    },
    /// A built-in provider of long ago would be started.
    #[error("user `{user}` uses `auth-provider`, which is not supported")]
    AuthProvider {
        /// Name of the user.
        user: String,
    },
    /// A file would be read.
    #[error("`{field}` names a file of this machine, which is not read")]
    FileRef {
        /// The field.
        field: &'static str,
    },
    /// The server's certificate would not be checked.
    #[error("cluster `{cluster}` sets `insecure-skip-tls-verify`")]
    Insecure {
        /// Name of the cluster.
        cluster: String,
    },
    /// Requests would go through a third party.
    #[error("cluster `{cluster}` sets `proxy-url`, which is not supported")]
    Proxy {
        /// Name of the cluster.
        cluster: String,
    },
    /// Credentials would travel in the clear.
    #[error("the server of cluster `{cluster}` is plain http and not a loopback address")]
    Http {
        /// Name of the cluster.
        cluster: String,
    },
    /// Requests would be made as somebody else.
    #[error("user `{user}` sets `{field}` (impersonation)")]
    Impersonate {
        /// Name of the user.
        user: String,
        /// The field.
        field: &'static str,
    },
    /// User name and password.
    #[error("user `{user}` has a user name and password; Kubernetes has no such login since 1.19")]
    Basic {
        /// Name of the user.
        user: String,
    },
    /// The server is an address that no API server has.
    #[error("the server of cluster `{cluster}` is a link-local or unspecified address")]
    Endpoint {
        /// Name of the cluster.
        cluster: String,
    },
    /// A field's value cannot be used.
    #[error("`{field}` {rule}")]
    BadValue {
        /// The field.
        field: &'static str,
        /// What is wrong, as the end of a sentence that starts with the field.
        rule: &'static str,
    },
}

impl KubeconfigError {
    /// The stable code, documented and never reused.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "KUBECONFIG_SYNTAX",
            Self::TooLong { .. } => "KUBECONFIG_TOO_LONG",
            Self::Missing { .. } => "KUBECONFIG_MISSING",
            Self::Ambiguous { .. } => "KUBECONFIG_AMBIGUOUS",
            Self::Exec { .. } => "KUBECONFIG_EXEC",
            Self::AuthProvider { .. } => "KUBECONFIG_AUTH_PROVIDER",
            Self::FileRef { .. } => "KUBECONFIG_FILE_REF",
            Self::Insecure { .. } => "KUBECONFIG_INSECURE",
            Self::Proxy { .. } => "KUBECONFIG_PROXY",
            Self::Http { .. } => "KUBECONFIG_HTTP",
            Self::Impersonate { .. } => "KUBECONFIG_IMPERSONATE",
            Self::Basic { .. } => "KUBECONFIG_BASIC",
            Self::Endpoint { .. } => "ENDPOINT_FORBIDDEN",
            Self::BadValue { .. } => "KUBECONFIG_BAD_VALUE",
        }
    }

    /// What to do about it: one sentence, no full stop.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Syntax { .. } | Self::Missing { .. } | Self::BadValue { .. } => {
                "write it with `kubectl config view --minify --flatten --raw`"
            }
            Self::TooLong { .. } => "keep one cluster in one file",
            Self::Ambiguous { .. } => {
                "set `current-context`, or keep one context in the file (`kubectl config view --minify`)"
            }
            Self::Exec { .. } => {
                "use a service account's token or a client certificate, or start with --insecure-allow-exec"
            }
            Self::AuthProvider { .. } | Self::Basic { .. } => {
                "use a service account's token or a client certificate"
            }
            Self::FileRef { .. } => {
                "put the content inline (`kubectl config view --minify --flatten --raw`), or start with --insecure-allow-files"
            }
            Self::Insecure { .. } => {
                "give `certificate-authority-data`, or start with --insecure-allow-skip-tls-verify"
            }
            Self::Proxy { .. } => "reach the cluster directly, or run the agent beside it",
            Self::Http { .. } => "use https, or start with --insecure-allow-http",
            Self::Impersonate { .. } => {
                "bind the roles to the user itself, or start with --insecure-allow-impersonation"
            }
            Self::Endpoint { .. } => "name the API server's own address",
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    #[serde(rename = "apiVersion")]
    _api_version: Option<IgnoredAny>,
    #[serde(rename = "kind")]
    _kind: Option<IgnoredAny>,
    #[serde(rename = "preferences")]
    _preferences: Option<IgnoredAny>,
    #[serde(rename = "extensions")]
    _extensions: Option<IgnoredAny>,
    current_context: Option<String>,
    #[serde(default)]
    contexts: Vec<NamedContext>,
    #[serde(default)]
    clusters: Vec<NamedCluster>,
    #[serde(default)]
    users: Vec<NamedUser>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Context {
    cluster: String,
    user: Option<String>,
    namespace: Option<String>,
    #[serde(rename = "extensions")]
    _extensions: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedCluster {
    name: String,
    cluster: Cluster,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Cluster {
    server: Option<String>,
    tls_server_name: Option<String>,
    #[serde(default)]
    insecure_skip_tls_verify: bool,
    certificate_authority: Option<String>,
    certificate_authority_data: Option<String>,
    proxy_url: Option<String>,
    #[serde(rename = "disable-compression")]
    _disable_compression: Option<bool>,
    #[serde(rename = "extensions")]
    _extensions: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedUser {
    name: String,
    #[serde(default)]
    user: User,
}

/// Holds secrets: no `Debug` on purpose.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct User {
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<String>,
    client_certificate: Option<String>,
    client_certificate_data: Option<String>,
    client_key: Option<String>,
    client_key_data: Option<String>,
    username: Option<IgnoredAny>,
    password: Option<IgnoredAny>,
    exec: Option<ExecConfig>,
    auth_provider: Option<IgnoredAny>,
    r#as: Option<String>,
    as_uid: Option<String>,
    as_groups: Option<Vec<String>>,
    as_user_extra: Option<std::collections::HashMap<String, Vec<String>>>,
    #[serde(rename = "extensions")]
    _extensions: Option<IgnoredAny>,
}

/// Reads a kubeconfig: its current context, or the only one.
///
/// # Errors
/// Names the first thing that cannot be used or that `allow` does not permit.
pub fn parse(text: &[u8], allow: Allow) -> Result<kube::Config, KubeconfigError> {
    parse_context(text, None, allow)
}

/// Reads a kubeconfig: the context of this name; if none is named, its current or its only one.
///
/// # Errors
/// As [`parse`].
pub fn parse_context(
    text: &[u8],
    context: Option<&str>,
    allow: Allow,
) -> Result<kube::Config, KubeconfigError> {
    if text.len() > KUBECONFIG_LEN_MAX {
        return Err(KubeconfigError::TooLong { len: text.len() });
    }
    let file: File = serde_saphyr::from_slice(text).map_err(|error| {
        let (line, column) =
            error.location().map_or((0, 0), |place| (place.line(), place.column()));
        KubeconfigError::Syntax { line, column }
    })?;
    let context = current(&file, context)?;
    let name = &context.cluster;
    let cluster =
        one(file.clusters.iter().filter(|c| c.name == *name).map(|c| &c.cluster), "cluster", name)?;
    let mut config = cluster_config(name, cluster, allow)?;
    if let Some(namespace) = context.namespace.as_ref().filter(|text| !text.is_empty()) {
        config.default_namespace.clone_from(namespace);
    }
    if let Some(name) = &context.user {
        let user =
            one(file.users.iter().filter(|u| u.name == *name).map(|u| &u.user), "user", name)?;
        config.auth_info = auth_info(name, user, allow)?;
    }
    Ok(config)
}

fn current<'f>(file: &'f File, named: Option<&'f str>) -> Result<&'f Context, KubeconfigError> {
    let named = named.or(file.current_context.as_deref()).filter(|name| !name.is_empty());
    match (named, &*file.contexts) {
        (Some(name), contexts) => {
            one(contexts.iter().filter(|c| c.name == name).map(|c| &c.context), "context", name)
        }
        (None, [only]) => Ok(&only.context),
        (None, []) => Err(KubeconfigError::Missing { what: "a context".to_owned() }),
        (None, several) => Err(KubeconfigError::Ambiguous {
            what: format!("{} contexts and no `current-context`", several.len()),
        }),
    }
}

fn one<'f, T>(
    mut found: impl Iterator<Item = &'f T>,
    what: &str,
    name: &str,
) -> Result<&'f T, KubeconfigError> {
    let first = found
        .next()
        .ok_or_else(|| KubeconfigError::Missing { what: format!("the {what} `{name}`") })?;
    if found.next().is_some() {
        return Err(KubeconfigError::Ambiguous {
            what: format!("the {what} `{name}` stands there twice"),
        });
    }
    Ok(first)
}

fn cluster_config(
    name: &str,
    cluster: &Cluster,
    allow: Allow,
) -> Result<kube::Config, KubeconfigError> {
    let server = cluster.server.as_deref().filter(|server| !server.is_empty());
    let server =
        server.ok_or_else(|| KubeconfigError::Missing { what: format!("`server` of `{name}`") })?;
    let bad = |rule| KubeconfigError::BadValue { field: "server", rule };
    let url = url::Url::parse(server).map_err(|_| bad("is not a URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("must not carry a user name or password"));
    }
    let address = match url.host() {
        None => return Err(bad("has no host")),
        Some(url::Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
        Some(url::Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
        Some(url::Host::Domain(_)) => None,
    };
    if address.is_some_and(is_no_server) {
        return Err(KubeconfigError::Endpoint { cluster: name.to_owned() });
    }
    match url.scheme() {
        "https" => {}
        "http" if allow.plain_http || address.is_some_and(|ip| ip.is_loopback()) => {}
        "http" => return Err(KubeconfigError::Http { cluster: name.to_owned() }),
        _ => return Err(bad("must start with https://")),
    }
    if cluster.proxy_url.as_ref().is_some_and(|proxy| !proxy.is_empty()) {
        return Err(KubeconfigError::Proxy { cluster: name.to_owned() });
    }
    if cluster.insecure_skip_tls_verify && !allow.insecure_tls {
        return Err(KubeconfigError::Insecure { cluster: name.to_owned() });
    }

    let mut config = kube::Config::new(server.parse().map_err(|_| bad("is not a URL"))?);
    // Retries are the executor's: it obeys Retry-After and gives up on a cluster, not on a request.
    config.default_retry = false;
    config.tls_server_name.clone_from(&cluster.tls_server_name);
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify;
    if let Some(data) = &cluster.certificate_authority_data {
        config.root_cert = Some(certificates(data)?);
    } else if let Some(path) = &cluster.certificate_authority {
        file_ref(allow, "certificate-authority")?;
        config.root_cert_file = Some(path.into());
    }
    Ok(config)
}

/// Addresses that hand out a cloud's credentials, or nobody's: never an API server's.
fn is_no_server(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_unspecified() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unicast_link_local() || ip.is_unspecified() || ip.is_multicast(),
    }
}

fn auth_info(name: &str, user: &User, allow: Allow) -> Result<AuthInfo, KubeconfigError> {
    if user.exec.is_some() && !allow.exec {
        return Err(KubeconfigError::Exec { user: name.to_owned() });
    }
    if user.auth_provider.is_some() {
        return Err(KubeconfigError::AuthProvider { user: name.to_owned() });
    }
    if user.username.is_some() || user.password.is_some() {
        return Err(KubeconfigError::Basic { user: name.to_owned() });
    }
    let impersonation = [
        ("as", user.r#as.is_some()),
        ("as-uid", user.as_uid.is_some()),
        ("as-groups", user.as_groups.is_some()),
        ("as-user-extra", user.as_user_extra.is_some()),
    ];
    if let Some((field, _)) = impersonation.into_iter().find(|(_, set)| *set)
        && !allow.impersonation
    {
        return Err(KubeconfigError::Impersonate { user: name.to_owned(), field });
    }
    let files = [
        ("tokenFile", &user.token_file),
        ("client-certificate", &user.client_certificate),
        ("client-key", &user.client_key),
    ];
    for (field, path) in files {
        if path.as_ref().is_some_and(|path| !path.is_empty()) {
            file_ref(allow, field)?;
        }
    }
    Ok(AuthInfo {
        token: user.token.clone().map(SecretString::from),
        token_file: user.token_file.clone(),
        client_certificate: user.client_certificate.clone(),
        client_certificate_data: user.client_certificate_data.clone(),
        client_key: user.client_key.clone(),
        client_key_data: user.client_key_data.clone().map(SecretString::from),
        exec: user.exec.clone(),
        impersonate: user.r#as.clone(),
        impersonate_uid: user.as_uid.clone(),
        impersonate_groups: user.as_groups.clone(),
        impersonate_user_extra: user.as_user_extra.clone(),
        ..AuthInfo::default()
    })
}

fn file_ref(allow: Allow, field: &'static str) -> Result<(), KubeconfigError> {
    if allow.files { Ok(()) } else { Err(KubeconfigError::FileRef { field }) }
}

/// The certificates of a base64 text that holds PEM, in DER.
fn certificates(data: &str) -> Result<Vec<Vec<u8>>, KubeconfigError> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let bad = |rule| KubeconfigError::BadValue { field: "certificate-authority-data", rule };
    let strip = |text: &str| text.split_ascii_whitespace().collect::<String>();
    let pem = BASE64.decode(strip(data)).map_err(|_| bad("is not base64"))?;
    let pem = String::from_utf8(pem).map_err(|_| bad("is not PEM"))?;
    let mut found = Vec::new();
    for block in pem.split(BEGIN).skip(1) {
        let (body, _) =
            block.split_once(END).ok_or_else(|| bad("has a certificate with no end"))?;
        found
            .push(BASE64.decode(strip(body)).map_err(|_| bad("has a certificate that is no PEM"))?);
    }
    if found.is_empty() {
        return Err(bad("holds no certificate"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
