//! Signature V3: HMAC-SHA256 over a canonical request, in the `Authorization` header.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::super::pattern::percent_encode;
use super::super::refusal::Refusal;
use super::super::request::ApiRequest;
use super::claim::{Claim, Scheme};

const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// Headers that a signature must cover when the request has them; else they could be swapped.
const COVERED_IF_THERE: [&str; 2] = ["x-acs-security-token", "x-acs-signature-nonce"];

/// Headers that a signature must cover.
const COVERED: [&str; 4] = ["x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-version"];

/// Reads the `Authorization` header; none when the request carries no V3 signature.
pub(super) fn claim(request: &ApiRequest) -> Result<Option<Claim<'_>>, Refusal> {
    let Some(authorization) = request.header("authorization") else {
        return Ok(None);
    };
    let fields = authorization
        .strip_prefix(ALGORITHM)
        .ok_or_else(|| Refusal::new("InvalidSignatureMethod"))?
        .trim_start();
    let field = |name: &str| {
        let found = fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
        found.ok_or_else(|| Refusal::missing(name))
    };
    Ok(Some(Claim {
        access_key_id: field("Credential")?,
        security_token: request.header("x-acs-security-token"),
        timestamp: request.header("x-acs-date").ok_or_else(|| Refusal::missing("x-acs-date"))?,
        nonce: request.header("x-acs-signature-nonce"),
        signature: field("Signature")?,
        scheme: Scheme::Acs3 { signed_headers: field("SignedHeaders")? },
    }))
}

/// The signature that the request should carry. A body that is not the hashed one, or a header left out
/// of the signature, is a signature that does not match.
pub(super) fn signature(request: &ApiRequest, signed_headers: &str, secret: &str) -> Result<String, Refusal> {
    let names: Vec<&str> = signed_headers.split(';').collect();
    let left_out = |name: &&str| request.header(name).is_some() && !names.contains(name);
    let body_hash = hex(&Sha256::digest(&request.body));
    if request.header("x-acs-content-sha256") != Some(body_hash.as_str())
        || COVERED.iter().any(|name| !names.contains(name))
        || COVERED_IF_THERE.iter().any(left_out)
    {
        return Err(Refusal::new("SignatureDoesNotMatch"));
    }
    let canonical = [
        request.method.as_str(),
        &request.path,
        &canonical_query(request),
        &canonical_headers(request, &names),
        signed_headers,
        &body_hash,
    ]
    .join("\n");
    let to_sign = format!("{ALGORITHM}\n{}", hex(&Sha256::digest(canonical)));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length is a key");
    mac.update(to_sign.as_bytes());
    Ok(hex(&mac.finalize().into_bytes()))
}

fn canonical_query(request: &ApiRequest) -> String {
    let mut query: Vec<_> = request.query.iter().collect();
    query.sort_unstable();
    let encoded: Vec<String> = query
        .iter()
        .map(|(key, value)| format!("{}={}", percent_encode(key), percent_encode(value)))
        .collect();
    encoded.join("&")
}

fn canonical_headers(request: &ApiRequest, names: &[&str]) -> String {
    let line = |name: &&str| {
        let values = request.headers.get_all(*name).iter();
        let mut values: Vec<&str> = values.filter_map(|value| value.to_str().ok()).map(str::trim).collect();
        values.sort_unstable();
        format!("{name}:{}\n", values.join(","))
    };
    names.iter().map(line).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
