//! ack-pod-identity-webhook puts variables, volume and mounts into pods when they are created, and says nothing when
//! it does not. (RRSA guide; its objects have no documented names.) A workload that is wired needs none of it.

use std::collections::BTreeMap;

use super::finding::{Evidence, Severity, Verdict, on_injection};
use super::{namespace, reach, restart, service_account, variables};
use crate::facts::{
    AdmissionFacts, Authority, ContainerFacts, ContainerKind, Facts, NamespaceFacts, OVERRIDES,
    ServiceAccountFacts, WEBHOOK_VOLUME, WebhookFacts,
};
use crate::shell::word;

/// Seconds between the making of a ServiceAccount and of a pod within which the webhook may not know the former.
const RACE: i64 = 60;

/// The webhook is installed.
pub(super) fn w01(facts: &Facts) -> Verdict {
    on_injection(facts, || installed(facts))
}

fn installed(facts: &Facts) -> Verdict {
    match facts.cluster.webhook.as_result() {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(Some(_)) => Verdict::Holds,
        Ok(None) => Evidence::new(
            "ack-pod-identity-webhook",
            "neither a MutatingWebhookConfiguration nor a Deployment of that name",
            "the cluster's add-ons",
            "install the add-on ack-pod-identity-webhook, then restart the pods; or wire the pods by hand",
        )
        .into(),
    }
}

/// The webhook is there to answer.
pub(super) fn w02(facts: &Facts) -> Verdict {
    judge(facts, |webhook| {
        let Some(deployment) = webhook.deployment.as_result()? else {
            // One that is called by a URL is run for the user.
            let in_cluster = webhook.admission.value().is_some_and(|admission| admission.service.is_some());
            return if in_cluster {
                Err("kube-system has no Deployment of it, so whether anybody answers is not seen")
            } else {
                Ok(None)
            };
        };
        let pods = deployment.replicas;
        if pods.ready > 0 {
            return Ok(None);
        }
        let blocks = webhook.admission.value().and_then(|a| a.failure_policy.as_deref()) == Some("Fail");
        let evidence = Evidence::new(
            "a ready pod of the webhook",
            format!("0 of {} ready", pods.wanted),
            format!("deployment kube-system/{}", webhook.name),
            if blocks {
                "mend it at once: with failurePolicy Fail no pod can be created meanwhile"
            } else {
                "mend it, then restart the pods that were created meanwhile: they were not injected"
            },
        )
        .command(format!("kubectl describe deployment {} -n kube-system", word(&webhook.name)));
        Ok(Some(if blocks { evidence.severity(Severity::Critical) } else { evidence }))
    })
}

/// The webhook sees the namespace and the pod.
pub(super) fn w05(facts: &Facts) -> Verdict {
    judge(facts, |webhook| {
        let admission = webhook.admission.as_result()?;
        let Some((what, requirement)) = excluded(facts, admission) else {
            return match admission.has_conditions {
                true => Err("it has matchConditions, which are not evaluated here"),
                false => Ok(None),
            };
        };
        Ok(Some(Evidence::new(
            requirement,
            format!("{what} does not fit"),
            format!("webhook {}", webhook.name),
            "mend the labels so that the selector fits, or wire the pod by hand; then restart the pods",
        )))
    })
}

/// What a webhook does not see, and the requirement that keeps it out.
fn excluded(facts: &Facts, admission: &AdmissionFacts) -> Option<(String, String)> {
    if !admission.sees_pods {
        return Some(("the creation of pods".to_owned(), "a rule for CREATE of pods".to_owned()));
    }
    let namespace = facts.namespace_facts.value().and_then(Option::as_ref);
    // The injection label is N01's and N02's to judge, as far as they do.
    let judged = namespace::n01(facts).is_broken() || namespace::n02(facts).is_broken();
    let ours = |key: &str| judged && key == crate::facts::INJECTION_LABEL;
    let unmet = |selector: &crate::facts::Selector, labels: &BTreeMap<String, String>| {
        selector.unmet(labels).filter(|requirement| !ours(&requirement.key)).map(ToString::to_string)
    };
    if let Some(namespace) = namespace {
        // The API server gives every namespace this label.
        let mut labels = namespace.labels.clone();
        labels.entry("kubernetes.io/metadata.name".to_owned()).or_insert_with(|| namespace.name.clone());
        if let Some(requirement) = unmet(&admission.namespace_selector, &labels) {
            return Some((format!("namespace {}", namespace.name), requirement));
        }
    }
    let pod = facts.pod.as_ref()?;
    let requirement = unmet(&admission.object_selector, &pod.labels)?;
    Some((pod.place(&facts.namespace), requirement))
}

