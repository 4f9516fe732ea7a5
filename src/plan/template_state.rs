//! What an API server would keep of a template besides what people wrote: its generation and status.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::manifest::Manifest;
use crate::api::names::ObjectId;
use crate::interpret;

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
    /// Names the users' rules by which the status was made; absent for the bundled ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ObjectId>,
    /// What the members' statuses add up to; absent while none reports any, and for kinds that have
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Value>,
}

impl TemplateState {
    /// The state of `template`, of this content, after `before`; the status stays until it is folded
    /// again, but for what another content than before takes back.
    pub(super) fn next(
        template: &Manifest,
        content: Option<ObjectId>,
        before: Option<&Self>,
    ) -> Self {
        let generation = content.map(|content| match before {
            Some(Self { generation: Some(generation), content: Some(old), .. }) => {
                generation + i64::from(*old != content)
            }
            _ => 1,
        });
        let is_other = before.is_some_and(|before| before.content != content);
        let status = before.and_then(|before| before.status.clone());
        let status = match status {
            Some(status) if is_other => Some(interpret::begin_anew(template, status)),
            status => status,
        };
        Self { generation, content, by: before.and_then(|before| before.by), status }
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

    #[test]
    fn the_generation_counts_contents() {
        let content = |n: u8| Some(ObjectId::from_bytes([n; 20]));
        let template = serde_saphyr::from_str("{apiVersion: v1, kind: ConfigMap}").unwrap();
        let next = |content, before: Option<&TemplateState>| {
            TemplateState::next(&template, content, before)
        };
        let mut state = next(content(1), None);
        let mut generations = vec![state.generation];
        for n in [1, 2, 2, 1] {
            state = next(content(n), Some(&state));
            generations.push(state.generation);
        }
        assert_eq!(generations, [Some(1), Some(1), Some(2), Some(2), Some(3)]);
        assert_eq!(next(None, Some(&state)).generation, None);
    }

    #[test]
    fn a_job_that_ended_begins_anew_when_its_content_changes() {
        let job = serde_saphyr::from_str("{apiVersion: batch/v1, kind: Job}").unwrap();
        let content = |n: u8| Some(ObjectId::from_bytes([n; 20]));
        let ended = serde_json::json!({
            "succeeded": 1,
            "completionTime": "2026-06-01T00:00:00Z",
            "conditions": [{"type": "Complete", "status": "True"}],
        });
        let before =
            TemplateState { status: Some(ended), ..TemplateState::next(&job, content(1), None) };
        assert_eq!(TemplateState::next(&job, content(1), Some(&before)), before, "a label");
        let changed = TemplateState::next(&job, content(2), Some(&before)).status;
        assert_eq!(changed, Some(serde_json::json!({"succeeded": 1, "conditions": []})));
    }
}
