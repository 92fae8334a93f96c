//! Would a trust policy let this token in?

use serde::Serialize;

use super::condition::{self, ConditionEvaluation};
use super::document::{Document, Effect, Principal, Statement};
use super::wildcard;

/// The action RAM evaluates, for AssumeRoleWithOIDC too.
const ACTION: &str = "sts:AssumeRole";

/// What the policy is evaluated against: a token, and the OIDC provider it is shown to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// ARN of the provider, `acs:ram::<account>:oidc-provider/<name>`.
    pub provider_arn: String,
    /// `iss`, which conditions call `oidc:iss`.
    pub issuer: Option<String>,
    /// `aud`, which conditions call `oidc:aud`.
    pub audiences: Vec<String>,
    /// `sub`, which conditions call `oidc:sub`.
    pub subject: Option<String>,
}

impl Claims {
    /// The claim that conditions call `key`, empty when the token lacks it; `None` for a key that is no claim.
    pub(super) fn under(&self, key: &str) -> Option<Vec<&str>> {
        match key {
            "oidc:iss" => Some(self.issuer.as_deref().into_iter().collect()),
            "oidc:aud" => Some(self.audiences.iter().map(String::as_str).collect()),
            "oidc:sub" => Some(self.subject.as_deref().into_iter().collect()),
            _ => None,
        }
    }
}

/// The answer to a question that cannot always be answered from the document alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Yes.
    Match,
    /// No, whatever is unknown.
    NoMatch,
    /// It depends on something that cannot be seen from here.
    Unknown,
}

impl Verdict {
    /// `Match` when all parts match, `NoMatch` when one does not, `Unknown` otherwise.
    fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        parts.into_iter().fold(Self::Match, |all, part| match (all, part) {
            (Self::NoMatch, _) | (_, Self::NoMatch) => Self::NoMatch,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Match, Self::Match) => Self::Match,
        })
    }
}

/// The whole policy, evaluated.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluation {
    /// Whether the role may be assumed. `Version` has no part in it.
    pub verdict: Verdict,
    /// Whether `verdict` would be unknown if the conditions flagged uncertain were.
    pub uncertain: bool,
    /// Each statement, in order.
    pub statements: Vec<StatementEvaluation>,
}

/// One statement, evaluated.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementEvaluation {
    /// `Effect`.
    pub effect: Effect,
    /// Whether the statement applies. One whose effect is unknown, or that has unknown elements, applies at most
    /// perhaps.
    pub outcome: Verdict,
    /// Whether `outcome` would be unknown if the conditions flagged uncertain were.
    pub uncertain: bool,
    /// Whether it is about assuming the role.
    pub action: Check,
    /// Whether it is about the token's provider.
    pub principal: Check,
    /// Each condition, in order.
    pub conditions: Vec<ConditionEvaluation>,
    /// Whether some condition is on `oidc:sub`. A statement without one lets in every ServiceAccount of the
    /// cluster.
    pub constrains_subject: bool,
    /// Names of elements that RAM does not document for trust policies, such as `NotAction`.
    pub unknown_elements: Vec<String>,
}

/// Whether one element of a statement fits, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Whether it fits.
    pub outcome: Verdict,
    /// Why, in words.
    pub reason: String,
}

/// Evaluates `document` for `claims`.
///
/// A Deny that applies refuses, whatever is allowed. Otherwise one Allow that applies is enough, unless a Deny
/// may apply too: then the verdict is unknown. It is also unknown when no Allow applies but one may.
#[must_use]
pub fn evaluate(document: &Document, claims: &Claims) -> Evaluation {
    let statements: Vec<_> = document.statements.iter().map(|statement| applies(statement, claims)).collect();
    let verdict = combine(statements.iter().map(|statement| (&statement.effect, statement.outcome)));
    let certain =
        combine(statements.iter().map(|statement| (&statement.effect, statement.certain_outcome())));
    Evaluation { verdict, uncertain: certain != verdict, statements }
}

fn combine<'a>(outcomes: impl Iterator<Item = (&'a Effect, Verdict)>) -> Verdict {
    let (mut allowed, mut denied) = (Verdict::NoMatch, Verdict::NoMatch);
    let either = |one: Verdict, other: Verdict| match (one, other) {
        (Verdict::Match, _) | (_, Verdict::Match) => Verdict::Match,
        (Verdict::NoMatch, Verdict::NoMatch) => Verdict::NoMatch,
        _ => Verdict::Unknown,
    };
    for (effect, outcome) in outcomes {
        if *effect != Effect::Deny {
            allowed = either(allowed, outcome);
        }
        if *effect != Effect::Allow {
            denied = either(denied, outcome);
        }
    }
    match (allowed, denied) {
        (Verdict::NoMatch, _) | (_, Verdict::Match) => Verdict::NoMatch,
        (allowed, Verdict::NoMatch) => allowed,
        (Verdict::Match | Verdict::Unknown, Verdict::Unknown) => Verdict::Unknown,
    }
}

