//! What containers have written, as the fake kubelet serves it.
//!
//! A container says what it is when it starts, and then once a second that it is still there. The text
//! follows from the pod and the time alone, so nothing is kept: any line can be made when it is asked
//! for, and the same question has the same answer.

use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{StreamExt as _, unfold};
use hyper::body::Frame;
use jiff::Timestamp;
use serde_json::Value;

use super::server::Member;
use super::status_error::Refusal;
use super::watch::Lines;
use super::world::{Call, World};

/// How often a container that runs writes a line.
const BEAT_SECS: i64 = 1;
/// Lines that a container writes when it starts.
const N_FIRST: i64 = 3;
/// How often a log that is followed is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What of a log is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
struct Options {
    container: Option<String>,
    tail: Option<i64>,
    since_secs: Option<i64>,
    is_previous: bool,
    is_followed: bool,
    has_timestamps: bool,
}

impl Options {
    fn parse(query: &str) -> Result<Self, Refusal> {
        let mut options = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let yes = matches!(&*value, "true" | "1" | "");
            let number = |least: i64| match value.parse::<i64>() {
                Ok(number) if number >= least => Ok(Some(number)),
                _ => Err(Refusal::new(
                    422,
                    "Invalid",
                    format!("{name}: Invalid value: {value}: must be {least} or more"),
                )),
            };
            match &*name {
                "container" if !value.is_empty() => options.container = Some(value.into_owned()),
                "tailLines" => options.tail = number(0)?,
                "sinceSeconds" => options.since_secs = number(1)?,
                "previous" => options.is_previous = yes,
                "follow" => options.is_followed = yes,
                "timestamps" => options.has_timestamps = yes,
                _ => {}
            }
        }
        Ok(options)
    }
}

/// The log of one container.
#[derive(Clone, Debug, PartialEq)]
struct Log {
    pod: String,
    container: String,
    image: String,
    started: Timestamp,
    ended: Option<Timestamp>,
}

impl Log {
    /// The log that is asked for, as it is now.
    fn of(pod: &Value, options: &Options) -> Result<Self, Refusal> {
        let name = text(&pod["metadata"]["name"]);
        let container = container_of(pod, options.container.as_deref())?;
        if options.is_previous {
            // Containers of a simulated pod never restart.
            return Err(Refusal::bad_request(format!(
                "previous terminated container \"{container}\" in pod \"{name}\" not found"
            )));
        }
        let statuses = ["initContainerStatuses", "containerStatuses"]
            .into_iter()
            .flat_map(|list| pod["status"][list].as_array().into_iter().flatten());
        let state = statuses
            .filter(|status| status["name"] == *container)
            .map(|status| &status["state"])
            .find(|state| !state["running"].is_null() || !state["terminated"].is_null());
        let time = |value: &Value| text(value).parse::<Timestamp>().ok();
        let started = |state: &Value| {
            time(&state["running"]["startedAt"]).or_else(|| time(&state["terminated"]["startedAt"]))
        };
        let Some((started, state)) = state.and_then(|state| Some((started(state)?, state))) else {
            return Err(Refusal::bad_request(format!(
                "container \"{container}\" in pod \"{name}\" is waiting to start: ContainerCreating"
            )));
        };
        let spec = containers(pod).find(|spec| spec["name"] == *container);
        Ok(Self {
            pod: name.to_owned(),
            image: text(&spec.unwrap_or(&Value::Null)["image"]).to_owned(),
            ended: time(&state["terminated"]["finishedAt"]),
            container,
            started,
        })
    }

    /// How many lines there are at `now`.
    fn len(&self, now: Timestamp) -> i64 {
        let until = self.ended.unwrap_or(now);
        N_FIRST + until.duration_since(self.started).as_secs().max(0) / BEAT_SECS
    }

    /// When a line was written, in seconds since the start.
    fn second(line: i64) -> i64 {
        (line + 1 - N_FIRST).max(0) * BEAT_SECS
    }

    fn line(&self, line: i64, has_timestamps: bool) -> String {
        let second = Self::second(line);
        let said = match line {
            0 => format!("{} starts in {}", self.container, self.pod),
            1 => format!("image {}", self.image),
            2 => "ready".to_owned(),
            _ => format!("alive for {second} s"),
        };
        if !has_timestamps {
            return said + "\n";
        }
        let time = self.started + jiff::SignedDuration::from_secs(second);
        format!("{} {said}\n", time.strftime("%Y-%m-%dT%H:%M:%S.%9fZ"))
    }

