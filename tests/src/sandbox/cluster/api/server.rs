//! From a request to its answer: who calls, what for, may they, and then the one who knows.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_TYPE, WARNING};
use http::{HeaderValue, StatusCode};
use serde_json::Value;

use super::call::{Call, Target};
use super::{discovery, objects, oidc, reviews, token_request};
use crate::sandbox::cluster::Cluster;
use crate::sandbox::cluster::access::{Deed, User};
use crate::sandbox::cluster::failure::Failure;
use crate::sandbox::cluster::object;
use crate::sandbox::cluster::pod::exec::{self, Streams};
use crate::sandbox::cluster::resource::Resource;
use crate::sandbox::cluster::store::Key;
use crate::sandbox::serve::PeerCertificate;

/// No request body is longer than this, bytes.
const LONGEST_BODY: usize = 4 << 20;

/// What the API server says to a request.
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: StatusCode,
    /// The document.
    pub(super) body: Value,
    /// What the client is warned of.
    pub(super) warning: Option<String>,
}

impl Answer {
    /// 200.
    pub(super) fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body, warning: None }
    }

    /// 201.
    pub(super) fn created(body: Value) -> Self {
        Self { status: StatusCode::CREATED, body, warning: None }
    }

    fn into_response(self) -> Response {
        let mut response = document(&self.body.to_string(), "application/json");
        *response.status_mut() = self.status;
        let warning = self.warning.map(|warning| format!("299 - \"{}\"", warning.replace('"', "\\\"")));
        if let Some(value) = warning.and_then(|warning| HeaderValue::from_str(&warning).ok()) {
            response.headers_mut().insert(WARNING, value);
        }
        response
    }
}

/// The API server of `cluster`.
pub(in crate::sandbox::cluster) fn router(cluster: Arc<Cluster>) -> Router {
    Router::new().fallback(answer).with_state(cluster)
}

async fn answer(State(cluster): State<Arc<Cluster>>, request: Request) -> Response {
    match respond(&cluster, request).await {
        Ok(response) => response,
        Err(failure) => {
            tokio::time::sleep(Duration::from_millis(failure.latency_ms)).await;
            failure.into_response()
        }
    }
}

async fn respond(cluster: &Arc<Cluster>, mut request: Request) -> Result<Response, Failure> {
    let certificate = request.extensions().get::<PeerCertificate>();
    let user = cluster.access.identify(request.headers(), certificate, cluster.clock.now())?;
    let call = Call::read(request.method(), request.uri(), request.headers().clone())?;
    let Some(target) = &call.target else {
        cluster.access.allow(&user, &Deed::Path { verb: call.verb, path: &call.path })?;
        if let Some(failure) = cluster.faults.due(call.verb, &call.path, "") {
            return Err(failure);
        }
        return plain(cluster, &call);
    };
    permit(cluster, &user, &call, target)?;
    if (target.resource.plural, target.subresource.as_deref()) == ("pods", Some("exec")) {
        return enter(cluster, &call, target, &mut request);
    }
    let body = to_bytes(request.into_body(), LONGEST_BODY)
        .await
        .map_err(|error| Failure::new(413, "RequestEntityTooLarge", error.to_string()))?;
    let answer = match (target.resource.plural, target.subresource.as_deref()) {
        ("serviceaccounts", Some("token")) => token_request::answer(cluster, &call, target, &body)?,
        ("selfsubjectaccessreviews", None) => reviews::access(cluster, &user, &call, &body)?,
        ("selfsubjectreviews", None) => reviews::identity(cluster, &user, &call, &body)?,
        ("pods", Some("log")) => return log(cluster, &call, target),
        ("pods", Some("ephemeralcontainers")) => {
            let answer = objects::add_containers(cluster, &call, target, &body)?;
            run_helpers(cluster, &answer);
            answer
        }
        ("pods", None) => {
            let answer = objects::answer(cluster, &call, target, &body)?;
            if call.verb == "create" && !call.dry_run() {
                run_helpers(cluster, &answer);
            }
            answer
        }
        (_, None) => objects::answer(cluster, &call, target, &body)?,
        _ => return Err(Failure::no_such_path()),
    };
    Ok(answer.into_response())
}

