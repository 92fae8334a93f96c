//! What to type for new pods: the webhook looks at a pod only when it is made.

use std::collections::BTreeMap;

use crate::facts::{Facts, INJECTION_LABEL, PodFacts, Rollout, Workload};
use crate::shell::word;

/// Whether `kubectl rollout restart` takes it, and a command can change its pod template. A job's template stays as it
/// is, a CronJob's has another place, and what is not Kubernetes' own has tools of its own.
pub(super) fn takes(owner: &str) -> bool {
    ["deployment/", "statefulset/", "daemonset/"].iter().any(|kind| owner.starts_with(kind))
}

/// Whether another pod comes in the place of one that is deleted, as far as is known of its kind.
fn makes_new_ones(owner: &str) -> bool {
    const KINDS: [&str; 5] =
        ["replicaset/", "replicationcontroller/", "cloneset/", "rollout/", "advancedstatefulset/"];
    takes(owner) || KINDS.iter().any(|kind| owner.starts_with(kind))
}

/// Whether `kubectl rrsa check` takes it, and so names its pods.
pub(super) fn is_checked(owner: &str) -> bool {
    takes(owner) || owner.starts_with("replicaset/")
}

/// What to type for a new pod in the place of this one, and of those with the same trouble. Nothing for a job, whose next run
/// has a new pod and whose running one would be lost; nor for a pod that is on its way out.
pub(super) fn of_pod(facts: &Facts, pod: &PodFacts) -> Option<String> {
    let all: Vec<&PodFacts> = std::iter::once(pod).chain(&facts.beside).collect();
    of_all(facts, &all)
}

/// What to type for new pods in the place of these.
pub(super) fn of_all(facts: &Facts, pods: &[&PodFacts]) -> Option<String> {
    let mut by_owner: BTreeMap<Option<&str>, Owned<'_>> = BTreeMap::new();
    for pod in pods {
        let stays = pod.is_over() || pod.is_static || pod.is_template;
        let owner = pod.owner.as_deref();
        if stays && !owner.is_some_and(takes) {
            continue;
        }
        let owned = by_owner.entry(owner).or_default();
        owned.rollout = owner.map(|owner| facts.rollout(owner)).unwrap_or_default();
        owned.pods.extend((!stays).then_some(pod.name.as_str()));
        owned.more += pod.alike;
    }
    of_owners(&facts.namespace, by_owner)
}

/// Pods of one owner that are to be made anew.
#[derive(Clone, Debug, Default)]
pub struct Owned<'a> {
    /// How the owner replaces its pods.
    pub rollout: Rollout,
    /// Their names, as far as they are known.
    pub pods: Vec<&'a str>,
    /// How many more there are.
    pub more: usize,
}

