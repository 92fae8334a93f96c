//! An address that hands out credentials, as `ALIBABA_CLOUD_CREDENTIALS_URI` names one.

use jiff::Timestamp;
use serde::Deserialize;

use super::{Answer, is_busy};
use crate::api::is_loopback_http;
use crate::ports::http::{Http, Request};
use crate::secret::Secret;
use crate::sts::AccessKey;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    code: Option<String>,
    access_key_id: String,
    access_key_secret: Secret,
    security_token: Secret,
    expiration: Timestamp,
}

/// Asks `uri`: https, or plain http on this machine.
pub async fn credentials_uri(http: &Http, uri: &str) -> Answer {
    // A path of the address may be what protects it.
    let authority =
        uri.split("://").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or("?");
    let host = authority.rsplit('@').next().unwrap_or_default();
    let failed = |why: String| Answer::Failed(format!("credentials address at {host}: {why}"));
    if authority.contains('@') {
        return failed("a user or a password in it is not taken".to_owned());
    }
    if !uri.starts_with("https://") && !uri.starts_with("http://") {
        return Answer::Failed(
            "the credentials address is none: it begins with neither https:// nor http://".to_owned(),
        );
    }
    if !uri.starts_with("https://") && !is_loopback_http(uri) {
        return failed("it is plain http to another machine".to_owned());
    }
    let answer = match http.send(Request::get(uri)).await {
        Ok(answer) if answer.status == 200 => answer,
        Ok(answer) if is_busy(answer.status) => {
            return Answer::Busy(format!("credentials address at {host}: HTTP {}", answer.status));
        }
        Ok(answer) => return failed(format!("HTTP {}", answer.status)),
        Err(error) => return failed(error.to_string()),
    };
    match serde_json::from_slice::<Body>(&answer.body) {
        Ok(body) if body.code.as_deref().is_none_or(|code| code == "Success") => Answer::Found {
            key: AccessKey {
                id: body.access_key_id,
                secret: body.access_key_secret,
                security_token: Some(body.security_token),
            },
            expiration: Some(body.expiration),
            from: format!("credentials address at {host}"),
        },
        _ => failed("its answer holds no credentials".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::http::Response;

    async fn ask(uri: &str, status: u16, body: &str) -> Answer {
        let body = body.as_bytes().to_vec();
        credentials_uri(&Http::fake([Ok(Response { status, headers: Vec::new(), body })]), uri).await
    }

    #[tokio::test]
    async fn credentials_are_read_and_everything_else_is_a_failure() {
        let body = r#"{"Code":"Success","AccessKeyId":"STS.x","AccessKeySecret":"s","SecurityToken":"t","Expiration":"2024-01-02T03:04:05Z"}"#;
        let uri = "http://127.0.0.1:1/hunter2";
        assert!(matches!(ask(uri, 200, body).await, Answer::Found { expiration: Some(_), .. }));
        for (uri, status, body) in [
            (uri, 404, body),
            (uri, 200, "hunter2"),
            (uri, 200, &body.replace("Success", "Fail")),
            ("http://a/hunter2", 200, body),
            ("http://u:hunter2@127.0.0.1/x", 200, body),
            ("https://u:hunter2@a/x", 200, body),
        ] {
            let Answer::Failed(why) = ask(uri, status, body).await else { panic!("{status} {body}") };
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}
