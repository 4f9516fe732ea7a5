//! The parts of an image reference: `[registry/]repository[:tag|@digest]`.

/// An image reference taken apart. Nothing is normalized: `nginx` stays `nginx`.
///
/// A reference with a tag and a digest keeps the tag alone, as Karmada does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ImageName {
    /// First segment, if it looks like a host: has a `.` or `:` in it, or is `localhost`.
    pub(super) registry: String,
    /// The rest of the path.
    pub(super) repository: String,
    /// Tag, exclusive with the digest.
    pub(super) tag: String,
    /// Digest with its algorithm.
    pub(super) digest: String,
}

/// Longest path of a repository.
const REPOSITORY_LEN_MAX: usize = 255;
const TAG_LEN_MAX: usize = 128;

impl ImageName {
    /// Takes `text` apart; the error is the end of a sentence that starts with the image.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let bad = |rule: &str| Err(format!("`{text}` is not an image: {rule}"));
        let (rest, digest) =
            text.split_once('@').map_or((text, ""), |(rest, digest)| (rest, digest));
        let last_segment = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[last_segment..].rfind(':') {
            Some(colon) => (&rest[..last_segment + colon], Some(&rest[last_segment + colon + 1..])),
            None => (rest, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return bad("its tag is not one");
        }
        if text.contains('@') && !is_known_digest(digest) {
            return bad("its digest is not one");
        }
        if !is_name(name) {
            return bad("its name breaks the grammar of image references");
        }
        let (registry, repository) = split_registry(name);
        let (tag, digest) = match tag {
            Some(tag) => (tag.to_owned(), String::new()),
            None => (String::new(), digest.to_owned()),
        };
        Ok(Self { registry: registry.to_owned(), repository: repository.to_owned(), tag, digest })
    }

    /// Sets what `text` is: a tag, else a digest; a text that is neither changes nothing.
    pub(super) fn set_tag_or_digest(&mut self, text: &str) {
        if is_tag(text) {
            text.clone_into(&mut self.tag);
            self.digest.clear();
        } else if is_digest(text) {
            text.clone_into(&mut self.digest);
            self.tag.clear();
        }
    }

    /// The tag, or else the digest.
    pub(super) fn tag_or_digest(&self) -> &str {
        if self.tag.is_empty() { &self.digest } else { &self.tag }
    }

    /// Drops the tag, or else the digest.
    pub(super) fn remove_tag_or_digest(&mut self) {
        if self.tag.is_empty() { self.digest.clear() } else { self.tag.clear() }
    }
}

impl std::fmt::Display for ImageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.registry.is_empty() {
            write!(f, "{}/", self.registry)?;
        }
        f.write_str(&self.repository)?;
        if !self.tag.is_empty() {
            write!(f, ":{}", self.tag)
        } else if !self.digest.is_empty() {
            write!(f, "@{}", self.digest)
        } else {
            Ok(())
        }
    }
}

fn split_registry(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest),
        Some(_) | None => ("", name),
    }
}

/// `[domain/]component[/component…]`
fn is_name(name: &str) -> bool {
    let is_path = |path: &str| path.split('/').all(is_path_component);
    let short = |path: &str| path.len() <= REPOSITORY_LEN_MAX;
    (is_path(name) && short(name))
        || name
            .split_once('/')
            .is_some_and(|(host, path)| is_domain(host) && is_path(path) && short(path))
}

/// Runs of `[a-z0-9]` held together by one `.`, one or two `_`, or any number of `-`.
fn is_path_component(text: &str) -> bool {
    let mut rest = text;
    loop {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if after.len() == rest.len() {
            return false;
        }
        if after.is_empty() {
            return true;
        }
        let dashes = after.len() - after.trim_start_matches('-').len();
        rest = match after {
            _ if dashes > 0 => &after[dashes..],
            _ if after.starts_with("__") => &after[2..],
            _ if after.starts_with(['.', '_']) => &after[1..],
            _ => return false,
        };
    }
}

/// A host with an optional port: dot-separated labels, or an IPv6 address in brackets.
fn is_domain(text: &str) -> bool {
    let (host, port) = if let Some(bracketed) = text.strip_prefix('[') {
        let Some((address, after)) = bracketed.split_once(']') else { return false };
        let is_address =
            !address.is_empty() && address.chars().all(|c| c.is_ascii_hexdigit() || c == ':');
        if !is_address {
            return false;
        }
        match after.strip_prefix(':') {
            Some(port) => return is_port(port),
            None => return after.is_empty(),
        }
    } else {
        text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)))
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(is_label) && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())
}

/// `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`
fn is_tag(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= TAG_LEN_MAX
        && text.starts_with(is_word)
        && text.chars().all(|c| is_word(c) || c == '.' || c == '-')
}

/// `algorithm:hex` with at least 32 digits, of any algorithm that is spelled right.
fn is_digest(text: &str) -> bool {
    let Some((algorithm, hex)) = text.split_once(':') else { return false };
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.chars().all(|c| c.is_ascii_alphanumeric())
    };
    algorithm.split(['-', '_', '+', '.']).all(is_part)
        && hex.len() >= 32
        && hex.chars().all(|c| c.is_ascii_hexdigit())
}

/// A digest of an algorithm that registries know, of the right length, in lower case.
fn is_known_digest(text: &str) -> bool {
    let n_digits = match text.split_once(':').map(|(algorithm, _)| algorithm) {
        Some("sha256") => 64,
        Some("sha384") => 96,
        Some("sha512") => 128,
        Some(_) | None => return false,
    };
    let hex = &text["sha256:".len()..];
    hex.len() == n_digits && hex.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_together() {
        for text in [
            "nginx",
            "nginx:1.25",
            "localhost:5000/app:latest",
            "gcr.io/my-proj/app/server:v1.2.3",
            "MyRegistry/app",
            "a__b/c--d:x",
        ] {
            assert_eq!(ImageName::parse(text).unwrap().to_string(), text);
        }
        let image = ImageName::parse("reg.example.com:8443/team/app:v1").unwrap();
        assert_eq!((image.registry.as_str(), image.tag.as_str()), ("reg.example.com:8443", "v1"));
    }

    #[test]
    fn what_is_no_image_is_refused() {
        for text in
            ["", "UPPER/Case:tag", "a:b:c", "bad image", "/sub:1", ".cn/x", "gcr.io/-debug:v1"]
        {
            assert!(ImageName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_tag_takes_the_place_of_a_digest() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let mut image = ImageName::parse(&format!("app@{digest}")).unwrap();
        image.set_tag_or_digest("v2");
        assert_eq!(image.to_string(), "app:v2");
        assert_eq!(ImageName::parse(&format!("app:v1@{digest}")).unwrap().to_string(), "app:v1");
    }
}
