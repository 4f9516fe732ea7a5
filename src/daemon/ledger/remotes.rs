//! Other repositories for what the engine writes: `spec.remotes` of `fleet.yaml`.

use std::collections::BTreeMap;

use super::{Ledger, LedgerError, Origin};
use crate::api::problem::Problem;
use crate::api::settings::RemoteSettings;
use crate::fleet::Fleet;
use crate::store::{Lane, Location, RefName, RemoteUrl};

/// What cannot be used: the setting's name and why.
type BadRemote = (&'static str, String);

/// What is wrong with the addresses in the settings.
pub(super) fn remote_problems(fleet: &Fleet, origin: Origin) -> Vec<Problem> {
    let bad = remote_urls(&fleet.settings.remotes, origin).err().unwrap_or_default();
    let problem = |(key, reason): BadRemote| {
        Problem::error(
            fleet.place_of_setting(&format!("/spec/remotes/{key}")),
            "SETTINGS_REMOTE",
            format!("spec.remotes.{key} cannot be used: {reason}"),
            "write an https:// or ssh:// URL without a password",
        )
    };
    bad.into_iter().map(problem).collect()
}

/// The addresses in the settings, or what is wrong with them.
///
/// A `file://` address is for a source on this machine only.
fn remote_urls(
    settings: &RemoteSettings,
    origin: Origin,
) -> Result<BTreeMap<Lane, RemoteUrl>, Vec<BadRemote>> {
    let given = [
        ("results", Lane::Results, &settings.results),
        ("work", Lane::Work, &settings.work),
        ("status", Lane::Status, &settings.status),
    ];
    let mut urls = BTreeMap::new();
    let mut bad = Vec::new();
    for (key, lane, text) in given {
        let Some(text) = text else { continue };
        let reason = match Location::parse(text) {
            Ok(Location::Remote(url)) if origin == Origin::Hosted && url.is_on_this_machine() => {
                "a file:// address is for a fleet repository on the same machine".to_owned()
            }
            Ok(Location::Remote(url)) => {
                urls.insert(lane, url);
                continue;
            }
            Ok(Location::Path(_)) => "it is no URL".to_owned(),
            Err(error) => error.to_string(),
        };
        bad.push((key, reason));
    }
    if bad.is_empty() { Ok(urls) } else { Err(bad) }
}

impl Ledger {
    /// Sends results, work and status where the settings say. Those of the start stay in force until
    /// the next one: the refs' past is where it is.
    pub(super) fn adopt_remotes(&mut self, settings: &RemoteSettings) -> Result<(), LedgerError> {
        let Ok(urls) = remote_urls(settings, self.origin) else { return Ok(()) };
        let in_force = match &self.remotes {
            None => urls,
            Some(in_force) => {
                if *in_force != urls {
                    tracing::warn!("spec.remotes has changed; it counts from the next start on");
                }
                in_force.clone()
            }
        };
        self.store.route(&self.layout, &in_force)?;
        self.remotes = Some(in_force);
        Ok(())
    }

    /// Brings what we wrote before, from whatever remotes it lives at.
    ///
    /// # Errors
    /// A remote is away and nothing of ours is here: to go on would be to start from nothing.
    pub(super) fn fetch_record(&self, fleet: &Fleet) -> Result<(), LedgerError> {
        let mut names: Vec<RefName> = vec![self.layout.results()];
        if !self.only_looks() {
            names.push(self.layout.notes());
            names.extend(fleet.clusters.keys().map(|cluster| self.layout.work(cluster)));
        }
        self.fetch_ours(&names)
    }

    /// Brings refs of ours, the results among them. While their remote is away those that are here stand.
    ///
    /// # Errors
    /// It is away, and no results are here.
    pub(super) fn fetch_ours(&self, names: &[RefName]) -> Result<(), LedgerError> {
        let Err(error) = self.store.fetch(names) else { return Ok(()) };
        if self.our_tip(&self.layout.results())?.is_none() {
            return Err(error.into());
        }
        tracing::warn!(error = %crate::daemon::chain(&error), "our own refs cannot be fetched; the clone's stand");
        Ok(())
    }
}
