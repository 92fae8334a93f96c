//! The RAM role of the machine: credentials from the instance metadata service (IMDS), version 2 first.

use std::cell::Cell;

use serde::Deserialize;

use super::{Answer, is_busy};
use crate::api::{EndpointError, is_loopback_http};
use crate::env_vars;
use crate::ports::env::Env;
use crate::ports::http::{Http, Method, Request, Response};
use crate::secret::Secret;
use crate::sts::AccessKey;

/// Where every machine finds its metadata; plain http, and not beyond the machine's host.
pub const METADATA_URL: &str = "http://100.100.100.200";

const CREDENTIALS: &str = "/latest/meta-data/ram/security-credentials/";

/// Seconds that a metadata token is asked for: the longest.
const TOKEN_SECONDS: &str = "21600";

/// The metadata service of one machine.
#[derive(Clone, Debug)]
pub struct EcsRamRole {
    /// URL without a path.
    pub url: String,
    /// Name of the role; asked for when absent.
    pub role: Option<String>,
    /// Whether version 1, which needs no token, may be used when version 2 is not there.
    pub allow_v1: bool,
}

/// The service's URL: `named`, or the one of every machine. Plain http goes to that one and to loopback only.
///
/// # Errors
/// A text that is no such URL.
pub fn metadata_url(named: Option<&str>) -> Result<String, EndpointError> {
    let Some(text) = named else { return Ok(METADATA_URL.to_owned()) };
    let url = text.strip_suffix('/').unwrap_or(text);
    if url == METADATA_URL || is_loopback_http(url) {
        return Ok(url.to_owned());
    }
    crate::api::Endpoint::named(text).map(|endpoint| endpoint.to_string())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    code: Option<String>,
    access_key_id: Option<String>,
    access_key_secret: Option<Secret>,
    security_token: Option<Secret>,
    expiration: Option<jiff::Timestamp>,
}

