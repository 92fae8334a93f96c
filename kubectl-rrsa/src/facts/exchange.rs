//! The live proof: AssumeRoleWithOIDC, then GetCallerIdentity with what it gave.

use rrsa_shared::api::Fault;
use serde::Serialize;

use super::seen::Seen;

/// One exchange and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeFacts {
    /// The STS host that was asked, and why that one.
    pub endpoint: String,
    /// `RoleArn` that was sent.
    pub role_arn: String,
    /// `OIDCProviderArn` that was sent.
    pub provider_arn: String,
    /// What came of it.
    pub outcome: ExchangeOutcome,
    /// Milliseconds from the first attempt to the answer.
    pub took_ms: u64,
    /// Attempts made.
    pub attempts: u32,
    /// The server's time minus ours, seconds.
    pub clock_offset_seconds: Option<i64>,
}

/// What came of an exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ExchangeOutcome {
    /// STS handed out a session.
    Granted {
        /// `AssumedRoleUser.Arn`.
        assumed_role_arn: Option<String>,
        /// When the session ends, RFC 3339.
        expiration: String,
        /// The call's id.
        request_id: Option<String>,
        /// Who the session is, or why that could not be asked.
        identity: Seen<IdentityFacts>,
    },
    /// STS refused.
    Refused(#[serde(serialize_with = "fault")] Fault),
    /// No answer of STS came back.
    Lost(Loss),
}

/// Why no answer of STS came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Loss {
    /// Nothing came back: why.
    NoAnswer(String),
    /// Something else answered: what.
    NotSts(String),
}

/// Who a session is, by GetCallerIdentity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityFacts {
    /// `acs:ram::<account>:assumed-role/<role>/<session>`.
    pub arn: String,
    /// Account id.
    pub account: String,
    /// The call's id.
    pub request_id: Option<String>,
    /// Milliseconds from the first attempt to the answer.
    pub took_ms: u64,
}

fn fault<S: serde::Serializer>(fault: &Fault, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Shown<'a> {
        code: &'a str,
        message: &'a str,
        http_status: u16,
        request_id: Option<&'a str>,
        recommend: Option<&'a str>,
    }
    Shown {
        code: &fault.code,
        message: &fault.message,
        http_status: fault.http_status,
        request_id: fault.request_id.as_deref(),
        recommend: fault.recommend.as_deref(),
    }
    .serialize(serializer)
}
