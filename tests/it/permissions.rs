//! Users with little: the documented least is enough, and each permission that is taken away is named.

use serde_json::{Value, json};

use crate::stage::{Outcome, Stage};

const TABLE: &str = include_str!("../../docs/permissions.md");

/// The verbs and resources that a check of a running pod needs, by the documentation: what all need, and `more`.
fn documented(more: &[&str]) -> Vec<(String, String)> {
    let wanted = [&["all", "check, describe", "check --live=exec"], more].concat();
    let rows = TABLE.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [_, command, verb, resource, ..] = cells[..] else { return None };
        // The rules of the sandbox go by plural; a path's dots are its own.
        let plural = if resource.starts_with('/') { resource } else { resource.split('.').next()? };
        wanted.contains(&command).then(|| (verb.to_owned(), plural.to_owned()))
    });
    rows.collect()
}

fn rule((verb, resource): &(String, String)) -> Value {
    if resource.starts_with('/') {
        json!({"verbs": [verb], "non_resource_urls": [resource]})
    } else {
        json!({"verbs": [verb], "resources": [resource]})
    }
}

async fn check(stage: &Stage, user: &str) -> Outcome {
    stage.rrsa(&["check", "pod/demo", "-n", "rrsa-demo", "-o", "json", "--as", user]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_least_is_enough_and_what_is_missing_is_named() {
    let needed = documented(&["check, describe pod"]);
    assert!(needed.len() > 12, "{needed:?}");
    let without = |taken: Option<usize>| -> Vec<Value> {
        let kept = needed.iter().enumerate().filter(|(index, _)| Some(*index) != taken);
        kept.map(|(_, permission)| rule(permission)).collect()
    };
    let mut users = vec![json!({"user": "least", "rules": without(None)})];
    for index in 0..needed.len() {
        users.push(json!({"user": format!("without-{index}"), "rules": without(Some(index))}));
    }
    let stage = Stage::set(&json!({"cluster": {"rbac": users}}).to_string(), "").await;
    let least = check(&stage, "least").await;
    assert_eq!(least.code, 0, "{least:?}");
    assert!(!least.stdout.contains("forbidden"), "{}", least.stdout);
    for (index, (verb, resource)) in needed.iter().enumerate() {
        let outcome = check(&stage, &format!("without-{index}")).await;
        let place = format!("without {verb} {resource}: {outcome:?}");
        assert!([0, 1, 3].contains(&outcome.code), "{place}");
        assert!(!outcome.stderr.contains("panicked"), "{place}");
        // Every other way to the same fact may be open; then nothing is missing.
        if outcome.code == 3 {
            assert!(format!("{}{}", outcome.stdout, outcome.stderr).contains("forbid"), "{place}");
        }
        if outcome.code == 1 {
            assert!(outcome.report()["findings"].as_array().is_some_and(|all| !all.is_empty()), "{place}");
            panic!("a missing permission is no finding: {place}");
        }
    }
}

/// The pod of a workload was listed already.
#[tokio::test(flavor = "multi_thread")]
async fn a_workload_is_checked_without_the_right_to_get_pods() {
    let needed = documented(&["check, describe, list --stale"]);
    assert!(!needed.contains(&("get".to_owned(), "pods".to_owned())), "{needed:?}");
    let rules: Vec<_> = needed.iter().map(rule).collect();
    let manifests =
        [include_str!("../manifests/rrsa-demo.yaml"), include_str!("../manifests/workloads.yaml")];
    let world = json!({"cluster": {"rbac": [{"user": "least", "rules": rules}]}}).to_string();
    let stage = Stage::set(&world, &manifests.join("---\n")).await;
    let outcome =
        stage.rrsa(&["check", "deploy/demo", "-n", "rrsa-demo", "-o", "json", "--as", "least"]).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(!outcome.stdout.contains("forbidden"), "{}", outcome.stdout);
}

/// A request that `-v` tells, as the table has it: verb, and resource with its group; `None` for one that is not of the API
/// server.
fn deed(line: &str) -> Option<(&'static str, String)> {
    let (method, rest) = line.split_once(" /")?;
    let path = rest.split([' ', '?']).next()?;
    let parts: Vec<&str> = path.split('/').collect();
    let (group, parts) = match parts.as_slice() {
        ["api", "v1", rest @ ..] => ("", rest),
        ["apis", group, _, rest @ ..] => (*group, rest),
        _ => return Some(("get", format!("/{path}"))),
    };
    // The namespace itself is one of namespaces.
    let parts = match parts {
        ["namespaces", _, rest @ ..] if !rest.is_empty() => rest,
        parts => parts,
    };
    let (resource, named) = match parts {
        [resource] => ((*resource).to_owned(), false),
        [resource, _] => ((*resource).to_owned(), true),
        [resource, _, sub] => (format!("{resource}/{sub}"), true),
        _ => return None,
    };
    let verb = match (method, named) {
        ("GET", true) => "get",
        ("GET", false) => "list",
        ("POST", _) => "create",
        ("PATCH", _) => "patch",
        ("DELETE", _) => "delete",
        _ => return None,
    };
    let group = if group.is_empty() { String::new() } else { format!(".{group}") };
    Some((verb, format!("{resource}{group}")))
}

/// Whether a row of the table is about a command: `check, describe pod/NAME` is about both.
fn is_about(row: &str, command: &str) -> bool {
    row == "all" || row.split([' ', ',']).any(|word| word == command)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_of_every_command_stands_in_the_table() {
    let rows: Vec<(String, String, String)> = TABLE
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
            let [_, command, verb, resource, ..] = cells[..] else { return None };
            Some((command.to_owned(), verb.to_owned(), resource.to_owned()))
        })
        .collect();
    let manifests =
        [include_str!("../manifests/rrsa-demo.yaml"), include_str!("../manifests/workloads.yaml")];
    let stage = Stage::set("", &manifests.join("\n---\n")).await;
    let probe = ["--live=pod", "--probe-image", "probe:ok"];
    let namespace = ["-n", "rrsa-demo"];
    let commands: Vec<Vec<&str>> = vec![
        vec!["status"],
        vec!["check", "sa"],
        [&["check", "sa/demo-sa"][..], &probe, &namespace].concat(),
        [&["check", "pod"][..], &namespace].concat(),
        vec!["check", "deploy", "-A"],
        vec!["check", "sts", "-A"],
        vec!["check", "ds", "-A"],
        vec!["check", "rs", "-A"],
        vec!["check", "job", "-A"],
        vec!["check", "cronjob", "-A"],
        vec!["check", "-A"],
        vec!["describe", "deploy", "-A"],
        vec!["list", "-A"],
        vec!["list", "-A", "--stale"],
        [&["list", "--stale"][..], &namespace].concat(),
        [&["trust-policy", "sa/demo-sa"][..], &namespace].concat(),
        vec!["who-can-assume", "demo-role-for-rrsa"],
    ];
    let mut seen = 0;
    for words in commands {
        let outcome = stage.rrsa(&[&words[..], &["-v"]].concat()).await;
        for line in outcome.stderr.lines() {
            let Some((verb, resource)) = deed(line) else { continue };
            seen += 1;
            let stands = rows.iter().any(|(command, has, of)| {
                is_about(command, words[0]) && (has.as_str(), of.as_str()) == (verb, resource.as_str())
            });
            assert!(stands, "{words:?} asks to {verb} {resource}, and no row says so");
        }
    }
    assert!(seen > 100, "{seen}");
}
