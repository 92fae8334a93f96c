//! Asks RAM, IMS and ACK, where there is an access key.

use futures_util::future::join;
use rrsa_shared::ack::{ClusterDetail, DescribeClusterDetail};
use rrsa_shared::api::{ApiClient, ApiError, Call};
use rrsa_shared::arn::{OidcProviderArn, RoleArn};
use rrsa_shared::ram::{
    GetOidcProvider, GetRole, ListOidcProviders, ListPoliciesForRole, OidcProvider, Role,
};
use rrsa_shared::sts::AccessKey;

use super::shared::Shared;
use crate::cloud::Account;
use crate::facts::{AccountFacts, CloudCluster, Seen};

/// What was asked in one look: a role or a provider that several workloads name is asked for once.
#[derive(Debug, Default)]
pub struct Answers {
    roles: Shared<Seen<Option<Role>>>,
    policies: Shared<Result<Seen<Vec<String>>, String>>,
    provider: Shared<Seen<Option<OidcProvider>>>,
    providers: Shared<Result<Seen<Vec<String>>, String>>,
}

/// The role and the provider that an exchange would name.
pub async fn account(
    account: &Account,
    key: &Seen<AccessKey>,
    answers: &Answers,
    role_arn: &Seen<String>,
    provider_arn: &Seen<String>,
) -> AccountFacts {
    let role = async {
        let (_, wanted) = needs(key, role_arn, |arn| RoleArn::parse(arn).ok())?;
        let ask = named_role(account, key, &wanted.name, Some(&wanted.account));
        Ok(answers.roles.of(&wanted.to_string(), ask).await)
    };
    let provider = async {
        let name = |arn: &str| OidcProviderArn::parse(arn).ok().map(|arn| arn.name);
        let (key, name) = needs(key, provider_arn, name)?;
        let (ims, call) = (&account.ims, GetOidcProvider { name });
        let ask = async {
            let asked =
                ims.call(|stamp| call.request(&ims.endpoint, key, stamp), GetOidcProvider::read).await;
            found(asked, ims, "GetOIDCProvider", "ram:GetOIDCProvider")
        };
        Ok(answers.provider.of(&call.name, ask).await)
    };
    let policies = async {
        let (key, name) = needs(key, role_arn, |arn| RoleArn::parse(arn).ok().map(|arn| arn.name))?;
        let (ram, call) = (&account.ram, ListPoliciesForRole { name });
        let ask = async {
            let asked =
                ram.call(|stamp| call.request(&ram.endpoint, key, stamp), ListPoliciesForRole::read).await;
            present(found(asked, ram, "ListPoliciesForRole", "ram:ListPoliciesForRole"))
        };
        answers.policies.of(&call.name, ask).await
    };
    let providers = async {
        let key = key.as_result().map_err(str::to_owned)?;
        let (ims, call) = (&account.ims, ListOidcProviders);
        let ask = async {
            let asked =
                ims.call(|stamp| call.request(&ims.endpoint, key, stamp), ListOidcProviders::read).await;
            let all = present(found(asked, ims, "ListOIDCProviders", "ram:ListOIDCProviders"))?;
            match all.as_result() {
                Ok(providers) if providers.is_truncated => {
                    Err("there are more than one page of them".to_owned())
                }
                _ => Ok(all.map(|providers| providers.arns.clone())),
            }
        };
        answers.providers.of("", ask).await
    };
    let ((role, provider), (policies, providers)) =
        join(join(role, provider), join(policies, providers)).await;
    AccountFacts {
        role: role.unwrap_or_else(Seen::Unknown),
        provider: provider.unwrap_or_else(Seen::Unknown),
        policies: policies.unwrap_or_else(Seen::Unknown),
        providers: providers.unwrap_or_else(Seen::Unknown),
    }
}

/// A role of the access key's account, with its trust policy; `None` inside when RAM has none of that name. One of
/// another account than `of_account` is not the one that was asked for.
pub async fn named_role(
    account: &Account,
    key: &Seen<AccessKey>,
    name: &str,
    of_account: Option<&str>,
) -> Seen<Option<Role>> {
    let key = match key.as_result() {
        Ok(key) => key,
        Err(why) => return Seen::unknown(why),
    };
    let (ram, call) = (&account.ram, GetRole { name: name.to_owned() });
    let asked = ram.call(|stamp| call.request(&ram.endpoint, key, stamp), GetRole::read).await;
    let role = found(asked, ram, "GetRole", "ram:GetRole");
    let own = role.value().and_then(Option::as_ref).and_then(|role| RoleArn::parse(&role.arn).ok());
    match (own, of_account) {
        (Some(own), Some(wanted)) if own.account != wanted => Seen::unknown(format!(
            "the access key is of account {}, and the role of account {wanted}",
            own.account
        )),
        _ => role,
    }
}

/// The cluster as ACK knows it.
pub async fn cloud_cluster(
    account: &Account,
    key: &Seen<AccessKey>,
    cluster_id: &Seen<String>,
) -> CloudCluster {
    // The id becomes part of a path.
    let plain = |id: &str| id.bytes().all(|b| b.is_ascii_alphanumeric()).then(|| id.to_owned());
    let (key, cluster_id) = match needs(key, cluster_id, plain) {
        Ok(both) => both,
        Err(why) => return Seen::Unknown(why),
    };
    let (ack, call) = (&account.ack, DescribeClusterDetail { cluster_id });
    let asked: Call<ClusterDetail> =
        ack.call(|stamp| call.request(&ack.endpoint, key, stamp), DescribeClusterDetail::read).await;
    found(asked, ack, "DescribeClusterDetail", "cs:DescribeClusterDetail")
}

/// A list of something that must exist for it.
fn present<T: Clone>(seen: Seen<Option<T>>) -> Result<Seen<T>, String> {
    match &seen {
        Seen::Known { value: Some(value), from } => Ok(Seen::known(value.clone(), from)),
        Seen::Known { value: None, .. } => Err("what it is asked of does not exist".to_owned()),
        Seen::Unknown(why) => Err(why.clone()),
    }
}

fn needs<'a, T>(
    key: &'a Seen<AccessKey>,
    arn: &Seen<String>,
    name: impl Fn(&str) -> Option<T>,
) -> Result<(&'a AccessKey, T), String> {
    let (key, arn) = (key.as_result()?, arn.as_result()?);
    Ok((key, name(arn).ok_or_else(|| format!("\"{arn}\" cannot be asked for"))?))
}

fn found<T>(asked: Call<T>, api: &ApiClient, name: &str, action: &str) -> Seen<Option<T>> {
    let from = format!("{name} at {}", api.endpoint.host());
    match asked.result {
        Ok(value) => Seen::known(Some(value), from),
        Err(ApiError::Fault(fault))
            if fault.code.starts_with("EntityNotExist") || fault.code == "ErrorClusterNotFound" =>
        {
            Seen::known(None, from)
        }
        Err(ApiError::Fault(fault)) if fault.http_status == 403 || fault.code.contains("NoPermission") => {
            Seen::unknown(format!("forbidden: needs {action} ({fault})"))
        }
        Err(error) => Seen::unknown(format!("{from}: {error}")),
    }
}
