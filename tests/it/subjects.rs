//! What a check can be about: workloads, several subjects at once, all of a kind.

use serde_json::Value;

use crate::stage::Stage;

async fn stage() -> Stage {
    let demo = include_str!("../manifests/rrsa-demo.yaml");
    let workloads = include_str!("../manifests/workloads.yaml");
    Stage::set("", &format!("{demo}---\n{workloads}")).await
}

fn told(list: &Value) -> Vec<(String, String)> {
    assert_eq!(list["kind"], "List");
    let items = list["items"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    items.map(|item| (text(&item["facts"]["serviceAccountName"]), text(&item["conclusion"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_is_checked_by_its_pod_or_else_by_its_template() {
    let stage = stage().await;
    let outcome = stage.rrsa(&["check", "deploy/demo", "sts/empty", "-n", "rrsa-demo"]).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let lines: Vec<_> = outcome.stdout.lines().collect();
    assert!(
        lines[0].starts_with("✓ deployment/demo: pod/demo-5d8f-x2x2x in namespace rrsa-demo:"),
        "{outcome:?}"
    );
    let second =
        lines.iter().position(|line| line.starts_with("✓ pod template of statefulset/empty in namespace"));
    assert!(second.is_some(), "{outcome:?}");
    assert_eq!(lines.last(), Some(&"2 checked: 2 healthy, 0 broken, 0 could not be told."));
    let batch = stage.rrsa(&["check", "job/once", "cj/nightly", "-n", "rrsa-demo", "-o", "json"]).await;
    assert_eq!(batch.code, 3, "{batch:?}");
    let list = batch.json();
    let [ended, none] = list["items"].as_array().unwrap().as_slice() else { panic!("{list}") };
    assert_eq!(ended["facts"]["subject"]["pod"], "once-x7k2p");
    assert_eq!(ended["facts"]["askedAs"], "job/once");
    // What has ended has no file to read, and that somebody else's token is taken does not say that its own was.
    assert_eq!(ended["conclusion"], "unknown");
    assert!(ended["facts"]["tokenInstead"].as_str().unwrap().contains("Succeeded"), "{ended}");
    assert_eq!(none["facts"]["askedAs"], "cronjob/nightly");
    assert_eq!(none["facts"]["subject"]["template"], "cronjob/nightly");
    assert_eq!(none["conclusion"], "healthy");
    let asked = stage.rrsa(&["check", "job/once", "-n", "rrsa-demo", "--live=token"]).await;
    assert_eq!(asked.code, 0, "{asked:?}");
}

/// A workload without pods is judged by what it would make, as `-f` judges it; other pods of its ServiceAccount do not
/// stand in for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_template_is_judged_before_there_is_a_pod() {
    let container = |more: &str| {
        format!(
            "
apiVersion: batch/v1
kind: CronJob
metadata: {{name: odd, namespace: rrsa-demo}}
spec: {{schedule: 0 3 * * *, jobTemplate: {{spec: {{template: {{spec: {{serviceAccountName: demo-sa,
  containers: [{{name: c, image: i, env: [{more}]}}]}}}}}}}}}}
"
        )
    };
    for (variables, rule) in [
        (
            "{name: ALIBABA_CLOUD_ACCESS_KEY_ID, value: LTAI}, {name: ALIBABA_CLOUD_ACCESS_KEY_SECRET, value: x}",
            "RRSA-K02",
        ),
        ("{name: ALIBABA_CLOUD_ROLE_ARN, value: 'acs:ram::<uid>:role/x'}", "RRSA-P09"),
    ] {
        let odd = container(variables);
        let manifests = format!("{}---{odd}", include_str!("../manifests/rrsa-demo.yaml"));
        let stage = Stage::set("", &manifests).await;
        let live = stage.rrsa(&["check", "cronjob/odd", "-n", "rrsa-demo", "-o", "json"]).await;
        assert_eq!(live.code, 1, "{live:?}");
        assert_eq!(live.report()["findings"][0]["rule"], rule, "{live:?}");
        let file = stage.file("odd.yaml", &manifests);
        let offline = stage.rrsa(&["check", "-f", file.to_str().unwrap(), "-o", "json"]).await;
        assert!(offline.stdout.contains(rule), "{offline:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_service_account_with_a_role_is_checked_and_one_broken_is_enough() {
    let stage = stage().await;
    let outcome = stage.rrsa(&["check", "-A", "-o", "json"]).await;
    assert_eq!(outcome.code, 1, "{outcome:?}");
    let expected = [("other", "broken"), ("demo-sa", "healthy")];
    assert_eq!(told(&outcome.report()), expected.map(|(name, told)| (name.to_owned(), told.to_owned())));
}

/// Its ServiceAccount is in order, another workload of it runs; the one pod has its token elsewhere, and the other workload
/// was never reached.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_everything_looks_at_how_each_workload_is_wired() {
    let pod = |namespace: &str, name: &str, more: &str| {
        format!(
            "---
apiVersion: v1
kind: Pod
metadata: {{name: {name}-5d8f-1, namespace: {namespace}, labels: {{pod-template-hash: 5d8f}}, annotations: {{sandbox.rrsa/admission: skip}},
  ownerReferences: [{{apiVersion: apps/v1, kind: ReplicaSet, name: {name}-5d8f, uid: u-{name}, controller: true}}]}}
spec: {more}
"
        )
    };
    let wired = |account: &str, file: &str| {
        format!(
            "{{serviceAccountName: {account}, containers: [{{name: app, image: i, volumeMounts: [{{name: t, mountPath: /t}}], env: [
  {{name: ALIBABA_CLOUD_ROLE_ARN, value: 'acs:ram::1234567890123456:role/demo-role-for-rrsa'}},
  {{name: ALIBABA_CLOUD_OIDC_PROVIDER_ARN, value: 'acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0123456789abcdef0123456789abcdef'}},
  {{name: ALIBABA_CLOUD_OIDC_TOKEN_FILE, value: {file}}}]}}],
  volumes: [{{name: t, projected: {{sources: [{{serviceAccountToken: {{audience: sts.aliyuncs.com, path: token, expirationSeconds: 3600}}}}]}}}}]}}"
        )
    };
    let manifests = [
        include_str!("../manifests/rrsa-demo.yaml").to_owned(),
        pod("rrsa-demo", "good", &wired("demo-sa", "/t/token")),
        pod("rrsa-demo", "astray", &wired("demo-sa", "/elsewhere/token")),
        pod("rrsa-demo", "forgotten", "{serviceAccountName: demo-sa, containers: [{name: app, image: i}]}"),
        "---
apiVersion: apps/v1
kind: Deployment
metadata: {name: forgotten, namespace: rrsa-demo}
spec: {template: {spec: {serviceAccountName: demo-sa, containers: [{name: app, image: i}]}}}
---
apiVersion: v1
kind: Namespace
metadata: {name: by-hand}
"
        .to_owned(),
        pod("by-hand", "lone", &wired("default", "/elsewhere/token")),
    ];
    let stage = Stage::set("", &manifests.concat()).await;
    for arguments in [&["check", "-A"][..], &["check", "-A", "--live=none"]] {
        let outcome = stage.rrsa(&[arguments, &["-o", "json"]].concat()).await;
        assert_eq!(outcome.code, 1, "{outcome:?}");
        let list = outcome.json();
        let told = |at: usize| -> Vec<(String, String)> {
            let findings = list["items"][at]["findings"].as_array().unwrap().iter();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            findings.map(|one| (text(&one["rule"]), text(&one["place"]))).collect()
        };
        let both = told(0);
        assert_eq!(both.len(), 2, "{both:?}");
        assert_eq!(both[0].0, "RRSA-P12", "{both:?}");
        assert_eq!(both[1].0, "RRSA-P16", "{both:?}");
        assert!(both[1].1.contains("pod rrsa-demo/astray-5d8f-1"), "{both:?}");
        let restart = "kubectl rollout restart deployment/forgotten -n rrsa-demo";
        assert_eq!(list["items"][0]["findings"][0]["command"], restart);
        assert!(told(1).iter().any(|(rule, _)| rule == "RRSA-P16"), "{list}");
        assert_eq!(list["items"][1]["facts"]["namespace"], "by-hand");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selector_picks_pods_and_no_match_is_not_healthy() {
    let stage = stage().await;
    let some = stage.rrsa(&["check", "pods", "-l", "app=demo", "-n", "rrsa-demo", "-o", "json"]).await;
    assert_eq!(some.code, 0, "{some:?}");
    assert_eq!(told(&some.json()).len(), 2);
    let none = stage.rrsa(&["check", "pods", "-l", "app=nobody", "-n", "rrsa-demo"]).await;
    assert_eq!(none.code, 3, "{none:?}");
    let missing = stage.rrsa(&["check", "deploy/none", "-n", "rrsa-demo"]).await;
    assert_eq!(missing.code, 2, "{missing:?}");
    assert!(missing.stderr.contains("there is no deployment none in namespace rrsa-demo"), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_says_what_each_container_acts_as_and_tries_nothing() {
    let stage = stage().await;
    let shown = stage.rrsa(&["describe", "deploy/demo", "-n", "rrsa-demo"]).await;
    assert_eq!(shown.code, 0, "{shown:?}");
    for line in [
        "Subject:              pod/demo-5d8f-x2x2x (deployment/demo)\n",
        "  Role:               acs:ram::1234567890123456:role/demo-role-for-rrsa\n",
        "      aliyun CLI:     acs:ram::1234567890123456:role/demo-role-for-rrsa, by\n",
        "Token:                ? no live check was asked for (--live=none)\n",
        "Findings:             <none>\n",
    ] {
        assert!(shown.stdout.contains(line), "{line}: {}", shown.stdout);
    }
    let broken = stage.rrsa(&["describe", "sa/other", "-n", "default"]).await;
    assert!(broken.stdout.contains("RRSA-N01 error"), "{broken:?}");
    assert_eq!(stage.rrsa(&["describe", "pod/none", "-n", "default"]).await.code, 2);
    let nowhere = stage.rrsa(&["check", "sa/demo-sa", "-n", "nowhere"]).await;
    assert_eq!(nowhere.code, 2, "{nowhere:?}");
    assert!(nowhere.stderr.contains("there is no namespace nowhere"), "{nowhere:?}");
}

/// In a container that takes variables from elsewhere an access key may hide: ConfigMaps are looked at, and of what a Secret
/// sets only the container tells.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_container_takes_from_elsewhere_is_looked_at() {
    let demo = include_str!("../manifests/rrsa-demo.yaml");
    let key = "{ALIBABA_CLOUD_ACCESS_KEY_ID: LTAI, ALIBABA_CLOUD_ACCESS_KEY_SECRET: none}";
    let sealed = "{ALIBABA_CLOUD_ACCESS_KEY_ID: TFRBSQ==, ALIBABA_CLOUD_ACCESS_KEY_SECRET: bm9uZQ==}";
    let sa = "sa/demo-sa";
    for (source, kind, data, here, at_rest) in [
        ("configMapRef", "ConfigMap", "{LOG_LEVEL: debug}", 0, 0),
        ("configMapRef", "ConfigMap", key, 1, 1),
        ("secretRef", "Secret", "{LOG_LEVEL: ZGVidWc=}", 0, 3),
        ("secretRef", "Secret", sealed, 1, 3),
    ] {
        let from = format!("command: [sleep, infinity]\n      envFrom: [{{{source}: {{name: app}}}}]");
        let with = demo.replace("command: [sleep, infinity]", &from);
        assert_ne!(with, demo);
        let map = format!(
            "apiVersion: v1\nkind: {kind}\nmetadata: {{name: app, namespace: rrsa-demo}}\ndata: {data}\n"
        );
        let stage = Stage::set("", &with.replacen("---\n", &format!("---\n{map}---\n"), 1)).await;
        for (subject, more, code) in [
            ("pod/demo", "--live=exec", here),
            ("pod/demo", "--live=token", at_rest),
            (sa, "--live=token", at_rest),
        ] {
            let outcome = stage.rrsa(&["check", subject, "-n", "rrsa-demo", "-o", "json", more]).await;
            assert_eq!(outcome.code, code, "{data} {subject} {more}: {outcome:?}");
            match code {
                1 => assert_eq!(outcome.report()["firstBroken"], "RRSA-K02", "{outcome:?}"),
                3 => assert!(outcome.stdout.contains("secret/app may set an access key"), "{outcome:?}"),
                _ => {}
            }
        }
        let shown = stage.rrsa(&["describe", "pod/demo", "-n", "rrsa-demo"]).await;
        let unknown = shown.stdout.contains("? secret/app may set variables");
        assert_eq!(unknown, kind == "Secret", "{shown:?}");
    }
}

/// Among all of a kind there is much that RRSA has nothing to do with; by name everything is answered.
#[tokio::test(flavor = "multi_thread")]
async fn what_rrsa_does_not_concern_breaks_no_run() {
    let nginx = "
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: nginx, namespace: rrsa-demo}
spec:
  selector: {matchLabels: {app: nginx}}
  template: {metadata: {labels: {app: nginx}}, spec: {containers: [{name: nginx, image: nginx}]}}
";
    let demo = include_str!("../manifests/rrsa-demo.yaml");
    let workloads = include_str!("../manifests/workloads.yaml");
    let stage = Stage::set("", &format!("{demo}---\n{workloads}{nginx}")).await;
    // Every namespace has a ServiceAccount default.
    let accounts = stage.rrsa(&["check", "sa", "-n", "rrsa-demo"]).await;
    assert_eq!(accounts.code, 0, "{accounts:?}");
    let all = stage.rrsa(&["check", "deploy", "-A"]).await;
    assert_eq!(all.code, 0, "{all:?}");
    assert!(all.stderr.contains("note: 2 of 3 have nothing to do with RRSA"), "{all:?}");
    let named = stage.rrsa(&["check", "deploy/nginx", "-n", "rrsa-demo", "-o", "json"]).await;
    assert_eq!(named.code, 1, "{named:?}");
    let finding = &named.report()["findings"][0];
    assert_eq!(finding["rule"], "RRSA-P02", "{finding}");
    // Nobody has said that it is to have the role.
    assert_eq!(finding["command"], Value::Null, "{finding}");
    let file = stage.file("nginx.yaml", nginx);
    let offline = stage.rrsa(&["check", "-f", file.to_str().unwrap()]).await;
    assert_eq!(offline.code, 0, "{offline:?}");
}

/// Pods that have ended say nothing of those that run.
#[tokio::test(flavor = "multi_thread")]
async fn an_ended_pod_does_not_stand_in_for_a_running_one() {
    let demo = include_str!("../manifests/rrsa-demo.yaml");
    let ended = demo.replacen(
        "  labels:\n    app: demo",
        "  labels:\n    app: demo\n  annotations: {sandbox.rrsa/phase: Succeeded}",
        1,
    );
    assert_ne!(ended, demo);
    let running = "---
apiVersion: v1
kind: Pod
metadata: {name: bare, namespace: rrsa-demo, annotations: {sandbox.rrsa/admission: skip}}
spec: {serviceAccountName: demo-sa, containers: [{name: app, image: app}]}
";
    let stage = Stage::set("", &format!("{ended}{running}")).await;
    let outcome = stage.rrsa(&["check", "sa/demo-sa", "-n", "rrsa-demo", "-o", "json"]).await;
    assert_eq!(
        (outcome.code, &outcome.report()["firstBroken"]),
        (1, &Value::from("RRSA-P12")),
        "{outcome:?}"
    );
    let alone = Stage::set("", &ended).await;
    let outcome = alone.rrsa(&["check", "sa/demo-sa", "-n", "rrsa-demo"]).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
}

/// The guide's pod wired by hand, in a namespace that nothing injects into, with more containers.
fn by_hand(more: &str) -> String {
    let demo = include_str!("../manifests/rrsa-demo.yaml");
    let plain = demo
        .replace("pod-identity.alibabacloud.com/injection: 'on'", "team: demo")
        .replace("  annotations:\n    pod-identity.alibabacloud.com/role-name: demo-role-for-rrsa\n", "");
    let (before, _) = plain.split_once("  containers:\n").unwrap();
    let id = "c0123456789abcdef0123456789abcdef";
    let wired = |name: &str, role: &str| {
        format!(
            "  - name: {name}
    image: i
    env:
    - {{name: ALIBABA_CLOUD_ROLE_ARN, value: 'acs:ram::1234567890123456:role/{role}'}}
    - {{name: ALIBABA_CLOUD_OIDC_PROVIDER_ARN, value: 'acs:ram::1234567890123456:oidc-provider/ack-rrsa-{id}'}}
    - {{name: ALIBABA_CLOUD_OIDC_TOKEN_FILE, value: /tokens/token}}
    volumeMounts: [{{name: oidc, mountPath: /tokens}}]
"
        )
    };
    let second = if more.is_empty() { String::new() } else { wired("b", more) };
    format!(
        "{before}  volumes:
  - name: oidc
    projected: {{sources: [{{serviceAccountToken: {{audience: vault, path: v}}}}, {{serviceAccountToken: {{audience: sts.aliyuncs.com, path: token}}}}]}}
  containers:
{}{second}",
        wired("a", "demo-role-for-rrsa")
    )
}

/// Each container has a chain of its own; that one holds says nothing of another role.
#[tokio::test(flavor = "multi_thread")]
async fn of_containers_with_several_roles_each_is_tried_by_itself() {
    for (more, code) in [("", 0), ("demo-role-for-rrsa", 0), ("other", 3)] {
        let stage = Stage::set("", &by_hand(more)).await;
        let outcome = stage.rrsa(&["check", "pod/demo", "-n", "rrsa-demo"]).await;
        assert_eq!(outcome.code, code, "{more}: {outcome:?}");
        assert_eq!(outcome.stdout.contains("-c b tries it"), code == 3, "{more}: {outcome:?}");
    }
    let stage = Stage::set("", &by_hand("other")).await;
    for (container, code) in [("a", 0), ("b", 1), ("nope", 2)] {
        let outcome = stage.rrsa(&["check", "pod/demo", "-n", "rrsa-demo", "-c", container]).await;
        assert_eq!(outcome.code, code, "{container}: {outcome:?}");
    }
    assert!(crate::stage::built("rrsa-exec-credential").is_file());
    for (container, code) in [("a", 0), ("b", 1)] {
        let beside = [
            "check",
            "pod/demo",
            "-n",
            "rrsa-demo",
            "--live=pod",
            "--probe-image",
            "probe:1",
            "-c",
            container,
        ];
        let outcome = stage.rrsa(&beside).await;
        assert_eq!(outcome.code, code, "{container}: {outcome:?}");
    }
}

/// One name that is wrong costs the others nothing, and is not passed over.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_among_several_is_said_and_the_rest_is_checked() {
    let stage = stage().await;
    let words = ["check", "sa/demo-sa", "pod/none", "deploy/none", "deploy/demo", "-n", "rrsa-demo"];
    let outcome = stage.rrsa(&words).await;
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert!(outcome.stdout.contains("2 checked: 2 healthy"), "{outcome:?}");
    for words in
        ["there is no pod none in namespace rrsa-demo", "there is no deployment none in namespace rrsa-demo"]
    {
        assert!(outcome.stderr.contains(words), "{words}: {outcome:?}");
    }
}

/// What a value ends with is the value's own, and a value of nothing is none.
#[tokio::test(flavor = "multi_thread")]
async fn a_variable_is_read_as_it_is() {
    for (value, code) in [("\"acs:ram::1234567890123456:role/demo-role-for-rrsa\\n\"", 1), ("''", 1)] {
        let manifest = by_hand("").replacen("'acs:ram::1234567890123456:role/demo-role-for-rrsa'", value, 1);
        let stage = Stage::set("", &manifest).await;
        let outcome = stage.rrsa(&["check", "pod/demo", "-n", "rrsa-demo", "-o", "json"]).await;
        assert_eq!(outcome.code, code, "{value}: {outcome:?}");
        let rule = if value == "''" { "RRSA-P06" } else { "RRSA-P10" };
        assert_eq!(outcome.report()["firstBroken"], rule, "{value}: {outcome:?}");
        let file = stage.file("m.yaml", &manifest);
        let offline = stage.rrsa(&["check", "-f", file.to_str().unwrap(), "-o", "json"]).await;
        assert!(offline.stdout.contains(rule), "{value}: {offline:?}");
    }
    let empty = by_hand("").replacen(
        "    volumeMounts",
        "    - {name: ALIBABA_CLOUD_STS_REGION, value: ''}\n    volumeMounts",
        1,
    );
    let stage = Stage::set("", &empty).await;
    let outcome = stage.rrsa(&["check", "pod/demo", "-n", "rrsa-demo"]).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
}

/// The pods of a CronJob are those of its jobs.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_speaks_for_its_cronjob() {
    let demo = include_str!("../manifests/rrsa-demo.yaml");
    let workloads = include_str!("../manifests/workloads.yaml");
    let run = "---
apiVersion: v1
kind: Pod
metadata:
  name: nightly-28999000-x7k2p
  namespace: rrsa-demo
  annotations: {sandbox.rrsa/admission: skip}
  ownerReferences: [{apiVersion: batch/v1, kind: Job, name: nightly-28999000, uid: u, controller: true}]
spec: {serviceAccountName: demo-sa, restartPolicy: Never, containers: [{name: demo, image: demo}]}
";
    let stage = Stage::set("", &format!("{demo}---\n{workloads}{run}")).await;
    let outcome = stage.rrsa(&["check", "cronjob/nightly", "-n", "rrsa-demo", "-o", "json"]).await;
    let report = outcome.report();
    assert_eq!((outcome.code, &report["firstBroken"]), (1, &Value::from("RRSA-P12")), "{report}");
    assert_eq!(report["facts"]["subject"]["pod"], "nightly-28999000-x7k2p");
    // A job's running pod is not to be lost; its next one will do.
    assert_eq!(report["findings"][0]["command"], Value::Null);
}

