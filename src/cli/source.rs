//! A person's own commits on the source, made for them: with their name, signed off, by compare-and-swap.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::Repository;
use super::init::git;
use crate::api::names::ObjectId;
use crate::api::problem::Severity;
use crate::daemon::Fault;
use crate::daemon::ledger::{Ledger, Loaded};
use crate::store::Change;

/// What a file is called is no pattern.
const LITERAL: &str = "--literal-pathspecs";

/// The source branch of a repository or a clone on this machine, where a person may commit.
pub(super) struct Source {
    dir: PathBuf,
    /// Full name of the branch, and as people know it.
    branch: String,
    short: String,
    /// Where it was when it was read.
    pub(super) loaded: Loaded,
    /// The remote whose branch it follows, and that branch: the fleet's is there.
    remote: Option<(String, String)>,
    /// Whether a work tree shows the branch.
    is_checked_out: bool,
}

impl Source {
    /// Reads the branch as it is now.
    ///
    /// # Errors
    /// The repository is not on this machine, or the commit does not validate.
    pub(super) fn open(repository: &Repository, ledger: &mut Ledger) -> anyhow::Result<Self> {
        let dir = Path::new(&repository.repo);
        if !dir.exists() {
            let text = format!("`{}` is no directory here, and a commit needs one", dir.display());
            let hint = "clone the repository, and run it in the clone: it pushes what it commits";
            return Err(Fault::new("SOURCE_REMOTE", text, hint).into());
        }
        ledger.look_only()?;
        repository.find_refs(ledger)?;
        let name = ledger.layout().source();
        let (branch, short) = (name.as_str().to_owned(), name.short().to_owned());
        let head = ledger.source_head()?;
        let is_bare = git(dir, &["rev-parse", "--is-bare-repository"])? == "true";
        let top = if is_bare {
            dir.to_owned()
        } else {
            git(dir, &["rev-parse", "--show-toplevel"])?.into()
        };
        let here = git(&top, &["rev-parse", "--verify", "--quiet", &branch]).unwrap_or_default();
        if here != head.to_string() {
            let text = format!("{short} here is not at {}, where the fleet's is", head.short());
            let hint = format!("bring it there first: git switch {short} && git pull");
            return Err(Fault::new("SOURCE_BEHIND", text, hint).into());
        }
        let setting = |key: &str| git(&top, &["config", "--get", &format!("branch.{short}.{key}")]);
        let remote = setting("remote").ok().filter(|remote| !remote.is_empty() && remote != ".");
        let remote = remote.map(|remote| {
            let there = setting("merge").ok().filter(|name| !name.is_empty());
            (remote, there.unwrap_or_else(|| branch.clone()))
        });
        let shown = git(&top, &["symbolic-ref", "--quiet", "HEAD"]).unwrap_or_default();
        let loaded = ledger.read(head)?;
        refuse_invalid(&loaded)?;
        let is_checked_out = !is_bare && shown == branch;
        Ok(Self { dir: top, branch, short, loaded, remote, is_checked_out })
    }

    /// The branch as people know it.
    pub(super) fn short(&self) -> &str {
        &self.short
    }

    /// Whether there is a file at this path.
    pub(super) fn has(&self, path: &str) -> bool {
        let name = format!("{}:{path}", self.loaded.commit);
        git(&self.dir, &["rev-parse", "--verify", "--quiet", &name]).is_ok()
    }

    /// The first commit of the branch, by which a fleet is known whatever its repository is called; `None` in a
    /// clone that does not have it.
    pub(super) fn first_commit(&self) -> anyhow::Result<Option<String>> {
        if git(&self.dir, &["rev-parse", "--is-shallow-repository"])? == "true" {
            return Ok(None);
        }
        let head = self.loaded.commit.to_string();
        let first = git(&self.dir, &["rev-list", "--first-parent", "--max-parents=0", &head])?;
        Ok(first.lines().next().map(str::to_owned))
    }

