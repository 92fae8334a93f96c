//! AssumeRoleWithOIDC: the anonymous call that turns an OIDC token into session credentials.

use serde::Deserialize;

use super::VERSION;
use super::credentials::Session;
use super::session_name::SessionName;
use crate::api::{Endpoint, Stamp};
use crate::oidc::OidcToken;
use crate::ports::http::{Method, Request, Response};
use crate::sign::percent;

/// The call's parameters.
#[derive(Clone, Debug)]
pub struct AssumeRoleWithOidc {
    /// `OIDCProviderArn`, as written: STS is the judge of its shape.
    pub provider_arn: String,
    /// `RoleArn`, as written.
    pub role_arn: String,
    /// `OIDCToken`.
    pub token: OidcToken,
    /// `RoleSessionName`.
    pub session_name: SessionName,
    /// `DurationSeconds`, 900 to the role's `MaxSessionDuration`; STS takes 3600 when it is left out.
    pub duration_seconds: Option<u32>,
    /// `Policy`, 1 to 2048 characters: the session may do what this and the role both allow.
    pub policy: Option<String>,
}

/// What STS read from the token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OidcTokenInfo {
    /// `sub`.
    pub subject: Option<String>,
    /// `iss`.
    pub issuer: Option<String>,
    /// `aud`, joined by commas.
    pub client_ids: Option<String>,
}

impl AssumeRoleWithOidc {
    /// The request. The token travels in the form body, never in the URL.
    #[must_use]
    pub fn request(&self, endpoint: &Endpoint, stamp: &Stamp) -> Request {
        let query = [
            ("Action", "AssumeRoleWithOIDC"),
            ("Format", "JSON"),
            ("SignatureNonce", &stamp.nonce),
            ("Timestamp", &stamp.date()),
            ("Version", VERSION),
        ];
        let duration = self.duration_seconds.map(|seconds| seconds.to_string());
        let form = [
            ("DurationSeconds", duration.as_deref()),
            ("OIDCProviderArn", Some(self.provider_arn.as_str())),
            ("OIDCToken", Some(self.token.expose())),
            ("Policy", self.policy.as_deref()),
            ("RoleArn", Some(self.role_arn.as_str())),
            ("RoleSessionName", Some(self.session_name.as_str())),
        ];
        let form: Vec<_> =
            form.iter().filter_map(|(name, value)| value.map(|value| (*name, value))).collect();
        Request {
            method: Method::Post,
            url: endpoint.url(&format!("/?{}", percent::encode_pairs(&query))),
            headers: vec![
                ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
                ("accept-encoding".to_owned(), "identity".to_owned()),
            ],
            body: percent::encode_pairs(&form).into_bytes(),
        }
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// See [`Session::read`].
    pub fn read(answer: &Response) -> Result<(Session, OidcTokenInfo), String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Body {
            #[serde(rename = "OIDCTokenInfo", default)]
            token: OidcTokenInfo,
        }
        let session = Session::read(answer)?;
        let info = serde_json::from_slice(&answer.body).map(|body: Body| body.token).unwrap_or_default();
        Ok((session, info))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> AssumeRoleWithOidc {
        AssumeRoleWithOidc {
            provider_arn: "acs:ram::1:oidc-provider/ack-rrsa-c1".to_owned(),
            role_arn: "acs:ram::1:role/demo".to_owned(),
            token: OidcToken::parse("a.b.c\n").unwrap(),
            session_name: SessionName::parse("demo").unwrap(),
            duration_seconds: Some(900),
            policy: None,
        }
    }

    #[test]
    fn the_token_travels_in_the_form_body_trimmed_and_never_in_the_url() {
        let stamp = Stamp { time: "2024-01-02T03:04:05Z".parse().unwrap(), nonce: "n1".to_owned() };
        let request = call().request(&Endpoint::official("sts.aliyuncs.com"), &stamp);
        assert_eq!(
            request.url,
            "https://sts.aliyuncs.com/?Action=AssumeRoleWithOIDC&Format=JSON&SignatureNonce=n1\
             &Timestamp=2024-01-02T03%3A04%3A05Z&Version=2015-04-01"
        );
        assert_eq!(
            String::from_utf8(request.body).unwrap(),
            "DurationSeconds=900&OIDCProviderArn=acs%3Aram%3A%3A1%3Aoidc-provider%2Fack-rrsa-c1&OIDCToken=a.b.c\
             &RoleArn=acs%3Aram%3A%3A1%3Arole%2Fdemo&RoleSessionName=demo"
        );
        assert!(!request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")));
    }

    #[test]
    fn what_sts_read_from_the_token_is_kept_when_it_says() {
        let credentials = r#""Credentials":{"AccessKeyId":"STS.x","AccessKeySecret":"s","SecurityToken":"t","Expiration":"2021-10-20T04:27:09Z"}"#;
        let read = |extra: &str| {
            let body = format!("{{{credentials}{extra}}}").into_bytes();
            AssumeRoleWithOidc::read(&Response { status: 200, headers: Vec::new(), body }).unwrap().1
        };
        assert_eq!(
            read(r#","OIDCTokenInfo":{"Subject":"s","ClientIds":"a,b"}"#).subject.as_deref(),
            Some("s")
        );
        assert_eq!(read(""), OidcTokenInfo::default());
    }
}
