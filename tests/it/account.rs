//! What an access key adds: RAM, IMS and ACK are asked, and a refusal is explained by the trust policy itself.

use serde_json::Value;

use crate::stage::{Outcome, Stage, built};

const KEYS: &str = "
access_keys:
- {id: LTAI5tStoryAccessKeyId, secret: story-access-key-secret, user: auditor}
";

const MAY_READ: &str = "
permissions:
- {who: user/auditor, actions: ['ram:Get*', 'cs:Describe*']}
";

/// A trust policy that names another ServiceAccount.
const OTHER: &str = r#"
roles:
- name: demo-role-for-rrsa
  trust_policy: '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",
    "Principal":{"Federated":["acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0123456789abcdef0123456789abcdef"]},
    "Condition":{"StringEquals":{"oidc:aud":"sts.aliyuncs.com","oidc:sub":"system:serviceaccount:rrsa-demo:demo"}}}]}'
"#;

async fn with_key(stage: &Stage, arguments: &[&str]) -> Outcome {
    let mut command = stage.command(&built("kubectl-rrsa"), arguments);
    command
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI5tStoryAccessKeyId")
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "story-access-key-secret");
    stage.run(command).await
}

fn refusal<'a>(report: &'a Value, rule: &str) -> (&'a str, &'a str) {
    let finding = &report["findings"][0];
    assert_eq!(finding["rule"], rule, "{report:#}");
    (finding["seen"].as_str().unwrap(), finding["remedy"].as_str().unwrap())
}

const CHECK: [&str; 6] = ["check", "sa/demo-sa", "-n", "rrsa-demo", "-o", "json"];

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_explained_by_the_trust_policy() {
    let stage = Stage::set(&[KEYS, MAY_READ, OTHER].concat(), "").await;
    let outcome = with_key(&stage, &CHECK).await;
    assert_eq!(outcome.code, 1, "{outcome:?}");
    let report = outcome.json();
    let (seen, _) = refusal(&report, "RRSA-R05");
    let differs = "system:serviceaccount:rrsa-demo:demo (from character 37 on: the end instead of \"-sa\"); STS: HTTP 401";
    assert!(seen.contains(differs), "{seen}");
    assert_eq!(
        report["facts"]["account"]["provider"]["value"]["clientIds"],
        serde_json::json!(["sts.aliyuncs.com"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_or_the_permission_the_reason_says_what_is_missing() {
    let stage = Stage::set(&[KEYS, "permissions: []\n", OTHER].concat(), "").await;
    let keyless = stage.rrsa(&CHECK).await.json();
    let (_, remedy) = refusal(&keyless, "RRSA-X01");
    assert!(remedy.contains("ALIBABA_CLOUD_ACCESS_KEY_ID is not set"), "{remedy}");
    let powerless = with_key(&stage, &CHECK).await.json();
    let (_, remedy) = refusal(&powerless, "RRSA-X01");
    assert!(remedy.contains("needs ram:GetRole"), "{remedy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_what_ack_knows_of_the_cluster() {
    let stage = Stage::set(&[KEYS, MAY_READ].concat(), "").await;
    let status = with_key(&stage, &["status", "-o", "json"]).await.json();
    let cloud = &status["cloud"];
    assert_eq!(cloud["value"]["rrsa"]["enabled"], true, "{status:#}");
    assert!(cloud["from"].as_str().unwrap().starts_with("DescribeClusterDetail at 127.0.0.1:"), "{cloud}");
    let shown = with_key(&stage, &["status"]).await.stdout.replace("\n               ", " ");
    assert!(shown.contains("In the cloud:  running, RRSA on, issuer https://oidc-ack-"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_machines_own_role_serves_as_a_key() {
    let world = [OTHER, "- {name: worker, trust_policy: {Statement: []}}\necs_role: worker\n"].concat();
    let world = world + "permissions: [{who: role/worker, actions: ['ram:GetRole']}]\n";
    let stage = Stage::set(&world, "").await;
    let report = stage.rrsa(&CHECK).await.json();
    assert!(refusal(&report, "RRSA-R05").0.contains("from character 37 on"), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_endpoint_is_an_option() {
    let stage = Stage::set(&[KEYS, MAY_READ, OTHER].concat(), "").await;
    let nowhere = "http://127.0.0.1:1";
    for (option, field) in [("--ram-endpoint", "role"), ("--ims-endpoint", "provider")] {
        let report = with_key(&stage, &[&CHECK[..], &[option, nowhere]].concat()).await.json();
        let why = report["facts"]["account"][field]["unknown"].as_str().unwrap_or_default();
        assert!(why.contains("127.0.0.1:1") && why.contains("no connection"), "{option}: {report:#}");
    }
    let status = with_key(&stage, &["status", "-o", "json", "--ack-endpoint", nowhere]).await.json();
    assert!(status["cloud"]["unknown"].as_str().unwrap().contains("no connection"), "{status:#}");
    let status = stage.rrsa(&["status", "-o", "json", "--imds-endpoint", nowhere]).await.json();
    assert!(status["cloud"]["unknown"].as_str().unwrap().contains("127.0.0.1:1"), "{status:#}");
    for option in ["--sts-endpoint", "--ram-endpoint", "--ims-endpoint", "--ack-endpoint", "--imds-endpoint"]
    {
        let outcome = stage.rrsa(&["status", option, "http://example.com"]).await;
        assert_eq!(outcome.code, 2, "{option}: {outcome:?}");
        assert!(outcome.stderr.contains("plain http"), "{option}: {outcome:?}");
    }
}
