//! Scenarios on three real clusters: what Karmada's own end-to-end suites show, and what safe applying
//! means. docs/karmada.md has the table of these suites and where each is shown here.

mod applying;
mod clusters;
mod dependencies;
mod firewall;
mod namespaces;
mod overrides;
mod placement;
mod policies;
mod removal;
mod status;
mod suspension;
