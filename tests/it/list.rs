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
         rrsa-demo   demo-sa   demo-role-for-rrsa   on       1      1          ok\n",
        "{all:?}"
    );
    let names = stage.rrsa(&["ls", "-n", "rrsa-demo", "--all", "-o", "name"]).await;
    assert_eq!((names.code, names.stdout.as_str()), (0, "sa/default\nsa/demo-sa\n"));
    let json = stage.rrsa(&["list", "-A", "-o", "json"]).await.json();
    assert_eq!(json["kind"], "List");
    assert_eq!(json["items"][0]["rule"], "RRSA-N01");
    assert_eq!(json["items"][1]["injected"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_found_is_said_and_stdout_stays_empty() {
    let stage = stage("").await;
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
    assert!(shown.stdout.contains("<none>   ?      ?          ?         forbidden: needs list"), "{shown:?}");
    assert!(!shown.stdout.contains(" ok"), "{shown:?}");
    let nothing = stage.rrsa(&["list", "-A", "--as", "nobody"]).await;
    assert_eq!(nothing.code, 3, "{nothing:?}");
    assert!(nothing.stderr.contains("forbids it"), "{nothing:?}");
}
