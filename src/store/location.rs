//! Where the fleet repository is: a path on this machine or the address of a remote.
//!
//! An address is judged here, before any process starts: `git` and `ssh` read options, transports
//! and credentials out of addresses, and none of those is for a repository's author to choose.

use std::fmt;
use std::path::{Path, PathBuf};

/// A token that stands where a user name should is at least this long; a user name hardly ever is.
const TOKEN_LEN_MIN: usize = 30;

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A directory on this machine, bare or with a work tree: opened in place, never cloned.
    Path(PathBuf),
    /// An address for the `git` program; holds no secret.
    Remote(RemoteUrl),
}

/// The address of a remote that passed every rule of [`Location::parse`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RemoteUrl(String);

/// A text that is no location. `shown` is fit for display: it holds neither password nor control
/// character.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// Nothing was given.
    #[error("the repository's location is empty")]
    Empty,
    /// The transport is not one that we let `git` use.
    #[error("`{shown}` uses a transport that is not allowed")]
    Scheme {
        /// The text, made fit for display.
        shown: String,
    },
    /// `git` or `ssh` would take a part of it for an option.
    #[error("{part} of `{shown}` begins with `-`")]
    Option {
        /// The part, e.g. "the host".
        part: &'static str,
        /// The text, made fit for display.
        shown: String,
    },
    /// An address without a host: credentials could go to another one.
    #[error("`{shown}` names no host")]
    EmptyHost {
        /// The text, made fit for display.
        shown: String,
    },
    /// A character that has no business in this part.
    #[error("{part} of `{shown}` holds characters that are not allowed there")]
    BadChars {
        /// The part, e.g. "the host".
        part: &'static str,
        /// The text, made fit for display.
        shown: String,
    },
    /// The address carries a password or token, which ends up in logs and process lists.
    #[error("the address of {host} carries a password or token")]
    HasPassword {
        /// The host only: nothing before it is repeated.
        host: String,
    },
}

impl LocationError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "URL_EMPTY",
            Self::Scheme { .. } => "URL_SCHEME",
            Self::Option { .. } => "URL_OPTION",
            Self::EmptyHost { .. } => "URL_EMPTY_HOST",
            Self::BadChars { .. } => "URL_BAD_CHARS",
            Self::HasPassword { .. } => "URL_HAS_PASSWORD",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty | Self::Scheme { .. } | Self::EmptyHost { .. } => {
                "give a local path, https://host/path, ssh://user@host/path, user@host:path or file:///path"
            }
            Self::Option { .. } => "write a path that begins with `-` as `./-path`",
            Self::BadChars { .. } => {
                "write the address with plain letters, digits, `.`, `_`, `-` and `/`"
            }
            Self::HasPassword { .. } => {
                "leave it out: git asks its credential helper (`git help credentials`)"
            }
        }
    }
}

impl Location {
    /// Parses a path or an address.
    ///
    /// A text with a `:` before its first `/` is the scp-like `user@host:path`, as for `git clone`.
    pub fn parse(text: &str) -> Result<Self, LocationError> {
        if text.is_empty() {
            return Err(LocationError::Empty);
        }
        if text.starts_with('-') {
            return Err(LocationError::Option { part: "the start", shown: shown(text) });
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return parse_url(text, scheme, rest);
        }
        let before_slash = text.split('/').next().unwrap_or_default();
        if before_slash.contains("::") {
            return Err(LocationError::Scheme { shown: shown(text) });
        }
        if let Some((authority, path)) = before_slash
            .find(':')
            .map(|colon| (&text[..colon], &text[colon + 1..]))
            .filter(|_| !text.starts_with('.'))
        {
            // `user:password@host:path` is a slip: git would ask the host `user`.
            if let Some((_, host)) = before_slash[authority.len()..].rsplit_once('@') {
                let host = host.split(':').next().unwrap_or_default().escape_debug().to_string();
                return Err(LocationError::HasPassword { host });
            }
            check_authority(text, authority, Port::Forbidden)?;
            check_path(text, path)?;
            return Ok(Self::Remote(RemoteUrl(text.to_owned())));
        }
        if text.chars().any(char::is_control) {
            return Err(LocationError::BadChars { part: "the path", shown: shown(text) });
        }
        Ok(Self::Path(PathBuf::from(text)))
    }
}

impl std::str::FromStr for Location {
    type Err = LocationError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Remote(url) => url.fmt(f),
        }
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::Path(path.to_owned())
    }
}

