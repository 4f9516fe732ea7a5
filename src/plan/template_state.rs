//! What an API server would keep of a template besides what people wrote: its generation and status.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::rendered::blob_id;
use crate::api::manifest::Manifest;
use crate::api::names::ObjectId;

/// Generation and status of one template, as they stand in its binding.
///
/// A file in git has no `metadata.generation`; tools that wait for a rollout compare it with
/// `status.observedGeneration` (`spec/interpreter.md` §5). Here it counts the changes of the content:
/// of everything but metadata and status.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TemplateState {
    /// How many contents it has had; absent for a template without a `spec`, as in Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// Names the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<ObjectId>,
    /// What the members' statuses add up to; absent while none reports any, and for kinds that have
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Value>,
}

impl TemplateState {
    /// The state of `template` after `before`; the status stays until it is folded again.
    pub(super) fn next(template: &Manifest, before: Option<&Self>) -> Self {
        let status = before.and_then(|before| before.status.clone());
        if !template.0.contains_key("spec") {
            return Self { generation: None, content: None, status };
        }
        let content: Map<String, Value> = template
            .0
            .iter()
            .filter(|(field, _)| !matches!(field.as_str(), "metadata" | "status"))
            .map(|(field, value)| (field.clone(), value.clone()))
            .collect();
        let content = blob_id(&serde_json::to_vec(&content).expect("JSON has a text form"));
        let generation = match before {
            Some(Self { generation: Some(generation), content: Some(old), .. }) => {
                generation + i64::from(*old != content)
            }
            _ => 1,
        };
        Self { generation: Some(generation), content: Some(content), status }
    }

    /// `template` as an API server would show it.
    #[must_use]
    pub fn shown_on(&self, template: &Manifest) -> Manifest {
        let mut shown = template.clone();
        if let Some(generation) = self.generation {
            shown.metadata_mut().insert("generation".to_owned(), Value::from(generation));
        }
        match &self.status {
            Some(status) => drop(shown.0.insert("status".to_owned(), status.clone())),
            None => drop(shown.0.remove("status")),
        }
        shown
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Manifest {
        crate::api::yaml::from_str(text).unwrap()
    }

    #[test]
    fn the_generation_counts_contents_and_not_labels() {
        let first = template("{kind: X, metadata: {name: a}, spec: {replicas: 1}}");
        let labelled =
            template("{kind: X, metadata: {name: a, labels: {b: c}}, spec: {replicas: 1}}");
        let second = template("{kind: X, metadata: {name: a}, spec: {replicas: 2}}");
        let mut state = TemplateState::next(&first, None);
        let mut generations = vec![state.generation];
        for template in [&first, &labelled, &second, &first] {
            state = TemplateState::next(template, Some(&state));
            generations.push(state.generation);
        }
        assert_eq!(generations, [Some(1), Some(1), Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn what_has_no_spec_has_no_generation() {
        let state = TemplateState::next(&template("{kind: ConfigMap, data: {a: b}}"), None);
        assert_eq!(state, TemplateState::default());
    }
}
