//! Syntax of Kubernetes' names, labels and annotations, and the nearest known word to a wrong one.

use crate::api::decode::closest;
use crate::api::names::is_dns_label;

/// Longest name of most objects.
const NAME_LEN_MAX: usize = 253;
/// Longest part of a label key after its prefix, longest label value, longest namespace.
const LABEL_LEN_MAX: usize = 63;
/// Longest name of a port.
const PORT_NAME_LEN_MAX: usize = 15;

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
    if bad_path_segment(name).is_some() || name.contains('\\') || name.chars().any(char::is_control)
    {
        return Some("must not be `.` or `..`, nor hold `/`, `%`, `\\` or control characters");
    }
    None
}

/// Why `name` is no name that can be one part of a URL's path, as references need it, if so.
pub(super) fn bad_path_segment(name: &str) -> Option<&'static str> {
    (matches!(name, "." | "..") || name.contains(['/', '%']))
        .then_some("must not be `.` or `..`, nor hold `/` or `%`")
}

/// Why `name` is no name of a Service (RFC 1035 label), if so.
pub(super) fn bad_service_name(name: &str) -> Option<&'static str> {
    if name.len() > LABEL_LEN_MAX {
        return Some("is longer than 63 characters");
    }
    if !is_dns_label(name) || !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Some(
            "must be lower-case letters, digits and `-`, starting with a letter and ending with a letter or digit",
        );
    }
    None
}

/// Why `host` is no host of an Ingress, if so: a domain, of which the first part may be `*`.
pub(super) fn bad_host(host: &str) -> Option<&'static str> {
    if host.len() > NAME_LEN_MAX {
        return Some("is longer than 253 characters");
    }
    if host.contains('*') {
        return match host.strip_prefix("*.") {
            Some(domain) if bad_name(domain).is_none() => None,
            _ => Some("may have `*` for its first part only, with a domain after it"),
        };
    }
    bad_name(host)
}

/// Whether `host` is an IPv4 address, zeros before its numbers allowed.
pub(super) fn is_ipv4(host: &str) -> bool {
    let is_byte = |part: &str| {
        let is_number = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let digits = part.trim_start_matches('0');
        is_number && (digits.is_empty() || digits.parse::<u8>().is_ok())
    };
    host.split('.').count() == 4 && host.split('.').all(is_byte)
}

/// Why `name` is no name of a port, if so.
pub(super) fn bad_port_name(name: &str) -> Option<&'static str> {
    if name.len() > PORT_NAME_LEN_MAX {
        return Some("is longer than 15 characters");
    }
    if !is_dns_label(name)
        || name.contains("--")
        || !name.contains(|c: char| c.is_ascii_lowercase())
    {
        return Some(
            "must be lower-case letters, at least one, digits and single `-`, starting and ending with a letter or digit",
        );
    }
    None
}

/// Why `name` is no RFC 1123 label, as namespaces, containers and ports of a Service need it, if so.
pub(super) fn bad_dns_label(name: &str) -> Option<&'static str> {
    if name.len() > LABEL_LEN_MAX {
        return Some("is longer than 63 characters");
    }
    if !is_dns_label(name) {
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
        assert!(bad_path_name("a\\b").is_some());
        assert_eq!(bad_path_segment("Any Kind"), None);
        for name in [".", "..", "a/b", "a%2fb"] {
            assert!(bad_path_segment(name).is_some(), "{name}");
        }
        assert_eq!(bad_label_key("app.kubernetes.io/name"), None);
        for key in ["", "/a", "a/", "a/b/c", "A/b", "a b"] {
            assert!(bad_label_key(key).is_some(), "{key}");
        }
        assert_eq!(bad_annotation_key("Example.COM/Owner"), None);
        assert!(bad_annotation_key("a b").is_some());
        assert_eq!(bad_label_value(""), None);
        assert!(bad_label_value("a b").is_some());
    }

    #[test]
    fn hosts_and_ports_follow_kubernetes() {
        for host in ["a.example.com", "*.example.com", "localhost", "1.2.3", &"a".repeat(253)] {
            assert_eq!(bad_host(host), None, "{host}");
        }
        for host in ["", "*", "*.", "a.*.com", "*a.com", "Bad Host", "::1", &"a".repeat(254)] {
            assert!(bad_host(host).is_some(), "{host}");
        }
        assert!(bad_host(&format!("*.{}", "a".repeat(252))).is_some());
        for host in ["1.2.3.4", "010.0.0.255"] {
            assert!(is_ipv4(host), "{host}");
        }
        for host in ["1.2.3", "1.2.3.256", "1.2.3.4.5", "1.2..4", "1.2.3.+4", "a.b.c.d"] {
            assert!(!is_ipv4(host), "{host}");
        }
        for name in ["http", "h2-c", "8a", "a"] {
            assert_eq!(bad_port_name(name), None, "{name}");
        }
        for name in ["", "80", "a--b", "-a", "a-", "HTTP", "a-name-too-long-"] {
            assert!(bad_port_name(name).is_some(), "{name}");
        }
        assert_eq!(bad_service_name("web-1"), None);
        for name in ["", "1web", "web-", "a.b", &"a".repeat(64)] {
            assert!(bad_service_name(name).is_some(), "{name}");
        }
    }
}
