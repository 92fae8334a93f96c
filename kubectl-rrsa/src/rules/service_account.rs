//! The ServiceAccount names the RAM role of its pods, by bare name, in the role-name annotation.
//! (ack-pod-identity-webhook; it skips a ServiceAccount whose annotation it cannot use, without a word.)

use rrsa_shared::{arn, env_vars};

use super::finding::{Evidence, Severity, Verdict, on_injection};
use super::{reach, restart, variables, volume};
use crate::facts::{EXPIRATION_ANNOTATION, Facts, ROLE_NAME_ANNOTATION, SHARING, ServiceAccountFacts};
use crate::shell::word;

/// The ServiceAccount exists.
pub(super) fn s01(facts: &Facts) -> Verdict {
    let name = &facts.service_account_name;
    let namespace = &facts.namespace;
    match facts.service_account.as_result() {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(Some(_)) => Verdict::Holds,
        Ok(None) => {
            let near = |other: &&String| rrsa_shared::policy::edit_distance(other, name) <= 2;
            let meant = facts.annotated_service_accounts.value().and_then(|names| names.iter().find(near));
            let evidence = Evidence::new(
                format!("ServiceAccount {name}"),
                "not found",
                format!("namespace {namespace}"),
                meant.map_or_else(
                    || "create it, or mend the name".to_owned(),
                    |meant| format!("mend the name: {meant} is there, and names a role"),
                ),
            );
            let create = format!("kubectl create serviceaccount {} -n {}", word(name), word(namespace));
            match meant {
                None => match facts.role_in_use.value().and_then(|arn| arn::RoleArn::parse(arn).ok()) {
                    // What runs has it still; a ServiceAccount without it would bring no new pod to anything.
                    Some(role) => {
                        evidence.command(format!("{create} && {}", annotate(facts, Some(&role.name)))).into()
                    }
                    None => evidence.command(create).into(),
                },
                Some(meant) => {
                    let owner = facts.pod.as_ref().and_then(|pod| pod.owner.as_deref());
                    evidence.command_if(owner.and_then(|owner| restart::runs_as(facts, owner, meant))).into()
                }
            }
        }
    }
}

/// The ServiceAccount has the role-name annotation.
pub(super) fn s02(facts: &Facts) -> Verdict {
    on_injection(facts, || without_role(facts))
}

fn without_role(facts: &Facts) -> Verdict {
    annotated(facts, |account| {
        if means_a_role(account) || reach::p02(facts).is_broken() || s08(facts).is_broken() {
            return None;
        }
        Some(
            Evidence::new(
                format!("annotation {ROLE_NAME_ANNOTATION} with the name of a RAM role"),
                "no such annotation",
                place(facts),
                "annotate it, then restart its pods",
            )
            .command(annotate(facts, None)),
        )
    })
}

/// The ServiceAccount that names the role is the one of this namespace.
pub(super) fn s08(facts: &Facts) -> Verdict {
    annotated(facts, |account| {
        if means_a_role(account) || facts.is_wired() || reach::p02(facts).is_broken() {
            return None;
        }
        let elsewhere = facts.annotated_elsewhere.value().filter(|all| !all.is_empty())?;
        let namespaces: Vec<&str> = elsewhere.keys().map(String::as_str).collect();
        let mut roles = elsewhere.values();
        // Where they name several, nobody can tell which is meant.
        let role = roles.next().filter(|first| roles.all(|role| role == *first));
        let evidence = Evidence::new(
            format!("annotation {ROLE_NAME_ANNOTATION} in namespace {}", facts.namespace),
            format!("none here; {} of namespace {} has it", account.name, namespaces.join(", ")),
            place(facts),
            "annotate the one that the workload runs as, or move the workload; a role is named per namespace",
        );
        // In files nobody has said that it is to have a role.
        if facts.offline && !facts.wants_rrsa() {
            let remedy = "if it is to have a role, name it here too: a role is named per namespace; nothing else asks for one";
            return Some(Evidence { remedy: remedy.to_owned(), ..evidence }.severity(Severity::Warning));
        }
        Some(evidence.command(annotate(facts, role.map(String::as_str))))
    })
}

