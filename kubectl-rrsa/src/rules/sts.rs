//! What STS answers is the proof. A refusal is read by code and message together, because one code has several
//! causes. (AssumeRoleWithOIDC, error codes.)

use rrsa_shared::api::Fault;
use rrsa_shared::arn::RoleArn;
use rrsa_shared::sts::{FaultKind, KnownFault};

use super::finding::{Evidence, Verdict};
use super::{obstacle, pod};
use crate::facts::{DEFAULT_ISSUER, Denial, ExchangeFacts, ExchangeOutcome, Facts, Loss};
use crate::shell::word;

/// The role's trust policy admits the token.
pub(super) fn x01(facts: &Facts) -> Verdict {
    let verdict = refused(facts, &[FaultKind::TrustPolicyRefused], |exchange, _| {
        let issuer = facts.cluster.issuer.value().map_or("the cluster's issuer", String::as_str);
        let role = RoleArn::parse(&exchange.role_arn).map_or_else(|_| "ROLE".to_owned(), |arn| arn.name);
        (
            format!(
                "a statement of the role's trust policy that allows sts:AssumeRole to {} with oidc:iss = {issuer}, \
                 oidc:aud = sts.aliyuncs.com and oidc:sub = {}",
                exchange.provider_arn,
                facts.token_subject()
            ),
            "compare the trust policy with these three claims to the letter; a change takes about 30 s to bite"
                .to_owned(),
            Some(obstacle::compare(facts, &role)),
        )
    });
    let Verdict::Broken(mut evidence) = verdict else { return verdict };
    match obstacle::admits(facts) {
        // Its own rules say what in it does not fit.
        Ok(false) => return Verdict::NotApplicable,
        Ok(true) => evidence.seen.push_str("; as it stands now the trust policy would let the token in"),
        Err(why) => evidence.remedy = format!("{} (which one differs is not seen: {why})", evidence.remedy),
    }
    evidence.into()
}

/// The OIDC provider exists in RAM.
pub(super) fn x02(facts: &Facts) -> Verdict {
    refused(facts, &[FaultKind::ProviderNotRegistered], |exchange, _| {
        if let Some(own) = facts.cluster.provider_arn.value().filter(|own| **own != exchange.provider_arn) {
            let place = facts.provider_in_use.origin().unwrap_or("the workload");
            let remedy = format!("name the provider of this cluster ({place}), or make one of that name");
            return (own.clone(), remedy, None);
        }
        (
            exchange.provider_arn.clone(),
            "turn RRSA on for this cluster (again): that makes the provider; then restart the pods"
                .to_owned(),
            Some("aliyun ims ListOIDCProviders".to_owned()),
        )
    })
}

/// The OIDC provider ARN can be read.
pub(super) fn x03(facts: &Facts) -> Verdict {
    refused(facts, &[FaultKind::ProviderArnInvalid], |_, _| {
        let right =
            facts.cluster.provider_arn.value().map_or("acs:ram::ACCOUNT:oidc-provider/NAME", String::as_str);
        (right.to_owned(), "set the provider ARN of this cluster".to_owned(), None)
    })
}

/// The OIDC provider takes the token's audience.
pub(super) fn x04(facts: &Facts) -> Verdict {
    refused(facts, &[FaultKind::AudienceNotMatch], |exchange, _| {
        let name = word(exchange.provider_arn.rsplit('/').next().unwrap_or_default());
        let right = facts
            .token
            .value()
            .is_some_and(|t| t.claims.audiences.iter().any(|a| a == crate::facts::AUDIENCE));
        if right {
            (
                "sts.aliyuncs.com among the client ids of the OIDC provider".to_owned(),
                "the token's audience is right, so the provider lacks the client id: add it".to_owned(),
                Some(format!(
                    "aliyun ims AddClientIdToOIDCProvider --OIDCProviderName {name} --ClientId sts.aliyuncs.com"
                )),
            )
        } else {
            (
                "a token for audience sts.aliyuncs.com".to_owned(),
                "project the token for audience sts.aliyuncs.com, whatever STS host is used".to_owned(),
                None,
            )
        }
    })
}

/// STS finds the token alive.
pub(super) fn x05(facts: &Facts) -> Verdict {
    refused(facts, &[FaultKind::TokenExpired], |_, _| {
        (
            "a token that is neither expired nor older than the provider's issuance limit".to_owned(),
            "read the token file anew for each exchange; if the file itself is old, restart the pod"
                .to_owned(),
            None,
        )
    })
}

/// STS can read the token.
pub(super) fn x06(facts: &Facts) -> Verdict {
    refused(facts, &[FaultKind::TokenInvalid], |_, _| {
        (
            "an RS256 JWT of three parts".to_owned(),
            "look at the token file: something else than the projected token is in it".to_owned(),
            None,
        )
    })
}

/// STS finds the signature right.
pub(super) fn x07(facts: &Facts) -> Verdict {
    refused(facts, &[FaultKind::TokenSignatureInvalid], |_, _| {
        (
            "a signature by one of the keys that the issuer publishes".to_owned(),
            "restart the pod for a new token; if it stays, the published keys are out of date: open a ticket"
                .to_owned(),
            None,
        )
    })
}

