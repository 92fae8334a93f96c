//! A cloud to test, and the demo's exchange with it.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::super::Cloud;
use super::signer;
use crate::sandbox::clock::Clock;
use crate::sandbox::issuer::Issuer;
use crate::sandbox::world::World;

/// When every test begins: the time of the known answers.
pub(super) const START: &str = "2024-01-02T03:04:05Z";

/// A user who may do everything, one who may do nothing, and the account itself.
pub(super) const KEYS: &str = "
access_keys:
- {id: testid, secret: testsecret, user: admin}
- {id: weakid, secret: weaksecret, user: nobody}
- {id: rootid, secret: rootsecret}
- {id: offid, secret: offsecret, user: admin, active: false}
permissions:
- {who: user/admin, actions: ['*']}
";

/// A cloud with a clock that tests set.
pub(super) struct Sky {
    pub(super) cloud: Arc<Cloud>,
    pub(super) clock: Clock,
    pub(super) world: World,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

/// One issuer for all tests of this module, of the default world.
pub(super) fn issuer() -> &'static Issuer {
    static ISSUER: OnceLock<Issuer> = OnceLock::new();
    ISSUER.get_or_init(|| Issuer::generate(World::default().issuer))
}

impl Sky {
    /// The default world with the test keys and `yaml`.
    pub(super) fn over(yaml: &str) -> Self {
        let world = World::parse(&format!("{KEYS}\n{yaml}")).expect("the test's world is right");
        let clock = Clock::starting_at(START.parse().expect("the start is a time"));
        let jwks = HashMap::from([(issuer().url().to_owned(), issuer().jwks())]);
        Self { cloud: Cloud::new(&world, clock.clone(), jwks), clock, world }
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.cloud.router().oneshot(request).await.expect("the router never fails");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("the body is whole");
        let text = String::from_utf8(body.to_vec()).expect("the body is text");
        Answer { status: parts.status.as_u16(), headers: parts.headers, text }
    }

    /// The claims of the demo's token, issued now for an hour, with some of them replaced; null takes a
    /// claim away.
    pub(super) fn claims(&self, changes: &Value) -> Value {
        let now = self.clock.now().as_second();
        let mut claims = json!({
            "iss": issuer().url(),
            "sub": "system:serviceaccount:rrsa-demo:demo-sa",
            "aud": ["sts.aliyuncs.com"],
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
        });
        for (claim, value) in changes.as_object().into_iter().flatten() {
            claims[claim] = value.clone();
        }
        claims
    }

    pub(super) fn token(&self, changes: &Value) -> String {
        issuer().sign(&self.claims(changes))
    }

    /// The parameters of the demo's exchange, with some replaced or added.
    pub(super) fn exchange(&self, token: &str, changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let role = self.world.role_arn("demo-role-for-rrsa");
        let provider = self.world.provider_arn(&self.world.cluster_provider_name());
        let mut parameters: Vec<(String, String)> = [
            ("RoleArn", role.as_str()),
            ("OIDCProviderArn", &provider),
            ("OIDCToken", token),
            ("RoleSessionName", "test-session"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        for (name, value) in changes {
            parameters.retain(|(known, _)| known != name);
            parameters.push(((*name).to_owned(), (*value).to_owned()));
        }
        parameters
    }

    /// An exchange as the SDKs send it: protocol parameters in the query, the rest in the form.
    pub(super) async fn assume(&self, parameters: &[(String, String)]) -> Answer {
        let query =
            "Action=AssumeRoleWithOIDC&Version=2015-04-01&Format=JSON&Timestamp=2024-01-02T03%3A04%3A05Z";
        let request = Request::post(format!("/?{query}"))
            .header("host", "sts.cn-hangzhou.aliyuncs.com")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(signer::encoded(parameters)))
            .expect("the request is right");
        self.send(request).await
    }
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub(super) fn refusal(&self) -> (u16, String) {
        (self.status, self.json()["Code"].as_str().unwrap_or_default().to_owned())
    }

    pub(super) fn text_of(&self, pointer: &str) -> String {
        let json = self.json();
        let text = json.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("no text at {pointer}: {json}")).to_owned()
    }
}
