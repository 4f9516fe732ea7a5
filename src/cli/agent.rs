//! `agent`: the executor of one pull-mode member.

use std::io::Write as _;
use std::path::PathBuf;

use super::run::{Leash, runtime};
use super::{Connection, Exit, LogFormat, Repository};
use crate::api::names::ClusterName;
use crate::api::period::Period;
use crate::api::settings::HistorySettings;
use crate::daemon::Fault;
use crate::daemon::agent::{self, Agent};
use crate::store::{Layout, Location};

/// Run one pull-mode member from its work ref, beside the cluster
#[derive(clap::Args, Debug)]
pub(super) struct AgentArgs {
    /// Repository of its work: a path, or a file://, https:// or ssh:// URL
    #[arg(long, value_name = "PATH|URL")]
    remote: String,
    /// Repository of its status [default: that of its work]
    #[arg(long, value_name = "URL")]
    status_remote: Option<String>,
    /// Name of the cluster, as registered in the source
    #[arg(long, value_name = "NAME")]
    cluster: ClusterName,
    #[command(flatten)]
    connection: Connection,
    /// How often the repository is asked for new work, e.g. 15s; a local path is watched instead
    #[arg(long, value_name = "DURATION", default_value = "15s")]
    poll: Period,
    /// Prefix of the machine-owned refs
    #[arg(long, value_name = "PREFIX", default_value = "fleet")]
    refs_prefix: String,
    /// The status branch starts afresh after this many commits
    #[arg(long, value_name = "N", default_value_t = HistorySettings::default().max_commits)]
    history_max_commits: u32,
    /// The status branch starts afresh when its first commit is this old
    #[arg(long, value_name = "DURATION", default_value_t = HistorySettings::default().max_age)]
    history_max_age: Period,
    /// Where the clone of the repository is kept [default: the user's cache directory]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    #[command(flatten)]
    leash: Leash,
}

pub(super) fn run(args: &AgentArgs, format: LogFormat) -> anyhow::Result<Exit> {
    args.leash.hold()?;
    let credentials = args.connection.credentials()?;
    let location: Location = args.remote.parse()?;
    let status_remote = match args.status_remote.as_deref().map(str::parse).transpose()? {
        None => None,
        Some(Location::Remote(url)) => Some(url),
        Some(Location::Path(path)) => {
            let text = format!("--status-remote {} is a path", path.display());
            let hint = "write it as a URL, such as file:///srv/status.git";
            return Err(Fault::new("URL_SCHEME", text, hint).into());
        }
    };
    let repository = Repository {
        repo: args.remote.clone(),
        source_branch: None,
        refs_prefix: Some(args.refs_prefix.clone()),
        state_dir: args.state_dir.clone(),
    };
    let agent = Agent {
        location,
        status_remote,
        // Two agents on one machine must not share a clone.
        state_dir: repository.state_dir().join("agent").join(args.cluster.as_str()),
        layout: Layout::new("main", &args.refs_prefix)?,
        cluster: args.cluster.clone(),
        credentials,
        poll: args.poll.duration(),
        history: HistorySettings {
            max_commits: args.history_max_commits,
            max_age: args.history_max_age,
        },
        options: args.connection.member_options(),
    };
    let cluster = &args.cluster;
    match format {
        LogFormat::Json => tracing::info!(%cluster, "running the agent"),
        LogFormat::Text => {
            writeln!(
                std::io::stderr(),
                "running the agent of cluster {cluster}; stop with Ctrl-C"
            )?;
        }
    }
    runtime()?.block_on(agent::run(agent))?;
    Ok(Exit::Clean)
}
