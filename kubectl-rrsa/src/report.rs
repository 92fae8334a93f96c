//! What a check concludes: the rules' verdicts on the facts, link by link.

use serde::Serialize;

use crate::error::exit;
use crate::facts::{ExchangeOutcome, Facts, PodFacts};
use crate::fingerprint::{identify, of_owner};
use crate::identity::{self, Effective};
use crate::rules::{
    Also, Finding, Judged, Link, RULES, Rule, Severity, Verdict, fold, judged, lagging, unreadable,
};
use crate::shell::addressed;
use crate::skipped::Skipped;

/// The conclusion on one subject.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Healthy, broken, or not to be told.
    pub conclusion: Conclusion,
    /// The rule of the first broken link.
    pub first_broken: Option<&'static str>,
    /// The chain.
    pub links: Vec<LinkReport>,
    /// What is wrong, in the order of the chain.
    pub findings: Vec<Finding>,
    /// Rules that could not be judged.
    pub skipped: Vec<Skipped>,
    /// Who each client is in each container of the pod.
    pub identities: Vec<Effective>,
    /// What it rests on.
    pub facts: Facts,
}

/// The answer of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Conclusion {
    /// Nothing is wrong, and what had to be seen was seen.
    Healthy,
    /// Something is wrong.
    Broken,
    /// Nothing wrong was seen, but not enough was.
    Unknown,
    /// Nothing wrong stands in the files; nothing was tried.
    Clean,
}

/// One link of the chain.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkReport {
    /// Which.
    pub link: Link,
    /// How it stands.
    pub status: LinkStatus,
    /// Why it could not be judged, when it could not.
    pub unseen: Option<String>,
}

/// How a link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum LinkStatus {
    /// What is broken in it follows from another link.
    Follows,
    /// All its rules hold.
    Good,
    /// It has a warning.
    Warned,
    /// It is broken.
    Broken,
    /// At least one of its rules could not be judged, and none is broken.
    Unseen,
    /// It has no part in this check.
    NotAsked,
}

/// The rule that some pods are of the time before.
const BEHIND: &str = "RRSA-P25";

/// Lets the finding name every owner of such pods, each with a fingerprint of its own; whether there is any but the
/// `failing` ones.
fn name_owners(facts: &Facts, finding: &mut Finding, failing: &[String]) -> bool {
    let name = |pod: &PodFacts| pod.owner.clone().unwrap_or_else(|| format!("pod/{}", pod.name));
    let behind = lagging(facts);
    // Pods of another ServiceAccount are its template's, which the finding names.
    if behind.is_empty() {
        return true;
    }
    let mut owners: Vec<String> = behind.iter().map(|(pod, _)| name(pod)).collect();
    owners.sort_unstable();
    owners.dedup();
    owners.retain(|owner| !failing.contains(owner));
    let mut all = owners.into_iter().map(|what| {
        let fingerprint = of_owner(facts, finding.rule, &what);
        Also { what, fingerprint }
    });
    let Some(first) = all.next() else { return false };
    finding.fingerprint = first.fingerprint;
    finding.also = all.collect();
    true
}

/// Where the ServiceAccount names a role that does not exist, that its pods have another follows from it: they are right, and a
/// restart would take it away.
fn follow_the_name(findings: &mut Vec<Finding>) {
    const NO_ROLE: &str = "RRSA-S05";
    const ROLE_OF_BEFORE: &str = "RRSA-S06";
    if !findings.iter().any(|finding| finding.rule == ROLE_OF_BEFORE) {
        return;
    }
    let Some(cause) = findings.iter_mut().find(|finding| finding.rule == NO_ROLE) else { return };
    cause.symptoms.insert(0, ROLE_OF_BEFORE);
    findings.retain(|finding| finding.rule != ROLE_OF_BEFORE);
}

