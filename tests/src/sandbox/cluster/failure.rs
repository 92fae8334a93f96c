//! Refusals: the `Status` objects of the Kubernetes API.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::{Value, json};

use super::resource::Resource;

/// A request that was refused.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    /// The HTTP status.
    pub(crate) code: u16,
    /// The machine's word for it, such as `NotFound`.
    pub(crate) reason: String,
    /// The reader's words for it.
    pub(crate) message: String,
    /// What it is about.
    pub(crate) details: Value,
    /// When to try again, seconds.
    pub(crate) retry_after_seconds: Option<u32>,
    /// Milliseconds that the caller waits for it.
    pub(crate) latency_ms: u64,
}

impl Failure {
    /// A refusal that is about nothing in particular.
    pub(crate) fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        let (reason, message) = (reason.to_owned(), message.into());
        Self { code, reason, message, details: Value::Null, retry_after_seconds: None, latency_ms: 0 }
    }

    /// A refusal that is about one object.
    fn about(self, resource: &Resource, name: &str) -> Self {
        let mut details = json!({"name": name, "group": resource.group, "kind": resource.plural});
        if resource.group.is_empty() {
            details.as_object_mut().expect("it was just made").remove("group");
        }
        Self { details, ..self }
    }

    /// 400: the request makes no sense.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 400: a text field of an object holds something else; `mistyped` is what and where.
    pub(crate) fn mistyped(resource: &Resource, (place, found): (String, &str)) -> Self {
        let (kind, version) = (resource.kind, resource.api_version());
        Self::bad_request(format!(
            "{kind} in version {version:?} cannot be handled as a {kind}: json: cannot unmarshal {found} into Go struct \
             field {place} of type string"
        ))
    }

    /// 401: the credentials are not known.
    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 403: admission says no to an object.
    pub(crate) fn forbidden(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("{} {name:?} is forbidden: {why}", resource.qualified());
        Self::new(403, "Forbidden", message).about(resource, name)
    }

    /// 404: there is no such object.
    pub(crate) fn not_found(resource: &Resource, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} {name:?} not found", resource.qualified()))
            .about(resource, name)
    }

    /// 404: there is no such path.
    pub(crate) fn no_such_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    /// 405: the resource does not know the verb.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    }

    /// 409: the name is taken.
    pub(crate) fn already_exists(resource: &Resource, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", resource.qualified());
        Self::new(409, "AlreadyExists", message).about(resource, name)
    }

    /// 409: the object is not the one that the caller has in mind.
    pub(crate) fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", resource.qualified());
        Self::new(409, "Conflict", message).about(resource, name)
    }

    /// 422: a field has a value that is not allowed; `cause` is `FieldValueInvalid` and the like.
    pub(crate) fn invalid(kind: &str, group: &str, name: &str, field: &str, cause: &str, why: &str) -> Self {
        let qualified = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let mut failure =
            Self::new(422, "Invalid", format!("{qualified} {name:?} is invalid: {field}: {why}"));
        failure.details = json!({"name": name, "kind": kind, "causes": [{"reason": cause, "message": why, "field": field}]});
        if !group.is_empty() {
            failure.details["group"] = group.into();
        }
        failure
    }

    /// The `Status` object.
    pub(crate) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        if let Some(seconds) = self.retry_after_seconds {
            status["details"]["retryAfterSeconds"] = seconds.into();
        }
        status
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.status().to_string()));
        *response.status_mut() = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
