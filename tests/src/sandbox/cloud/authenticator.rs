//! The RAM authenticator as an API server asks it: a token webhook that answers TokenReviews.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::state::Cloud;

/// Where the webhook is: what a kubeconfig for `--authentication-token-webhook-config-file` names as server ends with it.
pub(super) const PATH: &str = "/authenticate";

/// The review with its status: the ARN of whoever signed the token as user, or nobody. In the version that was asked.
pub(super) async fn review(State(cloud): State<Arc<Cloud>>, Json(review): Json<Value>) -> Json<Value> {
    let token = review["spec"]["token"].as_str().unwrap_or_default();
    let status = match cloud.signer(token) {
        Some(arn) => json!({"authenticated": true, "user": {"username": arn, "uid": arn, "groups": []}}),
        None => json!({"authenticated": false}),
    };
    Json(json!({"apiVersion": review["apiVersion"], "kind": "TokenReview", "status": status}))
}
