//! A trust policy held against a token's claims, and what keeps the token out.

use rrsa_shared::arn::{OidcProviderArn, RoleArn};
use rrsa_shared::policy::{
    self, Claims, ConditionEvaluation, Document, Effect, Evaluation, Statement, StatementEvaluation,
    Verdict as Fits,
};

use super::finding::{Evidence, Verdict};
use super::meant::{meant_issuer, meant_provider};
use crate::facts::{AUDIENCE, ExchangeOutcome, Facts, IssuerShape, Seen};
use crate::shell::word;

/// The keys that a condition on a token may have.
pub(super) const CLAIM_KEYS: [&str; 3] = ["oidc:iss", "oidc:aud", "oidc:sub"];

/// A policy, what it was evaluated for, and the outcome.
pub(super) struct Judged {
    role: String,
    /// STS has the last word where it has spoken.
    pub(super) granted: bool,
    pub(super) document: Document,
    pub(super) claims: Claims,
    pub(super) evaluation: Evaluation,
}

pub(super) fn judged(facts: &Facts) -> Result<Judged, Box<Verdict>> {
    let unseen = |why: &str| Box::new(Verdict::Unseen(why.to_owned()));
    let role = facts.account.role.as_result().map_err(unseen)?;
    let role = role.as_ref().ok_or_else(|| Box::new(Verdict::NotApplicable))?;
    let document = Document::parse(&role.trust_policy).map_err(|error| unseen(&error.to_string()))?;
    let provider_arn = match facts.provider_in_use.as_result() {
        Ok(arn) => arn.clone(),
        // A policy in a file is held against the provider that it seems to be about.
        Err(_) if facts.offline => meant_provider(&document, facts),
        Err(why) => return Err(unseen(why)),
    };
    let claims = match facts.token.value().filter(|token| token.problem.is_none()) {
        Some(token) => Claims {
            provider_arn,
            issuer: token.claims.issuer.clone(),
            audiences: token.claims.audiences.clone(),
            subject: token.claims.subject.clone(),
        },
        None => Claims {
            issuer: match facts.cluster.issuer.as_result() {
                Ok(issuer) => Some(issuer.clone()),
                // It is what the provider's cluster has, as far as the policy tells.
                Err(_) if facts.offline => meant_issuer(&document, &provider_arn),
                Err(why) => return Err(unseen(why)),
            },
            provider_arn,
            audiences: vec![AUDIENCE.to_owned()],
            subject: Some(facts.token_subject()),
        },
    };
    let evaluation = policy::evaluate(&document, &claims);
    Ok(Judged { role: role.arn.clone(), granted: facts.was_granted(), document, claims, evaluation })
}

/// Why a policy that was seen says nothing.
#[must_use]
pub fn unreadable(facts: &Facts) -> Option<String> {
    let role = facts.account.role.value()?.as_ref()?;
    let error = Document::parse(&role.trust_policy).err()?;
    Some(error.to_string())
}

