//! A refusal by one of Alibaba Cloud's APIs, kept whole.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::ports::http::Response;

/// What the API said when it refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// HTTP status.
    pub http_status: u16,
    /// `Code`, such as `AuthenticationFail.NoPermission`.
    pub code: String,
    /// `Message`; several codes are shared by causes that only the message tells apart.
    pub message: String,
    /// `RequestId`, which Alibaba Cloud's support asks for.
    pub request_id: Option<String>,
    /// `HostId`, the host that answered.
    pub host_id: Option<String>,
    /// `Recommend`, a link to the vendor's own advice.
    pub recommend: Option<String>,
    /// `AccessDeniedDetail`, which policy refused what.
    pub access_denied: Option<AccessDeniedDetail>,
}

/// Which policy refused which action.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AccessDeniedDetail {
    /// The action that was evaluated; `sts:AssumeRole` also for AssumeRoleWithOIDC.
    pub auth_action: Option<String>,
    /// `ImplicitDeny` (nothing allows it) or `ExplicitDeny` (a Deny matches).
    pub no_permission_type: Option<String>,
    /// The kind of policy that decided, such as `AssumeRolePolicy`.
    pub policy_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    // ACK writes its names in lower case.
    #[serde(alias = "code")]
    code: String,
    #[serde(default, alias = "message")]
    message: String,
    #[serde(alias = "requestId", alias = "request_id")]
    request_id: Option<String>,
    host_id: Option<String>,
    recommend: Option<String>,
    #[serde(default)]
    access_denied_detail: Value,
}

impl Fault {
    /// Reads a refusal; `None` when the answer is not of the form all APIs refuse in.
    #[must_use]
    pub fn read(answer: &Response) -> Option<Self> {
        let body: Body = serde_json::from_slice(&answer.body).ok()?;
        Some(Self {
            http_status: answer.status,
            code: body.code,
            message: body.message,
            request_id: body.request_id,
            host_id: body.host_id,
            recommend: body.recommend,
            access_denied: serde_json::from_value(body.access_denied_detail).ok(),
        })
    }

    /// Whether the same request may succeed a moment later: throttling and trouble on the server's side.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.http_status >= 500
            || self.http_status == 429
            || self.code.starts_with("Throttling")
            || self.code == "ServiceUnavailable"
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {} {}: {}", self.http_status, self.code, self.message.trim())?;
        match &self.request_id {
            Some(id) => write!(f, " (request id {id})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response {
        Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
    }

    #[test]
    fn everything_the_api_says_is_kept() {
        let body = r#"{"RequestId":"R","HostId":"sts.aliyuncs.com","Code":"AuthenticationFail.NoPermission",
            "Message":"There is no permission","Recommend":"https://help",
            "AccessDeniedDetail":{"AuthAction":"sts:AssumeRole","NoPermissionType":"ImplicitDeny","PolicyType":"P","New":1}}"#;
        let fault = Fault::read(&answer(401, body)).unwrap();
        assert_eq!(fault.http_status, 401);
        assert_eq!(fault.recommend.as_deref(), Some("https://help"));
        assert_eq!(fault.access_denied.clone().unwrap().auth_action.as_deref(), Some("sts:AssumeRole"));
        assert_eq!(
            fault.to_string(),
            "HTTP 401 AuthenticationFail.NoPermission: There is no permission (request id R)"
        );
    }

    #[test]
    fn a_page_of_a_proxy_is_no_fault() {
        assert_eq!(Fault::read(&answer(502, "<html>Bad Gateway</html>")), None);
        assert_eq!(Fault::read(&answer(403, r#"{"error":"captive"}"#)), None);
    }

    #[test]
    fn throttling_and_server_trouble_may_be_retried_refusals_may_not() {
        for (status, code, expected) in [
            (400, "Throttling.User", true),
            (429, "Whatever", true),
            (500, "InternalError", true),
            (503, "ServiceUnavailable", true),
            (401, "AuthenticationFail.NoPermission", false),
            (404, "EntityNotExist.Role", false),
        ] {
            let body = format!(r#"{{"Code":"{code}"}}"#);
            assert_eq!(Fault::read(&answer(status, &body)).unwrap().is_retryable(), expected, "{code}");
        }
    }
}
