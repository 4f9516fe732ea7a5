//! An explanation in plain words.

use std::io::Write as _;

use super::output::Table;
use crate::plan::{ClusterExplanation, Explanation, Found, Standing, Weight};

/// The explanation in plain words.
pub(super) fn tell(explanation: &Explanation) -> String {
    let mut told = Vec::new();
    write(explanation, &mut told).expect("a Vec takes everything");
    String::from_utf8(told).expect("it was text")
}

fn write(explanation: &Explanation, out: &mut Vec<u8>) -> std::io::Result<()> {
    let Explanation { template, replicas, method, policy, affinity, .. } = explanation;
    match replicas {
        Some(1) => writeln!(out, "{template}, 1 replica: {method}")?,
        Some(n) => writeln!(out, "{template}, {n} replicas: {method}")?,
        None => writeln!(out, "{template}: {method}")?,
    }
    if policy.is_empty() {
        // What runs nowhere has the same reason in every cluster.
        return writeln!(out, "  {}", explanation.held);
    }
    writeln!(out, "\nDecided by {policy}")?;
    for lost in &explanation.beats {
        writeln!(out, "  not by {}: {}", lost.policy, lost.why)?;
    }
    let refusal = explanation.scheduled.as_ref().map(|scheduled| &scheduled.message);
    for tried in &explanation.tried {
        if tried.group == *affinity && Some(&tried.why) == refusal {
            // It is told below, as what became of the last attempt.
            continue;
        }
        writeln!(out, "  not with the affinity group {}: {}", tried.group, tried.why)?;
    }
    let untried = explanation.untried.join(", ");
    if !untried.is_empty() {
        writeln!(
            out,
            "  with the affinity group {affinity}, which was in use: {untried} not tried, there is no \
             way back by itself"
        )?;
    } else if !affinity.is_empty() {
        writeln!(out, "  with the affinity group {affinity}")?;
    }
    if !explanation.held.is_empty() {
        writeln!(out, "  held: {}", explanation.held)?;
    }
    for note in &explanation.notes {
        writeln!(out, "  note: {note}")?;
    }
    if let Some(scheduled) = &explanation.scheduled {
        let since = scheduled.last_transition_time;
        writeln!(out, "{}, since {since}: {}", scheduled.reason, scheduled.message)?;
    }
    if let Some(found) = &explanation.found {
        writeln!(out, "  {}", tell_found(found, *replicas))?;
        if let Some(chosen) = explanation.chosen {
            writeln!(out, "  it runs on as it was decided at {chosen}")?;
        }
    }
    let (concerned, others): (Vec<&ClusterExplanation>, Vec<&ClusterExplanation>) =
        explanation.clusters.iter().partition(|one| one.runs || one.chosen);
    let (runs, unmade): (Vec<&ClusterExplanation>, Vec<&ClusterExplanation>) =
        concerned.into_iter().partition(|one| one.runs);
    for (title, clusters) in [("It runs in", &runs), ("It is to run in", &unmade)] {
        if !clusters.is_empty() {
            writeln!(out, "\n{title}")?;
            table(clusters, replicas.is_some(), out)?;
        }
    }
    if !others.is_empty() || explanation.rest.is_some() {
        writeln!(out, "\nIt does not run in")?;
        table(&others, false, out)?;
        if let Some(rest) = &explanation.rest {
            writeln!(out, "{} other clusters: {}", rest.n_clusters, rest.why)?;
        }
    }
    Ok(())
}

/// `2 clusters passed the filters, with room for 3 of 10 replicas`.
fn tell_found(found: &Found, replicas: Option<i32>) -> String {
    let clusters = match found.n_clusters {
        1 => "1 cluster passed the filters".to_owned(),
        n => format!("{n} clusters passed the filters"),
    };
    match (found.room, replicas.map(i64::from)) {
        (Some(room), Some(wanted)) if room < wanted => {
            format!("{clusters}, with room for {room} of {wanted} replicas")
        }
        (Some(room), Some(wanted)) => {
            format!("{clusters}, with room for {room} replicas, of which {wanted} are wanted")
        }
        (Some(room), None) => format!("{clusters}, with room for {room} sets of its parts"),
        (None, _) => clusters,
    }
}

