//! What to type for new pods: the webhook looks at a pod only when it is made.

use super::shell::word;
use crate::facts::{Facts, PodCount, PodFacts};

/// What to type for a new pod.
pub(super) fn of_pod(namespace: &str, pod: &PodFacts) -> String {
    let owner = pod.owner.clone().unwrap_or_else(|| format!("pod/{}", pod.name));
    of_owners(namespace, [&owner])
}

/// What makes the pods of these owners anew; a pod that nothing made has to be made again by hand.
#[must_use]
pub fn of_owners<'a>(namespace: &str, owners: impl IntoIterator<Item = &'a String>) -> String {
    let namespace = word(namespace);
    let (mut pods, mut workloads) = (Vec::new(), Vec::new());
    for owner in owners {
        match owner.strip_prefix("pod/") {
            Some(name) => pods.push(word(name)),
            None => workloads.push(word(owner)),
        }
    }
    let mut commands = Vec::new();
    if !workloads.is_empty() {
        commands.push(format!("kubectl rollout restart {} -n {namespace}", workloads.join(" ")));
    }
    if !pods.is_empty() {
        let them = if pods.len() == 1 { "it" } else { "them" };
        commands.push(format!(
            "kubectl delete pod {} -n {namespace}   # then create {them} again",
            pods.join(" ")
        ));
    }
    commands.join(" && ")
}

/// What makes the pods of a ServiceAccount anew that lack RRSA.
pub(super) fn of_stale(namespace: &str, count: &PodCount) -> String {
    let restart = of_owners(namespace, &count.stale);
    match count.bare {
        0 | 1 => restart,
        all => format!("{restart}; {} more: kubectl rrsa list --stale -n {}", all - 1, word(namespace)),
    }
}

/// The command, and what makes new pods of the workload once it has been carried out.
pub(super) fn after(facts: &Facts, command: String) -> String {
    match of_workload(facts) {
        Some(restart) => format!("{command} && {restart}"),
        None => command,
    }
}

/// What to type for new pods of the workload: of the pod that was looked at, or of the ServiceAccount's pods without RRSA.
fn of_workload(facts: &Facts) -> Option<String> {
    match &facts.pod {
        Some(pod) if pod.is_template => None,
        Some(pod) => Some(of_pod(&facts.namespace, pod)),
        None => {
            let count = facts.pods_using.value().filter(|count| !count.stale.is_empty())?;
            Some(of_stale(&facts.namespace, count))
        }
    }
}
