//! The story: what is done, and what is seen of it.
//!
//! Everything that is told is read back from where a user would read it: from the repository's refs
//! and from the members' own API servers.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Value;

use super::stage::Stage;
use super::{PULL, PUSH, STEP_MAX};
use crate::cli::run::runtime;
use crate::daemon::Fault;
use crate::daemon::ledger::{Ledger, Overrides};
use crate::member::kubeconfig::{self, Allow};

/// The workload that the story follows, and its file in the example fleet.
const APP: &str = "frontend";
const NAMESPACE: &str = "web";

const HURRY: &[&str] =
    &["--cluster-status-update-frequency", "500ms", "--cluster-failure-threshold", "1s"];

pub(super) struct Scene<'s> {
    stage: &'s mut Stage,
    start: Instant,
    members: BTreeMap<&'static str, kube::Client>,
    runtime: tokio::runtime::Runtime,
}

impl<'s> Scene<'s> {
    pub(super) fn new(stage: &'s mut Stage) -> anyhow::Result<Self> {
        let runtime = runtime()?;
        let mut members = BTreeMap::new();
        let context = runtime.enter();
        for name in PUSH.into_iter().chain([PULL]) {
            let text = stage.host.kubeconfig(name).context("the member was started")?;
            let config = kubeconfig::parse(text.as_bytes(), Allow::default())?;
            members.insert(name, kube::Client::try_from(config)?);
        }
        drop(context);
        Ok(Self { stage, start: Instant::now(), members, runtime })
    }

    pub(super) fn act_one_first_push(&mut self) -> anyhow::Result<()> {
        let dir = self.stage.dir().display().to_string();
        self.tell(&format!("A fleet repository and three simulated clusters, in {dir}"))?;
        detail("fleet.git     the fleet repository: the whole control plane")?;
        detail("checkout      a clone of it, where people work")?;
        detail("credentials   one kubeconfig for each cluster")?;
        let repository = self.stage.repository().display().to_string();
        let credentials = self.stage.credentials().display().to_string();
        let run = ["run", "--repo", &repository, "--credentials", &credentials];
        // A demonstration is in a hurry: an outage shows after a second, not after half a minute.
        let run = [&run[..], HURRY].concat();
        command(&format!("git fleet {}", run.join(" ")))?;
        self.stage.start("controller", &run)?;
        let agent =
            ["agent", "--remote", &repository, "--cluster", PULL, "--credentials", &credentials];
        command(&format!("git fleet {}", agent.join(" ")))?;
        self.stage.start("agent", &agent)?;
        self.tell("The example fleet is pushed: clusters, policies, two applications")?;
        command("git push origin main")?;
        self.stage.push("the fleet: three clusters, two applications")?;
        self.wait("the fleet to converge", Self::has_converged)?;
        self.log()?;
        self.bindings()?;
        Ok(())
    }

    pub(super) fn act_two_change(&mut self) -> anyhow::Result<()> {
        self.tell(&format!("A person changes the image of {NAMESPACE}/{APP} and pushes"))?;
        let tag = self.change_image("2.4.1")?;
        let pushed = Instant::now();
        self.stage.push("frontend 2.4.1")?;
        command("git push origin main")?;
        let followers = self.placed()?;
        for member in &followers {
            self.wait("the members to follow", |scene| Ok(scene.image(member)?.ends_with(&tag)))?;
            let after = pushed.elapsed().as_millis();
            let image = self.image(member)?;
            detail(&format!("{member:<14} has {image} after {after} ms"))?;
        }
        self.wait("the fleet to converge", Self::has_converged)?;
        self.log()?;
        Ok(())
    }

    pub(super) fn act_three_outage(&mut self) -> anyhow::Result<()> {
        let lost = PUSH[1];
        self.tell(&format!("Cluster {lost} goes down, and a change is pushed meanwhile"))?;
        self.stage.host.stop(lost)?;
        let tag = self.change_image("2.4.2")?;
        self.stage.push("frontend 2.4.2")?;
        command("git push origin main")?;
        for member in self.placed()?.iter().filter(|member| *member != lost) {
            self.wait("the others to follow", |scene| Ok(scene.image(member)?.ends_with(&tag)))?;
            detail(&format!("{member:<14} has {}", self.image(member)?))?;
        }
        self.wait("the outage to show in the repository", |scene| {
            Ok(scene.ready(lost)?.as_deref() != Some("True"))
        })?;
        detail(&format!(
            "{lost:<14} is not ready, says the repository; nothing was deleted anywhere"
        ))?;
        self.tell(&format!("Cluster {lost} comes back"))?;
        self.stage.host.restart(lost)?;
        self.wait("the lost member to catch up", |scene| Ok(scene.image(lost)?.ends_with(&tag)))?;
        detail(&format!("{lost:<14} has {}: it caught up by itself", self.image(lost)?))?;
        self.wait("the fleet to converge", |scene| {
            Ok(scene.has_converged()? && scene.ready(lost)?.as_deref() == Some("True"))
        })?;
        self.clusters()?;
        Ok(())
    }