/// The OIDC provider is for the token's issuer.
pub(super) fn x08(facts: &Facts) -> Verdict {
    refused(facts, &[FaultKind::IssuerNotMatch], |exchange, _| {
        let issuer = facts.token.value().and_then(|token| token.claims.issuer.as_deref());
        let name = word(exchange.provider_arn.rsplit('/').next().unwrap_or_default());
        (
            format!("a provider whose issuer is {}", issuer.unwrap_or("the token's")),
            "use the provider of this cluster; if it is this one, turn RRSA off and on, and restart the pods"
                .to_owned(),
            Some(format!("aliyun ims GetOIDCProvider --OIDCProviderName {name}")),
        )
    })
}

/// STS can fetch the issuer's keys.
pub(super) fn x09(facts: &Facts) -> Verdict {
    refused(facts, &[FaultKind::IssuerConfigurationBroken], |_, fault| {
        let remedy = if fault.message.contains(DEFAULT_ISSUER) {
            "RRSA is off, or the token is older than RRSA on this cluster: turn it on, then restart the pods"
        } else {
            "the issuer's discovery document or keys cannot be fetched: try its address, then open a ticket"
        };
        let url = facts.cluster.discovery_url.value().filter(|_| !fault.message.contains(DEFAULT_ISSUER));
        (
            "an issuer whose keys STS can fetch".to_owned(),
            remedy.to_owned(),
            url.map(|url| format!("curl -sS {}", word(url))),
        )
    })
}

/// STS trusts the issuer's TLS certificate.
pub(super) fn x10(facts: &Facts) -> Verdict {
    refused(facts, &[FaultKind::IssuerTlsInvalid, FaultKind::IssuerFingerprintMismatch], |exchange, _| {
        let name = word(exchange.provider_arn.rsplit('/').next().unwrap_or_default());
        (
            "a certificate chain that the OIDC provider's fingerprints and STS accept".to_owned(),
            "compare the provider's fingerprints with the issuer's certificate; RRSA manages them: open a ticket"
                .to_owned(),
            Some(format!("aliyun ims GetOIDCProvider --OIDCProviderName {name}")),
        )
    })
}

/// The role exists.
pub(super) fn x11(facts: &Facts) -> Verdict {
    refused(facts, &[FaultKind::RoleNotExist], |exchange, _| {
        (
            exchange.role_arn.clone(),
            match facts.service_account.value().and_then(Option::as_ref).and_then(|a| a.role_name()) {
                Some(_) => "create the role, or mend its name in the ServiceAccount's annotation".to_owned(),
                None => "create the role, or mend its ARN in the variable of the workloads that name it"
                    .to_owned(),
            },
            Some("aliyun ram ListRoles".to_owned()),
        )
    })
}

/// The session's length is one that the role gives.
pub(super) fn x12(facts: &Facts) -> Verdict {
    refused(facts, &[FaultKind::InvalidDuration], |_, _| {
        let most =
            facts.account.role.value().and_then(Option::as_ref).and_then(|role| role.max_session_duration);
        (
            most.map_or("900 seconds to the role's MaxSessionDuration".to_owned(), |most| {
                format!("900 to {most} seconds")
            }),
            "ask for a shorter session, or raise the role's MaxSessionDuration".to_owned(),
            None,
        )
    })
}

/// The other parameters are ones that STS can read.
pub(super) fn x13(facts: &Facts) -> Verdict {
    let kinds = [
        FaultKind::InvalidSessionName,
        FaultKind::InvalidRoleArn,
        FaultKind::InvalidPolicy,
        FaultKind::InvalidParameter,
    ];
    refused(facts, &kinds, |exchange, _| {
        (
            format!("parameters that STS can read; the role was {}", exchange.role_arn),
            "mend what the message names where the workload is defined".to_owned(),
            None,
        )
    })
}

/// The machine's clock is right enough for signed calls.
pub(super) fn x16(facts: &Facts) -> Verdict {
    refused(facts, &[FaultKind::ClockOff], |exchange, _| {
        let offset =
            exchange.clock_offset_seconds.map_or("not known".to_owned(), |offset| format!("{offset} s"));
        (
            "a clock within 15 minutes of STS's".to_owned(),
            format!("set the clock of this machine (STS's is ahead by {offset})"),
            None,
        )
    })
}

/// What answers is STS.
pub(super) fn x17(facts: &Facts) -> Verdict {
    let exchange = match facts.exchange.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(exchange) => exchange,
    };
    let ExchangeOutcome::Lost(Loss::NotSts(why)) = &exchange.outcome else { return Verdict::NotApplicable };
    Evidence::new(
        "an answer of STS",
        why.clone(),
        format!("AssumeRoleWithOIDC at {}", exchange.endpoint),
        "a proxy, a gateway or a captive page answers in its place: look at HTTPS_PROXY, NO_PROXY and the route",
    )
    .into()
}

