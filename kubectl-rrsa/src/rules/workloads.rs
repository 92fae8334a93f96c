//! The pods that run as a ServiceAccount, each judged by itself as far as it can be without asking anything of it. What is
//! wrong with several in the same way makes one finding.

use super::{Finding, Link, RULES, Rule, Severity, Verdict, fold, restart};
use crate::facts::{Facts, PodFacts, Seen, Workload};
use crate::fingerprint::{identify, steady};

/// What is wrong with the pods.
#[derive(Debug, Default)]
pub struct Judged {
    /// Findings, with their fingerprints.
    pub findings: Vec<Finding>,
    /// Rules that could not be judged of some pod, and why.
    pub skipped: Vec<(&'static Rule, String)>,
    /// Owners whose newest pod fails, so that older ones are not what matters.
    pub failing: Vec<String>,
}

/// The rule of another account's ARNs, which is the cluster's and the pods'.
const OTHER_ACCOUNT: &str = "RRSA-C13";

/// One trouble and the pods that have it.
struct Trouble {
    finding: Finding,
    pods: Vec<PodFacts>,
}

/// Judges the pods. `raw` is what is wrong with the ServiceAccount itself, before anything is folded.
#[must_use]
pub fn judged(facts: &Facts, raw: &[Finding]) -> Judged {
    let (mut troubles, mut skipped, mut failing) = (Vec::<Trouble>::new(), Vec::new(), Vec::new());
    if facts.workloads.is_empty() {
        return Judged::default();
    }
    let mut of_pod = Facts { workloads: Vec::new(), ..facts.clone() };
    let pods = facts.workloads.iter().flat_map(Workload::each);
    // What is only of the time before is one finding for all.
    for pod in pods.filter(|(_, is_behind)| !is_behind).map(|(pod, _)| pod) {
        put(&mut of_pod, pod);
        let (findings, unseen) = of_one(&of_pod, raw);
        for (rule, why) in unseen {
            if skipped.iter().all(|(known, _): &(&Rule, _)| known.id != rule.id) {
                skipped.push((rule, why));
            }
        }
        if findings.iter().any(|finding| finding.severity >= Severity::Error) {
            failing.extend(of_pod.pod.as_ref().and_then(|pod| pod.owner.clone()));
        }
        for finding in findings {
            let Some(pod) = of_pod.pod.clone() else { continue };
            let known = troubles.iter_mut().find(|known| is_same(known, &finding, &pod, &facts.namespace));
            match known {
                Some(known) => known.pods.push(pod),
                None => troubles.push(Trouble { finding, pods: vec![pod] }),
            }
        }
    }
    let findings = troubles.into_iter().map(|trouble| told(&mut of_pod, raw, trouble)).collect();
    Judged { findings, skipped, failing }
}

/// Lets the facts be about a pod.
fn put(facts: &mut Facts, pod: PodFacts) {
    let owner = pod.owner.as_ref();
    let known = owner.and_then(|owner| facts.owners.get(owner)).cloned();
    facts.owner = known.unwrap_or_else(|| Seen::unknown("not asked"));
    facts.pod = Some(pod);
}

/// What is wrong with one pod, and what could not be judged.
fn of_one(facts: &Facts, raw: &[Finding]) -> (Vec<Finding>, Vec<(&'static Rule, String)>) {
    let is_asked = |link| matches!(link, Link::Webhook | Link::Namespace | Link::ServiceAccount | Link::Pod);
    let rules = RULES.iter().filter(|rule| is_asked(rule.link) || rule.id == OTHER_ACCOUNT);
    let verdicts: Vec<_> = rules.map(|rule| (rule, (rule.judge)(facts))).collect();
    let own: Vec<Finding> = verdicts.iter().filter_map(|(rule, verdict)| rule.finding(verdict)).collect();
    let is_of = |all: &[Finding], finding: &Finding| {
        let same = |one: &Finding| one.place == finding.place || one.rule == OTHER_ACCOUNT;
        all.iter().any(|one| one.rule == finding.rule && same(one))
    };
    // What follows from a cause at the ServiceAccount is told there, and what is wrong with that itself.
    let mut findings = fold(own.iter().filter(|one| !is_of(raw, one)).chain(raw).cloned().collect());
    findings
        .retain(|finding| finding.severity > Severity::Info && is_of(&own, finding) && !is_of(raw, finding));
    let unseen = verdicts.into_iter().filter_map(|(rule, verdict)| match verdict {
        Verdict::Unseen(why) => Some((rule, why)),
        _ => None,
    });
    (findings, unseen.collect())
}

/// Whether a finding says of another pod what is known of one already. What a command mends in the workload itself stays
/// apart, as it mends no other.
fn is_same(known: &Trouble, finding: &Finding, pod: &PodFacts, namespace: &str) -> bool {
    let Some(first) = known.pods.first() else { return false };
    let bare = |text: &str, pod: &PodFacts| {
        let text = text.replace(&pod.place(namespace), "");
        let text = if pod.name.is_empty() { text } else { text.replace(&pod.name, "") };
        let text = pod.owner.as_ref().map_or_else(|| text.clone(), |owner| text.replace(owner.as_str(), ""));
        // How long ago one was made is no other trouble.
        steady(&text)
    };
    known.finding.rule == finding.rule
        && !finding.command.as_deref().is_some_and(restart::changes_template)
        && bare(&known.finding.expected, first) == bare(&finding.expected, pod)
        && bare(&known.finding.seen, first) == bare(&finding.seen, pod)
        && bare(&known.finding.place, first) == bare(&finding.place, pod)
}

/// The finding for all that have the trouble: one command, and each of them named.
fn told(facts: &mut Facts, raw: &[Finding], trouble: Trouble) -> Finding {
    let Trouble { finding, mut pods } = trouble;
    let name = |pod: &PodFacts| pod.owner.clone().unwrap_or_else(|| format!("pod/{}", pod.name));
    let mut also = Vec::new();
    for pod in &pods {
        put(facts, pod.clone());
        let own = of_one(facts, raw).0.into_iter().find(|one| one.rule == finding.rule);
        let mut own = own.unwrap_or_else(|| finding.clone());
        identify(facts, &mut own);
        also.push(super::Also { what: name(pod), fingerprint: own.fingerprint });
        let containers = own.also.into_iter();
        also.extend(
            containers.map(|one| super::Also { what: format!("{} of {}", one.what, name(pod)), ..one }),
        );
    }
    let told_of = pods.remove(0);
    put(facts, told_of.clone());
    facts.beside = pods;
    let together = of_one(facts, raw).0.into_iter().find(|one| one.rule == finding.rule);
    facts.beside = Vec::new();
    let mut finding = together.unwrap_or(finding);
    finding.others.clear();
    finding.fingerprint = also.remove(0).fingerprint;
    // What is said of a namespace or of the webhook is said of a workload too.
    let named = name(&told_of);
    if !also.is_empty() && !finding.place.contains(&told_of.name) && !finding.place.contains(&named) {
        finding.place = format!("{}, for {named}", finding.place);
    }
    finding.also = also;
    finding
}