impl Report {
    /// Judges the facts by every rule.
    #[must_use]
    pub fn on(facts: Facts) -> Self {
        let judge = |rule: &Rule| match facts.is_nobodys_question() {
            true => Verdict::NotApplicable,
            false => (rule.judge)(&facts),
        };
        let verdicts: Vec<_> = RULES.iter().map(|rule| (rule, judge(rule))).collect();
        let raw: Vec<Finding> = verdicts.iter().filter_map(|(rule, verdict)| rule.finding(verdict)).collect();
        let mut findings = fold(raw.clone());
        for finding in &mut findings {
            identify(&facts, finding);
        }
        // Of a workload it is told by the pod that was chosen for it.
        let pods = if facts.pod.is_none() { judged(&facts, &raw) } else { Judged::default() };
        // Where the newest pod fails, older ones are not what matters.
        let of_new_pods = [Link::Webhook, Link::Namespace, Link::ServiceAccount, Link::Pod];
        let fails =
            |finding: &Finding| of_new_pods.contains(&finding.link) && finding.severity >= Severity::Error;
        let is_failing = facts.pod.is_some() && findings.iter().any(|one| one.rule != BEHIND && fails(one));
        findings.retain_mut(|finding| {
            finding.rule != BEHIND || (!is_failing && name_owners(&facts, finding, &pods.failing))
        });
        findings.extend(pods.findings);
        // Where the ServiceAccount names no role, what was tried is what a pod names, and fails for what is wrong with the pod.
        let account = facts.service_account.value().and_then(Option::as_ref);
        if facts.pod.is_none() && account.is_some_and(|account| account.role_name().is_none()) {
            findings = fold(findings);
        }
        // What is told by itself follows from nothing else.
        let told: Vec<&str> = findings.iter().map(|finding| finding.rule).collect();
        for finding in &mut findings {
            finding.symptoms.retain(|id| !told.contains(id));
        }
        follow_the_name(&mut findings);
        findings.sort_by_key(|finding| RULES.iter().position(|rule| rule.id == finding.rule));
        for finding in &mut findings {
            finding.command = finding.command.take().map(|words| addressed(&words, &facts.cluster.chosen_by));
            // Somebody may have set a variable to nothing.
            for text in [&mut finding.expected, &mut finding.seen] {
                if text.is_empty() {
                    "nothing".clone_into(text);
                }
            }
        }
        let mut unseen: Vec<(&Rule, &str)> = verdicts
            .iter()
            .filter_map(|(rule, verdict)| match verdict {
                Verdict::Unseen(needs) => Some((*rule, needs.as_str())),
                _ => None,
            })
            .collect();
        for (rule, needs) in &pods.skipped {
            if unseen.iter().all(|(known, _)| known.id != rule.id) {
                unseen.push((*rule, needs));
            }
        }
        unseen.sort_by_key(|(rule, _)| RULES.iter().position(|one| one.id == rule.id));
        let skipped: Vec<Skipped> = unseen.iter().map(|(rule, needs)| Skipped::new(rule, needs)).collect();
        // What STS would say of a policy, the policy says by itself.
        let policy_is_seen = facts.account.role.value().is_some_and(Option::is_some);
        let is_said =
            |rule: &Rule| policy_is_seen && rule.link == Link::TrustPolicy && rule.id.starts_with("RRSA-X");
        let is_reached = facts.is_reached();
        let link_report = |link| {
            let of_link = || verdicts.iter().filter(move |(rule, _)| rule.link == link);
            let bad = |f: &&Finding| f.link == link && f.severity > Severity::Info;
            let worst = findings.iter().filter(bad).map(|f| f.severity).max();
            let holds = of_link().any(|(_, verdict)| *verdict == Verdict::Holds);
            // What would only have been advice leaves no doubt about the link, nor does what the account would have added
            // to what the cluster shows, the issuer to what STS said, events to what stands there, or a probe to what was
            // tried from here.
            let in_doubt = |rule: &Rule| {
                rule.link == link
                    && rule.severity >= Severity::Error
                    && !rule.is_extra(holds)
                    && !is_said(rule)
            };
            let unseen = unseen.iter().find(|(rule, _)| in_doubt(rule)).map(|(_, why)| (*why).to_owned());
            let folded = |id: &str| findings.iter().all(|finding| finding.rule != id);
            let follows = of_link().any(|(rule, verdict)| verdict.is_broken() && folded(rule.id));
            let status = match worst {
                None if follows => LinkStatus::Follows,
                Some(Severity::Error | Severity::Critical) => LinkStatus::Broken,
                Some(Severity::Warning) => LinkStatus::Warned,
                None if unseen.is_some() => LinkStatus::Unseen,
                // That nothing was injected has its cause further up; and where there is no pod, nothing was seen.
                None if link == Link::Pod && !is_reached => LinkStatus::NotAsked,
                // What is wired needs neither, but not needed is not seen.
                None if link == Link::Webhook && !facts.webhook_is_good() => LinkStatus::NotAsked,
                None if link == Link::Namespace && facts.namespace_facts.value().is_none() => {
                    LinkStatus::NotAsked
                }
                _ if holds => LinkStatus::Good,
                _ => LinkStatus::NotAsked,
            };
            LinkReport { link, status, unseen }
        };
        let mut links: Vec<_> = Link::ALL.into_iter().map(link_report).collect();
        let granted = facts.was_granted();
        // A refusal is not good, whatever the rules of the exchange itself say: some other link's rule knows it, or
        // none does.
        if let Some(ExchangeOutcome::Refused(fault)) =
            facts.exchange.value().map(|exchange| &exchange.outcome)
        {
            let known = verdicts.iter().any(|(rule, verdict)| rule.reads_refusals() && verdict.is_broken());
            let quiet = |link: &&mut LinkReport| {
                link.link == Link::Exchange && matches!(link.status, LinkStatus::Good | LinkStatus::NotAsked)
            };
            for link in links.iter_mut().filter(quiet) {
                if known {
                    link.status = LinkStatus::Follows;
                } else {
                    link.status = LinkStatus::Unseen;
                    link.unseen = Some(fault.to_string());
                }
            }
        }
        if let (Some(why), true) = (&facts.untried, granted) {
            for link in
                links.iter_mut().filter(|link| link.link == Link::Exchange && link.status == LinkStatus::Good)
            {
                link.status = LinkStatus::Unseen;
                link.unseen = Some(why.clone());
            }
        }
        let is_broken = findings.iter().any(|finding| finding.severity >= Severity::Error);
        // What nobody has seen is not good, whatever holds beside it: a provider that neither STS nor IMS told of, a token
        // that is none, an identity without a session.
        let unreadable = unreadable(&facts);
        let none = facts.token.value().is_some_and(|token| token.problem.is_some());
        let unseen_provider = facts.account.provider.why_unknown().filter(|_| !facts.provider_is_proven());
        let ahead_of_time = |link: &LinkReport| match link.link {
            Link::Provider => unseen_provider,
            Link::Token if none => Some("there is no token"),
            Link::Identity if !granted => Some("no session"),
            Link::TrustPolicy if !granted => unreadable.as_deref(),
            _ => None,
        };
        for link in links.iter_mut().filter(|link| link.status == LinkStatus::Good) {
            if let Some(why) = ahead_of_time(link) {
                link.status = if is_broken && link.link == Link::Token {
                    LinkStatus::Follows
                } else {
                    LinkStatus::Unseen
                };
                link.unseen = Some(why.to_owned());
            }
        }
        let first_broken = findings.iter().find(|f| f.severity >= Severity::Error).map(|f| f.rule);
        let identified = links.iter().any(|l| l.link == Link::Identity && l.status == LinkStatus::Good);
        // That somebody gets a session says nothing of whether this workload has what it takes to ask for one.
        let decides =
            [Link::Webhook, Link::Namespace, Link::ServiceAccount, Link::Pod, Link::Token, Link::Exchange];
        let in_doubt =
            links.iter().any(|link| decides.contains(&link.link) && link.status == LinkStatus::Unseen);
        let conclusion = match first_broken {
            Some(_) => Conclusion::Broken,
            None if granted && identified && !in_doubt => Conclusion::Healthy,
            None if facts.offline => Conclusion::Clean,
            None => Conclusion::Unknown,
        };
        // Of a template that the webhook has not seen it cannot be told.
        let pod = facts.pod.as_ref().filter(|pod| !pod.is_template || pod.is_wired());
        let identities = pod.map(identity::effective).unwrap_or_default();
        Self { conclusion, first_broken, links, findings, skipped, identities, facts }
    }

    /// The exit code that is the answer.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.conclusion {
            Conclusion::Healthy | Conclusion::Clean => exit::HEALTHY,
            Conclusion::Broken => exit::FINDINGS,
            Conclusion::Unknown => exit::COULD_NOT_TELL,
        }
    }
}
