//! A request as it arrived, and its parameters wherever they stand.

use axum::body::{Body, Bytes, to_bytes};
use http::{HeaderMap, Method, Request};

use super::pattern::pairs;
use super::refusal::Refusal;

/// More than any token and policy together.
const BODY_LIMIT: usize = 1 << 20;

/// A request to an RPC-style API.
pub(super) struct ApiRequest {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) form: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl ApiRequest {
    /// Takes a request apart; a body other than a form is refused.
    pub(super) async fn read(request: Request<Body>) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let body =
            to_bytes(body, BODY_LIMIT).await.map_err(|_| Refusal::new("InvalidParameter.ContentType"))?;
        let content_type =
            parts.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_form = content_type.is_none_or(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if !is_form && !body.is_empty() {
            return Err(Refusal::new("InvalidParameter.ContentType"));
        }
        Ok(Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: pairs(parts.uri.query().unwrap_or_default()),
            form: pairs(&String::from_utf8_lossy(&body)),
            headers: parts.headers,
            body,
        })
    }

    /// A parameter of the query or, failing that, of the form.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    pub(super) fn mandatory(&self, name: &str) -> Result<&str, Refusal> {
        self.parameter(name).ok_or_else(|| Refusal::missing(name))
    }

    /// All parameters, those of the query first.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().chain(&self.form).map(|(key, value)| (key.as_str(), value.as_str()))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// `Action`, as the header that a V3 signature covers, or as a parameter.
    pub(super) fn action(&self) -> Result<&str, Refusal> {
        self.header("x-acs-action")
            .or_else(|| self.parameter("Action"))
            .ok_or_else(|| Refusal::missing("Action"))
    }

    /// `Version`, found like `Action`.
    pub(super) fn version(&self) -> Result<&str, Refusal> {
        self.header("x-acs-version")
            .or_else(|| self.parameter("Version"))
            .ok_or_else(|| Refusal::missing("Version"))
    }
}
