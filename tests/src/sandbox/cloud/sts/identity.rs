//! `GetCallerIdentity`: who signed; nobody needs a permission for it.

use serde_json::{Value, json};

use super::super::auth::{Caller, Identity};
use super::super::state::Cloud;

pub(in super::super) fn caller_identity(cloud: &Cloud, caller: &Caller) -> Value {
    let account = &cloud.world().account_id;
    match caller.identity() {
        Identity::Account => json!({
            "AccountId": account,
            "Arn": format!("acs:ram::{account}:root"),
            "PrincipalId": account,
            "IdentityType": "Account",
            "UserId": account,
        }),
        Identity::User(name) => {
            let id = cloud.principal_id("user", name);
            json!({
                "AccountId": account,
                "Arn": format!("acs:ram::{account}:user/{name}"),
                "PrincipalId": id,
                "IdentityType": "RAMUser",
                "UserId": id,
            })
        }
        Identity::Session { role, name } => {
            let id = cloud.principal_id("role", role);
            json!({
                "AccountId": account,
                "Arn": format!("acs:ram::{account}:assumed-role/{role}/{name}"),
                "PrincipalId": format!("{id}:{name}"),
                "IdentityType": "AssumedRoleUser",
                "RoleId": id,
            })
        }
    }
}
