//! Reports as SARIF 2.1.0: every rule, and a result a finding.

use serde_json::{Value, json};

use crate::error::Error;
use crate::gate::Gate;
use crate::report::{Conclusion, Report};
use crate::rules::{RULES, Severity};

/// The document.
#[must_use]
pub fn sarif(reports: &[Report], not_checked: &[Error], gate: &Gate) -> Value {
    let rules: Vec<Value> = RULES
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id,
                "shortDescription": {"text": rule.title},
                "defaultConfiguration": {"level": level(rule.severity)},
                "properties": {"link": rule.link.to_string()},
            })
        })
        .collect();
    let results: Vec<Value> = reports
        .iter()
        .flat_map(|report| {
            let subject = format!("{}/{}", report.facts.namespace, report.facts.subject);
            report.findings.iter().map(move |finding| {
                let command = finding.command.as_ref().map(|command| format!(" Type: {command}"));
                let text = format!(
                    "{}: expected {}, seen {} ({}). {}.{}",
                    finding.title,
                    finding.expected,
                    finding.seen,
                    finding.places(),
                    finding.remedy,
                    command.unwrap_or_default()
                );
                let mut result = json!({
                    "ruleId": finding.rule,
                    "ruleIndex": RULES.iter().position(|rule| rule.id == finding.rule),
                    "level": level(finding.severity),
                    "message": {"text": text},
                    "locations": [{"logicalLocations": [{"fullyQualifiedName": subject, "kind": "resource"}]}],
                    "partialFingerprints": {"rrsa/v1": finding.fingerprint},
                });
                if gate.has_baseline() {
                    let state = if gate.knows(finding) { "unchanged" } else { "new" };
                    result["baselineState"] = state.into();
                }
                result
            })
        })
        .collect();
    let notifications: Vec<Value> = not_checked
        .iter()
        .map(|error| error.to_string())
        .chain(reports.iter().filter(|report| report.conclusion == Conclusion::Unknown).map(|report| {
            format!("{}/{}: it could not be told", report.facts.namespace, report.facts.subject)
        }))
        .map(|text| json!({"level": "error", "message": {"text": text}}))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "kubectl-rrsa",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }},
            "invocations": [{
                "executionSuccessful": notifications.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "note",
        Severity::Warning => "warning",
        Severity::Error | Severity::Critical => "error",
    }
}
