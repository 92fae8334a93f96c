//! AssumeRoleWithOIDC.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use super::signer::{Key, encoded};
use super::sky::{Sky, issuer};
use crate::sandbox::issuer::Issuer;

const WHO: (&str, &str) = ("GetCallerIdentity", "2015-04-01");

#[tokio::test]
async fn the_demo_token_becomes_credentials_of_the_demo_role() {
    let sky = Sky::over("");
    let answer = sky.assume(&sky.exchange(&sky.token(&json!({})), &[("DurationSeconds", "900")])).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    assert_eq!(
        body["AssumedRoleUser"]["Arn"],
        "acs:ram::1234567890123456:role/demo-role-for-rrsa/test-session"
    );
    assert_eq!(body["OIDCTokenInfo"]["Subject"], "system:serviceaccount:rrsa-demo:demo-sa");
    assert_eq!(body["OIDCTokenInfo"]["ClientIds"], "sts.aliyuncs.com");
    assert_eq!(body["OIDCTokenInfo"]["VerificationInfo"], "Success");
    let credentials = &body["Credentials"];
    let length = |name: &str| credentials[name].as_str().unwrap().len();
    assert!(credentials["AccessKeyId"].as_str().unwrap().starts_with("STS."));
    assert!(credentials["SecurityToken"].as_str().unwrap().starts_with("CAIS"));
    assert_eq!((length("AccessKeyId"), length("AccessKeySecret"), length("SecurityToken")), (29, 44, 600));
    let expiration = credentials["Expiration"].as_str().unwrap();
    assert!(expiration.starts_with("2024-01-02T03:19:") && expiration.len() == 20, "{expiration}");
}

