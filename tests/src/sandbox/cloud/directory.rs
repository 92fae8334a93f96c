//! RAM and IMS, read-only: roles, their policies, OIDC providers.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::auth::Caller;
use super::refusal::Refusal;
use super::request::ApiRequest;
use super::state::Cloud;
use crate::sandbox::world::{Jwks, OidcProvider, PolicyKind, Role};

/// 1 to 64 letters, digits, `.` and `-`.
pub(crate) fn is_role_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
}

/// RAM `GetRole`.
pub(super) fn role(cloud: &Cloud, request: &ApiRequest, caller: &Caller) -> Result<Value, Refusal> {
    let role = requested_role(cloud, request, caller, "ram:GetRole")?;
    Ok(json!({"Role": {
        "RoleId": cloud.principal_id("role", &role.name),
        "RoleName": role.name,
        "Arn": cloud.world().role_arn(&role.name),
        "Description": role.description,
        "AssumeRolePolicyDocument": role.trust_policy_text(),
        "MaxSessionDuration": role.max_session_duration,
        "CreateDate": whole_seconds(cloud.born()),
        "UpdateDate": whole_seconds(cloud.born()),
    }}))
}

/// RAM `ListPoliciesForRole`.
pub(super) fn policies(cloud: &Cloud, request: &ApiRequest, caller: &Caller) -> Result<Value, Refusal> {
    let role = requested_role(cloud, request, caller, "ram:ListPoliciesForRole")?;
    let policies: Vec<Value> = role
        .policies
        .iter()
        .map(|policy| {
            let kind = match policy.kind {
                PolicyKind::System => "System",
                PolicyKind::Custom => "Custom",
            };
            json!({
                "PolicyName": policy.name,
                "PolicyType": kind,
                "Description": "",
                "DefaultVersion": "v1",
                "AttachDate": whole_seconds(cloud.born()),
            })
        })
        .collect();
    Ok(json!({"Policies": {"Policy": policies}}))
}

/// IMS `GetOIDCProvider`.
pub(super) fn provider(cloud: &Cloud, request: &ApiRequest, caller: &Caller) -> Result<Value, Refusal> {
    let name = request.mandatory("OIDCProviderName")?;
    if name.is_empty() {
        return Err(Refusal::new("InvalidParameter.OIDCProviderName"));
    }
    caller.must_be_allowed(cloud, "ram:GetOIDCProvider", &cloud.world().provider_arn(name))?;
    let found = cloud.world().oidc_providers.iter().find(|provider| provider.name == name);
    let provider = found.ok_or_else(|| {
        Refusal::new("EntityNotExist.OIDCProvider")
            .message(format!("The OIDC provider does not exist: {name}"))
    })?;
    Ok(json!({"OIDCProvider": shown(cloud, provider)}))
}

/// IMS `ListOIDCProviders`, always on one page.
pub(super) fn providers(cloud: &Cloud, caller: &Caller) -> Result<Value, Refusal> {
    caller.must_be_allowed(cloud, "ram:ListOIDCProviders", &cloud.world().provider_arn("*"))?;
    let providers: Vec<Value> =
        cloud.world().oidc_providers.iter().map(|provider| shown(cloud, provider)).collect();
    Ok(json!({"IsTruncated": false, "OIDCProviders": {"OIDCProvider": providers}}))
}

fn requested_role<'a>(
    cloud: &'a Cloud,
    request: &ApiRequest,
    caller: &Caller,
    action: &str,
) -> Result<&'a Role, Refusal> {
    let name = request.mandatory("RoleName")?;
    if !is_role_name(name) {
        return Err(Refusal::new("InvalidParameter.RoleName"));
    }
    caller.must_be_allowed(cloud, action, &cloud.world().role_arn(name))?;
    cloud
        .role(name)
        .ok_or_else(|| Refusal::new("EntityNotExist.Role").message(format!("The role not exists: {name}")))
}

fn shown(cloud: &Cloud, provider: &OidcProvider) -> Value {
    let milliseconds = cloud.born().as_millisecond().to_string();
    json!({
        "Arn": cloud.world().provider_arn(&provider.name),
        "OIDCProviderName": provider.name,
        "IssuerUrl": provider.issuer,
        "ClientIds": provider.client_ids.join(","),
        "Fingerprints": fingerprints(cloud, provider),
        "IssuanceLimitTime": provider.issuance_limit_hours,
        "Description": "",
        "CreateDate": whole_seconds(cloud.born()),
        "UpdateDate": whole_seconds(cloud.born()),
        "GmtCreate": milliseconds,
        "GmtModified": milliseconds,
    })
}

/// Those that the world names, else the one that the issuer shows, or showed before it was changed.
fn fingerprints(cloud: &Cloud, provider: &OidcProvider) -> String {
    match cloud.issuer_fingerprint() {
        Some(_) if !provider.fingerprints.is_empty() => provider.fingerprints.join(","),
        Some(shown) if provider.jwks == Jwks::FingerprintMismatch => shown.chars().rev().collect(),
        Some(shown) => shown.to_owned(),
        None => provider.fingerprints.join(","),
    }
}

/// `2006-01-02T15:04:05Z`.
pub(super) fn whole_seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}
