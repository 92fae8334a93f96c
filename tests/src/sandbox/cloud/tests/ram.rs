//! RAM and IMS.

use super::signer::Key;
use super::sky::Sky;

const RAM: &str = "2015-05-01";
const IMS: &str = "2019-08-15";

/// Key, API, parameters, status, code.
type Case<'a> = (&'a Key, (&'a str, &'a str), &'a [(&'a str, &'a str)], u16, &'a str);

fn admin() -> Key {
    Key::long_term("testid", "testsecret")
}

#[tokio::test]
async fn a_role_is_shown_with_its_trust_policy_as_a_string() {
    let sky = Sky::over("");
    let answer =
        sky.call_v3(&admin(), ("GetRole", RAM), &[("RoleName", "demo-role-for-rrsa")], "n").await.json();
    let role = &answer["Role"];
    assert_eq!(role["Arn"], "acs:ram::1234567890123456:role/demo-role-for-rrsa");
    assert_eq!(role["MaxSessionDuration"], 3600);
    let policy: serde_json::Value =
        serde_json::from_str(role["AssumeRolePolicyDocument"].as_str().unwrap()).unwrap();
    assert_eq!(policy, sky.world.roles[0].trust_policy);
    assert!(role["CreateDate"].as_str().unwrap().starts_with("2024-01-02T03:04:0"));
}

#[tokio::test]
async fn attached_policies_are_listed_with_their_type() {
    let sky = Sky::over(
        "roles: [{name: r, trust_policy: {Statement: []}, policies: [{name: A, type: System}, {name: B}]}]",
    );
    let answer = sky.call_v1(&admin(), ("ListPoliciesForRole", RAM), &[("RoleName", "r")], "n").await.json();
    let policies = answer["Policies"]["Policy"].as_array().unwrap();
    let shown: Vec<_> =
        policies.iter().map(|policy| (&policy["PolicyName"], &policy["PolicyType"])).collect();
    assert_eq!(shown, [(&"A".into(), &"System".into()), (&"B".into(), &"Custom".into())]);
}

#[tokio::test]
async fn providers_are_shown_with_joined_client_ids() {
    let sky =
        Sky::over("oidc_providers: [{name: p, issuer: 'https://i', client_ids: [a, b], fingerprints: [F]}]");
    let answer =
        sky.call_v3(&admin(), ("GetOIDCProvider", IMS), &[("OIDCProviderName", "p")], "1").await.json();
    let provider = &answer["OIDCProvider"];
    assert_eq!(provider["Arn"], "acs:ram::1234567890123456:oidc-provider/p");
    assert_eq!(provider["IssuerUrl"], "https://i");
    assert_eq!(provider["ClientIds"], "a,b");
    assert_eq!(provider["IssuanceLimitTime"], 12);
    let all = sky.call_v3(&admin(), ("ListOIDCProviders", IMS), &[], "2").await.json();
    assert_eq!(all["OIDCProviders"]["OIDCProvider"][0], *provider);
}

#[tokio::test]
async fn what_is_missing_or_not_permitted_has_its_code() {
    let sky = Sky::over("");
    let weak = Key::long_term("weakid", "weaksecret");
    let root = Key::long_term("rootid", "rootsecret");
    let cases: [Case<'_>; 7] = [
        (&admin(), ("GetRole", RAM), &[("RoleName", "none")], 404, "EntityNotExist.Role"),
        (&admin(), ("GetRole", RAM), &[("RoleName", "a b")], 400, "InvalidParameter.RoleName"),
        (&admin(), ("GetRole", RAM), &[], 400, "MissingParameter"),
        (&weak, ("GetRole", RAM), &[("RoleName", "none")], 403, "NoPermission"),
        (&weak, ("ListOIDCProviders", IMS), &[], 403, "NoPermission"),
        (
            &admin(),
            ("GetOIDCProvider", IMS),
            &[("OIDCProviderName", "x")],
            404,
            "EntityNotExist.OIDCProvider",
        ),
        (&root, ("GetOIDCProvider", IMS), &[("OIDCProviderName", "x")], 404, "EntityNotExist.OIDCProvider"),
    ];
    for (index, (key, api, parameters, status, code)) in cases.into_iter().enumerate() {
        let answer = sky.call_v3(key, api, parameters, &index.to_string()).await;
        assert_eq!(answer.refusal(), (status, code.to_owned()), "case {index}");
    }
}
