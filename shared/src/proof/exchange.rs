//! The live proof: AssumeRoleWithOIDC, then GetCallerIdentity with what it gave.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::api::{ApiClient, ApiError, Call, Fault};
use crate::arn;
use crate::oidc::OidcToken;
use crate::seen::Seen;
use crate::sts::{AssumeRoleWithOidc, GetCallerIdentity, Session, SessionName};

/// One exchange and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
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
    Refused(Fault),
    /// No answer of STS came back.
    Lost(Loss),
}

/// Why no answer of STS came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Loss {
    /// Nothing came back: why.
    NoAnswer(String),
    /// Something else answered: what.
    NotSts(String),
}

/// Who a session is, by GetCallerIdentity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// What to exchange a token for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `RoleArn`.
    pub role_arn: Seen<String>,
    /// `OIDCProviderArn`.
    pub provider_arn: Seen<String>,
    /// `RoleSessionName`.
    pub session_name: SessionName,
    /// `DurationSeconds`.
    pub session_seconds: u32,
}

impl Plan {
    /// The session length of a proof, seconds: the shortest that STS gives, for it is used once.
    pub const SESSION_SECONDS: u32 = 900;
}

/// Runs the exchange, and says why when it could not even be tried. `endpoint` names the host of `sts` and why that one.
pub async fn exchange(sts: &ApiClient, endpoint: &str, plan: &Plan, token: OidcToken) -> Seen<ExchangeFacts> {
    let (role_arn, provider_arn) = match (plan.role_arn.as_result(), plan.provider_arn.as_result()) {
        (Err(why), _) => return Seen::unknown(format!("which role to ask for is not known: {why}")),
        (_, Err(why)) => return Seen::unknown(format!("which OIDC provider to name is not known: {why}")),
        (Ok(role), Ok(provider)) => (role.clone(), provider.clone()),
    };
    if let Some(text) = [&role_arn, &provider_arn].into_iter().find(|text| arn::is_placeholder(text)) {
        return Seen::unknown(format!("not tried: {text} is a placeholder"));
    }
    let call = AssumeRoleWithOidc {
        provider_arn: provider_arn.clone(),
        role_arn: role_arn.clone(),
        token,
        session_name: plan.session_name.clone(),
        duration_seconds: Some(plan.session_seconds),
        policy: None,
    };
    let done = sts.call(|stamp| call.request(&sts.endpoint, stamp), AssumeRoleWithOidc::read).await;
    let Call { result, attempts, took, clock_offset } = done;
    let outcome = match result {
        Ok((session, _)) => granted(sts, session).await,
        Err(ApiError::Fault(fault)) => ExchangeOutcome::Refused(fault.without(call.token.expose())),
        Err(error) => {
            let words = format!("STS at {}: {error}", sts.endpoint.host());
            ExchangeOutcome::Lost(match error {
                ApiError::NotTheApi { .. } => Loss::NotSts(words),
                _ => Loss::NoAnswer(words),
            })
        }
    };
    let facts = ExchangeFacts {
        endpoint: endpoint.to_owned(),
        role_arn,
        provider_arn,
        outcome,
        took_ms: millis(took),
        attempts,
        clock_offset_seconds: clock_offset,
    };
    Seen::known(facts, format!("AssumeRoleWithOIDC at {endpoint}"))
}

async fn granted(sts: &ApiClient, session: Session) -> ExchangeOutcome {
    let call = sts
        .call(|stamp| GetCallerIdentity.request(&sts.endpoint, &session.key, stamp), GetCallerIdentity::read)
        .await;
    let identity = match call.result {
        Ok(identity) => Seen::known(
            IdentityFacts {
                arn: identity.arn,
                account: identity.account_id,
                request_id: identity.request_id,
                took_ms: millis(call.took),
            },
            "GetCallerIdentity",
        ),
        Err(error) => Seen::unknown(format!("GetCallerIdentity: {}", error.without(&session.key))),
    };
    ExchangeOutcome::Granted {
        assumed_role_arn: session.assumed_role_arn,
        expiration: session.expiration.to_string(),
        request_id: session.request_id,
        identity,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
