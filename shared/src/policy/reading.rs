//! Reads a trust policy from JSON; an element that is unknown is kept.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess};
use serde_json::Value;

use super::document::{Condition, ConditionValue, Document, Effect, Operator, Principal, Statement};
use super::object::{Object, ObjectVisitor, list};

/// Why a text is not a trust policy, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentError {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, counted in bytes; 0 when the line is empty. What is wrong stands at or before it.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, message } = self;
        write!(f, "the trust policy cannot be read at line {line}, column {column}: {message}")
    }
}

impl std::error::Error for DocumentError {}

impl Document {
    /// Reads a policy.
    ///
    /// # Errors
    /// When the text is not JSON, an element is not of the kind it must be or comes twice, or `Statement` or an
    /// `Effect` is missing.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let message = error.to_string();
            let message =
                message.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&message);
            DocumentError { line, column, message: message.to_owned() }
        })
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor::new())
    }
}

impl Object for Document {
    const EXPECTED: &str = "a trust policy, which is an object";
    type Draft = (Self, Option<Vec<Statement>>);

    fn member<'de, A: MapAccess<'de>>(
        draft: &mut Self::Draft,
        name: String,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let (document, statements) = draft;
        match name.as_str() {
            "Version" => document.version = Some(map.next_value::<ConditionValue>()?.to_string()),
            "Statement" => *statements = Some(list(map)?),
            _ => drop(document.unknown.insert(name, map.next_value()?)),
        }
        Ok(())
    }

    fn finish<E: Error>((document, statements): Self::Draft) -> Result<Self, E> {
        let statements = statements.ok_or_else(|| E::custom("there is no \"Statement\""))?;
        Ok(Self { statements, ..document })
    }
}

impl<'de> Deserialize<'de> for Statement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor::new())
    }
}

#[derive(Default)]
pub(super) struct StatementDraft {
    effect: Option<String>,
    actions: Vec<String>,
    principal: Principal,
    conditions: Vec<Condition>,
    unknown: BTreeMap<String, Value>,
}

impl Object for Statement {
    const EXPECTED: &str = "a statement, which is an object";
    type Draft = StatementDraft;

    fn member<'de, A: MapAccess<'de>>(
        draft: &mut Self::Draft,
        name: String,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match name.as_str() {
            "Effect" => draft.effect = Some(map.next_value()?),
            "Action" => draft.actions = list(map)?,
            "Principal" => draft.principal = map.next_value()?,
            "Condition" => draft.conditions = map.next_value::<Conditions>()?.0,
            _ => drop(draft.unknown.insert(name, map.next_value()?)),
        }
        Ok(())
    }

    fn finish<E: Error>(draft: Self::Draft) -> Result<Self, E> {
        let StatementDraft { effect, actions, principal, conditions, unknown } = draft;
        let effect = effect.ok_or_else(|| E::custom("the statement has no \"Effect\""))?;
        Ok(Self { effect: Effect::from(effect.as_str()), actions, principal, conditions, unknown })
    }
}

impl<'de> Deserialize<'de> for Principal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor::new())
    }
}

impl Object for Principal {
    const EXPECTED: &str = "a principal, which is an object of Federated, RAM or Service";
    type Draft = Self;

    fn member<'de, A: MapAccess<'de>>(draft: &mut Self, name: String, map: &mut A) -> Result<(), A::Error> {
        match name.as_str() {
            "Federated" => draft.federated = list(map)?,
            "RAM" => draft.ram = list(map)?,
            "Service" => draft.service = list(map)?,
            _ => drop(draft.unknown.insert(name, map.next_value()?)),
        }
        Ok(())
    }

    fn finish<E: Error>(draft: Self) -> Result<Self, E> {
        Ok(draft)
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(Self { text: Some(text.to_owned()), ..Self::default() })
    }
}

struct Conditions(Vec<Condition>);

impl<'de> Deserialize<'de> for Conditions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor::new())
    }
}

impl Object for Conditions {
    const EXPECTED: &str = "conditions, which are an object of operators";
    type Draft = Vec<Condition>;

    fn member<'de, A: MapAccess<'de>>(
        draft: &mut Vec<Condition>,
        name: String,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let operator = Operator::from(name.as_str());
        let keys = map.next_value::<Block>()?.0;
        draft.extend(keys.into_iter().map(|(key, values)| Condition {
            operator: operator.clone(),
            key,
            values,
        }));
        Ok(())
    }

    fn finish<E: Error>(draft: Vec<Condition>) -> Result<Self, E> {
        Ok(Self(draft))
    }
}

/// What stands under one operator: values by key.
struct Block(Vec<(String, Vec<ConditionValue>)>);

impl<'de> Deserialize<'de> for Block {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor::new())
    }
}