    pub(super) fn farewell(self, stay: bool) -> anyhow::Result<()> {
        let checkout = self.stage.checkout().display().to_string();
        let checkout_git = self.stage.checkout();
        Stage::git(&checkout_git, &["fetch", "--quiet", "origin"])?;
        let credentials = self.stage.credentials().display().to_string();
        self.tell(&format!("Done in {:.1} s. Try next:", self.start.elapsed().as_secs_f64()))?;
        for line in [
            format!("cd {checkout}"),
            "git fetch                                     # what the engine wrote meanwhile; needed after each push".to_owned(),
            "git log --oneline --notes=fleet main          # what came of each push".to_owned(),
            "git log --oneline origin/fleet/results        # every placement is a commit".to_owned(),
            "git show origin/fleet/results:README.md       # the state of the fleet".to_owned(),
            "git fleet get bindings -o wide                # where each workload runs, and by which policy".to_owned(),
            "git fetch && git fleet plan                   # what the commit in hand would change".to_owned(),
        ] {
            command(&line)?;
        }
        if !stay {
            detail(
                "(`git fleet demo --stay` keeps the clusters running, for kubectl and more pushes)",
            )?;
            return Ok(());
        }
        command(&format!("kubectl --kubeconfig {credentials}/{}.yaml get deploy -A", PUSH[0]))?;
        command(
            "git commit -am 'a change' && git push         # after an edit: the clusters follow",
        )?;
        self.tell("Everything keeps running; stop with Ctrl-C")?;
        let stage = &*self.stage;
        self.runtime.block_on(async {
            let mut stop = std::pin::pin!(crate::daemon::controller::stop_signal());
            let mut look = tokio::time::interval(Duration::from_millis(500));
            loop {
                tokio::select! {
                    // Ctrl-C ends all of them: that is no end to complain about.
                    biased;
                    () = &mut stop => return Ok(()),
                    _ = look.tick() => stage.check()?,
                }
            }
        })
    }

    // --- what is told -----------------------------------------------------------------------

    fn tell(&self, text: &str) -> anyhow::Result<()> {
        let seconds = self.start.elapsed().as_secs_f64();
        Ok(writeln!(std::io::stdout(), "\n[{seconds:4.1} s] {text}")?)
    }

    /// The newest source commit with its note, and the results commit that followed.
    fn log(&self) -> anyhow::Result<()> {
        let repository = self.stage.repository();
        let note =
            Stage::git(&repository, &["log", "-1", "--format=%h %s%n%N", "--notes=fleet", "main"])?;
        command("git log -1 --notes=fleet main")?;
        for line in note.lines().filter(|line| !line.is_empty()) {
            detail(&format!("  {line}"))?;
        }
        let results = Stage::git(&repository, &["log", "-3", "--format=%h %s", "fleet/results"])?;
        command("git log -3 --oneline fleet/results")?;
        for line in results.lines() {
            detail(&format!("  {line}"))?;
        }
        Ok(())
    }

    fn verb(&self, args: &[&str]) -> anyhow::Result<()> {
        command(&format!("git fleet {}", args.join(" ")))?;
        let out = std::process::Command::new(std::env::current_exe()?)
            .args(args)
            .arg("--repo")
            .arg(self.stage.repository())
            .output()?;
        for line in String::from_utf8_lossy(&out.stdout).lines() {
            detail(&format!("  {line}"))?;
        }
        Ok(())
    }

    fn bindings(&self) -> anyhow::Result<()> {
        self.verb(&["get", "bindings", "-o", "wide"])
    }

    fn clusters(&self) -> anyhow::Result<()> {
        self.verb(&["get", "clusters"])
    }

    // --- what is done -----------------------------------------------------------------------

    /// Sets the tag of the followed workload's image in its file; returns `:<tag>`. The rest of the
    /// image may differ from cluster to cluster, by the fleet's override policies.
    fn change_image(&self, tag: &str) -> anyhow::Result<String> {
        let manifest = find_manifest(&self.stage.checkout(), &format!("name: {APP}"))
            .context("the example fleet has the followed workload")?;
        let text = fs::read_to_string(&manifest)?;
        let mut image = None;
        let lines: Vec<String> = text
            .lines()
            .map(|line| match line.split_once("image: ") {
                Some((indent, old)) if image.is_none() => {
                    let repository = old.rsplit_once(':').map_or(old, |(repository, _)| repository);
                    let new = format!("{repository}:{tag}");
                    image = Some(format!(":{tag}"));
                    format!("{indent}image: {new}")
                }
                _ => line.to_owned(),
            })
            .collect();
        fs::write(&manifest, lines.join("\n") + "\n")?;
        image.context("the followed workload has an image")
    }

