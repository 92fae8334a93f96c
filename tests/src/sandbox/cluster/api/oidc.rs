//! OpenID discovery of the ServiceAccount issuer.

use axum::response::Response;
use http::HeaderValue;
use http::header::CACHE_CONTROL;
use serde_json::{Value, json};

use super::call::Call;
use super::server;
use crate::sandbox::cluster::Cluster;
use crate::sandbox::world::IN_CLUSTER_ISSUER;

/// Where the discovery document stands.
pub(super) const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";

/// Where the key set stands.
pub(super) const JWKS_PATH: &str = "/openid/v1/jwks";

/// The discovery document: the keys of a public issuer stand beside it, those of the in-cluster one here.
pub(super) fn discovery(cluster: &Cluster, call: &Call) -> Value {
    let issuer = cluster.tokens.url();
    let base =
        if issuer == IN_CLUSTER_ISSUER { format!("https://{}", call.header("host")) } else { issuer.clone() };
    json!({
        "issuer": issuer,
        "jwks_uri": format!("{base}{JWKS_PATH}"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })
}

/// A document that may be kept for an hour.
pub(super) fn document(body: &Value, content_type: &'static str) -> Response {
    let mut response = server::document(&body.to_string(), content_type);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    response
}