/// What keeps the token out, as the rule that says so.
pub(super) enum Obstacle<'a> {
    NoStatement,
    OtherCluster(String),
    WrongPrincipal(&'a StatementEvaluation),
    WrongAction(&'a Statement),
    Denied(usize),
    WrongKey(&'a ConditionEvaluation),
    Unmet(Vec<&'a ConditionEvaluation>),
    Undecided(Vec<&'a ConditionEvaluation>),
    /// The effect of a statement is neither.
    OddEffect(usize, &'a str),
}

impl Judged {
    pub(super) fn pairs(&self) -> impl Iterator<Item = (usize, &Statement, &StatementEvaluation)> {
        let evaluated = self.evaluation.statements.iter();
        self.document.statements.iter().zip(evaluated).enumerate().map(|(i, (s, e))| (i, s, e))
    }

    pub(super) fn obstacle(&self) -> Option<Obstacle<'_>> {
        if self.granted || self.evaluation.verdict == Fits::Match {
            return None;
        }
        let mut pairs = self.pairs();
        if let Some((index, ..)) =
            pairs.find(|(_, s, e)| s.effect == Effect::Deny && e.outcome == Fits::Match)
        {
            return Some(Obstacle::Denied(index));
        }
        let odd = self.pairs().find_map(|(index, s, e)| match &s.effect {
            Effect::Unknown(effect) if e.outcome != Fits::NoMatch => Some((index, effect.as_str())),
            _ => None,
        });
        if let Some((index, effect)) = odd {
            return Some(Obstacle::OddEffect(index, effect));
        }
        let allows: Vec<_> = self.pairs().filter(|(_, s, _)| s.effect == Effect::Allow).collect();
        // Nearest: the provider fits before all, then the action, then as many conditions as can be; of several the first.
        let near = |e: &StatementEvaluation| {
            let fitting = e.conditions.iter().filter(|c| c.outcome == Fits::Match).count();
            (e.principal.outcome == Fits::Match, e.action.outcome == Fits::Match, fitting)
        };
        let Some((_, statement, evaluated)) = allows.iter().rev().max_by_key(|(_, _, e)| near(e)).copied()
        else {
            return Some(Obstacle::NoStatement);
        };
        if evaluated.principal.outcome == Fits::NoMatch {
            return Some(self.principal_obstacle(&allows, evaluated));
        }
        if evaluated.action.outcome == Fits::NoMatch {
            return Some(Obstacle::WrongAction(statement));
        }
        let unmet = || evaluated.conditions.iter().filter(|c| c.outcome != Fits::Match);
        if let Some(condition) = unmet().find(|c| wrong_key(&c.key)) {
            return Some(Obstacle::WrongKey(condition));
        }
        let differing: Vec<_> = unmet().filter(|c| c.outcome == Fits::NoMatch).collect();
        if !differing.is_empty() {
            return Some(Obstacle::Unmet(differing));
        }
        let undecided: Vec<_> = unmet().collect();
        // What the Allow leaves nothing to doubt of, a Deny may still refuse.
        let denies = self.pairs().filter(|(_, s, e)| s.effect == Effect::Deny && e.outcome == Fits::Unknown);
        let denies = denies.flat_map(|(_, _, e)| e.conditions.iter().filter(|c| c.outcome == Fits::Unknown));
        Some(Obstacle::Undecided(if undecided.is_empty() { denies.collect() } else { undecided }))
    }

    fn principal_obstacle<'a>(
        &'a self,
        allows: &[(usize, &'a Statement, &'a StatementEvaluation)],
        nearest: &'a StatementEvaluation,
    ) -> Obstacle<'a> {
        let wanted = OidcProviderArn::parse(&self.claims.provider_arn).ok();
        let issuer = self.claims.issuer.as_deref().and_then(IssuerShape::read);
        // The provider that RRSA has made for this cluster, where somebody has made another one for it.
        let is_own = |named: &OidcProviderArn| {
            let is_made_beside =
                |wanted: &OidcProviderArn| wanted.cluster_id().is_none() && wanted.account == named.account;
            wanted.as_ref().is_some_and(is_made_beside)
                && issuer.as_ref().is_some_and(|shape| Some(shape.cluster_id) == named.cluster_id())
        };
        for (_, statement, _) in allows {
            let principal = &statement.principal;
            let misplaced =
                principal.ram.iter().chain(&principal.service).any(|p| *p == self.claims.provider_arn);
            if misplaced || principal.federated.iter().any(|arn| arn.contains(":saml-provider/")) {
                return Obstacle::WrongPrincipal(nearest);
            }
            let other = principal.federated.iter().find_map(|arn| {
                let named = OidcProviderArn::parse(arn).ok()?;
                let is_other = named.cluster_id().is_some() && Some(&named) != wanted.as_ref();
                (is_other && !is_own(&named)).then(|| arn.clone())
            });
            if let Some(other) = other {
                return Obstacle::OtherCluster(other);
            }
        }
        Obstacle::NoStatement
    }
}

pub(super) fn obstacle(
    facts: &Facts,
    pick: impl FnOnce(&Judged, Obstacle<'_>) -> Option<Evidence>,
) -> Verdict {
    let judged = match judged(facts) {
        Ok(judged) => judged,
        Err(verdict) => return *verdict,
    };
    match judged.obstacle().and_then(|obstacle| pick(&judged, obstacle)) {
        Some(mut evidence) => {
            if let Some(ExchangeOutcome::Refused(fault)) = facts.exchange.value().map(|e| &e.outcome) {
                evidence.seen = format!("{}; STS: {fault}", evidence.seen);
            }
            // A policy in a file has no role that could be asked for.
            match RoleArn::parse(&judged.role) {
                Ok(role) => evidence.command(compare(facts, &role.name)).into(),
                Err(_) => evidence.into(),
            }
        }
        None => Verdict::Holds,
    }
}

pub(super) fn place(judged: &Judged) -> String {
    format!("trust policy of {}", judged.role)
}

/// Whether a key looks like one that other clouds, or a slip, would write for a claim.
pub(super) fn wrong_key(key: &str) -> bool {
    let lower = key.to_lowercase();
    let tail = lower.rsplit([':', '/']).next().unwrap_or_default();
    let claims = ["iss", "aud", "sub", "issuer", "audience", "subject"];
    !CLAIM_KEYS.contains(&key) && claims.contains(&tail) && !lower.starts_with("acs:")
}

/// Whether the policy lets the token in.
///
/// # Errors
/// Why that is not seen.
pub(super) fn admits(facts: &Facts) -> Result<bool, String> {
    match judged(facts) {
        Ok(judged) => Ok(judged.obstacle().is_none()),
        Err(verdict) => Err(match *verdict {
            Verdict::Unseen(why) => why,
            _ => "RAM has no such role".to_owned(),
        }),
    }
}

/// What shows the policy beside the claims, and the least change as a diff.
pub(super) fn compare(facts: &Facts, role: &str) -> String {
    let (account, namespace) = (word(&facts.service_account_name), word(&facts.namespace));
    if let (true, Seen::Known { from: file, .. }) = (facts.offline, &facts.account.role) {
        return format!("kubectl rrsa trust-policy sa/{account} -n {namespace} --file {}", word(file));
    }
    let command = format!("kubectl rrsa trust-policy sa/{account} -n {namespace} --role {}", word(role));
    match facts.provider_in_use.value() {
        Some(arn) if facts.cluster.provider_arn.value() != Some(arn) => {
            format!("{command} --oidc-provider-arn {}", word(arn))
        }
        _ => command,
    }
}

#[cfg(test)]
mod tests {
    use super::wrong_key;

    #[test]
    fn keys_of_other_clouds_are_known_for_what_they_are() {
        for (key, wrong) in [
            ("oidc:sub", false),
            ("acs:SourceIp", false),
            ("sub", true),
            ("oidc:subject", true),
            ("oidc-ack.example.com/c1:sub", true),
            ("sts:ExternalId", false),
        ] {
            assert_eq!(wrong_key(key), wrong, "{key}");
        }
    }
}
