//! What to type for new pods: the webhook looks at a pod only when it is made.

use super::shell::word;
use crate::facts::{Facts, INJECTION_LABEL, PodCount, PodFacts, Rollout};

/// Whether `kubectl rollout restart` takes it, and a command can change its pod template. A job's template stays as it
/// is, a CronJob's has another place, and what is not Kubernetes' own has tools of its own.
pub(super) fn takes(owner: &str) -> bool {
    ["deployment/", "statefulset/", "daemonset/"].iter().any(|kind| owner.starts_with(kind))
}

/// What to type for a new pod in the place of this one. Nothing for a job, whose next run has a new pod and whose running
/// one would be lost; nor for a pod that is on its way out.
pub(super) fn of_pod(facts: &Facts, pod: &PodFacts) -> Option<String> {
    let keeps = pod.is_over() || pod.is_static || pod.is_template;
    if keeps && !pod.owner.as_deref().is_some_and(takes) {
        return None;
    }
    let names = if keeps { &[][..] } else { std::slice::from_ref(&pod.name) };
    of_pods(&facts.namespace, pod.owner.as_deref().map(|owner| (owner, facts.rollout(owner))), names)
}

/// What to type for new pods in the place of those that an owner made, which replaces its pods as it says.
#[must_use]
pub fn of_pods(namespace: &str, owner: Option<(&str, Rollout)>, pods: &[String]) -> Option<String> {
    let namespace = word(namespace);
    let names = || pods.iter().map(|name| word(name)).collect::<Vec<_>>();
    let delete = |owner: &str| {
        format!("kubectl delete pod {} -n {namespace}   # {owner} makes new ones", names().join(" "))
    };
    match owner {
        Some((owner, rollout)) if takes(owner) => {
            let restart = format!("kubectl rollout restart {} -n {namespace}", word(owner));
            Some(match rollout {
                Rollout::Replaces => restart,
                Rollout::Paused => {
                    format!("kubectl rollout resume {} -n {namespace} && {restart}", word(owner))
                }
                Rollout::Keeps if pods.is_empty() => list_stale(&namespace),
                Rollout::Keeps => delete(owner),
            })
        }
        Some((owner, _)) if owner.starts_with("job/") => None,
        Some((owner, _)) => Some(delete(owner)),
        None => Some(anew(&names(), &namespace)),
    }
}

/// Pods that nobody else would make again.
fn anew(pods: &[String], namespace: &str) -> String {
    format!("kubectl get pod {} -n {namespace} -o yaml | kubectl replace --force -f -", pods.join(" "))
}

/// Where the pods are told by name that somebody has to delete.
fn list_stale(namespace: &str) -> String {
    format!("kubectl rrsa list --stale -n {namespace}")
}

/// New pods of these workloads, as far as a command makes them.
pub(super) fn of_owners<'a>(facts: &Facts, owners: impl IntoIterator<Item = &'a String>) -> Option<String> {
    let namespace = word(&facts.namespace);
    let (mut usual, mut others, mut by_name) = (Vec::new(), Vec::new(), false);
    for owner in owners.into_iter().filter(|owner| takes(owner)) {
        match facts.rollout(owner) {
            Rollout::Replaces => usual.push(word(owner)),
            Rollout::Keeps => by_name = true,
            paused @ Rollout::Paused => others.extend(of_pods(&facts.namespace, Some((owner, paused)), &[])),
        }
    }
    let usual =
        (!usual.is_empty()).then(|| format!("kubectl rollout restart {} -n {namespace}", usual.join(" ")));
    let by_name = by_name.then(|| list_stale(&namespace));
    let commands: Vec<String> = usual.into_iter().chain(others).chain(by_name).collect();
    (!commands.is_empty()).then(|| commands.join(" && "))
}

/// What makes the pods of a ServiceAccount anew that RRSA has not reached, as far as commands can.
pub(super) fn of_stale(facts: &Facts, count: &PodCount) -> Option<String> {
    let mut commands: Vec<_> = of_owners(facts, count.unreached()).into_iter().collect();
    let namespace = word(&facts.namespace);
    let pods: Vec<String> = count.stale.iter().filter_map(|o| o.strip_prefix("pod/")).map(word).collect();
    if !pods.is_empty() {
        commands.push(anew(&pods, &namespace));
    }
    let commands = (!commands.is_empty()).then(|| commands.join(" && "))?;
    Some(match count.bare {
        0 | 1 => commands,
        all => format!("{commands}   # {} more: {}", all - 1, list_stale(&namespace)),
    })
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
        // What has RRSA already needs no new pod for it.
        Some(pod) if pod.is_template || pod.is_wired() => None,
        Some(pod) => of_pod(facts, pod),
        None => of_stale(facts, facts.pods_using.value()?),
    }
}

/// Lets a workload run as another ServiceAccount, which makes new pods.
pub(super) fn runs_as(facts: &Facts, owner: &str, account: &str) -> Option<String> {
    let (kind, name) = owner.split_once('/').filter(|_| takes(owner))?;
    let (name, account, namespace) = (word(name), word(account), word(&facts.namespace));
    let command = format!("kubectl set serviceaccount {kind} {name} {account} -n {namespace}");
    Some(rolled_out(facts, owner, command))
}

