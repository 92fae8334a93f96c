//! The instance metadata service.

use axum::body::Body;
use http::Request;

use super::signer::Key;
use super::sky::{Answer, Sky};

const CREDENTIALS: &str = "/latest/meta-data/ram/security-credentials/";

async fn fetch(sky: &Sky, path: &str, token: &str) -> Answer {
    let request =
        Request::get(path).header("X-aliyun-ecs-metadata-token", token).body(Body::empty()).unwrap();
    sky.send(request).await
}

async fn token(sky: &Sky, seconds: &str) -> Answer {
    let request =
        Request::put("/latest/api/token").header("X-aliyun-ecs-metadata-token-ttl-seconds", seconds);
    sky.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn credentials_of_the_attached_role_are_handed_out_and_work() {
    let sky = Sky::over("ecs_role: demo-role-for-rrsa");
    let token = token(&sky, "21600").await.text;
    for path in [CREDENTIALS, CREDENTIALS.trim_end_matches('/')] {
        assert_eq!(fetch(&sky, path, &token).await.text, "demo-role-for-rrsa");
    }
    let answer = fetch(&sky, &format!("{CREDENTIALS}demo-role-for-rrsa"), &token).await;
    assert_eq!(answer.text_of("/Code"), "Success");
    let key = Key {
        id: answer.text_of("/AccessKeyId"),
        secret: answer.text_of("/AccessKeySecret"),
        security_token: Some(answer.text_of("/SecurityToken")),
    };
    let who = sky.call_v3(&key, ("GetCallerIdentity", "2015-04-01"), &[], "n").await;
    assert_eq!(who.text_of("/IdentityType"), "AssumedRoleUser");
    assert!(sky.cloud.minted().contains(&key.secret));
    assert_eq!(sky.cloud.calls().get("imds"), Some(&4));
}

#[tokio::test]
async fn the_identity_document_names_region_and_account() {
    let sky = Sky::over("region: eu-central-1");
    let token = token(&sky, "60").await.text;
    let answer = fetch(&sky, "/latest/dynamic/instance-identity/document", &token).await;
    assert_eq!(answer.text_of("/region-id"), "eu-central-1");
    assert_eq!(answer.text_of("/owner-account-id"), "1234567890123456");
}

#[tokio::test]
async fn nothing_is_told_without_a_token_that_is_still_good() {
    let sky = Sky::over("ecs_role: demo-role-for-rrsa");
    let token_text = token(&sky, "60").await.text;
    assert_eq!(fetch(&sky, CREDENTIALS, "made-up").await.status, 403);
    assert_eq!(fetch(&sky, CREDENTIALS, &token_text).await.status, 200);
    sky.clock.advance(61);
    assert_eq!(fetch(&sky, CREDENTIALS, &token_text).await.status, 403);
    for seconds in ["0", "21601", "long"] {
        assert_eq!(token(&sky, seconds).await.status, 400, "{seconds}");
    }
}

#[tokio::test]
async fn an_instance_without_a_role_has_no_credentials() {
    let sky = Sky::over("");
    let token = token(&sky, "60").await.text;
    for path in
        [CREDENTIALS, "/latest/meta-data/ram/security-credentials/demo-role-for-rrsa", "/latest/other"]
    {
        assert_eq!(fetch(&sky, path, &token).await.status, 404, "{path}");
    }
}
