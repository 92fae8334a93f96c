//! AssumeRole.

use super::super::Cloud;
use super::signer::Key;
use super::sky::{KEYS, Sky};
use crate::sandbox::world::World;

const WHO: (&str, &str) = ("GetCallerIdentity", "2015-04-01");
const ASSUME: (&str, &str) = ("AssumeRole", "2015-04-01");

const ROLES: &str = "
roles:
- name: open
  trust_policy:
    Statement: {Effect: Allow, Action: sts:AssumeRole, Principal: {RAM: 'acs:ram::1234567890123456:root'}}
- name: partner
  trust_policy:
    Statement:
      Effect: Allow
      Action: sts:AssumeRole
      Principal: {RAM: 'acs:ram::1234567890123456:user/admin'}
      Condition: {StringEquals: {'sts:ExternalId': secret-word}}
- name: chained
  trust_policy:
    Statement: {Effect: Allow, Action: sts:AssumeRole, Principal: {RAM: 'acs:ram::1234567890123456:role/open'}}
permissions:
- {who: user/admin, actions: ['*']}
- {who: role/open, actions: ['sts:AssumeRole'], resources: ['acs:ram::*:role/chained']}
";

/// The world above with its own permissions.
fn roles() -> Sky {
    let mut sky = Sky::over("");
    let keys = KEYS.split("permissions").next().unwrap();
    let world = World::parse(&format!("{keys}{ROLES}")).unwrap();
    sky.cloud = Cloud::new(&world, sky.clock.clone(), Default::default());
    sky
}

/// Key, role, further parameters, status, code, type of the policy that denied.
type Case<'a> = (&'a Key, &'a str, &'a [(&'a str, &'a str)], u16, &'a str, &'a str);

fn assume_parameters<'a>(role: &'a str, extra: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("RoleArn", role), ("RoleSessionName", "sess")], extra].concat()
}

#[tokio::test]
async fn a_permitted_user_assumes_a_role_that_trusts_it_and_chains_on() {
    let sky = roles();
    let admin = Key::long_term("testid", "testsecret");
    let open = assume_parameters("acs:ram::1234567890123456:role/open", &[("SourceIdentity", "alice")]);
    let answer = sky.call_v1(&admin, ASSUME, &open, "1").await;
    assert_eq!(answer.text_of("/SourceIdentity"), "alice");
    let first = Key::of(&answer);
    let chained = assume_parameters("acs:ram::1234567890123456:role/chained", &[]);
    let answer = sky.call_v3(&first, ASSUME, &chained, "2").await;
    let who = sky.call_v3(&Key::of(&answer), WHO, &[], "3").await;
    assert_eq!(who.text_of("/Arn"), "acs:ram::1234567890123456:assumed-role/chained/sess");
    let back = sky.call_v3(&first, ASSUME, &open, "4").await;
    assert_eq!(back.refusal(), (403, "NoPermission".to_owned()), "its permission names another role");
}

#[tokio::test]
async fn assume_role_is_refused_without_permission_trust_or_the_external_id() {
    let sky = roles();
    let admin = Key::long_term("testid", "testsecret");
    let (open, partner) = ("acs:ram::1234567890123456:role/open", "acs:ram::1234567890123456:role/partner");
    let chained = "acs:ram::1234567890123456:role/chained";
    let cases: [Case<'_>; 7] = [
        (
            &Key::long_term("weakid", "weaksecret"),
            open,
            &[],
            403,
            "NoPermission",
            "AccountLevelIdentityBasedPolicy",
        ),
        (&Key::long_term("rootid", "rootsecret"), open, &[], 403, "NoPermission", ""),
        (&admin, chained, &[], 403, "NoPermission", "AssumeRolePolicy"),
        (&admin, partner, &[], 403, "NoPermission", "AssumeRolePolicy"),
        (&admin, partner, &[("ExternalId", "x")], 400, "InvalidParameter.ExternalId", ""),
        (&admin, "acs:ram::1234567890123456:role/none", &[], 404, "EntityNotExist.Role", ""),
        (&admin, open, &[("DurationSeconds", "7200")], 400, "InvalidParameter.DurationSeconds", ""),
    ];
    for (index, (key, role, extra, status, code, policy_type)) in cases.into_iter().enumerate() {
        let answer = sky.call_v3(key, ASSUME, &assume_parameters(role, extra), &index.to_string()).await;
        assert_eq!(answer.refusal(), (status, code.to_owned()), "case {index}");
        let detail =
            answer.json()["AccessDeniedDetail"]["PolicyType"].as_str().unwrap_or_default().to_owned();
        assert_eq!(detail, policy_type, "case {index}");
    }
    let with_id = assume_parameters(partner, &[("ExternalId", "secret-word")]);
    assert_eq!(sky.call_v3(&admin, ASSUME, &with_id, "last").await.status, 200);
}
