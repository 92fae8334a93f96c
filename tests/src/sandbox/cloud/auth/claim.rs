//! What a signed request says about itself.

use super::super::refusal::Refusal;
use super::super::request::ApiRequest;
use super::{acs3, rpc};

/// What a signed request says about itself.
pub(super) struct Claim<'a> {
    pub(super) access_key_id: &'a str,
    pub(super) security_token: Option<&'a str>,
    pub(super) timestamp: &'a str,
    /// Absent in the V3 requests that the ACK authenticator forwards.
    pub(super) nonce: Option<&'a str>,
    pub(super) signature: &'a str,
    pub(super) scheme: Scheme<'a>,
}

/// How the signature was made.
pub(super) enum Scheme<'a> {
    Rpc,
    Acs3 { signed_headers: &'a str },
}

impl Claim<'_> {
    pub(super) fn expected_signature(&self, request: &ApiRequest, secret: &str) -> Result<String, Refusal> {
        match self.scheme {
            Scheme::Rpc => Ok(rpc::signature(request, secret)),
            Scheme::Acs3 { signed_headers } => acs3::signature(request, signed_headers, secret),
        }
    }
}
