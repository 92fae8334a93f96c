//! Every SDK's default chain takes a static access key before the OIDC token, so one in the environment hides
//! RRSA. (Default credential chains of the official SDKs.)

use rrsa_shared::env_vars::{self, STATIC_KEY_ALIASES};
use rrsa_shared::sts::SessionName;

use super::finding::{Evidence, Severity, Verdict};
use super::{pod, reach, restart};
use crate::facts::{
    ContainerFacts, ContainerKind, EnvSource, Facts, PodFacts, ServiceAccountFacts, SubjectRef,
};
use crate::identity::{self, Choice, Client};
use crate::shell::{addressed, word};

/// Tools whose images carry their version, and the first one that knows OIDC.
const SINCE: [(&str, [u32; 3]); 2] = [("aliyun-cli", [3, 0, 206]), ("ossutil", [2, 1, 0])];

/// No container is of an image whose tool is too old for OIDC. What a program is linked with no image name tells.
pub(super) fn k01(facts: &Facts) -> Verdict {
    pod::each_container(facts, |pod, container| {
        let image = container.image.as_deref()?;
        let (name, tag) = image.split('@').next()?.rsplit('/').next()?.split_once(':')?;
        let (tool, since) = SINCE.iter().find(|(tool, _)| name == *tool)?;
        let version = version(tag)?;
        let [major, minor, patch] = since;
        (version < *since).then(|| {
            Evidence::new(
                format!("{tool} {major}.{minor}.{patch} or later"),
                image,
                pod::place(facts, pod, container),
                "take a newer image: before that the tool ignores RRSA's variables and takes another credential",
            )
        })
    })
}

/// The numbers of a tag such as `v3.0.205` or `3.0.205-alpine`.
fn version(tag: &str) -> Option<[u32; 3]> {
    let text = tag.trim_start_matches('v').split(['-', '+', '_']).next()?;
    let mut numbers = text.split('.').map(|part| part.parse().ok());
    Some([numbers.next()??, numbers.next()??, numbers.next().flatten()?])
}

/// The application acts as RRSA's role, and as nobody else when that fails.
pub(super) fn k04(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    let account = facts.service_account.value().and_then(Option::as_ref);
    let wanted = pod.is_wired() || account.and_then(ServiceAccountFacts::role_name).is_some();
    // What a template lacks the webhook may still bring.
    if !wanted || pod.is_template {
        return Verdict::NotApplicable;
    }
    let concerned = |container: &&ContainerFacts| {
        !pod.skips(&container.name) && (container.has_rrsa_env() || !pod.is_wired())
    };
    let no_token = facts.token.value().is_some_and(|token| token.problem.is_some());
    let (fails, why) = match no_token {
        true => (true, "for which there is no token"),
        // What STS's own trouble brings ends with it.
        false => (facts.was_refused() && !facts.sts_is_in_trouble(), "which STS refuses"),
    };
    let other = pod.acting_containers().filter(concerned).find_map(|container| {
        let seen = match identity::choice(Client::Sdk, container) {
            Choice::Rrsa { .. } if fails && identity::falls_to_node(container) => {
                format!("RRSA's role, {why}; then the node's role, in silence")
            }
            Choice::Rrsa { .. } | Choice::Unknown(_) | Choice::Nothing => return None,
            Choice::StaticKey(name) => format!("the access key in {name}"),
            Choice::File(path) => format!("whatever stands in {path}"),
            Choice::NodeRole => "the node's role".to_owned(),
            Choice::Address => format!("whoever answers at {}", env_vars::CREDENTIALS_URI),
        };
        Some((container, seen))
    });
    match other {
        None => Verdict::Holds,
        Some((container, seen)) => Evidence::new(
            "RRSA's role and no other",
            seen,
            format!("default chain of the official SDKs in {}", pod::place(facts, pod, container)),
            format!(
                "mend RRSA; and set {}=true, so that an SDK fails aloud instead of taking the node's role",
                env_vars::ECS_METADATA_DISABLED
            ),
        )
        .into(),
    }
}

/// No container has a static access key in its environment.
pub(super) fn k02(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    // A container that RRSA is not for has nothing to be hidden.
    let meant = |container: &&ContainerFacts| {
        let later = pod.is_template || !pod.is_wired();
        container.has_rrsa_env() || (later && !pod.skips(&container.name))
    };
    // Init containers are injected too.
    let acting = pod.containers.iter().filter(|container| container.kind != ContainerKind::Ephemeral);
    let found = acting.filter(meant).filter_map(|container| {
        let concerns =
            |name: &str| !may_be_anothers(name, container) || container.is_set(&env_vars::secret_of(name));
        let mut set = STATIC_KEY_ALIASES.iter().filter(|name| container.is_set(name));
        let name = set.find(|name| concerns(name))?;
        Some((container.name.clone(), static_key(facts, pod, container, name)))
    });
    let mut found: Vec<_> = found.collect();
    // A key that counts goes before one that lacks its secret.
    found.sort_by_key(|(_, evidence)| evidence.severity.is_some());
    let mut found = found.into_iter();
    if let Some((_, first)) = found.next() {
        return Evidence { others: found.collect(), ..first }.into();
    }
    let unread = |container: &ContainerFacts| {
        let of_keys = STATIC_KEY_ALIASES.iter().filter_map(|name| container.source_of(name).cloned());
        container.env_from.iter().cloned().chain(of_keys).collect::<Vec<EnvSource>>()
    };
    let mut doubtful = pod.acting_containers().filter(meant).map(|container| (container, unread(container)));
    match doubtful.find(|(_, sources)| !sources.is_empty()) {
        None => Verdict::Holds,
        Some((container, sources)) => {
            let names: Vec<_> = sources.iter().map(EnvSource::to_string).collect();
            let may = format!("{} may set an access key in container {}", names.join(", "), container.name);
            let whys = sources.into_iter().filter_map(|source| source.why);
            let all: Vec<_> = std::iter::once(may).chain(whys).chain([look(facts, pod)]).collect();
            Verdict::Unseen(all.join("; "))
        }
    }
}

