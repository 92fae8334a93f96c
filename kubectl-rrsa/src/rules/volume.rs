//! The token is projected for STS, and lies where every container looks for it and may read it.
//! (Kubernetes, projected volumes; RRSA guide.)

use rrsa_shared::arn;
use rrsa_shared::env_vars;

use super::finding::{Evidence, Severity, Verdict};
use super::pod::{each_container, place};
use super::{reach, variables};
use crate::facts::{
    AUDIENCE, ContainerFacts, EnvFact, Facts, MountFacts, PodFacts, ServiceAccountFacts, TokenProblem,
    TokenProjection, VolumeFacts, VolumeKind, WEBHOOK_VOLUME,
};
/// The least and the most a projected token for RRSA may live, seconds.
pub(super) const LIFETIME: std::ops::RangeInclusive<i64> = 600..=43_200;

/// Where every pod finds its token for the API server.
const API_TOKEN_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Where the webhook mounts the token.
const WEBHOOK_TOKEN_FILE: &str = "/var/run/secrets/ack.alibabacloud.com/rrsa-tokens/token";

/// The projection asks for the audience STS wants.
pub(super) fn p13(facts: &Facts) -> Verdict {
    // Of a manifest the volume is not seen that admission will mount there.
    let api_token = each_container(facts, |pod, container| {
        let file = container.value(env_vars::OIDC_TOKEN_FILE)?;
        (file == API_TOKEN_FILE
            && pod.projection_of(container).is_none_or(|p| !container.has_token_at(p, file)))
        .then(|| {
            Evidence::new(
                format!("the file of a token for audience {AUDIENCE}"),
                format!("{file}, which is the token for the API server"),
                format!("variable {}, {}", env_vars::OIDC_TOKEN_FILE, place(facts, pod, container)),
                own_volume(pod),
            )
        })
    });
    if api_token.is_broken() {
        return api_token;
    }
    projection(facts, |pod, projection| {
        (projection.audience.as_deref() != Some(AUDIENCE)).then(|| {
            let seen = match &projection.audience {
                Some(audience) => audience.clone(),
                None => "no audience: a token for the API server".to_owned(),
            };
            Evidence::new(
                AUDIENCE,
                seen,
                format!("audience of volume {}, {}", projection.volume, pod.place(&facts.namespace)),
                // That volume is how the pod talks to the API server.
                if projection.volume.starts_with("kube-api-access-") {
                    format!("{}; this one is for the API server", own_volume(pod))
                } else {
                    format!("set audience: {AUDIENCE}; it is the same whatever STS host is used")
                },
            )
        })
    })
}

/// How a container comes to a token for STS that names the one for the API server.
fn own_volume(pod: &PodFacts) -> String {
    let for_sts = pod.projections.iter().find(|p| p.audience.as_deref() == Some(AUDIENCE));
    match for_sts {
        Some(projection) => {
            format!("mount volume {}, which has the token for STS, and name its file", projection.volume)
        }
        None => {
            format!(
                "give STS a volume of its own, a serviceAccountToken for audience {AUDIENCE}, and name its file"
            )
        }
    }
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
            format!("expirationSeconds of volume {}, {}", projection.volume, pod.place(&facts.namespace)),
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
        let file = container.env.get(env_vars::OIDC_TOKEN_FILE)?;
        // That of the token for the API server is P13's.
        if *file == EnvFact::Value(API_TOKEN_FILE.to_owned()) {
            return None;
        }
        let is_later = pod.is_template && reach::will_be_injected(facts, pod) == Ok(true);
        // The webhook mounts it when the pod is made, but not in what it is to skip.
        if is_later && !pod.skips(&container.name) {
            return None;
        }
        let volume = match pod.projection_of(container) {
            Some(projection) => projection.volume.as_str(),
            None if is_later
                && !pod.skips_all()
                && *file == EnvFact::Value(WEBHOOK_TOKEN_FILE.to_owned()) =>
            {
                WEBHOOK_VOLUME
            }
            None => return None,
        };
        // A copy of the token is P18's.
        if container.mounts.iter().any(|mount| mount.volume == volume) || copied(pod, container).is_some() {
            return None;
        }
        Some(Evidence::new(
            format!("a mount of volume {volume}"),
            "not mounted",
            place(facts, pod, container),
            "add the volumeMount to this container",
        ))
    })
}

