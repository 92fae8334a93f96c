//! What to type for new pods: the webhook looks at a pod only when it is made.

use super::shell::word;
use crate::facts::{Facts, INJECTION_LABEL, PodCount, PodFacts};

/// Whether `kubectl rollout restart` takes it, and a command can change its pod template. A job's template stays as it
/// is, a CronJob's has another place, and what is not Kubernetes' own has tools of its own.
pub(super) fn takes(owner: &str) -> bool {
    ["deployment/", "statefulset/", "daemonset/"].iter().any(|kind| owner.starts_with(kind))
}

/// What to type for a new pod in the place of this one. Nothing for a job, whose next run has a new pod and whose running
/// one would be lost; nor for a pod that is on its way out.
pub(super) fn of_pod(namespace: &str, pod: &PodFacts) -> Option<String> {
    let keeps = pod.is_over() || pod.is_static || pod.is_template;
    if keeps && !pod.owner.as_deref().is_some_and(takes) {
        return None;
    }
    of_pods(namespace, pod.owner.as_deref(), std::slice::from_ref(&pod.name))
}

/// What to type for new pods in the place of those that `owner` made.
#[must_use]
pub fn of_pods(namespace: &str, owner: Option<&str>, pods: &[String]) -> Option<String> {
    let namespace = word(namespace);
    let names = || pods.iter().map(|name| word(name)).collect::<Vec<_>>();
    match owner {
        Some(owner) if takes(owner) => {
            Some(format!("kubectl rollout restart {} -n {namespace}", word(owner)))
        }
        Some(owner) if owner.starts_with("job/") => None,
        Some(owner) => {
            let names = names().join(" ");
            Some(format!("kubectl delete pod {names} -n {namespace}   # {owner} makes new ones"))
        }
        None => Some(anew(&names(), &namespace)),
    }
}

/// Pods that nobody else would make again.
fn anew(pods: &[String], namespace: &str) -> String {
    format!("kubectl get pod {} -n {namespace} -o yaml | kubectl replace --force -f -", pods.join(" "))
}

/// New pods of these workloads, as far as a command makes them.
pub(super) fn of_owners<'a>(namespace: &str, owners: impl IntoIterator<Item = &'a String>) -> Option<String> {
    let owners: Vec<String> =
        owners.into_iter().filter(|owner| takes(owner)).map(|owner| word(owner)).collect();
    (!owners.is_empty())
        .then(|| format!("kubectl rollout restart {} -n {}", owners.join(" "), word(namespace)))
}

/// What makes the pods of a ServiceAccount anew that RRSA has not reached, as far as commands can.
pub(super) fn of_stale(namespace: &str, count: &PodCount) -> Option<String> {
    let mut commands: Vec<_> = of_owners(namespace, count.unreached()).into_iter().collect();
    let namespace = word(namespace);
    let pods: Vec<String> = count.stale.iter().filter_map(|o| o.strip_prefix("pod/")).map(word).collect();
    if !pods.is_empty() {
        commands.push(anew(&pods, &namespace));
    }
    let commands = (!commands.is_empty()).then(|| commands.join(" && "))?;
    Some(match count.bare {
        0 | 1 => commands,
        all => format!("{commands}   # {} more: kubectl rrsa list --stale -n {namespace}", all - 1),
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
        Some(pod) => of_pod(&facts.namespace, pod),
        None => of_stale(&facts.namespace, facts.pods_using.value()?),
    }
}

/// Lets a workload run as another ServiceAccount, which makes new pods.
pub(super) fn runs_as(namespace: &str, owner: &str, account: &str) -> Option<String> {
    let (kind, name) = owner.split_once('/').filter(|_| takes(owner))?;
    Some(format!("kubectl set serviceaccount {kind} {} {} -n {}", word(name), word(account), word(namespace)))
}

/// The command, once the role's trust policy lets the ServiceAccount in: until then what runs has a role that works.
#[must_use]
pub fn once_admitted(namespace: &str, account: &str, role: &str, command: &str) -> String {
    let (namespace, account) = (word(namespace), word(account));
    format!("kubectl rrsa trust-policy sa/{account} -n {namespace} --role {} && {command}", word(role))
}

/// Puts the injection label into the pod template of a workload, which makes new pods.
pub(super) fn label_template(namespace: &str, owner: &str) -> Option<String> {
    let patch = format!(
        "{{\"spec\":{{\"template\":{{\"metadata\":{{\"labels\":{{\"{INJECTION_LABEL}\":\"on\"}}}}}}}}}}"
    );
    let (kind, name) = owner.split_once('/').filter(|_| takes(owner))?;
    Some(format!("kubectl patch {kind} {} -n {} -p '{patch}'", word(name), word(namespace)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(owner: Option<&str>) -> PodFacts {
        PodFacts { name: "p".to_owned(), owner: owner.map(str::to_owned), ..PodFacts::default() }
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
            assert_eq!(of_pod("n", &pod(owner)).as_deref(), command, "{owner:?}");
        }
        for over in [
            PodFacts { is_leaving: true, ..pod(None) },
            PodFacts { is_static: true, ..pod(Some("node/n")) },
            PodFacts { phase: Some("Succeeded".to_owned()), ..pod(None) },
        ] {
            assert_eq!(of_pod("n", &over), None, "{over:?}");
        }
    }

    /// Names of bare pods are not counted up; where they are told is.
    #[test]
    fn one_bare_pod_stands_for_all() {
        let stale = ["deployment/old", "job/j", "pod/a"].map(str::to_owned).to_vec();
        let count = PodCount { total: 9, wired: 0, stale, bare: 4, ..PodCount::default() };
        assert_eq!(
            of_stale("n", &count).as_deref(),
            Some(
                "kubectl rollout restart deployment/old -n n && kubectl get pod a -n n -o yaml | kubectl replace --force \
                 -f -   # 3 more: kubectl rrsa list --stale -n n"
            )
        );
        let jobs = PodCount { total: 1, stale: vec!["job/j".to_owned()], ..PodCount::default() };
        assert_eq!(of_stale("n", &jobs), None);
    }
}
