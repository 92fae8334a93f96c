//! Rules that could not be judged, and what would let them be.

use serde::Serialize;

use crate::facts::FORBIDDEN;
use crate::permissions::RBAC;
use crate::rules::Rule;

/// A rule that could not be judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Skipped {
    /// The rule.
    pub rule: &'static str,
    /// What it would have needed.
    pub needs: String,
    /// Why it had to go without: `RRSA-A01` a permission of the cluster, `RRSA-A02` an access key or its permission,
    /// `RRSA-A03` a program in the image; absent for anything else.
    pub because: Option<&'static str>,
    /// What to grant: RBAC rules, or a RAM action.
    pub grant: Vec<String>,
}

impl Skipped {
    /// The rule goes without what `needs` names.
    #[must_use]
    pub fn new(rule: &Rule, needs: &str) -> Self {
        let permissions: Vec<&str> = permissions(needs).collect();
        let (because, grant) = match permissions.as_slice() {
            [action, ..] if action.contains(':') => (Some("RRSA-A02"), vec![(*action).to_owned()]),
            [_, ..] => (Some("RRSA-A01"), permissions.into_iter().map(rbac).collect()),
            [] if needs.contains("no access key") => {
                (Some("RRSA-A02"), rule.action.map(str::to_owned).into_iter().collect())
            }
            [] if needs.contains(UNREAD_FILE) => (Some("RRSA-A03"), Vec::new()),
            [] => (None, Vec::new()),
        };
        Self { rule: rule.id, needs: needs.to_owned(), because, grant }
    }
}

/// Words for a token file in the pod that no program could be run to read.
pub const UNREAD_FILE: &str = "the token file could not be read";

/// What refusals say is needed, such as `list pods in demo` or `ram:GetRole`.
fn permissions(needs: &str) -> impl Iterator<Item = &str> {
    needs.split(FORBIDDEN).skip(1).map(|rest| {
        let end = rest.find([';', '(', ')']).unwrap_or(rest.len());
        rest[..end].trim()
    })
}

/// The RBAC rule that grants `permission`, such as `get configmaps/ack-cluster-profile in kube-system`.
#[must_use]
pub fn rbac(permission: &str) -> String {
    let (what, place) = permission.split_once(" in ").map_or((permission, None), |(what, p)| (what, Some(p)));
    let (verbs, resource) = what.rsplit_once(' ').unwrap_or(("get", what));
    if resource.starts_with('/') {
        return format!("{{nonResourceURLs: [{resource}], verbs: [get]}}");
    }
    let known = |name: &str| RBAC.iter().find(|one| one.resource == name);
    // What stands behind the slash is a subresource where the table has it, else the name of an object.
    let (resource, object) = match resource.split_once('/') {
        Some((plural, name)) if known(resource).is_none() => (plural, Some(name)),
        _ => (resource, None),
    };
    let group = known(resource).map_or("", |one| one.group);
    let names = object.map(|name| format!(", resourceNames: [{name}]")).unwrap_or_default();
    let verbs = verbs.replace(" and ", ", ");
    let place = match place {
        Some(namespace) if namespace != "all namespaces" => format!(" in namespace {namespace}"),
        _ => String::new(),
    };
    format!("{{apiGroups: [\"{group}\"], resources: [{resource}]{names}, verbs: [{verbs}]}}{place}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RULES;

    fn skipped(id: &str, needs: &str) -> (Option<&'static str>, Vec<String>) {
        let rule = RULES.iter().find(|rule| rule.id == id).unwrap();
        let Skipped { because, grant, .. } = Skipped::new(rule, needs);
        (because, grant)
    }

    #[test]
    fn a_refusal_of_the_api_server_names_the_rule_that_lifts_it() {
        for (needs, grant) in [
            ("list pods in demo", r#"{apiGroups: [""], resources: [pods], verbs: [list]} in namespace demo"#),
            (
                "get configmaps/ack-cluster-profile in kube-system",
                r#"{apiGroups: [""], resources: [configmaps], resourceNames: [ack-cluster-profile], verbs: [get]} in namespace kube-system"#,
            ),
            (
                "create serviceaccounts/token in demo",
                r#"{apiGroups: [""], resources: [serviceaccounts/token], verbs: [create]} in namespace demo"#,
            ),
            (
                "list mutatingwebhookconfigurations",
                r#"{apiGroups: ["admissionregistration.k8s.io"], resources: [mutatingwebhookconfigurations], verbs: [list]}"#,
            ),
            ("get on non-resource URL /openid/v1/jwks", "{nonResourceURLs: [/openid/v1/jwks], verbs: [get]}"),
            (
                "create and get pods/exec",
                r#"{apiGroups: [""], resources: [pods/exec], verbs: [create, get]}"#,
            ),
        ] {
            let (because, granted) = skipped("RRSA-T01", &format!("forbidden: needs {needs}"));
            assert_eq!((because, granted.as_slice()), (Some("RRSA-A01"), &[grant.to_owned()][..]), "{needs}");
        }
        let (_, both) = skipped("RRSA-T01", "forbidden: needs list nodes; forbidden: needs list pods in a");
        assert_eq!(both.len(), 2);
    }

    #[test]
    fn what_the_account_would_have_to_allow_is_named_with_a_key_and_without() {
        let (because, grant) = skipped("RRSA-R01", "no access key: ALIBABA_CLOUD_ACCESS_KEY_ID is not set");
        assert_eq!(because, Some("RRSA-A02"));
        assert_eq!(grant, ["ram:GetRole"]);
        let (because, grant) = skipped("RRSA-I03", "forbidden: needs ram:GetOIDCProvider (NoPermission: …)");
        assert_eq!(because, Some("RRSA-A02"));
        assert_eq!(grant, ["ram:GetOIDCProvider"]);
    }

    #[test]
    fn an_image_without_programs_is_a_reason_and_a_silent_network_is_none() {
        let needs = "the token file could not be read: no program cat";
        assert_eq!(skipped("RRSA-T01", needs), (Some("RRSA-A03"), Vec::new()));
        assert_eq!(skipped("RRSA-C08", "the issuer does not answer here: no route"), (None, Vec::new()));
        assert_eq!(skipped("RRSA-C01", "not found (get /version)"), (None, Vec::new()));
    }
}
