//! Reads `.fleet` files and shows plans as text.
//!
//! A `.fleet` file is a story in YAML. A line `### commit` begins the source of the next commit (the
//! whole of it), `### report NAME` what a cluster reports from then on. Each commit is planned with
//! the plan before it as previous. After a line `### evict NAME` all that runs in that cluster is being
//! moved away from it when the next commit is planned.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use git_fleet::api::manifest::ObjectKey;
use git_fleet::api::names::{ClusterName, ObjectId};
use git_fleet::api::problem::Severity;
use git_fleet::api::report::ClusterReport;
use git_fleet::fleet::{Fleet, parse_file};
use git_fleet::interpret::Bundled;
use git_fleet::plan::{
    ClusterGroup, Inputs, Memo, Plan, Previous, RenderedFile, blob_id, make, subject,
};
use jiff::Timestamp;
use serde_json::Value;

/// One commit of a story with what was reported when it was planned.
pub(crate) struct Step {
    pub(crate) fleet: Fleet,
    pub(crate) reports: BTreeMap<ClusterName, Arc<ClusterReport>>,
    /// Clusters that all is moved away from before.
    pub(crate) evicted: Vec<String>,
}

impl Step {
    /// What the step is planned after: the results of `plan`, and evictions.
    pub(crate) fn after(&self, plan: &Plan) -> Previous {
        if self.evicted.is_empty() {
            return Previous::from(plan);
        }
        let mut files: BTreeMap<String, Vec<u8>> =
            plan.files().into_iter().map(|(path, file)| (path, file.bytes.clone())).collect();
        for (_, bytes) in files.iter_mut().filter(|(path, _)| path.starts_with("bindings/")) {
            let mut binding: Value = git_fleet::api::yaml::from_bytes(bytes).unwrap();
            let spec = &mut binding["spec"];
            for cluster in &self.evicted {
                let clusters = spec["clusters"].as_array_mut().unwrap();
                clusters.retain(|target| target["name"] != **cluster);
                let task = serde_json::json!({
                    "fromCluster": cluster, "reason": "TaintUntolerated", "producer": "TaintManager",
                });
                spec["gracefulEvictionTasks"] = Value::Array(vec![task]);
            }
            *bytes = binding.to_string().into_bytes();
        }
        Previous::read(files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()))).unwrap()
    }
}

/// The fleet of one YAML text; its settings have a file of their own.
pub(crate) fn fleet(text: &str) -> Fleet {
    let id = blob_id(text.as_bytes());
    let is_settings = |document: &&str| document.contains("kind: FleetSettings\n");
    let (settings, rest): (Vec<&str>, Vec<&str>) = text.split("---\n").partition(is_settings);
    let files = [("case.yaml", rest), ("fleet.yaml", settings)];
    let files = files.into_iter().filter(|(_, documents)| !documents.is_empty());
    let files: Vec<_> = files
        .map(|(path, documents)| {
            let text = documents.join("---\n");
            Arc::new(parse_file(path, blob_id(text.as_bytes()), text.as_bytes()))
        })
        .collect();
    let (fleet, problems) = Fleet::assemble(id, &files);
    let errors: Vec<_> = problems
        .iter()
        .filter(|one| one.severity == Severity::Error)
        .map(ToString::to_string)
        .collect();
    assert!(errors.is_empty(), "the case is not valid:\n{}", errors.join("\n"));
    fleet
}

/// The report in one YAML text: `cluster` is its status, `objects` maps `<key path>` to reports.
pub(crate) fn report(text: &str) -> ClusterReport {
    let value: Value = git_fleet::api::yaml::from_str(text).unwrap();
    let objects = value["objects"].as_object().into_iter().flatten();
    ClusterReport {
        commit: ObjectId::from_bytes([0; 20]),
        cluster: match &value["cluster"] {
            Value::Null => git_fleet::api::cluster::ClusterStatus::default(),
            status => serde_json::from_value(status.clone()).unwrap(),
        },
        objects: objects
            .map(|(path, report)| {
                let key = ObjectKey::from_path(path).unwrap();
                (key, serde_json::from_value(report.clone()).unwrap())
            })
            .collect(),
    }
}

/// The steps of a story.
pub(crate) fn steps(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut reports = BTreeMap::new();
    let mut evicted = Vec::new();
    for section in text.split("### ").skip(1) {
        let (head, body) = section.split_once('\n').unwrap();
        match head.trim().split_once(' ') {
            None => {
                let evicted = std::mem::take(&mut evicted);
                steps.push(Step { fleet: fleet(body), reports: reports.clone(), evicted });
            }
            Some(("evict", name)) => evicted.push(name.to_owned()),
            Some((_, name)) => {
                reports.insert(name.parse().unwrap(), Arc::new(report(body)));
            }
        }
    }
    steps
}

/// The instant at which every case is planned.
pub(crate) fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

/// Plans one step after `previous`.
pub(crate) fn plan(step: &Step, previous: &Previous, memo: &mut Memo) -> Plan {
    let (fleet, reports, interpreter) = (&step.fleet, &step.reports, &Bundled);
    let inputs = Inputs { fleet, reports, previous, interpreter, now: now() };
    make(&inputs, memo)
}

