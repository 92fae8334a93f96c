//! Signatures of Alibaba Cloud's APIs. Time and nonce are arguments, so the same input always signs alike.

pub mod acs3;
mod date;
mod hash;
pub mod percent;
mod request;
pub mod rpc;
#[cfg(test)]
mod vectors;

pub use date::date;
pub(crate) use hash::hex;
pub use request::{roa_get, rpc_request};

/// What signs, exposed for the length of one call. It has no `Debug`.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// Access key id; not a secret.
    pub access_key_id: &'a str,
    /// Access key secret.
    pub access_key_secret: &'a str,
    /// Security token of a session's key.
    pub security_token: Option<&'a str>,
}
