//! What verbs read of the results.

use serde::de::DeserializeOwned;

use crate::daemon::Fault;
use crate::daemon::ledger::{Ledger, Recorded};

/// The file of the results at this path, which has to be there.
pub(super) fn stored<T: DeserializeOwned>(
    ledger: &Ledger,
    recorded: &Recorded,
    path: &str,
) -> anyhow::Result<T> {
    let bytes = ledger.recorded_file(recorded, path)?;
    let bytes = bytes.ok_or_else(|| unreadable(format!("the results have no `{path}`")))?;
    crate::api::yaml::from_bytes(&bytes)
        .map_err(|error| unreadable(format!("`{path}` of the results: {error}")).into())
}

/// The results are not what an engine of this version writes.
pub(super) fn unreadable(text: String) -> Fault {
    let hint = "use the version that wrote them, or let `git fleet apply` or `run` of this one write them anew";
    Fault::new("RESULTS_UNREADABLE", text, hint)
}
