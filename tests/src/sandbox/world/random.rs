//! Names and secrets that are fresh in every world.

use rand::RngExt as _;
use rand::distr::Alphanumeric;

/// `length` random letters and digits.
pub(crate) fn alphanumeric(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}
