//! `status`, and what users with fewer permissions see of everything.

use serde_json::{Value, json};

use crate::stage::Stage;

/// A user who may read pods and ServiceAccounts, and nothing else.
const VIEWER: &str = "
cluster:
  rbac:
  - user: viewer
    rules:
    - {verbs: [get, list], resources: [pods, serviceaccounts]}
";

#[tokio::test(flavor = "multi_thread")]
async fn every_fact_says_where_it_was_read() {
    let stage = Stage::demo().await;
    let status = stage.rrsa(&["status", "-o", "json"]).await.json();
    let issuer =
        "https://oidc-ack-cn-hangzhou.oss-cn-hangzhou.aliyuncs.com/c0123456789abcdef0123456789abcdef";
    for (field, value) in [
        ("issuer", json!(issuer)),
        ("discoveryUrl", json!(format!("{issuer}/.well-known/openid-configuration"))),
        ("jwksUrl", json!(format!("{issuer}/openid/v1/jwks"))),
        ("rrsaEnabled", json!(true)),
        ("clusterId", json!("c0123456789abcdef0123456789abcdef")),
        ("region", json!("cn-hangzhou")),
        ("account", json!("1234567890123456")),
        ("providerName", json!("ack-rrsa-c0123456789abcdef0123456789abcdef")),
        (
            "providerArn",
            json!("acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0123456789abcdef0123456789abcdef"),
        ),
    ] {
        assert_eq!(status[field]["value"], value, "{field}");
        assert!(status[field]["from"].as_str().is_some_and(|from| !from.is_empty()), "{field}");
    }
    let yaml = stage.rrsa(&["status", "-o", "yaml"]).await;
    let same: Value = serde_saphyr::from_str(&yaml.stdout).unwrap();
    assert_eq!(same["providerArn"], status["providerArn"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rrsa_that_is_off_and_a_webhook_that_is_not_there_are_said() {
    let stage = Stage::set("rrsa_enabled: false\ncluster: {webhook: false}", "").await;
    let status = stage.rrsa(&["status"]).await;
    assert_eq!(status.code, 0);
    assert!(status.stdout.contains("RRSA:          off"), "{}", status.stdout);
    assert!(status.stdout.contains("Webhook:       not installed"), "{}", status.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rbac_hides_is_a_question_mark_with_the_reason() {
    let stage = Stage::set(VIEWER, "").await;
    let shown = stage.rrsa(&["status", "--as", "viewer"]).await;
    assert_eq!(shown.code, 0, "{shown:?}");
    for line in shown.stdout.lines() {
        let copied = line.split_whitespace().any(|word| word.len() > 60);
        assert!(line.chars().count() <= 80 || copied, "{line}");
    }
    let told = shown.stdout.replace("\n               ", " ");
    for line in [
        "Issuer:        ?  (forbidden: needs get on non-resource URL /.well-known/openid-configuration",
        "Region:        ?  (forbidden: needs list nodes",
        "Webhook:       ?  (forbidden: needs list mutatingwebhookconfigurations)",
        "Account:       1234567890123456  (injected pod demo)",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    assert!(!told.contains('✓'));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_could_not_look_never_says_healthy() {
    let stage = Stage::set(VIEWER, "").await;
    for subject in ["sa/demo-sa", "pod/demo"] {
        let outcome = stage.rrsa(&["check", subject, "-n", "rrsa-demo", "--as", "viewer"]).await;
        assert_eq!(outcome.code, 3, "{outcome:?}");
        assert!(outcome.stdout.contains("? exchange"), "{}", outcome.stdout);
        assert!(outcome.stdout.contains("Could not tell"), "{}", outcome.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn terminal_escapes_in_the_cluster_are_shown_and_not_obeyed() {
    let manifest = include_str!("../manifests/rrsa-demo.yaml")
        .replace("role-name: demo-role-for-rrsa", "role-name: \"\\e[31mred\\e]0;title\\a\"");
    let stage = Stage::set("", &manifest).await;
    let outcome = stage.rrsa(&["check", "sa/demo-sa", "-n", "rrsa-demo"]).await;
    assert_eq!(outcome.code, 1, "{outcome:?}");
    assert!(!outcome.stdout.contains('\u{1b}') && !outcome.stdout.contains('\u{7}'), "{:?}", outcome.stdout);
    assert!(outcome.stdout.contains("[31mred"), "{}", outcome.stdout);
}
