//! A refusal by one of Alibaba Cloud's APIs, kept whole.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ports::http::Response;

/// What the API said when it refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
            code: cut(body.code),
            message: cut(body.message),
            request_id: body.request_id,
            host_id: body.host_id,
            recommend: body.recommend,
            access_denied: serde_json::from_value(body.access_denied_detail).ok(),
        })
    }

    /// The same without `secret`, should the answer repeat what was sent.
    #[must_use]
    pub fn without(mut self, secret: &str) -> Self {
        if !secret.is_empty() {
            let texts = [Some(&mut self.code), Some(&mut self.message), self.request_id.as_mut()];
            let texts = texts.into_iter().chain([self.host_id.as_mut(), self.recommend.as_mut()]);
            for text in texts.flatten().filter(|text| text.contains(secret)) {
                *text = text.replace(secret, "(secret)");
            }
        }
        self
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

/// More of a text than any API says, characters; the rest is not worth keeping.
const MAX_TEXT: usize = 2000;

fn cut(text: String) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
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
    fn an_answer_that_repeats_a_secret_or_never_ends_is_not_shown_whole() {
        let body = format!(r#"{{"Code":"Echo","Message":"you sent hunter2, {}"}}"#, "x".repeat(100_000));
        let fault = Fault::read(&answer(400, &body)).unwrap().without("hunter2");
        assert!(fault.message.starts_with("you sent (secret), xxx"), "{fault}");
        assert!(fault.message.len() < 3000);
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
