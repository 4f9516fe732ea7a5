//! The flags that several verbs share, and what they mean.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::api::period::Period;
use crate::daemon::Fault;
use crate::daemon::credentials::Credentials;
use crate::daemon::ledger::{Ledger, Overrides, Recorded};
use crate::engine::Timing;
use crate::fleet::Fleet;
use crate::member::kubeconfig::Allow;
use crate::store::Location;

/// Which repository.
#[derive(Args, Debug, Clone)]
pub struct Repository {
    /// Fleet repository: a path, or a file://, https:// or ssh:// URL
    #[arg(long, short = 'C', default_value = ".", value_name = "PATH|URL")]
    pub repo: String,
    /// Source branch, whatever fleet.yaml says; its own fleet.yaml counts then
    #[arg(long, value_name = "BRANCH")]
    pub source_branch: Option<String>,
    /// Prefix of the machine-owned refs, whatever fleet.yaml says
    #[arg(long, value_name = "PREFIX")]
    pub refs_prefix: Option<String>,
    /// Where clones of remote repositories are kept [default: the user's cache directory]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

impl Repository {
    /// Opens it.
    pub fn ledger(&self) -> anyhow::Result<Ledger> {
        let location: Location = self.repo.parse()?;
        let overrides = Overrides {
            source_branch: self.source_branch.clone(),
            refs_prefix: self.refs_prefix.clone(),
        };
        Ok(Ledger::open(&location, &self.state_dir(), overrides)?)
    }

    /// Opens it to look at what is recorded now.
    pub(super) fn look(&self) -> anyhow::Result<(Ledger, Recorded)> {
        let mut ledger = self.ledger()?;
        ledger.look_only()?;
        self.find_refs(&mut ledger)?;
        let recorded = ledger.recorded()?;
        Ok((ledger, recorded))
    }

    /// Learns from the source where the record is. Without a readable source it is where it is by
    /// default; but a branch that a person names has to be there.
    pub(super) fn find_refs(&self, ledger: &mut Ledger) -> anyhow::Result<()> {
        match ledger.find_refs() {
            Err(error) if self.source_branch.is_some() => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Where clones go.
    pub fn state_dir(&self) -> PathBuf {
        self.state_dir.clone().unwrap_or_else(default_state_dir)
    }
}

fn default_state_dir() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    cache.or_else(home).unwrap_or_else(std::env::temp_dir).join("git-fleet")
}

/// How members are reached.
#[derive(Args, Debug, Clone)]
pub struct Connection {
    /// Directory with one kubeconfig for each cluster, named CLUSTER.yaml
    #[arg(long, value_name = "DIR")]
    pub credentials: PathBuf,
    /// How often each cluster is asked how it is
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    pub cluster_status_update_frequency: Period,
    /// How long a cluster must be in a new state of readiness before it counts
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    pub cluster_failure_threshold: Period,
    #[command(flatten)]
    allowed: Allowed,
}

impl Connection {
    /// The credentials directory, checked.
    pub fn credentials(&self) -> anyhow::Result<Credentials> {
        self.allowed.credentials(&self.credentials)
    }

    /// What executors are told.
    pub fn member_options(&self) -> crate::member::Options {
        crate::member::Options {
            cluster_interval: self.cluster_status_update_frequency.duration(),
            ready_threshold: self.cluster_failure_threshold.duration(),
            ..crate::member::Options::default()
        }
    }
}

/// What kubeconfigs may contain.
#[derive(Args, Debug, Clone)]
pub(super) struct Allowed {
    /// Let kubeconfigs run programs that fetch credentials
    #[arg(long)]
    pub insecure_allow_exec: bool,
    /// Let kubeconfigs name files for tokens, keys and certificates
    #[arg(long)]
    pub insecure_allow_files: bool,
    /// Let kubeconfigs turn the check of server certificates off
    #[arg(long)]
    pub insecure_allow_skip_tls_verify: bool,
    /// Let kubeconfigs name servers without TLS that are not on this machine
    #[arg(long)]
    pub insecure_allow_http: bool,
    /// Let kubeconfigs act as another user
    #[arg(long)]
    pub insecure_allow_impersonation: bool,
}

impl Allowed {
    /// The credentials directory, checked.
    pub(super) fn credentials(&self, dir: &Path) -> anyhow::Result<Credentials> {
        let fault = |what: &str| {
            let text = format!("--credentials {} {what}", dir.display());
            let hint = "name the directory that holds one kubeconfig for each cluster";
            Fault::new("CONFIG_READ", text, hint)
        };
        let metadata = std::fs::metadata(dir);
        let metadata = metadata.map_err(|error| fault("cannot be read").because(&error))?;
        if !metadata.is_dir() {
            return Err(fault("is no directory").into());
        }
        Ok(Credentials::new(dir, self.allow()))
    }

    fn allow(&self) -> Allow {
        Allow {
            exec: self.insecure_allow_exec,
            files: self.insecure_allow_files,
            insecure_tls: self.insecure_allow_skip_tls_verify,
            plain_http: self.insecure_allow_http,
            impersonation: self.insecure_allow_impersonation,
        }
    }
}

/// How long the engine waits, from `fleet.yaml` and from where the repository is; and how often a
/// remote is asked.
pub(super) fn timing(fleet: Option<&Fleet>, is_local: bool) -> (Timing, Duration) {
    let defaults = crate::api::settings::Settings::default();
    let spec = fleet.map_or(&defaults, |fleet| &fleet.settings);
    let publish = if is_local { Duration::ZERO } else { spec.intervals.publish.duration() };
    let timing = Timing {
        publish,
        status: spec.intervals.status.duration(),
        first_report: Duration::from_secs(5),
        resync: spec.intervals.resync.duration(),
    };
    (timing, spec.intervals.poll.duration())
}
