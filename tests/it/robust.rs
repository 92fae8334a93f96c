//! An API server that is slow, that throttles, that answers oddly: something is said, and nothing breaks.

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::{Value, json};

use crate::stage::Stage;

/// What a check of a pod asks the API server: verb and resource or path, and what it says when it gets no answer; nothing
/// where something else tells as much.
const ASKED: [(&str, &str, &str); 12] = [
    ("get", "/version", "/version"),
    ("get", "/.well-known/openid-configuration", ""),
    ("get", "/openid/v1/jwks", ""),
    ("get", "configmaps", ""),
    ("list", "nodes", ""),
    ("list", "mutatingwebhookconfigurations", ""),
    ("get", "namespaces", "get namespaces/rrsa-demo"),
    ("get", "serviceaccounts", "get serviceaccounts in rrsa-demo"),
    ("list", "serviceaccounts", "list serviceaccounts in rrsa-demo"),
    ("list", "pods", "list pods in rrsa-demo"),
    ("create", "pods/exec", "pods/exec"),
    ("create", "serviceaccounts/token", ""),
];

fn spoilt(verb: &str, resource: &str, more: &str) -> String {
    format!(
        "cluster: {{faults: [{{verb: {verb}, resource: {resource}, reason: Timeout, message: slow, {more}}}]}}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_never_answered_is_a_question_mark_and_the_rest_is_judged() {
    let checks = ASKED.map(|(verb, resource, words)| async move {
        let stage = Stage::set(&spoilt(verb, resource, "code: 504, latency_ms: 4000"), "").await;
        let check = ["check", "pod/demo", "-n", "rrsa-demo", "--request-timeout=1s", "-o", "json"];
        let outcome = stage.rrsa(&check).await;
        stage.sandbox.stop().await;
        let name = format!("{verb} {resource}: {outcome:?}");
        // The version is asked first: without it there may be no API server at all.
        if resource == "/version" {
            assert_eq!(outcome.code, 3, "{name}");
            assert!(outcome.stderr.contains("did not answer in time"), "{name}");
            return;
        }
        assert!([0, 3].contains(&outcome.code), "{name}");
        assert!(!outcome.stderr.contains("panicked"), "{name}");
        assert!(outcome.report()["findings"].as_array().unwrap().is_empty(), "{name}");
        assert!(outcome.stdout.contains(words), "{words}: {name}");
    });
    futures_util::future::join_all(checks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_throttles_is_asked_again_when_it_says_so() {
    let once = spoilt("'*'", "'*'", "code: 429, times: 3, retry_after_seconds: 1");
    let stage = Stage::set(&once, "").await;
    let outcome = stage.rrsa(&["check", "pod/demo", "-n", "rrsa-demo", "-v"]).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stderr.contains(" 429 "), "{outcome:?}");
    assert!(!outcome.stdout.contains('?'), "{outcome:?}");
    let always = spoilt("list", "pods", "code: 429, retry_after_seconds: 3600");
    let stage = Stage::set(&always, "").await;
    let outcome = stage.rrsa(&["check", "sa/demo-sa", "-n", "rrsa-demo", "-o", "json"]).await;
    // Whether any of its pods has what it takes was not seen.
    assert_eq!(outcome.code, 3, "{outcome:?}");
    assert!(
        outcome.report()["facts"]["podsUsing"]["unknown"].as_str().unwrap().contains("429"),
        "{outcome:?}"
    );
    let list = stage.rrsa(&["list", "-n", "rrsa-demo"]).await;
    assert_eq!(list.code, 3, "{list:?}");
    assert!(list.stderr.contains("429") || list.stderr.contains("throttl"), "{list:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_issuers_rrsas_must_be_the_first() {
    let rrsa = "https://oidc-ack-cn-hangzhou.oss-cn-hangzhou.aliyuncs.com/c0123456789abcdef0123456789abcdef";
    let world = format!(
        "
issuer: https://issuer.example
ack_issuers: [https://issuer.example, '{rrsa}']
oidc_providers: [{{name: ack-rrsa-c0123456789abcdef0123456789abcdef, issuer: '{rrsa}'}}]
access_keys: [{{id: LTAI5tStoryAccessKeyId, secret: story-access-key-secret}}]
"
    );
    let stage = Stage::set(&world, "").await;
    let mut check = stage.command(
        &crate::stage::built("kubectl-rrsa"),
        &["check", "sa/demo-sa", "-n", "rrsa-demo", "-o", "json"],
    );
    check.env("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI5tStoryAccessKeyId");
    check.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "story-access-key-secret");
    let outcome = stage.run(check).await;
    assert_eq!(outcome.code, 1, "{outcome:?}");
    let report = outcome.report();
    assert_eq!(report["firstBroken"], "RRSA-C05", "{:?}", report["findings"]);
    assert_eq!(report["findings"][0]["expected"], rrsa);
}

/// An API server all of whose objects lack everything that may be lacking.
async fn odd(request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let name = path.rsplit('/').next().unwrap_or_default();
    let list =
        |kind: &str, items: Value| json!({"kind": kind, "apiVersion": "v1", "metadata": {}, "items": items});
    let some = json!([
        {},
        {"metadata": {}},
        {"metadata": {"name": "x"}},
        {"metadata": {"name": "y", "namespace": "odd"}, "spec": {}, "status": {}},
        {"metadata": {"name": "z", "namespace": "odd", "annotations": {"pod-identity.alibabacloud.com/role-name": ""}}},
    ]);
    let body = match name {
        "version" => json!({"major": "", "minor": "", "gitVersion": "", "gitCommit": "", "gitTreeState": "",
            "buildDate": "", "goVersion": "", "compiler": "", "platform": ""}),
        "openid-configuration" | "jwks" => json!({}),
        "pods" => {
            list("PodList", json!([{}, {"metadata": {"name": "x"}}, {"metadata": {"name": "y"}, "spec": {}}]))
        }
        "nodes" => list("NodeList", json!([{}, {"metadata": {}, "spec": {}}])),
        "deployments" => list("DeploymentList", json!([{}, {"spec": {"selector": {}, "template": {}}}])),
        "mutatingwebhookconfigurations" => list(
            "MutatingWebhookConfigurationList",
            json!([{}, {"metadata": {"name": "ack-pod-identity-webhook"}}]),
        ),
        "events" => list("EventList", json!([{"metadata": {}, "involvedObject": {}}])),
        "serviceaccounts" | "namespaces" => list("List", some),
        "ack-cluster-profile" => json!({"kind": "ConfigMap", "apiVersion": "v1"}),
        "odd" => json!({"kind": "Namespace", "apiVersion": "v1"}),
        "z" if path.contains("/pods/") => json!({"kind": "Pod", "apiVersion": "v1"}),
        "z" => json!({"kind": "ServiceAccount", "apiVersion": "v1"}),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    axum::Json(body).into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_lack_fields_are_judged_by_what_they_have() {
    let stage = Stage::set("", "").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, Router::new().fallback(odd)).into_future());
    for command in [
        &["status"][..],
        &["list", "-A", "--all"],
        &["list", "-A", "--stale"],
        &["check", "sa/z"],
        &["check", "pod/z"],
        &["check", "-A"],
        &["describe", "pod/z"],
        &["describe", "sa/z"],
    ] {
        let at = [command, &["-n", "odd", "--server", &server]].concat();
        let at: Vec<_> = at
            .into_iter()
            .filter(|word| !(command.contains(&"-A") && ["-n", "odd"].contains(word)))
            .collect();
        let outcome = stage.rrsa(&at).await;
        assert!((0..=3).contains(&outcome.code), "{command:?} {outcome:?}");
        assert!(!outcome.stderr.contains("panicked"), "{command:?} {outcome:?}");
        assert!(!outcome.stdout.contains("Healthy"), "{command:?} {outcome:?}");
        assert!(outcome.code == 0 || !(outcome.stdout + &outcome.stderr).trim().is_empty(), "{command:?}");
    }
}

/// A first page may be too old as well, when it is taken from a cache: it is asked for again.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_gone_is_asked_for_again_from_the_first() {
    let world = "cluster: {faults: [{verb: list, resource: pods, code: 410, reason: Expired, message: too old, times: 1}]}";
    for command in [&["list", "-A"][..], &["check", "sa/demo-sa", "-n", "rrsa-demo"]] {
        let stage = Stage::set(world, "").await;
        let outcome = stage.rrsa(command).await;
        assert_eq!(outcome.code, 0, "{outcome:?}");
        assert!(!outcome.stdout.contains('?'), "{outcome:?}");
    }
}

/// Of the webhook both halves decide: what the API server was told, and whether somebody answers.
#[tokio::test(flavor = "multi_thread")]
async fn half_a_webhook_is_not_good() {
    let all = "[namespaces, serviceaccounts, pods, configmaps, nodes, serviceaccounts/token, events]";
    for (seen, hidden) in [
        ("mutatingwebhookconfigurations", "list deployments in kube-system"),
        ("deployments", "list mutatingwebhookconfigurations"),
    ] {
        let world = format!(
            "cluster: {{rbac: [{{user: half, rules: [{{verbs: ['*'], resources: {all}}},
            {{verbs: [list], resources: [{seen}]}}, {{verbs: [get], resources: ['*'], non_resource_urls: ['*']}}]}}]}}"
        );
        // Nothing runs yet, so that all depends on what the webhook will do.
        let demo = include_str!("../manifests/rrsa-demo.yaml");
        let (without_pod, _) = demo.split_once("---\n# The pod says").unwrap();
        let stage = Stage::set(&world, without_pod).await;
        let outcome = stage.rrsa(&["check", "sa/demo-sa", "-n", "rrsa-demo", "--as", "half"]).await;
        assert_eq!(outcome.code, 3, "{seen}: {outcome:?}");
        assert!(outcome.stdout.replace("\n", " ").contains(hidden), "{seen}: {outcome:?}");
        assert!(!outcome.stdout.contains("✓ webhook"), "{seen}: {outcome:?}");
    }
}

