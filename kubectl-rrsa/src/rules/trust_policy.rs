//! The role's trust policy must let the token in: a statement that allows sts:AssumeRole to the cluster's OIDC
//! provider, its conditions met by the token's claims. (RAM, policy elements; RRSA guide.)
//!
//! One mismatch makes one finding: of the statements, the one that comes nearest is explained, by the first element of it
//! that does not fit, or by each of its conditions that does not.

use rrsa_shared::arn::{OidcProviderArn, is_placeholder};
use rrsa_shared::policy::{self, Claims, ConditionEvaluation, Document, Effect, Operator, Statement};

use super::finding::{Evidence, Severity, Verdict};
use super::obstacle::{CLAIM_KEYS, Obstacle, admits, judged, obstacle, place};
use crate::facts::{AUDIENCE, Facts};

/// Whether a pattern stands where none is read.
fn is_literal_pattern(condition: &ConditionEvaluation) -> bool {
    let literal = matches!(condition.operator, Operator::StringEquals | Operator::StringEqualsIgnoreCase);
    // One that would not fit as a pattern either differs in more than that.
    literal && !fitting(condition).is_empty()
}

/// The values that would fit what the token has if they were read as patterns.
fn fitting(condition: &ConditionEvaluation) -> Vec<&str> {
    let fits = |value: &&str| {
        value.contains(['*', '?']) && condition.seen.iter().any(|seen| policy::fits_pattern(value, seen))
    };
    condition.expected.iter().map(String::as_str).filter(fits).collect()
}

/// A statement for this workload, ready to paste.
fn statement(claims: &Claims) -> String {
    let value = |text: &Option<String>| text.clone().unwrap_or_else(|| "ISSUER".to_owned());
    serde_json::json!({
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Federated": [claims.provider_arn]},
        "Condition": {"StringEquals": {
            "oidc:iss": [value(&claims.issuer)],
            "oidc:aud": [AUDIENCE],
            "oidc:sub": [value(&claims.subject)],
        }},
    })
    .to_string()
}

/// Some statement is about this cluster's provider.
pub(super) fn r01(facts: &Facts) -> Verdict {
    obstacle(facts, |judged, found| {
        let Obstacle::NoStatement = found else { return None };
        Some(Evidence::new(
            judged.claims.provider_arn.clone(),
            match judged.document.statements.len() {
                _ if unfilled(&judged.document).is_some() => {
                    format!("{}, a placeholder", unfilled(&judged.document).unwrap_or_default())
                }
                0 => "no statement at all".to_owned(),
                1 => "one statement, which is not about it".to_owned(),
                count => format!("{count} statements, none of them about it"),
            },
            format!("Principal.Federated, {}", place(judged)),
            format!("add this statement: {}", statement(&judged.claims)),
        ))
    })
}

/// A provider of the manual that nobody has filled in.
fn unfilled(document: &Document) -> Option<&str> {
    let named = document.statements.iter().flat_map(|statement| &statement.principal.federated);
    named.map(String::as_str).find(|arn| is_placeholder(arn))
}

/// The statement names this cluster's provider, not another cluster's.
pub(super) fn r02(facts: &Facts) -> Verdict {
    obstacle(facts, |judged, found| {
        let Obstacle::OtherCluster(other) = found else { return None };
        Some(Evidence::new(
            judged.claims.provider_arn.clone(),
            other,
            format!("Principal.Federated, {}", place(judged)),
            format!(
                "add a statement for this cluster, and leave the other one alone while that cluster lives: {}",
                statement(&judged.claims)
            ),
        ))
    })
}

/// `oidc:iss` is the token's issuer.
pub(super) fn r03(facts: &Facts) -> Verdict {
    differs(facts, "oidc:iss", "write the issuer to the byte, without a slash at the end")
}

/// `oidc:aud` is the token's audience.
pub(super) fn r04(facts: &Facts) -> Verdict {
    differs(facts, "oidc:aud", "write sts.aliyuncs.com, whatever STS host is used")
}

/// `oidc:sub` is the ServiceAccount's subject.
pub(super) fn r05(facts: &Facts) -> Verdict {
    differs(
        facts,
        "oidc:sub",
        "write system:serviceaccount:NAMESPACE:NAME of the ServiceAccount, not of the workload",
    )
}

