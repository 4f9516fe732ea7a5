//! The cells of a row.

use jiff::Timestamp;
use serde_json::{Value, json};

/// One object, seen at an instant: where the cells come from.
pub(super) struct Row<'a> {
    pub(super) object: &'a Value,
    pub(super) now: Timestamp,
}

impl<'a> Row<'a> {
    pub(super) fn at(&self, pointer: &str) -> &'a Value {
        self.object.pointer(pointer).unwrap_or(&Value::Null)
    }

    pub(super) fn text(&self, pointer: &str) -> &'a str {
        self.at(pointer).as_str().unwrap_or_default()
    }

    pub(super) fn or(&self, pointer: &str, otherwise: &str) -> Value {
        let text = self.text(pointer);
        if text.is_empty() { otherwise.into() } else { text.into() }
    }

    pub(super) fn or_none(&self, pointer: &str) -> Value {
        self.or(pointer, "<none>")
    }

    pub(super) fn or_unknown(&self, pointer: &str) -> Value {
        self.or(pointer, "<unknown>")
    }

    pub(super) fn or_not_available(&self, pointer: &str) -> Value {
        match self.at(pointer) {
            Value::Null => json!("N/A"),
            Value::String(text) => json!(text),
            other => other.to_string().into(),
        }
    }

    pub(super) fn count(&self, pointer: &str) -> i64 {
        self.at(pointer).as_i64().unwrap_or_default()
    }

    pub(super) fn items(&self, pointer: &str) -> &'a [Value] {
        self.at(pointer).as_array().map_or(&[], Vec::as_slice)
    }

    pub(super) fn size(&self, pointer: &str) -> usize {
        self.at(pointer).as_object().map_or(0, serde_json::Map::len)
    }

    pub(super) fn ratio(&self, part: &str, whole: &str) -> Value {
        format!("{}/{}", self.count(part), self.count(whole)).into()
    }

    /// How long ago an instant was.
    pub(super) fn since(&self, pointer: &str) -> Value {
        match self.text(pointer).parse::<Timestamp>() {
            Ok(instant) => duration(self.now.as_second() - instant.as_second()).into(),
            Err(_) => json!("<unknown>"),
        }
    }

    pub(super) fn condition(&self, condition_type: &str) -> Option<&'a Value> {
        let conditions = self.items("/status/conditions");
        conditions.iter().find(|condition| condition["type"] == condition_type)
    }

    pub(super) fn has_condition(&self, condition_type: &str) -> bool {
        self.condition(condition_type).is_some_and(|condition| condition["status"] == "True")
    }

    pub(super) fn containers(&self, field: &str) -> Value {
        let templates = ["/spec/template", "/spec/jobTemplate/spec/template"];
        let lists = templates.map(|template| self.items(&format!("{template}/spec/containers")));
        let texts: Vec<&str> =
            lists.into_iter().flatten().filter_map(|container| container[field].as_str()).collect();
        texts.join(",").into()
    }

    pub(super) fn labels(&self, pointer: &str) -> String {
        format_labels(self.at(pointer))
    }

    pub(super) fn selector(&self, pointer: &str) -> String {
        let selector = self.at(pointer);
        let Some(fields) = selector.as_object() else { return "<none>".to_owned() };
        if !fields.contains_key("matchLabels") && !fields.contains_key("matchExpressions") {
            // A ReplicationController selects by plain labels.
            return format_labels(selector);
        }
        let mut terms = Vec::new();
        for (name, value) in selector["matchLabels"].as_object().into_iter().flatten() {
            terms.push(format!("{name}={}", value.as_str().unwrap_or_default()));
        }
        for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
            let key = expression["key"].as_str().unwrap_or_default();
            let values: Vec<&str> = expression["values"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            terms.push(match expression["operator"].as_str() {
                Some("In") => format!("{key} in ({})", values.join(",")),
                Some("NotIn") => format!("{key} notin ({})", values.join(",")),
                Some("DoesNotExist") => format!("!{key}"),
                _ => key.to_owned(),
            });
        }
        if terms.is_empty() { "<none>".to_owned() } else { terms.join(",") }
    }

    pub(super) fn pod_ready(&self) -> Value {
        let statuses = self.items("/status/containerStatuses");
        let n_ready = statuses
            .iter()
            .filter(|status| status["ready"] == true && !status["state"]["running"].is_null());
        format!("{}/{}", n_ready.count(), self.items("/spec/containers").len()).into()
    }

    pub(super) fn pod_status(&self) -> Value {
        let phase = self.text("/status/phase");
        let mut status = self.or("/status/reason", phase);
        for container in self.items("/status/containerStatuses").iter().rev() {
            for state in ["waiting", "terminated"] {
                if let Value::String(reason) = &container["state"][state]["reason"] {
                    status = json!(reason);
                }
            }
        }
        let ended = matches!(phase, "Succeeded" | "Failed");
        if !self.at("/metadata/deletionTimestamp").is_null() && !ended {
            status = json!("Terminating");
        }
        status
    }

    pub(super) fn pod_restarts(&self) -> Value {
        let statuses = self.items("/status/containerStatuses");
        let n_restarts: i64 =
            statuses.iter().filter_map(|status| status["restartCount"].as_i64()).sum();
        n_restarts.to_string().into()
    }

    pub(super) fn job_status(&self) -> Value {
        let status = if self.has_condition("Complete") {
            "Complete"
        } else if self.has_condition("Failed") {
            "Failed"
        } else if !self.at("/metadata/deletionTimestamp").is_null() {
            "Terminating"
        } else if self.has_condition("Suspended") {
            "Suspended"
        } else {
            "Running"
        };
        status.into()
    }

    pub(super) fn job_completions(&self) -> Value {
        let n_succeeded = self.count("/status/succeeded");
        match (self.at("/spec/completions").as_i64(), self.count("/spec/parallelism")) {
            (Some(completions), _) => format!("{n_succeeded}/{completions}").into(),
            (None, parallelism @ 2..) => format!("{n_succeeded}/1 of {parallelism}").into(),
            (None, _) => format!("{n_succeeded}/1").into(),
        }
    }

    pub(super) fn job_duration(&self) -> Value {
        let instant = |pointer: &str| self.text(pointer).parse::<Timestamp>().ok();
        let Some(start) = instant("/status/startTime") else { return json!("") };
        let end = instant("/status/completionTime").unwrap_or(self.now);
        duration(end.as_second() - start.as_second()).into()
    }

    pub(super) fn addresses(&self) -> String {
        let points = self.items("/status/loadBalancer/ingress");
        let addresses: Vec<&str> = points
            .iter()
            .filter_map(|point| point["ip"].as_str().or(point["hostname"].as_str()))
            .collect();
        addresses.join(",")
    }

    pub(super) fn external_ip(&self) -> Value {
        let external = self.items("/spec/externalIPs");
        let mut addresses: Vec<String> = Vec::new();
        match self.text("/spec/type") {
            "ExternalName" => return self.at("/spec/externalName").clone(),
            "LoadBalancer" => {
                let balanced = self.addresses();
                if balanced.is_empty() && external.is_empty() {
                    return json!("<pending>");
                }
                addresses.extend((!balanced.is_empty()).then_some(balanced));
            }
            _ if external.is_empty() => return json!("<none>"),
            _ => {}
        }
        addresses.extend(external.iter().filter_map(Value::as_str).map(str::to_owned));
        addresses.join(",").into()
    }

    pub(super) fn service_ports(&self) -> Value {
        let ports: Vec<String> = self
            .items("/spec/ports")
            .iter()
            .map(|port| {
                let protocol = port["protocol"].as_str().unwrap_or("TCP");
                match port["nodePort"].as_i64() {
                    Some(node_port) if node_port > 0 => {
                        format!("{}:{node_port}/{protocol}", port["port"])
                    }
                    _ => format!("{}/{protocol}", port["port"]),
                }
            })
            .collect();
        if ports.is_empty() { json!("<none>") } else { ports.join(",").into() }
    }

    pub(super) fn hosts(&self) -> Value {
        const N_SHOWN: usize = 3;
        let rules = self.items("/spec/rules");
        let hosts: Vec<&str> =
            rules.iter().take(N_SHOWN).filter_map(|rule| rule["host"].as_str()).collect();
        if hosts.is_empty() {
            return json!("*");
        }
        let shown = hosts.join(",");
        match rules.len().checked_sub(N_SHOWN) {
            Some(n_more @ 1..) => format!("{shown} + {n_more} more...").into(),
            _ => shown.into(),
        }
    }

    pub(super) fn node_status(&self) -> Value {
        let mut status = match self.condition("Ready") {
            None => "Unknown".to_owned(),
            Some(condition) if condition["status"] == "True" => "Ready".to_owned(),
            Some(_) => "NotReady".to_owned(),
        };
        if *self.at("/spec/unschedulable") == true {
            status.push_str(",SchedulingDisabled");
        }
        status.into()
    }

    pub(super) fn node_roles(&self) -> Value {
        let labels = self.at("/metadata/labels").as_object();
        let roles: Vec<&str> = labels
            .into_iter()
            .flatten()
            .filter_map(|(name, _)| name.strip_prefix("node-role.kubernetes.io/"))
            .collect();
        if roles.is_empty() { json!("<none>") } else { roles.join(",").into() }
    }

    pub(super) fn node_address(&self, address_type: &str) -> Value {
        let addresses = self.items("/status/addresses");
        let address = addresses.iter().find(|address| address["type"] == address_type);
        address.map_or(json!("<none>"), |address| address["address"].clone())
    }

    pub(super) fn access_modes(&self, pointer: &str) -> Value {
        let modes: Vec<&str> = self
            .items(pointer)
            .iter()
            .filter_map(|mode| match mode.as_str()? {
                "ReadWriteOnce" => Some("RWO"),
                "ReadOnlyMany" => Some("ROX"),
                "ReadWriteMany" => Some("RWX"),
                "ReadWriteOncePod" => Some("RWOP"),
                _ => None,
            })
            .collect();
        modes.join(",").into()
    }
}

fn format_labels(labels: &Value) -> String {
    let labels: Vec<String> = labels
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
        .collect();
    if labels.is_empty() { "<none>".to_owned() } else { labels.join(",") }
}

/// A span of time as kubectl shows it: two or three figures that matter.
pub(super) fn duration(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let two = |large: i64, unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{small_unit}"),
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_figures_that_matter() {
        let shown = [
            (-5, "<invalid>"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (150, "2m30s"),
            (600, "10m"),
            (10_800, "3h"),
            (11_100, "3h5m"),
            (36_000, "10h"),
            (180_000, "2d2h"),
            (864_000, "10d"),
            (63_072_000, "2y"),
        ];
        for (seconds, text) in shown {
            assert_eq!(duration(seconds), text);
        }
    }
}