/// What to type for new pods in the place of these, by what made them.
#[must_use]
pub fn of_owners<'a>(
    namespace: &str,
    owners: impl IntoIterator<Item = (Option<&'a str>, Owned<'a>)>,
) -> Option<String> {
    let namespace = word(namespace);
    let (mut restarts, mut others, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    let (mut checked, mut by_name) = (Vec::new(), false);
    for (owner, Owned { rollout, pods, more }) in owners {
        let names: Vec<String> = pods.iter().map(|name| word(name)).collect();
        match owner {
            Some(owner) if owner.starts_with("job/") => {
                notes.push(format!("{owner} stays as it is until it ends"));
            }
            Some(owner) if takes(owner) && rollout == Rollout::Replaces => restarts.push(word(owner)),
            Some(owner) if takes(owner) && rollout == Rollout::Unseen => {
                restarts.push(word(owner));
                let kind = owner.split('/').next().unwrap_or_default();
                notes.push(format!(
                    "how {owner} replaces its pods is not seen without get on {kind}s: paused, it is resumed first; OnDelete, its \
                     pods are deleted"
                ));
            }
            Some(owner) if takes(owner) && rollout == Rollout::Paused => {
                let owner = word(owner);
                others.push(format!("kubectl rollout resume {owner} -n {namespace}"));
                others.push(format!("kubectl rollout restart {owner} -n {namespace}"));
                notes.push(format!("{owner} is paused: what was held back comes too"));
            }
            // A run of something may be lost with its pod.
            Some(owner) if !makes_new_ones(owner) => {
                notes.push(format!("{owner} is left alone: make it anew as it is made"));
            }
            // Of several that somebody has to delete one is known by name here.
            Some(owner) if more > 0 && is_checked(owner) => checked.push(word(owner)),
            Some(_) if more > 0 => by_name = true,
            Some(owner) => {
                others.extend(deleted(&names, &namespace));
                notes.push(format!("{owner} makes new ones"));
            }
            None => others.push(format!(
                "kubectl get pod {} -n {namespace} -o yaml | kubectl replace --force -f -",
                names.join(" ")
            )),
        }
    }
    if !restarts.is_empty() {
        others.insert(0, format!("kubectl rollout restart {} -n {namespace}", restarts.join(" ")));
    }
    if by_name {
        others.push(format!("kubectl rrsa list --stale -n {namespace}"));
        notes.push("list --stale names the others to delete".to_owned());
    }
    // It fails as long as they are there, and so comes last.
    if !checked.is_empty() {
        others.push(format!("kubectl rrsa check {} -n {namespace}", checked.join(" ")));
        notes.push("check names the pods to delete".to_owned());
    }
    let commands = (!others.is_empty()).then(|| others.join(" && "))?;
    Some(match notes.is_empty() {
        true => commands,
        false => format!("{commands}   # {}", notes.join("; ")),
    })
}

/// Pods that somebody else makes again, one after the other.
fn deleted(names: &[String], namespace: &str) -> Option<String> {
    match names {
        [] => None,
        [one] => Some(format!("kubectl delete pod {one} -n {namespace}")),
        all => Some(format!("for pod in {}; do kubectl delete pod $pod -n {namespace}; done", all.join(" "))),
    }
}

/// The command, and what makes new pods of the workload once it has been carried out.
pub(super) fn after(facts: &Facts, command: String) -> String {
    // What has RRSA already needs no new pod for it.
    let restart = match &facts.pod {
        Some(pod) if pod.is_template || pod.is_wired() => None,
        Some(pod) => of_pod(facts, pod),
        None => {
            let all: Vec<PodFacts> =
                facts.workloads.iter().flat_map(Workload::each).map(|(pod, _)| pod).collect();
            let unreached: Vec<&PodFacts> =
                all.iter().filter(|pod| !pod.is_template && !pod.is_wired()).collect();
            // Those of a ServiceAccount that named no role are not kept.
            let uncounted =
                all.is_empty() && facts.pods_using.value().is_some_and(|pods| pods.total > pods.wired);
            let listed = || format!("kubectl rrsa list --stale -n {}", word(&facts.namespace));
            of_all(facts, &unreached).or_else(|| uncounted.then(listed))
        }
    };
    match restart {
        Some(restart) => format!("{command} && {restart}"),
        None => command,
    }
}

/// How commands begin that change a pod template.
const SET_ACCOUNT: &str = "kubectl set serviceaccount";
const PATCH: &str = "kubectl patch";

/// Lets a workload run as another ServiceAccount, which makes new pods.
pub(super) fn runs_as(facts: &Facts, owner: &str, account: &str) -> Option<String> {
    let (kind, name) = owner.split_once('/').filter(|_| takes(owner))?;
    let (name, account, namespace) = (word(name), word(account), word(&facts.namespace));
    let command = format!("{SET_ACCOUNT} {kind} {name} {account} -n {namespace}");
    Some(rolled_out(facts, owner, command))
}

/// What tells whether the role's trust policy lets the ServiceAccount in: until then what runs has a role that works.
#[must_use]
pub fn once_admitted(namespace: &str, account: &str, role: &str) -> String {
    let (namespace, account) = (word(namespace), word(account));
    format!("kubectl rrsa trust-policy sa/{account} -n {namespace} --role {}", word(role))
}

/// Puts the injection label into the pod template of a workload, which makes new pods.
pub(super) fn label_template(facts: &Facts, owner: &str) -> Option<String> {
    let label = format!("{{\"metadata\":{{\"labels\":{{\"{INJECTION_LABEL}\":\"on\"}}}}}}");
    let (kind, name) = owner.split_once('/')?;
    if kind == "cronjob" {
        // Its next run has it.
        let patch = format!("{{\"spec\":{{\"jobTemplate\":{{\"spec\":{{\"template\":{label}}}}}}}}}");
        return Some(format!("{PATCH} cronjob {} -n {} -p '{patch}'", word(name), word(&facts.namespace)));
    }
    let patch = takes(owner).then(|| format!("{{\"spec\":{{\"template\":{label}}}}}"))?;
    let command = format!("{PATCH} {kind} {} -n {} -p '{patch}'", word(name), word(&facts.namespace));
    Some(rolled_out(facts, owner, command))
}

/// Whether a command of this room changes the pod template of one workload, and so mends no other.
pub(super) fn changes_template(command: &str) -> bool {
    [SET_ACCOUNT, PATCH].iter().any(|begin| command.starts_with(begin))
}

/// The command that changes a pod template, and what it takes until new pods come of it.
fn rolled_out(facts: &Facts, owner: &str, command: String) -> String {
    let pod = facts.pod.as_ref().filter(|pod| !pod.is_template && !pod.is_over());
    match (facts.rollout(owner), pod) {
        (Rollout::Paused, _) => {
            format!("{command} && kubectl rollout resume {} -n {}", word(owner), word(&facts.namespace))
        }
        (Rollout::Keeps, Some(pod)) => match of_pod(facts, pod) {
            Some(delete) => format!("{command} && {delete}"),
            None => command,
        },
        _ => command,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{OwnerFacts, Seen};
    use crate::rules::blank;

    fn pod(owner: Option<&str>) -> PodFacts {
        PodFacts { name: "p".to_owned(), owner: owner.map(str::to_owned), ..PodFacts::default() }
    }

    fn with(rollouts: &[(&str, Rollout)]) -> Facts {
        let owner = |rollout| Seen::known(OwnerFacts { rollout, ..OwnerFacts::default() }, "it");
        let owners = rollouts.iter().map(|(name, rollout)| ((*name).to_owned(), owner(*rollout)));
        Facts { owners: owners.collect(), ..blank("n") }
    }

    #[test]
    fn nothing_is_lost_by_what_makes_a_new_pod() {
        for (owner, command) in [
            (Some("deployment/d"), Some("kubectl rollout restart deployment/d -n n")),
            (Some("daemonset/d"), Some("kubectl rollout restart daemonset/d -n n")),
            (Some("job/j"), None),
            (Some("cloneset/c"), Some("kubectl delete pod p -n n   # cloneset/c makes new ones")),
            (Some("taskrun/t"), None),
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
        let note = "deployment/p is paused: what was held back comes too";
        let of = |owner: &str| of_pod(&facts, &pod(Some(owner)));
        assert_eq!(of("deployment/p"), Some(format!("{resume} && {restart}   # {note}")));
        assert_eq!(of("statefulset/s").as_deref(), Some(delete));
        let facts = Facts { pod: Some(pod(Some("statefulset/s"))), ..facts };
        assert!(label_template(&facts, "statefulset/s").unwrap().ends_with(&format!("' && {delete}")));
        let forbidden = Seen::unknown("forbidden: needs get deployments in n");
        let unseen = Facts { owners: BTreeMap::from([("deployment/u".to_owned(), forbidden)]), ..blank("n") };
        let command = of_pod(&unseen, &pod(Some("deployment/u"))).unwrap();
        assert!(command.starts_with("kubectl rollout restart deployment/u -n n   # how"), "{command}");
        let set = "kubectl set serviceaccount deployment p a -n n";
        assert_eq!(runs_as(&facts, "deployment/p", "a"), Some(format!("{set} && {resume}")));
    }

    /// One command for all that have the same trouble; what it says to eyes stands at its end.
    #[test]
    fn pods_with_the_same_trouble_are_made_anew_together() {
        let of = |owner: Option<&str>, name: &str| PodFacts { name: name.to_owned(), ..pod(owner) };
        let facts = Facts {
            beside: vec![
                of(Some("deployment/b"), "b"),
                of(Some("daemonset/k"), "k-1"),
                of(Some("daemonset/k"), "k-2"),
                of(Some("cloneset/c"), "c"),
                PodFacts { alike: 2, ..of(Some("cloneset/d"), "d") },
                PodFacts { alike: 2, ..of(Some("statefulset/s"), "s-2") },
                of(Some("job/j"), "j"),
                of(None, "x"),
                of(None, "y"),
            ],
            ..with(&[("daemonset/k", Rollout::Keeps), ("statefulset/s", Rollout::Keeps)])
        };
        assert_eq!(
            of_pod(&facts, &pod(Some("deployment/a"))).as_deref(),
            Some(
                "kubectl rollout restart deployment/a deployment/b -n n && kubectl get pod x y -n n -o yaml | kubectl replace \
                 --force -f - && kubectl delete pod c -n n && for pod in k-1 k-2; do kubectl delete pod $pod -n n; done && kubectl \
                 rrsa list --stale -n n && kubectl rrsa check statefulset/s -n n   # \
                 cloneset/c makes new ones; daemonset/k makes new ones; job/j stays as it is until it ends; list --stale names the others to delete; \
                 check names the pods to delete"
            )
        );
        assert_eq!(of_pod(&blank("n"), &pod(Some("job/j"))), None);
    }
}
