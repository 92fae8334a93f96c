//! The live proof: a token from somewhere, then the exchange.

mod exec;
mod interrupt;
mod probe;
mod stand_in;
mod token;

pub use exec::{Container, Environment, FileError, environments, read_pod};
pub use interrupt::Interrupt;
pub use probe::{Beside, beside, in_pod};
pub use stand_in::{ProbeOptions, Wiring, probe_pod};
pub use token::{issuer, request};

use clap::ValueEnum;

/// Where the token of the live check comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Live {
    /// exec for a pod, token for a ServiceAccount; changes nothing in the cluster
    Auto,
    /// Ask the API server for one (TokenRequest); proves identity, not the pod
    Token,
    /// Read the one in the running pod; needs cat or head in the image, else as token
    Exec,
    /// Run the probe in an ephemeral container of the pod, which stays until the pod ends; needs --probe-image
    Ephemeral,
    /// Run the probe in a short-lived pod of the same ServiceAccount; needs --probe-image
    Pod,
    /// No live check: look at objects only
    None,
}
