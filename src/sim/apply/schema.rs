//! How the maps and lists of one kind merge.

use super::table;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How the maps and lists of one version of one kind merge.
///
/// A built-in kind comes from the table of this module and is shared by everyone who asks for it;
/// a custom kind is read from its structural schema, so whoever serves it keeps the `Arc`.
#[derive(Debug)]
pub struct Schema {
    pub(in crate::sim) root: Arc<Node>,
    pub(super) origin: Origin,
    /// What an object of the kind is before anything is set.
    pub(super) blank: Value,
}

/// Where a schema comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A Go type: nulls vanish, and `status` is written through its subresource only.
    BuiltIn,
    /// A CustomResourceDefinition.
    Custom,
}

/// The type of one value.
#[derive(Debug)]
pub(in crate::sim) enum Node {
    /// Whatever the value is: scalars and lists are one leaf, maps are merged.
    Any(Fields),
    /// One leaf, replaced as a whole.
    Atomic,
    Map(MapNode),
    List(ListNode),
}

/// Whether the fields of a map have names that its type declares (a Go struct), or are keys.
///
/// Declared fields are not owned for themselves, only through what is below them; a key of a map is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) enum Fields {
    Declared,
    Keys,
}

/// A map that is merged field by field.
#[derive(Debug)]
pub(in crate::sim) struct MapNode {
    pub(in crate::sim) fields: BTreeMap<Box<str>, Arc<Node>>,
    /// The type of every field that is not among `fields`, and whether it counts as declared.
    pub(in crate::sim) rest: (Fields, Arc<Node>),
}

/// A list that is merged item by item: a list-map by its keys, or a set when it has none.
#[derive(Debug)]
pub(in crate::sim) struct ListNode {
    /// In the order in which the type names them; a strategic merge patch goes by the first.
    pub(in crate::sim) keys: Vec<Key>,
    /// The same, sorted by name, as a path element wants them.
    pub(in crate::sim) keys_sorted: Vec<Key>,
    pub(in crate::sim) item: Arc<Node>,
    /// Merged by strategic merge patches only; server-side apply sees one leaf (a Job's
    /// conditions).
    pub(super) patch_only: bool,
}

/// A field that identifies an item of a list-map.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Key {
    pub(in crate::sim) name: Box<str>,
    pub(in crate::sim) default: Option<Value>,
}

/// What a value of some type is walked as.
#[derive(Clone, Copy)]
pub(super) enum Shape<'a> {
    Leaf,
    Map(MapShape<'a>),
    List(&'a ListNode),
}

/// A map, with or without a type of its own.
#[derive(Clone, Copy)]
pub(in crate::sim) enum MapShape<'a> {
    Typed(&'a MapNode),
    Any(Fields, &'a Node),
}

impl Schema {
    /// The schema of a kind. `crd` is the `openAPIV3Schema` of that version for a custom kind; a
    /// custom kind without one merges maps and replaces lists.
    pub fn of(group: &str, version: &str, kind: &str, crd: Option<&Value>) -> Arc<Schema> {
        match crd {
            None => table::built_in(group, version, kind),
            Some(crd) => Arc::new(Schema {
                root: Arc::new(root(crd)),
                origin: Origin::Custom,
                blank: Value::Null,
            }),
        }
    }
}

impl Node {
    /// How to walk `value`. Null takes the shape that its type has.
    pub(super) fn shape<'a>(&'a self, value: &Value) -> Shape<'a> {
        match (self, value) {
            (Node::Any(fields), Value::Object(_)) => Shape::Map(MapShape::Any(*fields, self)),
            (Node::Map(map), Value::Object(_) | Value::Null) => Shape::Map(MapShape::Typed(map)),
            (Node::List(list), Value::Array(_) | Value::Null) if !list.patch_only => {
                Shape::List(list)
            }
            (Node::Any(_) | Node::Atomic | Node::Map(_) | Node::List(_), _) => Shape::Leaf,
        }
    }
}

