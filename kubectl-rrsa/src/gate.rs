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
    /// Fingerprints of what is known already, where there is a baseline.
    known: Option<BTreeSet<String>>,
}

impl Gate {
    /// A gate that knows the findings of `baseline`, a file that an earlier run wrote with `-o json`.
    ///
    /// # Errors
    /// A file that cannot be read or is no such report.
    pub fn open(fail_on: FailOn, baseline: Option<&Path>, files: &Files) -> Result<Self, Error> {
        let Some(path) = baseline else { return Ok(Self { fail_on, known: None }) };
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
            for finding in findings {
                let fingerprint = finding["fingerprint"].as_str();
                let fingerprint =
                    fingerprint.ok_or_else(|| unusable("a finding has no fingerprint".to_owned()))?;
                known.insert(fingerprint.to_owned());
                let also = finding["also"].as_array().into_iter().flatten();
                known.extend(also.filter_map(|one| Some(one["fingerprint"].as_str()?.to_owned())));
            }
        }
        Ok(Self { fail_on, known: Some(known) })
    }

    /// Whether there is a baseline.
    #[must_use]
    pub fn has_baseline(&self) -> bool {
        self.known.is_some()
    }

    /// Whether a finding is in the baseline, with all that has its trouble.
    #[must_use]
    pub fn knows(&self, finding: &Finding) -> bool {
        self.known.as_ref().is_some_and(|known| {
            known.contains(&finding.fingerprint)
                && finding.also.iter().all(|one| known.contains(&one.fingerprint))
        })
    }

    /// Whether a finding fails the run.
    #[must_use]
    pub fn counts(&self, finding: &Finding) -> bool {
        let least = match self.fail_on {
            FailOn::Error => Severity::Error,
            FailOn::Warning => Severity::Warning,
        };
        finding.severity >= least && !self.knows(finding)
    }

    /// The exit code for these reports: a finding that counts, anywhere; else a doubt, anywhere.
    #[must_use]
    pub fn exit_code(&self, reports: &[Report]) -> u8 {
        let counts = |report: &&Report| report.findings.iter().any(|finding| self.counts(finding));
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
                .map(|gate| gate.known.unwrap_or_default().len())
        };
        let one = r#"{"findings":[{"rule":"RRSA-N01","fingerprint":"0123456789abcdef"}]}"#;
        assert_eq!(open(one).unwrap(), 1);
        assert_eq!(open(&format!(r#"{{"kind":"List","items":[{one},{one}]}}"#)).unwrap(), 1);
        for broken in ["", "{}", r#"{"items":[{}]}"#, r#"{"findings":[{"rule":"RRSA-N01"}]}"#] {
            assert_eq!(open(broken).unwrap_err().exit_code(), 2, "{broken}");
        }
    }
}
