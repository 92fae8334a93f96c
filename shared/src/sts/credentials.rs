//! Access keys: what signs a request, and what an exchange hands out.

use jiff::Timestamp;
use serde::Deserialize;

use crate::ports::http::Response;
use crate::secret::Secret;

/// What signs a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// Access key id; not a secret.
    pub id: String,
    /// Access key secret.
    pub secret: Secret,
    /// Goes with the keys that STS hands out.
    pub security_token: Option<Secret>,
}

/// What AssumeRole and AssumeRoleWithOIDC hand out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The session's access key.
    pub key: AccessKey,
    /// When it ends.
    pub expiration: Timestamp,
    /// `acs:ram::<account>:role/<role>/<session>`, when STS says so.
    pub assumed_role_arn: Option<String>,
    /// The call's id.
    pub request_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    request_id: Option<String>,
    assumed_role_user: Option<AssumedRoleUser>,
    credentials: Credentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedRoleUser {
    arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    access_key_id: String,
    access_key_secret: Secret,
    security_token: Secret,
    expiration: Timestamp,
}

impl Session {
    /// Reads the answer of AssumeRole or AssumeRoleWithOIDC; everything but `Credentials` may be missing.
    ///
    /// # Errors
    /// What is missing or cannot be read, in words without the answer itself.
    pub fn read(answer: &Response) -> Result<Self, String> {
        // serde's error text may quote the offending value, which may be a secret; place and kind are enough.
        let body: Body = serde_json::from_slice(&answer.body)
            .map_err(|error| format!("it holds no credentials (at column {})", error.column()))?;
        Ok(Self {
            key: AccessKey {
                id: body.credentials.access_key_id,
                secret: body.credentials.access_key_secret,
                security_token: Some(body.credentials.security_token),
            },
            expiration: body.credentials.expiration,
            assumed_role_arn: body.assumed_role_user.and_then(|user| user.arn),
            request_id: body.request_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Response {
        Response { status: 200, headers: Vec::new(), body: body.as_bytes().to_vec() }
    }

    const CREDENTIALS: &str = r#""Credentials":{"AccessKeyId":"STS.x","AccessKeySecret":"s","SecurityToken":"CAIS","Expiration":"2021-10-20T04:27:09Z"}"#;

    #[test]
    fn only_the_credentials_must_be_there() {
        let session = Session::read(&answer(&format!("{{{CREDENTIALS}}}"))).unwrap();
        assert_eq!(session.key.id, "STS.x");
        assert_eq!(session.expiration, "2021-10-20T04:27:09Z".parse().unwrap());
        assert_eq!((session.request_id, session.assumed_role_arn), (None, None));
    }

    #[test]
    fn an_answer_without_them_is_named_without_being_quoted() {
        let body = r#"{"Credentials":{"AccessKeySecret":"hunter2","AccessKeyId":{"hunter2":1}}}"#;
        let reason = Session::read(&answer(body)).unwrap_err();
        assert!(reason.contains("no credentials") && !reason.contains("hunter2"), "{reason}");
    }
}
