//! Policies × claims: every case of `policy-cases/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::{Claims, Document, Effect, Evaluation, StatementEvaluation, Verdict, evaluate};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    claims: BTreeMap<String, Value>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    claims: BTreeMap<String, Value>,
    policy: Document,
    expect: Expectation,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Expectation {
    verdict: String,
    #[serde(default)]
    because: Vec<String>,
    #[serde(default)]
    uncertain: bool,
    #[serde(default)]
    any_subject: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenClaims {
    provider_arn: String,
    issuer: Option<String>,
    audiences: Vec<String>,
    subject: Option<String>,
}

fn claims(file: &File, case: &Case) -> Claims {
    let merged = file.claims.iter().chain(&case.claims).map(|(name, value)| (name.clone(), value.clone()));
    let WrittenClaims { provider_arn, issuer, audiences, subject } =
        serde_json::from_value(merged.collect()).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    Claims { provider_arn, issuer, audiences, subject }
}

/// The evaluation in the words of an expectation.
fn observed(evaluation: &Evaluation) -> Expectation {
    let several = evaluation.statements.len() > 1;
    let mut because = Vec::new();
    for (index, statement) in evaluation.statements.iter().enumerate() {
        let parts = parts_in_the_way(statement);
        because.extend(parts.map(|part| if several { format!("{index}: {part}") } else { part }));
    }
    let allows = |statement: &&StatementEvaluation| {
        statement.effect == Effect::Allow && statement.outcome == Verdict::Match
    };
    Expectation {
        verdict: written(evaluation.verdict),
        because,
        uncertain: evaluation.uncertain,
        any_subject: evaluation
            .statements
            .iter()
            .filter(allows)
            .any(|statement| !statement.constrains_subject),
    }
}

fn parts_in_the_way(statement: &StatementEvaluation) -> impl Iterator<Item = String> {
    let mut parts = Vec::new();
    match &statement.effect {
        Effect::Unknown(text) => parts.push(format!("effect {text}")),
        Effect::Deny if statement.outcome == Verdict::Match => parts.push("Deny applies".to_owned()),
        _ => {}
    }
    for (element, check) in [("action", &statement.action), ("principal", &statement.principal)] {
        if check.outcome != Verdict::Match {
            parts.push(format!("{element} {}", written(check.outcome)));
        }
    }
    parts.extend(statement.unknown_elements.iter().map(|name| format!("element {name}")));
    for condition in statement.conditions.iter().filter(|condition| condition.outcome != Verdict::Match) {
        parts.push(format!("{} {}", condition.key, written(condition.reason)));
    }
    parts.into_iter()
}

fn written(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().expect("it is written as a text").to_owned()
}

#[test]
fn every_case_of_the_table_is_evaluated_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policy-cases");
    let mut verdicts: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let file: File = serde_json::from_str(&fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for case in &file.cases {
            let observed = observed(&evaluate(&case.policy, &claims(&file, case)));
            if observed != case.expect {
                wrong.push(format!("{}:\n  expected {:?}\n  observed {observed:?}", case.name, case.expect));
            }
            let again = Document::parse(&case.policy.to_json()).unwrap();
            assert_eq!(case.policy, again, "{}: writing the policy changes it", case.name);
            *verdicts.entry(case.expect.verdict.clone()).or_default() += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(verdicts.values().sum::<usize>() >= 60, "cases are missing: {verdicts:?}");
    assert!(["match", "no-match", "unknown"].iter().all(|v| verdicts.contains_key(*v)), "{verdicts:?}");
}