/// Annotation of a ServiceAccount that asks for the host of STS, and the first version that reads it.
const STS_ENDPOINT_ANNOTATION: &str = "pod-identity.alibabacloud.com/inject-sts-endpoint";
const STS_ENDPOINT: [u32; 3] = [0, 3, 0];
/// The first version that sets the variables which decide the STS host.
pub(super) const STS_VARIABLES: [u32; 3] = [0, 4, 0];
/// The first version that reads the injection label of a pod.
const POD_LABELS: [u32; 3] = [0, 2, 0];

/// Whether the webhook is of an older version, where it tells one.
pub(super) fn is_older_than(facts: &Facts, since: [u32; 3]) -> Option<bool> {
    let webhook = facts.cluster.webhook.value()?.as_ref()?;
    Some(webhook.deployment.value()?.as_ref()?.version_numbers()? < since)
}

/// The webhook is new enough for what the workload asks of it.
pub(super) fn w06(facts: &Facts) -> Verdict {
    let overrides = facts.pod.as_ref().is_some_and(|pod| variables::replaces(facts, pod));
    if overrides && is_older_than(facts, OVERRIDES) != Some(false) && variables::p07(facts).is_broken() {
        if is_older_than(facts, OVERRIDES).is_none() {
            return Verdict::Unseen(
                "which version the webhook is, is not seen; override-env needs 0.4.2 or later".to_owned(),
            );
        }
        let webhook = facts.cluster.webhook.value().and_then(Option::as_ref);
        return Evidence::new(
            format!("0.4.2 or later, for {}", crate::facts::OVERRIDE_ENV),
            webhook.map(ToString::to_string).unwrap_or_default(),
            "image of the webhook",
            "upgrade the add-on, then restart the workload; or take the variables out of it",
        )
        .into();
    }
    if let Some(evidence) = unread_endpoint(facts) {
        return evidence.into();
    }
    judge(facts, |webhook| {
        let on_pod = facts.pod.as_ref().is_some_and(|pod| pod.injection() == Some("on"));
        let on_namespace = facts
            .namespace_facts
            .value()
            .and_then(Option::as_ref)
            .is_some_and(|namespace| namespace.injection() == Some("on"));
        if !on_pod || on_namespace {
            return Ok(None);
        }
        let Some(deployment) = webhook.deployment.as_result()? else { return Ok(None) };
        let Some(version) = deployment.version_numbers() else {
            return Err(
                "the tag of the webhook's image tells no version, and the injection label on a pod needs 0.2.0 or later",
            );
        };
        Ok((version < POD_LABELS).then(|| {
            Evidence::new(
                "0.2.0 or later, for the injection label on a pod",
                deployment.version.clone().unwrap_or_default(),
                format!("image of {}", webhook.name),
                "upgrade the add-on, or label the namespace instead",
            )
            .command(restart::after(
                facts,
                format!(
                    "kubectl label namespace {} {}=on --overwrite",
                    word(&facts.namespace),
                    crate::facts::INJECTION_LABEL
                ),
            ))
        }))
    })
}

/// The host of STS is asked for in a way that the webhook does not read yet.
fn unread_endpoint(facts: &Facts) -> Option<Evidence> {
    let account = facts.service_account.value().and_then(Option::as_ref)?;
    let asked = account.annotations.get(STS_ENDPOINT_ANNOTATION).is_some_and(|value| value == "on");
    let webhook = facts.cluster.webhook.value().and_then(Option::as_ref)?;
    let is_old = asked && account.role_name().is_some() && is_older_than(facts, STS_ENDPOINT) == Some(true);
    is_old.then(|| {
        Evidence::new(
            format!("0.3.0 or later, for annotation {STS_ENDPOINT_ANNOTATION}"),
            webhook.to_string(),
            format!("image of {}", webhook.name),
            "upgrade the add-on, then restart the workload; until then its SDKs ask the public host of STS",
        )
        .severity(Severity::Warning)
    })
}

/// The API server can call the webhook: its authority is good, and no event tells of a failed call.
pub(super) fn w03(facts: &Facts) -> Verdict {
    on_injection(facts, || callable(facts))
}

