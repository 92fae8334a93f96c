//! Every SDK's default chain takes a static access key before the OIDC token, so one in the environment hides
//! RRSA. (Default credential chains of the official SDKs.)

use rrsa_shared::env_vars::{self, STATIC_KEY_ALIASES};
use rrsa_shared::sts::SessionName;

use super::finding::{Evidence, Verdict};
use super::pod;
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

/// No credentials file is mounted where SDKs look for one.
pub(super) fn k03(facts: &Facts) -> Verdict {
    pod::each_container(facts, |pod, container| {
        let mount = container.mounts.iter().find(|mount| {
            let path = mount.path.trim_end_matches('/');
            [".aliyun", ".alibabacloud"]
                .iter()
                .any(|name| path.ends_with(name) || path.contains(&format!("{name}/")))
        })?;
        Some(Evidence::new(
            "no credentials file",
            format!("volume {} at {}", mount.volume, mount.path),
            pod::place(facts, pod, container),
            "take the mount away if it holds a profile: the CLI and some SDKs take it before RRSA",
        ))
    })
}

/// The STS host is chosen by variables that SDKs read.
pub(super) fn k05(facts: &Facts) -> Verdict {
    pod::each_container(facts, |pod, container| {
        let host = container.value(env_vars::STS_ENDPOINT)?;
        (!container.env.contains_key(env_vars::STS_REGION)).then(|| {
            Evidence::new(
                format!("{} beside it", env_vars::STS_REGION),
                format!("{} = {host} alone", env_vars::STS_ENDPOINT),
                pod::place(facts, pod, container),
                "the official SDKs do not read that variable: set the region, and the VPC flag where it is wanted",
            )
        })
    })
}

/// The session name is one that STS takes.
pub(super) fn k09(facts: &Facts) -> Verdict {
    pod::each_container(facts, |pod, container| {
        let name = container.value(env_vars::ROLE_SESSION_NAME)?;
        let error = SessionName::parse(name).err()?;
        Some(Evidence::new(
            "2 to 64 of letters, digits, '.', '@', '-', '_'",
            format!("{name:?}: {error}"),
            format!("variable {}, {}", env_vars::ROLE_SESSION_NAME, pod::place(facts, pod, container)),
            "mend it: STS refuses the exchange",
        ))
    })
}
