//! Namespace, ServiceAccount, and who uses it.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::{Api, ListParams};

use super::reason::why_not;
use crate::facts::{INJECTION_LABEL, NamespaceFacts, ROLE_NAME_ANNOTATION, Seen, ServiceAccountFacts};

/// Objects asked for at a time.
const PAGE: u32 = 500;

/// The namespace; `None` inside when it does not exist.
pub async fn namespace(client: &Client, name: &str) -> Seen<Option<NamespaceFacts>> {
    let from = format!("namespace {name}");
    match Api::<Namespace>::all(client.clone()).get_opt(name).await {
        Ok(found) => Seen::known(
            found.map(|namespace| NamespaceFacts {
                name: name.to_owned(),
                labelled_at: written_at(&namespace.metadata, "f:labels", INJECTION_LABEL),
                labels: namespace.metadata.labels.unwrap_or_default(),
                annotations: namespace.metadata.annotations.unwrap_or_default(),
            }),
            from,
        ),
        Err(error) => Seen::unknown(why_not(&error, &format!("get namespaces/{name}"))),
    }
}

/// When a label or annotation was last written, by the managed fields.
fn written_at(metadata: &ObjectMeta, kind: &str, key: &str) -> Option<i64> {
    let field = format!("f:{key}");
    let entries = metadata.managed_fields.iter().flatten();
    let writes = entries.filter(|entry| {
        entry.fields_v1.as_ref().is_some_and(|fields| fields.0["f:metadata"][kind].get(&field).is_some())
    });
    writes.filter_map(|entry| entry.time.as_ref()).map(|time| time.0.as_second()).max()
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
                annotated_at: written_at(&account.metadata, "f:annotations", ROLE_NAME_ANNOTATION),
                annotations: account.metadata.annotations.unwrap_or_default(),
            }),
            format!("serviceaccount {namespace}/{name}"),
        ),
        Err(error) => Seen::unknown(why_not(&error, &format!("get serviceaccounts in {namespace}"))),
    }
}

/// ServiceAccounts that carry the role-name annotation, and the roles that they name.
pub type Annotated = BTreeMap<String, String>;

/// The ServiceAccounts of a namespace that carry the role-name annotation.
pub async fn annotated_service_accounts(client: &Client, namespace: &str) -> Seen<Annotated> {
    let api = Api::<ServiceAccount>::namespaced(client.clone(), namespace);
    let mut found = Annotated::new();
    let mut page = ListParams::default().limit(PAGE);
    loop {
        match api.list_metadata(&page).await {
            Ok(list) => {
                found.extend(list.items.into_iter().filter_map(|account| {
                    let role = account.metadata.annotations?.remove(ROLE_NAME_ANNOTATION)?;
                    Some((account.metadata.name?, role))
                }));
                match list.metadata.continue_.filter(|token| !token.is_empty()) {
                    Some(token) => page = page.continue_token(&token),
                    None => return Seen::known(found, format!("serviceaccounts of {namespace}")),
                }
            }
            Err(error) => {
                return Seen::unknown(why_not(&error, &format!("list serviceaccounts in {namespace}")));
            }
        }
    }
}

/// The labels of what made a pod, such as `deployment/demo`.
pub async fn owner_labels(
    client: &Client,
    namespace: &str,
    owner: Option<&str>,
) -> Seen<BTreeMap<String, String>> {
    let Some((kind, name)) = owner.and_then(|owner| owner.split_once('/')) else {
        return Seen::unknown("nothing that can be restarted made the pod");
    };
    async fn labels<K>(api: Api<K>, name: &str) -> Result<BTreeMap<String, String>, kube::Error>
    where
        K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
    {
        Ok(api.get_metadata(name).await?.metadata.labels.unwrap_or_default())
    }
    let (client, plural) = (client.clone(), format!("{kind}s"));
    let found = match kind {
        "deployment" => labels(Api::<Deployment>::namespaced(client, namespace), name).await,
        "statefulset" => labels(Api::<StatefulSet>::namespaced(client, namespace), name).await,
        "daemonset" => labels(Api::<DaemonSet>::namespaced(client, namespace), name).await,
        other => return Seen::unknown(format!("the labels of a {other} are not looked at")),
    };
    match found {
        Ok(labels) => Seen::known(labels, format!("{kind} {namespace}/{name}")),
        Err(error) => Seen::unknown(why_not(&error, &format!("get {plural} in {namespace}"))),
    }
}