/// What a rollout will end with says more than the pods that are about to go.
#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_is_newer_than_its_pods_speaks_for_the_workload() {
    let demo = include_str!("../manifests/rrsa-demo.yaml");
    let workloads = include_str!("../manifests/workloads.yaml");
    let changed =
        workloads.replacen("spec: {serviceAccountName: demo-sa,", "spec: {serviceAccountName: gone,", 1);
    assert_ne!(changed, workloads);
    let stage = Stage::set("", &format!("{demo}---\n{changed}")).await;
    let outcome = stage.rrsa(&["check", "deploy/demo", "-n", "rrsa-demo", "-o", "json"]).await;
    let report = outcome.report();
    assert_eq!((outcome.code, &report["firstBroken"]), (1, &Value::from("RRSA-S01")), "{report}");
    assert_eq!(report["facts"]["subject"]["template"], "deployment/demo");
}

/// Pods that are wired by hand may name a provider that somebody has made for them, where the cluster's own is not there.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_all_pods_name_is_tried_where_the_clusters_own_is_not_there() {
    let demo = include_str!("../manifests/rrsa-demo.yaml");
    let (without_pod, _) = demo.split_once("---\n# The pod says").unwrap();
    let own = "acs:ram::1234567890123456:oidc-provider/my-own";
    let pod = format!(
        "---
apiVersion: v1
kind: Pod
metadata: {{name: by-hand, namespace: rrsa-demo, annotations: {{sandbox.rrsa/admission: skip}}}}
spec:
  serviceAccountName: demo-sa
  containers:
  - name: c
    image: i
    env:
    - {{name: ALIBABA_CLOUD_ROLE_ARN, value: 'acs:ram::1234567890123456:role/demo-role-for-rrsa'}}
    - {{name: ALIBABA_CLOUD_OIDC_PROVIDER_ARN, value: '{own}'}}
    - {{name: ALIBABA_CLOUD_OIDC_TOKEN_FILE, value: /t/token}}
    volumeMounts: [{{name: t, mountPath: /t}}]
  volumes:
  - {{name: t, projected: {{sources: [{{serviceAccountToken: {{path: token, audience: sts.aliyuncs.com}}}}]}}}}
"
    );
    let issuer =
        "https://oidc-ack-cn-hangzhou.oss-cn-hangzhou.aliyuncs.com/c0123456789abcdef0123456789abcdef";
    let world = format!(
        "oidc_providers: [{{name: my-own, issuer: '{issuer}'}}]
roles:
- name: demo-role-for-rrsa
  trust_policy:
    Version: '1'
    Statement:
    - Effect: Allow
      Action: sts:AssumeRole
      Principal: {{Federated: ['{own}']}}
      Condition:
        StringEquals:
          'oidc:iss': '{issuer}'
          'oidc:aud': sts.aliyuncs.com
          'oidc:sub': 'system:serviceaccount:rrsa-demo:demo-sa'
"
    );
    let stage = Stage::set(&world, &format!("{without_pod}{pod}")).await;
    let outcome = stage.rrsa(&["check", "sa/demo-sa", "-n", "rrsa-demo", "-o", "json"]).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(outcome.report()["facts"]["providerInUse"]["value"], own);
}