impl EcsRamRole {
    /// The source as the environment asks for it: `None` unless a role or an address is named there, because on a
    /// machine that is no ECS instance the service does not answer at all. `option` is what the command line says.
    ///
    /// # Errors
    /// An address that is no URL for it.
    pub fn read(env: &Env, option: Option<&str>) -> Result<Option<Self>, EndpointError> {
        let on = |name| env.var(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let role = env.var(env_vars::ECS_METADATA);
        let address = option.map(str::to_owned).or_else(|| env.var(env_vars::IMDS_ENDPOINT));
        if on(env_vars::ECS_METADATA_DISABLED) || (role.is_none() && address.is_none()) {
            return Ok(None);
        }
        let url = metadata_url(address.as_deref())?;
        Ok(Some(Self { url, role, allow_v1: !on(env_vars::IMDSV1_DISABLED) }))
    }

    /// Asks for the role's credentials. `http` should wait for a second or so and use no proxy.
    pub async fn credentials(&self, http: &Http) -> Answer {
        let hiccup = Cell::new(None);
        match (self.ask(http, &hiccup).await, hiccup.get()) {
            (Ok(answer @ (Answer::Found { .. } | Answer::Busy(_))), _) | (Ok(answer), None) => answer,
            // What version 1 said where version 2 had trouble only is no last word.
            (_, Some(status)) => self.busy(&format!("HTTP {status} for its token")),
            (Err(why), None) => Answer::Failed(format!("instance metadata service at {}: {why}", self.url)),
        }
    }

    fn busy(&self, why: &str) -> Answer {
        Answer::Busy(format!("instance metadata service at {}: {why}", self.url))
    }

    /// `hiccup` is told the status of version 2 where that cannot answer now.
    async fn ask(&self, http: &Http, hiccup: &Cell<Option<u16>>) -> Result<Answer, String> {
        let token = self.token(http, hiccup).await?;
        let get = async |path: &str| {
            let mut request = Request::get(format!("{}{path}", self.url));
            if let Some(token) = &token {
                request.headers.push(("x-aliyun-ecs-metadata-token".to_owned(), token.expose().to_owned()));
            }
            http.send(request).await.map_err(|error| error.to_string())
        };
        let role = match &self.role {
            Some(role) => role.clone(),
            None => match get(CREDENTIALS).await? {
                Response { status: 200, body, .. } => String::from_utf8_lossy(&body).trim().to_owned(),
                Response { status: 404, .. } => String::new(),
                Response { status, .. } if is_busy(status) => {
                    return Ok(self.busy(&format!("HTTP {status} for the name of the role")));
                }
                Response { status, .. } => return Err(format!("HTTP {status} for the name of the role")),
            },
        };
        if role.is_empty() {
            return Ok(Answer::Absent("no RAM role is attached to the machine".to_owned()));
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if role.len() > 64 || !role.bytes().all(allowed) {
            return Err("what it calls the role cannot be a role's name".to_owned());
        }
        let answer = get(&format!("{CREDENTIALS}{role}")).await?;
        if answer.status != 200 {
            let why = format!("HTTP {} for the credentials of role {role}", answer.status);
            return if is_busy(answer.status) { Ok(self.busy(&why)) } else { Err(why) };
        }
        let incomplete = || format!("the credentials of role {role} are not complete");
        let body: Body = serde_json::from_slice(&answer.body).map_err(|_| incomplete())?;
        match body {
            Body {
                code,
                access_key_id: Some(id),
                access_key_secret: Some(secret),
                security_token,
                expiration,
            } if code.as_deref().is_none_or(|code| code == "Success") => {
                let from = format!("role {role} of the machine");
                Ok(Answer::Found { key: AccessKey { id, secret, security_token }, expiration, from })
            }
            _ => Err(incomplete()),
        }
    }

    /// The token of version 2; `None` where only version 1 answers and that is allowed.
    async fn token(&self, http: &Http, hiccup: &Cell<Option<u16>>) -> Result<Option<Secret>, String> {
        let request = Request {
            method: Method::Put,
            headers: vec![("x-aliyun-ecs-metadata-token-ttl-seconds".to_owned(), TOKEN_SECONDS.to_owned())],
            ..Request::get(format!("{}/latest/api/token", self.url))
        };
        let answer = match http.send(request).await {
            // What stands between may let no PUT through.
            Err(_) if self.allow_v1 => return Ok(None),
            answer => answer.map_err(|error| format!("{error}, and version 1 is disabled"))?,
        };
        hiccup.set(Some(answer.status).filter(|status| is_busy(*status)));
        match String::from_utf8(answer.body) {
            Ok(token) if answer.status == 200 && !token.is_empty() => Ok(Some(token.into())),
            _ if self.allow_v1 => Ok(None),
            _ => Err(format!("HTTP {} for its token, and version 1 is disabled", answer.status)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::http::{TransportError, TransportFault};

    fn answers(answers: &[(u16, &str)]) -> Http {
        Http::fake(answers.iter().map(|(status, body)| {
            Ok(Response { status: *status, headers: Vec::new(), body: body.as_bytes().to_vec() })
        }))
    }

    fn source(allow_v1: bool) -> EcsRamRole {
        EcsRamRole { url: METADATA_URL.to_owned(), role: None, allow_v1 }
    }

    const KEY: &str = r#"{"Code":"Success","AccessKeyId":"STS.a","AccessKeySecret":"b","SecurityToken":"c",
        "Expiration":"2024-01-02T03:04:05Z"}"#;

    #[tokio::test]
    async fn version_2_sends_its_token_with_every_question() {
        let http = answers(&[(200, "session"), (200, "worker-role\n"), (200, KEY)]);
        let answer = source(false).credentials(&http).await;
        let Answer::Found { key, expiration, from } = answer else { panic!("{answer:?}") };
        assert_eq!((key.id.as_str(), from.as_str()), ("STS.a", "role worker-role of the machine"));
        assert!(expiration.is_some());
        let sent = http.sent();
        assert_eq!(sent[0].method, Method::Put);
        assert!(sent[2].url.ends_with("/security-credentials/worker-role"));
        assert!(sent[1..].iter().all(|request| request.headers[0].1 == "session"));
    }

    #[tokio::test]
    async fn version_1_answers_only_where_it_is_allowed() {
        let old = || answers(&[(404, ""), (200, "r"), (200, KEY)]);
        let said =
            |body: &str| Ok(Response { status: 200, headers: Vec::new(), body: body.as_bytes().to_vec() });
        let lost = || Err(TransportError { fault: TransportFault::Timeout, message: "lost".to_owned() });
        let silent = || Http::fake([lost(), said("r"), said(KEY)]);
        for http in [&old as &dyn Fn() -> Http, &silent] {
            assert!(matches!(source(true).credentials(&http()).await, Answer::Found { .. }));
            assert!(matches!(source(false).credentials(&http()).await, Answer::Failed(_)));
        }
    }

    #[tokio::test]
    async fn a_hiccup_of_version_2_is_no_refusal_of_version_1() {
        for (v1, allowed) in [(403, true), (404, true), (403, false)] {
            let answer = source(allowed).credentials(&answers(&[(503, ""), (v1, "")])).await;
            assert!(
                matches!(&answer, Answer::Busy(why) if why.contains("HTTP 503 for its token")),
                "{answer:?}"
            );
        }
        let old = answers(&[(503, ""), (200, "r"), (200, KEY)]);
        assert!(matches!(source(true).credentials(&old).await, Answer::Found { .. }));
    }

    #[tokio::test]
    async fn a_machine_without_a_role_is_no_failure_and_a_strange_answer_is_one() {
        assert!(matches!(
            source(true).credentials(&answers(&[(200, "t"), (404, "")])).await,
            Answer::Absent(_)
        ));
        for name in ["../../x", "a b"] {
            let answer = source(true).credentials(&answers(&[(200, "t"), (200, name)])).await;
            assert!(matches!(answer, Answer::Failed(_)), "{name}");
        }
        let broken = answers(&[(200, "t"), (200, "r"), (200, r#"{"Code":"Failed"}"#)]);
        assert!(matches!(source(true).credentials(&broken).await, Answer::Failed(_)));
    }

    #[test]
    fn the_service_is_asked_only_where_somebody_says_so() {
        let read = |pairs: &[(&str, &str)]| EcsRamRole::read(&Env::fake(pairs.iter().copied()), None);
        assert!(read(&[]).unwrap().is_none());
        assert_eq!(read(&[(env_vars::ECS_METADATA, "r")]).unwrap().unwrap().url, METADATA_URL);
        let off = [(env_vars::ECS_METADATA, "r"), (env_vars::ECS_METADATA_DISABLED, "true")];
        assert!(read(&off).unwrap().is_none());
        assert!(read(&[(env_vars::IMDS_ENDPOINT, "http://example.com")]).is_err());
        assert!(read(&[(env_vars::IMDS_ENDPOINT, "http://127.0.0.1:1/")]).unwrap().is_some());
    }
}
