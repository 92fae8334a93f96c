//! From a signed request to the caller behind it.

use jiff::{SignedDuration, Timestamp};

use super::super::refusal::Refusal;
use super::super::request::ApiRequest;
use super::super::sessions::is_security_token;
use super::super::state::Cloud;
use super::claim::Claim;
use super::{Caller, Identity, acs3, rpc};

/// How far a time stamp may be from the cloud's time, seconds, either way.
pub(super) const WINDOW_SECONDS: i64 = 15 * 60;

/// Finds out who signed the request, or why nobody did. In order: the access key, its security token, the
/// time stamp, the signature, the nonce.
pub(in super::super) fn authenticate(cloud: &Cloud, request: &ApiRequest) -> Result<Caller, Refusal> {
    let claim = match acs3::claim(request)? {
        Some(claim) => claim,
        None => rpc::claim(request)?,
    };
    let (caller, secret) = key_holder(cloud, &claim)?;
    check_timestamp(cloud, claim.timestamp)?;
    if claim.expected_signature(request, &secret)? != claim.signature {
        return Err(Refusal::new("SignatureDoesNotMatch"));
    }
    match claim.nonce {
        Some(nonce) if !cloud.nonces().is_first_use(claim.access_key_id, nonce, cloud.now()) => {
            Err(Refusal::new("SignatureNonceUsed"))
        }
        _ => Ok(caller),
    }
}

/// The holder of the access key, and its secret.
fn key_holder(cloud: &Cloud, claim: &Claim<'_>) -> Result<(Caller, String), Refusal> {
    if let Some(session) = cloud.sessions().find(claim.access_key_id) {
        let token = claim.security_token.filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| Refusal::new("MissingSecurityToken"))?;
        if !is_security_token(token) {
            return Err(Refusal::new("InvalidSecurityToken.Malformed"));
        }
        if token != session.security_token {
            return Err(Refusal::new("InvalidSecurityToken.MismatchWithAccessKey"));
        }
        if session.expires <= cloud.now() {
            return Err(Refusal::new("InvalidSecurityToken.Expired"));
        }
        let identity = Identity::Session { role: session.role, name: session.name };
        return Ok((Caller::new(identity), session.secret));
    }
    let key = cloud.world().access_keys.iter().find(|key| key.id == claim.access_key_id);
    let key = key.ok_or_else(|| Refusal::new("InvalidAccessKeyId.NotFound"))?;
    if !key.active {
        return Err(Refusal::new("InvalidAccessKeyId.Inactive"));
    }
    if claim.security_token.is_some_and(|token| !token.is_empty()) {
        return Err(Refusal::new("InvalidSecurityToken.MismatchWithAccessKey"));
    }
    let identity = key.user.clone().map_or(Identity::Account, Identity::User);
    Ok((Caller::new(identity), key.secret.clone()))
}

fn check_timestamp(cloud: &Cloud, timestamp: &str) -> Result<(), Refusal> {
    let signed: Timestamp = timestamp.parse().map_err(|_| Refusal::new("InvalidTimeStamp.Format"))?;
    if cloud.now().duration_since(signed).abs() > SignedDuration::from_secs(WINDOW_SECONDS) {
        return Err(Refusal::new("InvalidTimeStamp.Expired"));
    }
    Ok(())
}
