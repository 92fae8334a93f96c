//! RRSA reaches the pod: nothing keeps the webhook from injecting it, or somebody has wired it by hand.
//! (RRSA guide; ack-pod-identity-webhook.)

use rrsa_shared::arn;

use super::finding::{Evidence, Severity, Verdict};
use super::{namespace, restart, service_account, volume, webhook};
use crate::facts::{
    AUDIENCE, ContainerFacts, Facts, INJECTION_LABEL, NamespaceFacts, ONLY_CONTAINERS_ANNOTATION, PodFacts,
    SKIP_CONTAINERS_ANNOTATION, ServiceAccountFacts, is_forbidden,
};
use crate::shell::word;
/// The pod is younger than what would have it injected.
pub(super) fn p01(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    // A new pod would be left out too.
    if pod.is_wired() || pod.skips_all() || stays_out(facts) {
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
    let of_today = facts.owner.value().map(|owner| owner.template.service_account.as_str());
    let near = |other: &&String| {
        name == "default"
            || of_today == Some(other.as_str())
            || rrsa_shared::policy::edit_distance(other, name) <= 2
    };
    let candidates: Vec<&str> = annotated.iter().filter(near).map(String::as_str).collect();
    if candidates.is_empty() {
        return match (account, facts.service_account.why_unknown()) {
            (None, Some(why)) => Verdict::Unseen(why.to_owned()),
            _ => Verdict::Holds,
        };
    }
    let owner = pod.owner.clone().unwrap_or_else(|| format!("pod/{}", pod.name));
    if let Some(named) = of_today.filter(|named| candidates.contains(named) && !pod.is_template) {
        return Evidence::new(
            format!("spec.serviceAccountName: {named}, as {owner} has it now"),
            format!("spec.serviceAccountName: {name}"),
            pod.place(&facts.namespace),
            "this pod is of the time before: wait for the rollout that is under way, or begin one",
        )
        .command_if(restart::of_pod(facts, pod))
        .into();
    }
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

/// The injection label stands where pods get it from: on the template, not on the workload.
pub(super) fn p03(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    if facts.is_wired() || pod.injection().is_some() {
        return Verdict::Holds;
    }
    // Of files that hold no namespace it cannot be told whether that one asks for all.
    let is_maybe = match namespace::n01(facts) {
        Verdict::Broken(_) => false,
        Verdict::Unseen(_) if facts.offline => true,
        _ => return Verdict::NotApplicable,
    };
    let (owner, labels) = match (&pod.owner, facts.owner.as_result()) {
        (None, _) => return Verdict::NotApplicable,
        (Some(_), Err(why)) => return Verdict::Unseen(why.to_owned()),
        (Some(owner), Ok(facts)) => (owner, &facts.labels),
    };
    if labels.get(INJECTION_LABEL).is_none() {
        return Verdict::Holds;
    }
    let evidence = Evidence::new(
        format!(
            "the label under {}spec.template.metadata.labels",
            if owner.starts_with("cronjob/") { "spec.jobTemplate." } else { "" }
        ),
        match owner.starts_with("cronjob/") {
            true => "the label under metadata.labels, its own or those of spec.jobTemplate",
            false => "the label under metadata.labels",
        },
        format!("{owner} in namespace {}", facts.namespace),
        "move it to the template: pods do not inherit the labels of what made them",
    )
    .command_if(restart::label_template(facts, owner));
    if is_maybe { evidence.severity(Severity::Warning).into() } else { evidence.into() }
}

/// Lists of containers name containers of the pod, and leave the webhook one to inject.
pub(super) fn p04(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
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
            format!(
                "names of its containers: {}",
                pod.containers.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ")
            ),
            format!("{name:?}, which is no container of the pod"),
            format!("annotation {annotation} of {}", pod.place(&facts.namespace)),
            match annotation {
                ONLY_CONTAINERS_ANNOTATION => "mend the name, or take it away: no other container than those named is injected",
                _ => "take the name away, or write the one that was meant: a container that is named here is not injected",
            },
        )
        .into(),
    }
}

/// Whether something else explains that the pod has no token volume.
fn has_cause(facts: &Facts) -> bool {
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
        volume::p18,
        p22,
    ];
    cause.iter().any(|rule| rule(facts).is_broken())
}

/// Whether the pod waits for what the webhook would have put into it, and a rule says why it was not.
pub(super) fn waits_for_injection(facts: &Facts) -> bool {
    let waits = facts.pod.as_ref().is_some_and(|pod| !pod.is_wired());
    waits && (has_cause(facts) || p12(facts).is_broken())
}