fn table(
    clusters: &[&ClusterExplanation],
    with_replicas: bool,
    out: &mut Vec<u8>,
) -> std::io::Result<()> {
    if clusters.is_empty() {
        return Ok(());
    }
    let headers: &[&'static str] =
        if with_replicas { &["CLUSTER", "REPLICAS", "WHY"] } else { &["CLUSTER", "WHY"] };
    let mut table = Table::new(headers);
    for one in clusters {
        let mut why = vec![reason(one)];
        if let Some(stale) = &one.stale {
            match (one.runs, one.chosen) {
                (true, false) => why.insert(0, stale.to_string()),
                (true, true) => why.push(format!("its work is not the newest: {stale}")),
                (false, _) => why.push(format!("nothing was made there yet: {stale}")),
            }
        }
        if let Some(weight) = one.standing.as_ref().and_then(|standing| standing.weight) {
            let Weight { own, total, replicas } = weight;
            let share = one.replicas.unwrap_or(0);
            let noun = if replicas == 1 { "replica" } else { "replicas" };
            why.push(format!("weight {own} of {total}: {share} of {replicas} {noun}"));
        }
        why.extend(one.standing.as_ref().map(|stood| standing("when it was decided", stood)));
        why.extend(one.attempt.as_ref().map(|stood| standing("when last tried", stood)));
        why.extend(one.unapplied.as_ref().map(|why| format!("its work is not applied: {why}")));
        if !one.overrides.is_empty() {
            why.push(format!("changed by {}", one.overrides.join(", ")));
        }
        let replicas = with_replicas.then(|| one.replicas.unwrap_or(0).to_string());
        table.row([one.cluster.to_string()].into_iter().chain(replicas).chain([why.join("; ")]));
    }
    table.write(out)
}

/// The reason, with the plugin that gives it and what it was about the cluster. Where the cluster
/// stays in spite of the plugin, that it stays comes first.
fn reason(one: &ClusterExplanation) -> String {
    let fact = one.fact.as_ref().map(|fact| format!(": {fact}")).unwrap_or_default();
    match &one.plugin {
        Some(plugin) if one.chosen => format!("{}{fact} ({plugin})", one.why),
        Some(plugin) => format!("{plugin}: {}{fact}", one.why),
        None => format!("{}{fact}", one.why),
    }
}

/// How a cluster stood at some time.
fn standing(when: &str, standing: &Standing) -> String {
    let mut parts = Vec::new();
    if !standing.selected {
        parts.push("not selected by the spread constraints".to_owned());
    }
    if standing.tier > 0 {
        parts.push(format!("overflow tier {}", standing.tier));
    }
    if !standing.region.is_empty() {
        parts.push(format!("region {}", standing.region));
    }
    if let Some(room) = standing.room {
        parts.push(format!("room for {room} more"));
    }
    if let Some(had) = standing.had {
        parts.push(format!("had {had}"));
    }
    parts.push(format!("score {}", standing.score));
    format!("{when}: {}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::api::condition::{Condition, ConditionStatus};
    use crate::plan::{Rest, TriedGroup};

    fn cluster(name: &str, why: &str) -> ClusterExplanation {
        ClusterExplanation::new(&name.parse().unwrap(), Arc::from(why))
    }

    fn stood(name: &str, room: i64, had: Option<i32>) -> Standing {
        Standing {
            cluster: name.parse().unwrap(),
            region: "eu".to_owned(),
            tier: 0,
            score: if had.is_some() { 100 } else { 0 },
            room: Some(room),
            had,
            selected: true,
            weight: None,
        }
    }

    /// A Deployment that runs with three replicas and now wants ten.
    fn refused() -> Explanation {
        let runs = ClusterExplanation {
            runs: true,
            chosen: true,
            replicas: Some(3),
            standing: Some(stood("eu-1", 4, None)),
            attempt: Some(stood("eu-1", 1, Some(3))),
            ..cluster("eu-1", "fits the placement")
        };
        let spare = ClusterExplanation {
            attempt: Some(stood("eu-2", 0, None)),
            ..cluster("eu-2", "would fit; there is no room")
        };
        let out = ClusterExplanation {
            plugin: Some(Arc::from("ClusterAffinity")),
            fact: Some(Arc::from("exclude names it")),
            ..cluster("lab", "did not match")
        };
        let tainted = ClusterExplanation {
            plugin: Some(Arc::from("TaintToleration")),
            ..cluster("us-1", "had a taint")
        };
        Explanation {
            template: "Deployment.apps web/shop".to_owned(),
            replicas: Some(10),
            method: "replicas are divided by the room that the clusters have".to_owned(),
            policy: "PropagationPolicy web/by-room".to_owned(),
            scheduled: Some(Condition {
                type_: "Scheduled".to_owned(),
                status: ConditionStatus::False,
                observed_generation: None,
                last_transition_time: "2026-06-02T00:00:00Z".parse().unwrap(),
                reason: "Unschedulable".to_owned(),
                message: "there is no room.".to_owned(),
            }),
            affinity: "eu".to_owned(),
            tried: vec![
                TriedGroup { group: "home".to_owned(), why: "no cluster exists.".to_owned() },
                TriedGroup { group: "eu".to_owned(), why: "there is no room.".to_owned() },
            ],
            chosen: Some("2026-06-01T00:00:00Z".parse().unwrap()),
            found: Some(Found { n_clusters: 2, room: Some(4) }),
            clusters: vec![runs, spare, out, tainted],
            rest: Some(Rest { why: "would fit; there is no room".to_owned(), n_clusters: 40 }),
            ..Explanation::default()
        }
    }

    #[test]
    fn what_was_decided_and_what_was_refused_are_told_apart() {
        let expected = "\
Deployment.apps web/shop, 10 replicas: replicas are divided by the room that the clusters have

Decided by PropagationPolicy web/by-room
  not with the affinity group home: no cluster exists.
  with the affinity group eu
Unschedulable, since 2026-06-02T00:00:00Z: there is no room.
  2 clusters passed the filters, with room for 4 of 10 replicas
  it runs on as it was decided at 2026-06-01T00:00:00Z

It runs in
CLUSTER   REPLICAS   WHY
eu-1      3          fits the placement; when it was decided: region eu, room for 4 more, score 0; when last tried: region eu, room for 1 more, had 3, score 100

It does not run in
CLUSTER   WHY
eu-2      would fit; there is no room; when last tried: region eu, room for 0 more, score 0
lab       ClusterAffinity: did not match: exclude names it
us-1      TaintToleration: had a taint
40 other clusters: would fit; there is no room
";
        assert_eq!(tell(&refused()), expected);
    }

    #[test]
    fn a_group_that_is_in_use_says_that_there_is_no_way_back() {
        let untried = vec!["home".to_owned(), "city".to_owned()];
        let told = tell(&Explanation { untried, tried: Vec::new(), ..refused() });
        let line = "  with the affinity group eu, which was in use: home, city not tried, there is no \
                    way back by itself\n";
        assert!(told.contains(line), "{told}");
    }

    #[test]
    fn room_is_told_beside_what_is_wanted() {
        let found = |n_clusters, room| Found { n_clusters, room };
        assert_eq!(
            tell_found(&found(1, Some(3)), Some(10)),
            "1 cluster passed the filters, with room for 3 of 10 replicas"
        );
        // There is enough in all, and too little in as many clusters as are allowed.
        assert_eq!(
            tell_found(&found(5, Some(12)), Some(10)),
            "5 clusters passed the filters, with room for 12 replicas, of which 10 are wanted"
        );
        assert_eq!(
            tell_found(&found(2, Some(0)), None),
            "2 clusters passed the filters, with room for 0 sets of its parts"
        );
        assert_eq!(tell_found(&found(2, None), None), "2 clusters passed the filters");
    }
}