fn differs(facts: &Facts, key: &str, remedy: &str) -> Verdict {
    obstacle(facts, |judged, found| {
        let Obstacle::Unmet(conditions) = found else { return None };
        let condition = conditions.into_iter().find(|c| c.key == key && !is_literal_pattern(c))?;
        let seen = condition.seen.join(", ");
        let nearest = policy::nearest(&condition.expected, &seen);
        let marked = nearest.map(|nearest| match condition.operator {
            // The case is no difference, so that it is none here.
            Operator::StringEqualsIgnoreCase => {
                mark(&nearest.to_ascii_lowercase(), &seen.to_ascii_lowercase(), false)
            }
            _ => mark(nearest, &seen, condition.operator == Operator::StringLike),
        });
        let marked = marked.unwrap_or_default();
        let negated =
            [Operator::StringNotEquals, Operator::StringNotEqualsIgnoreCase, Operator::StringNotLike];
        if negated.contains(&condition.operator) {
            return Some(Evidence::new(
                format!("a condition that {seen} meets"),
                format!("anything but {}", condition.expected.join(", ")),
                format!("{} {key}, {}", condition.operator, place(judged)),
                "the condition keeps out this very workload: take its value out, or write StringEquals to let it in",
            ));
        }
        Some(Evidence::new(
            if seen.is_empty() { format!("{key}, which the token lacks") } else { seen },
            match condition.expected.len() {
                0 => "no value".to_owned(),
                1 => format!("{}{marked}", condition.expected[0]),
                many => format!("{many} values, the nearest {}{marked}", nearest.unwrap_or_default()),
            },
            format!("{} {key}, {}", condition.operator, place(judged)),
            remedy,
        ))
    })
}

/// Where two texts part, in words: ` (differs from character 23: "dem" instead of "demo")`.
fn mark(written: &str, wanted: &str, wildcards: bool) -> String {
    if written.is_empty() || wanted.is_empty() {
        return String::new();
    }
    let (from, at) = policy::parting(written, wanted, wildcards);
    let rest = |text: &str, from: usize| match text.chars().skip(from).take(12).collect::<String>() {
        rest if rest.is_empty() => "the end".to_owned(),
        rest => format!("\"{rest}\""),
    };
    format!(" (from character {} on: {} instead of {})", from + 1, rest(written, from), rest(wanted, at))
}

/// No pattern stands where patterns are not read.
pub(super) fn r06(facts: &Facts) -> Verdict {
    obstacle(facts, |judged, found| {
        let Obstacle::Unmet(conditions) = found else { return None };
        let condition = conditions.into_iter().find(|condition| is_literal_pattern(condition))?;
        Some(Evidence::new(
            format!("StringLike for {}", fitting(condition).join(", ")),
            format!("{}, which takes * and ? literally", condition.operator),
            format!("condition on {}, {}", condition.key, place(judged)),
            "use StringLike for a pattern, or write the whole value",
        ))
    })
}

/// Every condition is on a key that RAM knows.
pub(super) fn r09(facts: &Facts) -> Verdict {
    obstacle(facts, |judged, found| {
        let Obstacle::WrongKey(condition) = found else { return None };
        Some(Evidence::new(
            CLAIM_KEYS.join(", "),
            condition.key.clone(),
            format!("{} of {}", condition.operator, place(judged)),
            "RAM's keys for a token's claims begin with oidc:, whatever other clouds write",
        ))
    })
}

/// The action is the one that RAM asks for.
pub(super) fn r10(facts: &Facts) -> Verdict {
    obstacle(facts, |judged, found| {
        let Obstacle::WrongAction(statement) = found else { return None };
        Some(Evidence::new(
            "sts:AssumeRole",
            statement.actions.join(", "),
            format!("Action of the provider's statement, {}", place(judged)),
            "write sts:AssumeRole: RAM checks that action for AssumeRoleWithOIDC too",
        ))
    })
}

/// The provider stands under Federated.
pub(super) fn r11(facts: &Facts) -> Verdict {
    obstacle(facts, |judged, found| {
        let Obstacle::WrongPrincipal(evaluated) = found else { return None };
        Some(Evidence::new(
            format!("{} under Principal.Federated", judged.claims.provider_arn),
            evaluated.principal.reason.clone(),
            place(judged),
            "name the OIDC provider, acs:ram::ACCOUNT:oidc-provider/NAME, under Federated",
        ))
    })
}

/// No statement denies it.
pub(super) fn r12(facts: &Facts) -> Verdict {
    obstacle(facts, |judged, found| {
        let Obstacle::Denied(index) = found else { return None };
        Some(Evidence::new(
            "no Deny that fits the token",
            format!("statement {} denies it", index + 1),
            place(judged),
            "narrow that statement or take it away: a Deny wins over every Allow",
        ))
    })
}

/// The refusal is not of the time before the policy was changed.
pub(super) fn r20(facts: &Facts) -> Verdict {
    if !facts.was_refused_by_policy() || admits(facts) != Ok(true) {
        return Verdict::NotApplicable;
    }
    let (Some(Some(role)), Some(token)) = (facts.account.role.value(), facts.token.value()) else {
        return Verdict::NotApplicable;
    };
    let Some(changed) = role.update_date else { return Verdict::NotApplicable };
    let age = facts.seen_at(token) - changed.as_second();
    if age > PROPAGATION {
        return Verdict::Holds;
    }
    Evidence::new(
        "a trust policy that has stood for a minute or two",
        format!("changed {age} s ago, and it would let the token in"),
        format!("trust policy of {}", role.arn),
        "check again in a minute: a change takes about 30 s to bite",
    )
    .into()
}

