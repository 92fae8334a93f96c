//! The cluster must be the OIDC issuer that RAM knows: its tokens name it, and its keys are published.
//! (RRSA guide; enabling RRSA puts its issuer first, and pods started before keep tokens of the old one.)

use rrsa_shared::ack::ClusterDetail;
use rrsa_shared::arn::{OidcProviderArn, RoleArn};

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

/// The cluster is not being changed right now.
pub(super) fn c03(facts: &Facts) -> Verdict {
    cloud(facts, |detail| {
        let state = detail.state.as_deref().filter(|state| ["updating", "initial"].contains(state))?;
        Some(Evidence::new(
            "running",
            state,
            "state of the cluster in ACK",
            "wait two or three minutes and look again: turning RRSA on or off ends with running",
        ))
    })
}

/// ACK names the issuer that the cluster's tokens carry.
pub(super) fn c04(facts: &Facts) -> Verdict {
    let issuer = match facts.cluster.issuer.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(issuer) => issuer,
    };
    if c01(facts).is_broken() {
        return Verdict::NotApplicable;
    }
    cloud(facts, |detail| {
        let known = detail.rrsa.as_ref().filter(|rrsa| rrsa.enabled)?.first_issuer()?;
        (known != issuer).then(|| {
            Evidence::new(
                known,
                issuer.clone(),
                "issuer of the API server, against RRSA in ACK",
                "compare to the byte (slash, scheme, region, cluster id); turn RRSA off and on again, or open a ticket",
            )
        })
    })
}

/// The API server is of a version that RRSA works with.
pub(super) fn c06(facts: &Facts) -> Verdict {
    let version = match facts.cluster.version.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(version) => version,
    };
    let mut numbers = version.trim_start_matches('v').split('.').map(|part| part.parse::<u32>().ok());
    let (Some(Some(major)), Some(Some(minor))) = (numbers.next(), numbers.next()) else {
        return Verdict::Unseen(format!("the version {version} is not one"));
    };
    // Where RRSA is on, it works.
    if (major, minor) >= (1, 22) || facts.cluster.rrsa_enabled.value() == Some(&true) {
        return Verdict::Holds;
    }
    Evidence::new(
        "Kubernetes 1.22 or later",
        version.clone(),
        "version of the API server",
        "upgrade the cluster: RRSA is for managed clusters of 1.22 and later",
    )
    .into()
}

/// Role, provider and cluster are of one account.
pub(super) fn c13(facts: &Facts) -> Verdict {
    let role = match facts.role_in_use.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(arn) => RoleArn::parse(arn),
    };
    let provider = match facts.provider_in_use.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(arn) => OidcProviderArn::parse(arn),
    };
    let (Ok(role), Ok(provider)) = (role, provider) else { return Verdict::NotApplicable };
    let cluster = facts.cluster.account.value();
    if role.account == provider.account && cluster.is_none_or(|account| *account == provider.account) {
        return Verdict::Holds;
    }
    Evidence::new(
        cluster
            .map_or_else(|| "one account".to_owned(), |account| format!("account {account}, the cluster's")),
        format!("role of account {}, OIDC provider of account {}", role.account, provider.account),
        "the ARNs in use",
        "use a role of the cluster's own account; for another account, let that role assume the other one",
    )
    .into()
}

fn cloud(facts: &Facts, broken: impl FnOnce(&ClusterDetail) -> Option<Evidence>) -> Verdict {
    match facts.cluster.cloud.as_result() {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(None) => Verdict::NotApplicable,
        Ok(Some(detail)) => broken(detail).map_or(Verdict::Holds, Verdict::from),
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
        // STS has verified it.
        Err(_) if facts.was_granted() => Verdict::Holds,
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
