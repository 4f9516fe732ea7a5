//! Replicas' needs and components as scripts and webhooks give them.

use serde_json::Value;

use super::foreign::{told, typed};
use crate::api::binding::{Component, ReplicaRequirements};
use crate::api::decode::closest;

const NODE_CLAIM: &[&str] = &["hardNodeAffinity", "nodeSelector", "tolerations"];
const REQUIREMENTS: &[&str] = &["nodeClaim", "resourceRequest", "namespace", "priorityClassName"];
const OF_COMPONENT: &[&str] = &["nodeClaim", "resourceRequest", "priorityClassName"];
const COMPONENT: &[&str] = &["name", "replicas", "replicaRequirements"];

/// What a script says that one replica needs, or what is wrong with it. A key that nothing reads is
/// wrong: without what it was meant for, replicas would go where they have no room.
pub(super) fn requirements_of(table: Value) -> Result<ReplicaRequirements, String> {
    needs(&table, REQUIREMENTS)?;
    typed(table)
}

/// The components that a script lists, by name, or what is wrong with them.
pub(super) fn components_of(list: Value) -> Result<Vec<Component>, String> {
    for component in list.as_array().into_iter().flatten() {
        known(component, "a component", COMPONENT)?;
        needs(&component["replicaRequirements"], OF_COMPONENT)?;
    }
    in_order(typed(list)?)
}

/// Components by name, or what is wrong with them: what is divided and reported is known by its name.
pub(super) fn in_order(mut components: Vec<Component>) -> Result<Vec<Component>, String> {
    components.sort_by(|a, b| a.name.cmp(&b.name));
    for component in &components {
        if component.name.is_empty() {
            return Err("a component has no `name`".to_owned());
        }
        if component.replicas < 0 {
            return Err(format!("{} is no number of replicas", component.replicas));
        }
    }
    match components.windows(2).find(|two| two[0].name == two[1].name) {
        Some(two) => Err(told(&format!("two components have the name `{}`", two[0].name))),
        None => Ok(components),
    }
}

fn needs(table: &Value, names: &[&str]) -> Result<(), String> {
    known(table, "what a replica needs", names)?;
    known(&table["nodeClaim"], "`nodeClaim`", NODE_CLAIM)
}

/// Refuses a key that is not among `names`. Keys are the script's own words, not the object's.
fn known(table: &Value, what: &str, names: &[&str]) -> Result<(), String> {
    let Some(map) = table.as_object() else { return Ok(()) };
    let Some(key) = map.keys().find(|key| !names.contains(&key.as_str())) else { return Ok(()) };
    let meant = match closest(key, names.iter().copied()) {
        Some(name) => format!("did it mean `{name}`?"),
        None => format!("there are {}", names.join(", ")),
    };
    Err(told(&format!("{what} has no `{key}`; {meant}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_that_nothing_reads_is_told_with_what_was_meant() {
        for (table, why) in [
            (
                json!({"resourceRequests": {"cpu": "1"}}),
                "what a replica needs has no `resourceRequests`; did it mean `resourceRequest`?",
            ),
            (
                json!({"nodeClaim": {"NodeSelector": {}}}),
                "`nodeClaim` has no `NodeSelector`; did it mean `nodeSelector`?",
            ),
            (
                json!({"zone": "eu"}),
                "what a replica needs has no `zone`; there are nodeClaim, resourceRequest, namespace, priorityClassName",
            ),
        ] {
            assert_eq!(requirements_of(table).unwrap_err(), why);
        }
        let all = json!({"nodeClaim": {"nodeSelector": {"a": "b"}}, "resourceRequest": {"cpu": "1"},
            "namespace": "a", "priorityClassName": "high"});
        requirements_of(all).unwrap();
    }

    #[test]
    fn components_are_told_apart_by_their_names() {
        for (list, why) in [
            (json!([{"name": "", "replicas": 1}]), "a component has no `name`"),
            (
                json!([{"name": "a", "replicas": 1}, {"name": "a", "replicas": 2}]),
                "two components have the name `a`",
            ),
            (json!([{"name": "a", "replicas": -1}]), "-1 is no number of replicas"),
            (
                json!([{"name": "a", "replicas": 1.5}]),
                "`[0].replicas` has not the form that is asked for",
            ),
            (
                json!([{"name": "a", "replicas": 1, "replicaRequirement": {}}]),
                "a component has no `replicaRequirement`; did it mean `replicaRequirements`?",
            ),
            (
                json!([{"name": "a", "replicas": 1, "replicaRequirements": {"namespace": "x"}}]),
                "what a replica needs has no `namespace`; there are nodeClaim, resourceRequest, priorityClassName",
            ),
        ] {
            assert_eq!(components_of(list).unwrap_err(), why);
        }
        let list = json!([{"name": "b", "replicas": 1}, {"name": "a", "replicas": 0}]);
        assert_eq!(components_of(list).unwrap()[0].name, "a");
    }
}
