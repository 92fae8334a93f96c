//! The pod must carry the token volume, the mount and the three variables, and they must agree.
//! (RRSA guide; SDKs skip RRSA in silence when one of the variables is missing.)

use rrsa_shared::arn::{self, OidcProviderArn};
use rrsa_shared::env_vars;

use super::finding::{Evidence, Severity, Verdict};
use super::{namespace, restart, service_account, webhook};
use crate::facts::{
    AUDIENCE, ContainerFacts, ContainerKind, EnvFact, Facts, INJECTION_LABEL, MountFacts, NamespaceFacts,
    ONLY_CONTAINERS_ANNOTATION, OVERRIDE_ENV, PodCount, PodFacts, RRSA_ENV, SKIP_CONTAINERS_ANNOTATION,
    ServiceAccountFacts, TokenProjection, VolumeFacts, VolumeKind, WEBHOOK_VOLUME,
};

/// Where every pod finds its token for the API server.
const API_TOKEN_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/// Where the webhook mounts the token.
const WEBHOOK_TOKEN_FILE: &str = "/var/run/secrets/ack.alibabacloud.com/rrsa-tokens/token";

/// The least and the most a projected token for RRSA may live, seconds.
pub(super) const LIFETIME: std::ops::RangeInclusive<i64> = 600..=43_200;

/// The pod is younger than what would have it injected.
pub(super) fn p01(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    // A new pod would be left out too.
    if pod.is_wired() || pod.skips_all() {
        return Verdict::Holds;
    }
    let annotated = facts.service_account.value().and_then(Option::as_ref).and_then(|a| a.annotated_at);
    let labelled = facts.namespace_facts.value().and_then(Option::as_ref).and_then(|n| n.labelled_at);
    let Some(made) = pod.created_at else { return Verdict::NotApplicable };
    let later = [(annotated, "the role-name annotation"), (labelled, "the injection label")];
    let later = later.into_iter().filter_map(|(at, what)| Some((at?, what))).max();
    let Some((at, what)) = later.filter(|(at, _)| *at > made) else { return Verdict::Holds };
    Evidence::new(
        "a pod made after the annotation and the label",
        format!("{what} was written {} s after the pod was made", at - made),
        pod.place(&facts.namespace),
        "restart the workload: the webhook looks at a pod only when it is created",
    )
    .command_if(restart::of_pod(facts, pod))
    .into()
}

/// The injection label stands where pods get it from: on the template, not on the workload.
pub(super) fn p03(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    if facts.is_wired() || pod.injection().is_some() {
        return Verdict::Holds;
    }
    if !namespace::n01(facts).is_broken() {
        return Verdict::NotApplicable;
    }
    let (owner, labels) = match (&pod.owner, facts.owner.as_result()) {
        (None, _) => return Verdict::NotApplicable,
        (Some(_), Err(why)) => return Verdict::Unseen(why.to_owned()),
        (Some(owner), Ok(facts)) => (owner, &facts.labels),
    };
    if labels.get(INJECTION_LABEL).is_none() {
        return Verdict::Holds;
    }
    Evidence::new(
        "the label under spec.template.metadata.labels",
        "the label under metadata.labels",
        format!("{owner} in namespace {}", facts.namespace),
        "move it to the template: pods do not inherit the labels of what made them",
    )
    .command_if(restart::label_template(facts, owner))
    .into()
}

