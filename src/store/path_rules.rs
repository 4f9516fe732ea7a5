//! Rules for names in a tree: what a person's clone on another system could not hold or would show
//! as something else, and what git itself must not have in a tree.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

use crate::api::problem::{Place, Problem};
use crate::fleet::is_manifest_path;

/// Whether `name` is `.git` to some file system: case-folded, with characters that HFS+ ignores, or
/// as NTFS shortens it.
pub(super) fn is_forbidden(name: &str) -> bool {
    let visible: String =
        name.chars().filter(|c| !is_ignorable(*c)).flat_map(char::to_lowercase).collect();
    let trimmed = visible.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    trimmed == ".git" || trimmed == "git~1"
}

/// Whether a terminal or another file system would show `name` as something else.
pub(super) fn has_bad_chars(name: &str) -> bool {
    name.chars().any(|c| c.is_control() || is_ignorable(c) || is_bidi(c) || c == '\\')
}

/// `name` with every character spelled out that [`has_bad_chars`] minds.
pub(super) fn escaped(name: &str) -> String {
    name.chars()
        .flat_map(|c| {
            let hide = c.is_control() || is_ignorable(c) || is_bidi(c);
            let spelled: String = if hide { c.escape_default().collect() } else { c.into() };
            spelled.chars().collect::<Vec<_>>()
        })
        .collect()
}

/// Characters without a shape.
fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

/// Characters that turn the direction of what follows.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The names of one directory as file systems that fold them see them.
#[derive(Default)]
pub(super) struct Fold {
    seen: HashMap<String, String>,
}

impl Fold {
    /// Takes in `name`; a Problem when an earlier name folds to the same.
    pub(super) fn collision(&mut self, path: &str, name: &str, place: Place) -> Option<Problem> {
        let composed: String = name.nfc().collect();
        let folded: String = composed.to_lowercase();
        let earlier = self.seen.insert(folded, name.to_owned())?;
        let earlier_composed: String = earlier.nfc().collect();
        let (code, message) = if earlier_composed == composed {
            ("PATH_UNICODE_COLLISION", "two names differ only in how their accents are written")
        } else {
            ("PATH_CASE_COLLISION", "two names differ only in upper and lower case")
        };
        let file = if path.is_empty() { earlier } else { format!("{path}/{earlier}") };
        Some(
            Problem::error(
                place,
                code,
                message,
                "rename one: a clone on macOS or Windows sees only one of them",
            )
            .related_to(Place { file: escaped(&file).into(), ..Place::default() }),
        )
    }
}

pub(super) fn forbidden(place: Place) -> Problem {
    Problem::error(
        place,
        "TREE_FORBIDDEN_NAME",
        "the tree holds a name that some file system takes for `.git`",
        "remove it: no well-behaved git program adds it",
    )
}

pub(super) fn bad_chars(place: Place) -> Problem {
    Problem::error(
        place,
        "PATH_BAD_CHARS",
        "the name holds control, invisible or direction-changing characters, a backslash, or is not UTF-8",
        "rename it with plain letters",
    )
}

pub(super) fn too_long(place: Place, actual: usize, limit: usize) -> Problem {
    let mut place = place;
    let cut: String = place.file.chars().take(120).chain(['…']).collect();
    place.file = cut.into();
    Problem::error(
        place,
        "PATH_TOO_LONG",
        format!("the path has {actual} bytes, the limit is {limit}"),
        "use shorter names or fewer levels",
    )
}

pub(super) fn too_deep(place: Place, limit: usize) -> Problem {
    Problem::error(
        place,
        "PATH_TOO_DEEP",
        format!("the directory is more than {limit} levels deep"),
        "use fewer levels",
    )
}

/// A symlink that may stand for manifests is an error, any other a warning.
pub(super) fn symlink(place: Place, name: &str) -> Problem {
    let make = if is_manifest_path(name) || !name.contains('.') {
        Problem::error
    } else {
        Problem::warning
    };
    make(
        place,
        "PATH_SYMLINK",
        "symlinks are not followed".to_owned(),
        "copy the file, or leave the link out with `paths` in fleet.yaml".to_owned(),
    )
}

pub(super) fn submodule(place: Place) -> Problem {
    Problem::error(
        place,
        "PATH_SUBMODULE",
        "submodules are not supported",
        "copy the files, or leave the submodule out with `paths` in fleet.yaml",
    )
}

/// A warning when a `.gitattributes` asks for what has no effect here.
pub(super) fn attributes(place: Place, text: &[u8]) -> Option<Problem> {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().position(|line| {
        !line.trim_start().starts_with('#')
            && ["filter=", "working-tree-encoding=", " ident"].iter().any(|a| line.contains(a))
    })?;
    let place = Place { line: u32::try_from(line + 1).unwrap_or(u32::MAX), ..place };
    Some(Problem::warning(
        place,
        "ATTR_IGNORED",
        "filters and encodings have no effect here: files are read as they are committed",
        "commit files as the clusters are to see them",
    ))
}

pub(super) fn limit(place: Place, code: &'static str, message: String, hint: &str) -> Problem {
    Problem::error(place, code, message, hint)
}
