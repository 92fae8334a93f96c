//! A trust policy that lets the workload in lets in nobody whom it was not meant for, and says what it seems to say.

use rrsa_shared::policy::{self, Condition, ConditionValue, Effect, Operator, Statement, Verdict as Fits};

use super::finding::{Evidence, Verdict};
use super::obstacle::{Judged, judged, place};
use crate::facts::Facts;

/// A pattern for subjects is narrow enough to say who is meant.
pub(super) fn r07(facts: &Facts) -> Verdict {
    lint(facts, |judged, index, statement| {
        let likes = subjects(statement).filter(|condition| condition.operator == Operator::StringLike);
        // What another condition or a Deny takes away again is not let in.
        let broad = likes.flat_map(texts).find(|value| {
            let somebody = is_broad(value).then(|| policy::stranger_of(value)).flatten();
            somebody.is_some_and(|who| policy::lets_in(&judged.document, index, &judged.claims, &who))
        })?;
        Some(Evidence::new(
            "one ServiceAccount, or a pattern within one namespace",
            broad.clone(),
            format!("StringLike oidc:sub, {}", place(judged)),
            "narrow the pattern: everything that it fits can act as this role",
        ))
    })
}

/// Some condition says which ServiceAccount is meant.
pub(super) fn r08(facts: &Facts) -> Verdict {
    lint(facts, |judged, index, statement| {
        let negative = match subjects(statement).next() {
            None => "has none".to_owned(),
            Some(_) if subjects(statement).any(|condition| !condition.operator.is_negative()) => return None,
            Some(condition) => format!("has {} oidc:sub alone, which lets in all others", condition.operator),
        };
        // What keeps tokens of this cluster out, whatever it is, or nobody knows, lets nobody in.
        if !policy::lets_in(&judged.document, index, &judged.claims, &policy::stranger()) {
            return None;
        }
        Some({
            Evidence::new(
                format!("a condition oidc:sub = {}", judged.claims.subject.clone().unwrap_or_default()),
                format!("statement {} {negative}", index + 1),
                place(judged),
                "add it: without it every ServiceAccount of the cluster can act as this role",
            )
        })
    })
}

/// No negative operator has several values, which reads as something else than it does.
pub(super) fn r14(facts: &Facts) -> Verdict {
    lint(facts, |judged, _, statement| {
        let condition =
            statement.conditions.iter().find(|c| c.operator.is_negative() && c.values.len() > 1)?;
        Some(Evidence::new(
            "one value, or a positive operator",
            format!("{} with {} values", condition.operator, condition.values.len()),
            format!("condition on {}, {}", condition.key, place(judged)),
            "say what is let in instead of what is not: a negative operator must differ from every value",
        ))
    })
}

/// One statement is about one cluster.
pub(super) fn r15(facts: &Facts) -> Verdict {
    lint(facts, |judged, index, statement| {
        let providers = statement.principal.federated.len();
        let issuers: usize =
            statement.conditions.iter().filter(|c| c.key == "oidc:iss").map(|c| c.values.len()).sum();
        (providers > 1 && issuers > 1).then(|| {
            Evidence::new(
                "one provider and its issuer in a statement",
                format!("statement {} has {providers} providers and {issuers} issuers", index + 1),
                place(judged),
                "write one statement a cluster: here any of the providers may come with any of the issuers",
            )
        })
    })
}

/// The policy is of the version RAM knows.
pub(super) fn r17(facts: &Facts) -> Verdict {
    lint(facts, |judged, index, _| {
        let version = judged.document.version.as_deref().filter(|version| index == 0 && *version != "1")?;
        Some(Evidence::new("Version 1", version, place(judged), "write \"Version\": \"1\""))
    })
}

/// Nobody but the workloads may assume the role.
pub(super) fn r22(facts: &Facts) -> Verdict {
    let judged = match judged(facts) {
        Ok(judged) => judged,
        Err(verdict) => return *verdict,
    };
    let found = policy::open_to(&judged.document, &judged.evaluation).next();
    match found {
        None => Verdict::Holds,
        Some((index, who)) => Evidence::new(
            "OIDC providers with their conditions",
            format!("statement {} lets in {who}", index + 1),
            place(&judged),
            "review whether everybody with sts:AssumeRole in that account should be able to act as this role",
        )
        .into(),
    }
}

/// Something on each statement that lets the provider in. Silent while something keeps the token out: that comes
/// first.
fn lint(facts: &Facts, broken: impl Fn(&Judged, usize, &Statement) -> Option<Evidence>) -> Verdict {
    let judged = match judged(facts) {
        Ok(judged) => judged,
        Err(verdict) => return *verdict,
    };
    if judged.obstacle().is_some() {
        return Verdict::NotApplicable;
    }
    let found = judged
        .pairs()
        .filter(|(_, s, e)| s.effect == Effect::Allow && e.principal.outcome == Fits::Match)
        .find_map(|(index, statement, _)| broken(&judged, index, statement));
    found.map_or(Verdict::Holds, Verdict::from)
}

fn subjects(statement: &Statement) -> impl Iterator<Item = &Condition> {
    statement.conditions.iter().filter(|condition| condition.key == "oidc:sub")
}

fn texts(condition: &Condition) -> impl Iterator<Item = &String> {
    condition.values.iter().filter_map(|value| match value {
        ConditionValue::Text(text) => Some(text),
        ConditionValue::Unreadable(_) => None,
    })
}

/// Whether a pattern for subjects reaches beyond one namespace.
fn is_broad(pattern: &str) -> bool {
    let mut parts = pattern.splitn(4, ':');
    let (first, second, namespace) = (parts.next(), parts.next(), parts.next());
    let exact = |part: Option<&str>| part.is_some_and(|part| !part.contains(['*', '?']));
    !(exact(first) && exact(second) && exact(namespace))
}

#[cfg(test)]
mod tests {
    use super::is_broad;

    #[test]
    fn a_pattern_within_one_namespace_is_narrow() {
        for (pattern, broad) in [
            ("system:serviceaccount:demo:app-*", false),
            ("system:serviceaccount:demo:*", false),
            ("system:serviceaccount:demo-*:app", true),
            ("system:serviceaccount:*", true),
            ("*", true),
        ] {
            assert_eq!(is_broad(pattern), broad, "{pattern}");
        }
    }
}
