//! Does one condition of a statement hold?

use serde::Serialize;

use super::document::{Condition, ConditionValue, Operator};
use super::evaluate::{Claims, Verdict};
use super::wildcard;

/// One condition, evaluated.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConditionEvaluation {
    /// How values are compared.
    pub operator: Operator,
    /// What they are compared with.
    pub key: String,
    /// The condition's values.
    pub expected: Vec<String>,
    /// What the token has under the key; empty when it has nothing or the key is unknown.
    pub seen: Vec<String>,
    /// Whether it holds.
    pub outcome: Verdict,
    /// Whether `outcome` rests on behaviour that RAM does not document.
    pub uncertain: bool,
    /// Why.
    pub reason: ConditionReason,
}

/// Why a condition holds, does not hold, or cannot be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConditionReason {
    /// One of the values fits what the token has.
    Fits,
    /// None of the values fits what the token has.
    Differs,
    /// The token has nothing under this key.
    MissingClaim,
    /// The condition has no values.
    NoValues,
    /// The operator is not one of those for texts.
    UnknownOperator,
    /// The key is not one of a token's claims; only the cloud knows its value.
    UnknownKey,
    /// What decides is a value that is neither a text nor a number nor a boolean.
    UnreadableValue,
}

impl ConditionEvaluation {
    /// The reason in words, with the values.
    #[must_use]
    pub fn words(&self) -> String {
        let Self { operator, key, .. } = self;
        let expected = quoted(&self.expected);
        let seen = quoted(&self.seen);
        match self.reason {
            ConditionReason::Fits => format!("{key} is {seen}, which is among {expected} ({operator})"),
            ConditionReason::Differs => {
                format!("{key} is {seen}, which is not among {expected} ({operator})")
            }
            ConditionReason::MissingClaim => {
                format!("the token has no {key}, which {operator} compares with {expected}")
            }
            ConditionReason::NoValues => format!("{operator} gives {key} no value to be compared with"),
            ConditionReason::UnknownOperator => {
                format!(
                    "{operator} is not an operator for texts; whether {key} fits {expected} cannot be told here"
                )
            }
            ConditionReason::UnknownKey => {
                format!(
                    "{key} is not in a token; only the cloud knows whether it fits {expected} ({operator})"
                )
            }
            ConditionReason::UnreadableValue => {
                format!(
                    "{key} is {seen}, and among {expected} is something it cannot be compared with ({operator})"
                )
            }
        }
    }
}

fn quoted(values: &[String]) -> String {
    let values: Vec<_> = values.iter().map(|value| format!("\"{value}\"")).collect();
    if values.is_empty() { "nothing".to_owned() } else { values.join(", ") }
}

/// What an operator does with a value and a claim.
struct Comparison {
    fits: fn(&str, &str) -> bool,
    /// Whether the condition holds when no value fits.
    negative: bool,
}

fn comparison(operator: &Operator) -> Option<Comparison> {
    let ignoring_case = |value: &str, claim: &str| value.to_lowercase() == claim.to_lowercase();
    let (fits, negative): (fn(&str, &str) -> bool, bool) = match operator {
        Operator::StringEquals => (|value, claim| value == claim, false),
        Operator::StringNotEquals => (|value, claim| value == claim, true),
        Operator::StringEqualsIgnoreCase => (ignoring_case, false),
        Operator::StringNotEqualsIgnoreCase => (ignoring_case, true),
        Operator::StringLike => (wildcard::fits, false),
        Operator::StringNotLike => (wildcard::fits, true),
        Operator::Unknown(_) => return None,
    };
    Some(Comparison { fits, negative })
}

/// Evaluates `condition` against `claims`.
///
/// A positive operator holds when one value fits one of the claim's values, a negative one when none does. Two
/// outcomes rest on behaviour that RAM does not document and are flagged uncertain: a negative operator holds
/// when the token lacks the claim or the condition lacks values, and it fails when some but not all of several
/// audiences fit.
pub(super) fn evaluate(condition: &Condition, claims: &Claims) -> ConditionEvaluation {
    let claim = claims.under(&condition.key);
    let seen = claim.clone().unwrap_or_default();
    let (outcome, uncertain, reason) = match (comparison(&condition.operator), claim) {
        (None, _) => (Verdict::Unknown, false, ConditionReason::UnknownOperator),
        (_, None) => (Verdict::Unknown, false, ConditionReason::UnknownKey),
        (Some(comparison), Some(claim)) => decide(&comparison, &condition.values, &claim),
    };
    ConditionEvaluation {
        operator: condition.operator.clone(),
        key: condition.key.clone(),
        expected: condition.values.iter().map(ToString::to_string).collect(),
        seen: seen.into_iter().map(str::to_owned).collect(),
        outcome,
        uncertain,
        reason,
    }
}

fn decide(
    comparison: &Comparison,
    values: &[ConditionValue],
    claim: &[&str],
) -> (Verdict, bool, ConditionReason) {
    let negative = comparison.negative;
    let without_comparison = if negative { Verdict::Match } else { Verdict::NoMatch };
    if claim.is_empty() {
        return (without_comparison, negative, ConditionReason::MissingClaim);
    }
    if values.is_empty() {
        return (without_comparison, negative, ConditionReason::NoValues);
    }
    let fits = |claim: &&&str| {
        let text = |value: &ConditionValue| match value {
            ConditionValue::Text(text) => (comparison.fits)(text, claim),
            ConditionValue::Unreadable(_) => false,
        };
        values.iter().any(text)
    };
    let fitting = claim.iter().filter(fits).count();
    if fitting > 0 {
        let outcome = if negative { Verdict::NoMatch } else { Verdict::Match };
        return (outcome, negative && fitting < claim.len(), ConditionReason::Fits);
    }
    if values.iter().any(|value| matches!(value, ConditionValue::Unreadable(_))) {
        return (Verdict::Unknown, false, ConditionReason::UnreadableValue);
    }
    (without_comparison, false, ConditionReason::Differs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_names_key_operator_and_both_sides() {
        let claims = Claims {
            provider_arn: "acs:ram::1:oidc-provider/p".to_owned(),
            issuer: None,
            audiences: vec!["a".to_owned(), "b".to_owned()],
            subject: Some("system:serviceaccount:ns:sa".to_owned()),
        };
        let words = |operator: &str, key: &str, values: &[&str]| {
            let values = values.iter().map(|value| ConditionValue::Text((*value).to_owned())).collect();
            let condition = Condition { operator: Operator::from(operator), key: key.to_owned(), values };
            evaluate(&condition, &claims).words()
        };
        assert_eq!(
            words("StringEquals", "oidc:sub", &["x", "y"]),
            r#"oidc:sub is "system:serviceaccount:ns:sa", which is not among "x", "y" (StringEquals)"#
        );
        assert_eq!(
            words("StringNotEquals", "oidc:aud", &["b"]),
            r#"oidc:aud is "a", "b", which is among "b" (StringNotEquals)"#
        );
        assert_eq!(
            words("StringEquals", "oidc:iss", &["x"]),
            r#"the token has no oidc:iss, which StringEquals compares with "x""#
        );
        assert!(words("IpAddress", "acs:SourceIp", &["10.0.0.0/8"]).contains("IpAddress is not an operator"));
        assert!(words("StringEquals", "acs:SourceVpc", &["v"]).contains("only the cloud knows"));
    }
}
