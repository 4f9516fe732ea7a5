//! `init`: a fleet repository to start from.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Exit;
use crate::daemon::Fault;

/// Make a fleet repository to start from
#[derive(clap::Args, Debug)]
pub(super) struct InitArgs {
    /// Directory to make it in; made if it does not exist
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Begin with the example fleet instead of the bare frame
    #[arg(long)]
    example: bool,
}

/// The example fleet, path and content, as `fleet-example/` holds it.
pub(super) const EXAMPLE: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/example.rs"));

const FRAME: &[(&str, &str)] = &[
    (
        "fleet.yaml",
        "# Settings of the fleet; every one has a default. See docs/repository-layout.md.\n\
         apiVersion: git-fleet.io/v1alpha1\nkind: FleetSettings\nmetadata:\n  name: fleet\nspec: {}\n",
    ),
    (
        "clusters/README.md",
        "One Cluster a file: `apiVersion: cluster.karmada.io/v1alpha1`, `kind: Cluster`.\n",
    ),
    (
        "policies/everywhere.yaml",
        "# Sends every Deployment, Service and ConfigMap of namespace default to every cluster.\n\
         apiVersion: policy.karmada.io/v1alpha1\nkind: PropagationPolicy\nmetadata:\n  name: everywhere\n  namespace: default\n\
         spec:\n  resourceSelectors:\n    - apiVersion: apps/v1\n      kind: Deployment\n    - apiVersion: v1\n      kind: Service\n\
        \x20   - apiVersion: v1\n      kind: ConfigMap\n  placement: {}\n",
    ),
    (
        "namespaces/README.md",
        "One Namespace a file, apart from what is in it: what is removed with a Namespace is everything in it.\n",
    ),
    ("apps/README.md", "Kubernetes manifests, in any folder structure you like.\n"),
];

pub(super) fn run(args: &InitArgs) -> anyhow::Result<Exit> {
    let files = if args.example { EXAMPLE } else { FRAME };
    for (path, _) in files {
        let path = args.dir.join(path);
        if path.exists() {
            let text = format!("{} exists already; nothing was written", path.display());
            return Err(Fault::new("DIR_EXISTS", text, "choose an empty directory").into());
        }
    }
    write(&args.dir, files)?;
    if !args.dir.join(".git").exists() {
        git(&args.dir, &["init", "--quiet", "--initial-branch", "main"])?;
    }
    let (dir, quoted) = (args.dir.display(), shell_word(&args.dir.to_string_lossy()));
    writeln!(
        std::io::stderr(),
        "wrote {} files to {dir}\nnext:\n  cd {quoted}\n  git add -A && git commit -m 'the fleet'\n  git fleet validate\n  git fleet plan\n  git fleet run --credentials DIR   # one kubeconfig for each cluster in DIR",
        files.len()
    )?;
    Ok(Exit::Clean)
}

/// The text as one word of a shell.
fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        // What begins with a dash is an option, however it is quoted.
        return if text.starts_with('-') { format!("./{text}") } else { text.to_owned() };
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Writes files below `dir`.
pub(super) fn write(dir: &Path, files: &[(&str, &str)]) -> anyhow::Result<()> {
    for (path, content) in files {
        let path = dir.join(path);
        let parent = path.parent().expect("a joined path has a parent");
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, content))
            .map_err(|error| unwritable(&path, &error))?;
    }
    Ok(())
}

/// Runs git in `dir` and returns what it printed.
pub(super) fn git(dir: &Path, args: &[&str]) -> anyhow::Result<String> {
    let out = Command::new("git")
        .current_dir(dir)
        .args(args)
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .output();
    let out = out.map_err(|error| {
        let hint = "install git 2.30 or newer and put it on PATH";
        Fault::new("GIT_BINARY", "the program `git` cannot be started", hint).because(&error)
    })?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr);
        let text = format!("`git {}` failed in {}: {}", args.join(" "), dir.display(), said.trim());
        return Err(Fault::new("GIT_COMMAND", text, "see git's own words in the message").into());
    }
    Ok(String::from_utf8_lossy(&out.stdout).trim_end().to_owned())
}

/// A file or directory that cannot be made, and why.
pub(super) fn unwritable(path: &Path, error: &std::io::Error) -> Fault {
    let text = format!("{} cannot be written", path.display());
    Fault::new("DIR_WRITE", text, "choose a directory that this user may write").because(error)
}
