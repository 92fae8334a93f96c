//! The ServiceAccount names the RAM role of its pods, by bare name, in the role-name annotation.
//! (ack-pod-identity-webhook; it skips a ServiceAccount whose annotation it cannot use, without a word.)

use rrsa_shared::{arn, env_vars};

use super::finding::{Evidence, Verdict};
use crate::facts::{Facts, ROLE_NAME_ANNOTATION, ServiceAccountFacts};

/// The ServiceAccount exists.
pub(super) fn s01(facts: &Facts) -> Verdict {
    let name = &facts.service_account_name;
    let namespace = &facts.namespace;
    match facts.service_account.as_result() {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(Some(_)) => Verdict::Holds,
        Ok(None) => Evidence::new(
            format!("ServiceAccount {name}"),
            "not found",
            format!("namespace {namespace}"),
            "create it, or mend the name",
        )
        .command(format!("kubectl create serviceaccount {name} -n {namespace}"))
        .into(),
    }
}

/// The ServiceAccount has the role-name annotation.
pub(super) fn s02(facts: &Facts) -> Verdict {
    annotated(facts, |account| {
        let missing = account.role_name().is_none();
        if !missing || facts.is_wired() || super::pod::p02(facts).is_broken() {
            return None;
        }
        Some(
            Evidence::new(
                format!("annotation {ROLE_NAME_ANNOTATION} with the name of a RAM role"),
                "no such annotation",
                place(facts),
                "annotate it, then restart its pods",
            )
            .command(annotate(facts)),
        )
    })
}

/// The annotation's value can be the name of a role.
pub(super) fn s04(facts: &Facts) -> Verdict {
    annotated(facts, |account| {
        let value = account.role_name().filter(|value| !arn::is_role_name(value))?;
        let remedy = if value.starts_with("acs:") {
            "use the bare name, not the ARN: the webhook makes the ARN itself"
        } else {
            "use the bare name of the role; with any other character the webhook injects nothing and says nothing"
        };
        Some(
            Evidence::new(
                "1 to 64 of letters, digits, '.' and '-'",
                format!("{value:?}"),
                format!("annotation {ROLE_NAME_ANNOTATION} of {}", place(facts)),
                remedy,
            )
            .command(annotate(facts)),
        )
    })
}

/// The pod runs with the role that its ServiceAccount names today.
pub(super) fn s06(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    annotated(facts, |account| {
        let named = account.role_name().filter(|value| arn::is_role_name(value))?;
        let (container, role) = pod.app_containers().find_map(|container| {
            let role = arn::RoleArn::parse(container.value(env_vars::ROLE_ARN)?).ok()?;
            (role.name != named).then_some((container, role))
        })?;
        Some(
            Evidence::new(
                format!("role {named}, as the ServiceAccount names it"),
                format!("role {}", role.name),
                format!("variable {} of container {}", env_vars::ROLE_ARN, container.name),
                "restart the workload: the annotation was changed after the pod was made",
            )
            .command(super::pod::restart(&facts.namespace, pod)),
        )
    })
}

fn annotated(facts: &Facts, broken: impl FnOnce(&ServiceAccountFacts) -> Option<Evidence>) -> Verdict {
    match facts.service_account.as_result() {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(None) => Verdict::NotApplicable,
        Ok(Some(account)) => broken(account).map_or(Verdict::Holds, Verdict::from),
    }
}

fn place(facts: &Facts) -> String {
    format!("serviceaccount {}/{}", facts.namespace, facts.service_account_name)
}

fn annotate(facts: &Facts) -> String {
    let (namespace, name) = (&facts.namespace, &facts.service_account_name);
    format!(
        "kubectl annotate serviceaccount {name} -n {namespace} {ROLE_NAME_ANNOTATION}=ROLE_NAME --overwrite"
    )
}
