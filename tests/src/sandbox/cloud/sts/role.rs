//! The role that is played: found by its ARN, and a session of it begun.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::refusal::Refusal;
use super::super::sessions::credentials;
use super::super::state::Cloud;
use super::parameters::Wish;
use crate::sandbox::world::Role;

/// The role that the wish names.
pub(super) fn wanted_role<'a>(cloud: &'a Cloud, wish: &Wish<'_>) -> Result<&'a Role, Refusal> {
    let role = cloud.role(wish.role_name).filter(|role| cloud.world().role_arn(&role.name) == wish.role_arn);
    role.ok_or_else(|| {
        Refusal::new("EntityNotExist.Role").message(format!("The role not exists: {}", wish.role_arn))
    })
}

/// Mints the session, for at most as long as the role lets it live.
pub(super) fn begin_session(cloud: &Cloud, role: &Role, wish: &Wish<'_>) -> Result<Value, Refusal> {
    if wish.seconds > i64::from(role.max_session_duration) {
        let message =
            format!("DurationSeconds is above the role's MaxSessionDuration {}.", role.max_session_duration);
        return Err(Refusal::new("InvalidParameter.DurationSeconds").message(message));
    }
    let expires = Timestamp::from_second(cloud.now().as_second())
        .and_then(|now| now.checked_add(SignedDuration::from_secs(wish.seconds)))
        .map_err(|_| Refusal::new("InternalError"))?;
    let (access_key_id, session) = cloud.mint(&role.name, wish.session_name, expires);
    let role_id = cloud.principal_id("role", &role.name);
    Ok(json!({
        "AssumedRoleUser": {
            "AssumedRoleId": format!("{role_id}:{}", wish.session_name),
            "Arn": format!("{}/{}", wish.role_arn, wish.session_name),
        },
        "Credentials": credentials(&access_key_id, &session),
    }))
}
