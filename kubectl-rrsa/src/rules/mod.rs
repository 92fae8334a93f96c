//! The rules: what must hold for RRSA to work, one file a link of the chain. A rule is a function from facts
//! to a verdict; it asks nobody and changes nothing.

mod catalogue;
mod cluster;
mod finding;
mod namespace;
mod pod;
mod sdk;
mod service_account;
mod sts;
mod token;

#[cfg(test)]
mod fixtures;

pub use catalogue::{RULES, Rule};
pub use finding::{Finding, Link, Severity, Verdict};
