//! RAM GetRole: a role with its trust policy. Needs `ram:GetRole`.

use serde::{Deserialize, Serialize};

use crate::api::{Endpoint, Stamp};
use crate::ports::http::{Request, Response};
use crate::sign::rpc_request;
use crate::sts::AccessKey;

/// The request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetRole {
    /// Name of the role, the last part of its ARN.
    pub name: String,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase", serialize = "camelCase"))]
pub struct Role {
    /// `acs:ram::<account>:role/<name>`.
    pub arn: String,
    /// Who may assume it: a document in JSON.
    #[serde(rename(deserialize = "AssumeRolePolicyDocument"))]
    pub trust_policy: String,
    /// Longest session, seconds, 3600 to 43200.
    pub max_session_duration: Option<u32>,
    /// When the role or its trust policy was last changed.
    pub update_date: Option<jiff::Timestamp>,
}

impl GetRole {
    /// The signed request.
    #[must_use]
    pub fn request(&self, endpoint: &Endpoint, key: &AccessKey, stamp: &Stamp) -> Request {
        rpc_request(endpoint, "GetRole", "2015-05-01", &[("RoleName", self.name.clone())], key, stamp)
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// When it holds no role.
    pub fn read(answer: &Response) -> Result<Role, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Body {
            role: Role,
        }
        let body: Result<Body, _> = serde_json::from_slice(&answer.body);
        body.map(|body| body.role).map_err(|error| format!("it holds no role: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_comes_with_its_trust_policy() {
        let body =
            br#"{"RequestId":"R","Role":{"RoleName":"r","Arn":"acs:ram::1:role/r","MaxSessionDuration":7200,
            "AssumeRolePolicyDocument":"{\"Version\":\"1\"}","CreateDate":"2024-01-02T03:04:05Z"}}"#;
        let answer = Response { status: 200, headers: Vec::new(), body: body.to_vec() };
        let role = GetRole::read(&answer).unwrap();
        assert_eq!(
            (role.trust_policy.as_str(), role.max_session_duration),
            (r#"{"Version":"1"}"#, Some(7200))
        );
        let empty = Response { body: b"{}".to_vec(), ..answer };
        assert!(GetRole::read(&empty).unwrap_err().contains("no role"));
    }
}
