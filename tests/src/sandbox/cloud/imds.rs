//! The instance metadata service, version 2 only: a session token first, then the data.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::directory::whole_seconds;
use super::request::ApiRequest;
use super::state::Cloud;
use crate::sandbox::world::alphanumeric;

const CREDENTIALS: &str = "/latest/meta-data/ram/security-credentials";

/// The life of credentials from the metadata service, seconds.
const SESSION_SECONDS: i64 = 6 * 3600;

/// The metadata tokens handed out, with their ends.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<String, Timestamp>>);

impl Tokens {
    fn issue(&self, expires: Timestamp) -> String {
        let token = alphanumeric(56);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(token.clone(), expires);
        token
    }

    fn is_valid(&self, token: &str, now: Timestamp) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(token).is_some_and(|expires| *expires > now)
    }
}

/// Status and text of the answer.
pub(super) fn answer(cloud: &Cloud, request: &ApiRequest) -> (StatusCode, String) {
    if request.path == "/latest/api/token" {
        return token(cloud, request);
    }
    let token = request.header("x-aliyun-ecs-metadata-token");
    if !token.is_some_and(|token| cloud.metadata_tokens().is_valid(token, cloud.now())) {
        return (StatusCode::FORBIDDEN, "a valid X-aliyun-ecs-metadata-token is needed".to_owned());
    }
    let found = match request.path.as_str() {
        _ if request.method != Method::GET => return (StatusCode::METHOD_NOT_ALLOWED, String::new()),
        "/latest/dynamic/instance-identity/document" => Some(document(cloud)),
        path => path.strip_prefix(CREDENTIALS).and_then(|rest| credentials(cloud, rest)),
    };
    found.map_or((StatusCode::NOT_FOUND, "not found".to_owned()), |text| (StatusCode::OK, text))
}

fn token(cloud: &Cloud, request: &ApiRequest) -> (StatusCode, String) {
    if request.method != Method::PUT {
        return (StatusCode::METHOD_NOT_ALLOWED, String::new());
    }
    let seconds =
        request.header("x-aliyun-ecs-metadata-token-ttl-seconds").and_then(|text| text.parse().ok());
    match seconds.filter(|seconds| (1..=21_600).contains(seconds)) {
        Some(seconds) => (StatusCode::OK, cloud.metadata_tokens().issue(after(cloud.now(), seconds))),
        None => (StatusCode::BAD_REQUEST, "the ttl is not between 1 and 21600 seconds".to_owned()),
    }
}

/// The name of the attached role, or its credentials, depending on what stands after the path.
fn credentials(cloud: &Cloud, rest: &str) -> Option<String> {
    let role = cloud.world().ecs_role.as_ref()?;
    if ["", "/"].contains(&rest) {
        return Some(role.clone());
    }
    if rest.strip_prefix('/') != Some(role) {
        return None;
    }
    let now = Timestamp::from_second(cloud.now().as_second()).ok()?;
    let (access_key_id, session) = cloud.mint(role, "ecs-instance", after(now, SESSION_SECONDS));
    let mut answer = super::sessions::credentials(&access_key_id, &session);
    answer["LastUpdated"] = json!(whole_seconds(now));
    answer["Code"] = json!("Success");
    Some(answer.to_string())
}

fn document(cloud: &Cloud) -> String {
    let world = cloud.world();
    json!({
        "region-id": world.region,
        "owner-account-id": world.account_id,
        "zone-id": format!("{}-b", world.region),
        "instance-id": "i-rrsa-sandbox",
    })
    .to_string()
}

fn after(now: Timestamp, seconds: i64) -> Timestamp {
    now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}