/// A token file that a template sets itself, and that the webhook keeps though it mounts the token elsewhere.
fn kept_file(facts: &Facts, pod: &PodFacts, container: &ContainerFacts) -> Option<Evidence> {
    let file = container.value(env_vars::OIDC_TOKEN_FILE)?;
    let account = facts.service_account.value().and_then(Option::as_ref);
    let is_named = account.and_then(ServiceAccountFacts::role_name).is_some();
    // What waits for the webhook has the file that its template names, and so will have it then.
    let is_injected = !pod.skips(&container.name)
        && copied(pod, container).is_none()
        && (!pod.is_wired() && is_named
            || pod.is_template && reach::will_be_injected(facts, pod) == Ok(true));
    let is_kept = is_injected && !variables::replaces(facts, pod);
    (is_kept && ![WEBHOOK_TOKEN_FILE, API_TOKEN_FILE].contains(&file) && !arn::is_placeholder(file)).then(|| {
        Evidence::new(
            WEBHOOK_TOKEN_FILE,
            file,
            format!("variable {}, {}", env_vars::OIDC_TOKEN_FILE, place(facts, pod, container)),
            "take the variable out of the workload: the webhook keeps what is there, and mounts the token at its own path",
        )
    })
}

/// The token file variable points to the token.
pub(super) fn p16(facts: &Facts) -> Verdict {
    let token = facts.token.value();
    let missing = token.is_some_and(|token| matches!(token.problem, Some(TokenProblem::Missing)));
    // A path that begins with no slash begins where the program does: known where the file was read, or not found, in it.
    let was_read = token.is_some_and(|token| token.file.is_some() && token.problem.is_none());
    let fits = |path: &str, file: &str| path.ends_with(&format!("/{}", file.trim_start_matches("./")));
    let may_fit = |path: &str, file: &str| {
        !file.trim_start().starts_with('/') && (fits(path, file) || file.contains("..")) && !missing
    };
    let verdict = each_container(facts, |pod, container| {
        // A copy of the token is P18's.
        if copied(pod, container).is_some() {
            return None;
        }
        let Some(projection) = pod.projection_of(container) else {
            return kept_file(facts, pod, container);
        };
        let path = container.token_paths(projection).next()?;
        let file = container.value(env_vars::OIDC_TOKEN_FILE)?;
        // Where the webhook mounts it when the pod is made, whatever else is mounted.
        let later = pod.is_template && file == WEBHOOK_TOKEN_FILE && !pod.skips(&container.name);
        if later && reach::will_be_injected(facts, pod) == Ok(true) {
            return None;
        }
        if container.has_token_at(projection, file) || arn::is_placeholder(file) || may_fit(&path, file) {
            return None;
        }
        // Blanks at the ends are seen in quotes only.
        let blank = file.trim() != file;
        let shown = |path: &str| if blank { format!("{path:?}") } else { path.to_owned() };
        Some(Evidence::new(
            shown(&path),
            shown(file),
            format!("variable {}, {}", env_vars::OIDC_TOKEN_FILE, place(facts, pod, container)),
            "make the variable mountPath/path of the token volume",
        ))
    });
    let unsure = facts.pod.iter().flat_map(PodFacts::acting_containers).find(|container| {
        let file = container.value(env_vars::OIDC_TOKEN_FILE).filter(|file| !arn::is_placeholder(file));
        file.is_some_and(|file| !file.trim_start().starts_with('/'))
    });
    match (verdict, unsure) {
        (Verdict::Holds, Some(container)) if !was_read => Verdict::Unseen(format!(
            "{} of container {} begins with no slash: where it leads, the program's own folder decides",
            env_vars::OIDC_TOKEN_FILE,
            container.name
        )),
        (verdict, _) => verdict,
    }
}

