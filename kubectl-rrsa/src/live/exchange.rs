//! AssumeRoleWithOIDC with a token, then GetCallerIdentity with what it gave.

use std::time::Duration;

use rrsa_shared::api::{ApiError, Call};
use rrsa_shared::arn;
use rrsa_shared::oidc::OidcToken;
use rrsa_shared::sts::{AssumeRoleWithOidc, GetCallerIdentity, Session, SessionName};

use crate::cloud::{Cloud, describe};
use crate::facts::{ExchangeFacts, ExchangeOutcome, IdentityFacts, Loss, Seen};

/// The shortest session STS gives, seconds; the session is used once.
const DURATION: u32 = 900;

/// What to exchange a token for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `RoleArn`.
    pub role_arn: Seen<String>,
    /// `OIDCProviderArn`.
    pub provider_arn: Seen<String>,
    /// Whom the session's name should tell of: namespace and ServiceAccount.
    pub subject: (String, String),
}

/// Runs the exchange, and says why when it could not even be tried.
pub async fn exchange(cloud: &Cloud, plan: &Plan, token: OidcToken) -> Seen<ExchangeFacts> {
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
        session_name: SessionName::of(&["kubectl-rrsa", &plan.subject.0, &plan.subject.1]),
        duration_seconds: Some(DURATION),
        policy: None,
    };
    let sts = &cloud.sts;
    let done = sts.call(|stamp| call.request(&sts.endpoint, stamp), AssumeRoleWithOidc::read).await;
    let Call { result, attempts, took, clock_offset } = done;
    let outcome = match result {
        Ok((session, _)) => granted(cloud, session).await,
        Err(ApiError::Fault(fault)) => ExchangeOutcome::Refused(*fault),
        Err(error) => {
            let words = format!("STS at {}: {error}", sts.endpoint.host());
            ExchangeOutcome::Lost(match error {
                ApiError::NotTheApi { .. } => Loss::NotSts(words),
                _ => Loss::NoAnswer(words),
            })
        }
    };
    let endpoint = describe(&sts.endpoint, &cloud.sts_origin);
    let facts = ExchangeFacts {
        endpoint: endpoint.clone(),
        role_arn,
        provider_arn,
        outcome,
        took_ms: millis(took),
        attempts,
        clock_offset_seconds: clock_offset,
    };
    Seen::known(facts, format!("AssumeRoleWithOIDC at {endpoint}"))
}

async fn granted(cloud: &Cloud, session: Session) -> ExchangeOutcome {
    let sts = &cloud.sts;
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
        Err(error) => Seen::unknown(format!("GetCallerIdentity: {error}")),
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