impl RemoteUrl {
    /// The address as the `git` program takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `git` reaches it without a network.
    pub fn is_on_this_machine(&self) -> bool {
        self.0.starts_with("file://")
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `host:port` may stand in the authority.
#[derive(Clone, Copy, PartialEq)]
enum Port {
    Allowed,
    Forbidden,
}

fn parse_url(text: &str, scheme: &str, rest: &str) -> Result<Location, LocationError> {
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    match scheme {
        "file" => {
            if !authority.is_empty() && authority != "localhost" {
                return Err(LocationError::BadChars { part: "the host", shown: shown(text) });
            }
        }
        "https" | "ssh" => check_authority(text, authority, Port::Allowed)?,
        _ => return Err(LocationError::Scheme { shown: shown(text) }),
    }
    check_path(text, path)?;
    Ok(Location::Remote(RemoteUrl(text.to_owned())))
}

/// Judges `[user@]host[:port]`.
fn check_authority(text: &str, authority: &str, port: Port) -> Result<(), LocationError> {
    let (user, host_port) = match authority.rsplit_once('@') {
        Some((user, host_port)) => (Some(user), host_port),
        None => (None, authority),
    };
    let bad = |part| Err(LocationError::BadChars { part, shown: shown(text) });
    let (host, digits) = match (host_port.strip_prefix('['), host_port.rsplit_once(':')) {
        (Some(rest), _) => match rest.split_once(']') {
            Some((host, "")) => (host, None),
            Some((host, after)) => (host, after.strip_prefix(':')),
            None => return bad("the host"),
        },
        (None, Some((host, digits))) => (host, Some(digits)),
        (None, None) => (host_port, None),
    };
    if user.is_some_and(|user| user.contains(':') || user.len() >= TOKEN_LEN_MIN) {
        return Err(LocationError::HasPassword { host: host.escape_debug().to_string() });
    }
    if host.is_empty() {
        return Err(LocationError::EmptyHost { shown: shown(text) });
    }
    for (part, value) in [("the host", Some(host)), ("the user", user)] {
        let Some(value) = value else { continue };
        if value.starts_with('-') {
            return Err(LocationError::Option { part, shown: shown(text) });
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-+:".contains(c);
        if value.is_empty() || !value.chars().all(allowed) {
            return bad(part);
        }
    }
    match digits {
        Some(digits) if port == Port::Forbidden || digits.parse::<u16>().is_err() => {
            bad("the port")
        }
        _ => Ok(()),
    }
}

/// Judges the path behind the host. Spaces and quotes are for git to carry: no shell sees them.
fn check_path(text: &str, path: &str) -> Result<(), LocationError> {
    if path.trim_matches('/').is_empty() {
        return Err(LocationError::BadChars { part: "the empty path", shown: shown(text) });
    }
    if path.starts_with('-') {
        return Err(LocationError::Option { part: "the path", shown: shown(text) });
    }
    let decoded: Vec<u8> = percent_encoding::percent_decode_str(path).collect();
    if decoded.iter().any(u8::is_ascii_control) || path.chars().any(char::is_control) {
        return Err(LocationError::BadChars { part: "the path", shown: shown(text) });
    }
    Ok(())
}

/// `text` without control characters and without what stands before an `@`, cut at 200 characters.
fn shown(text: &str) -> String {
    let without_user = match (text.find("://"), text.split('/').next().unwrap_or_default()) {
        (Some(scheme_end), _) => {
            let start = scheme_end + "://".len();
            let authority_end = text[start..].find('/').map_or(text.len(), |slash| start + slash);
            match text[start..authority_end].rfind('@') {
                Some(at) if text[start..start + at].contains(':') => {
                    format!("{}…{}", &text[..start], &text[start + at..])
                }
                _ => text.to_owned(),
            }
        }
        (None, _) => text.to_owned(),
    };
    without_user.escape_debug().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> String {
        match Location::parse(text) {
            Ok(Location::Path(path)) => format!("path {}", path.display()),
            Ok(Location::Remote(url)) => format!("remote {url}"),
            Err(error) => format!("{}: {error}", error.code()),
        }
    }

    #[test]
    fn what_git_takes_is_taken() {
        for text in [
            "https://host/path",
            "https://user@host:8443/a/b.git",
            "ssh://git@host/~/x.git",
            "ssh://git@[::1]:22/x",
            "git@host.example:group/repo.git",
            "file:///srv/fleet.git",
        ] {
            assert_eq!(parse(text), format!("remote {text}"));
        }
        for text in ["/srv/fleet.git", ".", "../x", "./a:b", "a dir/x"] {
            assert_eq!(parse(text), format!("path {text}"));
        }
    }

    #[test]
    fn bad_locations_are_named_before_a_process_starts() {
        let all: Vec<String> = [
            "",
            "--upload-pack=touch /tmp/x",
            "ssh://-oProxyCommand=calc/x",
            "ssh://-Fcfg@host/x",
            "git@-oProxyCommand=x:y",
            "git@host:-x",
            "ext::sh -c id",
            "fd::3",
            "git://h/r",
            "http://h/r",
            "file://other-host/etc",
            "https:///host/x",
            "ssh://git@/x",
            "https://h%0a.evil/x",
            "https://host/a%0ab",
            "https://host/",
            "ssh://host:22x/y",
            "/srv/a\nb",
            "https://user:hunter2@host/x",
            "https://ghp_0123456789012345678901234567890@host/x",
            "user:hunter2@host:x",
        ]
        .iter()
        .map(|text| format!("{text:?}\n  {}", parse(text)))
        .collect();
        insta::assert_snapshot!(all.join("\n"));
        assert!(!parse("https://user:hunter2@host/x").contains("hunter2"));
        assert!(!parse("ftp://user:hunter2@host/x").contains("hunter2"));
    }
}
