//! A token by TokenRequest, and what there is to know of any token.

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Client;
use kube::api::{Api, PostParams};
use rrsa_shared::proof;
use rrsa_shared::secret::Secret;

use crate::collect::why_not;
use crate::facts::{AUDIENCE, Seen, TokenSource};

/// The least the API server grants, seconds; the token is used once.
const LIFETIME: i64 = 600;

/// Asks for a token of a ServiceAccount.
///
/// # Errors
/// Why there is none, in words that name the permission.
pub async fn request(client: &Client, namespace: &str, service_account: &str) -> Result<Secret, String> {
    let body = TokenRequest {
        spec: Some(TokenRequestSpec {
            audiences: Some(vec![AUDIENCE.to_owned()]),
            expiration_seconds: Some(LIFETIME),
            ..TokenRequestSpec::default()
        }),
        ..TokenRequest::default()
    };
    let api = Api::<ServiceAccount>::namespaced(client.clone(), namespace);
    let answer = api
        .create_token_request(service_account, &PostParams::default(), &body)
        .await
        .map_err(|error| why_not(&error, &format!("create serviceaccounts/token in {namespace}")))?;
    answer
        .status
        .and_then(|status| status.token)
        .map(Secret::from)
        .ok_or_else(|| "TokenRequest gave no token".to_owned())
}

/// The issuer that a token of a ServiceAccount, asked for now, carries. `now` is in Unix seconds.
pub async fn issuer(client: &Client, namespace: &str, service_account: &str, now: i64) -> Seen<String> {
    let raw = match request(client, namespace, service_account).await {
        Ok(raw) => raw,
        Err(why) => return Seen::unknown(why),
    };
    let (facts, _) = proof::examine(&raw, TokenSource::TokenRequest, None, &Seen::unknown("not asked"), now);
    facts.claims.issuer.map_or_else(
        || Seen::unknown("the token of TokenRequest names no issuer"),
        |issuer| Seen::known(issuer, format!("TokenRequest for {namespace}/{service_account}")),
    )
}
