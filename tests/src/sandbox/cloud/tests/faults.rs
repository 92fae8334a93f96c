//! Faults on purpose, and the time that answers tell.

use serde_json::json;

use super::signer::Key;
use super::sky::Sky;
use crate::sandbox::world::Fault;

const WHO: (&str, &str) = ("GetCallerIdentity", "2015-04-01");

#[tokio::test]
async fn a_fault_answers_with_the_codes_own_status_as_often_as_it_says() {
    let sky = Sky::over("faults: [{api: AssumeRoleWithOIDC, code: Throttling.User, times: 2}]");
    let parameters = sky.exchange(&sky.token(&json!({})), &[]);
    for _ in 0..2 {
        let answer = sky.assume(&parameters).await;
        assert_eq!(answer.refusal(), (400, "Throttling.User".to_owned()));
        assert_eq!(answer.text_of("/Message"), "Request was denied due to user flow control.");
    }
    assert_eq!(sky.assume(&parameters).await.status, 200);
    assert_eq!(sky.cloud.calls().get("AssumeRoleWithOIDC"), Some(&3));
}

#[tokio::test]
async fn a_fault_may_bring_its_own_status_and_message() {
    let sky = Sky::over("faults: [{api: '*', code: Odd.Code, message: odd, http_status: 429}]");
    let answer = sky.call_v3(&Key::long_term("testid", "testsecret"), WHO, &[], "n").await;
    assert_eq!(answer.refusal(), (429, "Odd.Code".to_owned()));
    assert_eq!(answer.text_of("/Message"), "odd");
}

#[tokio::test]
async fn a_fault_of_another_api_does_nothing_and_one_can_be_added_later() {
    let sky = Sky::over("faults: [{api: GetRole, code: InternalError}]");
    let key = Key::long_term("testid", "testsecret");
    assert_eq!(sky.call_v3(&key, WHO, &[], "1").await.status, 200);
    let fault = json!({"api": "GetCallerIdentity", "code": "InternalError", "times": 1});
    sky.cloud.inject(serde_json::from_value::<Fault>(fault).unwrap());
    assert_eq!(sky.call_v3(&key, WHO, &[], "2").await.refusal(), (500, "InternalError".to_owned()));
    assert_eq!(sky.call_v3(&key, WHO, &[], "3").await.status, 200);
}

#[tokio::test]
async fn latency_without_a_code_delays_a_call_that_then_succeeds() {
    let sky = Sky::over("faults: [{api: GetCallerIdentity, latency_ms: 40}]");
    let before = tokio::time::Instant::now();
    assert_eq!(sky.call_v3(&Key::long_term("testid", "testsecret"), WHO, &[], "n").await.status, 200);
    assert!(before.elapsed().as_millis() >= 40);
}

#[tokio::test]
async fn every_answer_carries_the_clouds_date() {
    let sky = Sky::over("");
    sky.clock.advance(86_400);
    let answers = [
        sky.call_v3(&Key::long_term("testid", "testsecret"), WHO, &[], "n").await,
        sky.assume(&[]).await,
        sky.send(http::Request::get("/latest/x").body(axum::body::Body::empty()).unwrap()).await,
    ];
    for answer in answers {
        let date = answer.headers["date"].to_str().unwrap();
        assert!(date.starts_with("Wed, 03 Jan 2024 03:04:") && date.ends_with(" GMT"), "{date}");
    }
}