    /// What a commit of these changes would be, as an object that no branch names yet.
    ///
    /// # Errors
    /// It would not validate, or cannot be written.
    pub(super) fn draft(
        &self,
        ledger: &mut Ledger,
        changes: &[Change<'_>],
        message: &str,
    ) -> anyhow::Result<Loaded> {
        let head = self.loaded.commit;
        let mut batch = ledger.store().batch();
        let tree = batch.tree(Some(head), changes)?;
        batch.write()?;
        let commit = signed_off(&self.dir, &tree.to_string(), &head.to_string(), message)?;
        let id: ObjectId = commit.parse().map_err(|_| {
            Fault::new("GIT_COMMAND", format!("git made `{commit}`"), "see git's own words")
        })?;
        let loaded = ledger.read(id)?;
        refuse_invalid(&loaded)?;
        Ok(loaded)
    }

    /// Moves the branch to a commit that [`Source::draft`] made, where the fleet's branch is and here, and brings
    /// `paths` of the work tree there. Says so on stderr.
    ///
    /// # Errors
    /// Somebody else has moved it, or a file of `paths` has changes that are in no commit.
    pub(super) fn publish(&mut self, drafted: Loaded, paths: &[&str]) -> anyhow::Result<()> {
        let (old, new) = (self.loaded.commit.to_string(), drafted.commit.to_string());
        if self.is_checked_out {
            self.refuse_dirty(&new, paths)?;
        }
        if let Some((remote, there)) = &self.remote {
            let lease = format!("--force-with-lease={there}:{old}");
            let moved = format!("{new}:{there}");
            let pushed = git(&self.dir, &["push", "--quiet", &lease, "--", remote, &moved]);
            pushed.map_err(|error| {
                let text = format!("{} cannot be pushed to {remote}: {error}", self.short);
                let hint = format!(
                    "if somebody else was faster: git pull {remote} {}; then run it again",
                    self.short
                );
                Fault::new("SOURCE_PUSH", text, hint)
            })?;
        }
        if self.is_checked_out {
            self.bring_along(&new, paths)?;
        }
        let moved = git(&self.dir, &["update-ref", "-m", "git fleet", &self.branch, &new, &old]);
        moved.map_err(|error| {
            let text = format!("{} was moved meanwhile: {error}", self.short);
            Fault::new("SOURCE_MOVED", text, "run it again: it begins with what is there then")
        })?;
        let subject = git(&self.dir, &["log", "-1", "--format=%s", &new])?;
        let pushed = match &self.remote {
            Some((remote, _)) => format!(", pushed to {remote}"),
            None => match git(&self.dir, &["remote"])?.lines().next() {
                Some(remote) => format!(
                    "; if the fleet runs from {remote}, it counts once it is pushed: git push {remote} {}",
                    self.short
                ),
                None => String::new(),
            },
        };
        let short = &self.short;
        writeln!(std::io::stderr(), "committed {} to {short}: {subject}{pushed}", &new[..12])?;
        self.loaded = drafted;
        Ok(())
    }

    /// Whether it follows the branch of a remote: the fleet's is there.
    pub(super) fn follows_a_remote(&self) -> bool {
        self.remote.is_some()
    }

    /// Has a clone see what the fleet has published since.
    pub(super) fn refresh(&self, ledger: &Ledger) -> anyhow::Result<()> {
        let Some((remote, _)) = &self.remote else { return Ok(()) };
        let prefix = ledger.layout().prefix();
        let refs = format!("+refs/heads/{prefix}/*:refs/remotes/{remote}/{prefix}/*");
        git(&self.dir, &["fetch", "--quiet", "--", remote, &refs])?;
        Ok(())
    }

    /// A file with changes that nobody has committed is left to who made them, unless they are these very ones.
    fn refuse_dirty(&self, new: &str, paths: &[&str]) -> anyhow::Result<()> {
        for path in paths {
            let status = [
                LITERAL,
                "status",
                "--porcelain",
                "--untracked-files=all",
                "--ignored",
                "--",
                path,
            ];
            if git(&self.dir, &status)?.is_empty() {
                continue;
            }
            let there =
                git(&self.dir, &["rev-parse", "--verify", "--quiet", &format!("{new}:{path}")]);
            let here = git(&self.dir, &["hash-object", "--", path]);
            // Neither: the file is to go, and is gone.
            if there.ok() != here.ok() {
                let text = format!("{path} has changes here that are in no commit");
                return Err(Fault::new("SOURCE_DIRTY", text, "commit or undo them first").into());
            }
        }
        Ok(())
    }

    fn bring_along(&self, new: &str, paths: &[&str]) -> anyhow::Result<()> {
        for path in paths {
            if git(&self.dir, &["rev-parse", "--verify", "--quiet", &format!("{new}:{path}")])
                .is_ok()
            {
                git(&self.dir, &[LITERAL, "checkout", "--quiet", new, "--", path])?;
            } else {
                git(
                    &self.dir,
                    &[LITERAL, "rm", "--quiet", "--force", "--ignore-unmatch", "--", path],
                )?;
            }
        }
        Ok(())
    }
}

fn refuse_invalid(loaded: &Loaded) -> anyhow::Result<()> {
    if loaded.is_valid() {
        return Ok(());
    }
    let errors = loaded.problems.iter().filter(|problem| problem.severity == Severity::Error);
    let errors: Vec<String> = errors.map(ToString::to_string).collect();
    let text =
        format!("the commit does not validate, and would change nothing:\n{}", errors.join("\n"));
    Err(Fault::new("SOURCE_INVALID", text, "correct it first; `git fleet validate` lists it")
        .into())
}

/// Writes a commit of `tree` after `head` with the name of whoever runs this, signed off, and signed where their
/// git says so.
pub(super) fn signed_off(
    dir: &Path,
    tree: &str,
    head: &str,
    message: &str,
) -> anyhow::Result<String> {
    let ident = git(dir, &["var", "GIT_COMMITTER_IDENT"])?;
    let who = ident.rsplit_once('>').map_or(&*ident, |(who, _)| who);
    // A trailer of its own stands in the same paragraph.
    let last = message.lines().last().unwrap_or_default();
    let is_trailer = last.split_once(": ").is_some_and(|(key, _)| !key.contains(' '));
    let gap = if message.contains('\n') && is_trailer { "\n" } else { "\n\n" };
    let message = format!("{message}{gap}Signed-off-by: {who}>\n");
    let mut make = vec!["commit-tree", tree, "-p", head, "-m", &*message];
    let signs = git(dir, &["config", "--type=bool", "--get", "commit.gpgsign"]);
    if signs.is_ok_and(|signs| signs == "true") {
        make.push("-S");
    }
    git(dir, &make)
}
