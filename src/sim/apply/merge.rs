//! Walks over typed values: what a value sets, how two differ, two merged, items taken out.
//!
//! The rules are those of structured-merge-diff's `typed` package.

use super::fieldset::FieldSet;
use super::paths;
use super::schema::{Fields, ListNode, MapShape, Node, Shape};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, VecDeque};
use std::sync::LazyLock;

/// Every leaf and every item that a value sets.
pub(super) fn field_set(node: &Node, value: &Value) -> FieldSet {
    let mut set = FieldSet::default();
    collect(node, value, &mut set);
    set
}

/// Collects what lies below a value; the answer says whether the value itself is a leaf.
fn collect(node: &Node, value: &Value, below: &mut FieldSet) -> bool {
    match (node.shape(value), value) {
        (Shape::Map(shape), Value::Object(fields)) => {
            for (name, value) in fields {
                let element = paths::field(name);
                let (declared, node) = shape.field(name);
                let mut deeper = FieldSet::default();
                let leaf = collect(node, value, &mut deeper);
                let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                if leaf || empty || declared == Fields::Keys {
                    below.insert(&element);
                }
                below.graft(&element, deeper);
            }
            false
        }
        (Shape::List(list), Value::Array(items)) => {
            for (element, same) in by_element(list, items) {
                below.insert(&element);
                // Items that share their keys are owned together, not field by field.
                if let [only] = same[..] {
                    let mut deeper = FieldSet::default();
                    collect(&list.item, only, &mut deeper);
                    below.graft(&element, deeper);
                }
            }
            false
        }
        (Shape::Leaf | Shape::Map(_) | Shape::List(_), _) => true,
    }
}

fn by_element<'a>(list: &ListNode, items: &'a [Value]) -> BTreeMap<String, Vec<&'a Value>> {
    let mut groups = BTreeMap::<String, Vec<&Value>>::new();
    for item in items {
        if let Some(element) = paths::item(list, item) {
            groups.entry(element).or_default().push(item);
        }
    }
    groups
}

/// How one value became another. No path is in two of the sets.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Difference {
    pub(super) added: FieldSet,
    pub(super) modified: FieldSet,
    pub(super) removed: FieldSet,
}

impl Difference {
    /// Compares two whole objects.
    pub(super) fn between(node: &Node, old: &Value, new: &Value) -> Difference {
        let mut difference = Difference::default();
        difference.below(node, old, new);
        difference
    }

    /// Added and modified paths together.
    pub(super) fn written(&self) -> FieldSet {
        self.added.union(&self.modified)
    }

    /// Compares what lies below two values of one type; the answer says whether one is a leaf.
    fn below(&mut self, node: &Node, old: &Value, new: &Value) -> bool {
        let (old_shape, new_shape) = shapes(node, old, new);
        if old_shape.same(new_shape) {
            return self.walk(new_shape, old, new);
        }
        let old_leaf = self.walk(old_shape, old, &Value::Null);
        self.walk(new_shape, &Value::Null, new) || old_leaf
    }

