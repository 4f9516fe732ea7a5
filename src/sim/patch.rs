//! The three kinds of patch beside server-side apply: JSON patch (RFC 6902), JSON merge patch
//! (RFC 7386), and the strategic merge patch of the built-in kinds.

use std::collections::BTreeMap;

use super::apply::Schema;
use super::apply::schema::{ListNode, MapShape, Node};
use serde_json::{Map, Value};

/// Why a patch was not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// It is not a patch: status 400.
    #[error("{0}")]
    Malformed(String),
    /// It does not fit the object, e.g. a `test` that fails: status 422.
    #[error("{0}")]
    DoesNotFit(String),
}

/// Applies a JSON patch. If one operation fails the object stays as it was.
pub fn json_patch(object: &mut Value, patch: &Value) -> Result<(), PatchError> {
    let patch: json_patch::Patch = serde_json::from_value(patch.clone())
        .map_err(|error| PatchError::Malformed(error.to_string()))?;
    json_patch::patch(object, &patch).map_err(|error| PatchError::DoesNotFit(error.to_string()))
}

/// Applies a JSON merge patch: null removes, maps merge, anything else replaces.
pub fn merge_patch(object: &mut Value, patch: &Value) {
    json_patch::merge(object, patch);
}

/// Applies a strategic merge patch: lists that have a merge key are merged by it.
///
/// Knows `$patch: replace|delete|merge`, `$retainKeys`, `$deleteFromPrimitiveList/<field>` and
/// `$setElementOrder/<field>`. A list-map with several keys merges by the first, as the published
/// `x-kubernetes-patch-merge-key` does. Source: Kubernetes' "strategic merge patch" (sig-api-machinery).
pub fn strategic_merge_patch(
    schema: &Schema,
    live: &Value,
    patch: &Value,
) -> Result<Value, PatchError> {
    let (Value::Object(live), Value::Object(patch)) = (live, patch) else {
        return Err(PatchError::Malformed("a strategic merge patch is a JSON object".to_owned()));
    };
    patch_map(&schema.root, live.clone(), patch).map(Value::Object)
}

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList/";
const ELEMENT_ORDER: &str = "$setElementOrder/";

type Fields = Map<String, Value>;

fn patch_map(node: &Node, mut live: Fields, patch: &Fields) -> Result<Fields, PatchError> {
    match patch.get(DIRECTIVE).map(Value::as_str) {
        None | Some(Some("merge")) => {}
        Some(Some("replace")) => {
            let mut new = patch.clone();
            new.remove(DIRECTIVE);
            return Ok(new);
        }
        Some(Some("delete")) => return Ok(Fields::new()),
        Some(_) => return Err(unknown_directive(&patch[DIRECTIVE])),
    }
    if let Some(retained) = patch.get(RETAIN_KEYS) {
        let retained = list(RETAIN_KEYS, retained)?;
        live.retain(|name, _| retained.iter().any(|kept| kept == name));
    }
    for (name, value) in patch {
        if let Some(name) = name.strip_prefix(DELETE_FROM_LIST) {
            let gone = list(DELETE_FROM_LIST, value)?;
            if let Some(Value::Array(items)) = live.get_mut(name) {
                items.retain(|item| !gone.contains(item));
            }
        }
    }
    let mut orders = BTreeMap::new();
    for (name, value) in patch {
        if let Some(name) = name.strip_prefix(ELEMENT_ORDER) {
            orders.insert(name, list(ELEMENT_ORDER, value)?);
        }
    }
    for (name, value) in patch {
        if name.starts_with('$') {
            continue;
        }
        let node = field(node, name);
        let new = match (live.remove(name), value) {
            (_, Value::Null) => continue,
            (Some(Value::Object(live)), Value::Object(patch)) => {
                Value::Object(patch_map(node, live, patch)?)
            }
            (None, Value::Object(patch)) => Value::Object(patch_map(node, Fields::new(), patch)?),
            (live, Value::Array(patch)) => match node {
                Node::List(list) => {
                    let live = match live {
                        Some(Value::Array(live)) => live,
                        _ => Vec::new(),
                    };
                    let merged = patch_list(list, live.clone(), patch)?;
                    let order = orders.get(&**name).copied().unwrap_or(patch);
                    Value::Array(in_order(list, merged, &live, order))
                }
                Node::Any(_) | Node::Atomic | Node::Map(_) => value.clone(),
            },
            (_, value) => value.clone(),
        };
        live.insert(name.clone(), new);
    }
    for (name, order) in orders {
        if patch.contains_key(name) {
            continue;
        }
        if let (Some(Value::Array(items)), Node::List(list)) =
            (live.get_mut(name), field(node, name))
        {
            *items = in_order(list, items.clone(), items, order);
        }
    }
    Ok(live)
}

