//! The control API: what a test or a curious reader may ask of the sandbox while it runs.
//!
//! `docs/sandbox.md` lists the paths.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::clock::Clock;
use super::cloud::Cloud;
use super::cluster::Cluster;
use super::minted::Minted;

/// What the control API turns.
#[derive(Clone)]
pub(super) struct Controls {
    /// The clock of both halves.
    pub(super) clock: Clock,
    /// Every secret that either half gave out.
    pub(super) minted: Minted,
    /// The cloud half.
    pub(super) cloud: Arc<Cloud>,
    /// The cluster half, unless the cloud stands alone.
    pub(super) cluster: Option<Arc<Cluster>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rrsa {
    enabled: bool,
}

/// The paths below `/sandbox`.
pub(super) fn router(controls: Controls) -> Router {
    Router::new()
        .route("/clock", get(time).post(advance))
        .route("/calls", get(calls))
        .route("/minted", get(minted))
        .route("/rrsa", post(rrsa))
        .with_state(controls)
}

async fn time(State(controls): State<Controls>) -> Json<Value> {
    Json(json!({"now": controls.clock.now().strftime("%FT%TZ").to_string()}))
}

async fn advance(State(controls): State<Controls>, Json(wanted): Json<Advance>) -> Json<Value> {
    controls.clock.advance(wanted.advance_seconds);
    time(State(controls)).await
}

async fn calls(State(controls): State<Controls>) -> Json<Value> {
    Json(json!(controls.cloud.calls()))
}

async fn minted(State(controls): State<Controls>) -> Json<Vec<String>> {
    Json(controls.minted.all())
}

async fn rrsa(State(controls): State<Controls>, Json(wanted): Json<Rrsa>) -> (StatusCode, Json<Value>) {
    match controls.cluster {
        Some(cluster) => {
            cluster.set_rrsa_enabled(wanted.enabled);
            (StatusCode::OK, Json(json!({"issuer": cluster.issuer()})))
        }
        None => (StatusCode::NOT_FOUND, Json(json!({"error": "this sandbox has no cluster half"}))),
    }
}