    // --- what is seen -----------------------------------------------------------------------

    fn wait(
        &self,
        what: &str,
        mut seen: impl FnMut(&Self) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let start = Instant::now();
        while !seen(self)? {
            self.stage.check()?;
            if start.elapsed() >= STEP_MAX {
                let text = format!("waited {} s for {what}", STEP_MAX.as_secs());
                let hint = format!("see the logs in {}", self.stage.dir().display());
                return Err(Fault::new("DEMO_FAILED", text, hint).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn ledger(&self) -> anyhow::Result<Ledger> {
        let location = self.stage.repository().display().to_string().parse()?;
        let mut ledger = Ledger::open(&location, self.stage.dir(), Overrides::default())?;
        ledger.look_only()?;
        Ok(ledger)
    }

    /// Whether the results follow the newest source commit, and every placed object is applied and
    /// none is unhealthy where its member is reachable.
    fn has_converged(&self) -> anyhow::Result<bool> {
        let ledger = self.ledger()?;
        let source = ledger.source_head()?.to_string();
        let inputs = ledger.result_files("inputs.yaml")?;
        let follows =
            inputs.iter().any(|(_, bytes)| String::from_utf8_lossy(bytes).contains(&source));
        let bindings = ledger.result_files("bindings/")?;
        let mut n_placed = 0;
        for (_, bytes) in &bindings {
            let binding: Value = crate::api::yaml::from_bytes(bytes)?;
            let clusters = binding.pointer("/spec/clusters").and_then(Value::as_array);
            let Some(clusters) = clusters.filter(|clusters| !clusters.is_empty()) else { continue };
            n_placed += 1;
            let items = binding.pointer("/status/aggregatedStatus").and_then(Value::as_array);
            let n_good = items.into_iter().flatten().filter(|item| {
                item["applied"] == Value::Bool(true) && item["health"] != "Unhealthy"
            });
            if n_good.count() != clusters.len() {
                return Ok(false);
            }
        }
        Ok(follows && n_placed > 0)
    }

    /// Members that the followed workload is placed on.
    fn placed(&self) -> anyhow::Result<Vec<String>> {
        let prefix = format!("bindings/{NAMESPACE}/Deployment.apps/{APP}.yaml");
        let files = self.ledger()?.result_files(&prefix)?;
        let (_, bytes) = files.first().context("the followed workload has a binding")?;
        let binding: Value = crate::api::yaml::from_bytes(bytes)?;
        let clusters = binding.pointer("/spec/clusters").and_then(Value::as_array);
        let names = clusters.into_iter().flatten().filter_map(|target| target["name"].as_str());
        Ok(names.map(ToOwned::to_owned).collect())
    }

    /// The image that the followed workload has in a member; empty while there is none.
    fn image(&self, member: &str) -> anyhow::Result<String> {
        let client = self.members.get(member).context("a member of the example fleet")?;
        let path = format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{APP}");
        let request = http::Request::get(path).body(Vec::new())?;
        let found = self.runtime.block_on(client.request::<Value>(request));
        let image = found.ok().and_then(|object| {
            Some(object.pointer("/spec/template/spec/containers/0/image")?.as_str()?.to_owned())
        });
        Ok(image.unwrap_or_default())
    }

    /// Status of a member's Ready condition, as the results have it.
    fn ready(&self, member: &str) -> anyhow::Result<Option<String>> {
        let files = self.ledger()?.result_files(&format!("clusters/{member}.yaml"))?;
        let Some((_, bytes)) = files.first() else { return Ok(None) };
        let cluster: Value = crate::api::yaml::from_bytes(bytes)?;
        let conditions = cluster.pointer("/status/conditions").and_then(Value::as_array);
        let ready = conditions.into_iter().flatten().find(|condition| condition["type"] == "Ready");
        Ok(ready.and_then(|condition| Some(condition["status"].as_str()?.to_owned())))
    }
}

fn detail(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "         {text}")?)
}

fn command(text: &str) -> anyhow::Result<()> {
    detail(&format!("$ {text}"))
}

/// The first manifest below `dir` that has a Deployment with this line in it.
fn find_manifest(dir: &std::path::Path, needle: &str) -> Option<std::path::PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    entries.into_iter().find_map(|path| {
        if path.file_name().is_some_and(|name| name == ".git") {
            return None;
        }
        if path.is_dir() {
            return find_manifest(&path, needle);
        }
        let text = fs::read_to_string(&path).ok()?;
        let is_it =
            text.lines().any(|line| line.trim() == needle) && text.contains("kind: Deployment");
        is_it.then_some(path)
    })
}
