//! What a trust policy in a file seems to be about: the cluster is not asked, and only the policy tells.

use rrsa_shared::arn::{OidcProviderArn, is_placeholder};
use rrsa_shared::policy::{self, Claims, ConditionValue, Document, Statement, Verdict as Fits};

use crate::facts::{AUDIENCE, Facts, IssuerShape};

/// The OIDC provider that a policy names wherever it names one, and that comes nearest to letting the workload in.
pub(super) fn meant_provider(document: &Document, facts: &Facts) -> String {
    let principals = document.statements.iter().map(|statement| &statement.principal);
    let named = principals.flat_map(|p| p.federated.iter().chain(&p.ram).chain(&p.service));
    let mut providers: Vec<&String> = named.filter(|arn| OidcProviderArn::parse(arn).is_ok()).collect();
    providers.dedup();
    let claims = |provider: &String| Claims {
        provider_arn: provider.clone(),
        issuer: meant_issuer(document, provider),
        audiences: vec![AUDIENCE.to_owned()],
        subject: Some(facts.token_subject()),
    };
    let admits = |provider: &&&String| policy::evaluate(document, &claims(provider)).verdict == Fits::Match;
    let found = providers.iter().find(admits).or(providers.first());
    found
        .map_or_else(|| "acs:ram::ACCOUNT:oidc-provider/ack-rrsa-CLUSTER_ID".to_owned(), |arn| (*arn).clone())
}

/// The issuer of the provider's cluster: the one that the policy asks for where it can be that cluster's, else one like it;
/// nothing where the policy asks for none, or the provider is not named after a cluster.
pub(super) fn meant_issuer(document: &Document, provider: &str) -> Option<String> {
    let about = |statement: &&Statement| statement.principal.federated.iter().any(|arn| arn == provider);
    let conditions = document.statements.iter().filter(about).flat_map(|statement| &statement.conditions);
    let values = conditions.filter(|condition| condition.key == "oidc:iss").flat_map(|c| &c.values);
    let asked: Vec<&str> = values
        .filter_map(|value| match value {
            ConditionValue::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let first = asked.first()?;
    let provider = OidcProviderArn::parse(provider).ok()?;
    let Some(cluster) = provider.cluster_id() else { return Some((*first).to_owned()) };
    // An issuer of another shape may be anybody's, and so this cluster's.
    let of_cluster = |issuer: &&&str| match IssuerShape::read(issuer.trim_end_matches('/')) {
        Some(shape) => shape.cluster_id == cluster && !issuer.ends_with('/'),
        None => !is_placeholder(issuer),
    };
    if let Some(right) = asked.iter().find(of_cluster) {
        return Some((*right).to_owned());
    }
    // It may stand elsewhere in the policy, or with a slash too many.
    let anywhere = document.statements.iter().flat_map(|statement| &statement.conditions);
    let anywhere = anywhere.flat_map(|condition| &condition.values).filter_map(|value| match value {
        ConditionValue::Text(text) => Some(text.trim_end_matches('/')),
        _ => None,
    });
    let is_right = |text: &&str| IssuerShape::read(text).is_some_and(|shape| shape.cluster_id == cluster);
    let like = || format!("https://oidc-ack-REGION.oss-REGION.aliyuncs.com/{cluster}");
    Some(anywhere.into_iter().find(is_right).map_or_else(like, str::to_owned))
}
