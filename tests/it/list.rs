//! The list of ServiceAccounts.

use crate::stage::Stage;

async fn stage(world: &str) -> Stage {
    let demo = include_str!("../manifests/rrsa-demo.yaml");
    let workloads = include_str!("../manifests/workloads.yaml");
    Stage::set(world, &format!("{demo}---\n{workloads}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn service_accounts_with_a_role_are_listed_with_their_pods_and_what_is_wrong_at_rest() {
    let stage = stage("").await;
    let all = stage.rrsa(&["list", "-A"]).await;
    assert_eq!(
        all.stdout,
        "NAMESPACE   NAME      ROLE                 LABEL    PODS   INJECTED   VERDICT\n\
         default     other     demo-role-for-rrsa   <none>   0      0          RRSA-N01\n\
         rrsa-demo   demo-sa   demo-role-for-rrsa   on       2      2          ok\n",
        "{all:?}"
    );
    let names = stage.rrsa(&["ls", "-n", "rrsa-demo", "--all", "-o", "name"]).await;
    assert_eq!((names.code, names.stdout.as_str()), (0, "sa/default\nsa/demo-sa\n"));
    let json = stage.rrsa(&["list", "-A", "-o", "json"]).await.json();
    assert_eq!(json["kind"], "List");
    assert_eq!(json["items"][0]["rule"], "RRSA-N01");
    // The pod that has ended is nobody's any more.
    assert_eq!(json["items"][1]["injected"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_found_is_said_and_stdout_stays_empty() {
    let stage = stage("").await;
    let nowhere = stage.rrsa(&["list", "-n", "nowhere"]).await;
    assert_eq!(nowhere.code, 2, "{nowhere:?}");
    assert!(nowhere.stderr.contains("there is no namespace nowhere"), "{nowhere:?}");
    let none = stage.rrsa(&["list", "-n", "kube-public"]).await;
    assert_eq!((none.code, none.stdout.as_str()), (0, ""));
    assert!(none.stderr.contains("No ServiceAccount that RRSA concerns was found in namespace kube-public"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_listed_is_a_question_mark_and_no_verdict() {
    let world = "
cluster:
  rbac:
  - {user: viewer, rules: [{verbs: [list], resources: [serviceaccounts]}]}
  - {user: nobody, rules: []}
";
    let stage = stage(world).await;
    let shown = stage.rrsa(&["list", "-A", "-o", "wide", "--as", "viewer"]).await;
    assert_eq!(shown.code, 0, "{shown:?}");
    for words in ["forbidden: needs list namespaces", "forbidden: needs list pods in all namespaces"] {
        assert!(shown.stderr.contains(words), "{words}: {shown:?}");
    }
    assert!(shown.stdout.contains("?       ?      ?          ?         forbidden: needs list"), "{shown:?}");
    assert!(!shown.stdout.contains(" ok"), "{shown:?}");
    let nothing = stage.rrsa(&["list", "-A", "--as", "nobody"]).await;
    assert_eq!(nothing.code, 3, "{nothing:?}");
    assert!(nothing.stderr.contains("forbids it"), "{nothing:?}");
}

/// A pod of a Deployment, as its ReplicaSet makes it, that the webhook did not see.
fn pod(name: &str, owner: &str, more: &str) -> String {
    format!(
        "---
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: rrsa-demo
  annotations: {{sandbox.rrsa/admission: skip}}
  labels: {{pod-template-hash: 5d8f}}
  {owner}
spec: {{serviceAccountName: {more}, containers: [{{name: app, image: app}}]}}
"
    )
}

/// A pod template that may not be seen may have by now what its pods lack.
#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_seen_of_a_template_is_not_called_fine() {
    let owner = "ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-5d8f, uid: u, controller: true}]";
    let demo = include_str!("../manifests/rrsa-demo.yaml")
        .replace("pod-identity.alibabacloud.com/injection: 'on'", "other: label")
        .replace("pod-identity.alibabacloud.com/injection: \"on\"", "other: label");
    let web = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: rrsa-demo}\nspec: {template: \
               {metadata: {labels: {pod-identity.alibabacloud.com/injection: 'on'}}, spec: {serviceAccountName: demo-sa, \
               containers: [{name: c, image: i}]}}}\n";
    let manifest = [&demo, web, &pod("web-1", owner, "demo-sa")].concat();
    let hidden = "cluster: {faults: [{verb: get, resource: deployments, name: web, code: 403, reason: Forbidden, message: no}]}";
    for (world, code, words) in [("", 0, "rollout restart deployment/web"), (hidden, 3, "")] {
        let stage = Stage::set(world, &manifest).await;
        let stale = stage.rrsa(&["list", "-n", "rrsa-demo", "--stale"]).await;
        assert_eq!(stale.code, code, "{stale:?}");
        assert!(stale.stdout.contains(words) && !stale.stdout.contains("Nothing"), "{stale:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_only_older_than_the_webhook_is_restarted_by_its_owner() {
    let owner = "ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-5d8f, uid: u, controller: true}]";
    let demo = include_str!("../manifests/rrsa-demo.yaml");
    let unnamed =
        "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: plain, namespace: rrsa-demo}\n";
    let web = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: rrsa-demo}\n\
               spec: {template: {spec: {serviceAccountName: demo-sa, containers: [{name: c, image: i}]}}}\n";
    let manifest = [
        demo,
        unnamed,
        web,
        &pod("web-1", owner, "demo-sa"),
        &pod("web-2", owner, "demo-sa"),
        &pod("alone", "", "demo-sa"),
        &pod("plain", owner, "plain"),
    ]
    .concat();
    let stage = Stage::set("", &manifest).await;
    let stale = stage.rrsa(&["list", "-A", "--stale"]).await;
    assert_eq!(stale.code, 0, "{stale:?}");
    let commands: Vec<_> = stale.stdout.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(commands, ["kubectl rollout restart deployment/web -n rrsa-demo"]);
    assert!(stale.stdout.contains("# 2 pods of sa/demo-sa, RRSA-"), "{stale:?}");
    assert!(
        stale.stdout.contains("# kubectl get pod alone -n rrsa-demo -o yaml | kubectl replace --force -f -"),
        "{stale:?}"
    );
    let json = stage.rrsa(&["list", "-n", "rrsa-demo", "--stale", "-o", "json"]).await.json();
    let owners: Vec<_> = json["items"].as_array().unwrap().iter().map(|one| &one["owner"]).collect();
    assert_eq!(owners, [&serde_json::Value::Null, &serde_json::json!("deployment/web")]);
    // Where a new pod would not be injected either, a restart mends nothing: what makes it says otherwise by now.
    let account = manifest.replace(
        "{spec: {serviceAccountName: demo-sa, containers: [{name: c",
        "{spec: {serviceAccountName: plain, containers: [{name: c",
    );
    let skipped = manifest.replace(
        "template: {spec",
        "template: {metadata: {annotations: {pod-identity.alibabacloud.com/skip-containers: c}}, spec",
    );
    for changed in [account, skipped] {
        assert_ne!(changed, manifest);
        let stage = Stage::set("", &changed).await;
        let stale = stage.rrsa(&["list", "-A", "--stale"]).await;
        assert!(stale.code == 0 && !stale.stdout.contains("rollout restart"), "{stale:?}");
        let pod = stage.rrsa(&["check", "pod/web-1", "-n", "rrsa-demo"]).await;
        assert!(pod.stdout.contains("kubectl rrsa check deployment/web -n rrsa-demo"), "{pod:?}");
    }
    let unlabelled = manifest.replace("pod-identity.alibabacloud.com/injection: 'on'", "team: demo");
    let stage = Stage::set("", &unlabelled).await;
    let none = stage.rrsa(&["list", "-A", "--stale"]).await;
    assert_eq!((none.code, none.stdout.as_str()), (0, ""), "{none:?}");
    assert!(none.stderr.contains("Nothing has to be restarted."), "{none:?}");
    let world = "
cluster:
  rbac:
  - {user: blind, rules: [{verbs: [list, get], resources: [serviceaccounts, namespaces, pods]}]}
";
    let stage = Stage::set(world, &manifest).await;
    let blind = stage.rrsa(&["list", "-A", "--stale", "--as", "blind"]).await;
    assert_eq!((blind.code, blind.stdout.as_str()), (3, ""), "{blind:?}");
    assert!(blind.stderr.contains("needs list mutatingwebhookconfigurations"), "{blind:?}");
}

/// That none of its pods was injected is as wrong seen from the ServiceAccount as from each pod.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_none_of_whose_pods_was_injected_is_not_ok() {
    let demo = include_str!("../manifests/rrsa-demo.yaml");
    let skipped = demo.replacen(
        "kind: Pod\nmetadata:\n",
        "kind: Pod\nmetadata:\n  annotations: {sandbox.rrsa/admission: skip}\n",
        1,
    );
    assert_ne!(skipped, demo);
    let stage = Stage::set("", &skipped).await;
    for subject in ["sa/demo-sa", "pod/demo"] {
        let outcome = stage.rrsa(&["check", subject, "-n", "rrsa-demo", "-o", "json"]).await;
        assert_eq!(outcome.code, 1, "{outcome:?}");
        let first = &outcome.report()["findings"][0];
        assert_eq!(first["rule"], "RRSA-P12", "{subject}: {first}");
        assert!(
            first["command"]
                .as_str()
                .unwrap()
                .starts_with("kubectl get pod demo -n rrsa-demo -o yaml | kubectl replace"),
            "{first}"
        );
    }
    let list = stage.rrsa(&["list", "-n", "rrsa-demo"]).await;
    assert!(list.stdout.contains("RRSA-P12"), "{list:?}");
    let unlabelled = skipped.replace("pod-identity.alibabacloud.com/injection: 'on'", "team: demo");
    let stage = Stage::set("", &unlabelled).await;
    let outcome = stage.rrsa(&["check", "sa/demo-sa", "-n", "rrsa-demo"]).await;
    let mends = "kubectl label namespace rrsa-demo pod-identity.alibabacloud.com/injection=on --overwrite && kubectl get pod demo";
    assert!(outcome.stdout.contains(mends), "{outcome:?}");
}

/// A role that was changed after its pods were made is theirs when they are made anew.
#[tokio::test(flavor = "multi_thread")]
async fn pods_of_a_role_of_before_are_stale() {
    let demo = include_str!("../manifests/rrsa-demo.yaml");
    let workloads = include_str!("../manifests/workloads.yaml");
    let stage = Stage::set("", &format!("{demo}---\n{workloads}")).await;
    let Some(kubectl) = crate::stage::found("kubectl", "an annotation that is changed") else { return };
    let role = "pod-identity.alibabacloud.com/role-name=another-role";
    let changed =
        stage.command(&kubectl, &["annotate", "sa", "demo-sa", "-n", "rrsa-demo", role, "--overwrite"]);
    assert_eq!(stage.run(changed).await.code, 0);
    let list = stage.rrsa(&["list", "-n", "rrsa-demo"]).await;
    assert!(list.stdout.contains("RRSA-S06"), "{list:?}");
    let account = stage.rrsa(&["check", "sa/demo-sa", "-n", "rrsa-demo", "-o", "json"]).await;
    assert_eq!(account.code, 1, "{account:?}");
    let rules = account.report()["findings"].to_string();
    assert!(rules.contains("RRSA-S06"), "{rules}");
    let stale = stage.rrsa(&["list", "-n", "rrsa-demo", "--stale"]).await;
    assert!(stale.stdout.contains("RRSA-S06"), "{stale:?}");
    // The role that is named now is to let them in before what works is given up.
    let check = "kubectl rrsa trust-policy sa/demo-sa -n rrsa-demo --role another-role";
    let alone =
        format!("# once role another-role lets it in ({check}, with an access key): kubectl rollout restart");
    assert!(stale.stdout.contains(&alone), "{stale:?}");
    let key = [("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIx"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "x")];
    let mut command =
        stage.command(&crate::stage::built("kubectl-rrsa"), &["list", "-n", "rrsa-demo", "--stale"]);
    command.envs(key);
    let stale = stage.run(command).await;
    assert!(
        stale.stdout.contains(&format!("{check} && kubectl rollout restart deployment/demo")),
        "{stale:?}"
    );
}
