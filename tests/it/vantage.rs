//! The exchange from inside the cluster: in the pod, beside it, and what the difference means.

use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::stage::{Outcome, Stage, built};

const DEMO: &str = include_str!("../manifests/rrsa-demo.yaml");

/// The demo, with an annotation on its namespace that breaks the way out.
async fn broken_egress(how: &str) -> Stage {
    let annotated = DEMO.replacen(
        "name: rrsa-demo\n",
        &format!("name: rrsa-demo\n  annotations: {{sandbox.rrsa/egress: {how}}}\n"),
        1,
    );
    assert_ne!(annotated, DEMO);
    Stage::set("", &annotated).await
}

async fn check(stage: &Stage, subject: &str, live: &str, more: &[&str]) -> Outcome {
    // The helper runs in the sandbox's pods.
    assert!(built("rrsa-exec-credential").is_file());
    let live = format!("--live={live}");
    let words = ["check", subject, "-n", "rrsa-demo", &live, "--probe-image", "probe:1"];
    stage.rrsa(&[&words, more].concat()).await
}

/// Names of the pods that there are.
async fn pods(stage: &Stage) -> Vec<String> {
    let list = stage.sandbox.objects("pods", "rrsa-demo");
    list.iter().map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

fn rules(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_lived_pod_proves_the_chain_and_is_gone_afterwards() {
    let stage = Stage::demo().await;
    for subject in ["pod/demo", "sa/demo-sa"] {
        let outcome = check(&stage, subject, "pod", &["--imds", "-o", "json"]).await;
        let report = outcome.report();
        assert_eq!(report["conclusion"], "healthy", "{outcome:?}");
        assert_eq!(report["facts"]["token"]["value"]["source"], "beside");
        assert_eq!(report["facts"]["vantage"]["value"]["metadataService"]["value"], true);
        assert_eq!(rules(&report), ["RRSA-E11"], "the sandbox's metadata service answers");
        assert_eq!(pods(&stage).await, ["demo"]);
    }
}

/// A workload without pods is probed as its template would be made: its label asks the webhook, its selector chooses the node.
#[tokio::test(flavor = "multi_thread")]
async fn a_workload_without_pods_is_probed_by_its_template() {
    let cronjob = "
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: rrsa-demo}
spec:
  schedule: 0 3 * * *
  jobTemplate:
    spec:
      template:
        metadata: {labels: {pod-identity.alibabacloud.com/injection: 'on'}}
        spec:
          serviceAccountName: demo-sa
          nodeSelector: {disk: ssd}
          containers: [{name: app, image: app}]
";
    let unlabelled = DEMO.replacen("pod-identity.alibabacloud.com/injection", "example.com/injection", 1);
    assert_ne!(unlabelled, DEMO);
    let stage = Stage::set("", &(unlabelled + cronjob)).await;
    let outcome = check(&stage, "cronjob/nightly", "pod", &["-o", "json"]).await;
    let report = outcome.report();
    assert_eq!(report["conclusion"], "healthy", "{outcome:?}");
    assert_eq!(report["facts"]["token"]["value"]["source"], "beside");
}

/// An ephemeral container stays, and so none is added again and again.
#[tokio::test(flavor = "multi_thread")]
async fn what_stays_is_not_added_again_and_again() {
    let stage = Stage::demo().await;
    let outcome = check(&stage, "pod/demo", "ephemeral", &["--watch"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
    let pod = &stage.sandbox.objects("pods", "rrsa-demo")[0];
    assert_eq!(pod["spec"]["ephemeralContainers"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ephemeral_container_proves_the_chain_and_says_that_it_stays() {
    let stage = Stage::demo().await;
    let outcome = check(&stage, "pod/demo", "ephemeral", &[]).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("stays in its spec until the pod ends"), "{outcome:?}");
    let pod = stage.sandbox.objects("pods", "rrsa-demo").remove(0);
    let added = &pod["spec"]["ephemeralContainers"][0];
    assert_eq!(added["command"], serde_json::json!(["rrsa-exec-credential", "probe"]));
    let account = check(&stage, "sa/demo-sa", "ephemeral", &[]).await;
    assert_eq!(account.code, 2, "{account:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn egress_that_is_blocked_is_told_from_an_identity_that_is_wrong() {
    for (how, rule) in [("blocked", "RRSA-E02"), ("unresolved", "RRSA-E01")] {
        let stage = broken_egress(how).await;
        for live in ["ephemeral", "pod"] {
            let outcome = check(&stage, "pod/demo", live, &["-o", "json"]).await;
            assert_eq!(outcome.code, 1, "{outcome:?}");
            let report = outcome.report();
            assert_eq!(rules(&report), [rule]);
            let remedy = report["findings"][0]["remedy"].as_str().unwrap();
            assert!(
                remedy.contains("the identity is fine: the same exchange from this machine is granted"),
                "{remedy}"
            );
        }
        let from_here = stage.rrsa(&["check", "pod/demo", "-n", "rrsa-demo"]).await;
        assert_eq!(from_here.code, 0, "{from_here:?}");
        assert_eq!(pods(&stage).await, ["demo"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_pulled_leaves_no_pod_and_no_verdict() {
    let stage = Stage::demo().await;
    let words = ["check", "sa/demo-sa", "-n", "rrsa-demo", "--live=pod", "--probe-image", "probe:absent"];
    let outcome = stage.rrsa(&words).await;
    assert_eq!(outcome.code, 3, "{outcome:?}");
    assert!(outcome.stdout.contains("the probe's container does not start: ErrImagePull"), "{outcome:?}");
    assert_eq!(pods(&stage).await, ["demo"]);
    let unnamed = stage.rrsa(&["check", "sa/demo-sa", "-n", "rrsa-demo", "--live=pod"]).await;
    assert_eq!(unnamed.code, 2, "{unnamed:?}");
    assert!(unnamed.stderr.contains("RRSA_PROBE_IMAGE"), "{unnamed:?}");
}

/// What a check does that gets a signal once its probe's pod is there; it ends soon.
#[cfg(unix)]
async fn interrupted(stage: &Stage, words: &[&str], signal: &str) -> Output {
    let mut command = stage.command(&built("kubectl-rrsa"), words);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if pods(stage).await.len() == 2 {
            break;
        }
    }
    assert_eq!(pods(stage).await.len(), 2, "the probe's pod is there");
    let kill = std::process::Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let ended = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap());
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("it ends").unwrap()
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn whoever_interrupts_a_check_finds_no_pod_left() {
    let stage = Stage::demo().await;
    for signal in ["INT", "TERM"] {
        let words = ["check", "sa/demo-sa", "-n", "rrsa-demo", "--live=pod", "--probe-image", "probe:hang"];
        let output = interrupted(&stage, &words, signal).await;
        let shown = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(3), "{shown}");
        assert!(shown.contains("no probe: interrupted"), "{shown}");
        assert_eq!(pods(&stage).await, ["demo"]);
    }
}

/// After an interrupt nothing more is begun: neither the next subject nor, with --watch, the next look.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_a_check_of_many_and_a_watch() {
    let account = |name: &str| {
        format!(
            "---\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {name}\n  namespace: rrsa-demo\n  annotations:\n    \
             pod-identity.alibabacloud.com/role-name: demo-role-for-rrsa\n"
        )
    };
    let manifests = format!("{DEMO}{}", ["a", "b", "c"].map(account).concat());
    let stage = Stage::set("", &manifests).await;
    let probe = ["--live=pod", "--probe-image", "probe:hang"];
    let many = [&["check", "-A", "--parallel", "1"][..], &probe].concat();
    let watch = [&["check", "sa/demo-sa", "-n", "rrsa-demo", "-w", "--timeout", "60s"][..], &probe].concat();
    for (words, told) in [(many, "were not checked"), (watch, "")] {
        let output = interrupted(&stage, &words, "INT").await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(told), "{said}");
        assert_eq!(pods(&stage).await, ["demo"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_without_programs_leaves_the_token_unseen_and_the_identity_proven() {
    let bare = DEMO.replacen(
        "kind: Pod\nmetadata:\n",
        "kind: Pod\nmetadata:\n  annotations: {sandbox.rrsa/no-coreutils: 'true'}\n",
        1,
    );
    assert_ne!(bare, DEMO);
    let stage = Stage::set("", &bare).await;
    let outcome = stage.rrsa(&["check", "pod/demo", "-n", "rrsa-demo", "-o", "json"]).await;
    assert_eq!(outcome.code, 3, "{outcome:?}");
    let facts = &outcome.report()["facts"];
    assert_eq!(facts["token"]["value"]["source"], "tokenRequest");
    assert!(facts["tokenInstead"].as_str().unwrap().contains("the token file could not be read"), "{facts}");
    let shown = stage.rrsa(&["check", "pod/demo", "-n", "rrsa-demo"]).await.stdout;
    for words in
        ["? token", "✓ identity", "the identity is proven, but by a token of the API", "--live=token"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let asked = stage.rrsa(&["check", "pod/demo", "-n", "rrsa-demo", "--live=token"]).await;
    assert_eq!(asked.code, 0, "{asked:?}");
}

/// A server that is away for a moment keeps no pod that is to go, and costs no report.
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_cannot_be_deleted_at_once_is_deleted_the_next_time() {
    let world = "cluster: {faults: [{verb: delete, resource: pods, code: 503, reason: ServiceUnavailable, message: away, times: 1}]}";
    let stage = Stage::set(world, "").await;
    let outcome = check(&stage, "sa/demo-sa", "pod", &[]).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(pods(&stage).await, ["demo"]);
}

/// The time of --timeout is up for the probe as well; and what was never made is not said to be left.
#[tokio::test(flavor = "multi_thread")]
async fn a_probe_ends_with_the_time_of_the_watch_and_none_is_left_that_never_was() {
    let world = "cluster: {rbac: [{user: half, rules: [{verbs: [get, list], resources: ['*'], non_resource_urls: ['*']},
        {verbs: [create], resources: [serviceaccounts/token]}]}]}";
    let stage = Stage::set(world, DEMO).await;
    let check = ["check", "sa/demo-sa", "-n", "rrsa-demo", "--live=pod", "--probe-image", "probe:hang"];
    let start = tokio::time::Instant::now();
    let outcome = stage.rrsa(&[&check[..], &["-w", "--timeout", "3s"]].concat()).await;
    assert!(start.elapsed().as_secs() < 30, "{outcome:?}");
    assert_eq!(outcome.code, 3, "{outcome:?}");
    assert!(outcome.stdout.contains("no probe: the time of --timeout is up"), "{outcome:?}");
    assert_eq!(pods(&stage).await, ["demo"]);
    let forbidden = stage.rrsa(&[&check[..], &["--as", "half"]].concat()).await;
    assert_eq!(forbidden.code, 3, "{forbidden:?}");
    assert!(!forbidden.stderr.contains("is left"), "{forbidden:?}");
    let grant = "resources: [pods], verbs: [create, get, delete]} in namespace rrsa-demo";
    assert!(forbidden.stdout.contains(grant), "{forbidden:?}");
}
