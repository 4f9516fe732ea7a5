//! Whether the schemas of a CustomResourceDefinition are structural: each part says its type.
//!
//! Source: the rules of structural schemas in Kubernetes' documentation of custom resources. Not here:
//! what a schema may not say inside `allOf` and the like.

use serde_json::Value;

use super::status_error::Cause;

/// What is wrong with the schemas of a definition.
pub(super) fn check_definition(definition: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    for (at, version) in versions.into_iter().flatten().enumerate() {
        let schema = &version["schema"]["openAPIV3Schema"];
        let path = format!("spec.versions[{at}].schema.openAPIV3Schema");
        if schema.is_object() {
            if schema["type"] != "object" {
                causes.push(missing(&path, "must be object at the root"));
            }
            check_parts(schema, &path, &mut causes);
        }
    }
    causes
}

fn check_parts(schema: &Value, path: &str, causes: &mut Vec<Cause>) {
    for (name, part) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.properties[{name}]");
        check_part(part, &path, "must not be empty for specified object fields", causes);
    }
    if let part @ Value::Object(_) = &schema["additionalProperties"] {
        let path = format!("{path}.additionalProperties");
        check_part(part, &path, "must not be empty for specified object fields", causes);
    }
    if let part @ Value::Object(_) = &schema["items"] {
        let path = format!("{path}.items");
        check_part(part, &path, "must not be empty for specified array items", causes);
    }
}

fn check_part(part: &Value, path: &str, rule: &str, causes: &mut Vec<Cause>) {
    let has_type = part["type"].as_str().is_some_and(|text| !text.is_empty());
    let needs_none = ["x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"];
    if !has_type && !needs_none.iter().any(|extension| part[extension] == true) {
        causes.push(missing(path, rule));
    }
    check_parts(part, path, causes);
}

fn missing(path: &str, rule: &str) -> Cause {
    Cause {
        reason: "FieldValueRequired",
        message: format!("Required value: {rule}"),
        field: format!("{path}.type"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(schema: &Value) -> Vec<String> {
        let definition = json!({"spec": {"versions": [{"schema": {"openAPIV3Schema": schema}}]}});
        check_definition(&definition).into_iter().map(|cause| cause.field).collect()
    }

    #[test]
    fn each_part_says_its_type() {
        let good = json!({"type": "object", "properties": {
            "a": {"type": "array", "items": {"type": "string"}},
            "b": {"x-kubernetes-int-or-string": true},
            "c": {"x-kubernetes-preserve-unknown-fields": true},
        }});
        assert!(check(&good).is_empty());
        let root = "spec.versions[0].schema.openAPIV3Schema";
        let bad = json!({"type": "object", "properties": {"a": {"properties": {"b": {"type": "string"}}}}});
        assert_eq!(check(&bad), [format!("{root}.properties[a].type")]);
        let bad = json!({"type": "object", "properties": {"a": {"type": "array", "items": {}}}});
        assert_eq!(check(&bad), [format!("{root}.properties[a].items.type")]);
        assert_eq!(check(&json!({"properties": {}})), [format!("{root}.type")]);
    }
}
