//! The rules: what must hold for RRSA to work, one file a link of the chain. A rule is a function from facts
//! to a verdict; it asks nobody and changes nothing.

mod at_rest;
mod behind;
mod catalogue;
mod cluster;
mod finding;
mod meant;
mod namespace;
mod network;
mod obstacle;
mod pod;
mod policy_lint;
mod provider;
mod reach;
mod restart;
mod role;
mod sdk;
mod service_account;
mod sts;
mod symptoms;
mod token;
mod trust_policy;
mod variables;
mod volume;
mod webhook;
mod workloads;

#[cfg(test)]
mod fixtures;

pub use at_rest::{AtRest, at_rest, blank};
pub use behind::lagging;
pub use catalogue::{RULES, Rule, fold};
pub use finding::{Also, Evidence, Finding, Link, Severity, Verdict};
pub use obstacle::unreadable;
pub use reach::stays_out;
pub use restart::{Owned, of_owners as restart, once_admitted};
pub use service_account::means_a_role;
pub use workloads::{Judged, judged};