/// The token's folder is mounted, not the file by itself, so that a renewed token is seen.
pub(super) fn p17(facts: &Facts) -> Verdict {
    each_container(facts, |pod, container| {
        let projection = pod.projection_of(container)?;
        let mount = container.mounts.iter().find(|mount| mount.volume == projection.volume)?;
        let sub_path = mount.sub_path.as_ref()?;
        Some(Evidence::new(
            "a mount of the whole volume",
            format!("subPath: {sub_path}"),
            format!("mount {} of {}", mount.path, place(facts, pod, container)),
            "mount the folder: a file mounted by subPath is never renewed, and fails when its first hour is over",
        ))
    })
}

/// The token file is the projected one, not a copy that nobody renews.
pub(super) fn p18(facts: &Facts) -> Verdict {
    each_container(facts, |pod, container| {
        let volume = copied(pod, container)?;
        let kind = match &volume.kind {
            VolumeKind::Secret(name) => format!("Secret {name}"),
            VolumeKind::ConfigMap(name) => format!("ConfigMap {name}"),
            VolumeKind::EmptyDir => "an emptyDir".to_owned(),
            VolumeKind::HostPath => "a folder of the node".to_owned(),
        };
        Some(Evidence::new(
            "a projected serviceAccountToken",
            format!("{kind} (volume {})", volume.name),
            format!("variable {}, {}", env_vars::OIDC_TOKEN_FILE, place(facts, pod, container)),
            "mount the projected token itself: a copy is not renewed, and a token from a Secret never ends",
        ))
    })
}

/// The volume that a container's token file is in, where that is one which nobody renews.
fn copied<'a>(pod: &'a PodFacts, container: &ContainerFacts) -> Option<&'a VolumeFacts> {
    let file = container.value(env_vars::OIDC_TOKEN_FILE)?;
    let within = |mount: &&MountFacts| {
        file == mount.path || file.starts_with(&format!("{}/", mount.path.trim_end_matches('/')))
    };
    let mount = container.mounts.iter().filter(within).max_by_key(|mount| mount.path.len())?;
    pod.volumes.iter().find(|volume| volume.name == mount.volume)
}

/// Every container may read the token.
pub(super) fn p19(facts: &Facts) -> Verdict {
    projection(facts, |pod, projection| {
        let mode = projection.mode.filter(|mode| mode & 0o004 == 0)?;
        if pod.fs_group.is_some() {
            return None;
        }
        let users = || pod.app_containers().map(|container| container.run_as_user);
        let first = users().next().flatten();
        // The kubelet gives the file to a user that all containers share.
        let shared = first.is_some() && users().all(|user| user == first);
        let barred =
            pod.app_containers().find(|c| c.run_as_user.is_some_and(|user| user != 0)).filter(|_| !shared)?;
        Some(Evidence::new(
            "mode 0644, or an fsGroup",
            format!("mode {mode:04o}, and container {} runs as user {}", barred.name, barred.run_as_user?),
            format!("volume {} of {}", projection.volume, pod.place(&facts.namespace)),
            "leave defaultMode out (0644), or set securityContext.fsGroup",
        ))
    })
}

/// The first projection that breaks a rule, of those that containers read.
fn projection(facts: &Facts, broken: impl Fn(&PodFacts, &TokenProjection) -> Option<Evidence>) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    let Some(projection) = pod.rrsa_projection() else { return Verdict::NotApplicable };
    let others = pod.acting_containers().filter_map(|container| pod.projection_of(container));
    let found = std::iter::once(projection).chain(others).find_map(|projection| broken(pod, projection));
    found.map_or(Verdict::Holds, Verdict::from)
}
