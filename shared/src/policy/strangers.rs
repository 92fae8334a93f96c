//! Whom a policy lets in without naming them.

use super::document::{ConditionValue, Document, Effect, Statement, subject};
use super::evaluate::{Claims, Evaluation, Verdict, evaluate};
use super::wildcard;

/// A name that nobody has.
const NOBODY: &str = "rrsa-nobody";

/// The subject of a ServiceAccount that nobody has thought of.
#[must_use]
pub fn stranger() -> String {
    subject(NOBODY, NOBODY)
}

/// The subject of a ServiceAccount that a pattern fits and nobody has thought of.
#[must_use]
pub fn stranger_of(pattern: &str) -> Option<String> {
    let made = || pattern.replace('*', NOBODY).replace('?', "z");
    [stranger(), made()]
        .into_iter()
        .find(|text| wildcard::fits(pattern, text) && text.starts_with("system:serviceaccount:"))
}

/// Whether the policy lets somebody in by that statement (counted from 0) who has this subject and is of the statement's own
/// cluster: the one of `claims`, or another one. Nothing that is only possible counts.
#[must_use]
pub fn lets_in(document: &Document, index: usize, claims: &Claims, subject: &str) -> bool {
    let Some(statement) = document.statements.get(index) else { return false };
    let is_ours = statement.principal.federated.contains(&claims.provider_arn);
    let others = || statement.principal.federated.iter().find(|arn| !wildcard::is_pattern(arn));
    let named = |key: &str| first(statement, key).map(str::to_owned);
    let stranger = match is_ours {
        true => Claims {
            issuer: claims.issuer.clone().or_else(|| named("oidc:iss")),
            subject: Some(subject.to_owned()),
            ..claims.clone()
        },
        false => Claims {
            provider_arn: others().cloned().unwrap_or_default(),
            issuer: named("oidc:iss"),
            audiences: vec![named("oidc:aud").unwrap_or_else(|| super::AUDIENCE.to_owned())],
            subject: Some(subject.to_owned()),
        },
    };
    let evaluation = evaluate(document, &stranger);
    evaluation.verdict == Verdict::Match && evaluation.statements[index].outcome == Verdict::Match
}

/// The first value that a statement wants of a claim.
fn first<'a>(statement: &'a Statement, key: &str) -> Option<&'a str> {
    let mut wanted = statement.conditions.iter().filter(|c| c.key == key && !c.operator.is_negative());
    wanted.find_map(|condition| {
        condition.values.iter().find_map(|value| match value {
            ConditionValue::Text(text) => Some(text.as_str()),
            ConditionValue::Unreadable(_) => None,
        })
    })
}

/// Statements (counted from 0) by which everybody of an account may assume the role, and who that is. What asks for a claim of a
/// token lets in no such caller, and what is denied as widely lets in nobody.
pub fn open_to<'a>(
    document: &'a Document,
    evaluation: &'a Evaluation,
) -> impl Iterator<Item = (usize, &'a str)> {
    let all = || document.statements.iter().zip(&evaluation.statements).enumerate();
    let asks_a_token = |statement: &Statement| {
        statement.conditions.iter().any(|c| c.key.starts_with("oidc:") && !c.operator.is_negative())
    };
    let about = all().filter(|(_, (_, evaluated))| evaluated.action.outcome != Verdict::NoMatch);
    about
        .filter(move |(_, (statement, _))| statement.effect == Effect::Allow && !asks_a_token(statement))
        .filter_map(move |(index, (statement, _))| {
            let who = statement.principal.whole_account()?;
            let denied = all().any(|(_, (other, evaluated))| {
                let widely = other.principal.whole_account().is_some_and(|all| all == "*" || all == who);
                other.effect == Effect::Deny
                    && widely
                    && other.conditions.is_empty()
                    && evaluated.action.outcome == Verdict::Match
            });
            (!denied).then_some((index, who))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Candidate;

    fn claims() -> Claims {
        let candidate = Candidate {
            provider_arn: "p".to_owned(),
            issuer: "https://i".to_owned(),
            namespace: "n".to_owned(),
            service_account: "s".to_owned(),
        };
        candidate.claims()
    }

    fn document(statements: &str) -> Document {
        Document::parse(&format!(r#"{{"Version":"1","Statement":[{statements}]}}"#)).unwrap()
    }

    const OPEN: &str = r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Federated":["p"]},
        "Condition":{"StringEquals":{"oidc:iss":"https://i","oidc:aud":"sts.aliyuncs.com"}}}"#;

    #[test]
    fn a_pattern_has_strangers_where_it_fits_more_than_somebody_meant() {
        assert_eq!(stranger_of("*"), Some(stranger()));
        let found = stranger_of("system:serviceaccount:n*:s?").unwrap();
        assert!(found.starts_with("system:serviceaccount:nrrsa"), "{found}");
        assert_eq!(stranger_of("other:*"), None);
    }

    #[test]
    fn whom_another_statement_or_condition_keeps_out_is_not_let_in() {
        let lets = |statements: &str| lets_in(&document(statements), 0, &claims(), &stranger());
        assert!(lets(OPEN));
        let deny = r#","Action":"sts:AssumeRole","Principal":{"Federated":["p"]},
            "Condition":{"StringNotEquals":{"oidc:sub":"system:serviceaccount:n:s"}}}"#;
        assert!(!lets(&format!(r#"{OPEN},{{"Effect":"Deny"{deny}"#)));
        assert!(!lets(&OPEN.replace("sts:AssumeRole", "sts:GetCallerIdentity")));
        assert!(!lets(&OPEN.replace("https://i", "https://other")));
        // Of another cluster by its own issuer.
        assert!(lets(&OPEN.replace("[\"p\"]", "[\"q\"]").replace("https://i", "https://other")));
    }

    #[test]
    fn everybody_of_an_account_is_let_in_by_what_is_about_the_role_and_not_denied() {
        let open = |statements: &str| {
            let document = document(statements);
            let evaluation = evaluate(&document, &claims());
            open_to(&document, &evaluation).count()
        };
        let root = r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::1:root"]}}"#;
        assert_eq!(open(root), 1);
        assert_eq!(open(&root.replace("sts:AssumeRole", "ecs:*")), 0);
        assert_eq!(open(&format!("{root},{}", root.replace("Allow", "Deny"))), 0);
        let token = r#","Condition":{"StringEquals":{"oidc:sub":"x"}}}"#;
        assert_eq!(open(&format!("{}{token}", &root[..root.len() - 1])), 0);
    }
}
