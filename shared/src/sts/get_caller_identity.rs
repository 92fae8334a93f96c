//! GetCallerIdentity: who an access key is. It needs no permission, so it proves the key and nothing else.

use serde::{Deserialize, Serialize};

use super::VERSION;
use super::credentials::AccessKey;
use crate::api::{Endpoint, Stamp};
use crate::ports::http::{Request, Response};
use crate::sign::rpc_request;

/// The call; it has no parameters.
#[derive(Clone, Copy, Debug)]
pub struct GetCallerIdentity;

/// Who it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase", serialize = "camelCase"))]
pub struct CallerIdentity {
    /// Account id.
    pub account_id: String,
    /// `acs:ram::<account>:assumed-role/<role>/<session>` for a role's session.
    pub arn: String,
    /// `<role id>:<session>` for a role's session.
    pub principal_id: Option<String>,
    /// `Account`, `RAMUser` or `AssumedRoleUser`.
    pub identity_type: Option<String>,
    /// The call's id.
    pub request_id: Option<String>,
}

impl GetCallerIdentity {
    /// The signed request.
    #[must_use]
    pub fn request(self, endpoint: &Endpoint, key: &AccessKey, stamp: &Stamp) -> Request {
        rpc_request(endpoint, "GetCallerIdentity", VERSION, &[], key, stamp)
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// When account or ARN are missing.
    pub fn read(answer: &Response) -> Result<CallerIdentity, String> {
        serde_json::from_slice(&answer.body).map_err(|error| format!("it names no identity: {error}"))
    }
}

impl CallerIdentity {
    /// The role behind a session: `("<account>", "<role>")` of `…:assumed-role/<role>/<session>`.
    #[must_use]
    pub fn role(&self) -> Option<(&str, &str)> {
        let (account, resource) = self.arn.strip_prefix("acs:ram::")?.split_once(':')?;
        let (role, _session) = resource.strip_prefix("assumed-role/")?.split_once('/')?;
        Some((account, role))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_behind_a_session_is_read_from_its_arn() {
        let body = br#"{"AccountId":"1","Arn":"acs:ram::1:assumed-role/demo/s","PrincipalId":"3:s","IdentityType":"AssumedRoleUser","RoleId":"3"}"#;
        let answer = Response { status: 200, headers: Vec::new(), body: body.to_vec() };
        let identity = GetCallerIdentity::read(&answer).unwrap();
        assert_eq!(identity.role(), Some(("1", "demo")));
        let user = CallerIdentity { arn: "acs:ram::1:user/me".to_owned(), ..identity };
        assert_eq!(user.role(), None);
    }
}