/// The role-name annotation is spelt as the webhook reads it.
pub(super) fn s03(facts: &Facts) -> Verdict {
    annotated(facts, |account| {
        if account.role_name().is_some() || facts.is_wired() {
            return None;
        }
        let misspelt = misspelt(account)?;
        let (seen, among, remedy) = match misspelt {
            Misspelt::Foreign(key) => (
                key,
                "annotations",
                "that key belongs to another tool; ack-pod-identity-webhook reads role-name only, with the bare name",
            ),
            Misspelt::Key(key) => {
                (key, "annotations", "mend the spelling; the webhook ignores what it does not know")
            }
            Misspelt::Label(_) => (
                "a label of that name",
                "labels",
                "make it an annotation; the webhook does not read labels of it",
            ),
        };
        let said = match misspelt {
            Misspelt::Foreign(key) | Misspelt::Key(key) => account.annotations.get(key).map(String::as_str),
            Misspelt::Label(role) => Some(role),
        };
        Some(
            Evidence::new(
                format!("annotation {ROLE_NAME_ANNOTATION}"),
                seen,
                format!("{among} of {}", place(facts)),
                remedy,
            )
            .command(annotate(facts, said)),
        )
    })
}

/// Keys under which other tools name a role.
const FOREIGN_KEYS: [&str; 4] = [
    "ack.alibabacloud.com/role-arn",
    "eks.amazonaws.com/role-arn",
    "iam.gke.io/gcp-service-account",
    "azure.workload.identity/client-id",
];