impl Shape<'_> {
    /// Whether two values of one type are walked in the same way.
    pub(super) fn same(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Shape::Leaf, Shape::Leaf)
                | (Shape::Map(_), Shape::Map(_))
                | (Shape::List(_), Shape::List(_))
        )
    }
}

impl<'a> MapShape<'a> {
    /// The type of a field, and whether the map's type declares it.
    pub(in crate::sim) fn field(self, name: &str) -> (Fields, &'a Node) {
        match self {
            MapShape::Any(fields, node) => (fields, node),
            MapShape::Typed(map) => match map.fields.get(name) {
                Some(node) => (Fields::Declared, node),
                None => (map.rest.0, &map.rest.1),
            },
        }
    }
}

/// The schema of a whole custom object: its own fields, and metadata as every kind has it.
fn root(crd: &Value) -> Node {
    let mut fields = fields(crd);
    fields.insert("apiVersion".into(), Arc::new(Node::Atomic));
    fields.insert("kind".into(), Arc::new(Node::Atomic));
    fields.insert("metadata".into(), table::metadata());
    let rest = match crd.get("x-kubernetes-preserve-unknown-fields") {
        Some(Value::Bool(true)) => (Fields::Keys, Arc::new(Node::Any(Fields::Keys))),
        _ => (Fields::Declared, Arc::new(Node::Any(Fields::Keys))),
    };
    Node::Map(MapNode { fields, rest })
}

/// Reads one value's structural schema. The defaults are those of kube-openapi's conversion: lists
/// are atomic and maps granular unless `x-kubernetes-list-type` or `-map-type` says otherwise, and
/// what has no type is deduced from the value.
fn node(schema: &Value) -> Node {
    let text = |key: &str| schema.get(key).and_then(Value::as_str);
    let on = |key: &str| schema.get(key) == Some(&Value::Bool(true));
    if on("x-kubernetes-int-or-string") {
        return Node::Atomic;
    }
    match text("type") {
        Some("array") => list(schema, text("x-kubernetes-list-type")),
        Some("object") if text("x-kubernetes-map-type") == Some("atomic") => Node::Atomic,
        Some("object") => {
            let mut fields = fields(schema);
            if on("x-kubernetes-embedded-resource") {
                fields.insert("apiVersion".into(), Arc::new(Node::Atomic));
                fields.insert("kind".into(), Arc::new(Node::Atomic));
                fields.insert("metadata".into(), table::metadata());
            }
            let item = match schema.get("additionalProperties") {
                Some(item @ Value::Object(_)) => node(item),
                _ => Node::Any(Fields::Keys),
            };
            Node::Map(MapNode { fields, rest: (Fields::Keys, Arc::new(item)) })
        }
        Some(_) => Node::Atomic,
        None => Node::Any(Fields::Keys),
    }
}

fn list(schema: &Value, list_type: Option<&str>) -> Node {
    let items = schema.get("items").unwrap_or(&Value::Null);
    let names = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
    let keys = match list_type {
        Some("set") => Vec::new(),
        Some("map") => names
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(|name| Key {
                name: name.into(),
                default: items.pointer(&format!("/properties/{name}/default")).cloned(),
            })
            .collect(),
        _ => return Node::Atomic,
    };
    Node::List(ListNode::new(keys, Arc::new(node(items))))
}

fn fields(schema: &Value) -> BTreeMap<Box<str>, Arc<Node>> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, schema)| (name.as_str().into(), Arc::new(node(schema))))
        .collect()
}

impl ListNode {
    pub(super) fn new(keys: Vec<Key>, item: Arc<Node>) -> ListNode {
        let mut keys_sorted = keys.clone();
        keys_sorted.sort_by(|left, right| left.name.cmp(&right.name));
        ListNode { keys, keys_sorted, item, patch_only: false }
    }
}
