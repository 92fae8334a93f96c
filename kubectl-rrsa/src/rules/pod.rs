//! The pod must carry the token volume, the mount and the three variables, and they must agree.
//! (RRSA guide; SDKs skip RRSA in silence when one of the variables is missing.)

use rrsa_shared::arn::{self, OidcProviderArn};
use rrsa_shared::env_vars;

use super::finding::{Evidence, Severity, Verdict};
use super::{namespace, service_account};
use crate::facts::{AUDIENCE, ContainerFacts, EnvFact, Facts, PodFacts, RRSA_ENV, TokenProjection};

/// The least and the most a projected token for RRSA may live, seconds.
const LIFETIME: std::ops::RangeInclusive<i64> = 600..=43_200;

/// The pod runs as the ServiceAccount that was set up for RRSA, not as `default` or a misspelt one.
pub(super) fn p02(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    if pod.is_wired() {
        return Verdict::Holds;
    }
    let account = match facts.service_account.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(None) => return Verdict::NotApplicable,
        Ok(Some(account)) => account,
    };
    if account.role_name().is_some() {
        return Verdict::Holds;
    }
    let annotated = match facts.annotated_service_accounts.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(names) => names,
    };
    let near = |name: &&String| account.name == "default" || edit_distance(name, &account.name) <= 2;
    let candidates: Vec<&str> = annotated.iter().filter(near).map(String::as_str).collect();
    if candidates.is_empty() {
        return Verdict::Holds;
    }
    let owner = pod.owner.clone().unwrap_or_else(|| format!("pod/{}", pod.name));
    let evidence = Evidence::new(
        format!("spec.serviceAccountName: {}", candidates.join(" or ")),
        format!("spec.serviceAccountName: {}, which names no role", account.name),
        format!("pod {}/{}", facts.namespace, pod.name),
        format!("set serviceAccountName in the pod template of {owner}"),
    );
    match (&pod.owner, candidates.as_slice()) {
        (Some(owner), [one]) => evidence.command(format!(
            "kubectl set serviceaccount {} {one} -n {}",
            owner.replace('/', " "),
            facts.namespace
        )),
        _ => evidence,
    }
    .into()
}

/// All three variables are set in a container that has one of them.
pub(super) fn p06(facts: &Facts) -> Verdict {
    each_container(facts, |pod, container| {
        let missing: Vec<_> =
            RRSA_ENV.iter().filter(|name| !container.env.contains_key(**name)).copied().collect();
        // A pod with the volume and none of the variables is as broken as one with two of them.
        let wanted = container.has_rrsa_env()
            || pod.rrsa_projection().is_some_and(|projection| container.token_path(projection).is_some());
        if !wanted || missing.is_empty() || !container.env_from.is_empty() {
            return None;
        }
        Some(Evidence::new(
            RRSA_ENV.join(", "),
            format!("{} not set", missing.join(", ")),
            place(facts, pod, container),
            "set all three, or let the webhook set them; with one missing an SDK skips RRSA without a word",
        ))
    })
}

/// No variable still holds a placeholder of the manual.
pub(super) fn p09(facts: &Facts) -> Verdict {
    each_container(facts, |pod, container| {
        let (name, value) = RRSA_ENV.iter().find_map(|name| {
            container.value(name).filter(|value| arn::is_placeholder(value)).map(|v| (*name, v))
        })?;
        let right = match name {
            env_vars::OIDC_PROVIDER_ARN => facts.cluster.provider_arn.value(),
            env_vars::ROLE_ARN => facts.expected_role_arn.value(),
            _ => None,
        };
        Some(Evidence::new(
            right.map_or("a value of your own account and cluster", String::as_str),
            value,
            format!("variable {name}, {}", place(facts, pod, container)),
            "fill it in where the workload is defined",
        ))
    })
}

/// The provider ARN names this cluster's provider.
pub(super) fn p11(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    if !pod.containers.iter().any(|c| c.value(env_vars::OIDC_PROVIDER_ARN).is_some()) {
        return Verdict::NotApplicable;
    }
    let cluster_id = match facts.cluster.cluster_id.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(id) => id,
    };
    each_container(facts, |pod, container| {
        let arn = OidcProviderArn::parse(container.value(env_vars::OIDC_PROVIDER_ARN)?).ok()?;
        let other = arn.cluster_id().filter(|id| id != cluster_id)?;
        let right = facts.cluster.provider_arn.value().cloned();
        Some(Evidence::new(
            right.unwrap_or_else(|| format!("ack-rrsa-{cluster_id}")),
            format!("the provider of cluster {other}"),
            format!("variable {}, {}", env_vars::OIDC_PROVIDER_ARN, place(facts, pod, container)),
            "the manifest was copied from another cluster, or this one was rebuilt: set this cluster's provider, \
             and admit it in the role's trust policy",
        ))
    })
}

