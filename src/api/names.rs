//! Names that must not be confused with one another are types of their own.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longest name of a member cluster: Karmada keeps works in the namespace `karmada-es-<cluster>`,
/// and a namespace has at most 63 bytes (`spec/placement.md` §9.8 of Karmada's rules).
pub const CLUSTER_NAME_LEN_MAX: usize = 48;

/// Name of a member cluster, e.g. `edge-eu-1`.
///
/// Always a valid RFC 1123 label of at most [`CLUSTER_NAME_LEN_MAX`] bytes, so it goes into paths,
/// refs and label values unescaped. Cheap to clone: it is a counted reference.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("format" = "cluster-name"))]
pub struct ClusterName(Arc<str>);

/// A text that is not a cluster name, and the rule that it breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a cluster name: it {rule}")]
pub struct BadClusterName {
    /// The text as given, escaped for display.
    pub name: String,
    /// The rule, as the end of a sentence that starts with "it".
    pub rule: &'static str,
}

impl ClusterName {
    /// Parses a cluster name.
    ///
    /// # Errors
    /// Names the rule that `name` breaks: empty, too long, or not an RFC 1123 label.
    pub fn new(name: &str) -> Result<Self, BadClusterName> {
        let bad = |rule| Err(BadClusterName { name: name.escape_debug().to_string(), rule });
        if name.is_empty() {
            return bad("is empty");
        }
        if name.len() > CLUSTER_NAME_LEN_MAX {
            return bad("is longer than 48 characters");
        }
        if !is_dns_label(name) {
            return bad(
                "must be lower-case letters, digits and `-`, starting and ending with a letter or digit",
            );
        }
        Ok(Self(Arc::from(name)))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for ClusterName {
    type Err = BadClusterName;
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

impl TryFrom<String> for ClusterName {
    type Error = BadClusterName;
    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(&name)
    }
}

impl From<ClusterName> for String {
    fn from(name: ClusterName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl std::borrow::Borrow<str> for ClusterName {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

/// Whether `text` is an RFC 1123 label of any length: `[a-z0-9]([-a-z0-9]*[a-z0-9])?`.
#[must_use]
pub fn is_dns_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    alphanumeric(*first)
        && alphanumeric(*last)
        && bytes.iter().all(|b| alphanumeric(*b) || *b == b'-')
}

/// Id of a git object (commit, tree or blob): 40 lower-case hexadecimal digits.
///
/// The core never talks to git, but its answers name the commits and blobs that they came from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 20]);

/// A text that is not the full id of a git object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the id of a git object (40 hexadecimal digits)")]
pub struct BadObjectId(pub String);

impl ObjectId {
    /// The id with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// The 20 bytes of the id.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// The first 10 digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string()[..10].to_owned()
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for ObjectId {
    type Err = BadObjectId;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadObjectId(text.escape_debug().to_string());
        if text.len() != 40 || !text.is_ascii() {
            return Err(bad());
        }
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| bad())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| bad())?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for ObjectId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
