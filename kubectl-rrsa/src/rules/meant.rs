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
    // One that names none is about the cluster whose issuer it asks for.
    let cluster =
        || texts(document).find_map(|text| IssuerShape::read(text).map(|shape| shape.cluster_id.to_owned()));
    let unnamed = || {
        let cluster = cluster().unwrap_or_else(|| "CLUSTER_ID".to_owned());
        let accounts = document.statements.iter().flat_map(|statement| &statement.principal.federated);
        let mut accounts = accounts.filter_map(|arn| arn.strip_prefix("acs:ram::")?.split(':').next());
        let account =
            accounts.find(|account| !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_digit()));
        format!("acs:ram::{}:oidc-provider/ack-rrsa-{cluster}", account.unwrap_or("ACCOUNT"))
    };
    found.map_or_else(unnamed, |arn| (*arn).clone())
}

/// The issuer of the provider's cluster: the one that the policy asks for where it can be that cluster's, else one like it;
/// nothing where the policy asks for none, or the provider is not named after a cluster.
pub(super) fn meant_issuer(document: &Document, provider: &str) -> Option<String> {
    let named = |arn: &String| arn == provider || arn.contains(['*', '?']);
    let about = |statement: &&Statement| statement.principal.federated.iter().any(named);
    let conditions = document.statements.iter().filter(about).flat_map(|statement| &statement.conditions);
    let values = conditions.filter(|condition| condition.key == "oidc:iss").flat_map(|c| &c.values);
    let asked: Vec<&str> = values
        .filter_map(|value| match value {
            ConditionValue::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let first = asked.first()?;
    let Ok(provider) = OidcProviderArn::parse(provider) else { return Some(respelt(first)) };
    let Some(cluster) = provider.cluster_id() else { return Some((*first).to_owned()) };
    // An issuer of another shape may be anybody's, and so this cluster's.
    let of_cluster = |issuer: &&&str| match IssuerShape::read(issuer.trim_end_matches('/')) {
        Some(shape) => shape.cluster_id == cluster && !issuer.ends_with('/'),
        None => !is_placeholder(issuer) && !is_misspelt(issuer),
    };
    if let Some(right) = asked.iter().find(of_cluster) {
        return Some((*right).to_owned());
    }
    // It may stand elsewhere in the policy, or with a slash too many, or misspelt.
    let is_right = |text: &String| IssuerShape::read(text).is_some_and(|shape| shape.cluster_id == cluster);
    // Where the policy knows a region, only the cluster is another.
    let region =
        asked.iter().find_map(|issuer| Some(IssuerShape::read(issuer.trim_end_matches('/'))?.region));
    let region = region.unwrap_or("REGION");
    let like = || format!("https://oidc-ack-{region}.oss-{region}.aliyuncs.com/{cluster}");
    Some(texts(document).map(|text| respelt(text.trim_end_matches('/'))).find(is_right).unwrap_or_else(like))
}

/// All values of conditions that are texts.
fn texts(document: &Document) -> impl Iterator<Item = &str> {
    let conditions = document.statements.iter().flat_map(|statement| &statement.conditions);
    conditions.flat_map(|condition| &condition.values).filter_map(|value| match value {
        ConditionValue::Text(text) => Some(text.as_str()),
        ConditionValue::Unreadable(_) => None,
    })
}

/// An issuer as RRSA spells them: in small letters, over TLS.
fn respelt(issuer: &str) -> String {
    let small = issuer.to_ascii_lowercase();
    match small.strip_prefix("http://") {
        Some(rest) => format!("https://{rest}"),
        None => small,
    }
}

/// Whether it is RRSA's but for its spelling.
fn is_misspelt(issuer: &str) -> bool {
    let right = respelt(issuer.trim_end_matches('/'));
    right != issuer && IssuerShape::read(&right).is_some()
}
