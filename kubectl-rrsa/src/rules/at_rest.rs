//! What can be said of a ServiceAccount without asking anybody for a token.

use super::{Finding, Link, RULES, Severity, Verdict, fold, judged};
use crate::facts::{ContainerFacts, Facts, RRSA_ENV};

/// The rules that need no more than a ServiceAccount, its namespace, the webhook and the pods.
const AT_REST: [&str; 16] = [
    "RRSA-C01", "RRSA-W01", "RRSA-W02", "RRSA-W03", "RRSA-W05", "RRSA-N03", "RRSA-N01", "RRSA-N02",
    "RRSA-N04", "RRSA-S03", "RRSA-S02", "RRSA-S04", "RRSA-S07", "RRSA-S09", "RRSA-P12", "RRSA-P25",
];

/// What can be said at rest.
#[derive(Clone, Debug)]
pub enum AtRest {
    /// The first rule that is broken.
    Broken(Box<Finding>),
    /// None is, but one of them could not be judged: why.
    Unseen(String),
    /// None is.
    Fine,
}

/// Judges a ServiceAccount and the pods that run as it. One that names no role, and was not meant to, breaks nothing.
#[must_use]
pub fn at_rest(facts: &Facts) -> AtRest {
    let account = facts.service_account.value().and_then(Option::as_ref);
    let asks = account.is_some_and(|account| account.role_name().is_some());
    let rules = RULES.iter().filter(|rule| AT_REST.contains(&rule.id));
    // Without a role nothing is wanted of the namespace; only a misspelt wish counts.
    let rules = rules.filter(|rule| asks || rule.id == "RRSA-S03");
    let (mut raw, mut unseen) = (Vec::new(), None);
    for rule in rules {
        let verdict = (rule.judge)(facts);
        raw.extend(rule.finding(&verdict));
        if let Verdict::Unseen(why) = verdict
            && rule.link != Link::Cluster
            // Events are not asked for, and only tell of what has gone wrong.
            && !rule.is_extra(true)
        {
            unseen.get_or_insert(why);
        }
    }
    if let Some(why) = from_elsewhere(facts) {
        unseen.get_or_insert(why);
    }
    let mut findings = fold(raw.clone());
    findings.extend(judged(facts, &raw).findings);
    findings.sort_by_key(|finding| RULES.iter().position(|rule| rule.id == finding.rule));
    // What is broken goes before what is only not as it ought to be.
    let first = |least| findings.iter().find(|finding: &&Finding| finding.severity >= least).cloned();
    match (first(Severity::Error).or_else(|| first(Severity::Warning)), unseen) {
        (Some(finding), _) => AtRest::Broken(Box::new(finding)),
        (None, Some(why)) => AtRest::Unseen(why),
        (None, None) => AtRest::Fine,
    }
}

/// That a workload has RRSA's variables from where nobody has looked.
fn from_elsewhere(facts: &Facts) -> Option<String> {
    let mut likes = facts.workloads.iter().map(|workload| &workload.like).filter(|like| like.is_wired());
    likes.find_map(|like| {
        let is_plain = |c: &ContainerFacts| RRSA_ENV.iter().all(|name| c.value(name).is_some());
        if like.acting_containers().any(is_plain) {
            return None;
        }
        let container = like.acting_containers().find(|container| container.takes_from_elsewhere())?;
        Some(format!("what {} sets is not looked at; check does", container.from_elsewhere()))
    })
}

/// Facts of which nothing has been asked.
#[must_use]
pub fn blank(namespace: &str) -> Facts {
    Facts::unseen(namespace, "not asked")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{
        INJECTION_LABEL, NamespaceFacts, PodCount, ROLE_NAME_ANNOTATION, Seen, ServiceAccountFacts,
    };

    fn of(namespace: Seen<Option<NamespaceFacts>>, account: ServiceAccountFacts) -> AtRest {
        at_rest(&Facts {
            namespace_facts: namespace,
            service_account_name: account.name.clone(),
            service_account: Seen::known(Some(account), "list"),
            pods_using: Seen::known(PodCount::default(), "p"),
            ..crate::rules::fixtures::healthy_service_account()
        })
    }

    fn first(label: Option<&str>, annotation: Option<(&str, &str)>) -> Option<&'static str> {
        let labels = label.map(|value| (INJECTION_LABEL.to_owned(), value.to_owned()));
        let namespace = NamespaceFacts { labels: labels.into_iter().collect(), ..NamespaceFacts::default() };
        let annotations = annotation.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let account = ServiceAccountFacts {
            name: "a".to_owned(),
            annotations: annotations.into_iter().collect(),
            role_label: None,
            annotated_at: None,
        };
        match of(Seen::known(Some(namespace), "n"), account) {
            AtRest::Broken(finding) => Some(finding.rule),
            AtRest::Fine => None,
            AtRest::Unseen(why) => panic!("{why}"),
        }
    }

    #[test]
    fn what_may_not_be_seen_is_not_fine() {
        let role = [(ROLE_NAME_ANNOTATION.to_owned(), "demo".to_owned())];
        let account = ServiceAccountFacts { annotations: role.into(), ..ServiceAccountFacts::default() };
        assert!(matches!(of(Seen::unknown("forbidden"), account), AtRest::Unseen(_)));
    }

    #[test]
    fn a_service_account_is_judged_by_what_stands_in_it() {
        let role = Some((ROLE_NAME_ANNOTATION, "demo"));
        assert_eq!(first(Some("on"), role), None);
        assert_eq!(first(None, role), Some("RRSA-N01"));
        assert_eq!(first(Some("true"), role), Some("RRSA-N02"));
        assert_eq!(first(Some("on"), Some((ROLE_NAME_ANNOTATION, "acs:ram::1:role/x"))), Some("RRSA-S04"));
        assert_eq!(first(None, Some(("pod-identity.alibabacloud.com/role_name", "x"))), Some("RRSA-S03"));
        assert_eq!(first(None, None), None);
    }

    #[test]
    fn every_rule_at_rest_is_one() {
        assert!(AT_REST.iter().all(|id| RULES.iter().any(|rule| rule.id == *id)));
    }
}
