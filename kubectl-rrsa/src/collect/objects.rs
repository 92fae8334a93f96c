//! Namespace, ServiceAccount, and who uses it.

use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use kube::Client;
use kube::api::{Api, ListParams};

use super::pod::pod_facts;
use super::reason::why_not;
use crate::facts::{NamespaceFacts, PodCount, Seen, ServiceAccountFacts};

/// Objects asked for at a time.
const PAGE: u32 = 500;

/// The namespace; `None` inside when it does not exist.
pub async fn namespace(client: &Client, name: &str) -> Seen<Option<NamespaceFacts>> {
    let from = format!("namespace {name}");
    match Api::<Namespace>::all(client.clone()).get_opt(name).await {
        Ok(found) => Seen::known(
            found.map(|namespace| NamespaceFacts {
                name: name.to_owned(),
                labels: namespace.metadata.labels.unwrap_or_default(),
                annotations: namespace.metadata.annotations.unwrap_or_default(),
            }),
            from,
        ),
        Err(error) => Seen::unknown(why_not(&error, &format!("get namespaces/{name}"))),
    }
}

/// The ServiceAccount; `None` inside when it does not exist.
pub async fn service_account(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Seen<Option<ServiceAccountFacts>> {
    match Api::<ServiceAccount>::namespaced(client.clone(), namespace).get_opt(name).await {
        Ok(found) => Seen::known(
            found.map(|account| ServiceAccountFacts {
                name: name.to_owned(),
                annotations: account.metadata.annotations.unwrap_or_default(),
            }),
            format!("serviceaccount {namespace}/{name}"),
        ),
        Err(error) => Seen::unknown(why_not(&error, &format!("get serviceaccounts in {namespace}"))),
    }
}

/// Names of the ServiceAccounts of a namespace that carry the role-name annotation.
pub async fn annotated_service_accounts(client: &Client, namespace: &str) -> Seen<Vec<String>> {
    let api = Api::<ServiceAccount>::namespaced(client.clone(), namespace);
    let mut names = Vec::new();
    let mut page = ListParams::default().limit(PAGE);
    loop {
        match api.list_metadata(&page).await {
            Ok(list) => {
                let annotated = list.items.iter().filter(|account| {
                    let annotations = account.metadata.annotations.as_ref();
                    annotations.is_some_and(|a| a.contains_key(crate::facts::ROLE_NAME_ANNOTATION))
                });
                names.extend(annotated.filter_map(|account| account.metadata.name.clone()));
                match list.metadata.continue_.filter(|token| !token.is_empty()) {
                    Some(token) => page = page.continue_token(&token),
                    None => return Seen::known(names, format!("serviceaccounts of {namespace}")),
                }
            }
            Err(error) => {
                return Seen::unknown(why_not(&error, &format!("list serviceaccounts in {namespace}")));
            }
        }
    }
}

/// The pods of a ServiceAccount, counted, and one of those that RRSA has reached.
pub async fn pods_using(
    client: &Client,
    namespace: &str,
    service_account: &str,
) -> (Seen<PodCount>, Option<crate::facts::PodFacts>) {
    let api = Api::<Pod>::namespaced(client.clone(), namespace);
    let mut count = PodCount::default();
    let mut wired = None;
    let mut page =
        ListParams::default().limit(PAGE).fields(&format!("spec.serviceAccountName={service_account}"));
    loop {
        match api.list(&page).await {
            Ok(list) => {
                for pod in &list.items {
                    let facts = pod_facts(pod);
                    count.total += 1;
                    if facts.is_wired() {
                        count.wired += 1;
                        wired.get_or_insert(facts);
                    }
                }
                match list.metadata.continue_.filter(|token| !token.is_empty()) {
                    Some(token) => page = page.continue_token(&token),
                    None => return (Seen::known(count, format!("pods of {namespace}")), wired),
                }
            }
            Err(error) => {
                return (Seen::unknown(why_not(&error, &format!("list pods in {namespace}"))), wired);
            }
        }
    }
}
