//! The RAM authenticator of ACK: a bearer token is a signed GetCallerIdentity, which it sends to STS for the caller.

use std::collections::BTreeMap;

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Deserialize;

use super::auth::authenticate;
use super::request::ApiRequest;
use super::state::Cloud;

const PREFIX: &str = "k8s-ack-v2.";
const LONGEST: usize = 4096;
/// Headers that it passes on; all others are dropped.
const PASSED: [&str; 7] = [
    "x-acs-action",
    "x-acs-version",
    "authorization",
    "x-acs-signature-nonce",
    "x-acs-date",
    "x-acs-content-sha256",
    "x-acs-security-token",
];

#[derive(Deserialize)]
struct Payload {
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
}

/// The ARN of whoever signed `token` for this cluster; that of the role for a session of one.
pub(super) fn signer(cloud: &Cloud, token: &str) -> Option<String> {
    if token.len() > LONGEST {
        return None;
    }
    let payload = STANDARD.decode(token.strip_prefix(PREFIX)?).ok()?;
    let payload: Payload = serde_json::from_slice(&payload).ok()?;
    if payload.query.get("ACKClusterId") != Some(&cloud.world().cluster_id) {
        return None;
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &payload.headers {
        let name = name.to_ascii_lowercase();
        if PASSED.contains(&name.as_str()) {
            headers.insert(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
        }
    }
    let request = ApiRequest {
        method: Method::POST,
        path: "/".to_owned(),
        query: payload.query.into_iter().filter(|(name, _)| name == "ACKClusterId").collect(),
        form: Vec::new(),
        headers,
        body: Bytes::new(),
    };
    if request.action().ok()? != "GetCallerIdentity" {
        return None;
    }
    let caller = authenticate(cloud, &request).ok()?;
    let identity = super::sts::caller_identity(cloud, &caller);
    let arn = identity["Arn"].as_str()?;
    // A session's ARN ends with its name.
    Some(
        match arn
            .split_once(":assumed-role/")
            .and_then(|(account, rest)| Some((account, rest.split_once('/')?.0)))
        {
            Some((account, role)) => format!("{account}:role/{role}"),
            None => arn.to_owned(),
        },
    )
}
