//! A check in a pipeline: formats, what fails a run, what is known already, waiting until it is healthy.

use crate::stage::Stage;

async fn stage() -> Stage {
    let demo = include_str!("../manifests/rrsa-demo.yaml");
    let workloads = include_str!("../manifests/workloads.yaml");
    Stage::set("", &format!("{demo}---\n{workloads}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn junit_has_a_suite_a_subject_and_a_case_a_link() {
    let stage = stage().await;
    let outcome = stage.rrsa(&["check", "-A", "-o", "junit"]).await;
    assert_eq!(outcome.code, 1, "{outcome:?}");
    for (words, count) in [("<testsuite ", 2), ("<testcase ", 20), ("<failure ", 2), ("</testsuites>", 1)] {
        assert_eq!(outcome.stdout.matches(words).count(), count, "{words}\n{}", outcome.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sarif_has_every_rule_and_a_result_a_finding() {
    let stage = stage().await;
    let document = stage.rrsa(&["check", "-A", "-o", "sarif"]).await.json();
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["note", "warning", "error"].contains(&result["level"].as_str().unwrap()));
    }
    assert!(run["results"].as_array().unwrap().iter().any(|result| result["ruleId"] == "RRSA-N01"));
}

/// What could not be looked at is no suite that passes.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_checked_is_in_every_document() {
    let manifests =
        [include_str!("../manifests/rrsa-demo.yaml"), include_str!("../manifests/workloads.yaml")];
    let world = |code: u16, reason: &str| {
        format!(
            "cluster: {{faults: [{{verb: get, resource: pods, name: once-x7k2p, code: {code}, reason: {reason}, \
             message: 'no'}}]}}"
        )
    };
    let stage = Stage::set(&world(403, "Forbidden"), &manifests.join("---\n")).await;
    let run = async |more: &[&str]| stage.rrsa(&[&["check", "pod", "-n", "rrsa-demo"], more].concat()).await;
    let told = run(&[]).await;
    assert_eq!(told.code, 3, "{told:?}");
    assert!(told.stderr.contains("pod/once-x7k2p in namespace rrsa-demo: "), "{told:?}");
    let json = run(&["-o", "json"]).await.json();
    assert_eq!(json["notChecked"].as_array().map(Vec::len), Some(1), "{json}");
    let junit = run(&["-o", "junit"]).await.stdout;
    assert!(junit.contains("errors=\"1\"") && junit.contains("<error message=\"pod/once-x7k2p"), "{junit}");
    let invocation = run(&["-o", "sarif"]).await.json()["runs"][0]["invocations"][0].clone();
    assert_eq!(invocation["executionSuccessful"], false, "{invocation}");
    let described = stage.rrsa(&["describe", "pod", "-n", "rrsa-demo"]).await;
    assert_eq!(described.code, 3, "{described:?}");
    // Nobody has named what went away meanwhile.
    let stage = Stage::set(&world(404, "NotFound"), &manifests.join("---\n")).await;
    let gone = stage.rrsa(&["check", "pod", "-n", "rrsa-demo"]).await;
    assert_eq!(gone.code, 0, "{gone:?}");
    assert!(gone.stderr.contains("1 of 3 went away meanwhile"), "{gone:?}");
}

/// Where ServiceAccounts may not be seen nobody knows whether RRSA concerns a workload that says nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_rrsa_may_not_concern_is_not_broken() {
    let plain = "apiVersion: v1\nkind: Namespace\nmetadata: {name: plain}\n---\napiVersion: v1\nkind: ServiceAccount\n\
                 metadata: {name: plain, namespace: plain}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: \
                 plain}\nspec: {serviceAccountName: plain, containers: [{name: c, image: x}]}\n";
    let world = "cluster: {faults: [{verb: '*', resource: serviceaccounts, code: 403, reason: Forbidden, message: 'no'}]}";
    let stage = Stage::set(world, plain).await;
    let outcome = stage.rrsa(&["check", "pod", "-n", "plain"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (3, ""), "{outcome:?}");
    for words in
        ["whether RRSA concerns pod/p in namespace plain is not seen", "get serviceaccounts in plain"]
    {
        assert!(outcome.stderr.contains(words), "{words}: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_baseline_knows_does_not_fail_a_run() {
    let stage = stage().await;
    let first = stage.rrsa(&["check", "-A", "-o", "json"]).await;
    assert_eq!(first.code, 1, "{first:?}");
    let baseline = stage.file("baseline.json", &first.stdout);
    let baseline = baseline.to_str().unwrap();
    let second = stage.rrsa(&["check", "-A", "--baseline", baseline]).await;
    assert_eq!(second.code, 0, "{second:?}");
    let elsewhere = stage.rrsa(&["check", "sa/default", "-n", "rrsa-demo", "--baseline", baseline]).await;
    assert_eq!(elsewhere.code, 1, "a finding of another ServiceAccount is new: {elsewhere:?}");
    let broken = stage.rrsa(&["check", "-A", "--baseline", "/no/such/file"]).await;
    assert_eq!(broken.code, 2, "{broken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_fails_a_run_that_says_so() {
    let manifest = include_str!("../manifests/rrsa-demo.yaml").replace(
        "    pod-identity.alibabacloud.com/role-name:",
        "    pod-identity.alibabacloud.com/service-account-token-expiration: 2h\n    \
         pod-identity.alibabacloud.com/role-name:",
    );
    let stage = Stage::set("", &manifest).await;
    let check = ["check", "pod/demo", "-n", "rrsa-demo"];
    assert_eq!(stage.rrsa(&check).await.code, 0);
    assert_eq!(stage.rrsa(&[&check[..], &["--fail-on=warning"]].concat()).await.code, 1);
    // What fails the run is a failure in the file that is shown for it.
    for (more, failures) in [(&["-o", "junit"][..], 0), (&["-o", "junit", "--fail-on=warning"], 1)] {
        let shown = stage.rrsa(&[&check[..], more].concat()).await.stdout;
        assert_eq!(shown.matches("<failure").count(), failures, "{shown}");
        assert!(shown.contains(&format!("failures=\"{failures}\"")), "{shown}");
    }
}

/// What could not be told, and what could not be looked at, is no green document.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_says_what_is_not_known() {
    let stage = Stage::demo().await;
    let untold = ["check", "sa/demo-sa", "-n", "rrsa-demo", "--live=none"];
    let absent = ["check", "deploy/nope", "-n", "rrsa-demo"];
    for (check, code) in [(&untold[..], 3), (&absent[..], 2)] {
        let junit = stage.rrsa(&[check, &["-o", "junit"]].concat()).await;
        assert_eq!(junit.code, code, "{junit:?}");
        assert!(junit.stdout.contains("errors=\"1\"") && junit.stdout.contains("<error "), "{junit:?}");
        let sarif = stage.rrsa(&[check, &["-o", "sarif"]].concat()).await;
        assert_eq!(sarif.code, code, "{sarif:?}");
        let document: serde_json::Value = serde_json::from_str(&sarif.stdout).unwrap();
        assert_eq!(document["runs"][0]["invocations"][0]["executionSuccessful"], false, "{sarif:?}");
    }
    let json = stage.rrsa(&[&absent[..], &["-o", "json"]].concat()).await.report();
    let said = json["notChecked"][0]["message"].as_str().unwrap_or_default();
    assert_eq!(said, "there is no deployment nope in namespace rrsa-demo", "{json}");
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_ends_when_all_is_healthy() {
    // STS refuses twice: more than one look is needed, for a refusal is not tried again within one.
    let fault = "faults: [{api: AssumeRoleWithOIDC, code: AuthenticationFail.NoPermission, times: 2}]";
    let stage = Stage::set(fault, "").await;
    let outcome =
        stage.rrsa(&["check", "sa/demo-sa", "-n", "rrsa-demo", "--watch", "--timeout", "60s"]).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(
        outcome.stderr.matches("waiting for rrsa-demo/sa/demo-sa: RRSA-X01").count(),
        2,
        "{outcome:?}"
    );
    assert!(outcome.stdout.contains("Healthy"), "{outcome:?}");
}

/// What is not there yet, and a server that is away for a moment, are waited for; what was typed wrong is not.
#[tokio::test(flavor = "multi_thread")]
async fn what_may_come_is_waited_for() {
    let away = "cluster: {faults: [{verb: list, resource: deployments, code: 503, reason: ServiceUnavailable, message: away, times: 2},
        {verb: get, resource: pods, code: 404, reason: NotFound, message: none, times: 1}]}";
    let stage = Stage::set(away, "").await;
    let wait = ["--watch", "--timeout", "60s"];
    let outcome = stage.rrsa(&[&["check", "pod/demo", "-n", "rrsa-demo"][..], &wait].concat()).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("waiting: there is no pod demo"), "{outcome:?}");
    let slip = stage.rrsa(&[&["check", "pod/demo", "--context", "nowhere"][..], &wait].concat()).await;
    assert_eq!(slip.code, 2, "{slip:?}");
}

/// What is known of one workload excuses no other, and no other trouble of the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_baseline_excuses_what_it_has_seen_and_nothing_else() {
    let pod = |name: &str, owner: &str| {
        format!(
            "---
apiVersion: v1
kind: Pod
metadata:
  name: {owner}-5d8f-{name}
  namespace: rrsa-demo
  annotations: {{sandbox.rrsa/admission: skip}}
  labels: {{app: {owner}, pod-template-hash: 5d8f}}
  ownerReferences: [{{apiVersion: apps/v1, kind: ReplicaSet, name: {owner}-5d8f, uid: u, controller: true}}]
spec: {{serviceAccountName: demo-sa, containers: [{{name: app, image: app}}]}}
"
        )
    };
    let demo = include_str!("../manifests/rrsa-demo.yaml");
    let check = ["check", "pods", "-n", "rrsa-demo"];
    let before = Stage::set("", &[demo, &pod("aaaaa", "web")].concat()).await;
    let first = before.rrsa(&[&check[..], &["-o", "json"]].concat()).await;
    assert_eq!(first.code, 1, "{first:?}");
    for (later, code) in [
        // The same Deployment, another of its pods.
        (pod("bbbbb", "web"), 0),
        (pod("aaaaa", "api"), 1),
        (
            pod("aaaaa", "web").replace(
                "name: app, image: app",
                "name: app, image: app, env: [{name: ALIBABA_CLOUD_ACCESS_KEY_ID, value: x}, {name: ALIBABA_CLOUD_ACCESS_KEY_SECRET, value: x}]",
            ),
            1,
        ),
    ] {
        let stage = Stage::set("", &[demo, &later].concat()).await;
        let baseline = stage.file("baseline.json", &first.stdout);
        let gated = [&check[..], &["--baseline", baseline.to_str().unwrap()]].concat();
        let outcome = stage.rrsa(&gated).await;
        assert_eq!(outcome.code, code, "{later}: {outcome:?}");
        // A report for machines fails what is new, as the run does.
        let junit = stage.rrsa(&[&gated[..], &["-o", "junit"]].concat()).await;
        assert_eq!(junit.stdout.contains("<failure "), code == 1, "{later}: {junit:?}");
        let sarif = stage.rrsa(&[&gated[..], &["-o", "sarif"]].concat()).await.json();
        let states = sarif["runs"][0]["results"].as_array().unwrap().iter().map(|one| &one["baselineState"]);
        assert_eq!(states.into_iter().any(|state| state == "new"), code == 1, "{later}");
    }
}

/// A wait is as long as it was asked to be.
#[tokio::test(flavor = "multi_thread")]
async fn a_wait_lasts_until_its_timeout() {
    let stage = stage().await;
    let start = tokio::time::Instant::now();
    let outcome = stage.rrsa(&["check", "sa/other", "-n", "default", "--watch", "--timeout", "2s"]).await;
    assert_eq!(outcome.code, 1, "{outcome:?}");
    assert!(start.elapsed() >= std::time::Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(outcome.stderr.matches("waiting for default/sa/other").count(), 1, "{outcome:?}");
    // Without a wait it would mean nothing.
    let outcome = stage.rrsa(&["check", "sa/other", "-n", "default", "--timeout", "2s"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
    assert!(outcome.stderr.contains("--watch"), "{outcome:?}");
}
