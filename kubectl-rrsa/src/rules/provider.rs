//! RAM must have an OIDC provider for the cluster that takes its issuer and its audience. Seen with an access key;
//! a session that STS granted proves as much. (IMS GetOIDCProvider.)

use rrsa_shared::arn::OidcProviderArn;
use rrsa_shared::env_vars;
use rrsa_shared::ram::OidcProvider;

use super::finding::{Evidence, Verdict};
use super::pod;
use crate::facts::{AUDIENCE, Facts};
use crate::shell::word;

/// The provider exists.
pub(super) fn i01(facts: &Facts) -> Verdict {
    if facts.was_granted() {
        return Verdict::Holds;
    }
    match facts.account.provider.as_result() {
        Err(_) if facts.provider_is_proven() => Verdict::Holds,
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(Some(_)) => Verdict::Holds,
        // What somebody has written is not what turning RRSA on would make.
        Ok(None) => match (facts.provider_in_use.value(), facts.cluster.provider_arn.value()) {
            (Some(named), Some(own)) if named != own => Evidence::new(
                own.clone(),
                format!("{named}, and IMS has no OIDC provider of that name"),
                facts.provider_in_use.origin().unwrap_or("OIDC providers of the account"),
                "name the provider of this cluster there, or make one of that name",
            )
            .into(),
            (named, _) => Evidence::new(
                named.map_or("the cluster's provider", String::as_str),
                "IMS has no OIDC provider of that name",
                "OIDC providers of the account",
                "turn RRSA off and on again for this cluster: that makes the provider; then restart the pods",
            )
            .command("aliyun ims ListOIDCProviders")
            .into(),
        },
    }
}

/// The provider ARN that containers have can be read.
pub(super) fn i02(facts: &Facts) -> Verdict {
    pod::each_container(facts, |pod, container| {
        let value = container.value(env_vars::OIDC_PROVIDER_ARN)?;
        if rrsa_shared::arn::is_placeholder(value) {
            return None;
        }
        let error = OidcProviderArn::parse(value).err()?;
        let right = facts.cluster.provider_arn.value();
        Some(Evidence::new(
            right.map_or("acs:ram::ACCOUNT:oidc-provider/NAME", String::as_str),
            format!("{value:?}: {error}"),
            format!("variable {}, {}", env_vars::OIDC_PROVIDER_ARN, pod::place(facts, pod, container)),
            "set the provider ARN of this cluster where the workload is defined",
        ))
    })
}

/// The provider's issuer is the cluster's, to the byte.
pub(super) fn i03(facts: &Facts) -> Verdict {
    judge(facts, |provider| {
        let issuer = match facts.token.value().and_then(|token| token.claims.issuer.as_ref()) {
            Some(issuer) => issuer,
            None => facts.cluster.issuer.value()?,
        };
        (provider.issuer_url != *issuer).then(|| {
            Evidence::new(
                issuer.clone(),
                provider.issuer_url.clone(),
                format!("IssuerUrl of {}", provider.arn),
                match OidcProviderArn::parse(&provider.arn).is_ok_and(|arn| arn.cluster_id().is_some()) {
                    true => "name the provider of this cluster, or turn RRSA off and on again to have it made anew",
                    // (IMS UpdateOIDCProvider takes no IssuerUrl.)
                    false => {
                        "name the provider of this cluster, or one that was made for this issuer: the IssuerUrl of one that is \
                         there cannot be changed"
                    }
                },
            )
        })
    })
}

/// The provider takes the audience of RRSA's tokens.
pub(super) fn i04(facts: &Facts) -> Verdict {
    judge(facts, |provider| {
        let name = word(provider.arn.rsplit('/').next().unwrap_or_default());
        (!provider.client_ids.iter().any(|id| id == AUDIENCE)).then(|| {
            Evidence::new(
                format!("{AUDIENCE} among the client ids"),
                match provider.client_ids.as_slice() {
                    [] => "no client id".to_owned(),
                    ids => ids.join(", "),
                },
                format!("ClientIds of {}", provider.arn),
                "add it; token, provider and trust policy must all say the same audience",
            )
            .command(format!(
                "aliyun ims AddClientIdToOIDCProvider --OIDCProviderName {name} --ClientId {AUDIENCE}"
            ))
        })
    })
}

/// The provider knows one of the certificates that the issuer shows.
pub(super) fn i05(facts: &Facts) -> Verdict {
    let shown = match facts.published.as_result() {
        Ok(issuer) => issuer.fingerprints.as_result(),
        Err(why) => Err(why),
    };
    let shown = match shown {
        _ if facts.was_granted() => return Verdict::Holds,
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(shown) => shown,
    };
    judge(facts, |provider| {
        // Without any, RAM goes by the public authorities.
        if provider.fingerprints.is_empty() || provider.knows_one_of(shown) {
            return None;
        }
        let name = word(provider.arn.rsplit('/').next().unwrap_or_default());
        let newest = shown.last()?;
        Some(
            Evidence::new(
                format!("one of the certificates that the issuer shows (SHA-1): {}", shown.join(", ")),
                provider.fingerprints.join(", "),
                format!("Fingerprints of {}", provider.arn),
                "if nobody shows a certificate of its own between here and the issuer, add the new fingerprint; ACK \
                 manages those of its own providers: open a ticket",
            )
            .command(format!(
                "aliyun ims AddFingerprintToOIDCProvider --OIDCProviderName {name} --Fingerprint {newest}"
            )),
        )
    })
}

/// The token is younger than the provider's issuance limit.
pub(super) fn i07(facts: &Facts) -> Verdict {
    judge(facts, |provider| {
        let (hours, token) = (provider.issuance_limit_hours?, facts.token.value()?);
        let age = facts.seen_at(token) - token.claims.issued_at?;
        (age > i64::from(hours) * 3600).then(|| {
            Evidence::new(
                format!("a token issued less than {hours} h ago"),
                format!("issued {age} s ago"),
                format!("IssuanceLimitTime of {}", provider.arn),
                "give the token a shorter life, so that the kubelet renews it sooner, or raise the limit",
            )
        })
    })
}

fn judge(facts: &Facts, broken: impl FnOnce(&OidcProvider) -> Option<Evidence>) -> Verdict {
    if facts.was_granted() {
        return Verdict::Holds;
    }
    match facts.account.provider.as_result() {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(None) => Verdict::NotApplicable,
        Ok(Some(provider)) => broken(provider).map_or(Verdict::Holds, Verdict::from),
    }
}
