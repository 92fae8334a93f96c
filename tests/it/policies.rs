//! Trust policies from both sides: what a ServiceAccount needs, and whom a role lets in.

use serde_json::{Value, json};

use crate::stage::{Outcome, Stage, built};

/// A world whose key is known beforehand, and the statements of the role.
fn world(statements: &Value) -> String {
    let policy = json!({"Version": "1", "Statement": statements});
    format!(
        "access_keys: [{{id: LTAIstory0000000000000000, secret: story00000000000000000000000000, user: rrsa-admin}}]\n\
         roles: [{{name: demo-role-for-rrsa, trust_policy: {policy}}}]\n"
    )
}

fn statement(subject: &Value) -> Value {
    let id = "c0123456789abcdef0123456789abcdef";
    json!({
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"Federated": format!("acs:ram::1234567890123456:oidc-provider/ack-rrsa-{id}")},
        "Condition": {"StringEquals": {
            "oidc:iss": format!("https://oidc-ack-cn-hangzhou.oss-cn-hangzhou.aliyuncs.com/{id}"),
            "oidc:aud": "sts.aliyuncs.com",
        }, "StringLike": {"oidc:sub": subject}},
    })
}

async fn run(stage: &Stage, words: &[&str]) -> Outcome {
    let mut command = stage.command(&built("kubectl-rrsa"), words);
    command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIstory0000000000000000");
    command.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "story00000000000000000000000000");
    stage.run(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_that_is_printed_is_the_one_that_works() {
    let first = Stage::demo().await;
    let printed = first.rrsa(&["trust-policy", "sa/demo-sa", "-n", "rrsa-demo"]).await;
    assert_eq!(printed.code, 0, "{printed:?}");
    let stage = Stage::set(&world(&printed.json()["Statement"]), "").await;
    let check = stage.rrsa(&["check", "sa/demo-sa", "-n", "rrsa-demo"]).await;
    assert_eq!(check.code, 0, "{check:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nearest_miss_is_marked_and_the_least_change_mends_it() {
    let stage =
        Stage::set(&world(&json!([statement(&json!("system:serviceaccount:rrsa-demo:demo"))])), "").await;
    let words = ["trust-policy", "sa/demo-sa", "-n", "rrsa-demo", "--role", "demo-role-for-rrsa"];
    let shown = run(&stage, &words).await;
    assert_eq!(shown.code, 1, "{shown:?}");
    for line in [
        "    policy   system:serviceaccount:rrsa-demo:demo\n    token    system:serviceaccount:rrsa-demo:demo-sa\n",
        "Not admitted. The least change adds a value to statement 1:",
        "+            \"system:serviceaccount:rrsa-demo:demo-sa\"",
    ] {
        assert!(shown.stdout.contains(line), "{line}: {}", shown.stdout);
    }
    let whole = run(&stage, &[&words[..], &["-o", "json"]].concat()).await;
    let mended = Stage::set(&world(&whole.json()["Statement"]), "").await;
    let again = run(&mended, &words).await;
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.stdout.contains("Admitted"), "{again:?}");
    let file = stage.file("policy.json", "{\"Statement\": 5}").display().to_string();
    let wrong = run(&stage, &["trust-policy", "sa/demo-sa", "--file", &file]).await;
    assert_eq!(wrong.code, 2, "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_role_lets_in_is_listed_and_what_is_too_broad_is_called_out() {
    let stage = Stage::set(&world(&json!([statement(&json!("system:serviceaccount:*:d*"))])), "").await;
    let shown = run(&stage, &["who-can-assume", "demo-role-for-rrsa"]).await;
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(shown.stdout.contains("rrsa-demo     demo-sa   yes        yes     1"), "{}", shown.stdout);
    assert!(shown.stdout.contains("kube-system   default   yes        no      1"), "{}", shown.stdout);
    assert!(shown.stderr.contains("statement 1 lets in more than one namespace"), "{shown:?}");
    let list = run(&stage, &["who-can-assume", "demo-role-for-rrsa", "-o", "json"]).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 5);
    let keyless = stage.rrsa(&["who-can-assume", "demo-role-for-rrsa"]).await;
    assert_eq!(keyless.code, 3, "{keyless:?}");
    assert!(keyless.stderr.contains("ram:GetRole"), "{keyless:?}");
}

/// A role of another account is not the one of that name in our own.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_another_account_is_not_answered_for() {
    let own = json!([statement(&json!("system:serviceaccount:rrsa-demo:demo-sa"))]);
    let stage = Stage::set(&world(&own), "").await;
    let role = "acs:ram::6543210987654321:role/demo-role-for-rrsa";
    for words in
        [&["who-can-assume", role][..], &["trust-policy", "sa/demo-sa", "-n", "rrsa-demo", "--role", role]]
    {
        let outcome = run(&stage, words).await;
        assert_eq!(outcome.code, 3, "{outcome:?}");
        assert!(outcome.stderr.contains("the role of account 6543210987654321"), "{outcome:?}");
    }
}