/// What tells what the containers of a pod take: a Secret is never read, and what was written since says nothing.
fn look(facts: &Facts, pod: &PodFacts) -> String {
    if facts.offline {
        return "what it sets does not stand in the files".to_owned();
    }
    if pod.is_template {
        return "only a running container could tell".to_owned();
    }
    let owner = pod.owner.as_ref().filter(|owner| restart::is_checked(owner));
    let (asked, live) = match (&facts.subject, owner) {
        (SubjectRef::ServiceAccount(_), Some(owner)) => (owner.clone(), ""),
        (SubjectRef::ServiceAccount(_), None) => (format!("pod/{}", pod.name), ""),
        _ => (format!("pod/{}", pod.name), " --live=exec"),
    };
    let way = format!("kubectl rrsa check {} -n {}{live}", word(&asked), word(&facts.namespace));
    format!("{} looks, where the container has printenv", addressed(&way, &facts.cluster.chosen_by))
}

fn static_key(facts: &Facts, pod: &PodFacts, container: &ContainerFacts, name: &str) -> Evidence {
    let secret = env_vars::secret_of(name);
    let is_of_sdks = name == env_vars::ACCESS_KEY_ID;
    let whole = container.is_set(&secret) || !container.env_from.is_empty();
    let evidence = Evidence::new(
        "no static access key in the environment",
        match whole {
            true => format!("variable {name} is set"),
            false => format!("variable {name} is set, and {secret} is not"),
        },
        pod::place(facts, pod, container),
        match (is_of_sdks, whole) {
            (true, true) => "remove the variable: every SDK takes it before RRSA",
            (true, false) => {
                "remove the variable: with its secret beside it every SDK would take it before RRSA"
            }
            (false, true) => {
                "remove the variable where the aliyun CLI, Terraform or the like run: they take it before RRSA; the SDKs do not \
                 read it"
            }
            (false, false) => {
                "remove the variable where the aliyun CLI, Terraform or the like run: with its secret beside it they would take it \
                 before RRSA; the SDKs do not read it"
            }
        },
    );
    let counts = whole && (is_of_sdks || is_cli(container));
    match counts {
        true => evidence,
        false if may_be_anothers(name, container) => evidence.severity(Severity::Info),
        false => evidence.severity(Severity::Warning),
    }
}

/// Whether a variable has so plain a name that other programs than the CLI have keys of their own in it.
fn may_be_anothers(name: &str, container: &ContainerFacts) -> bool {
    !name.starts_with("ALI") && !is_cli(container)
}

/// Whether an image is of a tool that reads what no SDK reads.
fn is_cli(container: &ContainerFacts) -> bool {
    let image = container.image.as_deref().unwrap_or_default();
    let name = image.rsplit('/').next().unwrap_or_default();
    ["aliyun-cli", "terraform"].iter().any(|tool| name.starts_with(tool))
}

/// No credentials file is mounted where SDKs look for one.
pub(super) fn k03(facts: &Facts) -> Verdict {
    pod::each_container_by(facts, &[env_vars::JAVA_OPTIONS, env_vars::IGNORE_PROFILE], |pod, container| {
        if let Some(java) = container.java_key {
            return Some(Evidence::new(
                "no access key among the properties of the Java machine",
                format!("alibabacloud.accessKeyId in {java}"),
                pod::place(facts, pod, container),
                "take the property away: the SDK for Java takes it before RRSA",
            ));
        }
        let mount = container.mounts.iter().find(|mount| {
            let path = mount.path.trim_end_matches('/');
            [".aliyun", ".alibabacloud"]
                .iter()
                .any(|name| path.ends_with(name) || path.contains(&format!("{name}/")))
        })?;
        // The SDKs take RRSA before any file, and so does the CLI when it is told to.
        if container.has_rrsa_env() && identity::ignores_profiles(container) {
            return None;
        }
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
    pod::each_container_by(facts, &[env_vars::STS_ENDPOINT, env_vars::STS_REGION], |pod, container| {
        let host = container.value(env_vars::STS_ENDPOINT)?;
        if reach::gets_region(facts, pod, container) {
            return None;
        }
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
    pod::each_container_by(facts, &[env_vars::ROLE_SESSION_NAME], |pod, container| {
        let name = container.value(env_vars::ROLE_SESSION_NAME)?;
        let error = SessionName::parse(name).err()?;
        Some(Evidence::new(
            "2 to 64 of letters, digits, '.', '@', '-', '_'",
            format!("{name:?}: {error}"),
            format!("variable {}, {}", env_vars::ROLE_SESSION_NAME, pod::place(facts, pod, container)),
            "mend it: STS refuses it from every SDK that reads the variable, which is all but Go's",
        ))
    })
}
