//! The cluster must be the OIDC issuer that RAM knows: its tokens name it, and its keys are published.
//! (RRSA guide; enabling RRSA puts its issuer first, and pods started before keep tokens of the old one.)

use rrsa_shared::ack::ClusterDetail;
use rrsa_shared::arn::{OidcProviderArn, RoleArn};
use rrsa_shared::env_vars;

use rrsa_shared::ports::http::TransportFault;
use rrsa_shared::sts::REGIONS;

use super::finding::{Evidence, Verdict};
use super::{pod, restart, variables, volume};
use crate::facts::{DEFAULT_ISSUER, Facts, IssuerFacts, IssuerShape, Published, TokenSource};
use crate::shell::word;

/// RRSA is on: new tokens carry an issuer that the public can reach.
pub(super) fn c01(facts: &Facts) -> Verdict {
    match facts.cluster.issuer.as_result() {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(issuer) if issuer == DEFAULT_ISSUER && !is_elsewhere(facts) => {
            // Where nobody can tell the cluster, the shell asks for it and does nothing without.
            let id = facts.cluster.cluster_id.value().map_or("\"${CLUSTER_ID:?}\"", String::as_str);
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
        let rrsa = detail.rrsa.as_ref().filter(|rrsa| rrsa.enabled)?;
        let known = rrsa.first_issuer()?;
        // Which of several is the first is C05's.
        rrsa.issuer.split(',').all(|one| one.trim() != issuer).then(|| {
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

/// RRSA's issuer is the first of the cluster's: new tokens carry the first.
pub(super) fn c05(facts: &Facts) -> Verdict {
    cloud(facts, |detail| {
        let rrsa = detail.rrsa.as_ref().filter(|rrsa| rrsa.enabled)?;
        let issuers: Vec<&str> = rrsa.issuer.split(',').map(str::trim).collect();
        let at =
            issuers.iter().position(|issuer| IssuerShape::read(issuer).is_some()).filter(|at| *at > 0)?;
        // Whatever the order there: new tokens are RRSA's.
        let of_token = facts.token.value().and_then(|token| token.claims.issuer.as_deref());
        if of_token.or(facts.cluster.issuer.value().map(String::as_str)) == Some(issuers[at]) {
            return None;
        }
        Some(Evidence::new(
            issuers[at],
            format!("{}, of {} issuers", issuers[0], issuers.len()),
            "first issuer of the cluster in ACK",
            "put RRSA's issuer first among the API server's issuers; turn RRSA off and on again, or open a ticket",
        ))
    })
}

/// The tokens are of the cluster that RAM knows, not of one inside it.
pub(super) fn c07(facts: &Facts) -> Verdict {
    match facts.cluster.issuer.as_result() {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(issuer) if issuer == VIRTUAL_ISSUER && !is_elsewhere(facts) => Evidence::new(
            "the issuer of an ACK cluster, https://oidc-ack-…",
            issuer,
            "issuer of the API server",
            "this is a virtual cluster (vcluster, k3s) that signs tokens of its own: use tokens of the cluster \
             around it, or make an OIDC provider for this issuer once its keys are public",
        )
        .into(),
        Ok(_) => Verdict::Holds,
    }
}

/// Whether nothing of the cluster is Alibaba Cloud's, its nodes neither: kubeadm and others have the same issuers.
fn is_elsewhere(facts: &Facts) -> bool {
    let is_ours = |region: &String| REGIONS.contains(&region.as_str());
    !facts.cluster.region.value().is_some_and(is_ours) && a05(facts).is_broken()
}

/// The issuer that vcluster and k3s give themselves.
const VIRTUAL_ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// The OIDC provider that is named carries this cluster's id.
pub(super) fn c12(facts: &Facts) -> Verdict {
    let of_pod = |pod: &crate::facts::PodFacts| {
        pod.containers.iter().any(|c| c.value(env_vars::OIDC_PROVIDER_ARN).is_some())
    };
    // What a pod says itself is another rule's finding.
    if facts.pod.as_ref().is_some_and(of_pod) {
        return Verdict::NotApplicable;
    }
    let (arn, id) = match (facts.provider_in_use.as_result(), facts.cluster.cluster_id.as_result()) {
        (Err(why), _) | (_, Err(why)) => return Verdict::Unseen(why.to_owned()),
        (Ok(arn), Ok(id)) => (arn, id),
    };
    let named = OidcProviderArn::parse(arn).ok();
    match named.as_ref().and_then(OidcProviderArn::cluster_id).filter(|other| other != id) {
        None => Verdict::Holds,
        Some(other) => Evidence::new(
            format!("ack-rrsa-{id}"),
            format!("ack-rrsa-{other}"),
            "the OIDC provider in use",
            "manifests were copied or the cluster was rebuilt: name this cluster's provider, and admit it in trust policies",
        )
        .into(),
    }
}

/// The context is a cluster of ACK or ACS.
pub(super) fn a05(facts: &Facts) -> Verdict {
    if facts.offline {
        return Verdict::NotApplicable;
    }
    let cluster = &facts.cluster;
    let issuer = match cluster.issuer.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(issuer) => issuer,
    };
    let installed = match cluster.webhook.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(webhook) => webhook.is_some(),
    };
    if IssuerShape::read(issuer).is_some() || cluster.cluster_id.value().is_some() || installed {
        return Verdict::Holds;
    }
    // What may not be looked at may be there.
    if let Some(why) = cluster.cluster_id.why_unknown().filter(|why| why.contains("forbidden")) {
        return Verdict::Unseen(why.to_owned());
    }
    let region = cluster.region.value().map_or("no region", |_| "a region");
    Evidence::new(
        "an issuer https://oidc-ack-…, configmap kube-system/ack-cluster-profile, or ack-pod-identity-webhook",
        format!("issuer {issuer}, none of the others; {region} on the nodes"),
        format!("the cluster at {}", cluster.server),
        "look whether the context is the right one; elsewhere RRSA can be set up by hand, with an OIDC provider of your \
         own for the cluster's issuer",
    )
    .into()
}

/// The clock of this machine is right.
pub(super) fn a04(facts: &Facts) -> Verdict {
    let exchange = match facts.exchange.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(exchange) => exchange,
    };
    match exchange.clock_offset_seconds {
        None => Verdict::Unseen("STS's answer carries no date".to_owned()),
        Some(offset) if offset.abs() <= CLOCK_TOLERANCE => Verdict::Holds,
        Some(offset) => Evidence::new(
            format!("a clock within {CLOCK_TOLERANCE} s of STS's"),
            if offset > 0 {
                format!("{offset} s behind STS's")
            } else {
                format!("{} s ahead of STS's", -offset)
            },
            "the clock where the exchange was made",
            "set the clock; times of tokens are judged by it here",
        )
        .into(),
    }
}

/// How far a clock may be off before times cannot be trusted, seconds.
const CLOCK_TOLERANCE: i64 = 60;

/// The public, and so STS, can read the issuer's discovery document.
pub(super) fn c08(facts: &Facts) -> Verdict {
    published(facts, |issuer| {
        match &issuer.discovery {
        Published::Status(status) => Ok(Some(
            Evidence::new(
                "HTTP 200",
                format!("HTTP {status}"),
                &issuer.discovery_url,
                "STS fetches it itself: turn RRSA off and on again, or open a ticket with the cluster id; for an issuer of \
                 your own let the public read the document",
            )
            .command(format!("curl -sS -D- {}", word(&issuer.discovery_url))),
        )),
        // The way from here says nothing about the way from STS; a certificate that is not trusted is I06's.
        Published::NoAnswer { why, .. } => {
            Err(format!("the issuer does not answer here: {why}; STS fetches it by itself"))
        }
        Published::Document { .. } | Published::Other(_) => Ok(None),
    }
    })
}

/// The discovery document is one, names the issuer to the byte, and points to keys over https.
pub(super) fn c09(facts: &Facts) -> Verdict {
    published(facts, |issuer| {
        let expected = facts.cluster.issuer.value().map_or("", String::as_str);
        let (what, seen) = match &issuer.discovery {
            Published::NoAnswer { why, .. } => return Err(format!("the issuer does not answer here: {why}")),
            Published::Status(_) => return Ok(None),
            Published::Other(why) => ("an OpenID discovery document".to_owned(), why.clone()),
            Published::Document { issuer: named, .. } if named != expected => {
                (format!("issuer: {expected}"), format!("issuer: {named}"))
            }
            Published::Document { jwks_uri, .. } if !jwks_uri.starts_with("https://") => {
                ("jwks_uri: https://…".to_owned(), format!("jwks_uri: {jwks_uri:?}"))
            }
            Published::Document { .. } => return Ok(None),
        };
        Ok(Some(Evidence::new(
            what,
            seen,
            &issuer.discovery_url,
            "the document is the issuer's own: turn RRSA off and on again, or open a ticket with the cluster id",
        )))
    })
}

/// The issuer's certificate is one that clients trust, and so STS.
pub(super) fn i06(facts: &Facts) -> Verdict {
    published(facts, |issuer| match &issuer.discovery {
        // Where STS is not trusted either, it is this machine that trusts too little.
        Published::NoAnswer { fault: TransportFault::Tls, why } if facts.was_refused() => {
            Ok(Some(Evidence::new(
                "a certificate of an authority that this machine trusts, for this name and this day",
                why.clone(),
                &issuer.discovery_url,
                "if a proxy or gateway here shows a certificate of its own, look from elsewhere; else mend the issuer's chain",
            )))
        }
        Published::NoAnswer { why, .. } => Err(format!("the issuer does not answer here: {why}")),
        _ => Ok(None),
    })
}

/// Judges what the issuer publishes; `Err` says why that cannot be done. A session proves all of it.
fn published(
    facts: &Facts,
    broken: impl FnOnce(&IssuerFacts) -> Result<Option<Evidence>, String>,
) -> Verdict {
    if facts.was_granted() {
        return Verdict::Holds;
    }
    if c01(facts).is_broken() {
        return Verdict::NotApplicable;
    }
    match facts.published.as_result() {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(issuer) => match broken(issuer) {
            Ok(evidence) => evidence.map_or(Verdict::Holds, Verdict::from),
            Err(why) => Verdict::Unseen(why),
        },
    }
}

/// With RRSA on, no projected token lives longer than twelve hours, whatever the pod asks for.
pub(super) fn c11(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    if facts.cluster.rrsa_enabled.value() != Some(&true) {
        return Verdict::NotApplicable;
    }
    // What RRSA's own token asks for is P14's.
    let own = pod.rrsa_projection();
    let most = *volume::LIFETIME.end();
    let long = pod.projections.iter().find(|projection| {
        Some(*projection) != own && projection.expiration_seconds.is_some_and(|seconds| seconds > most)
    });
    match long {
        None => Verdict::Holds,
        Some(projection) => Evidence::new(
            format!("{most} seconds or fewer"),
            format!("{} seconds", projection.expiration_seconds.unwrap_or_default()),
            format!("volume {} of {}", projection.volume, pod.place(&facts.namespace)),
            "nothing breaks, the kubelet renews it; but with RRSA on the API server gives no token more than 12 hours",
        )
        .into(),
    }
}

/// Role, provider and cluster are of one account.
pub(super) fn c13(facts: &Facts) -> Verdict {
    let account = |arn: &str| {
        let role = RoleArn::parse(arn).map(|arn| arn.account);
        role.or_else(|_| OidcProviderArn::parse(arn).map(|arn| arn.account)).ok()
    };
    let cluster = facts.cluster.account.value();
    let in_use = facts.provider_in_use.value().and_then(|arn| account(arn));
    // What a container names it asks for, whatever would be asked from here.
    let of_pod = pod::each_container(facts, |pod, container| {
        let named: Vec<String> = [env_vars::ROLE_ARN, env_vars::OIDC_PROVIDER_ARN]
            .iter()
            .filter_map(|name| account(container.value(name)?))
            .collect();
        let own = cluster.or(named.last()).or(in_use.as_ref())?;
        let other = named.iter().find(|named| *named != own)?;
        let names = [env_vars::ROLE_ARN, env_vars::OIDC_PROVIDER_ARN];
        let is_old = variables::are_injected_anew(facts, pod, &names);
        let evidence = Evidence::new(
            format!("account {own}, the cluster's"),
            format!("account {other}"),
            format!("ARNs of {}", pod::place(facts, pod, container)),
            if is_old { variables::INJECTED_ELSEWHERE } else { OTHER_ACCOUNT },
        );
        Some(evidence.command_if(restart::of_pod(facts, pod).filter(|_| is_old)))
    });
    let names_role =
        facts.service_account.value().and_then(Option::as_ref).and_then(|a| a.role_name()).is_some();
    // Of a ServiceAccount that names none its pods tell.
    let is_by_hand = facts.pod.is_none() && !facts.workloads.is_empty() && !names_role;
    if of_pod.is_broken() || is_by_hand {
        return if is_by_hand { Verdict::NotApplicable } else { of_pod };
    }
    let role = match facts.role_in_use.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(arn) => RoleArn::parse(arn),
    };
    let provider = match facts.provider_in_use.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(arn) => OidcProviderArn::parse(arn),
    };
    let (Ok(role), Ok(provider)) = (role, provider) else { return Verdict::NotApplicable };
    if role.account == provider.account && cluster.is_none_or(|account| *account == provider.account) {
        return if facts.pod.is_some() { of_pod } else { Verdict::NotApplicable };
    }
    Evidence::new(
        cluster
            .map_or_else(|| "one account".to_owned(), |account| format!("account {account}, the cluster's")),
        format!("role of account {}, OIDC provider of account {}", role.account, provider.account),
        "the ARNs in use",
        OTHER_ACCOUNT,
    )
    .into()
}

