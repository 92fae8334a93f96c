//! The three variables are set, and say what the cluster and the ServiceAccount say.
//! (RRSA guide; SDKs skip RRSA in silence when one of the variables is missing.)

use rrsa_shared::arn::{self, OidcProviderArn};
use rrsa_shared::env_vars;

use super::finding::{Evidence, Verdict};
use super::pod::{each_container, place};
use super::{reach, restart, webhook};
use crate::facts::{ContainerFacts, Facts, OVERRIDE_ENV, OVERRIDES, PodFacts, RRSA_ENV, ServiceAccountFacts};

/// All three variables are set in a container that has one of them.
pub(super) fn p06(facts: &Facts) -> Verdict {
    // The webhook keeps what a workload sets, and adds the rest when the pod is made.
    let later = match facts.pod.as_ref().filter(|pod| pod.is_template) {
        None => Ok(false),
        Some(pod) => reach::will_be_injected(facts, pod),
    };
    let partly =
        |c: &ContainerFacts| c.has_rrsa_env() && RRSA_ENV.iter().any(|name| !c.env.contains_key(*name));
    if let (Err(why), Some(pod)) = (&later, &facts.pod)
        && pod.app_containers().any(partly)
    {
        return Verdict::Unseen(format!("whether the webhook will set the rest: {why}"));
    }
    // A token that no container mounts, and no variable that says so to any.
    let is_idle = facts.pod.as_ref().is_some_and(|pod| {
        let takes = |c: &ContainerFacts| {
            c.has_rrsa_env() || pod.projection_of(c).is_some_and(|p| c.token_paths(p).next().is_some())
        };
        pod.unnamed_projection().is_some() && !pod.containers.iter().any(takes)
    });
    if reach::waits_for_injection(facts) {
        return Verdict::NotApplicable;
    }
    each_container(facts, |pod, container| {
        if later == Ok(true) && !pod.skips(&container.name) {
            // The webhook keeps what is there, though it be nothing.
            let mut kept = container.env_emptied.iter().filter(|name| RRSA_ENV.contains(&name.as_str()));
            let kept = kept.next().filter(|_| !replaces(facts, pod))?;
            return Some(Evidence::new(
                format!("{kept} not set, so that the webhook sets it"),
                format!("{kept} set to nothing"),
                place(facts, pod, container),
                "take the variable out of the workload: the webhook keeps what is there",
            ));
        }
        let missing: Vec<_> =
            RRSA_ENV.iter().filter(|name| !container.env.contains_key(**name)).copied().collect();
        // A pod with the volume and none of the variables is as broken as one with two of them.
        let wanted = is_idle
            || container.has_rrsa_env()
            || pod
                .projection_of(container)
                .is_some_and(|projection| container.token_paths(projection).next().is_some());
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

/// The variables that the webhook kept are the ones it would have set.
pub(super) fn p07(facts: &Facts) -> Verdict {
    let account = facts.service_account.value().and_then(Option::as_ref);
    let named = account.and_then(|a| a.role_name()).filter(|name| arn::is_role_name(name));
    each_container(facts, |pod, container| {
        let role = arn::RoleArn::parse(container.value(env_vars::ROLE_ARN)?).ok()?;
        if !sets_role_itself(facts, pod) || role.name == named? {
            return None;
        }
        // Of a template the webhook will still replace it.
        let is_replaced = replaces(facts, pod);
        let is_injected = reach::will_be_injected(facts, pod);
        let is_old = webhook::is_older_than(facts, OVERRIDES) == Some(true);
        if pod.is_template && is_replaced && is_injected == Ok(true) && !is_old {
            return None;
        }
        let restart = (is_replaced && !is_old).then(|| restart::of_pod(facts, pod)).flatten();
        let evidence = Evidence::new(
            format!("role {}, as the ServiceAccount names it", named?),
            format!("role {}, which the workload sets itself", role.name),
            format!("variable {}, {}", env_vars::ROLE_ARN, place(facts, pod, container)),
            match is_injected {
                // Without it the pod would have no role at all.
                Ok(false) => format!(
                    "name role {} in the variable, or the other in the ServiceAccount: nothing asks the webhook to inject here",
                    named?
                ),
                _ if is_replaced => {
                    "restart the workload: the webhook replaces the variable when a pod is made, and this one was made before".to_owned()
                }
                _ => format!(
                    "take the variable out of the workload, or let the webhook replace it with the annotation \
                     {OVERRIDE_ENV}: \"true\" (0.4.2 or later)"
                ),
            },
        );
        Some(evidence.command_if(restart.filter(|_| is_injected != Ok(false))))
    })
}

/// Whether the webhook is asked to replace variables that the pod brings.
pub(super) fn replaces(facts: &Facts, pod: &PodFacts) -> bool {
    let namespace = facts.namespace_facts.value().and_then(Option::as_ref);
    // The pod may be older than what its template says.
    let of_template = facts.owner.value().and_then(|owner| owner.template.annotations.get(OVERRIDE_ENV));
    let of_pod = pod.annotations.get(OVERRIDE_ENV).or(of_template);
    let asked = of_pod.or_else(|| namespace?.labels.get(OVERRIDE_ENV));
    asked.is_some_and(|value| value == "true")
}

/// Whether a pod has `names` though what makes it sets none of them: a webhook put them in, of another time or cluster.
fn from_another_time(facts: &Facts, pod: &PodFacts, names: &[&str]) -> bool {
    let sets = |container: &ContainerFacts| names.iter().any(|name| container.env.contains_key(*name));
    let made = facts.owner.value().map(|owner| &owner.template);
    !pod.is_template && made.is_some_and(|made| !made.containers.iter().any(sets))
}

/// Whether a new pod would have such names from the webhook of today.
pub(super) fn are_injected_anew(facts: &Facts, pod: &PodFacts, names: &[&str]) -> bool {
    let made = facts.owner.value().map(|owner| &owner.template);
    from_another_time(facts, pod, names)
        && made.is_some_and(|made| reach::will_be_injected(facts, made) == Ok(true))
        && !reach::stays_out(facts)
}

/// What to do with a pod that was injected elsewhere.
pub(super) const INJECTED_ELSEWHERE: &str = "restart the workload: a webhook put it in that was another cluster's, as before a restore; new pods get this cluster's";

/// Whether the role that the pod names stands in what made it, so that a new pod would name it as well.
pub(super) fn sets_role_itself(facts: &Facts, pod: &PodFacts) -> bool {
    let sets = |pod: &PodFacts| pod.containers.iter().any(|c| c.env.contains_key(env_vars::ROLE_ARN));
    if pod.is_template {
        return sets(pod);
    }
    match facts.owner.value() {
        Some(owner) => sets(&owner.template),
        // A pod that is younger than the annotation has its variable from somewhere else.
        None => {
            let account = facts.service_account.value().and_then(Option::as_ref);
            // Where another container has the role that is named, the annotation is not what differs.
            let named = account.and_then(ServiceAccountFacts::role_name);
            let of = |container: &ContainerFacts| {
                arn::RoleArn::parse(container.value(env_vars::ROLE_ARN)?).ok().map(|role| role.name)
            };
            if named.is_some() && pod.containers.iter().any(|container| of(container).as_deref() == named) {
                return true;
            }
            let annotated = account.and_then(|account| account.annotated_at);
            annotated.zip(pod.created_at).is_some_and(|(annotated, made)| annotated < made)
        }
    }
}

/// RRSA's variables are written out, so that what they say can be seen.
pub(super) fn p08(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    let found = pod.app_containers().find_map(|container| {
        RRSA_ENV.iter().find_map(|name| Some((container, *name, container.source_of(name)?)))
    });
    match found {
        None => Verdict::Holds,
        Some((container, name, source)) => Evidence::new(
            "a value in the pod",
            format!("a value from {source}, which is not read"),
            format!("variable {name}, {}", place(facts, pod, container)),
            "check --live=exec reads it in the running container",
        )
        .into(),
    }
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

/// The role ARN can be read, and is that of a role.
pub(super) fn p10(facts: &Facts) -> Verdict {
    each_container(facts, |pod, container| {
        let value = container.value(env_vars::ROLE_ARN)?;
        if arn::is_placeholder(value) {
            return None;
        }
        let error = arn::RoleArn::parse(value).err()?;
        let right = facts.expected_role_arn.value();
        Some(Evidence::new(
            right.map_or("acs:ram::ACCOUNT:role/NAME", String::as_str),
            format!("{value:?}: {error}"),
            format!("variable {}, {}", env_vars::ROLE_ARN, place(facts, pod, container)),
            "set the ARN of the role where the workload is defined",
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
        let is_old = are_injected_anew(facts, pod, &[env_vars::OIDC_PROVIDER_ARN]);
        let evidence = Evidence::new(
            right.unwrap_or_else(|| format!("ack-rrsa-{cluster_id}")),
            format!("the provider of cluster {other}"),
            format!("variable {}, {}", env_vars::OIDC_PROVIDER_ARN, place(facts, pod, container)),
            if is_old {
                INJECTED_ELSEWHERE
            } else if from_another_time(facts, pod, &[env_vars::OIDC_PROVIDER_ARN]) {
                "another cluster's webhook put it in, as before a restore: let this cluster's look at the pod (see the namespace), then \
                 restart the workload"
            } else {
                "the manifest was copied from another cluster, or this one was rebuilt: set this cluster's provider, \
                 and admit it in the role's trust policy"
            },
        );
        Some(evidence.command_if(restart::of_pod(facts, pod).filter(|_| is_old)))
    })
}
