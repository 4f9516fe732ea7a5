//! Mistakes in an applied configuration that make it impossible to say which field is which.

use super::paths;
use super::schema::{Node, Schema, Shape};
use serde_json::Value;
use std::collections::BTreeSet;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where, e.g. `.spec.template.spec.containers`.
    pub path: String,
    /// What, e.g. `duplicate entries for key [name="app"]`.
    pub message: String,
}

/// Finds items of merged lists that have no key, a key twice, or are of the wrong type. The API
/// server refuses such a config with
/// `failed to create typed patch object (…): <path>: <message>`.
pub fn check(schema: &Schema, config: &Value) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    visit(&schema.root, config, &mut String::new(), &mut mistakes);
    mistakes
}

fn visit(node: &Node, value: &Value, path: &mut String, mistakes: &mut Vec<Mistake>) {
    let n_path = path.len();
    let mistake = |path: &str, message: String| Mistake { path: path.to_owned(), message };
    match (node.shape(value), value, node) {
        (Shape::Map(shape), Value::Object(fields), _) => {
            for (name, value) in fields {
                path.push('.');
                path.push_str(name);
                visit(shape.field(name).1, value, path, mistakes);
                path.truncate(n_path);
            }
        }
        (Shape::List(list), Value::Array(items), _) => {
            let mut seen = BTreeSet::new();
            for (item_idx, item) in items.iter().enumerate() {
                let Some(element) = paths::item(list, item) else {
                    let why = why_no_element(list, item);
                    mistakes.push(mistake(path, format!("element {item_idx}: {why}")));
                    return;
                };
                paths::print_element(path, &element);
                if !seen.insert(element) {
                    let printed = path.split_off(n_path);
                    mistakes.push(mistake(path, format!("duplicate entries for key {printed}")));
                    continue;
                }
                visit(&list.item, item, path, mistakes);
                path.truncate(n_path);
            }
        }
        (Shape::Leaf, value, Node::Map(_)) => {
            mistakes.push(mistake(path, format!("expected map, got {value}")));
        }
        (Shape::Leaf, value, Node::List(list)) if !list.patch_only => {
            mistakes.push(mistake(path, format!("expected list, got {value}")));
        }
        (Shape::Leaf | Shape::Map(_) | Shape::List(_), _, _) => {}
    }
}

fn why_no_element(list: &super::schema::ListNode, item: &Value) -> String {
    match (list.keys.is_empty(), item) {
        (true, Value::Object(_)) => {
            "associative list without keys has an element that's a map type".to_owned()
        }
        (true, Value::Array(_)) => {
            "not supported: associative list with lists as elements".to_owned()
        }
        (true, _) => {
            "associative list without keys has an element that's an explicit null".to_owned()
        }
        (false, Value::Null) => "associative list with keys may not have a null element".to_owned(),
        (false, Value::Object(_)) => {
            let names: Vec<String> =
                list.keys.iter().map(|key| format!("{:?}", key.name)).collect();
            format!(
                "associative list with keys has an element that omits all key fields [{}] (and \
                 doesn't have default values for any key fields)",
                names.join(" ")
            )
        }
        (false, _) => "associative list with keys may not have non-map elements".to_owned(),
    }
}
