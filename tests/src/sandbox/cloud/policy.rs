//! Trust policies, evaluated the way RAM does it, and the permissions of callers.

use std::collections::BTreeMap;

use serde_json::Value;

use super::pattern::like;

/// The action that a trust policy grants, for the OIDC exchange too.
pub(super) const ASSUME_ROLE: &str = "sts:AssumeRole";

/// Who asks to play a role.
pub(super) enum Principal<'a> {
    /// A token of the provider with this ARN.
    Federated(&'a str),
    /// A RAM identity with this ARN, of the account whose root ARN stands beside it.
    Ram { arn: &'a str, root: &'a str },
}

/// What conditions may ask about: values by key such as `oidc:sub`.
pub(super) type Context<'a> = BTreeMap<&'a str, Vec<&'a str>>;

/// What a policy says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Allow,
    ExplicitDeny,
    ImplicitDeny,
}

/// Evaluates a trust policy: a statement that denies wins, otherwise one that allows is enough.
pub(super) fn evaluate(policy: &Value, principal: &Principal<'_>, context: &Context<'_>) -> Verdict {
    let mut verdict = Verdict::ImplicitDeny;
    for statement in each(&policy["Statement"]).filter(|statement| applies(statement, principal, context)) {
        match statement["Effect"].as_str() {
            Some("Deny") => return Verdict::ExplicitDeny,
            Some("Allow") => verdict = Verdict::Allow,
            _ => {}
        }
    }
    verdict
}

fn applies(statement: &Value, principal: &Principal<'_>, context: &Context<'_>) -> bool {
    let wanted = ASSUME_ROLE.to_ascii_lowercase();
    texts(&statement["Action"]).any(|action| like(&action.to_ascii_lowercase(), &wanted))
        && names(&statement["Principal"], principal)
        && conditions_hold(&statement["Condition"], context)
}

fn names(principals: &Value, principal: &Principal<'_>) -> bool {
    match principal {
        Principal::Federated(provider) => texts(&principals["Federated"]).any(|named| named == *provider),
        Principal::Ram { arn, root } => {
            texts(&principals["RAM"]).any(|named| named == *arn || named == *root)
        }
    }
}

/// All keys of all operators must hold.
fn conditions_hold(condition: &Value, context: &Context<'_>) -> bool {
    let Value::Object(operators) = condition else {
        return condition.is_null();
    };
    operators.iter().all(|(operator, keys)| {
        keys.as_object().is_some_and(|keys| {
            keys.iter().all(|(key, values)| {
                let actual = context.get(key.as_str()).map(Vec::as_slice).unwrap_or_default();
                holds(operator, actual, values)
            })
        })
    })
}

/// A positive operator holds when any actual value fits any wanted one; so an absent key fails it. A
/// negative one is its opposite. An operator that is not known never holds.
fn holds(operator: &str, actual: &[&str], wanted: &Value) -> bool {
    let (name, negative) = match operator.strip_prefix("StringNot") {
        Some(rest) => (format!("String{rest}"), true),
        None => (operator.to_owned(), false),
    };
    let fits: fn(&str, &str) -> bool = match name.as_str() {
        "StringEquals" => |wanted, actual| wanted == actual,
        "StringEqualsIgnoreCase" => |wanted, actual| wanted.to_lowercase() == actual.to_lowercase(),
        "StringLike" => like,
        _ => return false,
    };
    let any = texts(wanted).any(|wanted| actual.iter().any(|actual| fits(wanted, actual)));
    any != negative
}

