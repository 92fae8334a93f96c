//! The cluster must be the OIDC issuer that RAM knows: its tokens name it, and its keys are published.
//! (RRSA guide; enabling RRSA puts its issuer first, and pods started before keep tokens of the old one.)

use super::finding::{Evidence, Verdict};
use crate::facts::{DEFAULT_ISSUER, Facts, TokenSource};

/// RRSA is on: new tokens carry an issuer that the public can reach.
pub(super) fn c01(facts: &Facts) -> Verdict {
    match facts.cluster.issuer.as_result() {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(issuer) if issuer == DEFAULT_ISSUER => {
            let id = facts.cluster.cluster_id.value().map_or("CLUSTER_ID", String::as_str);
            Evidence::new(
                "an issuer such as https://oidc-ack-REGION.oss-REGION.aliyuncs.com/CLUSTER_ID",
                issuer,
                "issuer of the API server",
                "turn RRSA on in the console (cluster, Basic Information, RRSA OIDC) or with the command, \
                 wait until the cluster is Running again, then restart the pods",
            )
            .command(format!("aliyun cs ModifyCluster --ClusterId {id} --body '{{\"enable_rrsa\":true}}'"))
            .into()
        }
        Ok(_) => Verdict::Holds,
    }
}

/// The pod's token is of today's issuer, not of the time before RRSA was turned on.
pub(super) fn c02(facts: &Facts) -> Verdict {
    let (token, issuer) = match (facts.token.as_result(), facts.cluster.issuer.as_result()) {
        (Err(why), _) | (_, Err(why)) => return Verdict::Unseen(why.to_owned()),
        (Ok(token), Ok(issuer)) => (token, issuer),
    };
    if token.source == TokenSource::TokenRequest || token.problem.is_some() {
        return Verdict::NotApplicable;
    }
    if token.claims.issuer.as_deref() != Some(DEFAULT_ISSUER) || issuer == DEFAULT_ISSUER {
        return Verdict::Holds;
    }
    let pod = facts.pod.as_ref();
    Evidence::new(
        issuer,
        DEFAULT_ISSUER,
        "claim iss of the token in the pod",
        "restart the workload: a running pod keeps the kind of token it was born with",
    )
    .command(pod.map_or_else(String::new, |pod| super::pod::restart(&facts.namespace, pod)))
    .into()
}

/// A key the issuer publishes signed the token, so that STS can check it.
pub(super) fn c10(facts: &Facts) -> Verdict {
    let token = match facts.token.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(token) if token.problem.is_some() => return Verdict::NotApplicable,
        Ok(token) => token,
    };
    // The keys at hand are today's issuer's; a token of another issuer is another rule's finding.
    if c02(facts).is_broken() || super::token::t07(facts).is_broken() {
        return Verdict::NotApplicable;
    }
    match token.signature.as_result() {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(None) => Verdict::Holds,
        Ok(Some(fault)) => Evidence::new(
            "a signature by one of the keys that the issuer publishes",
            fault,
            facts.cluster.jwks_url.value().map_or("key set of the issuer", String::as_str),
            "ask for a new token (restart the pod); if it stays, the published keys are out of date: \
             open a ticket with the cluster id",
        )
        .into(),
    }
}