/// Lists of containers name containers of the pod, and leave the webhook one to inject.
pub(super) fn p04(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return left_out(facts) };
    if pod.skips_all() && !facts.is_wired() {
        let annotations = [ONLY_CONTAINERS_ANNOTATION, SKIP_CONTAINERS_ANNOTATION];
        let lists =
            annotations.iter().filter_map(|name| Some(format!("{name}: {}", pod.annotations.get(*name)?)));
        return Evidence::new(
            "a container that is injected",
            lists.collect::<Vec<_>>().join("; "),
            format!("annotations of {}", pod.place(&facts.namespace)),
            "the lists leave every container out: mend them, in the pod template where there is one",
        )
        .severity(Severity::Error)
        .into();
    }
    let unmatched =
        [ONLY_CONTAINERS_ANNOTATION, SKIP_CONTAINERS_ANNOTATION].into_iter().find_map(|annotation| {
            let names = pod.listed(annotation)?;
            let name = names.into_iter().find(|name| pod.containers.iter().all(|c| c.name != **name))?;
            Some((annotation, name))
        });
    match unmatched {
        None => Verdict::Holds,
        Some((annotation, name)) => Evidence::new(
            pod.containers.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", "),
            format!("{name:?}, which is no container of the pod"),
            format!("annotation {annotation} of {}", pod.place(&facts.namespace)),
            "mend the name; with only-containers no other container is injected",
        )
        .into(),
    }
}

/// Of a ServiceAccount it is said when RRSA has reached none of its pods, and the lists are the reason.
fn left_out(facts: &Facts) -> Verdict {
    let count = match facts.pods_using.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(count) => count,
    };
    if count.left_out == 0 || count.wired > 0 || !count.stale.is_empty() {
        return Verdict::NotApplicable;
    }
    Evidence::new(
        "a container that is injected",
        format!("{} of {} pods leave every container out", count.left_out, count.total),
        format!("{SKIP_CONTAINERS_ANNOTATION} and {ONLY_CONTAINERS_ANNOTATION} of its pods"),
        "mend the lists, in the pod template where there is one",
    )
    .severity(Severity::Error)
    .into()
}

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

/// The variables that the webhook kept are the ones it would have set.
pub(super) fn p07(facts: &Facts) -> Verdict {
    let account = facts.service_account.value().and_then(Option::as_ref);
    let named = account.and_then(|a| a.role_name()).filter(|name| arn::is_role_name(name));
    let namespace = facts.namespace_facts.value().and_then(Option::as_ref);
    each_container(facts, |pod, container| {
        let role = arn::RoleArn::parse(container.value(env_vars::ROLE_ARN)?).ok()?;
        if !sets_role_itself(facts, pod) || role.name == named? {
            return None;
        }
        // Of a template the webhook will still replace it.
        let replaced = pod.annotations.get(OVERRIDE_ENV).or_else(|| namespace?.labels.get(OVERRIDE_ENV));
        if pod.is_template
            && replaced.is_some_and(|value| value == "true")
            && will_be_injected(facts, pod) == Ok(true)
        {
            return None;
        }
        Some(Evidence::new(
            format!("role {}, as the ServiceAccount names it", named?),
            format!("role {}, which the workload sets itself", role.name),
            format!("variable {}, {}", env_vars::ROLE_ARN, place(facts, pod, container)),
            format!(
                "take the variable out of the workload, or let the webhook replace it with the annotation \
                 {OVERRIDE_ENV}: \"true\" (0.4.2 or later)"
            ),
        ))
    })
}