/// The pod has a projected ServiceAccount token to exchange.
pub(super) fn p12(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else {
        // Whether pods that run as it have theirs is not to be told where they may not be listed.
        return match (facts.pods_using.as_result(), &facts.unscheduled) {
            (Err(why), _) => Verdict::Unseen(why.to_owned()),
            (Ok(_), Some(why)) => Verdict::Unseen(why.clone()),
            (Ok(_), None) => Verdict::NotApplicable,
        };
    };
    // The webhook puts it in when the pod is made.
    let is_later = pod.is_template && pod.rrsa_projection().is_none();
    if pod.skips_all() || is_later && !pod.is_wired() {
        return Verdict::NotApplicable;
    }
    // A template with all the variables is wired by hand, unless the webhook adds the rest.
    if is_later {
        match will_be_injected(facts, pod) {
            Ok(true) => return Verdict::NotApplicable,
            Ok(false) => {}
            Err(why) => return Verdict::Unseen(why.to_owned()),
        }
    }
    if pod.rrsa_projection().is_some() {
        return Verdict::Holds;
    }
    if has_cause(facts) || (pod.is_template && volume::p13(facts).is_broken()) {
        return Verdict::NotApplicable;
    }
    if let (true, Some(owner)) = (stays_out(facts), &pod.owner) {
        return Evidence::new(
            format!("a projected volume with a serviceAccountToken for audience {AUDIENCE}"),
            "no such volume",
            pod.place(&facts.namespace),
            format!(
                "a new pod would have none either, as the pod template of {owner} is now: look at that first"
            ),
        )
        .command(format!("kubectl rrsa check {} -n {}", word(owner), word(&facts.namespace)))
        .into();
    }
    let command = restart::of_pod(facts, pod);
    let of_webhook = [webhook::w02, webhook::w03, webhook::w05, webhook::w06];
    let template_is_hidden = facts.owner.why_unknown().is_some_and(is_forbidden);
    let half_seen = of_webhook.iter().any(|rule| matches!(rule(facts), Verdict::Unseen(_)));
    let asks = [namespace::n01, namespace::n02, namespace::n03];
    let is_asked_seen = !asks.iter().any(|rule| matches!(rule(facts), Verdict::Unseen(_)));
    let by_hand = pod.is_wired() && will_be_injected(facts, pod) == Ok(false);
    Evidence::new(
        format!("a projected volume with a serviceAccountToken for audience {AUDIENCE}"),
        "no such volume",
        pod.place(&facts.namespace),
        match command {
            _ if by_hand => {
                "nothing asks the webhook to inject, so the pod is wired by hand: give it the volume, and mount it where the \
                 variable says"
            }
            _ if !is_asked_seen => {
                "look whether the namespace has the label that asks the webhook to inject, which may not be seen here; where it \
                 has, restart the workload"
            }
            _ if template_is_hidden => {
                "restart the workload, as far as can be seen; its pod template is not, and if the new pod lacks the volume too, \
                 look there"
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
    .command_if(command.filter(|_| !by_hand && is_asked_seen))
    .into()
}

/// Whether a new pod would be left out as well: what makes it has another template by now, for another ServiceAccount or for
/// nobody the webhook looks at.
#[must_use]
pub fn stays_out(facts: &Facts) -> bool {
    let (Some(pod), Some(owner)) = (&facts.pod, facts.owner.value()) else { return false };
    let made = &owner.template;
    if pod.is_template || made.containers.is_empty() || made.is_wired() {
        return false;
    }
    let of_today = Facts { pod: Some(made.clone()), beside: Vec::new(), ..facts.clone() };
    let out = [namespace::n01, namespace::n02, namespace::n03, webhook::w05, webhook::w06];
    made.service_account != facts.service_account_name
        || made.skips_all()
        || out.iter().any(|rule| rule(&of_today).is_broken())
}

/// Whether the webhook is asked to look at the pod, and has a role for it.
///
/// # Errors
/// Why that is not known.
pub(super) fn will_be_injected<'a>(facts: &'a Facts, pod: &PodFacts) -> Result<bool, &'a str> {
    let asked = match pod.injection() {
        _ if facts.is_asked_by_template() => true,
        Some(value) => value == "on",
        None => {
            let namespace = facts.namespace_facts.as_result()?.as_ref();
            namespace.and_then(NamespaceFacts::injection) == Some("on")
        }
    };
    let account = facts.service_account.as_result()?.as_ref();
    Ok(asked && account.and_then(ServiceAccountFacts::role_name).is_some_and(arn::is_role_name))
}

/// Whether the webhook sets the region of STS in a container when the pod is made: one that is not known to be too old for that.
pub(super) fn gets_region(facts: &Facts, pod: &PodFacts, container: &ContainerFacts) -> bool {
    pod.is_template
        && !pod.skips(&container.name)
        && will_be_injected(facts, pod) == Ok(true)
        && webhook::is_older_than(facts, webhook::STS_VARIABLES) != Some(true)
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
