//! Bytes of a file become text, or the Problem says what they are instead.

use super::positions::Position;
use super::report::Report;

/// Longest line, in bytes. No object of that size would be accepted by an API server. (Lists in one
/// line of JSON are longer, so `.json` files have no such limit.)
const LINE_MAX: usize = 2 << 20;

/// The text of a manifest; `None` if there is none, with a Problem that says why.
pub(super) fn read<'b>(bytes: &'b [u8], is_json: bool, report: &mut Report<'_>) -> Option<&'b str> {
    if bytes.starts_with(b"version https://git-lfs.github.com/spec/") {
        report.error(
            Position { line: 1, column: 1 },
            "LFS_POINTER",
            "this is a pointer of Git LFS, not the file itself",
            "commit the file itself: take its path out of .gitattributes and add it again",
        );
        return None;
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        encoding(report, Position { line: 1, column: 1 }, "the file is UTF-16");
        return None;
    }
    let bytes = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => {
            report.warning(
                Position { line: 1, column: 1 },
                "ENCODING",
                "the file starts with a byte-order mark, which is left out",
                "save the file as UTF-8 without a byte-order mark",
            );
            rest
        }
        None => bytes,
    };
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = position(bytes, error.valid_up_to());
            encoding(
                report,
                at,
                &format!("the byte 0x{:02x} here is not UTF-8", bytes[error.valid_up_to()]),
            );
            return None;
        }
    };
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        encoding(report, position(bytes, at), "the file holds a NUL byte here");
        return None;
    }
    if let Some(line) = conflict_marker(text) {
        report.error(
            Position { line, column: 1 },
            "MERGE_CONFLICT_MARKERS",
            "the file holds conflict markers of an unfinished merge",
            "finish the merge: keep one side and remove the lines `<<<<<<<`, `=======` and `>>>>>>>`",
        );
        return None;
    }
    if !is_json && let Some(line) = long_line(text) {
        report.error(
            Position { line, column: 1 },
            "LIMIT_LINE",
            "this line is longer than 2 MiB",
            "break it up; if the file is JSON, let its name end in .json",
        );
        return None;
    }
    Some(text)
}

fn encoding(report: &mut Report<'_>, at: Position, message: &str) {
    report.error(at, "ENCODING", message, "save the file as UTF-8");
}

fn position(bytes: &[u8], at: usize) -> Position {
    let before = &bytes[..at];
    let line = before.split(|byte| *byte == b'\n').count();
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
    Position { line: line as u32, column: column as u32 }
}

/// The first line that git wrote into an unfinished merge. Text inside a block of YAML is indented,
/// so a marker at the start of a line is git's.
fn conflict_marker(text: &str) -> Option<u32> {
    if !text.contains("<<<<<<<") && !text.contains(">>>>>>>") {
        return None;
    }
    let is_marker = |line: &str| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ");
    text.lines().position(is_marker).map(|idx| idx as u32 + 1)
}

fn long_line(text: &str) -> Option<u32> {
    if text.len() <= LINE_MAX {
        return None;
    }
    text.lines().position(|line| line.len() > LINE_MAX).map(|idx| idx as u32 + 1)
}
