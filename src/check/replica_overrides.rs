//! Overrides of the number of replicas: a policy divides replicas, and what an override makes of a
//! cluster's share is counted nowhere.

use serde_json::Value;

use crate::api::manifest::Manifest;
use crate::api::override_policy::{OverriderOperator, PlaintextOverrider};
use crate::interpret;

/// Whether a patch takes a value away, or writes a number.
pub(super) fn may_be_replicas(patch: &PlaintextOverrider) -> bool {
    let is_number = || patch.value.as_ref().is_some_and(Value::is_number);
    patch.operator == OverriderOperator::Remove || is_number()
}

/// Whether the share of a cluster would be written at `pointer`. Where a look does not tell, it is tried
/// on a copy, which takes one of the trials that are left; without any it is not said.
pub(super) fn holds_replicas(
    template: &Manifest,
    pointer: &str,
    n_trials_left: &mut usize,
) -> bool {
    let found = match at(template, pointer).map(Value::as_i64) {
        Some(None) => return false,
        Some(found) => found,
        // An absent number is made where its neighbours are.
        None => match pointer.rsplit_once('/').and_then(|(parent, _)| at(template, parent)) {
            Some(Value::Object(_)) => None,
            _ => return false,
        },
    };
    if *n_trials_left == 0 {
        return false;
    }
    let Some(replicas) = interpret::replicas(template) else { return false };
    if found.is_some_and(|found| found != i64::from(replicas.count)) {
        return false;
    }
    *n_trials_left -= 1;
    let mut revised = template.clone();
    let other = if replicas.count == 1 { 2 } else { 1 };
    interpret::revise_replicas(&mut revised, other);
    at(&revised, pointer).and_then(Value::as_i64) == Some(other.into())
}

/// What stands in a manifest at a JSON pointer.
fn at<'m>(manifest: &'m Manifest, pointer: &str) -> Option<&'m Value> {
    let pointer = pointer.strip_prefix('/')?;
    let (first, rest) = pointer.split_at(pointer.find('/').unwrap_or(pointer.len()));
    manifest.0.get(first)?.pointer(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_made_only_of_what_a_look_does_not_tell() {
        let shop = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: shop}, spec: {replicas: 3, \
             minReadySeconds: 3, paused: true}}";
        let shop: Manifest = serde_saphyr::from_str(shop).unwrap();
        let nothing = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {}}";
        let nothing: Manifest = serde_saphyr::from_str(nothing).unwrap();
        let mut n_trials_left = 4;
        for (template, pointer, holds, n_left) in [
            (&shop, "/spec/paused", false, 4),
            (&shop, "/spec/template/spec/priority", false, 4),
            (&shop, "/spec/revisionHistoryLimit", false, 3),
            (&shop, "/spec/minReadySeconds", false, 2),
            (&shop, "/spec/replicas", true, 1),
            (&nothing, "/spec/replicas", true, 0),
            (&shop, "/spec/replicas", false, 0),
        ] {
            assert_eq!(holds_replicas(template, pointer, &mut n_trials_left), holds, "{pointer}");
            assert_eq!(n_trials_left, n_left, "{pointer}");
        }
    }
}