/// The pod has a projected ServiceAccount token to exchange.
pub(super) fn p12(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    if pod.rrsa_projection().is_some() {
        return Verdict::Holds;
    }
    let cause = [
        namespace::n01,
        namespace::n02,
        service_account::s01,
        service_account::s02,
        service_account::s04,
        p02,
    ];
    if cause.iter().any(|rule| rule(facts).is_broken()) {
        return Verdict::NotApplicable;
    }
    Evidence::new(
        format!("a projected volume with a serviceAccountToken for audience {AUDIENCE}"),
        "no such volume",
        format!("pod {}/{}", facts.namespace, pod.name),
        "restart the workload: everything the webhook looks at is right now, so the pod is older than that, \
         or the webhook was away when it was made",
    )
    .command(restart(&facts.namespace, pod))
    .into()
}

/// The projection asks for the audience STS wants.
pub(super) fn p13(facts: &Facts) -> Verdict {
    projection(facts, |pod, projection| {
        (projection.audience.as_deref() != Some(AUDIENCE)).then(|| {
            let seen = match &projection.audience {
                Some(audience) => audience.clone(),
                None => "no audience: a token for the API server".to_owned(),
            };
            Evidence::new(
                AUDIENCE,
                seen,
                format!("audience of volume {}, pod {}/{}", projection.volume, facts.namespace, pod.name),
                format!("set audience: {AUDIENCE}; it is the same whatever STS host is used"),
            )
        })
    })
}

/// The token lives as long as RRSA lets it.
pub(super) fn p14(facts: &Facts) -> Verdict {
    projection(facts, |pod, projection| {
        let seconds = projection.expiration_seconds?;
        if LIFETIME.contains(&seconds) {
            return None;
        }
        let below = seconds < *LIFETIME.start();
        let evidence = Evidence::new(
            format!("{} to {} seconds", LIFETIME.start(), LIFETIME.end()),
            format!("{seconds} seconds"),
            format!(
                "expirationSeconds of volume {}, pod {}/{}",
                projection.volume, facts.namespace, pod.name
            ),
            if below {
                "raise it: the API server refuses less"
            } else {
                "lower it: the token gets 12 hours anyway"
            },
        );
        Some(if below { evidence.severity(Severity::Error) } else { evidence })
    })
}

/// The volume is mounted in every container that has the variables.
pub(super) fn p15(facts: &Facts) -> Verdict {
    each_container(facts, |pod, container| {
        let projection = pod.rrsa_projection()?;
        let uses = container.env.contains_key(env_vars::OIDC_TOKEN_FILE);
        if !uses || container.token_path(projection).is_some() {
            return None;
        }
        Some(Evidence::new(
            format!("a mount of volume {}", projection.volume),
            "not mounted",
            place(facts, pod, container),
            "add the volumeMount to this container",
        ))
    })
}

/// The token file variable points to the token.
pub(super) fn p16(facts: &Facts) -> Verdict {
    each_container(facts, |pod, container| {
        let path = container.token_path(pod.rrsa_projection()?)?;
        let file = container.value(env_vars::OIDC_TOKEN_FILE)?;
        if file == path || arn::is_placeholder(file) {
            return None;
        }
        Some(Evidence::new(
            path,
            file,
            format!("variable {}, {}", env_vars::OIDC_TOKEN_FILE, place(facts, pod, container)),
            "make the variable mountPath/path of the token volume",
        ))
    })
}

/// What to type for a new pod.
pub(super) fn restart(namespace: &str, pod: &PodFacts) -> String {
    match &pod.owner {
        Some(owner) => format!("kubectl rollout restart {owner} -n {namespace}"),
        None => format!("kubectl delete pod {} -n {namespace}   # then create it again", pod.name),
    }
}

/// The first app container that breaks a rule.
fn each_container(facts: &Facts, broken: impl Fn(&PodFacts, &ContainerFacts) -> Option<Evidence>) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    if let Some(evidence) = pod.app_containers().find_map(|container| broken(pod, container)) {
        return evidence.into();
    }
    let unresolved = pod.app_containers().find_map(|container| {
        RRSA_ENV.iter().find_map(|name| match container.env.get(*name) {
            Some(EnvFact::From(source)) => {
                Some(format!("{name} of container {} comes from {source}", container.name))
            }
            _ => None,
        })
    });
    unresolved.map_or(Verdict::Holds, Verdict::Unseen)
}

fn projection(facts: &Facts, broken: impl Fn(&PodFacts, &TokenProjection) -> Option<Evidence>) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    let Some(projection) = pod.rrsa_projection() else { return Verdict::NotApplicable };
    broken(pod, projection).map_or(Verdict::Holds, Verdict::from)
}

fn place(facts: &Facts, pod: &PodFacts, container: &ContainerFacts) -> String {
    format!("container {} of pod {}/{}", container.name, facts.namespace, pod.name)
}

/// Insertions, deletions and replacements that lead from `a` to `b`.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::edit_distance;

    #[test]
    fn edit_distance_counts_the_typos() {
        for (a, b, expected) in
            [("demo-sa", "demo-sa", 0), ("demo-sa", "demosa", 1), ("", "ab", 2), ("ab", "ba", 2)]
        {
            assert_eq!(edit_distance(a, b), expected, "{a} {b}");
        }
    }
}
