//! The bearer token by which ack-ram-authenticator knows a RAM identity: a signed GetCallerIdentity that the
//! cluster sends to STS on the caller's behalf.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Serialize;

use crate::secret::Secret;
use crate::sign::{Credentials, acs3, date};
use crate::sts;

/// The longest token the authenticator reads, in bytes.
pub const MAX_BEARER_BYTES: usize = 4096;

const PREFIX: &str = "k8s-ack-v2.";
const METHOD: &str = "POST";
const PATH: &str = "/";

/// The token came out longer than [`MAX_BEARER_BYTES`], as it does for security tokens of some 2,400 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BearerTooLong {
    /// How long it would be, in bytes.
    pub bytes: usize,
}

impl fmt::Display for BearerTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the bearer token would have {} bytes, and clusters refuse more than {MAX_BEARER_BYTES}; \
             a session policy lengthens the security token in it",
            self.bytes
        )
    }
}

impl std::error::Error for BearerTooLong {}

/// Order of the fields, and of the names in the maps, is part of the format.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    cluster_id: &'a str,
    method: &'static str,
    path: &'static str,
    query: BTreeMap<&'a str, &'a str>,
    headers: BTreeMap<&'a str, &'a str>,
}

/// The token for `cluster_id`, made at `time`. STS takes it for about 15 minutes, as often as it is shown: neither
/// nonce nor host is signed, because the cluster chooses where to send it. `user_agent` is for the audit log.
///
/// # Errors
/// [`BearerTooLong`].
pub fn bearer(
    cluster_id: &str,
    credentials: Credentials<'_>,
    user_agent: &str,
    time: Timestamp,
) -> Result<Secret, BearerTooLong> {
    let token = format!("{PREFIX}{}", STANDARD.encode(payload(cluster_id, credentials, user_agent, time)));
    if token.len() > MAX_BEARER_BYTES {
        return Err(BearerTooLong { bytes: token.len() });
    }
    Ok(Secret::new(token))
}

/// What the token carries: the signed call as compact JSON.
pub(crate) fn payload(
    cluster_id: &str,
    credentials: Credentials<'_>,
    user_agent: &str,
    time: Timestamp,
) -> String {
    let query = [("ACKClusterId", cluster_id)];
    let (date, payload_hash) = (date(time), acs3::payload_hash(b""));
    let mut headers = vec![
        ("x-acs-action", "GetCallerIdentity"),
        ("x-acs-content-sha256", &payload_hash),
        ("x-acs-date", &date),
        ("x-acs-version", sts::VERSION),
    ];
    headers.extend(credentials.security_token.map(|token| ("x-acs-security-token", token)));
    let request = acs3::Request {
        method: METHOD,
        path: PATH,
        query: &query,
        headers: &headers,
        payload_hash: &payload_hash,
    };
    let authorization = acs3::sign(&request, credentials).authorization;
    headers.extend([("Authorization", authorization.as_str()), ("user-agent", user_agent)]);
    let payload = Payload {
        cluster_id,
        method: METHOD,
        path: PATH,
        query: query.into(),
        headers: headers.into_iter().collect(),
    };
    serde_json::to_string(&payload).expect("texts under text names are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: &str = "c0123456789abcdef0123456789abcdef0";

    fn with_token_of(bytes: usize) -> Result<Secret, BearerTooLong> {
        let token = "x".repeat(bytes);
        let credentials = Credentials {
            access_key_id: "STS.NTestAccessKeyId",
            access_key_secret: "TestAccessKeySecret",
            security_token: Some(&token),
        };
        bearer(CLUSTER, credentials, "ack-ram-tool", "2024-01-02T03:04:05Z".parse().unwrap())
    }

    #[test]
    fn a_session_s_security_token_travels_in_the_headers_in_its_place() {
        let token = with_token_of(600).unwrap();
        let payload = STANDARD.decode(token.expose().strip_prefix(PREFIX).unwrap()).unwrap();
        let payload = String::from_utf8(payload).unwrap();
        let place = |name: &str| payload.find(&format!("\"{name}\":")).unwrap();
        assert!(place("x-acs-date") < place("x-acs-security-token"), "{payload}");
        assert!(place("x-acs-security-token") < place("x-acs-version"), "{payload}");
        assert!(payload.contains("x-acs-date;x-acs-security-token;x-acs-version"), "{payload}");
    }

    #[test]
    fn a_token_that_clusters_would_refuse_is_not_made() {
        let longest = (0..4096).rev().find(|bytes| with_token_of(*bytes).is_ok()).unwrap();
        assert!(with_token_of(longest).unwrap().expose().len() <= MAX_BEARER_BYTES);
        let refused = with_token_of(longest + 1).unwrap_err();
        assert!(refused.bytes > MAX_BEARER_BYTES, "{refused}");
        assert!((2_300..2_500).contains(&longest), "{longest}");
    }
}
