//! YAML text becomes documents with positions.
//!
//! This drives the event parser below `serde-saphyr` by itself: each event has its place, so a
//! duplicate key, a tag, an alias bomb or a word of YAML 1.1 is told with line and column, and every
//! field keeps its position for the checks that follow. Nothing here recurses.

use std::ops::ControlFlow;

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Tag};
use serde_json::{Number, Value};

use super::positions::Position;
use super::report::{Report, shown};
use super::scalar::{Plain, plain};
use super::tree::{Builder, Reading, Stop, Tree, too_deep};

/// Most documents in one file, empty ones included.
const DOCUMENTS_MAX: usize = 10_000;

/// Reads every document of `text`; empty ones are left out.
///
/// Stops at the first thing after which the rest cannot be told: the documents before it are kept.
pub(super) fn read(text: &str, report: &mut Report<'_>) -> Vec<Tree> {
    let mut trees = Vec::new();
    drive(text, Builder::new(report), |tree| {
        trees.extend(tree.filter(|tree| !tree.value.is_null()));
        ControlFlow::Continue(())
    });
    trees
}

/// Reads the first document of `text` by the rules of Kubernetes' own reader; what comes after it is not
/// looked at. `Null` if there is none; of no meaning if the report has an error afterwards.
pub(super) fn read_first(text: &str, report: &mut Report<'_>) -> Value {
    let mut builder = Builder::new(report);
    builder.reading = Reading::Kubernetes;
    let mut first = Value::Null;
    drive(text, builder, |tree| {
        first = tree.map(|tree| tree.value).unwrap_or_default();
        ControlFlow::Break(())
    });
    first
}

/// Hands on one document after the other, as long as that is wanted and the rest can be told; `None` for
/// one that holds nothing.
fn drive(
    text: &str,
    mut builder: Builder<'_, '_>,
    mut document: impl FnMut(Option<Tree>) -> ControlFlow<()>,
) {
    let options = granit_parser::options! { emit_comments: false, simple_key_max_lookahead: 4096 };
    let mut n_documents = 0;
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = match next {
            Ok(next) => next,
            Err(error) => {
                syntax(builder.report, text, &error);
                break;
            }
        };
        if let Event::DocumentStart(..) = event {
            n_documents += 1;
            if n_documents > DOCUMENTS_MAX {
                builder.report.error(
                    position(&span.start),
                    "LIMIT_DOCUMENTS",
                    format!("the file holds more than {DOCUMENTS_MAX} documents"),
                    "spread the objects over several files",
                );
                break;
            }
        }
        let at = position(&span.start);
        match take(&mut builder, event, at, span.slice(text).unwrap_or_default()) {
            Ok(true) if document(builder.finish()).is_break() => break,
            Ok(_) => {}
            Err(Stop) => break,
        }
    }
}

/// Takes one event; true at the end of a document. `source` is the text of the event.
fn take(
    builder: &mut Builder<'_, '_>,
    event: Event<'_>,
    at: Position,
    source: &str,
) -> Result<bool, Stop> {
    match event {
        Event::Scalar(text, style, anchor, tag) => {
            let is_plain = style == ScalarStyle::Plain;
            let kind = tag_kind(builder, tag.as_deref(), at);
            if builder.expects_key() {
                key(builder, text.into_owned(), is_plain && kind == TagKind::None, at);
                return Ok(false);
            }
            let value = match kind {
                TagKind::None if is_plain && builder.reading == Reading::Kubernetes => {
                    as_kubernetes(builder.report, text.into_owned(), at)
                }
                TagKind::None if is_plain => unquoted(builder.report, text.into_owned(), at),
                _ => Value::String(text.into_owned()),
            };
            builder.scalar(value, at, anchor);
        }
        Event::MappingStart(_, anchor, tag) => {
            tag_kind(builder, tag.as_deref(), at);
            refuse_key(builder, at, source)?;
            builder.open_map(at, anchor)?;
        }
        Event::SequenceStart(_, anchor, tag) => {
            tag_kind(builder, tag.as_deref(), at);
            refuse_key(builder, at, source)?;
            builder.open_list(at, anchor)?;
        }
        Event::MappingEnd | Event::SequenceEnd => builder.close(),
        Event::Alias(anchor) => {
            refuse_key(builder, at, source)?;
            builder.alias(anchor, at)?;
        }
        Event::DocumentEnd => return Ok(true),
        _ => {}
    }
    Ok(false)
}

