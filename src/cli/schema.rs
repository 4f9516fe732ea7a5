//! `schema`.

use std::io::Write as _;

use clap::CommandFactory as _;
use clap::error::ErrorKind;

use super::Exit;

/// Print the JSON Schema of a kind that people write
#[derive(clap::Args, Debug)]
pub(super) struct SchemaArgs {
    /// The kind, e.g. PropagationPolicy; without it the kinds that have a schema are listed
    kind: Option<String>,
}

pub(super) fn run(args: &SchemaArgs) -> anyhow::Result<Exit> {
    let schemas = crate::api::schema::all();
    let mut out = std::io::stdout().lock();
    let Some(kind) = &args.kind else {
        for schema in schemas {
            writeln!(out, "{}", schema.kind)?;
        }
        return Ok(Exit::Clean);
    };
    let Some(schema) = schemas.iter().find(|schema| schema.kind.eq_ignore_ascii_case(kind)) else {
        let kinds: Vec<&str> = schemas.iter().map(|schema| schema.kind).collect();
        let told =
            format!("there is no schema for kind `{kind}`; there is one for {}", kinds.join(", "));
        super::Cli::command().error(ErrorKind::InvalidValue, told).exit();
    };
    out.write_all(schema.text.as_bytes())?;
    Ok(Exit::Clean)
}
