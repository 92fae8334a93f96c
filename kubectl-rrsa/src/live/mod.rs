//! The live proof: a token from somewhere, then the exchange.

mod exec;
mod token;

pub use exec::{Container, FileError, read_pod};
pub use token::{issuer, request};

use clap::ValueEnum;

/// Where the token of the live check comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Live {
    /// Ask the API server for one (TokenRequest); proves identity, not the pod
    Token,
    /// Read the one in the running pod; needs cat in the image
    Exec,
    /// No live check: look at objects only
    None,
}
