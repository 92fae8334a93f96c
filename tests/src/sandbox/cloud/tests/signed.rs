//! Signed calls, told by GetCallerIdentity.

use axum::body::Body;
use http::Request;

use super::signer::Key;
use super::sky::{Answer, Sky};

const WHO: (&str, &str) = ("GetCallerIdentity", "2015-04-01");

const V1_QUERY: &str = "AccessKeyId=testid&Action=GetCallerIdentity&Format=JSON&SignatureMethod=HMAC-SHA1\
    &SignatureNonce=0123456789abcdef0123456789abcdef&SignatureVersion=1.0&Timestamp=2024-01-02T03%3A04%3A05Z\
    &Version=2015-04-01";
const EMPTY_BODY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const V3_SIGNATURE: &str = "78161650309dfedb2d1958343b5a8d03e7c79f1fc6a7a0277086b4c7d8a2fceb";

async fn v1(sky: &Sky, method: &str, signature: &str) -> Answer {
    let uri = format!("/?{V1_QUERY}&Signature={}", super::signer::encode(signature));
    sky.send(Request::builder().method(method).uri(uri).body(Body::empty()).unwrap()).await
}

async fn v3(sky: &Sky, cluster: &str, signature: &str) -> Answer {
    let headers = "x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-version";
    let request = Request::post(format!("/?ACKClusterId={cluster}"))
        .header("host", "127.0.0.1:1234")
        .header(
            "authorization",
            format!("ACS3-HMAC-SHA256 Credential=testid,SignedHeaders={headers},Signature={signature}"),
        )
        .header("x-acs-action", "GetCallerIdentity")
        .header("x-acs-content-sha256", EMPTY_BODY)
        .header("x-acs-date", "2024-01-02T03:04:05Z")
        .header("x-acs-version", "2015-04-01");
    sky.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn known_v1_signatures_verify_and_others_do_not() {
    for (method, signature, verifies) in [
        ("GET", "A+toWhl49uHBijSdESGVILvkJCc=", true),
        ("POST", "9lwB9GBwKxPOYpYr73zVdjOsj2c=", true),
        ("GET", "9lwB9GBwKxPOYpYr73zVdjOsj2c=", false),
        ("POST", "9lwB9GBwKxPOYpYr73zVdjOsj2d=", false),
    ] {
        let answer = v1(&Sky::over(""), method, signature).await;
        if verifies {
            assert_eq!(answer.text_of("/Arn"), "acs:ram::1234567890123456:user/admin", "{method}");
        } else {
            assert_eq!(answer.refusal(), (400, "SignatureDoesNotMatch".to_owned()), "{method} {signature}");
        }
    }
}

#[tokio::test]
async fn a_known_v3_signature_without_host_and_nonce_verifies_and_a_tampered_one_does_not() {
    let sky = Sky::over("");
    let cluster = "c0123456789abcdef0123456789abcdef0";
    assert_eq!(v3(&sky, cluster, V3_SIGNATURE).await.text_of("/IdentityType"), "RAMUser");
    assert_eq!(v3(&sky, cluster, V3_SIGNATURE).await.status, 200, "without a nonce it may be sent again");
    for (cluster, signature) in [("c1", V3_SIGNATURE), (cluster, &V3_SIGNATURE.replace('7', "8"))] {
        let answer = v3(&sky, cluster, signature).await;
        assert_eq!(answer.refusal(), (400, "SignatureDoesNotMatch".to_owned()));
    }
}

#[tokio::test]
async fn a_v3_signature_that_leaves_a_security_header_out_does_not_match() {
    let sky = Sky::over("");
    let request = Request::post("/")
        .header("authorization", "ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=x-acs-action,Signature=00")
        .header("x-acs-action", "GetCallerIdentity")
        .header("x-acs-content-sha256", EMPTY_BODY)
        .header("x-acs-date", "2024-01-02T03:04:05Z")
        .header("x-acs-version", "2015-04-01");
    let answer = sky.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.refusal(), (400, "SignatureDoesNotMatch".to_owned()));
}

#[tokio::test]
async fn a_nonce_is_good_once_in_either_version() {
    let sky = Sky::over("");
    let key = Key::long_term("testid", "testsecret");
    assert_eq!(sky.call_v1(&key, WHO, &[], "one").await.status, 200);
    for again in [sky.call_v1(&key, WHO, &[], "one").await, sky.call_v3(&key, WHO, &[], "one").await] {
        assert_eq!(again.refusal(), (400, "SignatureNonceUsed".to_owned()));
    }
    assert_eq!(sky.call_v3(&key, WHO, &[], "two").await.status, 200);
}

