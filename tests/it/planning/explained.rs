//! What is told of a decision: by the words of `explain`, from what the plan stored.

use git_fleet::plan::{ClusterExplanation, Explanation, Plan, SurveyFile};

use super::room::{POLICY, Story, cluster, deployment, report};

fn explained(plan: &Plan, name: &str) -> Explanation {
    let planned = plan.bindings.iter().find(|(key, _)| &*key.name == name).unwrap().1;
    let survey = planned.survey.as_ref().map(|file| {
        let survey: SurveyFile = git_fleet::api::yaml::from_bytes(&file.bytes).unwrap();
        survey
    });
    Explanation::of(&planned.binding(), survey.as_ref())
}

fn of<'e>(explanation: &'e Explanation, name: &str) -> &'e ClusterExplanation {
    explanation.clusters.iter().find(|one| one.cluster.as_str() == name).unwrap()
}

/// What runs on although an attempt was refused is told by both: how the clusters stood when they
/// were chosen, and how at the attempt. The refusal is forgotten with its cause.
#[test]
fn a_refused_attempt_is_told_beside_the_decision_that_stands() {
    let mut story = Story::new();
    story.reports("one", report(4, 0));
    let source = |n| [cluster("one", ""), POLICY.to_owned(), deployment("a", n)];
    let placed = explained(&story.plan(&source(3)), "a");
    assert_eq!(of(&placed, "one").standing.as_ref().unwrap().room, Some(4));
    assert_eq!((&placed.found, &of(&placed, "one").attempt), (&None, &None));

    story.reports("one", report(4, 3));
    let refused = explained(&story.plan(&source(10)), "a");
    let one = of(&refused, "one");
    assert_eq!((one.runs, one.replicas), (true, Some(3)));
    let (then, now) = (one.standing.as_ref().unwrap(), one.attempt.as_ref().unwrap());
    assert_eq!((then.room, then.had, then.score), (Some(4), None, 0));
    assert_eq!(now.had, Some(3));
    assert_eq!(now.score, 100);
    let found = refused.found.as_ref().unwrap();
    assert_eq!((found.n_clusters, found.room), (1, Some(3 + now.room.unwrap())));
    assert_eq!(refused.chosen, placed.chosen, "it runs since then");

    let content = explained(&story.plan(&source(3)), "a");
    assert_eq!((&content.found, &of(&content, "one").attempt), (&None, &None));
}

/// What was never placed has the room of each cluster that would do.
#[test]
fn what_never_fitted_has_the_room_that_there_was() {
    let mut story = Story::new();
    story.reports("large", report(2, 0));
    story.reports("small", report(1, 0));
    let source =
        [cluster("large", ""), cluster("small", ""), POLICY.to_owned(), deployment("a", 10)];
    let told = explained(&story.plan(&source), "a");
    let found = told.found.as_ref().unwrap();
    assert_eq!((found.n_clusters, found.room, told.replicas), (2, Some(3), Some(10)));
    for (name, room) in [("large", 2), ("small", 1)] {
        let one = of(&told, name);
        assert_eq!((one.runs, &one.standing), (false, &None));
        assert_eq!(one.attempt.as_ref().unwrap().room, Some(room), "{name}");
    }
}

/// In a large fleet those that would do are not listed, but for the few of which more is known.
#[test]
fn the_best_of_many_clusters_are_named_with_their_room() {
    let mut story = Story::new();
    let mut source = vec![POLICY.to_owned(), deployment("a", 1000)];
    for n in 0..30 {
        let name = format!("c{n:02}");
        source.push(cluster(&name, ""));
        story.reports(&name, report(n, 0));
    }
    let told = explained(&story.plan(&source), "a");
    assert_eq!(told.clusters.len(), 10);
    assert_eq!(told.rest.as_ref().unwrap().n_clusters, 20);
    assert_eq!(of(&told, "c29").attempt.as_ref().unwrap().room, Some(29));
    assert_eq!(told.found.as_ref().unwrap().room, Some((0..30).sum()));
}

/// Where each cluster has its own value, what was asked of them is told once for all of them.
#[test]
fn reasons_stay_few_however_the_clusters_differ() {
    let select = "    clusterAffinity: {labelSelector: {matchLabels: {site: home}}}\n";
    let policy = format!("{}{select}", POLICY.split("    replicaScheduling:").next().unwrap());
    let told = |n_clusters: usize| {
        let site = |n: usize| {
            let name = format!("c{n:02}");
            cluster(&name, "").replace(
                &format!("{{name: {name}}}"),
                &format!("{{name: {name}, labels: {{site: s{n}}}}}"),
            )
        };
        let mut source: Vec<String> = (0..n_clusters).map(site).collect();
        source.extend([policy.clone(), deployment("a", 1)]);
        let plan = Story::new().plan(&source);
        let rejected = plan.bindings.values().next().unwrap().binding().reasons.rejected.clone();
        (rejected.len(), explained(&plan, "a"))
    };
    let (n_groups, few) = told(3);
    assert_eq!(n_groups, 3);
    let c01 = of(&few, "c01");
    assert_eq!(c01.plugin.as_deref(), Some("ClusterAffinity"));
    assert_eq!(c01.fact.as_deref(), Some("label site=home is wanted, it has s1"));
    let (n_groups, many) = told(40);
    assert_eq!(n_groups, 1);
    assert_eq!(of(&many, "c01").fact.as_deref(), Some("label site=home is wanted"));
    let (n_groups, surveyed) = told(60);
    assert_eq!((n_groups, surveyed.clusters.len()), (0, 60), "they stand in the survey");
    assert_eq!(of(&surveyed, "c59").fact.as_deref(), Some("label site=home is wanted"));
}

/// Of the affinity groups only what the decision that is told has tried is told.
#[test]
fn groups_that_the_decision_did_not_try_are_told_as_untried() {
    let groups = "    clusterAffinities:
      - {affinityName: home, clusterNames: [home]}
      - {affinityName: far, clusterNames: [far]}
";
    let policy = format!("{POLICY}{groups}");
    let mut story = Story::new();
    story.reports("home", report(4, 0));
    story.reports("far", report(20, 0));
    let source = |n| [cluster("home", ""), cluster("far", ""), policy.clone(), deployment("a", n)];
    let told = |story: &mut Story, n: u32| {
        let told = explained(&story.plan(&source(n)), "a");
        let tried: Vec<String> = told.tried.into_iter().map(|one| one.group).collect();
        (told.affinity, tried.join(" "), told.untried.join(" "))
    };
    let is = |affinity: &str, tried: &str, untried: &str| {
        (affinity.to_owned(), tried.to_owned(), untried.to_owned())
    };
    assert_eq!(told(&mut story, 3), is("home", "", ""));
    assert_eq!(told(&mut story, 5), is("far", "home", ""), "there was no room at home");
    story.reports("far", report(20, 1));
    assert_eq!(told(&mut story, 5), is("far", "home", ""), "it is the same decision still");
    assert_eq!(told(&mut story, 2), is("far", "", "home"), "only far was tried for 2 replicas");
    assert_eq!(told(&mut story, 50), is("far", "far", "home"), "an attempt in vain");
    assert_eq!(told(&mut story, 2), is("far", "", "home"), "what was refused is wanted no more");
}
