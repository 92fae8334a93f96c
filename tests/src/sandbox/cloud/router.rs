//! From an HTTP request to the service that it is for, and back.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::header::{DATE, HOST};
use http::{HeaderValue, Method, Request, StatusCode};
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::Value;

use super::api::{Api, METADATA};
use super::auth::authenticate;
use super::refusal::Refusal;
use super::request::ApiRequest;
use super::state::Cloud;
use super::{ack, authenticator, directory, faults, imds, sts};

pub(super) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new().route(authenticator::PATH, post(authenticator::review)).fallback(answer).with_state(cloud)
}

async fn answer(State(cloud): State<Arc<Cloud>>, request: Request<Body>) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("sts.aliyuncs.com");
    let host = host.to_owned();
    let mut response = match ApiRequest::read(request).await {
        Err(refusal) => shown(Err(refusal), &host),
        Ok(request) if request.path.starts_with("/latest/") => metadata(&cloud, &request, &host).await,
        Ok(request) => shown(call(&cloud, &request).await, &host),
    };
    // By the cloud's clock, where the server would write the machine's time.
    if let Some(date) = date(&cloud) {
        response.headers_mut().insert(DATE, date);
    }
    response
}

fn date(cloud: &Cloud) -> Option<HeaderValue> {
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&cloud.now()).ok()?;
    HeaderValue::from_str(&date).ok()
}

async fn metadata(cloud: &Cloud, request: &ApiRequest, host: &str) -> Response {
    cloud.count(METADATA);
    match fault(cloud, METADATA).await {
        Err(refusal) => shown(Err(refusal), host),
        Ok(()) => imds::answer(cloud, request).into_response(),
    }
}

async fn call(cloud: &Cloud, request: &ApiRequest) -> Result<Value, Refusal> {
    if ![Method::GET, Method::POST].contains(&request.method) {
        return Err(Refusal::new("UnsupportedHTTPMethod"));
    }
    let api =
        Api::find(request.action()?, request.version()?).ok_or_else(|| Refusal::new("InvalidParameter"))?;
    let (before, after) = api.path();
    let named = request.path.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    let named = named.filter(|name| name.is_empty() == (before == "/") && !name.contains('/'));
    let named = named.ok_or_else(|| Refusal::new("InvalidParameter").message("The API has another path."))?;
    cloud.count(api.name());
    fault(cloud, api.name()).await?;
    if request.parameter("Format").is_some_and(|format| !format.eq_ignore_ascii_case("json")) {
        return Err(Refusal::new("InvalidParameter.Format"));
    }
    let caller = || authenticate(cloud, request);
    match api {
        Api::AssumeRoleWithOidc => sts::assume_role_with_oidc(cloud, request),
        Api::AssumeRole => sts::assume_role(cloud, request, &caller()?),
        Api::GetCallerIdentity => Ok(sts::caller_identity(cloud, &caller()?)),
        Api::GetRole => directory::role(cloud, request, &caller()?),
        Api::ListPoliciesForRole => directory::policies(cloud, request, &caller()?),
        Api::GetOidcProvider => directory::provider(cloud, request, &caller()?),
        Api::ListOidcProviders => directory::providers(cloud, &caller()?),
        Api::DescribeClusterDetail => ack::cluster(cloud, named, &caller()?),
        Api::DescribeClusterUserKubeconfig => ack::user_kubeconfig(cloud, named, request, &caller()?),
    }
}

/// Lets a fault that waits for this API happen.
async fn fault(cloud: &Cloud, api: &str) -> Result<(), Refusal> {
    let Some(fault) = cloud.faults().take(api) else {
        return Ok(());
    };
    tokio::time::sleep(Duration::from_millis(fault.latency_ms)).await;
    faults::refusal(&fault).map_or(Ok(()), Err)
}

fn shown(answer: Result<Value, Refusal>, host: &str) -> Response {
    let request_id = request_id();
    match answer {
        Ok(mut body) => {
            body["RequestId"] = Value::String(request_id);
            Json(body).into_response()
        }
        Err(refusal) => {
            let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
            (status, Json(refusal.body(&request_id, host))).into_response()
        }
    }
}

/// A random UUID (version 4) in upper case.
fn request_id() -> String {
    let number = rand::random::<u128>() & !(0xf000 << 64 | 0xc000 << 48) | 0x4000 << 64 | 0x8000 << 48;
    let hex = format!("{number:032X}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