#[tokio::test]
async fn a_time_stamp_is_good_for_fifteen_minutes_either_way() {
    for (seconds, is_good) in [(890, true), (910, false), (-890, true), (-910, false)] {
        let sky = Sky::over("");
        sky.clock.advance(seconds);
        let answer = v1(&sky, "GET", "A+toWhl49uHBijSdESGVILvkJCc=").await;
        if is_good {
            assert_eq!(answer.status, 200, "{seconds}");
        } else {
            assert_eq!(answer.refusal(), (400, "InvalidTimeStamp.Expired".to_owned()), "{seconds}");
        }
    }
}

#[tokio::test]
async fn keys_that_are_unknown_disabled_or_wrongly_used_are_refused() {
    let sky = Sky::over("");
    let with_token = |token: &str| Key {
        security_token: Some(token.to_owned()),
        ..Key::long_term("testid", "testsecret")
    };
    for (key, status, code) in [
        (Key::long_term("nobody", "x"), 404, "InvalidAccessKeyId.NotFound"),
        (Key::long_term("offid", "offsecret"), 400, "InvalidAccessKeyId.Inactive"),
        (Key::long_term("testid", "wrong"), 400, "SignatureDoesNotMatch"),
        (with_token("CAIS"), 400, "InvalidSecurityToken.MismatchWithAccessKey"),
    ] {
        let answer = sky.call_v3(&key, WHO, &[], "n").await;
        assert_eq!(answer.refusal(), (status, code.to_owned()), "{}", key.id);
    }
}

#[tokio::test]
async fn session_keys_need_their_own_security_token() {
    let sky = Sky::over("");
    let (first, second) = (session(&sky, "first").await, session(&sky, "second").await);
    for (token, code) in [
        (None, "MissingSecurityToken"),
        (Some("rubbish".to_owned()), "InvalidSecurityToken.Malformed"),
        (second.security_token.clone(), "InvalidSecurityToken.MismatchWithAccessKey"),
    ] {
        let key = Key { security_token: token, ..first.clone() };
        assert_eq!(sky.call_v1(&key, WHO, &[], code).await.refusal(), (400, code.to_owned()));
    }
    assert_eq!(sky.call_v1(&first, WHO, &[], "good").await.status, 200);
}

async fn session(sky: &Sky, nonce: &str) -> Key {
    let token = sky.token(&serde_json::json!({}));
    let answer = sky.assume(&sky.exchange(&token, &[("RoleSessionName", nonce)])).await;
    Key::of(&answer)
}

#[tokio::test]
async fn each_kind_of_caller_is_told_who_it_is() {
    let sky = Sky::over("");
    let root = sky.call_v3(&Key::long_term("rootid", "rootsecret"), WHO, &[], "1").await.json();
    assert_eq!(root["IdentityType"], "Account");
    assert_eq!(root["Arn"], "acs:ram::1234567890123456:root");
    let user = sky.call_v3(&Key::long_term("weakid", "weaksecret"), WHO, &[], "2").await.json();
    assert_eq!(user["IdentityType"], "RAMUser");
    assert_eq!(user["Arn"], "acs:ram::1234567890123456:user/nobody");
    assert_eq!(user["PrincipalId"], user["UserId"]);
}

#[tokio::test]
async fn a_call_without_a_signature_or_of_an_unknown_api_is_refused() {
    let sky = Sky::over("");
    for (uri, status, code) in [
        ("/?Action=GetCallerIdentity&Version=2015-04-01", 400, "MissingParameter"),
        ("/?Action=GetCallerIdentity&Version=2015-05-01", 400, "InvalidParameter"),
        ("/?Action=DropEverything&Version=2015-04-01", 400, "InvalidParameter"),
        ("/?Version=2015-04-01", 400, "MissingParameter"),
        ("/elsewhere?Action=GetCallerIdentity&Version=2015-04-01", 400, "InvalidParameter"),
    ] {
        let answer = sky.send(Request::get(uri).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.refusal(), (status, code.to_owned()), "{uri}");
    }
    let put = Request::put("/?Action=GetCallerIdentity&Version=2015-04-01").body(Body::empty()).unwrap();
    assert_eq!(sky.send(put).await.refusal(), (405, "UnsupportedHTTPMethod".to_owned()));
}
