//! A token by TokenRequest, and what there is to know of any token.

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Client;
use kube::api::{Api, PostParams};
use rrsa_shared::oidc::{OidcToken, OidcTokenError, TokenClaims, UnverifiedJwt};
use rrsa_shared::secret::Secret;

use crate::collect::{Keys, why_not};
use crate::facts::{AUDIENCE, Seen, TokenFacts, TokenFile, TokenProblem, TokenSource};

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
    let (facts, _) = examine(&raw, TokenSource::TokenRequest, None, &Seen::unknown("not asked"), now);
    facts.claims.issuer.map_or_else(
        || Seen::unknown("the token of TokenRequest names no issuer"),
        |issuer| Seen::known(issuer, format!("TokenRequest for {namespace}/{service_account}")),
    )
}

/// What there is to know of a text that ought to be a token, and the token when it can be used. `seen_at` is
/// in Unix seconds.
#[must_use]
pub fn examine(
    raw: &Secret,
    source: TokenSource,
    file: Option<TokenFile>,
    keys: &Keys,
    seen_at: i64,
) -> (TokenFacts, Option<OidcToken>) {
    let text = raw.expose();
    let parsed = OidcToken::parse(text);
    let read = parsed.as_ref().ok().map(UnverifiedJwt::read);
    let problem = match (&parsed, &read) {
        (Err(OidcTokenError::Empty), _) => Some(TokenProblem::Empty),
        (Err(OidcTokenError::TooLong { chars }), _) => Some(TokenProblem::TooLong(*chars)),
        (Err(error), _) => Some(TokenProblem::Malformed(error.to_string())),
        (Ok(_), Some(Err(error))) => Some(TokenProblem::Malformed(error.to_string())),
        (Ok(_), _) if text.trim().len() != text.len() => Some(TokenProblem::Surrounded),
        (Ok(_), _) => None,
    };
    let jwt = read.and_then(Result::ok);
    let signature = match &parsed {
        Ok(token) => keys.map(|keys| keys.verify(token).err().map(|fault| fault.to_string())),
        Err(_) => Seen::unknown("there is no token to verify"),
    };
    let facts = TokenFacts {
        source,
        file,
        problem,
        algorithm: jwt.as_ref().and_then(|jwt| jwt.algorithm.clone()),
        key_id: jwt.as_ref().and_then(|jwt| jwt.key_id.clone()),
        claims: jwt.map_or_else(TokenClaims::default, |jwt| jwt.claims),
        signature,
        seen_at,
    };
    (facts, parsed.ok())
}
