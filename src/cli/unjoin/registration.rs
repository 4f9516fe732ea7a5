//! Changes one registration in the text of its file, and leaves every other document as it is written.

use serde_json::{Value, json};

use crate::api::marks;

/// What is to become of the registration.
#[derive(Clone, Copy, Debug)]
pub(super) enum Edit<'a> {
    /// It gets the taint of a cluster that leaves, with this value.
    Leaves(&'a str),
    /// It goes.
    Goes,
}

/// The file without the registration's part.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Edited {
    /// What it is then.
    Text(String),
    /// Nothing else was in it.
    Empty,
}

/// The text of a file with the registration of cluster `name` changed; `None` if it is not a document of its own
/// there, as in a `kind: List`.
pub(super) fn edit(text: &str, name: &str, edit: Edit<'_>) -> Option<Edited> {
    let mut parts = documents(text);
    let at = parts.iter().position(|part| is_registration(&read(part), name))?;
    match edit {
        Edit::Leaves(value) => parts[at] = tainted(&parts[at], value),
        Edit::Goes => {
            parts.remove(at);
        }
    }
    if parts.iter().all(|part| read(part).is_null()) {
        return Some(Edited::Empty);
    }
    Some(Edited::Text(parts.concat()))
}

/// The documents of a YAML text, each with the line `---` that begins it.
fn documents(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for line in text.split_inclusive('\n') {
        let is_start = line.strip_prefix("---").is_some_and(|rest| {
            rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_whitespace())
        });
        if is_start && parts.last().is_some_and(|part| !part.is_empty()) {
            parts.push(String::new());
        }
        parts.last_mut().expect("it begins with one").push_str(line);
    }
    parts
}

/// The object of a document; null where there is none.
fn read(part: &str) -> Value {
    crate::api::yaml::from_str(part).unwrap_or(Value::Null)
}

fn is_registration(object: &Value, name: &str) -> bool {
    let group = object["apiVersion"].as_str().and_then(|version| version.split_once('/'));
    object["kind"] == "Cluster"
        && group.is_some_and(|(group, _)| group == "cluster.karmada.io")
        && object["metadata"]["name"] == name
}

/// The document with the taint; of its comments only those above it are kept.
fn tainted(part: &str, value: &str) -> String {
    let is_head = |line: &&str| line.starts_with('#') || line.starts_with("---");
    let head: String = part.split_inclusive('\n').take_while(is_head).collect();
    let mut object = read(part);
    let taint = json!({"key": marks::TAINT_UNJOIN, "value": value, "effect": "NoExecute"});
    let spec = &mut object["spec"];
    let mut taints = spec["taints"].as_array().cloned().unwrap_or_default();
    taints.retain(|taint| taint["key"] != marks::TAINT_UNJOIN);
    taints.push(taint);
    spec["taints"] = taints.into();
    head + &String::from_utf8_lossy(&crate::api::yaml::to_bytes(&object))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "# The fleet's clusters.
apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: east} # in the east
spec: {syncMode: Push}
---
# West.
apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: west}
spec:
  syncMode: Push
  taints: [{key: site, effect: NoSchedule}]
";

    fn text(edited: Option<Edited>) -> String {
        match edited {
            Some(Edited::Text(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_document_is_changed_and_the_others_stay_to_the_byte() {
        let evicted = text(edit(TWO, "west", Edit::Leaves("evict")));
        let (east, west) = evicted.split_once("---\n").unwrap();
        assert_eq!(east, TWO.split_once("---\n").unwrap().0);
        assert!(west.starts_with("# West.\n"), "{west}");
        let taints = read(west)["spec"]["taints"].clone();
        assert_eq!(taints[0]["key"], "site");
        assert_eq!(
            (&taints[1]["value"], &taints[1]["effect"]),
            (&json!("evict"), &json!("NoExecute"))
        );
        let removed = text(edit(&evicted, "west", Edit::Leaves("remove")));
        assert_eq!(read(&documents(&removed)[1])["spec"]["taints"].as_array().unwrap().len(), 2);
        assert_eq!(text(edit(&removed, "west", Edit::Goes)), east);
        assert!(text(edit(&removed, "east", Edit::Goes)).starts_with("---\n# West.\n"));
    }

    #[test]
    fn a_file_with_nothing_else_is_empty_then() {
        let (east, _) = TWO.split_once("---\n").unwrap();
        assert_eq!(edit(east, "east", Edit::Goes), Some(Edited::Empty));
        assert_eq!(edit(east, "west", Edit::Goes), None);
        let list = "apiVersion: v1\nkind: List\nitems: []\n";
        assert_eq!(edit(list, "east", Edit::Goes), None);
    }
}
