//! kubectl-rrsa.
pub mod error;