/// The command, once the role's trust policy lets the ServiceAccount in: until then what runs has a role that works.
#[must_use]
pub fn once_admitted(namespace: &str, account: &str, role: &str, command: &str) -> String {
    let (namespace, account) = (word(namespace), word(account));
    format!("kubectl rrsa trust-policy sa/{account} -n {namespace} --role {} && {command}", word(role))
}

/// Puts the injection label into the pod template of a workload, which makes new pods.
pub(super) fn label_template(facts: &Facts, owner: &str) -> Option<String> {
    let patch = format!(
        "{{\"spec\":{{\"template\":{{\"metadata\":{{\"labels\":{{\"{INJECTION_LABEL}\":\"on\"}}}}}}}}}}"
    );
    let (kind, name) = owner.split_once('/').filter(|_| takes(owner))?;
    let command = format!("kubectl patch {kind} {} -n {} -p '{patch}'", word(name), word(&facts.namespace));
    Some(rolled_out(facts, owner, command))
}

/// The command that changes a pod template, and what it takes until new pods come of it.
fn rolled_out(facts: &Facts, owner: &str, command: String) -> String {
    let pod = facts.pod.as_ref().filter(|pod| !pod.is_template && !pod.is_over());
    match (facts.rollout(owner), pod) {
        (Rollout::Paused, _) => {
            format!("{command} && kubectl rollout resume {} -n {}", word(owner), word(&facts.namespace))
        }
        (Rollout::Keeps, Some(pod)) => {
            let kept = Some((owner, Rollout::Keeps));
            let delete = of_pods(&facts.namespace, kept, std::slice::from_ref(&pod.name));
            format!("{command} && {}", delete.unwrap_or_default())
        }
        _ => command,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::blank;

    fn pod(owner: Option<&str>) -> PodFacts {
        PodFacts { name: "p".to_owned(), owner: owner.map(str::to_owned), ..PodFacts::default() }
    }

    fn with(rollouts: &[(&str, Rollout)]) -> Facts {
        let rollouts = rollouts.iter().map(|(owner, rollout)| ((*owner).to_owned(), *rollout));
        Facts { rollouts: rollouts.collect(), ..blank("n") }
    }

    #[test]
    fn nothing_is_lost_by_what_makes_a_new_pod() {
        for (owner, command) in [
            (Some("deployment/d"), Some("kubectl rollout restart deployment/d -n n")),
            (Some("daemonset/d"), Some("kubectl rollout restart daemonset/d -n n")),
            (Some("job/j"), None),
            (Some("cloneset/c"), Some("kubectl delete pod p -n n   # cloneset/c makes new ones")),
            (None, Some("kubectl get pod p -n n -o yaml | kubectl replace --force -f -")),
        ] {
            assert_eq!(of_pod(&blank("n"), &pod(owner)).as_deref(), command, "{owner:?}");
        }
        for over in [
            PodFacts { is_leaving: true, ..pod(None) },
            PodFacts { is_static: true, ..pod(Some("node/n")) },
            PodFacts { phase: Some("Succeeded".to_owned()), ..pod(None) },
        ] {
            assert_eq!(of_pod(&blank("n"), &over), None, "{over:?}");
        }
    }

    #[test]
    fn what_keeps_its_pods_is_not_restarted() {
        let facts = with(&[("deployment/p", Rollout::Paused), ("statefulset/s", Rollout::Keeps)]);
        let resume = "kubectl rollout resume deployment/p -n n";
        let restart = "kubectl rollout restart deployment/p -n n";
        let delete = "kubectl delete pod p -n n   # statefulset/s makes new ones";
        let of = |owner: &str| of_pod(&facts, &pod(Some(owner)));
        assert_eq!(of("deployment/p"), Some(format!("{resume} && {restart}")));
        assert_eq!(of("statefulset/s").as_deref(), Some(delete));
        let owners = ["deployment/a", "deployment/p", "statefulset/s"].map(str::to_owned);
        assert_eq!(
            of_owners(&facts, &owners),
            Some(format!(
                "kubectl rollout restart deployment/a -n n && {resume} && {restart} && kubectl rrsa list --stale -n n"
            ))
        );
        let facts = Facts { pod: Some(pod(Some("statefulset/s"))), ..facts };
        assert!(label_template(&facts, "statefulset/s").unwrap().ends_with(&format!("' && {delete}")));
        let set = "kubectl set serviceaccount deployment p a -n n";
        assert_eq!(runs_as(&facts, "deployment/p", "a"), Some(format!("{set} && {resume}")));
    }

    /// Names of bare pods are not counted up; where they are told is.
    #[test]
    fn one_bare_pod_stands_for_all() {
        let stale = ["deployment/old", "job/j", "pod/a"].map(str::to_owned).to_vec();
        let count = PodCount { total: 9, wired: 0, stale, bare: 4, ..PodCount::default() };
        assert_eq!(
            of_stale(&blank("n"), &count).as_deref(),
            Some(
                "kubectl rollout restart deployment/old -n n && kubectl get pod a -n n -o yaml | kubectl replace --force \
                 -f -   # 3 more: kubectl rrsa list --stale -n n"
            )
        );
        let jobs = PodCount { total: 1, stale: vec!["job/j".to_owned()], ..PodCount::default() };
        assert_eq!(of_stale(&blank("n"), &jobs), None);
    }
}
