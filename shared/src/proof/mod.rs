//! The live proof: what there is to know of a token, and what STS makes of it. The same from a workstation and from
//! inside a pod.

mod exchange;
mod network;
mod report;
mod token;

pub use exchange::{ExchangeFacts, ExchangeOutcome, IdentityFacts, Loss, Plan, exchange};
pub use network::{NetworkFacts, Step, Way};
pub use report::{ProbeReport, ReportError, SCHEMA};
pub use token::{TokenFacts, TokenFile, TokenProblem, TokenSource, broken, examine};
