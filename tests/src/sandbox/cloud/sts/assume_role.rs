//! `AssumeRole`: a RAM user or a session takes on a role.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::auth::{Caller, Identity};
use super::super::policy::{ASSUME_ROLE, Context, Principal, Verdict, evaluate};
use super::super::refusal::Refusal;
use super::super::request::ApiRequest;
use super::super::state::Cloud;
use super::parameters::Wish;
use super::role::{begin_session, wanted_role};

/// Checks in the order: parameters, caller's permission, role, trust policy, duration.
pub(in super::super) fn assume_role(
    cloud: &Cloud,
    request: &ApiRequest,
    caller: &Caller,
) -> Result<Value, Refusal> {
    let wish = Wish::read(request)?;
    let external_id = request.parameter("ExternalId");
    if external_id.is_some_and(|id| !is_external_id(id)) {
        return Err(Refusal::new("InvalidParameter.ExternalId"));
    }
    let arn = match caller.identity() {
        Identity::Account => {
            return Err(Refusal::new("NoPermission").message("The account itself may not assume roles."));
        }
        Identity::User(name) => format!("acs:ram::{}:user/{name}", cloud.world().account_id),
        Identity::Session { role, .. } => cloud.world().role_arn(role),
    };
    caller.must_be_allowed(cloud, ASSUME_ROLE, wish.role_arn)?;
    let role = wanted_role(cloud, &wish)?;
    let policy: Value =
        serde_json::from_str(&role.trust_policy_text()).map_err(|_| Refusal::new("InternalError"))?;
    let root = format!("acs:ram::{}:root", cloud.world().account_id);
    let context: Context<'_> =
        external_id.map(|id| BTreeMap::from([("sts:ExternalId", vec![id])])).unwrap_or_default();
    let verdict = evaluate(&policy, &Principal::Ram { arn: &arn, root: &root }, &context);
    if verdict != Verdict::Allow {
        let explicitly = verdict == Verdict::ExplicitDeny;
        return Err(Refusal::new("NoPermission").denied(ASSUME_ROLE, "AssumeRolePolicy", explicitly));
    }
    let mut answer = begin_session(cloud, role, &wish)?;
    if let Some(source) = request.parameter("SourceIdentity") {
        answer["SourceIdentity"] = json!(source);
    }
    Ok(answer)
}

/// 2 to 1224 letters, digits and `_+=,.@:/-`.
fn is_external_id(id: &str) -> bool {
    (2..=1224).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte))
}