/// The elements of an array, or the value itself.
fn each(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(many) => many.iter(),
        one => std::slice::from_ref(one).iter(),
    }
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    each(value).filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PROVIDER: &str = "acs:ram::1:oidc-provider/p";

    fn context() -> Context<'static> {
        BTreeMap::from([
            ("oidc:iss", vec!["https://issuer"]),
            ("oidc:aud", vec!["other", "sts.aliyuncs.com"]),
            ("oidc:sub", vec!["system:serviceaccount:ns:sa"]),
        ])
    }

    fn statement(effect: &str, condition: &Value) -> Value {
        json!({
            "Effect": effect,
            "Action": "sts:AssumeRole",
            "Principal": {"Federated": PROVIDER},
            "Condition": condition,
        })
    }

    fn verdict(statements: Value) -> Verdict {
        evaluate(
            &json!({"Version": "1", "Statement": statements}),
            &Principal::Federated(PROVIDER),
            &context(),
        )
    }

    #[test]
    fn conditions_hold_or_fail_as_documented() {
        let sub = "system:serviceaccount:ns:sa";
        for (condition, expected) in [
            (json!({}), true),
            (json!({"StringEquals": {"oidc:sub": sub}}), true),
            (json!({"StringEquals": {"oidc:sub": ["x", sub]}}), true),
            (json!({"StringEquals": {"oidc:sub": "SYSTEM:serviceaccount:ns:sa"}}), false),
            (json!({"StringEquals": {"oidc:sub": "system:serviceaccount:ns:*"}}), false),
            (json!({"StringEquals": {"oidc:sub": []}}), false),
            (json!({"StringLike": {"oidc:sub": "system:serviceaccount:ns:*"}}), true),
            (json!({"StringLike": {"oidc:sub": "system:serviceaccount:other:*"}}), false),
            (json!({"StringEqualsIgnoreCase": {"oidc:sub": "SYSTEM:serviceaccount:ns:sa"}}), true),
            (json!({"StringNotEquals": {"oidc:sub": sub}}), false),
            (json!({"StringNotEquals": {"oidc:sub": ["x", sub]}}), false),
            (json!({"StringNotEquals": {"oidc:sub": ["x", "y"]}}), true),
            (json!({"StringNotEqualsIgnoreCase": {"oidc:sub": "SYSTEM:serviceaccount:ns:sa"}}), false),
            (json!({"StringNotLike": {"oidc:sub": "*:sa"}}), false),
            (json!({"StringEquals": {"oidc:aud": "sts.aliyuncs.com"}}), true),
            (json!({"StringEquals": {"oidc:subject": sub}}), false),
            (json!({"StringNotEquals": {"oidc:subject": sub}}), true),
            (json!({"StringEquals": {"oidc:sub": sub, "oidc:iss": "https://other"}}), false),
            (json!({"StringEquals": {"oidc:sub": sub}, "StringLike": {"oidc:iss": "http:*"}}), false),
            (json!({"IpAddress": {"acs:SourceIp": "10.0.0.0/8"}}), false),
            (json!({"StringEquals": sub}), false),
            (json!([sub]), false),
        ] {
            let wanted = if expected { Verdict::Allow } else { Verdict::ImplicitDeny };
            assert_eq!(verdict(statement("Allow", &condition)), wanted, "{condition}");
        }
    }

    #[test]
    fn a_matching_deny_wins_over_an_allow_wherever_it_stands() {
        let (allow, deny) = (statement("Allow", &json!({})), statement("Deny", &json!({})));
        assert_eq!(verdict(json!([allow, deny])), Verdict::ExplicitDeny);
        assert_eq!(verdict(json!([deny, allow])), Verdict::ExplicitDeny);
        let narrow = statement("Deny", &json!({"StringEquals": {"oidc:sub": "someone else"}}));
        assert_eq!(verdict(json!([narrow, allow])), Verdict::Allow);
        assert_eq!(verdict(allow), Verdict::Allow);
    }

    #[test]
    fn action_and_principal_must_fit() {
        for (field, value, expected) in [
            ("Action", json!("STS:assumerole"), true),
            ("Action", json!(["oss:*", "sts:*"]), true),
            ("Action", json!("*"), true),
            ("Action", json!("sts:AssumeRoleWithOIDC"), false),
            ("Action", Value::Null, false),
            ("Principal", json!({"Federated": ["other", PROVIDER]}), true),
            ("Principal", json!({"Federated": "acs:ram::1:oidc-provider/q"}), false),
            ("Principal", json!({"RAM": PROVIDER}), false),
            ("Effect", json!("allow"), false),
        ] {
            let mut statement = statement("Allow", &json!({}));
            statement[field] = value.clone();
            let wanted = if expected { Verdict::Allow } else { Verdict::ImplicitDeny };
            assert_eq!(verdict(statement), wanted, "{field} {value}");
        }
    }

    #[test]
    fn the_root_of_an_account_stands_for_all_its_identities() {
        let principal = Principal::Ram { arn: "acs:ram::1:user/u", root: "acs:ram::1:root" };
        for (named, expected) in [
            ("acs:ram::1:root", Verdict::Allow),
            ("acs:ram::1:user/u", Verdict::Allow),
            ("acs:ram::1:user/v", Verdict::ImplicitDeny),
            ("acs:ram::2:root", Verdict::ImplicitDeny),
        ] {
            let policy = json!({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"RAM": [named]}}]});
            assert_eq!(evaluate(&policy, &principal, &Context::new()), expected, "{named}");
        }
    }
}
