//! Nothing is removed that nobody meant: plans that wait for a word.

use crate::stage::{CONFIG_MAPS, Stage, config_map, on, policy};

impl Stage {
    /// The id that approves what the note of this commit says is held.
    async fn held(&self, commit: &str, words: &[&str]) -> String {
        let mut all = vec!["DELETE_GUARD", "Fleet-Approve-Removal: "];
        all.extend(words);
        self.is_noted(commit, &all).await;
        let note = self.world.note(commit).unwrap_or_default();
        let (_, id) = note.split_once("Fleet-Approve-Removal: ").expect("it is there");
        id.split_whitespace().next().expect("it has an id").to_owned()
    }

    fn approve(&mut self, id: &str) -> String {
        self.world.git(&[
            "commit",
            "--quiet",
            "--allow-empty",
            "-m",
            "meant",
            "--trailer",
            &format!("Fleet-Approve-Removal: {id}"),
        ]);
        self.world.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
        self.world.git(&["rev-parse", "HEAD"])
    }
}

#[tokio::test]
async fn removing_a_namespace_waits_for_a_word_and_a_changed_plan_asks_again() {
    let Some(mut stage) = Stage::new().await else { return };
    for name in ["NS-a", "NS-b"] {
        let namespace = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n");
        stage.write(&format!("{}.yaml", name.to_lowercase().replace("ns-", "")), &namespace);
    }
    stage.push("two namespaces");
    let all = ["east", "north", "west"];
    stage.is_in("v1/Namespace", "NS-b", &all).await;
    stage.delete("a.yaml");
    let commit = stage.push("one of them goes");
    let first = stage.held(&commit, &[&format!("Namespace {}-a", stage.namespace)]).await;
    stage.is_in("v1/Namespace", "NS-a", &all).await;

    stage.delete("b.yaml");
    stage.push("the other one too");
    let commit = stage.approve(&first);
    let second = stage.held(&commit, &[]).await;
    assert_ne!(first, second, "it is another plan");
    stage.is_in("v1/Namespace", "NS-a", &all).await;
    stage.approve(&second);
    stage.is_in("v1/Namespace", "NS-a", &[]).await;
    stage.is_in("v1/Namespace", "NS-b", &[]).await;
}

#[tokio::test]
async fn a_plan_that_empties_much_of_one_cluster_waits() {
    let Some(mut stage) = Stage::new().await else { return };
    for n in 0..15 {
        stage.write(&format!("{n}.yaml"), &config_map(&format!("map-{n}"), "a"));
    }
    stage.write("policy.yaml", &policy("p", CONFIG_MAPS, &on(&["east", "north", "west"])));
    stage.push("fifteen");
    stage.is_in("v1/ConfigMap", "map-14", &["east", "north", "west"]).await;
    // Of a third of the fleet, which is more than a fifth of each.
    stage.write("policy.yaml", &policy("p", CONFIG_MAPS, &on(&["east", "north"])));
    let commit = stage.push("one cluster less");
    let id = stage.held(&commit, &["of cluster west"]).await;
    stage.is_in("v1/ConfigMap", "map-0", &["east", "north", "west"]).await;
    stage.approve(&id);
    stage.is_in("v1/ConfigMap", "map-0", &["east", "north"]).await;
}

#[tokio::test]
async fn a_cluster_leaves_with_a_word_only_and_keeps_what_it_runs() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write("a.yaml", &config_map("a", "one"));
    let spread = "  placement: {spreadConstraints: [{spreadByField: cluster, minGroups: 2, maxGroups: 2}]}\n";
    stage.write("policy.yaml", &policy("p", CONFIG_MAPS, spread));
    stage.push("in two of three");
    stage.is_in("v1/ConfigMap", "a", &["east", "north"]).await;
    stage.delete_registration("east");
    let commit = stage.push("east leaves");
    let id = stage.held(&commit, &["take out of the fleet", "east"]).await;
    stage.approve(&id);
    // What replaces it comes, and what it had stays there as it was.
    stage.is_in("v1/ConfigMap", "a", &["east", "north", "west"]).await;
    stage.settled().await;
    stage.is_in("v1/ConfigMap", "a", &["east", "north", "west"]).await;
}
