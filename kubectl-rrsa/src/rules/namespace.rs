//! The webhook injects only where a namespace or a pod carries the injection label with the value `on`.
//! (ack-pod-identity-webhook; a pod wired by hand needs no label.)

use super::finding::{Evidence, Verdict};
use crate::facts::{Facts, INJECTION_LABEL, NamespaceFacts};

/// The namespace or the pod has the injection label.
pub(super) fn n01(facts: &Facts) -> Verdict {
    judge(facts, |namespace, pod| {
        (namespace.injection().is_none() && pod.is_none()).then(|| {
            Evidence::new(
                format!("label {INJECTION_LABEL}=on"),
                "no such label on the namespace, nor on the pod",
                format!("namespace {}", facts.namespace),
                "label the namespace, then restart its pods",
            )
        })
    })
}

/// The injection label says `on` and nothing like it.
pub(super) fn n02(facts: &Facts) -> Verdict {
    judge(facts, |namespace, pod| {
        let (value, place) = match (pod, namespace.injection()) {
            (Some(value), _) => (value, "the pod".to_owned()),
            (None, Some(value)) => (value, format!("namespace {}", facts.namespace)),
            (None, None) => return None,
        };
        (value != "on").then(|| {
            Evidence::new(
                "on",
                format!("{value:?}"),
                format!("label {INJECTION_LABEL} of {place}"),
                "set it to on; in YAML quote it ('on'), for a bare on is read as true",
            )
        })
    })
}

fn judge(facts: &Facts, broken: impl FnOnce(&NamespaceFacts, Option<&str>) -> Option<Evidence>) -> Verdict {
    if facts.is_wired() {
        return Verdict::Holds;
    }
    let pod_label = facts.pod.as_ref().and_then(|pod| pod.injection());
    if pod_label == Some("on") {
        return Verdict::Holds;
    }
    match facts.namespace_facts.as_result() {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(None) => Verdict::NotApplicable,
        // Any pod of the namespace may carry the label itself; without pods nobody can tell.
        Ok(Some(namespace)) if namespace.injection() == Some("on") && pod_label.is_none() => Verdict::Holds,
        Ok(Some(namespace)) => match broken(namespace, pod_label) {
            Some(evidence) => evidence.command(label(&facts.namespace)).into(),
            None => Verdict::Holds,
        },
    }
}

fn label(namespace: &str) -> String {
    format!("kubectl label namespace {namespace} {INJECTION_LABEL}=on --overwrite")
}
