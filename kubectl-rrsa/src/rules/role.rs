//! The role itself: what it may do, and for how long a session.

use rrsa_shared::arn::RoleArn;

use super::finding::{Evidence, Verdict};
use crate::facts::Facts;
use crate::shell::word;

/// The role may do something.
pub(super) fn r18(facts: &Facts) -> Verdict {
    match facts.account.policies.as_result() {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(policies) if !policies.is_empty() => Verdict::Holds,
        Ok(_) => {
            let role = facts.role_in_use.value().map_or("ROLE", String::as_str);
            let name = role_word(role);
            Evidence::new(
                "a policy that allows what the workload does",
                "no policy is attached",
                format!("role {role}"),
                "attach one: the identity is fine, but the session may do nothing",
            )
            .command(format!(
                "aliyun ram AttachPolicyToRole --PolicyType System --PolicyName \"${{POLICY_NAME:?}}\" --RoleName {name}"
            ))
            .into()
        }
    }
}

/// The name of a role as a shell takes it; where it is not known the shell asks for it.
fn role_word(arn: &str) -> String {
    RoleArn::parse(arn).map_or_else(|_| "\"${ROLE_NAME:?}\"".to_owned(), |role| word(&role.name))
}

/// The role gives sessions of the length that is asked for.
pub(super) fn r16(facts: &Facts) -> Verdict {
    let wanted = facts.session_seconds;
    let least = rrsa_shared::proof::Plan::SESSION_SECONDS;
    let most = match facts.account.role.as_result() {
        Ok(Some(role)) => role.max_session_duration,
        Ok(None) => return Verdict::NotApplicable,
        // The least of STS needs no role to be known.
        Err(_) if wanted < least => None,
        Err(_) if facts.was_granted() => return Verdict::Holds,
        Err(why) => return Verdict::Unseen(why.to_owned()),
    };
    let most = most.unwrap_or(u32::MAX);
    if (least..=most).contains(&wanted) {
        return Verdict::Holds;
    }
    let role = facts.role_in_use.value().map_or("ROLE", String::as_str);
    let evidence = Evidence::new(
        if most == u32::MAX {
            format!("{least} seconds or more")
        } else {
            format!("{least} to {most} seconds")
        },
        format!("{wanted} seconds"),
        format!("session length asked for, against MaxSessionDuration of {role}"),
        "ask for a session within these, or raise the role's MaxSessionDuration (43200 at most)",
    );
    let name = role_word(role);
    match wanted > most && wanted <= 43_200 {
        true => evidence
            .command(format!("aliyun ram UpdateRole --RoleName {name} --NewMaxSessionDuration {wanted}"))
            .into(),
        false => evidence.into(),
    }
}