/// What was meant to be the role-name annotation.
#[derive(Clone, Copy, Debug)]
enum Misspelt<'a> {
    /// An annotation with a key like it.
    Key(&'a str),
    /// An annotation with a key that another tool reads.
    Foreign(&'a str),
    /// A label with its key, and this value.
    Label(&'a str),
}

/// Whether a ServiceAccount names a role, or was meant to.
#[must_use]
pub fn means_a_role(account: &ServiceAccountFacts) -> bool {
    account.role_name().is_some() || misspelt(account).is_some()
}

/// What of a ServiceAccount was meant to be the role-name annotation.
fn misspelt(account: &ServiceAccountFacts) -> Option<Misspelt<'_>> {
    let near = |key: &&String| {
        let last = |key: &str| key.rsplit('/').next().unwrap_or_default().replace('_', "-").to_lowercase();
        let ours = key.contains("alibabacloud.com/")
            && ["role-name", "role-arn", "rolename", "role"].contains(&last(key).as_str());
        let close = rrsa_shared::policy::edit_distance(key, ROLE_NAME_ANNOTATION) <= 3;
        **key != ROLE_NAME_ANNOTATION && (ours || close)
    };
    let keys = || account.annotations.keys();
    if let Some(key) = keys().find(|key| FOREIGN_KEYS.contains(&key.as_str())) {
        return Some(Misspelt::Foreign(key));
    }
    let key = keys().find(near).map(|key| Misspelt::Key(key));
    key.or_else(|| account.role_label.as_deref().map(Misspelt::Label))
}

/// RAM has the role that the ServiceAccount names.
pub(super) fn s05(facts: &Facts) -> Verdict {
    if facts.was_granted() {
        return Verdict::Holds;
    }
    let named = facts.role_in_use.value().and_then(|arn| Some(arn::RoleArn::parse(arn).ok()?.name));
    match facts.account.role.as_result() {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(Some(_)) => Verdict::Holds,
        Ok(None) => Evidence::new(
            facts.role_in_use.value().map_or("the role", String::as_str),
            named.map_or_else(
                || "RAM has no role of that name".to_owned(),
                |name| format!("RAM has no role {name}"),
            ),
            facts.role_in_use.origin().map_or("roles of the account".to_owned(), |from| {
                format!("roles of the account; named by {from}")
            }),
            "create the role, or mend its name where it is named",
        )
        .command("aliyun ram ListRoles")
        .into(),
    }
}

/// The lifetime asked for is one that the webhook gives.
pub(super) fn s07(facts: &Facts) -> Verdict {
    let of_pod = facts.pod.as_ref().and_then(|pod| pod.annotations.get(EXPIRATION_ANNOTATION));
    let of_account = facts
        .service_account
        .value()
        .and_then(Option::as_ref)
        .and_then(|a| a.annotations.get(EXPIRATION_ANNOTATION));
    let (value, place) = match (of_pod, of_account) {
        (Some(value), _) => (value, "the pod".to_owned()),
        (None, Some(value)) => (value, place(facts)),
        (None, None) => return Verdict::Holds,
    };
    if value.parse::<i64>().is_ok_and(|seconds| volume::LIFETIME.contains(&seconds)) {
        return Verdict::Holds;
    }
    Evidence::new(
        "600 to 43200 seconds",
        format!("{value:?}"),
        format!("annotation {EXPIRATION_ANNOTATION} of {place}"),
        "write a number within those; with any other value the token lives 3600 seconds",
    )
    .into()
}

/// The role is named by a ServiceAccount of its own, not by the one that every pod gets.
pub(super) fn s09(facts: &Facts) -> Verdict {
    annotated(facts, |account| {
        (account.name == "default" && account.role_name().is_some()).then(|| {
            Evidence::new(
                "a ServiceAccount made for the workload",
                "the ServiceAccount default",
                place(facts),
                "move the annotation to a ServiceAccount of its own: every pod of the namespace that names none \
                 gets this role",
            )
        })
    })
}

/// Of those that share a role so many are named.
const NAMED: usize = 3;

/// ServiceAccounts of other names have roles of their own.
pub(super) fn s11(facts: &Facts) -> Verdict {
    let sharing = match facts.same_role.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(sharing) => sharing,
    };
    // One workload has the same name in several namespaces; another name is another workload.
    let own = &facts.service_account_name;
    let others: Vec<&str> = sharing
        .iter()
        .filter(|other| other.split_once('/').is_none_or(|(_, name)| name != own))
        .map(String::as_str)
        .collect();
    annotated(facts, |account| {
        let role = account.role_name().filter(|_| !others.is_empty())?;
        let (named, more) = others.split_at(others.len().min(NAMED));
        let seen = match (others.len(), more.len()) {
            (1, _) => format!("{} names role {role} too", others[0]),
            (_, 0) => format!("{} name role {role} too", named.join(", ")),
            (_, more) => {
                let least = if sharing.len() >= SHARING { "at least " } else { "" };
                format!("{} and {least}{more} more name role {role} too", named.join(", "))
            }
        };
        Some(Evidence::new(
            "a role for each workload",
            seen,
            place(facts),
            "make a role for each, with the policies that it needs and a trust policy for its one oidc:sub; sharing \
             gives every one of them what any of them needs",
        ))
    })
}

/// Something uses the ServiceAccount.
pub(super) fn s10(facts: &Facts) -> Verdict {
    if facts.pod.is_some() {
        return Verdict::NotApplicable;
    }
    match facts.pods_using.as_result() {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(count) if count.total > 0 || !facts.workloads.is_empty() => Verdict::Holds,
        Ok(_) => annotated(facts, |account| {
            account.role_name()?;
            Some(Evidence::new(
                "a pod that runs as it",
                "none at the moment",
                place(facts),
                "nothing to mend if the workload comes later or is scaled to none; otherwise take the annotation away",
            ))
        }),
    }
}