fn callable(facts: &Facts) -> Verdict {
    let webhook = match facts.cluster.webhook.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(None) => return Verdict::NotApplicable,
        Ok(Some(webhook)) => webhook,
    };
    let mend = |expected: &str, seen: String, place: String| {
        Verdict::from(
            Evidence::new(
                expected,
                seen,
                place,
                "reinstall the add-on, which makes a new certificate and caBundle; then restart the pods",
            )
            .command(format!("kubectl get mutatingwebhookconfiguration {} -o yaml", word(&webhook.name))),
        )
    };
    let bundle = || format!("caBundle of webhook {}", webhook.name);
    match webhook.admission.value().map(|admission| admission.ca) {
        Some(Authority::Unreadable) => {
            return mend("a certificate", "nothing that can be read as one".to_owned(), bundle());
        }
        Some(Authority::Until(until)) if until <= facts.looked_at => {
            let ago = facts.looked_at - until;
            return mend("a certificate that is still good", format!("it expired {ago} s ago"), bundle());
        }
        _ => {}
    }
    // Pods that have no ready webhook to ask are W02's.
    if w02(facts).is_broken() {
        return Verdict::NotApplicable;
    }
    match facts.webhook_failures.as_result().map(Vec::as_slice) {
        Ok([]) => Verdict::Holds,
        Ok([first, ..]) => mend(
            "an answer of the webhook",
            first.clone(),
            format!("events of namespace {}", facts.namespace),
        ),
        Err(why) if webhook_was_asked(facts) => Verdict::Unseen(why.to_owned()),
        Err(_) => Verdict::Holds,
    }
}

/// Whether events of failed calls would concern the workload: the webhook is wanted, and nothing was injected.
fn webhook_was_asked(facts: &Facts) -> bool {
    !facts.offline && !earlier(facts)
}

/// No other webhook added containers after this one had looked.
pub(super) fn w07(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    // A pod wired by hand has what its author gave it; only where the webhook looks, it looks at every container.
    let namespace = facts.namespace_facts.value().and_then(Option::as_ref);
    let asked = namespace.and_then(NamespaceFacts::injection) == Some("on") || pod.injection() == Some("on");
    let account = facts.service_account.value().and_then(Option::as_ref);
    let named = account.and_then(ServiceAccountFacts::role_name).is_some();
    if pod.is_template
        || !pod.is_wired()
        || !asked
        || !named
        || !matches!(facts.cluster.webhook.value(), Some(Some(_)))
    {
        return Verdict::NotApplicable;
    }
    let with = pod.containers.iter().any(ContainerFacts::has_rrsa_env);
    let found = pod.containers.iter().find(|container| {
        container.kind != ContainerKind::Ephemeral
            && with
            && !container.has_rrsa_env()
            && container.mounts.iter().all(|mount| mount.volume != WEBHOOK_VOLUME)
            && !pod.skips(&container.name)
    });
    match found {
        None => Verdict::Holds,
        Some(container) => {
            // What the template has nobody has added later: the pod is of a time when it was left out.
            let made = facts.owner.value().map(|owner| &owner.template);
            let is_old = made.is_some_and(|made| {
                made.containers.iter().any(|one| one.name == container.name) && !made.skips(&container.name)
            });
            Evidence::new(
                "RRSA's variables in every container",
                format!("container {} has none", container.name),
                pod.place(&facts.namespace),
                if is_old {
                    "restart the workload: it stands in the pod template, and was left out when the pod was made; if it needs no RAM \
                     role, name it in the pod's annotation pod-identity.alibabacloud.com/skip-containers"
                } else {
                    "another webhook may have added it later; if it needs no RAM role, name it in the pod's annotation \
                     pod-identity.alibabacloud.com/skip-containers"
                },
            )
            .command_if(restart::of_pod(facts, pod).filter(|_| is_old))
            .into()
        }
    }
}

/// Where the webhook being away blocks every new pod, it runs more than once.
pub(super) fn w04(facts: &Facts) -> Verdict {
    match facts.cluster.webhook.as_result() {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(None) => Verdict::NotApplicable,
        Ok(Some(webhook)) => {
            let (admission, deployment) =
                match (webhook.admission.as_result(), webhook.deployment.as_result()) {
                    (Ok(admission), Ok(deployment)) => (admission, deployment),
                    (Err(why), _) | (_, Err(why)) => return Verdict::Unseen(why.to_owned()),
                };
            let blocks = admission.failure_policy.as_deref() == Some("Fail");
            match deployment.as_ref().filter(|running| blocks && running.replicas.wanted == 1) {
                None => Verdict::Holds,
                Some(_) => Evidence::new(
                    "two replicas or more",
                    "failurePolicy Fail and one replica",
                    format!("webhook {}", webhook.name),
                    "give it a second replica and a PodDisruptionBudget: while it is away no pod can be created",
                )
                .command(format!("kubectl scale deployment {} -n kube-system --replicas=2", word(&webhook.name)))
                .into(),
            }
        }
    }
}

