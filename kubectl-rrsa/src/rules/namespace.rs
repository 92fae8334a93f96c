//! The webhook injects only where a namespace or a pod carries the injection label with the value `on`.
//! (ack-pod-identity-webhook; a pod wired by hand needs no label.)

use super::finding::{Evidence, Severity, Verdict, on_injection};
use super::restart;
use crate::facts::{
    Facts, INJECTION_LABEL, NamespaceFacts, OVERRIDE_ENV, PodFacts, SubjectRef, is_forbidden,
};
use crate::shell::word;

/// The namespace or the pod has the injection label.
pub(super) fn n01(facts: &Facts) -> Verdict {
    // Of whom it is to ask for nobody knows.
    if matches!(facts.subject, SubjectRef::Namespace(_)) {
        return Verdict::NotApplicable;
    }
    judge(facts, |namespace, pod| {
        if n03(facts).is_broken() {
            return None;
        }
        (namespace.injection().is_none() && pod.is_none()).then(|| {
            Evidence::new(
                format!("label {INJECTION_LABEL}=on"),
                "no such label on the namespace, nor on the pod",
                format!("namespace {}", facts.namespace),
                if facts.owner.why_unknown().is_some_and(is_forbidden) {
                    "label the namespace, then restart its pods; or only restart them, if the pod template has the label by now, \
                     which may not be seen here"
                } else {
                    "label the namespace, then restart its pods"
                },
            )
        })
    })
}

/// The injection label says `on` and nothing like it.
pub(super) fn n02(facts: &Facts) -> Verdict {
    // What the namespace says is not seen: the pod's own label is wrong, and may not be needed.
    if let (Some(pod), Err(_)) = (&facts.pod, facts.namespace_facts.as_result())
        && let Some(value) = pod.injection().filter(|value| *value != "on" && !pod.is_wired())
        && !facts.is_asked_by_template()
    {
        return not_on(value, &pod.place(&facts.namespace)).severity(Severity::Warning).into();
    }
    judge(facts, |namespace, pod| {
        let of_namespace =
            || namespace.injection().map(|value| (value, format!("namespace {}", facts.namespace)));
        // It is enough that the namespace asks: what such a label says beside it is not documented.
        let is_asked = namespace.injection() == Some("on");
        if is_asked && facts.pod.as_ref().is_some_and(PodFacts::is_wired) {
            return None;
        }
        let is_next = is_asked && facts.pod.as_ref().is_some_and(|pod| pod.is_template);
        let (value, place) = match (pod, &facts.pod) {
            (Some(value), Some(pod)) => (value, pod.place(&facts.namespace)),
            _ => of_namespace()?,
        };
        (value != "on")
            .then(|| not_on(value, &place))
            .map(|evidence| if is_next { evidence.severity(Severity::Warning) } else { evidence })
    })
}

fn not_on(value: &str, place: &str) -> Evidence {
    Evidence::new(
        "on",
        format!("{value:?}"),
        format!("label {INJECTION_LABEL} of {place}"),
        "set it to on; in YAML quote it ('on'), for a bare on is read as true",
    )
}

/// The injection label is a label, and not an annotation of the same name.
pub(super) fn n03(facts: &Facts) -> Verdict {
    if facts.is_wired() {
        return Verdict::Holds;
    }
    let namespace = match facts.namespace_facts.as_result() {
        // What the namespace says is not seen: the pod's own annotation does nothing, and a label may not be needed.
        Err(why) => {
            let pod = facts
                .pod
                .as_ref()
                .filter(|pod| pod.annotations.contains_key(INJECTION_LABEL) && pod.injection().is_none());
            return pod.map_or_else(
                || Verdict::Unseen(why.to_owned()),
                |pod| no_label(pod.place(&facts.namespace)).severity(Severity::Warning).into(),
            );
        }
        Ok(None) => return Verdict::NotApplicable,
        Ok(Some(namespace)) => namespace,
    };
    let labelled =
        namespace.injection().is_some() || facts.pod.as_ref().is_some_and(|p| p.injection().is_some());
    let (place, command) = if namespace.annotations.contains_key(INJECTION_LABEL) {
        (format!("namespace {}", facts.namespace), Some(label(facts)))
    } else if let Some(pod) = facts.pod.as_ref().filter(|pod| pod.annotations.contains_key(INJECTION_LABEL)) {
        let owner = pod.owner.as_deref();
        (pod.place(&facts.namespace), owner.and_then(|owner| restart::label_template(facts, owner)))
    } else {
        return Verdict::Holds;
    };
    if labelled {
        return Verdict::Holds;
    }
    no_label(place).command_if(command).into()
}

fn no_label(place: String) -> Evidence {
    Evidence::new(
        format!("label {INJECTION_LABEL}=on"),
        "an annotation of that name",
        place,
        "make it a label: the webhook reads no annotation here",
    )
}

/// The switch that lets the webhook replace variables says `true`, unlike the injection label's `on`.
pub(super) fn n04(facts: &Facts) -> Verdict {
    let namespace = facts.namespace_facts.value().and_then(Option::as_ref);
    let of_namespace =
        namespace.and_then(|n| n.labels.get(OVERRIDE_ENV)).map(|v| (v, "label of the namespace"));
    let of_pod = facts
        .pod
        .as_ref()
        .and_then(|p| p.annotations.get(OVERRIDE_ENV))
        .map(|v| (v, "annotation of the pod"));
    match of_pod.into_iter().chain(of_namespace).find(|(value, _)| *value != "true") {
        None => match facts.namespace_facts.as_result() {
            // The pod's own annotation goes first.
            _ if of_pod.is_some() => Verdict::Holds,
            Err(why) => Verdict::Unseen(why.to_owned()),
            Ok(None) => Verdict::NotApplicable,
            Ok(Some(_)) => Verdict::Holds,
        },
        Some((value, place)) => Evidence::new(
            "\"true\"",
            format!("{value:?}"),
            format!("{OVERRIDE_ENV}, {place}"),
            "write \"true\", in quotes; any other value leaves the variables as they are",
        )
        .into(),
    }
}

fn judge(facts: &Facts, broken: impl FnOnce(&NamespaceFacts, Option<&str>) -> Option<Evidence>) -> Verdict {
    on_injection(facts, || judged(facts, broken))
}

fn judged(facts: &Facts, broken: impl FnOnce(&NamespaceFacts, Option<&str>) -> Option<Evidence>) -> Verdict {
    let pod_label = facts.pod.as_ref().and_then(|pod| pod.injection());
    if pod_label == Some("on") || facts.is_asked_by_template() {
        return Verdict::Holds;
    }
    match facts.namespace_facts.as_result() {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(None) => Verdict::NotApplicable,
        // Any pod of the namespace may carry the label itself; without pods nobody can tell.
        Ok(Some(namespace)) if namespace.injection() == Some("on") && pod_label.is_none() => Verdict::Holds,
        Ok(Some(namespace)) => match (broken(namespace, pod_label), &facts.pod) {
            // The pod's own label goes before the namespace's.
            (Some(evidence), Some(pod)) if pod_label.is_some() => {
                let owner = pod.owner.as_deref();
                evidence.command_if(owner.and_then(|o| restart::label_template(facts, o))).into()
            }
            (Some(evidence), _) => evidence.command(label(facts)).into(),
            (None, _) => Verdict::Holds,
        },
    }
}

fn label(facts: &Facts) -> String {
    let label =
        format!("kubectl label namespace {} {INJECTION_LABEL}=on --overwrite", word(&facts.namespace));
    restart::after(facts, label)
}
