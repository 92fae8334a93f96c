//! Pods that a rollout has left behind: of the time before, while newer ones are as they ought to be.

use super::finding::{Evidence, Link, Severity, Verdict};
use super::reach::stays_out;
use super::{restart, webhook};
use crate::facts::{Facts, PodFacts, Workload, is_forbidden};
use crate::shell::word;

/// The rule that a pod has the role that was named before.
const ROLE_OF_BEFORE: &str = "RRSA-S06";
/// The rule of this room.
const BEHIND: &str = "RRSA-P25";
/// The rule that RRSA has reached only some of a pod's containers.
const HALF_REACHED: &str = "RRSA-W07";

/// Pods that are only of the time before, while newer ones or what would make them are not, and that do not work: without RRSA,
/// or for this rule.
#[must_use]
pub fn lagging(facts: &Facts) -> Vec<(PodFacts, Option<&'static str>)> {
    let mut of_one = Facts { workloads: Vec::new(), beside: Vec::new(), ..facts.clone() };
    let mut failing = |pod: &PodFacts| {
        if !pod.is_wired() {
            return Some(None);
        }
        // One that runs as another ServiceAccount is that one's question.
        if pod.service_account != facts.service_account_name {
            return None;
        }
        let owner = pod.owner.as_ref().and_then(|owner| facts.owners.get(owner)).cloned();
        of_one.owner = owner.unwrap_or_else(|| facts.owner.clone());
        of_one.pod = Some(pod.clone());
        let rules = super::RULES.iter().filter(|rule| rule.id != BEHIND);
        let mut rules = rules.filter(|rule| rule.link == Link::Pod || rule.id == ROLE_OF_BEFORE);
        let broken = rules.find(|rule| {
            let found = rule.finding(&(rule.judge)(&of_one));
            found.is_some_and(|finding| finding.severity >= Severity::Error)
        });
        if let Some(rule) = broken {
            return Some(Some(rule.id));
        }
        // What newer ones lack as well, a rollout does not mend.
        let is_half_reached = webhook::w07(&of_one).is_broken();
        let each = facts.workloads.iter().flat_map(Workload::each);
        let running = each.filter(|(_, is_behind)| !is_behind).map(|(pod, _)| pod).chain(facts.pod.clone());
        let mut newer = running.filter(|one| one.owner == pod.owner && !one.is_template).peekable();
        let are_whole = newer.peek().is_some()
            && newer.all(|one| {
                of_one.pod = Some(one);
                !webhook::w07(&of_one).is_broken()
            });
        (is_half_reached && are_whole).then_some(Some(HALF_REACHED))
    };
    facts.behind().into_iter().filter_map(|pod| failing(&pod).map(|rule| (pod, rule))).collect()
}

/// All that runs of a workload runs as another ServiceAccount than its template names now: how that fares is not looked at here.
fn of_another_account(facts: &Facts) -> Option<Evidence> {
    let template = facts.pod.as_ref().filter(|pod| pod.is_template)?;
    let (others, own): (Vec<PodFacts>, Vec<PodFacts>) = facts
        .workloads
        .iter()
        .flat_map(Workload::each)
        .map(|(pod, _)| pod)
        .partition(|pod| pod.service_account != template.service_account);
    let first = others.first().filter(|_| own.is_empty())?;
    let evidence = Evidence::new(
        format!("pods that run as {}, as the pod template has it now", template.service_account),
        format!(
            "only pods of the time before, such as {}, which runs as {}",
            first.name, first.service_account
        ),
        template.place(&facts.namespace),
        format!(
            "wait for the rollout that is under way, or begin one; check sa/{} says how they fare",
            first.service_account
        ),
    );
    Some(
        evidence
            .command_if(restart::of_all(facts, &others.iter().collect::<Vec<_>>()))
            .severity(Severity::Warning),
    )
}

/// No pod is left behind that does not work, where newer ones do or what would make them does.
pub(super) fn p25(facts: &Facts) -> Verdict {
    if let (Some(pod), Err(why)) = (&facts.pod, facts.owner.as_result())
        && !pod.is_wired()
        && is_forbidden(why)
    {
        return Verdict::Unseen(why.to_owned());
    }
    let behind = lagging(facts);
    let Some((first, rule)) = behind.first() else {
        if let Some(evidence) = of_another_account(facts) {
            return evidence.into();
        }
        return match facts.workloads.is_empty() {
            true => Verdict::NotApplicable,
            false => Verdict::Holds,
        };
    };
    let place = match &first.owner {
        Some(owner) => format!("{owner} in namespace {}", facts.namespace),
        None => first.place(&facts.namespace),
    };
    let evidence = Evidence::new(
        "all pods as new ones are",
        match rule {
            None => format!("pods of the time before, such as {}", first.name),
            Some(rule) => format!("pods of the time before, such as {}, which {rule} is about", first.name),
        },
        place,
        "wait for the rollout that is under way, or begin one",
    );
    let pods: Vec<&PodFacts> = behind.iter().map(|(pod, _)| pod).collect();
    let ends = |pod: &PodFacts| pod.owner.as_deref().is_some_and(|owner| owner.starts_with("job/"));
    let mut evidence = evidence.command_if(restart::of_all(facts, &pods));
    let made_by = first.owner.as_ref().and_then(|owner| facts.owners.get(owner)).unwrap_or(&facts.owner);
    let of_first = Facts { pod: Some(first.clone()), owner: made_by.clone(), ..facts.clone() };
    match &first.owner {
        // What comes anew has none either.
        Some(owner) if stays_out(&of_first) => {
            evidence.remedy = format!(
                "a new pod would have none either, as the pod template of {owner} is now: look at that first"
            );
            evidence.command =
                Some(format!("kubectl rrsa check {} -n {}", word(owner), word(&facts.namespace)));
        }
        _ if pods.iter().all(|pod| ends(pod)) => {
            "it ends as it is; what is made next is as it ought to be".clone_into(&mut evidence.remedy);
        }
        _ => {}
    }
    // Where nothing runs as it would be made today, nothing of it works. A run of a CronJob ends by itself.
    let is_new = |pod: &PodFacts, owner: &Option<String>| pod.owner == *owner && !pod.is_template;
    let each = || facts.workloads.iter().flat_map(Workload::each);
    let none_is_new = |owner: &Option<String>| match &facts.pod {
        Some(pod) => pod.is_template,
        None => !each().any(|(pod, is_behind)| !is_behind && is_new(&pod, owner)),
    };
    match pods.iter().any(|pod| !ends(pod) && none_is_new(&pod.owner)) {
        true => evidence.severity(Severity::Error).into(),
        false => evidence.into(),
    }
}
