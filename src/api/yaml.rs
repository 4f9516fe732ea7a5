//! Writes YAML: every machine-owned file goes through [`to_bytes`].

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The YAML of `value`: block style, two spaces, keys in the order of the type (sorted for
/// manifests), one newline at the end.
///
/// Equal values give equal bytes. Text that a YAML 1.1 reader such as `kubectl` would take for
/// something else (`yes`, `1e3`, `0o7`, `2026-01-01`, …) is quoted.
///
/// # Panics
/// If `value` does not serialize: our own types and JSON values always do.
#[must_use]
pub fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: true };
    let mut text = String::new();
    serde_saphyr::to_fmt_writer_with_options(&mut text, &value, options)
        .expect("our own types and JSON values have a YAML form");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.into_bytes()
}

/// Reads text that came out of a checked file or that we wrote ourselves; what people push is read
/// by `fleet`, which says where it is wrong.
///
/// # Errors
/// The text is not YAML, or not of this type.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, BadYaml> {
    serde_saphyr::from_str(text).map_err(|error| BadYaml(error.to_string()))
}

/// A text that is not the YAML that it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadYaml(String);
