//! What issuers publish, under the paths of their URLs: the discovery document and the key set.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use http::{StatusCode, Uri};
use serde_json::json;

use super::state::Cloud;
use crate::sandbox::world::Jwks;

const DISCOVERY: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/openid/v1/jwks";

/// The public documents of every issuer, to be served in TLS.
pub(super) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new().fallback(answer).with_state(cloud)
}

async fn answer(State(cloud): State<Arc<Cloud>>, uri: Uri) -> Response {
    document(&cloud, uri.path()).unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
}

fn document(cloud: &Cloud, path: &str) -> Option<Response> {
    let suffix = [DISCOVERY, KEYS].into_iter().find(|suffix| path.ends_with(suffix))?;
    let issuer = cloud.issuers().at(path.strip_suffix(suffix)?)?;
    if mode(cloud, &issuer) == Jwks::None {
        return None;
    }
    let body = if suffix == KEYS {
        cloud.issuers().jwks(&issuer)?
    } else {
        json!({
            "issuer": issuer,
            "jwks_uri": format!("{issuer}{KEYS}"),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        })
    };
    Some(Json(body).into_response())
}

/// What happens when somebody asks `issuer` for its keys.
fn mode(cloud: &Cloud, issuer: &str) -> Jwks {
    let provider = cloud.world().oidc_providers.iter().find(|provider| provider.issuer == issuer);
    provider.map_or(Jwks::Published, |provider| provider.jwks)
}
