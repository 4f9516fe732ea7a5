//! The built-in kinds: which of their lists and maps merge, read from `kinds.txt`.

use super::schema::{Fields, Key, ListNode, MapNode, Node, Origin, Schema};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// The table as text; its first lines explain the form.
const KINDS: &str = include_str!("kinds.txt");

struct Table {
    metadata: Arc<Node>,
    kinds: BTreeMap<(Box<str>, Box<str>), Arc<Schema>>,
    /// A kind whose lists are all atomic, and that has no maps but those of its metadata.
    plain: Arc<Schema>,
    /// A kind that nobody described.
    unknown: Arc<Schema>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(KINDS));

/// Groups of the API server's own kinds. Anything else without a schema is deduced.
fn is_built_in(group: &str) -> bool {
    group.is_empty() || !group.contains('.') || group.ends_with(".k8s.io")
}

/// The schema of a built-in kind. Versions of a kind share one, unless they disagree about a field.
pub(super) fn built_in(group: &str, version: &str, kind: &str) -> Arc<Schema> {
    let table = &*TABLE;
    let of_version = table.kinds.get(&(format!("{group}/{version}").into(), kind.into()));
    match of_version.or_else(|| table.kinds.get(&(group.into(), kind.into()))) {
        Some(schema) => Arc::clone(schema),
        None if is_built_in(group) => Arc::clone(&table.plain),
        None => Arc::clone(&table.unknown),
    }
}

/// The type of `metadata`, the same for every kind.
pub(super) fn metadata() -> Arc<Node> {
    Arc::clone(&TABLE.metadata)
}

impl Table {
    fn read(text: &str) -> Table {
        let lines: Vec<(&str, &str)> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| line.split_once(' ').unwrap_or((line, "")))
            .collect();
        let (blanks, lines): (Vec<_>, Vec<_>) =
            lines.into_iter().partition(|(name, _)| *name == "blank");
        let blanks: BTreeMap<&str, &str> =
            blanks.into_iter().filter_map(|(_, blank)| blank.split_once(' ')).collect();
        let types: BTreeMap<&str, &str> = lines.iter().copied().collect();
        assert_eq!(types.len(), lines.len(), "kinds.txt describes each type once");

        let metadata = named(&types, "ObjectMeta");
        let kinds = types
            .iter()
            .filter_map(|(name, fields)| {
                let (kind, group) = name.split_once('.')?;
                let group = if group == "core" { "" } else { group };
                let blank = blank_object(blanks.get(name).copied().unwrap_or_default());
                let schema = schema(map(&types, fields), &metadata, Origin::BuiltIn, blank);
                Some(((group.into(), kind.into()), schema))
            })
            .collect();
        let plain = schema(map(&types, ""), &metadata, Origin::BuiltIn, blank_object(""));
        let any = MapNode {
            fields: BTreeMap::new(),
            rest: (Fields::Declared, Arc::new(Node::Any(Fields::Keys))),
        };
        let unknown = schema(any, &metadata, Origin::Custom, Value::Null);
        Table { metadata, kinds, plain, unknown }
    }
}

fn schema(mut map: MapNode, metadata: &Arc<Node>, origin: Origin, blank: Value) -> Arc<Schema> {
    map.fields.insert("metadata".into(), Arc::clone(metadata));
    Arc::new(Schema { root: Arc::new(Node::Map(map)), origin, blank })
}

/// What the API server compares a new object with: structs that a Go type holds by value are there
/// before anyone sets them, so a creation owns what is in them and not the structs.
fn blank_object(paths: &str) -> Value {
    let mut blank = json!({"metadata": {}, "spec": {}, "status": {}});
    for path in paths.split_whitespace() {
        let (path, is_null) = match path.strip_prefix('~') {
            Some(path) => (path, true),
            None => (path, false),
        };
        let value = path.split('.').fold(&mut blank, |value, field| &mut value[field]);
        *value = if is_null { Value::Null } else { json!({}) };
    }
    blank
}

fn named(types: &BTreeMap<&str, &str>, name: &str) -> Arc<Node> {
    let fields = types.get(name).unwrap_or_else(|| panic!("kinds.txt lacks {name}"));
    Arc::new(Node::Map(map(types, fields)))
}

fn map(types: &BTreeMap<&str, &str>, fields: &str) -> MapNode {
    let fields = fields.split_whitespace().map(|field| read_field(types, field)).collect();
    MapNode { fields, rest: (Fields::Declared, Arc::new(Node::Any(Fields::Declared))) }
}

/// Reads `name` followed by its rule: `!`, `?`, `{}`, `[]`, `[key,…]`, and perhaps `:Type`.
fn read_field(types: &BTreeMap<&str, &str>, field: &str) -> (Box<str>, Arc<Node>) {
    let (rule, type_name) = match field.split_once(':') {
        Some((rule, type_name)) => (rule, Some(type_name)),
        None => (field, None),
    };
    let inner = || match type_name {
        Some("!") => Arc::new(Node::Atomic),
        Some(type_name) => named(types, type_name),
        None => Arc::new(Node::Any(Fields::Declared)),
    };
    let at = rule.find(['!', '?', '{', '[']).unwrap_or(rule.len());
    let (name, rule) = rule.split_at(at);
    let node = match rule {
        "" => inner(),
        "!" => Arc::new(Node::Atomic),
        "?" => Arc::new(Node::Any(Fields::Keys)),
        "{}" => {
            Arc::new(Node::Map(MapNode { fields: BTreeMap::new(), rest: (Fields::Keys, inner()) }))
        }
        list => {
            let patch_only = list.ends_with('!');
            let keys = list.trim_matches(['[', ']', '!']);
            let keys = keys.split_terminator(',').map(read_key).collect();
            Arc::new(Node::List(ListNode { patch_only, ..ListNode::new(keys, inner()) }))
        }
    };
    (name.into(), node)
}

fn read_key(key: &str) -> Key {
    let (name, default) = match key.split_once('=') {
        Some((name, default)) => (name, Some(Value::from(default))),
        None => (key, None),
    };
    Key { name: name.into(), default }
}