impl Object for Block {
    const EXPECTED: &str = "the keys of an operator, which are an object";
    type Draft = Vec<(String, Vec<ConditionValue>)>;

    fn member<'de, A: MapAccess<'de>>(
        draft: &mut Self::Draft,
        name: String,
        map: &mut A,
    ) -> Result<(), A::Error> {
        draft.push((name, list(map)?));
        Ok(())
    }

    fn finish<E: Error>(draft: Self::Draft) -> Result<Self, E> {
        Ok(Self(draft))
    }
}

impl<'de> Deserialize<'de> for ConditionValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::String(text) => Self::Text(text),
            scalar @ (Value::Bool(_) | Value::Number(_)) => Self::Text(scalar.to_string()),
            other => Self::Unreadable(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn single_items_and_lists_of_one_are_the_same() {
        let single = r#"{"Version":"1","Statement":{"Effect":"Allow","Action":"sts:AssumeRole",
            "Principal":{"Federated":"acs:p"},"Condition":{"StringEquals":{"oidc:sub":"s"}}}}"#;
        let lists = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole"],
            "Principal":{"Federated":["acs:p"]},"Condition":{"StringEquals":{"oidc:sub":["s"]}}}]}"#;
        assert_eq!(Document::parse(single).unwrap(), Document::parse(lists).unwrap());
    }

    #[test]
    fn what_is_unknown_is_kept_and_written_back() {
        let written = json!({
            "Version": "2",
            "Id": "mine",
            "Statement": [
                {
                    "Effect": "Perhaps",
                    "NotAction": ["sts:AssumeRole"],
                    "Principal": {"Federated": ["f"], "RAM": ["r"], "Service": ["s"], "Canonical": 7},
                    "Condition": {
                        "StringSometimes": {"oidc:sub": ["a"]},
                        "Bool": {"acs:SecureTransport": ["true", "5", null, {"a": []}]},
                    },
                },
                {"Effect": "Deny", "Action": ["a", "b"], "Principal": "*"},
            ],
        });
        let document = Document::parse(&written.to_string()).unwrap();
        assert_eq!(document.statements[0].effect, Effect::Unknown("Perhaps".to_owned()));
        assert_eq!(serde_json::from_str::<Value>(&document.to_json()).unwrap(), written);
    }

    #[test]
    fn numbers_and_booleans_among_values_count_as_text() {
        let text = r#"{"Statement":{"Effect":"Allow","Condition":{"StringEquals":{"a":true,"b":-5,"c":[1.5,"x"]}}}}"#;
        let document = Document::parse(text).unwrap();
        let values: Vec<_> = document.statements[0].conditions.iter().map(|c| c.values.clone()).collect();
        let text = |text: &str| ConditionValue::Text(text.to_owned());
        assert_eq!(values, [vec![text("true")], vec![text("-5")], vec![text("1.5"), text("x")]]);
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_place() {
        for (text, place, word) in [
            ("", (1, 0), "EOF"),
            ("[]", (1, 2), "expected a trust policy"),
            ("{}", (1, 2), "no \"Statement\""),
            ("{\n  \"Statement\": null\n}", (2, 19), "expected a statement"),
            (r#"{"Statement":["Allow"]}"#, (1, 21), "expected a statement"),
            (r#"{"Statement":{"Action":"a"}}"#, (1, 27), "no \"Effect\""),
            (r#"{"Statement":{"Effect":["Allow"]}}"#, (1, 23), "expected a string"),
            (r#"{"Statement":{"Effect":"Allow","Action":[1]}}"#, (1, 42), "integer `1`"),
            (r#"{"Statement":{"Effect":"Allow","Principal":null}}"#, (1, 47), "expected a principal"),
            (r#"{"Statement":{"Effect":"Allow","Condition":null}}"#, (1, 47), "expected conditions"),
            (
                r#"{"Statement":{"Effect":"Allow","Condition":{"StringLike":"x"}}}"#,
                (1, 60),
                "keys of an operator",
            ),
            (r#"{"Statement":{"Effect":"Allow","Effect":"Deny"}}"#, (1, 39), "\"Effect\" comes twice"),
            (
                "{\"Statement\":{\"Effect\":\"Allow\",\"Condition\":{\n\"StringEquals\":{},\n\"StringEquals\":{}}}}",
                (3, 14),
                "\"StringEquals\" comes twice",
            ),
            (r#"{"Statement":[]} x"#, (1, 18), "trailing"),
        ] {
            let error = Document::parse(text).unwrap_err();
            assert!(error.message.contains(word), "{text}: {error}");
            assert!(!error.message.contains(" at line"), "{error}");
            assert_eq!((error.line, error.column), place, "{text}: {error}");
        }
    }
}