fn applies(statement: &Statement, claims: &Claims) -> StatementEvaluation {
    let mut evaluation = StatementEvaluation {
        effect: statement.effect.clone(),
        outcome: Verdict::Unknown,
        uncertain: false,
        action: check_action(statement),
        principal: check_principal(statement, &claims.provider_arn),
        conditions: statement.conditions.iter().map(|c| condition::evaluate(c, claims)).collect(),
        constrains_subject: statement.conditions.iter().any(|condition| condition.key == "oidc:sub"),
        unknown_elements: statement.unknown.keys().cloned().collect(),
    };
    evaluation.outcome = evaluation.outcome_of(|condition| condition.outcome);
    evaluation.uncertain = evaluation.certain_outcome() != evaluation.outcome;
    evaluation
}

impl StatementEvaluation {
    fn outcome_of(&self, condition: impl Fn(&ConditionEvaluation) -> Verdict) -> Verdict {
        let understood = self.unknown_elements.is_empty() && !matches!(self.effect, Effect::Unknown(_));
        let understood = if understood { Verdict::Match } else { Verdict::Unknown };
        let parts = [understood, self.action.outcome, self.principal.outcome];
        Verdict::all(parts.into_iter().chain(self.conditions.iter().map(condition)))
    }

    /// The outcome when nothing is taken for granted that RAM does not document.
    fn certain_outcome(&self) -> Verdict {
        self.outcome_of(|condition| if condition.uncertain { Verdict::Unknown } else { condition.outcome })
    }
}

fn check_action(statement: &Statement) -> Check {
    let actions = &statement.actions;
    let is = |expected: &str| actions.iter().find(|action| action.eq_ignore_ascii_case(expected));
    if let Some(action) = is(ACTION).or_else(|| is("sts:*")).or_else(|| is("*")) {
        return Check { outcome: Verdict::Match, reason: format!("\"{action}\" covers {ACTION}") };
    }
    let lower = ACTION.to_ascii_lowercase();
    if let Some(pattern) = actions.iter().find(|action| wildcard::fits(&action.to_ascii_lowercase(), &lower))
    {
        let reason = format!("\"{pattern}\" fits {ACTION} if RAM takes wildcards inside a name here");
        return Check { outcome: Verdict::Unknown, reason };
    }
    if actions.is_empty() && statement.unknown.contains_key("NotAction") {
        return Check { outcome: Verdict::Unknown, reason: "NotAction stands in place of Action".to_owned() };
    }
    let reason = format!("{ACTION} is not among {}", listed(actions));
    Check { outcome: Verdict::NoMatch, reason }
}

fn check_principal(statement: &Statement, provider_arn: &str) -> Check {
    let principal = &statement.principal;
    let no_match = |reason: String| Check { outcome: Verdict::NoMatch, reason };
    let unknown = |reason: String| Check { outcome: Verdict::Unknown, reason };
    if principal.federated.iter().any(|arn| arn == provider_arn) {
        let reason = format!("the provider {provider_arn} is among Federated");
        return Check { outcome: Verdict::Match, reason };
    }
    let pattern = |arn: &&String| wildcard::is_pattern(arn) && wildcard::fits(arn, provider_arn);
    if let Some(pattern) = principal.federated.iter().find(pattern) {
        return unknown(format!("\"{pattern}\" fits the provider if RAM takes wildcards in Federated"));
    }
    if let Some(text) = &principal.text {
        return unknown(format!("the principal is the text \"{text}\", whose meaning RAM does not document"));
    }
    if let Some(kind) = principal.unknown.keys().next() {
        return unknown(format!("\"{kind}\" is not a kind of principal that RAM documents"));
    }
    if *principal == Principal::default() && statement.unknown.contains_key("NotPrincipal") {
        return unknown("NotPrincipal stands in place of Principal".to_owned());
    }
    for (kind, members) in [("RAM", &principal.ram), ("Service", &principal.service)] {
        if members.iter().any(|member| member == provider_arn) {
            return no_match(format!("the provider {provider_arn} stands under {kind} instead of Federated"));
        }
    }
    if principal.federated.is_empty() {
        return no_match("no provider is named under Federated".to_owned());
    }
    no_match(format!("the provider {provider_arn} is not among {}", listed(&principal.federated)))
}

fn listed(items: &[String]) -> String {
    let items: Vec<_> = items.iter().map(|item| format!("\"{item}\"")).collect();
    if items.is_empty() { "nothing".to_owned() } else { items.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_truth_table_of_effects() {
        use Verdict::{Match, NoMatch, Unknown};
        // For each state of an Allow, the verdict under a Deny that matches, does not, or may.
        for (allow, under_deny) in [
            (Match, [NoMatch, Match, Unknown]),
            (NoMatch, [NoMatch, NoMatch, NoMatch]),
            (Unknown, [NoMatch, Unknown, Unknown]),
        ] {
            for (deny, expected) in [Match, NoMatch, Unknown].into_iter().zip(under_deny) {
                let outcomes = [(Effect::Allow, allow), (Effect::Deny, deny)];
                let verdict = combine(outcomes.iter().map(|(effect, outcome)| (effect, *outcome)));
                assert_eq!(verdict, expected, "Allow {allow:?}, Deny {deny:?}");
            }
        }
        assert_eq!(combine(std::iter::empty()), NoMatch, "what is not allowed is refused");
    }

    #[test]
    fn one_failed_part_decides_whatever_else_is_unknown() {
        use Verdict::{Match, NoMatch, Unknown};
        assert_eq!(Verdict::all([Unknown, NoMatch, Match]), NoMatch);
        assert_eq!(Verdict::all([Match, Unknown]), Unknown);
        assert_eq!(Verdict::all([]), Match);
    }
}
