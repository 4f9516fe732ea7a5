//! Kyverno: ClusterPolicy and Policy.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Kind, pick_present};
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::interpret::fields::{Answer, Fields};
use crate::interpret::items::{last, merged_conditions, put, statuses, sum};

/// Rules about objects: of one namespace, or of a whole cluster.
pub(super) struct Policy(&'static str);

pub(super) const CLUSTER_POLICY: Policy = Policy("ClusterPolicy");
pub(super) const POLICY: Policy = Policy("Policy");

impl Kind for Policy {
    fn matches(&self) -> (&'static str, &'static str) {
        ("kyverno.io/v1", self.0)
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        let is_ready = live.at("status.ready").and_then(Value::as_bool);
        Ok(Some(is_ready.unwrap_or_else(|| {
            live.list("status.conditions").iter().any(|condition| {
                condition["type"] == "Ready"
                    && condition["status"] == "True"
                    && condition["reason"] == "Succeeded"
            })
        })))
    }

    fn reflect(&self, _live: &Manifest, status: &Value) -> Option<Value> {
        let fields = ["autogen", "conditions", "ready", "rulecount"];
        Some(Value::Object(pick_present(status, &fields)))
    }

    fn aggregate(
        &self,
        _template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        if items.is_empty() {
            return Ok(None);
        }
        let mut rules = Map::new();
        for counter in ["generate", "mutate", "validate", "verifyimages"] {
            for counts in statuses(items).filter_map(|(_, status)| status.field("rulecount")) {
                counts.need_number(counter)?;
            }
            let sum = sum(items, &format!("rulecount.{counter}"));
            rules.insert(counter.to_owned(), Value::from(sum));
        }
        let mut status = Map::from_iter([("rulecount".to_owned(), Value::Object(rules))]);
        for field in ["autogen", "ready"] {
            put(&mut status, field, last(items, field).cloned());
        }
        put(&mut status, "conditions", Some(merged_conditions(items)?));
        Ok(Some(Value::Object(status)))
    }
}