/// Seconds within which a change may not have reached STS.
const PROPAGATION: i64 = 120;

/// Every provider that the policy names exists.
pub(super) fn r21(facts: &Facts) -> Verdict {
    let known = match facts.account.providers.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(known) => known,
    };
    let judged = match judged(facts) {
        Ok(judged) => judged,
        Err(verdict) => return *verdict,
    };
    // Statements of their own count as well: they are what is left of those clusters.
    let broken = |index: usize, statement: &Statement| {
        let of_account = |arn: &&String| {
            let (named, own) =
                (OidcProviderArn::parse(arn), OidcProviderArn::parse(&judged.claims.provider_arn));
            matches!((named, own), (Ok(named), Ok(own)) if named.account == own.account)
        };
        let named = statement.principal.federated.iter().filter(of_account);
        let gone: Vec<_> = named
            .filter(|arn| !known.contains(arn) && **arn != judged.claims.provider_arn)
            .cloned()
            .collect();
        (!gone.is_empty()).then(|| {
            Evidence::new(
                "OIDC providers that exist",
                gone.join(", "),
                format!("statement {} of {}", index + 1, place(&judged)),
                "take them away: a provider of that name, made again, would be let in",
            )
        })
    };
    if judged.obstacle().is_some() {
        return Verdict::NotApplicable;
    }
    let allows = judged.pairs().filter(|(_, statement, _)| statement.effect == Effect::Allow);
    let found = allows.map(|(index, statement, _)| broken(index, statement)).find_map(|found| found);
    found.map_or(Verdict::Holds, Verdict::from)
}

/// Everything in the policy can be decided from the token.
pub(super) fn r13(facts: &Facts) -> Verdict {
    // That STS lets this machine in says nothing of the address and the time that the pod asks from.
    if facts.was_granted() && facts.vantage.value().is_none() {
        return doubted_elsewhere(facts);
    }
    obstacle(facts, |judged, found| {
        if let Obstacle::OddEffect(index, effect) = found {
            let evidence = Evidence::new(
                "Allow or Deny",
                format!("Effect {effect:?}"),
                format!("statement {} of the {}", index + 1, place(judged)),
                "write the effect as RAM has it: nobody knows what it makes of this one",
            );
            return Some(if facts.was_refused_by_policy() {
                evidence.severity(Severity::Error)
            } else {
                evidence
            });
        }
        let Obstacle::Undecided(conditions) = found else { return None };
        let words: Vec<_> = conditions.iter().map(|condition| condition.words()).collect();
        let slip = conditions.iter().find_map(|condition| Some((condition, meant(&condition.operator)?)));
        let remedy = match slip {
            Some((condition, meant)) => format!("write {meant} in place of {}", condition.operator),
            None => "compare these conditions with the call (source address, time, …) by hand".to_owned(),
        };
        let evidence = Evidence::new(
            "conditions on the token's claims",
            if words.is_empty() {
                "elements that are not documented for trust policies".to_owned()
            } else {
                words.join("; ")
            },
            place(judged),
            remedy,
        );
        // What cannot be decided here has been decided there.
        Some(if facts.was_refused_by_policy() { evidence.severity(Severity::Error) } else { evidence })
    })
}

fn doubted_elsewhere(facts: &Facts) -> Verdict {
    let mut judged = match judged(facts) {
        Ok(judged) => judged,
        Err(verdict) => return *verdict,
    };
    judged.granted = false;
    let Some(Obstacle::Undecided(conditions)) = judged.obstacle() else { return Verdict::Holds };
    let words: Vec<_> = conditions.iter().map(|condition| condition.words()).collect();
    if words.is_empty() {
        return Verdict::Holds;
    }
    Evidence::new(
        "conditions on the token's claims",
        words.join("; "),
        place(&judged),
        "STS let this machine in, which says nothing of where the pod asks from: --live=ephemeral or --live=pod asks from there",
    )
    .into()
}

/// The operator that a misspelt one was to be.
fn meant(written: &Operator) -> Option<Operator> {
    let Operator::Unknown(written) = written else { return None };
    Operator::TEXTS
        .into_iter()
        .find(|known| policy::edit_distance(&known.to_string().to_lowercase(), &written.to_lowercase()) <= 2)
}

#[cfg(test)]
mod tests {
    use super::mark;

    #[test]
    fn the_first_difference_is_marked_to_the_character() {
        assert_eq!(mark("a:demo", "a:demo-sa", false), " (from character 7 on: the end instead of \"-sa\")");
        assert_eq!(
            mark("https://i/", "https://i", false),
            " (from character 10 on: \"/\" instead of the end)"
        );
    }
}
