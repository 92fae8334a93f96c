//! Every SDK's default chain takes a static access key before the OIDC token, so one in the environment hides
//! RRSA. (Default credential chains of the official SDKs.)

use rrsa_shared::env_vars::STATIC_KEY_ALIASES;

use super::finding::{Evidence, Verdict};
use crate::facts::Facts;

/// No container has a static access key in its environment.
pub(super) fn k02(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    let found = pod.app_containers().find_map(|container| {
        let name = STATIC_KEY_ALIASES.iter().find(|name| container.env.contains_key(**name))?;
        Some((container, name))
    });
    match found {
        None => Verdict::Holds,
        Some((container, name)) => Evidence::new(
            "no static access key in the environment",
            format!("variable {name} is set"),
            format!("container {} of pod {}/{}", container.name, facts.namespace, pod.name),
            "remove the variable: every SDK takes it before RRSA",
        )
        .into(),
    }
}