/// STS is not throttling.
pub(super) fn x14(facts: &Facts) -> Verdict {
    refused(facts, &[FaultKind::Throttled], |exchange, _| {
        (
            "an answer".to_owned(),
            format!(
                "wait and try again ({} attempts were made); find the workload that asks STS for each request \
                 instead of keeping its session",
                exchange.attempts
            ),
            None,
        )
    })
}

/// STS has no trouble of its own.
pub(super) fn x15(facts: &Facts) -> Verdict {
    refused(facts, &[FaultKind::ServerTrouble], |exchange, _| {
        let remedy =
            format!("try again ({} attempts were made); nothing of yours is wrong", exchange.attempts);
        ("an answer".to_owned(), remedy, None)
    })
}

/// The session is of the role that was meant.
pub(super) fn x18(facts: &Facts) -> Verdict {
    let exchange = match facts.exchange.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(exchange) => exchange,
    };
    let ExchangeOutcome::Granted { identity, .. } = &exchange.outcome else { return Verdict::NotApplicable };
    let identity = match identity.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(identity) => identity,
    };
    let expected = exchange.role_arn.replacen(":role/", ":assumed-role/", 1);
    if identity.arn.strip_prefix(&expected).is_some_and(|session| session.starts_with('/')) {
        return Verdict::Holds;
    }
    Evidence::new(
        format!("{expected}/…"),
        &identity.arn,
        "GetCallerIdentity",
        "the role ARN in use is not the one that was meant: compare it with the ServiceAccount's annotation",
    )
    .into()
}

/// No service has refused the session what the application wanted of it.
pub(super) fn x19(facts: &Facts) -> Verdict {
    denied(facts, |denial, role| {
        Some((
            "a permission policy of the role that allows it".to_owned(),
            "the identity is fine, RRSA has done its part: attach a policy that allows the action, or look for one that \
             denies it"
                .to_owned(),
            format!("aliyun ram ListPoliciesForRole --RoleName {role}"),
        ))
        .filter(|_| denial.action.is_none())
    })
}

/// The role's policies allow the action that a service refused.
pub(super) fn r19(facts: &Facts) -> Verdict {
    denied(facts, |denial, role| {
        let action = denial.action.as_deref()?;
        let remedy = match denial.kind.as_deref() {
            Some("ExplicitDeny") => {
                "a policy denies it: find it among those of the role and of the resource directory"
            }
            _ => "no policy allows it: attach one that does",
        };
        let attached = match facts.account.policies.value() {
            Some(policies) => format!("; attached: {}", policies.join(", ")),
            None => String::new(),
        };
        Some((
            format!("a permission policy of role {role} that allows {action}"),
            format!("{remedy}{attached}"),
            format!("aliyun ram ListPoliciesForRole --RoleName {role}"),
        ))
    })
}

fn denied(facts: &Facts, advice: impl FnOnce(&Denial, &str) -> Option<(String, String, String)>) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    if !facts.was_granted() {
        return Verdict::NotApplicable;
    }
    let found = pod.containers.iter().find_map(|c| Some((c, c.last_denial.as_ref()?)));
    let Some((container, denial)) = found else { return Verdict::Holds };
    let role = facts.role_in_use.value().and_then(|arn| RoleArn::parse(arn).ok());
    let role = role.map_or_else(|| "ROLE".to_owned(), |arn| arn.name);
    let Some((expected, remedy, command)) = advice(denial, &role) else { return Verdict::NotApplicable };
    let details = [&denial.action, &denial.kind, &denial.policy_type].into_iter().flatten();
    let seen: Vec<&str> = std::iter::once(&denial.code).chain(details).map(String::as_str).collect();
    Evidence::new(
        expected,
        seen.join(", "),
        format!("last words of {}", pod::place(facts, pod, container)),
        remedy,
    )
    .command(command)
    .into()
}

type Advice = (String, String, Option<String>);

fn refused(
    facts: &Facts,
    kinds: &[FaultKind],
    advice: impl FnOnce(&ExchangeFacts, &Fault) -> Advice,
) -> Verdict {
    let exchange = match facts.exchange.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(exchange) => exchange,
    };
    let fault = match &exchange.outcome {
        ExchangeOutcome::Granted { .. } => return Verdict::Holds,
        ExchangeOutcome::Lost(Loss::NotSts(_)) => return Verdict::NotApplicable,
        ExchangeOutcome::Lost(Loss::NoAnswer(why)) => return Verdict::Unseen(why.clone()),
        ExchangeOutcome::Refused(fault) => fault,
    };
    if !kinds.contains(&FaultKind::of(fault)) {
        return Verdict::NotApplicable;
    }
    let (expected, remedy, command) = advice(exchange, fault);
    let cause = KnownFault::of(fault).map_or("", |known| known.cause);
    let mut evidence = Evidence::new(
        expected,
        format!("{fault}: {cause}"),
        format!("AssumeRoleWithOIDC at {}", exchange.endpoint),
        remedy,
    );
    evidence.command = command;
    evidence.into()
}
