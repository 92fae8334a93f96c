//! Manifests and policies in files, without any cluster.

use std::process::{Command, Stdio};

use crate::stage::{Stage, built};

#[tokio::test(flavor = "multi_thread")]
async fn the_guides_manifest_is_clean_and_a_slip_in_it_is_found() {
    let stage = Stage::demo().await;
    let demo = include_str!("../manifests/rrsa-demo.yaml");
    let clean = stage.file("demo.yaml", demo).display().to_string();
    let slipped = demo.replace("role-name: demo-role-for-rrsa", "role-name: acs:ram::1:role/demo");
    let slipped = stage.file("slipped.yaml", &slipped).display().to_string();
    // Nothing is connected to: there is no kubeconfig.
    let lint = |words: &[&str]| {
        let mut command = Command::new(built("kubectl-rrsa"));
        command.args(["check"]).args(words).env_clear().stdin(Stdio::null());
        stage.run(command)
    };
    let outcome = lint(&["-f", &clean]).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stdout.contains("Clean: nothing wrong stands in the files"), "{outcome:?}");
    assert!(!outcome.stdout.contains("✓ exchange"), "what was not tried is not good");
    let outcome = lint(&["-f", &slipped, "-f", &clean, "-o", "json"]).await;
    assert_eq!(outcome.code, 1, "{outcome:?}");
    assert_eq!(outcome.report()["items"][0]["findings"][0]["rule"], "RRSA-S04");
    for (words, says) in [
        (vec!["-f", "/nowhere.yaml"], "/nowhere.yaml cannot be read"),
        (vec!["-f", &clean, "sa/demo"], "cannot be used with"),
        (vec!["--policy", "p.json", "sa/x"], "--filename"),
    ] {
        let outcome = lint(&words).await;
        assert_eq!(outcome.code, 2, "{outcome:?}");
        assert!(outcome.stderr.contains(says), "{outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_in_a_file_is_held_against_the_manifest() {
    let stage = Stage::demo().await;
    let manifest = stage.file("demo.yaml", include_str!("../manifests/rrsa-demo.yaml")).display().to_string();
    for (subject, code) in [("rrsa-demo:demo-sa", 0), ("rrsa-demo:demo", 1)] {
        let policy = format!(
            r#"{{"Version": "1", "Statement": [{{"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {{"Federated": ["acs:ram::1234567890123456:oidc-provider/ack-rrsa-c1"]}},
            "Condition": {{"StringEquals": {{"oidc:aud": "sts.aliyuncs.com", "oidc:iss": "https://issuer.example",
            "oidc:sub": "system:serviceaccount:{subject}"}}}}}}]}}"#
        );
        let policy = stage.file("policy.json", &policy).display().to_string();
        let outcome = stage.rrsa(&["check", "-f", &manifest, "--policy", &policy, "-o", "json"]).await;
        assert_eq!(outcome.code, code, "{outcome:?}");
        if code == 1 {
            assert_eq!(outcome.report()["items"][0]["findings"][0]["rule"], "RRSA-R05");
        }
    }
}
