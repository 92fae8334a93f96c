//! `AssumeRoleWithOIDC`: a token of a registered issuer becomes session credentials.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::policy::{ASSUME_ROLE, Context, Principal, Verdict, evaluate};
use super::super::refusal::Refusal;
use super::super::request::ApiRequest;
use super::super::state::Cloud;
use super::super::token::Token;
use super::parameters::{Wish, entity};
use super::role::{begin_session, wanted_role};
use crate::sandbox::world::{IN_CLUSTER_ISSUER, Jwks, OidcProvider, Role};

/// How far ahead of the cloud's time a token may have been issued, seconds.
const LEEWAY_SECONDS: i64 = 60;

/// Checks in the order: parameters, provider, form of the token, issuer, keys, signature, times,
/// audience, role, trust policy, duration.
pub(in super::super) fn assume_role_with_oidc(cloud: &Cloud, request: &ApiRequest) -> Result<Value, Refusal> {
    let wish = Wish::read(request)?;
    let provider_arn = request.parameter("OIDCProviderArn").unwrap_or_default();
    let provider = provider(cloud, provider_arn)?;
    let token = Token::parse(request.parameter("OIDCToken").unwrap_or_default())?;
    check_issuer(provider, &token)?;
    if !token.is_signed_by(&keys(cloud, provider, &token.issuer)?) {
        return Err(Refusal::new("AuthenticationFail.OIDCToken.InvalidSignature"));
    }
    check_times(provider, &token, cloud.now())?;
    if !token.audiences.iter().any(|audience| provider.client_ids.contains(audience)) {
        return Err(Refusal::new("AuthenticationFail.OIDCToken.AudienceNotMatch"));
    }
    let role = wanted_role(cloud, &wish)?;
    check_trust(role, provider_arn, &token)?;
    let mut answer = begin_session(cloud, role, &wish)?;
    answer["OIDCTokenInfo"] = json!({
        "Subject": token.subject,
        "Issuer": token.issuer,
        "ClientIds": token.audiences.join(","),
        "ExpirationTime": instant(token.expires),
        "IssuanceTime": instant(token.issued),
        "VerificationInfo": "Success",
    });
    Ok(answer)
}

fn provider<'a>(cloud: &'a Cloud, arn: &str) -> Result<&'a OidcProvider, Refusal> {
    let refusal = Refusal::new("AuthenticationFail.NoPermission");
    if entity(arn, "oidc-provider").is_none() {
        return Err(refusal.message("Parameter OIDCProviderArn is not valid"));
    }
    let world = cloud.world();
    let found = world.oidc_providers.iter().find(|provider| world.provider_arn(&provider.name) == arn);
    found.ok_or_else(|| refusal.message("No such OIDC Provider registered."))
}

/// The in-cluster issuer is nobody's provider; STS complains about its keys, not about a mismatch.
fn check_issuer(provider: &OidcProvider, token: &Token<'_>) -> Result<(), Refusal> {
    if token.issuer == IN_CLUSTER_ISSUER {
        return Err(no_keys(&token.issuer));
    }
    if token.issuer != provider.issuer {
        return Err(Refusal::new("AuthenticationFail.OIDCToken.IssuerNotMatch"));
    }
    Ok(())
}

fn keys(cloud: &Cloud, provider: &OidcProvider, issuer: &str) -> Result<Value, Refusal> {
    match provider.jwks {
        Jwks::Published => cloud.issuers().jwks(issuer).ok_or_else(|| no_keys(issuer)),
        Jwks::None => Err(no_keys(issuer)),
        Jwks::UntrustedCertificate => Err(Refusal::new("AuthenticationFail.OIDCToken.HttpsUrlInvalid")),
        Jwks::FingerprintMismatch => {
            Err(Refusal::new("AuthenticationFail.OIDCToken.PublicKeyFingerprintMismatch"))
        }
    }
}

fn no_keys(issuer: &str) -> Refusal {
    Refusal::new("AuthenticationFail.OIDCToken.IssuerConfigurationBroken")
        .message(format!("Get public keys from OIDC Provider failed, the issuer is {issuer}"))
}

fn check_times(provider: &OidcProvider, token: &Token<'_>, now: Timestamp) -> Result<(), Refusal> {
    let now = now.as_second();
    let limit = i64::from(provider.issuance_limit_hours) * 3600;
    if token.expires <= now || token.issued.saturating_add(limit) <= now {
        return Err(Refusal::new("AuthenticationFail.OIDCToken.Expired"));
    }
    let begins = token.not_before.unwrap_or(token.issued).max(token.issued);
    if begins > now + LEEWAY_SECONDS {
        return Err(Refusal::new("AuthenticationFail.OIDCToken.Invalid")
            .message("This JsonWebToken is not valid: it is of the future."));
    }
    Ok(())
}

fn check_trust(role: &Role, provider_arn: &str, token: &Token<'_>) -> Result<(), Refusal> {
    let policy: Value =
        serde_json::from_str(&role.trust_policy_text()).map_err(|_| Refusal::new("InternalError"))?;
    let context: Context<'_> = BTreeMap::from([
        ("oidc:iss", vec![token.issuer.as_str()]),
        ("oidc:sub", vec![token.subject.as_str()]),
        ("oidc:aud", token.audiences.iter().map(String::as_str).collect()),
    ]);
    let verdict = evaluate(&policy, &Principal::Federated(provider_arn), &context);
    if verdict == Verdict::Allow {
        return Ok(());
    }
    let explicitly = verdict == Verdict::ExplicitDeny;
    Err(Refusal::new("AuthenticationFail.NoPermission").denied(ASSUME_ROLE, "AssumeRolePolicy", explicitly))
}

fn instant(second: i64) -> String {
    Timestamp::from_second(second).map(|time| time.to_string()).unwrap_or_default()
}
