//! Writes a trust policy as JSON, in the order guides and consoles write it.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::printable::printable_json;

use super::document::{Condition, ConditionValue, Document, Effect, Operator, Principal, Statement};

impl Document {
    /// Pretty JSON, ready to paste.
    #[must_use]
    pub fn to_json(&self) -> String {
        pretty(self)
    }
}

impl Statement {
    /// Pretty JSON, ready to paste into a policy's `Statement`.
    #[must_use]
    pub fn to_json(&self) -> String {
        pretty(self)
    }
}

fn pretty(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("texts and lists under text names are JSON");
    // What a terminal would obey says the same when it is written out.
    printable_json(&text)
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(version) = &self.version {
            map.serialize_entry("Version", version)?;
        }
        map.serialize_entry("Statement", &self.statements)?;
        entries(&mut map, &self.unknown)?;
        map.end()
    }
}

impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.actions[..] {
            [] => {}
            // As consoles and guides write it.
            [action] => map.serialize_entry("Action", action)?,
            actions => map.serialize_entry("Action", actions)?,
        }
        map.serialize_entry("Effect", &self.effect)?;
        if self.principal != Principal::default() {
            map.serialize_entry("Principal", &self.principal)?;
        }
        if !self.conditions.is_empty() {
            map.serialize_entry("Condition", &Conditions(&self.conditions))?;
        }
        entries(&mut map, &self.unknown)?;
        map.end()
    }
}

impl Serialize for Principal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(text) = &self.text {
            return text.serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        for (kind, arns) in [("Federated", &self.federated), ("RAM", &self.ram), ("Service", &self.service)] {
            if !arns.is_empty() {
                map.serialize_entry(kind, arns)?;
            }
        }
        entries(&mut map, &self.unknown)?;
        map.end()
    }
}

/// The conditions, gathered into one block an operator.
struct Conditions<'a>(&'a [Condition]);

impl Serialize for Conditions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut blocks: Vec<(&Operator, Block<'_>)> = Vec::new();
        for condition in self.0 {
            match blocks.iter_mut().find(|(operator, _)| *operator == &condition.operator) {
                Some((_, block)) => block.0.push(condition),
                None => blocks.push((&condition.operator, Block(vec![condition]))),
            }
        }
        serializer.collect_map(blocks)
    }
}

struct Block<'a>(Vec<&'a Condition>);

impl Serialize for Block<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|condition| (&condition.key, &condition.values)))
    }
}

impl Serialize for Effect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Operator {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for ConditionValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Unreadable(value) => value.serialize(serializer),
        }
    }
}

fn entries<M: SerializeMap>(map: &mut M, unknown: &BTreeMap<String, Value>) -> Result<(), M::Error> {
    unknown.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_for_a_service_account_is_the_guide_s() {
        let statement = Statement::for_service_account(
            "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0ffee",
            "https://oidc-ack-cn-hangzhou.oss-cn-hangzhou.aliyuncs.com/c0ffee",
            "rrsa-demo",
            "demo-sa",
        );
        let expected = r#"{
  "Version": "1",
  "Statement": [
    {
      "Action": "sts:AssumeRole",
      "Effect": "Allow",
      "Principal": {
        "Federated": [
          "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0ffee"
        ]
      },
      "Condition": {
        "StringEquals": {
          "oidc:iss": [
            "https://oidc-ack-cn-hangzhou.oss-cn-hangzhou.aliyuncs.com/c0ffee"
          ],
          "oidc:aud": [
            "sts.aliyuncs.com"
          ],
          "oidc:sub": [
            "system:serviceaccount:rrsa-demo:demo-sa"
          ]
        }
      }
    }
  ]
}"#;
        let document = Document::new(vec![statement]);
        assert_eq!(document.to_json(), expected);
        assert_eq!(Document::parse(expected).unwrap(), document);
    }
}
