//! Git's tree objects as bytes: read and written here, so that a malformed one is named and a
//! well-formed one costs no more than its bytes.

use std::cmp::Ordering;

use crate::api::names::ObjectId;

/// What a row of a tree points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    File,
    Executable,
    Directory,
    Symlink,
    Submodule,
}

impl Mode {
    fn parse(digits: &[u8]) -> Option<Self> {
        Some(match digits {
            // Old versions of git wrote group-writable files.
            b"100644" | b"100664" => Self::File,
            b"100755" => Self::Executable,
            b"40000" | b"040000" => Self::Directory,
            b"120000" => Self::Symlink,
            b"160000" => Self::Submodule,
            _ => return None,
        })
    }

    fn digits(self) -> &'static [u8] {
        match self {
            Self::File => b"100644",
            Self::Executable => b"100755",
            Self::Directory => b"40000",
            Self::Symlink => b"120000",
            Self::Submodule => b"160000",
        }
    }
}

/// One row of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) mode: Mode,
    pub(super) name: Vec<u8>,
    pub(super) id: ObjectId,
}

/// Reads the rows of a tree; `Err` says what is malformed.
pub(super) fn parse(mut bytes: &[u8]) -> Result<Vec<Row>, &'static str> {
    let mut rows: Vec<Row> = Vec::with_capacity(bytes.len() / 40);
    while !bytes.is_empty() {
        let space = bytes.iter().position(|b| *b == b' ').ok_or("a row has no mode")?;
        let mode = Mode::parse(&bytes[..space]).ok_or("a row has an unknown mode")?;
        bytes = &bytes[space + 1..];
        let nul = bytes.iter().position(|b| *b == 0).ok_or("a row has no end")?;
        let name = bytes[..nul].to_vec();
        bytes = &bytes[nul + 1..];
        if name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') {
            return Err("a row's name is empty, `.`, `..` or holds a `/`");
        }
        let (id, rest) = bytes.split_first_chunk::<20>().ok_or("a row is cut short")?;
        bytes = rest;
        let row = Row { mode, name, id: ObjectId::from_bytes(*id) };
        if rows.last().is_some_and(|last| order(last, &row).is_ge()) {
            return Err("rows are not in order, or one name stands twice");
        }
        rows.push(row);
    }
    Ok(rows)
}

/// The bytes of a tree with these rows, in any order.
pub(super) fn render(mut rows: Vec<Row>) -> Vec<u8> {
    rows.sort_by(order);
    let mut bytes = Vec::with_capacity(rows.len() * 48);
    for row in &rows {
        bytes.extend_from_slice(row.mode.digits());
        bytes.push(b' ');
        bytes.extend_from_slice(&row.name);
        bytes.push(0);
        bytes.extend_from_slice(row.id.as_bytes());
    }
    bytes
}

/// Git's order: by name, a directory as if its name ended with `/`.
fn order(a: &Row, b: &Row) -> Ordering {
    let key = |row: &Row| (row.mode == Mode::Directory).then_some(b'/');
    let ends = (key(a), key(b));
    a.name.iter().copied().chain(ends.0).cmp(b.name.iter().copied().chain(ends.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(mode: Mode, name: &str) -> Row {
        Row { mode, name: name.into(), id: ObjectId::from_bytes([7; 20]) }
    }

    #[test]
    fn rows_survive_the_round_trip_in_gits_order() {
        let rows =
            vec![row(Mode::Directory, "a"), row(Mode::File, "a.b"), row(Mode::Executable, "a-b")];
        let bytes = render(rows);
        let names: Vec<_> = parse(&bytes).unwrap().into_iter().map(|row| row.name).collect();
        assert_eq!(names, [b"a-b".to_vec(), b"a.b".to_vec(), b"a".to_vec()]);
    }

    #[test]
    fn malformed_trees_are_refused() {
        for bytes in [
            &b"100644 a"[..],
            b"100644 a\0short",
            b"100644 \0aaaaaaaaaaaaaaaaaaaa",
            b"100644 ..\0aaaaaaaaaaaaaaaaaaaa",
            b"100644 a/b\0aaaaaaaaaaaaaaaaaaaa",
            b"999999 a\0aaaaaaaaaaaaaaaaaaaa",
            b"100644 b\0aaaaaaaaaaaaaaaaaaaa100644 a\0aaaaaaaaaaaaaaaaaaaa",
            b"100644 a\0aaaaaaaaaaaaaaaaaaaa100644 a\0aaaaaaaaaaaaaaaaaaaa",
        ] {
            assert!(parse(bytes).is_err(), "{}", bytes.escape_ascii());
        }
    }
}