    fn walk(&mut self, shape: Shape<'_>, old: &Value, new: &Value) -> bool {
        match shape {
            Shape::Leaf => true,
            Shape::Map(shape) => {
                let (old, new) = (fields_of(old), fields_of(new));
                for (name, old) in old {
                    self.visit(&paths::field(name), shape.field(name).1, Some(old), new.get(name));
                }
                for (name, new) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
                    self.visit(&paths::field(name), shape.field(name).1, None, Some(new));
                }
                old.is_empty() && new.is_empty()
            }
            Shape::List(list) => {
                let (old, new) = (items_of(old), items_of(new));
                let (old_items, new_items) = (by_element(list, old), by_element(list, new));
                for (element, old) in &old_items {
                    let new = new_items.get(element).map_or(&[][..], Vec::as_slice);
                    self.item(list, element, old, new);
                }
                for (element, new) in &new_items {
                    if !old_items.contains_key(element) {
                        self.item(list, element, &[], new);
                    }
                }
                old.is_empty() && new.is_empty()
            }
        }
    }

    /// Compares the items that share an element; more than one on a side count as one leaf.
    fn item(&mut self, list: &ListNode, element: &str, old: &[&Value], new: &[&Value]) {
        match (old, new) {
            ([] | [_], [] | [_]) => {
                let (old, new) = (old.first().copied(), new.first().copied());
                self.visit(element, &list.item, old, new);
            }
            ([_, _, ..], [_, _, ..]) if old == new => {}
            ([_, _, ..], [_, _, ..]) => self.modified.insert(element),
            ([_, _, ..], _) => {
                self.visit(element, &list.item, None, new.first().copied());
                self.removed.insert(element);
            }
            (_, [_, _, ..]) => {
                self.visit(element, &list.item, old.first().copied(), None);
                self.added.insert(element);
            }
        }
    }

    fn visit(&mut self, element: &str, node: &Node, old: Option<&Value>, new: Option<&Value>) {
        let mut deeper = Difference::default();
        match (old, new) {
            (Some(old), Some(new)) => {
                if old == new {
                    return;
                }
                if deeper.below(node, old, new) {
                    self.modified.insert(element);
                }
            }
            (None, Some(new)) => {
                deeper.walk(node.shape(new), &Value::Null, new);
                self.added.insert(element);
            }
            (Some(old), None) => {
                deeper.walk(node.shape(old), old, &Value::Null);
                self.removed.insert(element);
            }
            (None, None) => {}
        }
        self.added.graft(element, deeper.added);
        self.modified.graft(element, deeper.modified);
        self.removed.graft(element, deeper.removed);
    }
}

/// The shapes of two values; null takes the other's where its type leaves that open.
fn shapes<'a>(node: &'a Node, left: &Value, right: &Value) -> (Shape<'a>, Shape<'a>) {
    match (node, left, right) {
        (Node::Any(_), Value::Null, _) => (node.shape(right), node.shape(right)),
        (Node::Any(_), _, Value::Null) => (node.shape(left), node.shape(left)),
        _ => (node.shape(left), node.shape(right)),
    }
}

fn fields_of(value: &Value) -> &Map<String, Value> {
    static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    value.as_object().unwrap_or(&NONE)
}