/// What keeps a rule from being judged of one of its pods is told of a ServiceAccount too, with what to grant.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_seen_of_the_pods_is_not_seen_of_their_account() {
    let demo = include_str!("../manifests/rrsa-demo.yaml");
    let missed = demo.replace(
        "kind: Pod\nmetadata:\n",
        "kind: Pod\nmetadata:\n  annotations: {sandbox.rrsa/admission: skip}\n",
    );
    assert_ne!(missed, demo);
    let all = [
        "pods",
        "cronjobs",
        "namespaces",
        "serviceaccounts",
        "events",
        "configmaps",
        "nodes",
        "deployments",
        "mutatingwebhookconfigurations",
    ];
    for (manifest, hidden, code, rule) in [
        (demo, "cronjobs", 3, "RRSA-P12"),
        (missed.as_str(), "events", 1, "RRSA-W03"),
        (missed.as_str(), "namespaces", 1, "RRSA-N01"),
    ] {
        let seen: Vec<_> = all.into_iter().filter(|resource| *resource != hidden).collect();
        let world = format!(
            "cluster: {{rbac: [{{user: half, rules: [{{verbs: [get, list], resources: [{}], non_resource_urls: ['*']}},
            {{verbs: [create], resources: [serviceaccounts/token]}}]}}]}}",
            seen.join(", ")
        );
        let stage = Stage::set(&world, manifest).await;
        let words = ["check", "sa/demo-sa", "-n", "rrsa-demo", "--as", "half"];
        let outcome = stage.rrsa(&[&words[..], &["-o", "json"]].concat()).await;
        assert_eq!(outcome.code, code, "{hidden}: {outcome:?}");
        let skipped = outcome.report()["skipped"].clone();
        let skipped = skipped.as_array().unwrap().iter().find(|one| one["rule"] == rule);
        let skipped = skipped.unwrap_or_else(|| panic!("{hidden}: {outcome:?}"));
        assert_eq!(skipped["because"], "RRSA-A01", "{skipped}");
        assert!(skipped["grant"].to_string().contains(hidden), "{skipped}");
        let shown = stage.rrsa(&words).await.stdout;
        // Nobody is told to make a pod anew for what may be wrong with its namespace.
        assert!(hidden != "namespaces" || !shown.contains("--force"), "{shown}");
    }
}

/// A webhook that nobody answers for is no good link, though what runs was injected before.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_away_warns_whoever_will_need_it() {
    let demo = include_str!("../manifests/rrsa-demo.yaml");
    let away = "---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ack-pod-identity-webhook, namespace: kube-system}
spec:
  replicas: 2
  template: {spec: {containers: [{name: w, image: 'registry.example/acs/ack-pod-identity-webhook:v0.4.2'}]}}
status: {replicas: 2, readyReplicas: 0}
";
    let stage = Stage::set("", &format!("{demo}{away}")).await;
    for subject in ["sa/demo-sa", "pod/demo"] {
        let outcome = stage.rrsa(&["check", subject, "-n", "rrsa-demo"]).await;
        assert_eq!(outcome.code, 0, "{outcome:?}");
        assert!(outcome.stdout.contains("! webhook        RRSA-W02"), "{outcome:?}");
    }
}