/// Plans a story to its end and shows each plan.
pub(crate) fn tell(text: &str) -> String {
    let mut last: Option<Plan> = None;
    let mut shown = String::new();
    for step in steps(text) {
        let previous = last.as_ref().map(|last| step.after(last)).unwrap_or_default();
        let plan = plan(&step, &previous, &mut Memo::default());
        let diff = plan.diff(&previous);
        writeln!(shown, "=== {}", subject(&diff)).unwrap();
        shown.push_str(&show(&plan));
        last = Some(plan);
    }
    shown
}

fn groups(shown: &mut String, name: &str, groups: &[ClusterGroup]) {
    for group in groups {
        let clusters: Vec<&str> = group.clusters.iter().map(ClusterName::as_str).collect();
        let plugin = group.plugin.as_ref().map(|plugin| format!(" by {plugin}"));
        let fact = group.fact.as_ref().map(|fact| format!(": {fact}"));
        let (plugin, fact) = (plugin.unwrap_or_default(), fact.unwrap_or_default());
        writeln!(shown, "  {name}{plugin} {}: {}{fact}", clusters.join(" "), group.why).unwrap();
    }
}

/// A plan as text: decisions with their reasons, works that are equal shown once.
pub(crate) fn show(plan: &Plan) -> String {
    let mut shown = String::new();
    for (key, planned) in &plan.bindings {
        let binding = planned.binding();
        let reasons = &binding.reasons;
        writeln!(shown, "{key}").unwrap();
        writeln!(shown, "  policy: {}", reasons.policy).unwrap();
        for lost in &reasons.beats {
            writeln!(shown, "  beats {}: {}", lost.policy, lost.why).unwrap();
        }
        if let Some(kept) = reasons.kept() {
            writeln!(shown, "  held: {kept}").unwrap();
        }
        for note in &reasons.notes {
            writeln!(shown, "  note: {note}").unwrap();
        }
        let clusters: Vec<String> =
            binding.replicas_by_cluster().iter().map(|(name, n)| format!("{name}({n})")).collect();
        writeln!(shown, "  clusters: {}", clusters.join(" ")).unwrap();
        for one in &reasons.tried {
            writeln!(shown, "  tried {}: {}", one.group, one.why).unwrap();
        }
        for snapshot in &binding.spec.required_by {
            let clusters: Vec<&str> =
                snapshot.clusters.iter().map(|target| target.name.as_str()).collect();
            writeln!(shown, "  required by {}: {}", snapshot.name, clusters.join(" ")).unwrap();
        }
        groups(&mut shown, "in", &reasons.chosen);
        groups(&mut shown, "out", &reasons.rejected);
        if let Some(rest) = &reasons.rest {
            writeln!(shown, "  out {} others: {}", rest.n_clusters, rest.why).unwrap();
        }
        for standing in &reasons.standings {
            writeln!(shown, "  stood {}", serde_json::to_string(standing).unwrap()).unwrap();
        }
        for tried in &reasons.tried {
            writeln!(shown, "  tried {}: {}", tried.group, tried.why).unwrap();
        }
        if let Some(found) = &reasons.found {
            writeln!(shown, "  found {}", serde_json::to_string(found).unwrap()).unwrap();
        }
        for standing in &reasons.attempt {
            writeln!(shown, "  last {}", serde_json::to_string(standing).unwrap()).unwrap();
        }
        groups(&mut shown, "stale", &reasons.stale);
        for target in &reasons.runs_on {
            writeln!(shown, "  runs on in {}({})", target.name, target.replicas).unwrap();
        }
        for name in &reasons.unmade {
            writeln!(shown, "  nothing yet in {name}").unwrap();
        }
        for group in &reasons.overrides {
            let clusters: Vec<&str> = group.clusters.iter().map(ClusterName::as_str).collect();
            writeln!(shown, "  override {}: {}", clusters.join(" "), group.policies.join(", "))
                .unwrap();
        }
        for condition in &binding.status.conditions {
            let status = condition.status.as_str();
            writeln!(shown, "  {}={status}: {}", condition.type_, condition.message).unwrap();
        }
        for item in &binding.status.aggregated_status {
            let status = item.status.as_ref().map_or_else(String::new, ToString::to_string);
            writeln!(
                shown,
                "  status {}: applied={} {:?} {status} {}",
                item.cluster_name, item.applied, item.health, item.applied_message
            )
            .unwrap();
        }
        if let Some(status) = &binding.template.status {
            let generation = binding.template.generation.unwrap_or(0);
            writeln!(shown, "  template: generation {generation}, status {status}").unwrap();
        }
        let mut works: BTreeMap<ObjectId, (Vec<&str>, Arc<RenderedFile>)> = BTreeMap::new();
        for (name, work) in planned.works.iter() {
            let shown = works.entry(work.id).or_insert_with(|| (Vec::new(), work.file()));
            shown.0.push(name.as_str());
        }
        let mut works: Vec<_> = works.into_values().collect();
        works.sort_by(|left, right| left.0.cmp(&right.0));
        for (names, file) in works {
            writeln!(shown, "  work {}:", names.join(" ")).unwrap();
            for line in std::str::from_utf8(&file.bytes).unwrap().lines() {
                writeln!(shown, "    {line}").unwrap();
            }
        }
    }
    for (key, unplaced) in &plan.unplaced {
        writeln!(shown, "{key}\n  unplaced: {}", unplaced.reason).unwrap();
    }
    shown
}