fn items_of(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Lays `config` over `live`. Nothing is removed; a leaf that both set takes the config's value.
pub(super) fn merge(node: &Node, live: &Value, config: &Value) -> Value {
    let (live_shape, shape) = shapes(node, live, config);
    match shape {
        Shape::Map(shape) if matches!(live_shape, Shape::Map(_)) => {
            let (live_fields, config_fields) = (fields_of(live), fields_of(config));
            if live_fields.is_empty() || config_fields.is_empty() {
                return if config_fields.is_empty() && !live_fields.is_empty() {
                    live.clone()
                } else {
                    config.clone()
                };
            }
            merge_fields(shape, live_fields, config_fields)
        }
        Shape::List(list) if matches!(live_shape, Shape::List(_)) => {
            let (live_items, config_items) = (items_of(live), items_of(config));
            if live_items.is_empty() || config_items.is_empty() {
                return if config_items.is_empty() && !live_items.is_empty() {
                    live.clone()
                } else {
                    config.clone()
                };
            }
            Value::Array(merge_items(list, live_items, config_items))
        }
        Shape::Leaf | Shape::Map(_) | Shape::List(_) => config.clone(),
    }
}

fn merge_fields(
    shape: MapShape<'_>,
    live: &Map<String, Value>,
    config: &Map<String, Value>,
) -> Value {
    let mut merged: Map<String, Value> = live
        .iter()
        .map(|(name, live)| match config.get(name) {
            Some(value) => (name.clone(), merge(shape.field(name).1, live, value)),
            None => (name.clone(), live.clone()),
        })
        .collect();
    for (name, value) in config.iter().filter(|(name, _)| !live.contains_key(*name)) {
        merged.insert(name.clone(), value.clone());
    }
    Value::Object(merged)
}

/// Merges two lists by their items' elements.
///
/// The order: items of both stand as the config has them; items of one side stay where they stand
/// between their neighbours, the live ones first. Items of the live list that share an element are
/// kept until the config names it, then replaced by the config's one.
fn merge_items(list: &ListNode, live: &[Value], config: &[Value]) -> Vec<Value> {
    let index = |items: &[Value]| -> Vec<Option<String>> {
        items.iter().map(|item| paths::item(list, item)).collect()
    };
    let (live_elements, config_elements) = (index(live), index(config));
    let live_items = by_element(list, live);
    let config_items = by_element(list, config);
    let in_config = |element: &Option<String>| {
        element.as_ref().is_some_and(|element| config_items.contains_key(element))
    };
    let mut shared: VecDeque<&Option<String>> = config_elements
        .iter()
        .filter(|element| element.as_ref().is_some_and(|e| live_items.contains_key(e)))
        .collect();
    let take = |item: &Value, element: &Option<String>| {
        let element = element.as_ref().and_then(|element| live_items.get(element));
        match element.map(Vec::as_slice) {
            Some([only]) => merge(&list.item, only, item),
            _ => item.clone(),
        }
    };

    let mut merged = Vec::with_capacity(live.len().max(config.len()));
    let (mut at_live, mut at_config) = (0, 0);
    while at_live < live.len() || at_config < config.len() {
        if let (Some(element), Some(wanted)) =
            (live_elements.get(at_live), config_elements.get(at_config))
        {
            if element == wanted && element.is_some() {
                merged.push(take(&config[at_config], wanted));
                at_live += 1;
                at_config += 1;
                shared.pop_front();
                continue;
            }
            if in_config(element) && shared.front().is_some_and(|next| *next != element) {
                // The config has it, at another place.
                at_live += 1;
                continue;
            }
        }
        if let Some(element) = live_elements.get(at_live) {
            if !in_config(element) {
                merged.push(live[at_live].clone());
                at_live += 1;
                continue;
            }
            if config_elements[..at_config].contains(element) {
                at_live += 1;
            }
        }
        if let Some(element) = config_elements.get(at_config) {
            merged.push(take(&config[at_config], element));
            at_config += 1;
            if shared.front().is_some_and(|next| *next == element) {
                shared.pop_front();
            }
        }
    }
    merged
}

/// Takes the members of `gone` out of a value. A container that loses all it had becomes null.
pub(super) fn remove_items(node: &Node, value: &mut Value, gone: &FieldSet) {
    match (node.shape(value), &mut *value) {
        (Shape::Map(shape), Value::Object(fields)) => {
            for (element, member, below) in gone.iter() {
                let Some(name) = element.strip_prefix("f:") else { continue };
                if member {
                    fields.remove(name);
                } else if let Some(inner) = fields.get_mut(name) {
                    remove_items(shape.field(name).1, inner, below);
                }
            }
            if fields.is_empty() {
                *value = Value::Null;
            }
        }
        (Shape::List(list), Value::Array(items)) => {
            items.retain_mut(|item| {
                let Some(element) = paths::item(list, item) else { return true };
                if gone.has(&element) {
                    return false;
                }
                if let Some(below) = gone.below(&element) {
                    remove_items(&list.item, item, below);
                }
                true
            });
            if items.is_empty() {
                *value = Value::Null;
            }
        }
        (Shape::Leaf | Shape::Map(_) | Shape::List(_), _) => {}
    }
}

/// Adds to a set the declared fields that have members below them: what is declared is never owned
/// for itself, so without this a struct would outlive its last field.
pub(super) fn with_declared_fields(node: &Node, set: &FieldSet) -> FieldSet {
    let mut whole = FieldSet::default();
    for (element, member, below) in set.iter() {
        let (declared, inner) = match (element.strip_prefix("f:"), node) {
            (Some(name), Node::Map(map)) => MapShape::Typed(map).field(name),
            (Some(name), Node::Any(fields)) => MapShape::Any(*fields, node).field(name),
            (None, Node::List(list)) => (Fields::Keys, &*list.item),
            (Some(_), Node::Atomic | Node::List(_)) | (None, _) => (Fields::Keys, &Node::Atomic),
        };
        if member || (declared == Fields::Declared && !below.is_empty()) {
            whole.insert(element);
        }
        whole.graft(element, with_declared_fields(inner, below));
    }
    whole
}
