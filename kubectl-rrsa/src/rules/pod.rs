//! What else a pod is, and what all rules on pods share.

use super::finding::{Evidence, Verdict};
use crate::facts::{ContainerFacts, ContainerKind, Facts, PROBE, PodFacts, RRSA_ENV, WEBHOOK_VOLUME};

/// Init and ephemeral containers of an injected pod have the variables too, or do not need them.
pub(super) fn p05(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    let injected = pod.projections.iter().any(|projection| projection.volume == WEBHOOK_VOLUME);
    // Our own probes are given what they need. An init container that the webhook did not reach is W07's; one of a pod wired by hand has what it was given.
    let found = pod.containers.iter().find(|container| {
        container.kind == ContainerKind::Ephemeral
            && injected
            && !container.has_rrsa_env()
            && !container.name.starts_with(PROBE)
    });
    match found {
        None => Verdict::Holds,
        Some(container) => Evidence::new(
            "RRSA's variables, if it needs the role",
            "none: the webhook never sees a container that is added to a running pod",
            place(facts, pod, container),
            "give it the variables and the mount by hand, or use kubectl debug --copy-to, whose pod is made anew",
        )
        .into(),
    }
}

/// A debug container runs as the user that may read the token.
pub(super) fn p20(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    let Some(projection) = pod.rrsa_projection() else { return Verdict::NotApplicable };
    // The kubelet gives the file, mode 0600, to a user that all containers of the spec share.
    let mut users =
        pod.containers.iter().filter(|c| c.kind != ContainerKind::Ephemeral).map(|c| c.run_as_user);
    let Some(Some(owner)) = users.next() else { return Verdict::Holds };
    if pod.fs_group.is_some() || !users.all(|user| user == Some(owner)) {
        return Verdict::Holds;
    }
    let barred = pod.containers.iter().find(|container| {
        container.kind == ContainerKind::Ephemeral
            && container.token_paths(projection).next().is_some()
            && container.run_as_user.is_some_and(|user| user != owner && user != 0)
    });
    match barred {
        None => Verdict::Holds,
        Some(container) => Evidence::new(
            format!("user {owner}, as the others run"),
            format!("user {}", container.run_as_user.unwrap_or_default()),
            place(facts, pod, container),
            "that this container may not read the token says nothing about the others: the kubelet gives the file to their \
             user alone",
        )
        .into(),
    }
}

/// `automountServiceAccountToken: false` is not taken for the reason of anything.
pub(super) fn p21(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    if pod.automount != Some(false) || facts.was_granted() {
        return Verdict::Holds;
    }
    Evidence::new(
        "nothing in particular",
        "automountServiceAccountToken: false",
        pod.place(&facts.namespace),
        "leave it: it keeps the API server's token away, and RRSA's token is a volume of its own",
    )
    .into()
}

/// The pod is for Linux, as the webhook's paths are.
pub(super) fn p23(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    match pod.os.as_deref() {
        Some("windows") if pod.is_wired() => Evidence::new(
            "Linux",
            "windows",
            pod.place(&facts.namespace),
            "look whether the token's path exists there as it is written; file modes do not apply",
        )
        .into(),
        _ => Verdict::Holds,
    }
}

/// A container did not end with an error of STS.
pub(super) fn p24(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    let Some(container) = pod.containers.iter().find(|container| !container.last_codes.is_empty()) else {
        return Verdict::Holds;
    };
    let codes = container.last_codes.join(", ");
    Evidence::new(
        "no error of STS in a container's last words",
        &codes,
        format!("termination message of {}", place(facts, pod, container)),
        "read what the code means; what is wrong now stands above, if it is still wrong",
    )
    .command(format!("kubectl rrsa explain {}", container.last_codes[0]))
    .into()
}

/// The first container that breaks a rule on RRSA's variables, of those that may ask for credentials.
pub(super) fn each_container(
    facts: &Facts,
    broken: impl Fn(&PodFacts, &ContainerFacts) -> Option<Evidence>,
) -> Verdict {
    // That a container lacks one of them is P06's, wherever it might come from.
    each(facts, broken, |container| RRSA_ENV.iter().find_map(|name| unknown(container, name)))
}

/// The same of a rule on other variables: of one that is not known, or that a source may set, nothing is said.
pub(super) fn each_container_by(
    facts: &Facts,
    names: &[&str],
    broken: impl Fn(&PodFacts, &ContainerFacts) -> Option<Evidence>,
) -> Verdict {
    let may_be_set = |container: &ContainerFacts, name: &str| {
        let sources =
            (!container.env_from.is_empty() && !container.env.contains_key(name)).then(|| container.unread());
        Some(format!("{} may set {name} of container {}", sources?, container.name))
    };
    each(facts, broken, |container| {
        names.iter().find_map(|name| unknown(container, name).or_else(|| may_be_set(container, name)))
    })
}

fn unknown(container: &ContainerFacts, name: &str) -> Option<String> {
    let source = container.source_of(name)?;
    let why = source.why.as_ref().map(|why| format!("; {why}")).unwrap_or_default();
    Some(format!("{name} of container {} comes from {source}{why}", container.name))
}

fn each(
    facts: &Facts,
    broken: impl Fn(&PodFacts, &ContainerFacts) -> Option<Evidence>,
    unknown: impl Fn(&ContainerFacts) -> Option<String>,
) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    let mut found = pod
        .acting_containers()
        .filter_map(|container| Some((container.name.clone(), broken(pod, container)?)));
    if let Some((_, first)) = found.next() {
        return Evidence { others: found.collect(), ..first }.into();
    }
    pod.acting_containers().find_map(unknown).map_or(Verdict::Holds, Verdict::Unseen)
}

pub(super) fn place(facts: &Facts, pod: &PodFacts, container: &ContainerFacts) -> String {
    format!("container {} of {}", container.name, pod.place(&facts.namespace))
}
