//! What a probe saw from where it ran, as one JSON document between two programs of possibly different versions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::exchange::ExchangeFacts;
use super::network::NetworkFacts;
use super::token::TokenFacts;
use crate::seen::Seen;

/// The form of the document; a reader refuses another one.
pub const SCHEMA: u32 = 1;

/// What a probe saw. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeReport {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Version of the program.
    pub version: String,
    /// RRSA's variables as the process has them.
    pub variables: BTreeMap<String, String>,
    /// User and group the process runs as, such as `65532:65532`.
    pub user: Seen<String>,
    /// The token file.
    pub token: Seen<TokenFacts>,
    /// The way to STS.
    pub network: Seen<NetworkFacts>,
    /// The exchange.
    pub exchange: Seen<ExchangeFacts>,
    /// Whether the instance metadata service answers here.
    pub metadata_service: Seen<bool>,
}

/// Why a text is no report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportError {
    /// No JSON document of this kind: why.
    Form(String),
    /// A document of another form: its number.
    Schema(u32),
}

impl std::fmt::Display for ReportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Form(why) => write!(f, "what the probe printed is no report: {why}"),
            Self::Schema(found) => {
                write!(f, "the probe's report is of form {found}, and this program reads form {SCHEMA}")
            }
        }
    }
}

impl std::error::Error for ReportError {}

impl ProbeReport {
    /// Reads a report.
    ///
    /// # Errors
    /// A text that is none, or one of another form.
    pub fn parse(text: &str) -> Result<Self, ReportError> {
        #[derive(Deserialize)]
        struct Head {
            schema: u32,
        }
        let form = |error: serde_json::Error| ReportError::Form(error.to_string());
        let head: Head = serde_json::from_str(text).map_err(form)?;
        if head.schema != SCHEMA {
            return Err(ReportError::Schema(head.schema));
        }
        serde_json::from_str(text).map_err(form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_comes_back_as_it_was_written() {
        let unseen = || Seen::unknown("x");
        let report = ProbeReport {
            schema: SCHEMA,
            version: "1".to_owned(),
            variables: BTreeMap::from([("A".to_owned(), "b".to_owned())]),
            user: Seen::known("0:0".to_owned(), "process"),
            token: Seen::unknown("x"),
            network: Seen::unknown("x"),
            exchange: unseen(),
            metadata_service: Seen::known(true, "y"),
        };
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(ProbeReport::parse(&text), Ok(report));
        assert!(matches!(ProbeReport::parse("sh: not found"), Err(ReportError::Form(_))));
        assert_eq!(ProbeReport::parse(r#"{"schema":2,"new":1}"#), Err(ReportError::Schema(2)));
    }
}
