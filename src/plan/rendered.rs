//! A file of a machine-owned tree: its bytes and the id that git gives them.

use std::sync::Arc;

use serde::Serialize;
use sha1::{Digest, Sha1};

use crate::api::names::ObjectId;

/// A file as it will stand in git.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedFile {
    /// Its content.
    pub bytes: Vec<u8>,
    /// Id of the blob with that content.
    pub id: ObjectId,
}

impl RenderedFile {
    /// The file with this content.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        let id = blob_id(&bytes);
        Self { bytes, id }
    }

    /// `value` as YAML.
    #[must_use]
    pub fn yaml(value: &impl Serialize) -> Arc<Self> {
        Arc::new(Self::new(crate::api::yaml::to_bytes(value)))
    }
}

/// The id that git gives a blob: SHA-1 of `blob <length>\0` and the bytes.
#[must_use]
pub fn blob_id(bytes: &[u8]) -> ObjectId {
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", bytes.len()));
    hash.update(bytes);
    ObjectId::from_bytes(hash.finalize().into())
}

/// An id in the shape of a UUID that depends on `parts` alone, for fields where an API server would
/// have drawn a random one.
#[must_use]
pub fn stable_uid(parts: &[&str]) -> String {
    let mut hash = Sha1::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    let mut bytes: [u8; 20] = hash.finalize().into();
    // Version 5 (named by a hash) and the variant of RFC 9562.
    bytes[6] = (bytes[6] & 0x0f) | 0x50;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = ObjectId::from_bytes(bytes).to_string();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_has_the_id_that_git_gives_it() {
        assert_eq!(blob_id(b"").to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(blob_id(b"hello\n").to_string(), "ce013625030ba8dba906f756967f9e9ca394464a");
    }

    #[test]
    fn a_stable_uid_has_the_shape_of_a_uuid() {
        let uid = stable_uid(&["Deployment.apps", "web", "shop"]);
        assert_eq!(uid, stable_uid(&["Deployment.apps", "web", "shop"]));
        assert_ne!(uid, stable_uid(&["Deployment.apps", "webs", "hop"]));
        assert_eq!(uid.len(), 36);
        assert_eq!(uid.as_bytes()[14], b'5');
    }
}
