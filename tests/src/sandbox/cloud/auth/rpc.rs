//! Signature V1: HMAC-SHA1 over the method and all parameters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use super::super::pattern::percent_encode;
use super::super::refusal::Refusal;
use super::super::request::ApiRequest;
use super::claim::{Claim, Scheme};

/// Reads the parameters about the signature; each is mandatory but the security token.
pub(super) fn claim(request: &ApiRequest) -> Result<Claim<'_>, Refusal> {
    let claim = Claim {
        access_key_id: request.mandatory("AccessKeyId")?,
        security_token: request.parameter("SecurityToken"),
        timestamp: request.mandatory("Timestamp")?,
        nonce: Some(request.mandatory("SignatureNonce")?),
        signature: request.mandatory("Signature")?,
        scheme: Scheme::Rpc,
    };
    if request.mandatory("SignatureMethod")? != "HMAC-SHA1" {
        return Err(Refusal::new("InvalidSignatureMethod"));
    }
    Ok(claim)
}

/// The signature that the request should carry.
pub(super) fn signature(request: &ApiRequest, secret: &str) -> String {
    let mut parameters: Vec<_> = request.parameters().filter(|(key, _)| *key != "Signature").collect();
    parameters.sort_unstable();
    let encoded: Vec<String> = parameters
        .iter()
        .map(|(key, value)| format!("{}={}", percent_encode(key), percent_encode(value)))
        .collect();
    let to_sign = format!("{}&%2F&{}", request.method, percent_encode(&encoded.join("&")));
    let mut mac = Hmac::<Sha1>::new_from_slice(format!("{secret}&").as_bytes()).expect("any length is a key");
    mac.update(to_sign.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}
