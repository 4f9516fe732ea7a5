//! Room, turns and profiles over several plans.

use std::collections::BTreeMap;
use std::sync::Arc;

use git_fleet::api::cluster::ResourceModel;
use git_fleet::api::names::ClusterName;
use git_fleet::api::report::ClusterReport;
use git_fleet::interpret::Bundled;
use git_fleet::plan::{
    Explanation, Inputs, MODELS_PATH, Memo, Plan, Previous, Remembered, SurveyFile, make,
};
use jiff::{SignedDuration, Timestamp};

use super::case;

pub(crate) const POLICY: &str = "apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: by-room, namespace: web}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}]
  placement:
    replicaScheduling:
      replicaSchedulingType: Divided
      weightPreference: {dynamicWeight: AvailableReplicas}
";

pub(crate) fn cluster(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: cluster.karmada.io/v1alpha1\nkind: Cluster\nmetadata: {{name: {name}}}\nspec: {{syncMode: Push{spec}}}\n"
    )
}

pub(crate) fn deployment(name: &str, replicas: u32) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: web}}
spec:
  replicas: {replicas}
  template: {{spec: {{containers: [{{name: main, resources: {{requests: {{cpu: 1}}}}}}]}}}}
"
    )
}

/// A cluster with this many CPUs, of which some are taken.
pub(crate) fn report(cpu: u32, taken: u32) -> ClusterReport {
    case::report(&format!(
        "cluster:
  apiEnablements: [{{groupVersion: apps/v1, resources: [{{name: deployments, kind: Deployment}}]}}]
  resourceSummary: {{allocatable: {{cpu: {cpu}, pods: 100}}, allocated: {{cpu: {taken}}}}}
"
    ))
}

pub(crate) struct Story {
    reports: BTreeMap<ClusterName, Arc<ClusterReport>>,
    previous: Previous,
    now: Timestamp,
    memo: Memo,
}

impl Story {
    pub(crate) fn new() -> Self {
        let (reports, previous) = (BTreeMap::new(), Previous::default());
        Self { reports, previous, now: case::now(), memo: Memo::default() }
    }

    pub(crate) fn reports(&mut self, name: &str, report: ClusterReport) {
        self.reports.insert(name.parse().unwrap(), Arc::new(report));
    }

    pub(crate) fn plan(&mut self, documents: &[String]) -> Plan {
        let fleet = case::fleet(&documents.join("---\n"));
        let (reports, previous) = (&self.reports, &self.previous);
        let (fleet, interpreter, now) = (&fleet, &Bundled, self.now);
        let plan = make(&Inputs { fleet, reports, previous, interpreter, now }, &mut self.memo);
        self.previous = Previous::from(&plan);
        plan
    }
}

fn placed(plan: &Plan, name: &str) -> Vec<String> {
    let (_, planned) =
        plan.bindings.iter().find(|(key, _)| &*key.name == name).expect("it has a binding");
    let clusters = planned.binding().replicas_by_cluster();
    clusters.iter().map(|(cluster, n)| format!("{cluster}({n})")).collect()
}

/// What one template was given no other one is given too, though no report shows it yet; and what
/// never came is free again after a while, without any event.
#[test]
fn room_is_given_once() {
    let mut story = Story::new();
    story.reports("one", report(5, 0));
    let source = |names: &[&str]| -> Vec<String> {
        let mut documents = vec![cluster("one", ""), POLICY.to_owned()];
        documents.extend(names.iter().map(|name| deployment(name, 4)));
        documents
    };
    assert_eq!(placed(&story.plan(&source(&["a"])), "a"), ["one(4)"]);
    let second = story.plan(&source(&["a", "b"]));
    assert_eq!(placed(&second, "b"), [""; 0], "the report shows 5 free, and 4 of them are a's");
    let wake = second.next_wake.expect("it is looked at again by itself");
    assert_eq!(wake, story.now + SignedDuration::from_mins(5));
    story.now = wake;
    assert_eq!(placed(&story.plan(&source(&["a", "b"])), "b"), ["one(4)"]);
}

/// What waits for room gets it with the report that shows it, and needs no other cause.
#[test]
fn what_waits_is_placed_when_there_is_room() {
    let mut story = Story::new();
    story.reports("one", report(2, 0));
    let source = [cluster("one", ""), POLICY.to_owned(), deployment("a", 4)];
    assert_eq!(placed(&story.plan(&source), "a"), [""; 0]);
    story.reports("one", report(8, 0));
    assert_eq!(placed(&story.plan(&source), "a"), ["one(4)"]);
    // And what is placed does not move because room comes or goes.
    story.reports("one", report(8, 8));
    story.reports("two", report(100, 0));
    let source = [cluster("one", ""), cluster("two", ""), POLICY.to_owned(), deployment("a", 4)];
    assert_eq!(placed(&story.plan(&source), "a"), ["one(4)"]);
}

