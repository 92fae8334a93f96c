//! AssumeRole: from one access key to a role's session.

use super::VERSION;
use super::credentials::{AccessKey, Session};
use super::session_name::SessionName;
use crate::api::{Endpoint, Stamp};
use crate::ports::http::{Request, Response};
use crate::sign::rpc_request;

/// The call's parameters.
#[derive(Clone, Debug)]
pub struct AssumeRole {
    /// `RoleArn`.
    pub role_arn: String,
    /// `RoleSessionName`.
    pub session_name: SessionName,
    /// `DurationSeconds`, 900 to the role's `MaxSessionDuration`; 3600 when left out.
    pub duration_seconds: Option<u32>,
    /// `Policy`, 1 to 2048 characters.
    pub policy: Option<String>,
    /// `ExternalId`, 2 to 1224 characters, when the role's trust policy asks for one.
    pub external_id: Option<String>,
}

impl AssumeRole {
    /// The signed request.
    #[must_use]
    pub fn request(&self, endpoint: &Endpoint, key: &AccessKey, stamp: &Stamp) -> Request {
        let mut parameters = vec![
            ("RoleArn", self.role_arn.clone()),
            ("RoleSessionName", self.session_name.as_str().to_owned()),
        ];
        parameters.extend(self.duration_seconds.map(|seconds| ("DurationSeconds", seconds.to_string())));
        parameters.extend(self.policy.clone().map(|policy| ("Policy", policy)));
        parameters.extend(self.external_id.clone().map(|id| ("ExternalId", id)));
        rpc_request(endpoint, "AssumeRole", VERSION, &parameters, key, stamp)
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// See [`Session::read`].
    pub fn read(answer: &Response) -> Result<Session, String> {
        Session::read(answer)
    }
}
