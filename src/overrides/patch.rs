//! RFC 6902 patches, in the three operations that overriders have.

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation};
use serde_json::Value;

use crate::api::depth::{DEPTH_MAX, depth};
use crate::api::override_policy::OverriderOperator;
use crate::api::pointer::{escape, unescape};

/// One operation of a patch, borrowed from a policy.
pub(super) struct Operation<'a> {
    /// What to do.
    pub(super) operator: OverriderOperator,
    /// JSON pointer; an index below 0 counts from the end of its list.
    pub(super) path: &'a str,
    /// New value; absent means null.
    pub(super) value: Option<&'a Value>,
}

/// Applies `operations` in order, and says whether one of them changed something.
///
/// # Errors
/// The place of an operation among them and why it cannot be applied, as the end of a sentence;
/// `document` is then as it was before that operation.
pub(super) fn patch(
    document: &mut Value,
    operations: &[Operation<'_>],
) -> Result<bool, (usize, String)> {
    let mut has_effect = false;
    for (idx, operation) in operations.iter().enumerate() {
        let refused = |rule: &str| {
            let verb = match operation.operator {
                OverriderOperator::Add => "add",
                OverriderOperator::Remove => "remove",
                OverriderOperator::Replace => "replace",
            };
            (idx, format!("cannot {verb} `{}`: {rule}", operation.path))
        };
        let at = counted_from_the_start(document, operation.path);
        let value = operation.value.cloned().unwrap_or(Value::Null);
        has_effect |= match operation.operator {
            OverriderOperator::Add => is_news(document, &at, &value),
            OverriderOperator::Replace => find(document, &at) != Some(&value),
            OverriderOperator::Remove => true,
        };
        // Policies have as many operations as they like, each on what the one before has made.
        if operation.operator != OverriderOperator::Remove
            && at.matches('/').count() + depth(&value) > DEPTH_MAX
        {
            return Err(refused(&format!(
                "maps and lists would be nested more than {DEPTH_MAX} levels deep"
            )));
        }
        let path = PointerBuf::parse(at).map_err(|_| refused("it is not a JSON pointer"))?;
        let step = match operation.operator {
            OverriderOperator::Add => PatchOperation::Add(AddOperation { path, value }),
            OverriderOperator::Remove => PatchOperation::Remove(RemoveOperation { path }),
            OverriderOperator::Replace => PatchOperation::Replace(ReplaceOperation { path, value }),
        };
        json_patch::patch(document, &Patch(vec![step]))
            .map_err(|_| refused("the object has no such place"))?;
    }
    Ok(has_effect)
}

/// Whether adding `value` at `path` changes something: in a list it moves the others.
fn is_news(document: &Value, path: &str, value: &Value) -> bool {
    let Some((parent, name)) = path.rsplit_once('/') else { return document != value };
    let Some(parent) = find(document, parent) else { return true };
    parent.is_array() || step(parent, name) != Some(value)
}

/// The value at a JSON pointer. (The library's own allocates for every step.)
fn find<'v>(document: &'v Value, path: &str) -> Option<&'v Value> {
    if path.is_empty() {
        return Some(document);
    }
    path.strip_prefix('/')?.split('/').try_fold(document, step)
}

fn step<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Object(map) if !name.contains('~') => map.get(name),
        _ => value.pointer(&format!("/{name}")),
    }
}

/// `path` with every index below 0 counted from the start of the list that it points into.
fn counted_from_the_start(document: &Value, path: &str) -> String {
    if !path.contains("/-") {
        return path.to_owned();
    }
    let mut value = Some(document);
    let mut resolved = String::with_capacity(path.len());
    for (nth, segment) in path.split('/').enumerate() {
        if nth == 0 {
            resolved.push_str(segment);
            continue;
        }
        let mut segment = unescape(segment);
        if let (Some(Value::Array(list)), Ok(index)) = (value, segment.parse::<i64>())
            && index < 0
        {
            segment = (list.len() as i64 + index).to_string().into();
        }
        value = match value {
            Some(Value::Array(list)) => segment.parse::<usize>().ok().and_then(|idx| list.get(idx)),
            Some(Value::Object(map)) => map.get(&*segment),
            _ => None,
        };
        resolved.push('/');
        resolved.push_str(&escape(&segment));
    }
    resolved
}
