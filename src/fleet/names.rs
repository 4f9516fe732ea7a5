//! Syntax of Kubernetes' names, labels and annotations, and the nearest known word to a wrong one.

use crate::api::decode::closest;
use crate::api::names::is_dns_label;

/// Longest name of most objects.
const NAME_LEN_MAX: usize = 253;
/// Longest part of a label key after its prefix, longest label value, longest namespace.
const LABEL_LEN_MAX: usize = 63;

/// Why `name` is no RFC 1123 subdomain of at most 253 characters, if so.
pub(super) fn bad_name(name: &str) -> Option<&'static str> {
    if name.len() > NAME_LEN_MAX {
        return Some("is longer than 253 characters");
    }
    // A label of a subdomain may be longer than 63 here, as Kubernetes allows it.
    if !name.split('.').all(is_dns_label) {
        return Some(
            "must be lower-case letters, digits, `-` and `.`, each part starting and ending with a letter or digit",
        );
    }
    None
}

/// Why `name` is no name of an RBAC object, if so: anything that can be one part of a URL's path.
pub(super) fn bad_path_name(name: &str) -> Option<&'static str> {
    if name.len() > NAME_LEN_MAX {
        return Some("is longer than 253 characters");
    }
    if matches!(name, "." | "..")
        || name.contains(['/', '%', '\\'])
        || name.chars().any(char::is_control)
    {
        return Some("must not be `.` or `..`, nor hold `/`, `%`, `\\` or control characters");
    }
    None
}

/// Why `namespace` is no name of a namespace, if so.
pub(super) fn bad_namespace(namespace: &str) -> Option<&'static str> {
    if namespace.len() > LABEL_LEN_MAX {
        return Some("is longer than 63 characters");
    }
    if !is_dns_label(namespace) {
        return Some(
            "must be lower-case letters, digits and `-`, starting and ending with a letter or digit",
        );
    }
    None
}

/// Why `key` is no key of an annotation, if so: one of a label whose prefix may have capitals.
pub(super) fn bad_annotation_key(key: &str) -> Option<&'static str> {
    bad_label_key(&key.to_ascii_lowercase())
}

/// Why `key` is no key of a label, if so.
pub(super) fn bad_label_key(key: &str) -> Option<&'static str> {
    let name = match key.split_once('/') {
        Some((prefix, name)) => {
            if bad_name(prefix).is_some() {
                return Some("must have a DNS name before the `/`");
            }
            name
        }
        None => key,
    };
    if name.is_empty() || name.len() > LABEL_LEN_MAX {
        return Some("must have 1 to 63 characters (after the prefix, if there is one)");
    }
    if !is_label_text(name) {
        return Some(
            "must be letters, digits, `-`, `_` and `.`, starting and ending with a letter or digit",
        );
    }
    None
}

/// Why `value` is no value of a label, if so. The empty text is one.
pub(super) fn bad_label_value(value: &str) -> Option<&'static str> {
    if value.len() > LABEL_LEN_MAX {
        return Some("is longer than 63 characters");
    }
    if !value.is_empty() && !is_label_text(value) {
        return Some(
            "must be letters, digits, `-`, `_` and `.`, starting and ending with a letter or digit",
        );
    }
    None
}

fn is_label_text(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    first.is_ascii_alphanumeric()
        && last.is_ascii_alphanumeric()
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// `did you mean …?` for a hint, or `otherwise` where nothing known is near.
pub fn did_you_mean<'k>(
    word: &str,
    known: impl Iterator<Item = &'k str>,
    otherwise: &str,
) -> String {
    closest(word, known)
        .map_or_else(|| otherwise.to_owned(), |meant| format!("did you mean `{meant}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_kubernetes() {
        for name in ["web", "a.b-c.d", "v1.metrics.k8s.io", &"a".repeat(253)] {
            assert_eq!(bad_name(name), None, "{name}");
        }
        for name in ["", "Web", "../x", "a_b", "-a", "a-", "a..b", "😀", &"a".repeat(254)] {
            assert!(bad_name(name).is_some(), "{name}");
        }
        assert_eq!(bad_path_name("system:node:Admin"), None);
        assert!(bad_path_name("a/b").is_some());
        assert_eq!(bad_label_key("app.kubernetes.io/name"), None);
        for key in ["", "/a", "a/", "a/b/c", "A/b", "a b"] {
            assert!(bad_label_key(key).is_some(), "{key}");
        }
        assert_eq!(bad_annotation_key("Example.COM/Owner"), None);
        assert!(bad_annotation_key("a b").is_some());
        assert_eq!(bad_label_value(""), None);
        assert!(bad_label_value("a b").is_some());
    }
}