const OTHER_ACCOUNT: &str =
    "use a role of the cluster's own account; for another account, let that role assume the other one";

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
    .command_if(pod.and_then(|pod| restart::of_pod(facts, pod)))
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
    let Some(key) = &token.key_id else { return Verdict::NotApplicable };
    let unknown = |keys: &[String], place: String| {
        let seen = match keys {
            [] => "the issuer publishes no key".to_owned(),
            keys => format!("the token's key {key} is not among those published: {}", keys.join(", ")),
        };
        Verdict::from(Evidence::new(
            "the key that signed the token among those that the issuer publishes",
            seen,
            place,
            "ask for a new token (restart the pod); if it stays, the published keys are out of date: \
             open a ticket with the cluster id",
        ))
    };
    // The API server knows a new key before the public does, and STS is the public.
    let public = facts.published.value().and_then(|issuer| issuer.key_ids.value().map(|keys| (issuer, keys)));
    if let Some((issuer, keys)) = public.filter(|(_, keys)| !keys.contains(key)) {
        return unknown(keys, format!("keys that {} points to", issuer.discovery_url));
    }
    match (facts.cluster.key_ids.as_result(), token.signature.as_result()) {
        (Ok(keys), Err(_) | Ok(Some(_))) if !keys.contains(key) && !facts.was_granted() => unknown(
            keys,
            facts.cluster.jwks_url.value().cloned().unwrap_or_else(|| "key set of the issuer".to_owned()),
        ),
        (_, Ok(_)) => Verdict::Holds,
        // STS has verified it.
        (_, Err(_)) if facts.was_granted() => Verdict::Holds,
        (_, Err(why)) => Verdict::Unseen(why.to_owned()),
    }
}