fn key(builder: &mut Builder<'_, '_>, key: String, is_plain: bool, at: Position) {
    if is_plain && builder.reading == Reading::Kubernetes {
        if key == "<<" {
            return builder.merge_key(at);
        }
        return match as_kubernetes(builder.report, key, at) {
            Value::String(key) => builder.key(key, at),
            Value::Null => {
                builder.report.error(
                    at,
                    "YAML_KEY_TYPE",
                    "this key is empty or null; keys are text",
                    "put the key in quotes",
                );
                builder.key(String::new(), at);
            }
            other => builder.key(other.to_string(), at),
        };
    }
    if is_plain {
        if key == "<<" {
            builder.report.error(
                at,
                "YAML_MERGE_KEY",
                "the merge key `<<` is not read",
                "write the fields out where they belong",
            );
        } else {
            match plain(&key) {
                Plain::Text => {}
                Plain::Ambiguous(_) => builder.report.error(
                    at,
                    "YAML_AMBIGUOUS",
                    format!(
                        "the key `{}` is a boolean or a number in YAML 1.1 and text in YAML 1.2",
                        shown(&key)
                    ),
                    "put the key in quotes",
                ),
                _ => builder.report.error(
                    at,
                    "YAML_KEY_TYPE",
                    if key.is_empty() {
                        "this key is empty; keys are text".to_owned()
                    } else {
                        format!("the key `{}` is not text", shown(&key))
                    },
                    "put the key in quotes",
                ),
            }
        }
    }
    builder.key(key, at);
}

/// Stops where a map, a list or an alias is used as a key.
fn refuse_key(builder: &mut Builder<'_, '_>, at: Position, source: &str) -> Result<(), Stop> {
    if !builder.expects_key() {
        return Ok(());
    }
    if source.starts_with('{') {
        template(builder.report, at);
    } else {
        builder.report.error(
            at,
            "YAML_KEY_TYPE",
            "a map, a list or an alias is used as a key",
            "keys are text: write the key out, in quotes if needed",
        );
    }
    Err(Stop)
}

/// An unquoted scalar as Kubernetes' own reader takes it, which follows YAML 1.1.
fn as_kubernetes(report: &mut Report<'_>, text: String, at: Position) -> Value {
    match plain(&text) {
        Plain::Value(value) => value,
        Plain::Text => Value::String(text),
        Plain::AsKubernetes(number) | Plain::IntPrecision(number) => Value::Number(number),
        Plain::Ambiguous(meant) => as_kubernetes(report, meant, at),
        Plain::IntRange => match text.parse::<f64>().ok().and_then(Number::from_f64) {
            Some(number) => Value::Number(number),
            None => Value::String(text),
        },
        Plain::FloatRange => not_finite(report, text, at),
    }
}

fn unquoted(report: &mut Report<'_>, text: String, at: Position) -> Value {
    match plain(&text) {
        Plain::Value(value) => value,
        Plain::Text => Value::String(text),
        Plain::AsKubernetes(number) => {
            report.warning(
                at,
                "YAML_AMBIGUOUS",
                format!(
                    "{} is read as {}, as Kubernetes does",
                    report.quoted(&text),
                    report.told(format_args!("the number {number}"), "a number")
                ),
                format!(
                    "write {}, or put it in quotes if text is meant",
                    report.told(&number, "what is meant")
                ),
            );
            Value::Number(number)
        }
        Plain::Ambiguous(instead) => {
            report.error(
                at,
                "YAML_AMBIGUOUS",
                format!(
                    "{} is {} in YAML 1.1 and text in YAML 1.2",
                    report.quoted(&text),
                    report.told(&instead, "no text")
                ),
                format!(
                    "write {}, or put it in quotes if text is meant",
                    report.told(&instead, "what is meant")
                ),
            );
            Value::String(text)
        }
        Plain::IntRange => {
            report.error(
                at,
                "INT_RANGE",
                format!("the integer {} does not fit in 64 bits", report.told(&text, "here")),
                "write a number up to 9223372036854775807, or put it in quotes if text is meant",
            );
            Value::String(text)
        }
        Plain::IntPrecision(number) => {
            report.warning(
                at,
                "INT_PRECISION",
                format!("the integer {} is above 2^53: programs that read JSON numbers as floats change it", report.told(&number, "here")),
                "use a number up to 9007199254740992, or put it in quotes if text is meant",
            );
            Value::Number(number)
        }
        Plain::FloatRange => not_finite(report, text, at),
    }
}