    /// The first line that is asked for.
    fn first(&self, options: &Options, now: Timestamp) -> i64 {
        let len = self.len(now);
        let since = options.since_secs.map(|secs| {
            let oldest = now.duration_since(self.started).as_secs() - secs;
            (0..len).take_while(|line| Self::second(*line) < oldest).count() as i64
        });
        let tail = options.tail.map(|n_lines| len.saturating_sub(n_lines).max(0));
        since.unwrap_or(0).max(tail.unwrap_or(0))
    }
}

/// The body of the answer: all of it, or as it grows.
pub(super) fn answer(member: Rc<Member>, call: Call, query: &str) -> Result<Lines, Refusal> {
    let options = Options::parse(query)?;
    let pod_now = pod(&member.world.borrow(), &call)?;
    // No kubelet can be asked for what is on no node.
    let begun = match text(&pod_now["spec"]["nodeName"]) {
        "" => None,
        _ => Some(Log::of(&pod_now, &options)?.first(&options, Timestamp::now())),
    };
    let state = (member, call, options, begun);
    let body = unfold(state, |(member, call, options, next)| async move {
        let mut from = next?;
        loop {
            // The pod may have gone or ended meanwhile.
            let log = pod(&member.world.borrow(), &call).and_then(|pod| Log::of(&pod, &options));
            let Ok(log) = log else { return None };
            let until = log.len(Timestamp::now());
            let lines: String =
                (from..until).map(|line| log.line(line, options.has_timestamps)).collect();
            from = from.max(until);
            let is_last = !options.is_followed || log.ended.is_some();
            if !lines.is_empty() || is_last {
                let frame = Ok::<_, Infallible>(Frame::data(Bytes::from(lines)));
                let next = (!is_last).then_some(from);
                return Some((frame, (member, call, options, next)));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    });
    Ok(body.boxed_local())
}

/// The pod that is asked for.
pub(super) fn pod(world: &World, call: &Call) -> Result<Value, Refusal> {
    let key = call.key()?;
    let pod = world.storage.get(&key).map(|pod| pod.value());
    pod.ok_or_else(|| Refusal::not_found(&call.resource, &key.name))
}

/// The container of the pod that is meant: one that it has, and its only one if none is named.
pub(super) fn container_of(pod: &Value, named: Option<&str>) -> Result<String, Refusal> {
    let names: Vec<&str> = containers(pod).map(|spec| text(&spec["name"])).collect();
    let pod_name = text(&pod["metadata"]["name"]);
    match (named, names.as_slice()) {
        (Some(name), names) if names.contains(&name) => Ok(name.to_owned()),
        (Some(name), _) => {
            Err(Refusal::bad_request(format!("container {name} is not valid for pod {pod_name}")))
        }
        (None, [only]) => Ok((*only).to_owned()),
        (None, names) => Err(Refusal::bad_request(format!(
            "a container name must be specified for pod {pod_name}, choose one of: [{}]",
            names.join(" ")
        ))),
    }
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let list = |name: &str| pod["spec"][name].as_array().into_iter().flatten();
    list("initContainers").chain(list("containers"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn log() -> Log {
        let state = json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}});
        let pod = json!({"metadata": {"name": "web-0"},
            "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            "status": {"containerStatuses": [{"name": "web", "state": state}]}});
        Log::of(&pod, &Options::default()).unwrap()
    }

    #[test]
    fn what_is_asked_for_is_what_comes() {
        let now: Timestamp = "2026-01-01T00:00:10Z".parse().unwrap();
        let log = log();
        assert_eq!(log.len(now), 13);
        assert_eq!(log.line(0, false), "web starts in web-0\n");
        assert_eq!(log.line(12, true), "2026-01-01T00:00:10.000000000Z alive for 10 s\n");
        for (query, first) in [
            ("", 0),
            ("tailLines=2", 11),
            ("tailLines=0", 13),
            ("tailLines=100", 0),
            ("sinceSeconds=3", 9),
            ("sinceSeconds=3&tailLines=1", 12),
        ] {
            let options = Options::parse(query).unwrap();
            assert_eq!(log.first(&options, now), first, "{query}");
        }
        assert_eq!(Options::parse("sinceSeconds=0").unwrap_err().code, 422);
    }
}
