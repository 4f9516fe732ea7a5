//! Jobs: pods that end, until enough have.

use super::replicas::is_active;
use super::{CONTROLLERS, World, count, find_condition, free_names, is_ready, pod_of, status_of};
use serde_json::{Value, json};

pub(super) fn look_at(world: &mut World<'_>, job: &Value) {
    if find_condition(job, "Complete").is_some() {
        return;
    }
    let pods = world.owned(job, "Pod");
    let active: Vec<&Value> = pods.iter().filter(|pod| is_active(pod)).collect();
    let n_succeeded = pods.iter().filter(|pod| pod["status"]["phase"] == "Succeeded").count();
    let number = |field: &str| usize::try_from(count(&job["spec"][field])).unwrap_or_default();
    let is_suspended = job["spec"]["suspend"] == true;
    // Without a number of completions one pod that ends well is enough.
    let wanted = match &job["spec"]["completions"] {
        Value::Null => 1,
        _ => number("completions"),
    };
    let at_once = number("parallelism").min(wanted.saturating_sub(n_succeeded));
    let at_once = if is_suspended { 0 } else { at_once };

    for pod_name in free_names(job, &pods, at_once.saturating_sub(active.len())) {
        world.create(pod_of(job, &pod_name, &[]));
    }
    for pod in active.iter().skip(at_once) {
        world.delete(pod);
    }

    let is_complete = !is_suspended && n_succeeded >= wanted;
    let mut conditions = Vec::new();
    if is_suspended {
        conditions.push(world.condition(job, "Suspended", true, "JobSuspended", "Job suspended"));
    }
    if is_complete {
        let reason = "CompletionsReached";
        let message = "Reached expected number of succeeded pods";
        for condition_type in ["SuccessCriteriaMet", "Complete"] {
            let mut condition = world.condition(job, condition_type, true, reason, message);
            condition["lastProbeTime"] = condition["lastTransitionTime"].clone();
            conditions.push(condition);
        }
    }
    let started = match &job["status"]["startTime"] {
        Value::Null if is_suspended => Value::Null,
        Value::Null => json!(world.now),
        started => started.clone(),
    };
    let mut status = status_of(json!({
        "startTime": started,
        "active": active.len(),
        "succeeded": n_succeeded,
        "completionTime": is_complete.then(|| world.now.clone()),
    }));
    if !conditions.is_empty() {
        status["conditions"] = json!(conditions);
    }
    status["ready"] = json!(active.iter().filter(|pod| is_ready(pod)).count());
    status["terminating"] = json!(0);
    status["uncountedTerminatedPods"] = json!({});
    world.update_status(CONTROLLERS, job, status);
}