/// The annotation's value can be the name of a role.
pub(super) fn s04(facts: &Facts) -> Verdict {
    annotated(facts, |account| {
        let value = account.role_name().filter(|value| !arn::is_role_name(value))?;
        let of_account = arn::RoleArn::parse(value.trim()).ok().map(|role| role.account);
        let foreign =
            of_account.is_some_and(|of| facts.cluster.account.value().is_some_and(|own| of != *own));
        let remedy = if foreign {
            "that role is of another account, and the webhook makes ARNs of the cluster's own: name a role of this account, \
             and let it assume the other one"
        } else if value.starts_with("acs:") {
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
            .command_if((!foreign).then(|| annotate(facts, Some(value)))),
        )
    })
}

/// The pod runs with the role that its ServiceAccount names today.
pub(super) fn s06(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    annotated(facts, |account| {
        let named = account.role_name().filter(|value| arn::is_role_name(value))?;
        // What the workload sets itself is P07's: no restart changes it.
        if variables::sets_role_itself(facts, pod) {
            return None;
        }
        let (container, role) = pod.app_containers().find_map(|container| {
            let role = arn::RoleArn::parse(container.value(env_vars::ROLE_ARN)?).ok()?;
            (role.name != named).then_some((container, role))
        })?;
        Some(
            Evidence::new(
                format!("role {named}, as the ServiceAccount names it"),
                format!("role {}", role.name),
                format!("variable {}, {}", env_vars::ROLE_ARN, super::pod::place(facts, pod, container)),
                match &pod.owner {
                    Some(_) => {
                        "restart the workload, once the role that is named now lets it in: the annotation was changed after \
                         the pod was made"
                    }
                    // As it stands it has the variable, and the webhook would keep that.
                    None => {
                        "make the pod anew from its manifest: the annotation was changed after it was made; and take the \
                         variable out of the manifest if it stands there"
                    }
                },
            )
            .command_if(pod.owner.as_ref().and_then(|_| restart::of_pod(facts, pod)).map(|command| {
                let is_of_named = facts.role_in_use.value() == facts.expected_role_arn.value();
                let is_admitted = is_of_named && super::obstacle::admits(facts) == Ok(true);
                // Without an access key nobody could say so, and the command would end there.
                if facts.account.role.value().is_none() || is_admitted {
                    return command;
                }
                let check = restart::once_admitted(&facts.namespace, &facts.service_account_name, named);
                format!("{check} && {command}")
            })),
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

/// The annotation as it should be, with the role that `said` means where that can be read from it.
fn annotate(facts: &Facts, said: Option<&str>) -> String {
    let (namespace, name) = (word(&facts.namespace), word(&facts.service_account_name));
    let expected = facts.expected_role_arn.value().map(String::as_str);
    let said = said.or(expected).unwrap_or_default().trim();
    let role = arn::RoleArn::parse(said).map_or_else(|_| said.to_owned(), |arn| arn.name);
    // Where nobody can tell the role, the shell asks for it and does nothing without.
    let role = if arn::is_role_name(&role) { role.as_str() } else { "\"${ROLE_NAME:?}\"" };
    let annotate = format!(
        "kubectl annotate serviceaccount {name} -n {namespace} {ROLE_NAME_ANNOTATION}={role} --overwrite"
    );
    restart::after(facts, annotate)
}

#[cfg(test)]
mod tests {
    use super::annotate;
    use crate::rules::fixtures::healthy_service_account;

    #[test]
    fn the_command_names_the_role_that_was_meant() {
        let facts = healthy_service_account();
        for (said, role) in [
            (Some("demo"), "=demo "),
            (Some(" demo\n"), "=demo "),
            (Some("acs:ram::1234567890123456:role/demo"), "=demo "),
            (Some("$(reboot)"), "=\"${ROLE_NAME:?}\" "),
            (None, "=demo-role-for-rrsa "),
        ] {
            assert!(annotate(&facts, said).contains(role), "{said:?}");
        }
    }
}
