//! What makes a run fail: how bad a finding must be, and which findings are known already.

use std::collections::BTreeSet;
use std::path::Path;

use rrsa_shared::ports::files::Files;
use serde_json::Value;

use crate::error::{Error, exit};
use crate::report::{Conclusion, Report};
use crate::rules::{Finding, Severity};

/// The least severity that fails a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum FailOn {
    /// Findings that break a workload
    #[default]
    Error,
    /// Those, and what works by luck
    Warning,
}

/// The gate of one run.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    /// The least severity.
    pub fail_on: FailOn,
    known: BTreeSet<(String, String, String)>,
}

impl Gate {
    /// A gate that knows the findings of `baseline`, a file that an earlier run wrote with `-o json`.
    ///
    /// # Errors
    /// A file that cannot be read or is no such report.
    pub fn open(fail_on: FailOn, baseline: Option<&Path>, files: &Files) -> Result<Self, Error> {
        let Some(path) = baseline else { return Ok(Self { fail_on, known: BTreeSet::new() }) };
        let unusable = |why: String| {
            Error::usage(format!("the baseline {} cannot be used", path.display()))
                .caused_by(why)
                .hint("write one with: kubectl rrsa check … -o json > FILE")
        };
        let bytes = files.read(path).map_err(|error| unusable(error.to_string()))?;
        let document: Value = serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
        let reports = match document["items"].as_array() {
            Some(items) => items.clone(),
            None => vec![document],
        };
        let mut known = BTreeSet::new();
        for report in &reports {
            let findings = report["findings"].as_array();
            let findings = findings.ok_or_else(|| unusable("it holds no findings".to_owned()))?;
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let namespace = text(&report["facts"]["namespace"]);
            let account = text(&report["facts"]["serviceAccountName"]);
            known.extend(findings.iter().map(|f| (namespace.clone(), account.clone(), text(&f["rule"]))));
        }
        Ok(Self { fail_on, known })
    }

    /// Whether a finding is in the baseline: the same rule for the same ServiceAccount. Pods come and go, so their
    /// names do not count.
    #[must_use]
    pub fn knows(&self, report: &Report, finding: &Finding) -> bool {
        let facts = &report.facts;
        let key = (facts.namespace.clone(), facts.service_account_name.clone(), finding.rule.to_owned());
        self.known.contains(&key)
    }

    /// The exit code for these reports: a finding that counts, anywhere; else a doubt, anywhere.
    #[must_use]
    pub fn exit_code(&self, reports: &[Report]) -> u8 {
        let least = match self.fail_on {
            FailOn::Error => Severity::Error,
            FailOn::Warning => Severity::Warning,
        };
        let counts = |report: &&Report| {
            report.findings.iter().any(|finding| finding.severity >= least && !self.knows(report, finding))
        };
        if reports.iter().any(|report| counts(&report)) {
            exit::FINDINGS
        } else if reports.iter().any(|report| report.conclusion == Conclusion::Unknown) {
            exit::COULD_NOT_TELL
        } else {
            exit::HEALTHY
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_is_a_report_or_a_list_of_them() {
        let open = |text: &str| {
            Gate::open(FailOn::Error, Some(Path::new("/b")), &Files::fake([("/b", text)]))
                .map(|gate| gate.known.len())
        };
        let one = r#"{"findings":[{"rule":"RRSA-N01"}],"facts":{"namespace":"a","serviceAccountName":"b"}}"#;
        assert_eq!(open(one).unwrap(), 1);
        assert_eq!(open(&format!(r#"{{"kind":"List","items":[{one},{one}]}}"#)).unwrap(), 1);
        for broken in ["", "{}", r#"{"items":[{}]}"#] {
            assert_eq!(open(broken).unwrap_err().exit_code(), 2, "{broken}");
        }
    }
}