#[test]
fn plugins_can_be_left_out() {
    let taint = ", taints: [{key: maintenance, effect: NoSchedule}]";
    let text = [cluster("one", taint), POLICY.replace("Divided", "Duplicated"), deployment("a", 1)];
    let mut fleet = case::fleet(&text.join("---\n"));
    let place = |fleet: &git_fleet::fleet::Fleet| {
        let (reports, previous) = (BTreeMap::new(), Previous::default());
        let (reports, previous, interpreter) = (&reports, &previous, &Bundled);
        let inputs = Inputs { fleet, reports, previous, interpreter, now: case::now() };
        placed(&make(&inputs, &mut Memo::default()), "a")
    };
    assert_eq!(place(&fleet), [""; 0]);
    fleet.settings.scheduler.plugins = vec!["*".to_owned(), "-TaintToleration".to_owned()];
    assert_eq!(place(&fleet), ["one(1)"]);
}

/// In a large fleet the clusters that are out stand in a survey, once for all bindings alike; each
/// cluster has its reason all the same, and a start finds the survey again.
#[test]
fn a_survey_says_why_each_of_many_clusters_is_out() {
    let taint = ", taints: [{key: maintenance, effect: NoSchedule}]";
    let mut documents: Vec<String> = (0..60).map(|n| cluster(&format!("t{n:02}"), taint)).collect();
    documents.extend([cluster("free", ""), deployment("a", 1), deployment("b", 1)]);
    documents.push(POLICY.replace("Divided", "Duplicated"));
    let mut story = Story::new();
    let plan = story.plan(&documents);
    let files = plan.files();
    let surveys: Vec<&String> = files.keys().filter(|path| path.starts_with("surveys/")).collect();
    let [path] = surveys.as_slice() else { panic!("{surveys:?}") };
    let tree = files.iter().map(|(path, file)| (path.as_str(), file.bytes.as_slice()));
    let read = Previous::read(tree).unwrap();
    for remembered in read.bindings.values() {
        let Remembered::Read(_) = remembered else { panic!("it was read") };
        let binding = remembered.binding();
        assert_eq!(SurveyFile::path(binding.reasons.survey.unwrap()), **path);
        let survey: SurveyFile = git_fleet::api::yaml::from_bytes(&files[*path].bytes).unwrap();
        let told = Explanation::of(&binding, Some(&survey));
        let told = told.only(&"t42".parse().unwrap(), false).unwrap();
        assert_eq!(told.clusters.len(), 1);
        assert!(!told.clusters[0].runs);
        assert!(told.clusters[0].why.contains("untolerated taint"), "{:?}", told.clusters[0]);
    }
    story.previous = read;
    story.memo = Memo::default();
    let paths = |plan: &Plan| plan.files().into_keys().collect::<Vec<_>>();
    assert_eq!(paths(&story.plan(&documents)), paths(&plan));
}

/// A choice of some clusters among more stands while the same clusters will do: neither room nor a
/// restart moves what runs.
#[test]
fn a_choice_stands_while_the_same_clusters_will_do() {
    let policy = POLICY.split("    replicaScheduling:").next().unwrap().to_owned()
        + "    spreadConstraints:
      - {spreadByField: region, minGroups: 1, maxGroups: 1}
      - {spreadByField: cluster, minGroups: 1, maxGroups: 1}
";
    let source = |more: &[String]| -> Vec<String> {
        let clusters = [cluster("eu-1", ", region: eu"), cluster("us-1", ", region: us")];
        let mut documents = clusters.to_vec();
        documents.extend([cluster("us-2", ", region: us"), policy.clone(), deployment("a", 2)]);
        documents.extend_from_slice(more);
        documents
    };
    let mut story = Story::new();
    for (name, cpu) in [("eu-1", 9), ("us-1", 0), ("us-2", 0)] {
        story.reports(name, report(cpu, 0));
    }
    assert_eq!(placed(&story.plan(&source(&[])), "a"), ["eu-1(2)"]);
    let scaled: Vec<String> =
        source(&[]).iter().map(|text| text.replace("replicas: 2", "replicas: 3")).collect();
    assert_eq!(placed(&story.plan(&scaled), "a"), ["eu-1(3)"], "with more replicas");
    assert_eq!(placed(&story.plan(&source(&[])), "a"), ["eu-1(2)"]);
    for (name, cpu) in [("eu-1", 0), ("us-1", 9), ("us-2", 9)] {
        story.reports(name, report(cpu, 0));
    }
    assert_eq!(placed(&story.plan(&source(&[])), "a"), ["eu-1(2)"], "with what is remembered");
    story.memo = Memo::default();
    assert_eq!(placed(&story.plan(&source(&[])), "a"), ["eu-1(2)"], "after a start");
    // Another cluster that will do: it is chosen for afresh.
    story.reports("us-3", report(9, 0));
    let more = story.plan(&source(&[cluster("us-3", ", region: us")]));
    assert_eq!(placed(&more, "a"), ["us-1(2)"]);
}

