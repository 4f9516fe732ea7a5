//! Properties of apply, over small Deployments by a few managers.

use super::*;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

fn write(manager: &str) -> Write<'_> {
    Write { manager, api_version: "apps/v1", time: "2026-01-31T12:00:00Z", subresource: None }
}

fn schema() -> std::sync::Arc<Schema> {
    Schema::of("apps", "v1", "Deployment", None)
}

/// Annotations, and containers by name with an image and arguments; neither empty, for an empty map
/// is owned as such until it is filled.
fn config() -> impl Strategy<Value = Value> {
    let annotations = proptest::collection::btree_map("[a-d]", "[0-2]", 1..3);
    let container = ("[0-2]", proptest::option::of(0..3_u8));
    let containers = proptest::collection::btree_map("[a-c]", container, 1..3);
    (annotations, containers).prop_map(|(annotations, containers)| object(&annotations, containers))
}

fn object(
    annotations: &BTreeMap<String, String>,
    containers: BTreeMap<String, (String, Option<u8>)>,
) -> Value {
    let containers: Vec<Value> = containers
        .into_iter()
        .map(|(name, (image, arg))| {
            let mut container = json!({"name": name, "image": image});
            if let Some(arg) = arg {
                container["args"] = json!([arg.to_string()]);
            }
            container
        })
        .collect();
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "shop", "annotations": annotations},
        "spec": {"template": {"spec": {"containers": containers}}},
    })
}

fn forced(live: Option<&Value>, config: &Value, manager: &str) -> Value {
    apply(&schema(), live, config, &write(manager), Force::Yes).expect("forced")
}

fn set_of(config: &Value) -> FieldSet {
    merge::field_set(&schema().root, config).difference(&NEVER_OWNED)
}

proptest! {
    #[test]
    fn applying_twice_is_applying_once(before in config(), config in config()) {
        let live = forced(None, &before, "other");
        let once = forced(Some(&live), &config, "mine");
        prop_assert_eq!(&forced(Some(&once), &config, "mine"), &once);
    }

    #[test]
    fn applied_fields_are_there_and_dropped_ones_go_unless_owned(
        first in config(), second in config(), other in config(),
    ) {
        let live = forced(None, &first, "mine");
        let live = forced(Some(&live), &other, "other");
        let live = forced(Some(&live), &second, "mine");
        let there = set_of(&live);
        prop_assert!(set_of(&second).difference(&there).is_empty());
        // Nothing is left but what one of the two configs sets.
        let wanted = set_of(&second).union(&set_of(&other));
        prop_assert!(there.difference(&wanted).is_empty(), "{:?}", there.difference(&wanted));
    }

    #[test]
    fn managers_of_different_fields_never_conflict(mine in config(), other in config()) {
        let live = forced(None, &other, "other");
        let disjoint = set_of(&mine).intersection(&set_of(&other)).is_empty();
        let applied = apply(&schema(), Some(&live), &mine, &write("mine"), Force::No);
        prop_assert!(!disjoint || applied.is_ok());
    }

    #[test]
    fn books_survive_being_written_and_read(config in config(), other in config()) {
        let live = forced(Some(&forced(None, &config, "mine")), &other, "other");
        let books = Managed::read(entries(&live)).expect("good books");
        prop_assert_eq!(books.write().unwrap_or_default(), entries(&live).clone());
        let set = set_of(&config);
        prop_assert_eq!(FieldSet::from_json(&set.to_json()), set);
    }

    #[test]
    fn replaying_a_write_by_update_changes_no_books(config in config()) {
        let live = forced(None, &config, "mine");
        let mut same = live.clone();
        track(&schema(), Some(&live), &mut same, &write("kubectl"));
        prop_assert_eq!(same, live);
    }
}
