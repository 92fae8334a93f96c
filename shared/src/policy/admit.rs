//! The least change that lets a ServiceAccount in.

use super::condition::ConditionReason;
use super::document::{ConditionValue, Document, Effect, Operator, Statement, subject};
use super::evaluate::{Claims, Verdict, evaluate};

/// A ServiceAccount of one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// ARN of the cluster's OIDC provider.
    pub provider_arn: String,
    /// Issuer of the cluster.
    pub issuer: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub service_account: String,
}

/// What it takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Nothing: the policy lets it in.
    None,
    /// A value is added to the one condition of a statement that does not fit (statement counted from 0).
    Extended(usize, Document),
    /// A statement is added.
    Added(Document),
    /// The effect of a statement is written as RAM has it (statement counted from 0).
    Spelt(usize, Document),
    /// A Deny keeps it out, whatever is allowed (statement counted from 0).
    Denied(usize),
    /// Nobody knows what a statement does, whose effect is neither (statement counted from 0).
    Unclear(usize),
}

impl Candidate {
    /// What its token says.
    #[must_use]
    pub fn claims(&self) -> Claims {
        Claims {
            provider_arn: self.provider_arn.clone(),
            issuer: Some(self.issuer.clone()),
            audiences: vec![super::AUDIENCE.to_owned()],
            subject: Some(self.subject()),
        }
    }

    /// The subject of its tokens.
    #[must_use]
    pub fn subject(&self) -> String {
        subject(&self.namespace, &self.service_account)
    }

    /// Whether a statement lets in no subject but this one, whatever else it asks for.
    fn is_alone_in(&self, statement: &Statement) -> bool {
        let own = [ConditionValue::Text(self.subject())];
        statement.conditions.iter().any(|condition| {
            condition.key == "oidc:sub"
                && condition.operator == Operator::StringEquals
                && condition.values.as_slice() == own
        })
    }

    /// The least change of `document` that lets it in, and nobody else.
    #[must_use]
    pub fn admitted_by(&self, document: &Document) -> Change {
        let evaluation = evaluate(document, &self.claims());
        if evaluation.verdict == Verdict::Match {
            return Change::None;
        }
        let pairs = || document.statements.iter().zip(&evaluation.statements).enumerate();
        let denies = pairs().find(|(_, (s, e))| s.effect == Effect::Deny && e.outcome != Verdict::NoMatch);
        if let Some((index, _)) = denies {
            return Change::Denied(index);
        }
        // One that is meant to allow is mended; beside any other nothing is certain.
        let odd = pairs()
            .find(|(_, (s, e))| matches!(s.effect, Effect::Unknown(_)) && e.outcome != Verdict::NoMatch);
        if let Some((index, (statement, _))) = odd {
            let mut mended = document.clone();
            mended.statements[index].effect = Effect::Allow;
            let meant =
                matches!(&statement.effect, Effect::Unknown(text) if text.eq_ignore_ascii_case("allow"));
            let is_enough = meant && evaluate(&mended, &self.claims()).verdict == Verdict::Match;
            return if is_enough { Change::Spelt(index, mended) } else { Change::Unclear(index) };
        }
        for (index, (statement, evaluated)) in pairs() {
            // In a statement of several clusters one more subject would be let in from all of them.
            let one_cluster = statement.principal.federated.len() == 1 && values(statement, "oidc:iss") == 1;
            let fits = statement.effect == Effect::Allow
                && evaluated.unknown_elements.is_empty()
                && evaluated.principal.outcome == Verdict::Match
                && evaluated.action.outcome == Verdict::Match;
            let mut unmet =
                evaluated.conditions.iter().enumerate().filter(|(_, c)| c.outcome != Verdict::Match);
            let (Some((at, condition)), None) = (unmet.next(), unmet.next()) else { continue };
            let extensible = condition.reason == ConditionReason::Differs
                && matches!(condition.operator, Operator::StringEquals | Operator::StringLike);
            let value = match condition.key.as_str() {
                "oidc:sub" if one_cluster => self.subject(),
                // Where the statement names others too they would come in the same way.
                "oidc:iss" if self.is_alone_in(statement) && statement.principal.federated.len() == 1 => {
                    self.issuer.clone()
                }
                "oidc:aud" if self.is_alone_in(statement) => super::AUDIENCE.to_owned(),
                _ => continue,
            };
            if fits && extensible {
                let mut document = document.clone();
                let values = &mut document.statements[index].conditions[at].values;
                values.push(ConditionValue::Text(value));
                return Change::Extended(index, document);
            }
        }
        let mut document = document.clone();
        document.statements.push(Statement::for_service_account(
            &self.provider_arn,
            &self.issuer,
            &self.namespace,
            &self.service_account,
        ));
        Change::Added(document)
    }
}

