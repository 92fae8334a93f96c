//! A trust policy as it stands in RAM: statements of effect, action, principal and conditions.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// The audience of the tokens that RRSA exchanges.
pub const AUDIENCE: &str = "sts.aliyuncs.com";

/// A trust policy. Read it with [`Document::parse`]; written back, lists stay lists and single texts become
/// lists of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// `Version`; RAM knows `1`.
    pub version: Option<String>,
    /// `Statement`.
    pub statements: Vec<Statement>,
    /// Elements that RAM does not document, as written.
    pub unknown: BTreeMap<String, Value>,
}

/// One statement: its effect applies to a call that action, principal and all conditions fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// `Effect`.
    pub effect: Effect,
    /// `Action`.
    pub actions: Vec<String>,
    /// `Principal`.
    pub principal: Principal,
    /// `Condition`, in the order written. A block without keys asks for nothing and is left out.
    pub conditions: Vec<Condition>,
    /// Elements that RAM does not document for trust policies, as written.
    pub unknown: BTreeMap<String, Value>,
}

/// What a statement does to the calls it fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// `Allow`.
    Allow,
    /// `Deny`; wins over every Allow.
    Deny,
    /// Any other text, as written.
    Unknown(String),
}

/// Whom a statement is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Principal {
    /// `Federated`: ARNs of OIDC and SAML providers.
    pub federated: Vec<String>,
    /// `RAM`: ARNs of accounts, users and roles.
    pub ram: Vec<String>,
    /// `Service`: names of cloud services.
    pub service: Vec<String>,
    /// The whole principal, when it is a mere text such as `*`; the other fields are empty then.
    pub text: Option<String>,
    /// Other kinds, as written.
    pub unknown: BTreeMap<String, Value>,
}

/// One key of one operator block. All conditions of a statement must hold; of one condition's values, one.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// How values are compared.
    pub operator: Operator,
    /// What they are compared with, such as `oidc:sub`.
    pub key: String,
    /// The values.
    pub values: Vec<ConditionValue>,
}

/// A value of a condition.
#[derive(Clone, Debug, PartialEq)]
pub enum ConditionValue {
    /// A text; numbers and booleans count as the text they are written with.
    Text(String),
    /// `null`, a list in a list, or an object: nothing that can be compared.
    Unreadable(Value),
}

/// Operators of texts; RAM has more, for numbers, dates and addresses, which stay unknown here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `StringEquals`: equal, case and all.
    StringEquals,
    /// `StringNotEquals`.
    StringNotEquals,
    /// `StringEqualsIgnoreCase`.
    StringEqualsIgnoreCase,
    /// `StringNotEqualsIgnoreCase`.
    StringNotEqualsIgnoreCase,
    /// `StringLike`: `*` is any text, `?` one character; case matters.
    StringLike,
    /// `StringNotLike`.
    StringNotLike,
    /// Any other, as written.
    Unknown(String),
}

/// The subject of a ServiceAccount's tokens.
#[must_use]
pub fn subject(namespace: &str, service_account: &str) -> String {
    format!("system:serviceaccount:{namespace}:{service_account}")
}

impl Document {
    /// A policy of version 1.
    #[must_use]
    pub fn new(statements: Vec<Statement>) -> Self {
        Self { version: Some("1".to_owned()), statements, unknown: BTreeMap::new() }
    }
}

impl Statement {
    /// The statement of the RRSA guide: one ServiceAccount of one cluster, and nobody else, may assume the role.
    #[must_use]
    pub fn for_service_account(
        provider_arn: &str,
        issuer: &str,
        namespace: &str,
        service_account: &str,
    ) -> Self {
        let equals = |key: &str, value: String| Condition {
            operator: Operator::StringEquals,
            key: key.to_owned(),
            values: vec![ConditionValue::Text(value)],
        };
        Self {
            effect: Effect::Allow,
            actions: vec!["sts:AssumeRole".to_owned()],
            principal: Principal { federated: vec![provider_arn.to_owned()], ..Principal::default() },
            conditions: vec![
                equals("oidc:iss", issuer.to_owned()),
                equals("oidc:aud", AUDIENCE.to_owned()),
                equals("oidc:sub", subject(namespace, service_account)),
            ],
            unknown: BTreeMap::new(),
        }
    }
}

impl From<&str> for Effect {
    fn from(text: &str) -> Self {
        match text {
            "Allow" => Self::Allow,
            "Deny" => Self::Deny,
            _ => Self::Unknown(text.to_owned()),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
            Self::Unknown(text) => text,
        })
    }
}

impl Operator {
    /// All operators of texts.
    pub const TEXTS: [Self; 6] = [
        Self::StringEquals,
        Self::StringNotEquals,
        Self::StringEqualsIgnoreCase,
        Self::StringNotEqualsIgnoreCase,
        Self::StringLike,
        Self::StringNotLike,
    ];

    /// Whether it asks for a value to be other than those written.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        matches!(self, Self::StringNotEquals | Self::StringNotEqualsIgnoreCase | Self::StringNotLike)
    }
}

impl Principal {
    /// Everybody, or a whole account, where one of those is named: `*`, or an ARN that ends with `:root`.
    #[must_use]
    pub fn whole_account(&self) -> Option<&str> {
        let all = self.ram.iter().chain(&self.text);
        let open = |who: &&str| *who == "*" || (who.starts_with("acs:ram::") && who.ends_with(":root"));
        all.map(String::as_str).find(open)
    }
}

impl From<&str> for Operator {
    fn from(text: &str) -> Self {
        match text {
            "StringEquals" => Self::StringEquals,
            "StringNotEquals" => Self::StringNotEquals,
            "StringEqualsIgnoreCase" => Self::StringEqualsIgnoreCase,
            "StringNotEqualsIgnoreCase" => Self::StringNotEqualsIgnoreCase,
            "StringLike" => Self::StringLike,
            "StringNotLike" => Self::StringNotLike,
            _ => Self::Unknown(text.to_owned()),
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StringEquals => "StringEquals",
            Self::StringNotEquals => "StringNotEquals",
            Self::StringEqualsIgnoreCase => "StringEqualsIgnoreCase",
            Self::StringNotEqualsIgnoreCase => "StringNotEqualsIgnoreCase",
            Self::StringLike => "StringLike",
            Self::StringNotLike => "StringNotLike",
            Self::Unknown(text) => text,
        })
    }
}

impl fmt::Display for ConditionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Unreadable(value) => value.fmt(f),
        }
    }
}
