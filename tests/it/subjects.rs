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
        ("{name: ALIBABA_CLOUD_ACCESS_KEY_ID, value: LTAI}", "RRSA-K02"),
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
