//! The Tables that API servers make for people, of several clusters put together.

use std::collections::BTreeSet;
use std::io::Write;

use serde_json::Value;

use super::text::{at, plain, word};
use crate::api::names::ClusterName;
use crate::cli::output::Table;

/// What asks for a Table, and takes the objects themselves from a server that makes none.
pub(in crate::cli) const ACCEPT: &str =
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

/// Rows of several clusters. Clusters of different versions may have different columns: all that any
/// has are shown, in the order in which they were first seen, and a row is empty where its cluster
/// has none.
#[derive(Debug, Default)]
pub(in crate::cli) struct Across {
    headers: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    cluster: ClusterName,
    namespace: String,
    /// By place in `headers`.
    cells: Vec<(usize, String)>,
}

impl Across {
    /// Adds one answer of a cluster: a Table, or a list or an object where its server makes none.
    /// With `is_wide` also the columns that a server does not hold to be important. The first cell of each row, its
    /// name, gets `prefix`.
    pub(in crate::cli) fn add(
        &mut self,
        cluster: &ClusterName,
        answer: &Value,
        is_wide: bool,
        prefix: &str,
    ) {
        if answer["kind"] != "Table" {
            self.add_objects(cluster, answer, prefix);
            return;
        }
        let columns = answer["columnDefinitions"].as_array().into_iter().flatten();
        let shown: Vec<(usize, usize)> = columns
            .enumerate()
            .filter(|(_, column)| is_wide || column["priority"].as_i64().unwrap_or(0) == 0)
            .map(|(at_server, column)| {
                let name = column["name"].as_str().unwrap_or_default();
                (at_server, self.column(&word(&name.to_uppercase().into())))
            })
            .collect();
        for row in answer["rows"].as_array().into_iter().flatten() {
            let cells = shown.iter().map(|(at_server, here)| {
                let text = cell(&row["cells"][at_server]);
                (*here, if *at_server == 0 { format!("{prefix}{text}") } else { text })
            });
            self.rows.push(Row {
                cluster: cluster.clone(),
                namespace: plain(at(row, "/object/metadata/namespace")),
                cells: cells.collect(),
            });
        }
    }

    fn add_objects(&mut self, cluster: &ClusterName, answer: &Value, prefix: &str) {
        let objects =
            answer["items"].as_array().map_or(std::slice::from_ref(answer), Vec::as_slice);
        let (name, age) = (self.column("NAME"), self.column("CREATED AT"));
        for object in objects {
            let text = |pointer| plain(at(object, pointer));
            self.rows.push(Row {
                cluster: cluster.clone(),
                namespace: text("/metadata/namespace"),
                cells: vec![
                    (name, format!("{prefix}{}", text("/metadata/name"))),
                    (age, text("/metadata/creationTimestamp")),
                ],
            });
        }
    }

    fn column(&mut self, header: &str) -> usize {
        self.headers.iter().position(|known| known == header).unwrap_or_else(|| {
            self.headers.push(header.to_owned());
            self.headers.len() - 1
        })
    }

    pub(in crate::cli) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The namespaces of the rows.
    pub(in crate::cli) fn namespaces(&self) -> BTreeSet<&str> {
        self.rows.iter().map(|row| &*row.namespace).collect()
    }

    /// Prints it: the first column of the servers, the cluster, the others; with the namespace in front of
    /// them if it is asked for.
    pub(in crate::cli) fn write(
        self,
        out: &mut impl Write,
        namespaces: Namespaces,
    ) -> std::io::Result<()> {
        let is_shown = namespaces == Namespaces::Shown;
        let mut headers: Vec<&str> = self.headers.iter().map(String::as_str).collect();
        headers.insert(1.min(headers.len()), "CLUSTER");
        if is_shown {
            headers.insert(0, "NAMESPACE");
        }
        let mut table = Table::new(&headers);
        for row in self.rows {
            let mut cells = vec![String::new(); self.headers.len()];
            for (at, cell) in row.cells {
                cells[at] = cell;
            }
            cells.insert(1.min(cells.len()), row.cluster.to_string());
            if is_shown {
                cells.insert(0, row.namespace);
            }
            table.row_as_is(cells);
        }
        table.write(out)
    }
}

/// Whether the first column names the namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Namespaces {
    /// It does.
    Shown,
    /// There is no such column.
    Left,
}

/// A cell in one line: of a text with several, the first.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => match text.split_once(['\n', '\r', '\x0c']) {
            Some((first, _)) => word(&format!("{first}...").into()),
            None => word(value),
        },
        other => word(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn clusters_of_different_versions_share_a_table() {
        let column = |name: &str, priority: i64| json!({"name": name, "priority": priority});
        let table = |columns: &[Value], cells: Value| {
            json!({"kind": "Table", "columnDefinitions": columns, "rows": [
                {"cells": cells, "object": {"metadata": {"namespace": "web"}}}]})
        };
        let (one, two) = (ClusterName::new("one").unwrap(), ClusterName::new("two").unwrap());
        let text = |is_wide, namespaces| {
            let mut across = Across::default();
            let columns = [column("Name", 0), column("Ready", 0), column("IP", 1)];
            across.add(&one, &table(&columns, json!(["a", 1, "10.0.0.1"])), is_wide, "");
            let columns = [column("Name", 0), column("Age", 0), column("Ready", 0)];
            across.add(&two, &table(&columns, json!(["b", "5s\nago", null])), is_wide, "");
            let mut out = Vec::new();
            across.write(&mut out, namespaces).unwrap();
            String::from_utf8(out).unwrap()
        };
        let narrow =
            "NAME   CLUSTER   READY   AGE\na      one       1\nb      two               5s...\n";
        assert_eq!(text(false, Namespaces::Left), narrow);
        let wide = text(true, Namespaces::Shown);
        assert!(
            wide.starts_with("NAMESPACE   NAME   CLUSTER   READY   IP         AGE\n"),
            "{wide}"
        );
    }
}
