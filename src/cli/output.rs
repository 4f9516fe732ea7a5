//! How lists and values are printed.

use std::io::Write;

use serde::Serialize;

/// Formats of a list.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListFormat {
    /// One JSON document
    Json,
    /// One YAML document
    Yaml,
    /// A table with more columns
    Wide,
    /// One name a line
    Name,
}

/// A table in the manner of kubectl: capitals above, three blanks between columns.
pub(super) struct Table {
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(headers: &[&str]) -> Self {
        Self { headers: headers.iter().map(|one| (*one).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row; empty cells are shown as `<none>`.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let shown = |cell: String| if cell.is_empty() { "<none>".to_owned() } else { cell };
        self.rows.push(cells.into_iter().map(shown).collect());
    }

    /// Adds a row of what somebody else has made for a table: an empty cell stays empty.
    pub(super) fn row_as_is(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub(super) fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.headers[column].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.headers.len()).map(width).collect();
        for row in std::iter::once(&self.headers).chain(&self.rows) {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', width + 3 - cell.chars().count()));
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Prints a value as JSON, indented.
pub(super) fn json(out: &mut impl Write, value: &impl Serialize) -> anyhow::Result<()> {
    // As what it is: an error of serde_json does not show its cause, a pipe that is closed or a full disk.
    serde_json::to_writer_pretty(&mut *out, value).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

/// Prints a value as YAML.
pub(super) fn yaml(out: &mut impl Write, value: &impl Serialize) -> anyhow::Result<()> {
    out.write_all(&crate::api::yaml::to_bytes(value))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let mut table = Table::new(&["NAME", "READY"]);
        table.row(["a-long-name".to_owned(), "True".to_owned()]);
        table.row(["b".to_owned(), String::new()]);
        let mut out = Vec::new();
        table.write(&mut out).expect("a vector takes everything");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text, "NAME          READY\na-long-name   True\nb             <none>\n");
    }
}