/// Pods of one template may have been injected at different times: the newest speaks for the workload.
#[tokio::test(flavor = "multi_thread")]
async fn the_newest_of_pods_that_were_injected_differently_is_judged() {
    let demo = include_str!("../manifests/rrsa-demo.yaml");
    let (without_pod, _) = demo.split_once("---\n# The pod says").unwrap();
    let pod = |name: &str, role: &str, made: &str| {
        format!(
            "---
apiVersion: v1
kind: Pod
metadata:
  name: web-5d8f-{name}
  namespace: rrsa-demo
  creationTimestamp: {made}
  annotations: {{sandbox.rrsa/admission: skip}}
  labels: {{app: web, pod-template-hash: 5d8f}}
  ownerReferences: [{{apiVersion: apps/v1, kind: ReplicaSet, name: web-5d8f, uid: u, controller: true}}]
spec:
  serviceAccountName: demo-sa
  containers:
  - name: c
    image: i
    env:
    - {{name: ALIBABA_CLOUD_ROLE_ARN, value: 'acs:ram::1234567890123456:role/{role}'}}
    - {{name: ALIBABA_CLOUD_OIDC_PROVIDER_ARN, value: 'acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0123456789abcdef0123456789abcdef'}}
    - {{name: ALIBABA_CLOUD_OIDC_TOKEN_FILE, value: /t/token}}
    volumeMounts: [{{name: t, mountPath: /t}}]
  volumes:
  - {{name: t, projected: {{sources: [{{serviceAccountToken: {{path: token, audience: sts.aliyuncs.com}}}}]}}}}
"
        )
    };
    let web = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: rrsa-demo}\n\
               spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: demo-sa, containers: [{name: c, image: i}]}}}\n";
    let (old, new) = ("'2026-01-01T00:00:00Z'", "'2026-01-02T00:00:00Z'");
    for (roles, code, rule) in
        [(["demo-role-for-rrsa", "other"], 1, "RRSA-S06"), (["other", "demo-role-for-rrsa"], 0, "RRSA-P25")]
    {
        let pods = [pod("a", roles[0], old), pod("z", roles[1], new)].concat();
        let stage = Stage::set("", &format!("{without_pod}{web}{pods}")).await;
        for subject in ["sa/demo-sa", "deploy/web"] {
            let words = ["check", subject, "-n", "rrsa-demo", "--live=token", "-o", "json"];
            let outcome = stage.rrsa(&words).await;
            assert_eq!(outcome.code, code, "{subject}, {rule}: {outcome:?}");
            let findings = outcome.report()["findings"].clone();
            assert_eq!(findings[0]["rule"], rule, "{subject}: {findings}");
        }
        let listed = stage.rrsa(&["list", "-n", "rrsa-demo"]).await;
        assert!(listed.stdout.contains(rule), "{listed:?}");
    }
}