fn patch_list(
    list: &ListNode,
    mut live: Vec<Value>,
    patch: &[Value],
) -> Result<Vec<Value>, PatchError> {
    let Some(key) = list.keys.first() else {
        for item in patch {
            if !live.contains(item) {
                live.push(item.clone());
            }
        }
        return Ok(live);
    };
    let key = &*key.name;
    let is_directive =
        |item: &&Value, text: &str| item.get(DIRECTIVE).and_then(Value::as_str) == Some(text);
    if patch.iter().any(|item| is_directive(&item, "replace")) {
        let items = patch.iter().filter(|item| !is_directive(item, "replace"));
        return Ok(items.cloned().collect());
    }
    for item in patch {
        let Value::Object(fields) = item else {
            return Err(PatchError::Malformed(format!(
                "an item of a list that is merged by {key} is not an object"
            )));
        };
        let wanted = fields.get(key).ok_or_else(|| {
            let item = Value::Object(fields.clone());
            PatchError::Malformed(format!("map: {item} does not contain declared merge key: {key}"))
        })?;
        if is_directive(&item, "delete") {
            live.retain(|item| item.get(key) != Some(wanted));
            continue;
        }
        match live.iter().position(|item| item.get(key) == Some(wanted)) {
            Some(at) => {
                let before = match live[at].take() {
                    Value::Object(before) => before,
                    _ => Fields::new(),
                };
                live[at] = Value::Object(patch_map(&list.item, before, fields)?);
            }
            None => live.push(Value::Object(patch_map(&list.item, Fields::new(), fields)?)),
        }
    }
    Ok(live)
}

/// Lays `items` out as `order` names them, with the others between them as they stood in `live`.
///
/// One that is not named goes before the next named one if it stood before that in `live`, and
/// behind it otherwise: so an item that is new stands first.
fn in_order(list: &ListNode, items: Vec<Value>, live: &[Value], order: &[Value]) -> Vec<Value> {
    let same = |item: &Value, wanted: &Value| match list.keys.first() {
        Some(key) => item.get(&*key.name) == wanted.get(&*key.name),
        None => item == wanted,
    };
    let place = |item: &Value, within: &[Value]| within.iter().position(|other| same(item, other));
    let (mut named, others): (Vec<Value>, Vec<Value>) =
        items.into_iter().partition(|item| place(item, order).is_some());
    named.sort_by_key(|item| place(item, order));
    let mut others = others.into_iter().peekable();
    let mut laid_out = Vec::new();
    for item in named {
        let at = place(&item, live);
        let stood_before = |other: &Value| at.is_some_and(|at| place(other, live) < Some(at));
        while let Some(other) = others.next_if(stood_before) {
            laid_out.push(other);
        }
        laid_out.push(item);
    }
    laid_out.extend(others);
    laid_out
}

/// The type of a field; what is atomic for apply still merges by field here.
fn field<'a>(node: &'a Node, name: &str) -> &'a Node {
    match node {
        Node::Map(map) => MapShape::Typed(map).field(name).1,
        Node::Any(_) | Node::Atomic | Node::List(_) => node,
    }
}

fn list<'a>(directive: &str, value: &'a Value) -> Result<&'a [Value], PatchError> {
    let items = value.as_array().ok_or_else(|| {
        PatchError::Malformed(format!("{} wants a list", directive.trim_end_matches('/')))
    })?;
    Ok(items)
}

