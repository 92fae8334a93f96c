//! `kubectl rrsa version`.

use crate::cli::Outcome;
use crate::error::{Error, exit};

/// Print the version.
#[derive(clap::Args, Debug)]
pub struct Args {}

/// Prints the version.
///
/// # Errors
/// None.
pub fn run(Args {}: &Args) -> Result<Outcome, Error> {
    Ok(Outcome {
        text: concat!("kubectl-rrsa ", env!("CARGO_PKG_VERSION"), "\n").to_owned(),
        code: exit::HEALTHY,
    })
}
