//! Who calls: signatures of both kinds, access keys, security tokens, time stamps, nonces.

mod acs3;
mod authenticate;
mod caller;
mod claim;
mod nonces;
mod rpc;

pub(super) use authenticate::authenticate;
pub(super) use caller::{Caller, Identity};
pub(super) use nonces::Nonces;