fn unknown_directive(directive: &Value) -> PatchError {
    PatchError::Malformed(format!("unrecognized type: {directive}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pods() -> std::sync::Arc<Schema> {
        Schema::of("", "v1", "Pod", None)
    }

    fn patched(live: &Value, patch: &Value) -> Value {
        strategic_merge_patch(&pods(), live, patch).expect("a good patch")
    }

    #[test]
    fn containers_merge_by_name() {
        let live = json!({"spec": {"containers": [
            {"name": "app", "image": "shop:1"}, {"name": "log", "image": "log:1"},
        ]}});
        let patch = json!({"spec": {"containers": [{"name": "app", "image": "shop:2"}]}});
        assert_eq!(
            patched(&live, &patch)["spec"]["containers"],
            json!([{"name": "app", "image": "shop:2"}, {"name": "log", "image": "log:1"}])
        );
    }

    #[test]
    fn directives_delete_and_replace_items() {
        let live = json!({"spec": {"containers": [{"name": "app"}, {"name": "log"}]}});
        let delete = json!({"spec": {"containers": [{"name": "log", "$patch": "delete"}]}});
        assert_eq!(patched(&live, &delete)["spec"]["containers"], json!([{"name": "app"}]));
        let replace = json!({"spec": {"containers": [{"name": "new"}, {"$patch": "replace"}]}});
        assert_eq!(patched(&live, &replace)["spec"]["containers"], json!([{"name": "new"}]));
    }

    #[test]
    fn retained_keys_replace_the_source_of_a_volume() {
        let live = json!({"spec": {"volumes": [{"name": "data", "emptyDir": {}}]}});
        let patch = json!({"spec": {"volumes": [{
            "name": "data", "$retainKeys": ["name", "configMap"], "configMap": {"name": "c"},
        }]}});
        assert_eq!(
            patched(&live, &patch)["spec"]["volumes"],
            json!([{"name": "data", "configMap": {"name": "c"}}])
        );
    }

    #[test]
    fn finalizers_are_a_set_that_can_lose_items() {
        let live = json!({"metadata": {"finalizers": ["a/x", "b/x"]}});
        let patch = json!({"metadata": {
            "finalizers": ["c/x"], "$deleteFromPrimitiveList/finalizers": ["a/x"],
        }});
        assert_eq!(patched(&live, &patch)["metadata"]["finalizers"], json!(["c/x", "b/x"]));
    }

    #[test]
    fn element_order_moves_items() {
        let live = json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}});
        let patch =
            json!({"spec": {"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}]}});
        assert_eq!(
            patched(&live, &patch)["spec"]["containers"],
            json!([{"name": "b"}, {"name": "c"}, {"name": "a"}])
        );
    }

    #[test]
    fn lists_without_merge_key_are_replaced() {
        let live = json!({"spec": {"tolerations": [{"key": "a"}]}});
        let patch = json!({"spec": {"tolerations": [{"key": "b"}]}});
        assert_eq!(patched(&live, &patch)["spec"]["tolerations"], json!([{"key": "b"}]));
    }

    #[test]
    fn item_without_its_merge_key_is_refused() {
        let live = json!({"spec": {"containers": []}});
        let patch = json!({"spec": {"containers": [{"image": "x"}]}});
        let refused = strategic_merge_patch(&pods(), &live, &patch);
        assert_eq!(
            refused.expect_err("no name").to_string(),
            r#"map: {"image":"x"} does not contain declared merge key: name"#
        );
    }

    #[test]
    fn failed_json_patch_changes_nothing() {
        let mut object = json!({"a": 1});
        let patch = json!([
            {"op": "replace", "path": "/a", "value": 2},
            {"op": "test", "path": "/a", "value": 3},
        ]);
        assert!(matches!(json_patch(&mut object, &patch), Err(PatchError::DoesNotFit(_))));
        assert_eq!(object, json!({"a": 1}));
    }
}