/// The pod was made when the webhook was there.
pub(super) fn w09(facts: &Facts) -> Verdict {
    let (Some(pod), Some(Some(webhook))) = (&facts.pod, facts.cluster.webhook.value()) else {
        return Verdict::NotApplicable;
    };
    if facts.is_wired()
        || pod.skips_all()
        || reach::stays_out(facts)
        || kept_away(facts)
        || reach::p01(facts).is_broken()
        || w08(facts).is_broken()
    {
        return Verdict::NotApplicable;
    }
    let running = webhook.deployment.value().and_then(Option::as_ref);
    let (Some(made), Some(since)) = (pod.created_at, running.and_then(|running| running.available_since))
    else {
        return Verdict::NotApplicable;
    };
    if made >= since {
        return Verdict::Holds;
    }
    Evidence::new(
        "a pod made while the webhook was available",
        format!("the webhook has been available for {} s less than the pod exists", since - made),
        pod.place(&facts.namespace),
        "restart it: it was made while the webhook was away, and a running pod is never changed",
    )
    .command_if(restart::of_pod(facts, pod))
    .into()
}

/// One scheme brings one token for STS.
pub(super) fn w10(facts: &Facts) -> Verdict {
    let Some(pod) = &facts.pod else { return Verdict::NotApplicable };
    let for_sts: Vec<_> = pod
        .projections
        .iter()
        .filter(|projection| projection.audience.as_deref() == Some(crate::facts::AUDIENCE))
        .map(|projection| projection.volume.as_str())
        .collect();
    // Containers may have one each.
    let read = |volume: &str| {
        let mut own = pod.acting_containers().filter_map(|container| pod.projection_of(container));
        own.any(|projection| projection.volume == volume)
    };
    if for_sts.len() < 2 || for_sts.iter().all(|volume| read(volume)) {
        return Verdict::Holds;
    }
    let used = pod.rrsa_projection().map_or("none", |projection| projection.volume.as_str());
    Evidence::new(
        "one token for STS",
        format!("{} volumes: {}", for_sts.len(), for_sts.join(", ")),
        pod.place(&facts.namespace),
        format!("volume {used} is the one that counts here; the others belong to another webhook or driver, or can go"),
    )
    .into()
}

/// The pod was made when the webhook already knew its ServiceAccount.
pub(super) fn w08(facts: &Facts) -> Verdict {
    let (Some(pod), Some(Some(account))) = (&facts.pod, facts.service_account.value()) else {
        return Verdict::NotApplicable;
    };
    let is_out = || pod.skips_all() || reach::stays_out(facts);
    if facts.is_wired() || is_out() || kept_away(facts) || reach::p01(facts).is_broken() {
        return Verdict::NotApplicable;
    }
    let (Some(made), Some(annotated)) = (pod.created_at, account.annotated_at) else {
        return Verdict::NotApplicable;
    };
    if made - annotated > RACE {
        return Verdict::Holds;
    }
    Evidence::new(
        "a pod made a while after its ServiceAccount",
        format!("the pod is {} s younger than the annotation", made - annotated),
        pod.place(&facts.namespace),
        "restart it; to keep it from coming back, create the ServiceAccount first and the workload after",
    )
    .command_if(restart::of_pod(facts, pod))
    .into()
}

/// Whether anything but the pod's age explains that nothing was injected.
fn kept_away(facts: &Facts) -> bool {
    earlier(facts) || w03(facts).is_broken()
}

/// Whether something before the webhook explains that nothing was injected.
fn earlier(facts: &Facts) -> bool {
    let causes = [
        namespace::n01,
        namespace::n02,
        service_account::s01,
        service_account::s02,
        service_account::s04,
        reach::p02,
        w01,
        w02,
        w05,
        w06,
    ];
    causes.iter().any(|rule| rule(facts).is_broken())
}

fn judge<'a>(
    facts: &'a Facts,
    broken: impl FnOnce(&'a WebhookFacts) -> Result<Option<Evidence>, &'a str>,
) -> Verdict {
    on_injection(facts, || match facts.cluster.webhook.as_result() {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(None) => Verdict::NotApplicable,
        Ok(Some(webhook)) => match broken(webhook) {
            Err(why) => Verdict::Unseen(why.to_owned()),
            Ok(None) => Verdict::Holds,
            Ok(Some(evidence)) => evidence.into(),
        },
    })
}
