//! The parameters that both ways of assuming a role share.

use serde_json::Value;

use super::super::directory::is_role_name;
use super::super::refusal::Refusal;
use super::super::request::ApiRequest;

/// A session that somebody asks for.
pub(super) struct Wish<'a> {
    pub(super) role_arn: &'a str,
    pub(super) role_name: &'a str,
    pub(super) session_name: &'a str,
    /// 900 to 43200; the role may allow less.
    pub(super) seconds: i64,
}

impl<'a> Wish<'a> {
    pub(super) fn read(request: &'a ApiRequest) -> Result<Self, Refusal> {
        let role_arn = request.parameter("RoleArn").unwrap_or_default();
        let role_name = entity(role_arn, "role").filter(|name| is_role_name(name));
        let role_name = role_name.ok_or_else(|| Refusal::new("InvalidParameter.RoleArn"))?;
        let session_name = request.parameter("RoleSessionName").unwrap_or_default();
        if !is_session_name(session_name) {
            return Err(Refusal::new("InvalidParameter.RoleSessionName"));
        }
        check_policy(request.parameter("Policy"))?;
        Ok(Self {
            role_arn,
            role_name,
            session_name,
            seconds: seconds(request.parameter("DurationSeconds"))?,
        })
    }
}

/// The name in an ARN `acs:ram::<account>:<kind>/<name>`.
pub(super) fn entity<'a>(arn: &'a str, kind: &str) -> Option<&'a str> {
    let (account, path) = arn.strip_prefix("acs:ram::")?.split_once(':')?;
    let name = path.strip_prefix(kind)?.strip_prefix('/')?;
    let is_account = !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_digit());
    (is_account && !name.is_empty()).then_some(name)
}

fn is_session_name(name: &str) -> bool {
    (2..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".@-_".contains(&byte))
}

fn seconds(parameter: Option<&str>) -> Result<i64, Refusal> {
    let Some(text) = parameter.filter(|text| !text.is_empty()) else {
        return Ok(3600);
    };
    let seconds = text.parse().ok().filter(|seconds| (900..=43_200).contains(seconds));
    seconds.ok_or_else(|| Refusal::new("InvalidParameter.DurationSeconds"))
}

/// A session policy is checked for its form; it narrows nothing here.
fn check_policy(policy: Option<&str>) -> Result<(), Refusal> {
    let Some(text) = policy.filter(|text| !text.is_empty()) else {
        return Ok(());
    };
    if text.chars().count() > 2048 {
        return Err(Refusal::new("InvalidParameter.PolicySize"));
    }
    let document: Option<Value> = serde_json::from_str(text).ok();
    let is_policy = document.is_some_and(|document| document.get("Statement").is_some());
    if is_policy { Ok(()) } else { Err(Refusal::new("InvalidParameter.PolicyGrammar")) }
}