fn values(statement: &Statement, key: &str) -> usize {
    statement.conditions.iter().filter(|condition| condition.key == key).map(|c| c.values.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(name: &str) -> Candidate {
        Candidate {
            provider_arn: "acs:ram::1:oidc-provider/p".to_owned(),
            issuer: "https://i".to_owned(),
            namespace: "n".to_owned(),
            service_account: name.to_owned(),
        }
    }

    fn policy(name: &str) -> Document {
        let c = candidate(name);
        Document::new(vec![Statement::for_service_account(&c.provider_arn, &c.issuer, "n", name)])
    }

    fn admits(document: &Document, name: &str) -> bool {
        evaluate(document, &candidate(name).claims()).verdict == Verdict::Match
    }

    #[test]
    fn who_is_let_in_needs_nothing() {
        assert_eq!(candidate("a").admitted_by(&policy("a")), Change::None);
    }

    #[test]
    fn a_statement_of_the_same_cluster_is_extended_and_lets_in_no_third() {
        let Change::Extended(0, changed) = candidate("b").admitted_by(&policy("a")) else { panic!() };
        assert!(admits(&changed, "a") && admits(&changed, "b") && !admits(&changed, "c"));
        assert_eq!(changed.statements.len(), 1);
    }

    #[test]
    fn an_issuer_or_audience_that_is_wrong_gets_the_right_one_beside_it() {
        for at in [0, 1] {
            let mut document = policy("a");
            document.statements[0].conditions[at].values = vec![ConditionValue::Text("wrong".to_owned())];
            let Change::Extended(0, changed) = candidate("a").admitted_by(&document) else { panic!() };
            assert!(admits(&changed, "a") && !admits(&changed, "b"));
            // Those whom it names besides would be let in too.
            let mut wide = document.clone();
            wide.statements[0].conditions[2].values.push(ConditionValue::Text(subject("n", "b")));
            assert!(matches!(candidate("a").admitted_by(&wide), Change::Added(_)));
            wide.statements[0].conditions[2].operator = Operator::StringLike;
            wide.statements[0].conditions[2].values = vec![ConditionValue::Text("system:*".to_owned())];
            let Change::Added(changed) = candidate("a").admitted_by(&wide) else { panic!() };
            assert!(admits(&changed, "a") && !admits(&changed, "b"));
            // Where no subject is named, all would be let in.
            document.statements[0].conditions.truncate(2);
            assert!(matches!(candidate("a").admitted_by(&document), Change::Added(_)));
        }
    }

    #[test]
    fn anything_else_gets_a_statement_of_its_own() {
        let mut other = policy("a");
        other.statements[0].principal.federated = vec!["acs:ram::1:oidc-provider/other".to_owned()];
        let mut several = policy("a");
        several.statements[0].principal.federated.push("acs:ram::1:oidc-provider/other".to_owned());
        for document in [other, several, Document::new(Vec::new())] {
            let before = document.statements.len();
            let Change::Added(changed) = candidate("b").admitted_by(&document) else { panic!() };
            assert!(admits(&changed, "b") && !admits(&changed, "c"));
            assert_eq!(changed.statements.len(), before + 1);
        }
    }

    #[test]
    fn an_effect_that_is_none_is_mended_before_anything_else() {
        let mut document = policy("a");
        document.statements[0].effect = Effect::Unknown("allow".to_owned());
        let Change::Spelt(0, changed) = candidate("a").admitted_by(&document) else { panic!() };
        assert!(admits(&changed, "a") && !admits(&changed, "b"));
        let mut document = policy("a");
        let mut deny = document.statements[0].clone();
        deny.effect = Effect::Unknown("DENY".to_owned());
        document.statements.push(deny);
        assert_eq!(candidate("a").admitted_by(&document), Change::Unclear(1));
    }

    #[test]
    fn a_deny_is_not_argued_with() {
        let mut document = policy("a");
        let mut deny = document.statements[0].clone();
        deny.effect = Effect::Deny;
        document.statements.push(deny);
        assert_eq!(candidate("a").admitted_by(&document), Change::Denied(1));
    }
}