#[tokio::test]
async fn parameters_may_stand_in_the_query_of_a_get() {
    let sky = Sky::over("");
    let parameters = encoded(&sky.exchange(&sky.token(&json!({})), &[("Format", "JSON")]));
    let uri = format!("/?Action=AssumeRoleWithOIDC&Version=2015-04-01&{parameters}");
    let answer = sky.send(Request::get(uri).body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn the_credentials_sign_calls_until_they_expire() {
    let sky = Sky::over("");
    let answer = sky.assume(&sky.exchange(&sky.token(&json!({})), &[])).await;
    let key = Key::of(&answer);
    for answer in [sky.call_v1(&key, WHO, &[], "n1").await, sky.call_v3(&key, WHO, &[], "n2").await] {
        let body = answer.json();
        assert_eq!(body["IdentityType"], "AssumedRoleUser", "{body}");
        assert_eq!(body["Arn"], "acs:ram::1234567890123456:assumed-role/demo-role-for-rrsa/test-session");
        assert_eq!(body["PrincipalId"], format!("{}:test-session", body["RoleId"].as_str().unwrap()));
        assert!(body.get("UserId").is_none());
    }
    sky.clock.advance(3601);
    let late = sky.call_v3(&key, WHO, &[], "n3").await;
    assert_eq!(late.refusal(), (400, "InvalidSecurityToken.Expired".to_owned()));
}

#[tokio::test]
async fn parameters_out_of_their_range_are_refused_by_name() {
    let sky = Sky::over("");
    let token = sky.token(&json!({}));
    let long = "x".repeat(65);
    let big_policy = format!("{{\"Statement\": \"{}\"}}", "x".repeat(2048));
    for (name, value, status, code) in [
        ("RoleArn", "", 400, "InvalidParameter.RoleArn"),
        ("RoleArn", "demo-role-for-rrsa", 400, "InvalidParameter.RoleArn"),
        ("RoleArn", "acs:ram::1234567890123456:roles/demo", 400, "InvalidParameter.RoleArn"),
        ("RoleArn", "acs:ram::1234567890123456:role/nobody", 404, "EntityNotExist.Role"),
        ("RoleArn", "acs:ram::1:role/demo-role-for-rrsa", 404, "EntityNotExist.Role"),
        ("RoleSessionName", "", 400, "InvalidParameter.RoleSessionName"),
        ("RoleSessionName", "a", 400, "InvalidParameter.RoleSessionName"),
        ("RoleSessionName", "a b", 400, "InvalidParameter.RoleSessionName"),
        ("RoleSessionName", &long, 400, "InvalidParameter.RoleSessionName"),
        ("DurationSeconds", "899", 400, "InvalidParameter.DurationSeconds"),
        ("DurationSeconds", "soon", 400, "InvalidParameter.DurationSeconds"),
        ("DurationSeconds", "3601", 400, "InvalidParameter.DurationSeconds"),
        ("Policy", "{", 400, "InvalidParameter.PolicyGrammar"),
        ("Policy", &big_policy, 400, "InvalidParameter.PolicySize"),
        ("OIDCProviderArn", "ack-rrsa-x", 401, "AuthenticationFail.NoPermission"),
        (
            "OIDCProviderArn",
            "acs:ram::1234567890123456:oidc-provider/x",
            401,
            "AuthenticationFail.NoPermission",
        ),
        ("OIDCToken", "", 401, "AuthenticationFail.OIDCToken.Invalid"),
        ("Format", "XML", 400, "InvalidParameter.Format"),
    ] {
        let mut parameters = sky.exchange(&token, &[(name, value)]);
        if name == "Format" {
            let uri = format!("/?Action=AssumeRoleWithOIDC&Version=2015-04-01&{}", encoded(&parameters));
            let answer = sky.send(Request::get(uri).body(Body::empty()).unwrap()).await;
            assert_eq!(answer.refusal(), (status, code.to_owned()), "{name}={value}");
            continue;
        }
        parameters.rotate_left(1);
        assert_eq!(sky.assume(&parameters).await.refusal(), (status, code.to_owned()), "{name}={value}");
    }
}

#[tokio::test]
async fn providers_that_are_malformed_or_missing_are_told_apart_by_the_message() {
    let sky = Sky::over("");
    let token = sky.token(&json!({}));
    for (arn, message) in [
        ("acs:ram::x:oidc-provider/p", "Parameter OIDCProviderArn is not valid"),
        ("acs:ram::1:oidc-provider/p", "No such OIDC Provider registered."),
    ] {
        let answer = sky.assume(&sky.exchange(&token, &[("OIDCProviderArn", arn)])).await;
        assert_eq!(answer.text_of("/Message"), message);
    }
}

#[tokio::test]
async fn tokens_that_are_not_good_are_refused_with_the_documented_code() {
    let sky = Sky::over("");
    let now = sky.clock.now().as_second();
    for (changes, code) in [
        (json!({"exp": now - 1}), "Expired"),
        (json!({"iat": now - 12 * 3600 - 1, "exp": now + 3600}), "Expired"),
        (json!({"iat": now + 300}), "Invalid"),
        (json!({"nbf": now + 300}), "Invalid"),
        (json!({"exp": null}), "Invalid"),
        (json!({"aud": "https://kubernetes.default.svc"}), "AudienceNotMatch"),
        (json!({"iss": "https://elsewhere.example"}), "IssuerNotMatch"),
        (json!({"iss": "https://kubernetes.default.svc"}), "IssuerConfigurationBroken"),
    ] {
        let answer = sky.assume(&sky.exchange(&sky.token(&changes), &[])).await;
        assert_eq!(answer.refusal(), (401, format!("AuthenticationFail.OIDCToken.{code}")), "{changes}");
    }
}

#[tokio::test]
async fn a_token_expires_by_the_clouds_clock() {
    let sky = Sky::over("");
    let token = sky.token(&json!({}));
    assert_eq!(sky.assume(&sky.exchange(&token, &[])).await.status, 200);
    sky.clock.advance(3600);
    let answer = sky.assume(&sky.exchange(&token, &[])).await;
    assert_eq!(answer.text_of("/Message"), "This JsonWebToken is expired.");
}

#[tokio::test]
async fn a_broken_issuer_is_named_in_the_message() {
    let sky = Sky::over("");
    let answer =
        sky.assume(&sky.exchange(&sky.token(&json!({"iss": "https://kubernetes.default.svc"})), &[])).await;
    let expected = "Get public keys from OIDC Provider failed, the issuer is https://kubernetes.default.svc";
    assert_eq!(answer.text_of("/Message"), expected);
}

#[tokio::test]
async fn malformed_and_tampered_tokens_are_refused() {
    let sky = Sky::over("");
    let good = sky.token(&json!({}));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let other_claims = sky.token(&json!({"sub": "system:serviceaccount:rrsa-demo:other"}));
    let (other_signed, _) = other_claims.rsplit_once('.').unwrap();
    let stranger = Issuer::generate(issuer().url().to_owned());
    let huge = sky.token(&json!({"padding": "x".repeat(20_000)}));
    let hs256 = format!("eyJhbGciOiJIUzI1NiJ9.{}", good.split_once('.').unwrap().1);
    for (token, code) in [
        (format!("{other_signed}.{signature}"), "InvalidSignature"),
        (stranger.sign(&sky.claims(&json!({}))), "InvalidSignature"),
        (signed.to_owned(), "Invalid"),
        (format!("{good}\n"), "Invalid"),
        (format!("{good}=="), "Invalid"),
        ("a.b.c".to_owned(), "Invalid"),
        (hs256, "Invalid"),
        (huge, "Invalid"),
    ] {
        let answer = sky.assume(&sky.exchange(&token, &[])).await;
        assert_eq!(answer.refusal(), (401, format!("AuthenticationFail.OIDCToken.{code}")), "{token:.60}");
    }
}

#[tokio::test]
async fn another_service_account_is_refused_by_the_trust_policy() {
    let sky = Sky::over("");
    let token = sky.token(&json!({"sub": "system:serviceaccount:rrsa-demo:other"}));
    let answer = sky.assume(&sky.exchange(&token, &[])).await;
    assert_eq!(answer.refusal(), (401, "AuthenticationFail.NoPermission".to_owned()));
    assert_eq!(answer.text_of("/Message"), "There is no permission");
    assert_eq!(
        answer.json()["AccessDeniedDetail"],
        json!({"AuthAction": "sts:AssumeRole", "NoPermissionType": "ImplicitDeny", "PolicyType": "AssumeRolePolicy"})
    );
    assert_eq!(answer.text_of("/HostId"), "sts.cn-hangzhou.aliyuncs.com");
    let request_id = answer.text_of("/RequestId");
    assert_eq!(request_id.len(), 36);
    assert_eq!(request_id, request_id.to_uppercase());
    assert_eq!(&request_id[14..15], "4");
}

#[tokio::test]
async fn a_trust_policy_written_as_a_string_counts_too() {
    let policy = r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Federated":"acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0123456789abcdef0123456789abcdef"}}}"#;
    let sky = Sky::over(&format!(
        "roles: [{{name: demo-role-for-rrsa, trust_policy: '{policy}', max_session_duration: 7200}}]"
    ));
    let token = sky.token(&json!({"sub": "system:serviceaccount:a:b"}));
    assert_eq!(sky.assume(&sky.exchange(&token, &[("DurationSeconds", "7200")])).await.status, 200);
}

#[tokio::test]
async fn what_is_wrong_with_a_provider_decides_the_code() {
    let issuer = issuer().url();
    let name = "ack-rrsa-c0123456789abcdef0123456789abcdef";
    for (field, code) in [
        ("jwks: none", "IssuerConfigurationBroken"),
        ("jwks: untrusted-certificate", "HttpsUrlInvalid"),
        ("jwks: fingerprint-mismatch", "PublicKeyFingerprintMismatch"),
        ("client_ids: [other]", "AudienceNotMatch"),
    ] {
        let sky = Sky::over(&format!("oidc_providers: [{{name: {name}, issuer: '{issuer}', {field}}}]"));
        let answer = sky.assume(&sky.exchange(&sky.token(&json!({})), &[])).await;
        assert_eq!(answer.refusal(), (401, format!("AuthenticationFail.OIDCToken.{code}")), "{field}");
    }
}

#[tokio::test]
async fn an_issuer_without_registered_keys_is_broken_until_it_is_registered() {
    let url = "https://real.example/cluster";
    let sky = Sky::over(&format!("issuer: '{url}'"));
    let real = Issuer::generate(url.to_owned());
    let token = real.sign(&sky.claims(&json!({"iss": url})));
    let before = sky.assume(&sky.exchange(&token, &[])).await;
    assert_eq!(before.refusal(), (401, "AuthenticationFail.OIDCToken.IssuerConfigurationBroken".to_owned()));
    sky.cloud.register_issuer(url, real.jwks());
    assert_eq!(sky.assume(&sky.exchange(&token, &[])).await.status, 200);
    sky.cloud.register_issuer(url, json!({"keys": []}));
    let after = sky.assume(&sky.exchange(&token, &[])).await;
    assert_eq!(after.refusal(), (401, "AuthenticationFail.OIDCToken.InvalidSignature".to_owned()));
}

#[tokio::test]
async fn every_secret_of_an_answer_is_on_record() {
    let sky = Sky::over("");
    let answer = sky.assume(&sky.exchange(&sky.token(&json!({})), &[])).await;
    let minted = sky.cloud.minted();
    for secret in ["/Credentials/AccessKeySecret", "/Credentials/SecurityToken"] {
        assert!(minted.contains(&answer.text_of(secret)), "{secret}");
    }
    assert!(minted.contains(&"testsecret".to_owned()));
    assert_eq!(sky.cloud.calls().get("AssumeRoleWithOIDC"), Some(&1));
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let sky = Sky::over("");
    let request = Request::post("/?Action=AssumeRoleWithOIDC&Version=2015-04-01")
        .header("content-type", "application/json")
        .body(Body::from(Value::Null.to_string()))
        .unwrap();
    assert_eq!(sky.send(request).await.refusal(), (400, "InvalidParameter.ContentType".to_owned()));
}