/// Asks the rules, then the faults. A WebSocket to a pod needs `create` besides the `get` of its method.
fn permit(cluster: &Cluster, user: &User, call: &Call, target: &Target) -> Result<(), Failure> {
    let resource = target.full_name();
    let name = target.name.as_deref().unwrap_or_default();
    let verbs: &[&str] = if resource == "pods/exec" { &["get", "create"] } else { &[call.verb] };
    for verb in verbs {
        let (group, namespace) = (target.resource.group, target.namespace());
        // A namespace is its own scope, as the API server sees it.
        let namespace = if target.resource.plural == "namespaces" { name } else { namespace };
        cluster.access.allow(user, &Deed::Resource { verb, group, resource: &resource, namespace, name })?;
        if let Some(failure) = cluster.faults.due(verb, &resource, name) {
            return Err(failure);
        }
    }
    Ok(())
}

/// What stands at paths that name no resource.
fn plain(cluster: &Cluster, call: &Call) -> Result<Response, Failure> {
    if call.verb != "get" {
        return Err(Failure::method_not_allowed());
    }
    match call.path.as_str() {
        "/livez" | "/readyz" | "/healthz" => Ok(document("ok", "text/plain; charset=utf-8")),
        // No schemas: kubectl before 1.27 reads that as nothing to check.
        "/openapi/v2" => Ok(document("", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")),
        oidc::DISCOVERY_PATH => Ok(oidc::document(&oidc::discovery(cluster, call), "application/json")),
        oidc::JWKS_PATH => Ok(oidc::document(&cluster.tokens.jwks(), "application/jwk-set+json")),
        path => match discovery::document(path, call.header("host")) {
            Some(body) => Ok(Answer::ok(body).into_response()),
            None => Err(Failure::no_such_path()),
        },
    }
}

/// Starts what a new or changed pod is to run.
fn run_helpers(cluster: &Arc<Cluster>, answer: &Answer) {
    let (namespace, name) = (object::namespace(&answer.body), object::name(&answer.body));
    cluster.run_helpers(&Key::new(Resource::core("pods"), namespace, name));
}

/// What a container has printed.
fn log(cluster: &Cluster, call: &Call, target: &Target) -> Result<Response, Failure> {
    let (resource, name) = (Resource::core("pods"), target.name()?);
    let key = Key::new(resource, target.namespace(), name);
    let pod = cluster.store().find(&key).cloned().ok_or_else(|| Failure::not_found(resource, name))?;
    let wanted = call.parameter("container");
    let added = object::list(&pod, "/spec/ephemeralContainers").iter().any(|one| one["name"] == wanted);
    let container = if added { wanted } else { exec::container(&pod, wanted)? };
    Ok(document(&cluster.log(&pod, container), "text/plain; charset=utf-8"))
}

/// Runs a program in a pod.
fn enter(
    cluster: &Cluster,
    call: &Call,
    target: &Target,
    request: &mut Request,
) -> Result<Response, Failure> {
    let (resource, name) = (Resource::core("pods"), target.name()?);
    let key = Key::new(resource, target.namespace(), name);
    let pod = cluster.store().find(&key).cloned().ok_or_else(|| Failure::not_found(resource, name))?;
    let container = exec::container(&pod, call.parameter("container"))?;
    if object::text(&pod, "/spec/nodeName").is_empty() {
        return Err(Failure::bad_request(format!("pod {name} does not have a host assigned")));
    }
    let view = cluster.enter(&pod, container)?;
    let command = call.parameters("command").map(str::to_owned).collect();
    let [stdout, stderr, terminal] = ["stdout", "stderr", "tty"].map(|name| call.flag(name));
    exec::answer(request, command, view, Streams { stdout, stderr, terminal })
}

/// 200 with a body of the given type.
pub(super) fn document(body: &str, content_type: &'static str) -> Response {
    let mut response = Response::new(Body::from(body.to_owned()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