fn not_finite(report: &mut Report<'_>, text: String, at: Position) -> Value {
    report.error(
        at,
        "FLOAT_RANGE",
        format!("{} is not a finite number", report.quoted(&text)),
        "write a finite number, or put it in quotes if text is meant",
    );
    Value::String(text)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TagKind {
    None,
    /// `!!str`: the characters are text. Any tag that is refused is read so, too.
    Text,
}

/// What a tag asks for. `!!str`, `!!map` and `!!seq` say what is there anyway; others are refused, but
/// by Kubernetes' own reader only those of data in another form.
fn tag_kind(builder: &mut Builder<'_, '_>, tag: Option<&Tag>, at: Position) -> TagKind {
    let Some(tag) = tag else { return TagKind::None };
    let is_kubernetes = builder.reading == Reading::Kubernetes;
    match tag.core_suffix() {
        Some("str" | "map" | "seq") => {}
        Some("int" | "float" | "bool" | "null") if is_kubernetes => return TagKind::None,
        None if is_kubernetes => {}
        _ => builder.report.error(
            at,
            "YAML_TAG",
            format!("the tag `{}` is not read", shown(&tag.original())),
            "remove the tag and write the value itself",
        ),
    }
    TagKind::Text
}

fn template(report: &mut Report<'_>, at: Position) {
    report.error(
        at,
        "UNRENDERED_TEMPLATE",
        "the file holds template text (`{{ … }}`): it is the source of a manifest, not a manifest",
        "commit what your template tool renders, or exclude the path in fleet.yaml",
    );
}

/// Says why the text is not YAML.
fn syntax(report: &mut Report<'_>, text: &str, error: &ScanError) {
    let at = position(error.marker());
    let line = text.lines().nth(at.line.saturating_sub(1) as usize).unwrap_or_default();
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => too_deep(report, at),
        ErrorKind::UnknownAnchor => report.error(
            at,
            "YAML_ALIASES",
            "this alias names an anchor that the document does not define before it",
            "write the value out",
        ),
        ErrorKind::MissingLowSurrogate
        | ErrorKind::InvalidLowSurrogate
        | ErrorKind::UnpairedLowSurrogate
        | ErrorKind::InvalidUnicodeEscape => report.error(
            at,
            "ENCODING",
            "this escape is half of a surrogate pair or no Unicode character",
            "write the character itself in UTF-8",
        ),
        ErrorKind::UndeclaredTagHandle => report.error(
            at,
            "YAML_TAG",
            "this tag is not read",
            "remove the tag and write the value itself",
        ),
        _ if has_template_text(text, at.line) => template(report, at),
        kind => {
            let near = masked(line);
            let near = if near.is_empty() { near } else { format!(" (near `{near}`)") };
            let tabs = line.starts_with('\t')
                || matches!(
                    kind,
                    ErrorKind::TabNotAllowed
                        | ErrorKind::TabInBlockIndentation
                        | ErrorKind::TabInIndentation
                        | ErrorKind::TabAtBlockScalarStart
                        | ErrorKind::TabInPlainScalar
                );
            report.error(
                at,
                "YAML_SYNTAX",
                format!("not YAML: {kind}{near}"),
                if tabs {
                    "indent with spaces: YAML does not allow tabs"
                } else {
                    "check the indentation, the quotes and the brackets here and in the lines above"
                },
            );
        }
    }
}

/// Whether the broken line, or one of the three above it, holds template text.
fn has_template_text(text: &str, line: u32) -> bool {
    let last = line as usize;
    text.lines().take(last).skip(last.saturating_sub(4)).any(|line| line.contains("{{"))
}

/// The line with its value hidden: it may be a secret.
fn masked(line: &str) -> String {
    let line = line.trim();
    match line.split_once(':') {
        Some((key, _)) if !key.contains(['"', '\'']) => format!("{}: …", shown(key)),
        _ => String::new(),
    }
}

fn position(marker: &Marker) -> Position {
    Position { line: marker.line() as u32, column: marker.col() as u32 + 1 }
}