/// Init and ephemeral containers of an injected pod have the variables too, or do not need them.
pub(super) fn p05(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    let injected = pod.projections.iter().any(|projection| projection.volume == WEBHOOK_VOLUME);
    // An init container that the webhook did not reach is W07's; one of a pod wired by hand has what it was given.
    let found = pod.containers.iter().find(|container| {
        container.kind == ContainerKind::Ephemeral && injected && !container.has_rrsa_env()
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

/// RRSA's variables are written out, so that what they say can be seen.
pub(super) fn p08(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    let found = pod.app_containers().find_map(|container| {
        RRSA_ENV.iter().find_map(|name| match container.env.get(*name) {
            Some(EnvFact::From(source)) => Some((container, *name, source)),
            _ => None,
        })
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

/// The pod is one that can have a ServiceAccount.
pub(super) fn p22(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    if !pod.is_static {
        return Verdict::Holds;
    }
    Evidence::new(
        "a pod made through the API server",
        "a static pod of the kubelet",
        pod.place(&facts.namespace),
        "run it as a Deployment or DaemonSet: a static pod has no ServiceAccount token",
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

/// Of the pods of one workload, either all are injected or none.
pub(super) fn p25(facts: &Facts) -> Verdict {
    if facts.pod.is_some() {
        return Verdict::NotApplicable;
    }
    let count = match facts.pods_using.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(count) => count,
    };
    if count.total == 0 {
        return Verdict::NotApplicable;
    }
    // What has none at all is P12's.
    if count.mixed.is_empty() {
        return Verdict::Holds;
    }
    let command = restart::of_owners(facts, &count.mixed);
    Evidence::new(
        format!("RRSA in all {} pods of the ServiceAccount", count.total),
        format!("in {} of them; not in all of {}", count.wired, count.mixed.join(", ")),
        format!("pods of serviceaccount {}/{}", facts.namespace, facts.service_account_name),
        match command {
            Some(_) => "restart what has pods of the time before",
            None => "new pods will have it; what makes these cannot be restarted by kubectl",
        },
    )
    .command_if(command)
    .into()
}

/// The pod runs as the ServiceAccount that was set up for RRSA, not as `default` or a misspelt one.
pub(super) fn p02(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    if pod.is_wired() {
        return Verdict::Holds;
    }
    let account = match facts.service_account.as_result() {
        // Where only files are looked at it may be elsewhere, and may be misspelt.
        Err(_) if facts.offline => None,
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(None) => return Verdict::NotApplicable,
        Ok(Some(account)) => Some(account),
    };
    if account.is_some_and(|account| account.role_name().is_some()) {
        return Verdict::Holds;
    }
    let annotated = match facts.annotated_service_accounts.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(names) => names,
    };
    let name = &facts.service_account_name;
    let near = |other: &&String| name == "default" || rrsa_shared::policy::edit_distance(other, name) <= 2;
    let candidates: Vec<&str> = annotated.iter().filter(near).map(String::as_str).collect();
    if candidates.is_empty() {
        return match (account, facts.service_account.why_unknown()) {
            (None, Some(why)) => Verdict::Unseen(why.to_owned()),
            _ => Verdict::Holds,
        };
    }
    let owner = pod.owner.clone().unwrap_or_else(|| format!("pod/{}", pod.name));
    let evidence = Evidence::new(
        format!("spec.serviceAccountName: {}", candidates.join(" or ")),
        match account {
            Some(_) => format!("spec.serviceAccountName: {name}, which names no role"),
            None => format!("spec.serviceAccountName: {name}, which is not in the files"),
        },
        pod.place(&facts.namespace),
        if facts.wants_rrsa() {
            format!("set serviceAccountName in the pod template of {owner}")
        } else {
            format!(
                "if it is to have a role, set serviceAccountName in the pod template of {owner}; nothing else asks for one"
            )
        },
    );
    let owner = pod.owner.as_deref().filter(|_| facts.wants_rrsa());
    let command = match candidates.as_slice() {
        [one] => owner.and_then(|owner| restart::runs_as(facts, owner, one)),
        _ => None,
    };
    let evidence = evidence.command_if(command);
    match account {
        Some(_) => evidence.into(),
        None => evidence.severity(Severity::Warning).into(),
    }
}

/// All three variables are set in a container that has one of them.
pub(super) fn p06(facts: &Facts) -> Verdict {
    // The webhook keeps what a workload sets, and adds the rest when the pod is made.
    let later = match facts.pod.as_ref().filter(|pod| pod.is_template) {
        None => Ok(false),
        Some(pod) => will_be_injected(facts, pod),
    };
    let partly =
        |c: &ContainerFacts| c.has_rrsa_env() && RRSA_ENV.iter().any(|name| !c.env.contains_key(*name));
    if let (Err(why), Some(pod)) = (&later, &facts.pod)
        && pod.app_containers().any(partly)
    {
        return Verdict::Unseen(format!("whether the webhook will set the rest: {why}"));
    }
    each_container(facts, |pod, container| {
        if later == Ok(true) && !pod.skips(&container.name) {
            return None;
        }
        let missing: Vec<_> =
            RRSA_ENV.iter().filter(|name| !container.env.contains_key(**name)).copied().collect();
        // A pod with the volume and none of the variables is as broken as one with two of them.
        let wanted = container.has_rrsa_env()
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

/// Whether the webhook is asked to look at the pod, and has a role for it.
///
/// # Errors
/// Why that is not known.
fn will_be_injected<'a>(facts: &'a Facts, pod: &PodFacts) -> Result<bool, &'a str> {
    let asked = match pod.injection() {
        Some(value) => value == "on",
        None => {
            let namespace = facts.namespace_facts.as_result()?.as_ref();
            namespace.and_then(NamespaceFacts::injection) == Some("on")
        }
    };
    let account = facts.service_account.as_result()?.as_ref();
    Ok(asked && account.and_then(ServiceAccountFacts::role_name).is_some_and(arn::is_role_name))
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
    if facts.pod.as_ref().is_some_and(PodFacts::skips_all) {
        return Verdict::NotApplicable;
    }
    let (seen, place, command) = match &facts.pod {
        Some(pod) if pod.rrsa_projection().is_some() => return Verdict::Holds,
        // The webhook puts it in when the pod is made.
        Some(pod) if pod.is_template => return Verdict::NotApplicable,
        Some(pod) => ("no such volume".to_owned(), pod.place(&facts.namespace), restart::of_pod(facts, pod)),
        // Of a ServiceAccount it is said when none of its pods has it; some of them are another rule's.
        None => match facts.pods_using.as_result() {
            Err(why) => return Verdict::Unseen(why.to_owned()),
            Ok(count) if count.unreached().next().is_some() => (
                unreached(count),
                format!("pods of serviceaccount {}/{}", facts.namespace, facts.service_account_name),
                restart::of_stale(facts, count),
            ),
            Ok(_) => return Verdict::NotApplicable,
        },
    };
    let cause = [
        namespace::n01,
        namespace::n02,
        service_account::s01,
        service_account::s02,
        service_account::s03,
        service_account::s04,
        namespace::n03,
        webhook::w01,
        webhook::w02,
        webhook::w03,
        webhook::w05,
        webhook::w06,
        webhook::w08,
        webhook::w09,
        p01,
        p02,
        p03,
        p18,
        p22,
    ];
    if cause.iter().any(|rule| rule(facts).is_broken()) {
        return Verdict::NotApplicable;
    }
    let of_webhook = [webhook::w02, webhook::w03, webhook::w05];
    let half_seen = of_webhook.iter().any(|rule| matches!(rule(facts), Verdict::Unseen(_)));
    let by_hand =
        facts.pod.as_ref().is_some_and(|pod| pod.is_wired() && will_be_injected(facts, pod) == Ok(false));
    Evidence::new(
        format!("a projected volume with a serviceAccountToken for audience {AUDIENCE}"),
        seen,
        place,
        match command {
            _ if by_hand => {
                "nothing asks the webhook to inject, so the pod is wired by hand: give it the volume, and mount it where the \
                 variable says"
            }
            _ if half_seen => {
                "restart the workload, as far as can be seen; not all of the webhook is, and if the new pod lacks the volume \
                 too, look there"
            }
            Some(_) => {
                "restart the workload: nothing is wrong that the webhook looks at, so the pod is older than that, or the \
                 webhook was away when it was made"
            }
            None => {
                "a new pod will have it: nothing is wrong that the webhook looks at, so this one is older than that, or \
                 the webhook was away when it was made"
            }
        },
    )
    .command_if(command.filter(|_| !by_hand))
    .into()
}

/// Which pods of a ServiceAccount RRSA has not reached.
fn unreached(count: &PodCount) -> String {
    let owners: Vec<_> = count.unreached().map(String::as_str).collect();
    let more = match count.bare {
        0 | 1 => String::new(),
        all => format!(" and {} more pods", all - 1),
    };
    format!("no such volume in the pods of {}{more}", owners.join(", "))
}

/// The projection asks for the audience STS wants.
pub(super) fn p13(facts: &Facts) -> Verdict {
    // Of a manifest the volume is not seen that admission will mount there.
    let api_token = each_container(facts, |pod, container| {
        let file = container.value(env_vars::OIDC_TOKEN_FILE)?;
        (file == API_TOKEN_FILE && pod.projection_of(container).is_none_or(|p| !container.has_token_at(p, file))).then(|| {
            Evidence::new(
                format!("the file of a token for audience {AUDIENCE}"),
                format!("{file}, which is the token for the API server"),
                format!("variable {}, {}", env_vars::OIDC_TOKEN_FILE, place(facts, pod, container)),
                format!("give STS a volume of its own, a serviceAccountToken for audience {AUDIENCE}, and name its file"),
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
                    format!(
                        "give STS a volume of its own, a serviceAccountToken for audience {AUDIENCE}, and name its file; \
                         this one is for the API server"
                    )
                } else {
                    format!("set audience: {AUDIENCE}; it is the same whatever STS host is used")
                },
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
        let projection = pod.projection_of(container)?;
        let uses = container.env.contains_key(env_vars::OIDC_TOKEN_FILE);
        // A copy of the token is P18's.
        if !uses
            || container.mounts.iter().any(|mount| mount.volume == projection.volume)
            || copied(pod, container).is_some()
        {
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
        let projection = pod.projection_of(container)?;
        let path = container.token_paths(projection).next()?;
        let file = container.value(env_vars::OIDC_TOKEN_FILE)?;
        // Where the webhook mounts it when the pod is made, whatever else is mounted.
        let later = pod.is_template && file == WEBHOOK_TOKEN_FILE && !pod.skips(&container.name);
        if later && will_be_injected(facts, pod) == Ok(true) {
            return None;
        }
        // Where a path begins that begins with no slash is the program's own business.
        let relative = !file.trim_start().starts_with('/');
        if container.has_token_at(projection, file) || arn::is_placeholder(file) || relative {
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
    })
}

/// The first container that breaks a rule, of those that may ask for credentials.
pub(super) fn each_container(
    facts: &Facts,
    broken: impl Fn(&PodFacts, &ContainerFacts) -> Option<Evidence>,
) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    if let Some(evidence) = pod.acting_containers().find_map(|container| broken(pod, container)) {
        return evidence.into();
    }
    let unresolved = pod.acting_containers().find_map(|container| {
        RRSA_ENV.iter().find_map(|name| match container.env.get(*name) {
            Some(EnvFact::From(source)) => {
                Some(format!("{name} of container {} comes from {source}", container.name))
            }
            _ => None,
        })
    });
    unresolved.map_or(Verdict::Holds, Verdict::Unseen)
}

/// The first projection that breaks a rule, of those that containers read.
fn projection(facts: &Facts, broken: impl Fn(&PodFacts, &TokenProjection) -> Option<Evidence>) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    let Some(projection) = pod.rrsa_projection() else { return Verdict::NotApplicable };
    let others = pod.acting_containers().filter_map(|container| pod.projection_of(container));
    let found = std::iter::once(projection).chain(others).find_map(|projection| broken(pod, projection));
    found.map_or(Verdict::Holds, Verdict::from)
}

pub(super) fn place(facts: &Facts, pod: &PodFacts, container: &ContainerFacts) -> String {
    format!("container {} of {}", container.name, pod.place(&facts.namespace))
}