/// A report that shows the replicas in their place frees what was held for them in the same plan: it
/// is counted once.
#[test]
fn room_is_counted_by_the_report_that_shows_it() {
    let mut story = Story::new();
    story.reports("m1", report(10, 0));
    let one = [cluster("m1", ""), POLICY.to_owned(), deployment("a", 5)];
    let plan = story.plan(&one);
    let (key, planned) = plan.bindings.iter().next().unwrap();
    let work = planned.works.values().next().unwrap().id;
    let mut seen = report(10, 5);
    let object = serde_json::json!({"work": work, "applied": true, "health": "Healthy"});
    seen.objects.insert(key.clone(), serde_json::from_value(object).unwrap());
    story.reports("m1", seen);
    story.reports("m2", report(10, 0));
    let two = [
        cluster("m1", ""),
        cluster("m2", ""),
        POLICY.to_owned(),
        deployment("a", 5),
        deployment("b", 6),
    ];
    assert_eq!(placed(&story.plan(&two), "b"), ["m1(2)", "m2(4)"]);
}

/// Who asks for more than there is, and then for what it has again, is as it was.
#[test]
fn a_refusal_ends_with_its_cause() {
    let mut story = Story::new();
    story.reports("one", report(5, 0));
    let source = |n| [cluster("one", ""), POLICY.to_owned(), deployment("a", n)];
    let scheduled = |plan: &Plan| {
        let planned = plan.bindings.values().next().unwrap();
        planned.binding().status.conditions[0].reason.clone()
    };
    assert_eq!(scheduled(&story.plan(&source(4))), "Success");
    let refused = story.plan(&source(40));
    assert_eq!(
        (scheduled(&refused), placed(&refused, "a")),
        ("Unschedulable".into(), vec!["one(4)".into()])
    );
    assert_eq!(scheduled(&story.plan(&source(4))), "Success");
}

/// What a member reports is data: absurd numbers neither stop a plan nor draw work.
#[test]
fn absurd_reports_draw_nothing() {
    let mut story = Story::new();
    let text = "cluster:
  apiEnablements: [{groupVersion: apps/v1, resources: [{name: deployments, kind: Deployment}]}]
  resourceSummary:
    allocatable: {cpu: -8Ei, pods: -8Ei}
    allocated: {cpu: 8Ei, pods: 8Ei}
    allocatableModelings: [{grade: 1, count: 9223372036854775807}, {grade: 2, count: 9223372036854775807}]
";
    story.reports("absurd", case::report(text));
    story.reports("one", report(9, 0));
    let source = [cluster("absurd", ""), cluster("one", ""), POLICY.to_owned(), deployment("a", 4)];
    assert_eq!(placed(&story.plan(&source), "a"), ["one(4)"]);
}

/// Room on the nodes of a resource model is given once, too.
#[test]
fn room_on_modelled_nodes_is_given_once() {
    let text = "cluster:
  apiEnablements: [{groupVersion: apps/v1, resources: [{name: deployments, kind: Deployment}]}]
  resourceSummary:
    allocatable: {cpu: 100, pods: 100}
    allocatableModelings: [{grade: 1, count: 2}, {grade: 3, count: 3}]
";
    let mut story = Story::new();
    story.reports("one", case::report(text));
    // Two nodes with a CPU at least, three with four: 14 replicas of one CPU.
    let names = ["a", "b", "c"];
    let mut source = vec![cluster("one", ""), POLICY.to_owned()];
    source.extend(names.iter().map(|name| deployment(name, 10)));
    let plan = story.plan(&source);
    assert_eq!(names.map(|name| placed(&plan, name).len()), [1, 0, 0]);
}

#[test]
fn an_agent_finds_its_own_grades_in_its_work() {
    let own = ", resourceModels: [{grade: 0, ranges: [{name: cpu, min: 0, max: 3}]}, \
               {grade: 1, ranges: [{name: cpu, min: 3, max: 9}]}]";
    let plan = Story::new().plan(&[cluster("one", own), cluster("two", "")]);
    let files = plan.files();
    let graded: Vec<_> = files.iter().filter(|(path, _)| path.ends_with(MODELS_PATH)).collect();
    let [(path, file)] = graded.as_slice() else { panic!("{:?}", files.keys()) };
    assert_eq!(*path, "work/one/_resource-models");
    let read: Vec<ResourceModel> = serde_saphyr::from_slice(&file.bytes).unwrap();
    assert_eq!(read, plan.models(&ClusterName::new("one").unwrap()));
}
