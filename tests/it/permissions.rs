//! Users with little: the documented least is enough, and each permission that is taken away is named.

use serde_json::{Value, json};

use crate::stage::{Outcome, Stage};

const TABLE: &str = include_str!("../../docs/permissions.md");

/// The verbs and resources that a check of the demo's pod needs, by the documentation.
fn documented() -> Vec<(String, String)> {
    let wanted = ["all", "check, describe", "check, describe pod/NAME", "check --live=exec"];
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
    let needed = documented();
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
