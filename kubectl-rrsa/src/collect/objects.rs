//! Namespace, ServiceAccount, and who uses it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::Client;
use kube::api::{Api, ListParams};

use serde_json::Value;

use super::pod::template;
use super::reason::why_not;
use crate::facts::{
    INJECTION_LABEL, NamespaceFacts, OwnerFacts, ROLE_NAME_ANNOTATION, Rollout, Seen, ServiceAccountFacts,
};

/// Objects asked for at a time.
const PAGE: u32 = 500;

/// The namespace; `None` inside when it does not exist.
pub async fn namespace(client: &Client, name: &str) -> Seen<Option<NamespaceFacts>> {
    let from = format!("namespace {name}");
    match Api::<Namespace>::all(client.clone()).get_opt(name).await {
        Ok(found) => Seen::known(
            found.map(|namespace| NamespaceFacts {
                name: name.to_owned(),
                labelled_at: written_at(managed(&namespace.metadata), "f:labels", INJECTION_LABEL),
                labels: namespace.metadata.labels.unwrap_or_default(),
                annotations: namespace.metadata.annotations.unwrap_or_default(),
            }),
            from,
        ),
        Err(error) => Seen::unknown(why_not(&error, &format!("get namespaces/{name}"))),
    }
}

/// When a label or annotation was last written, by the managed fields.
pub(super) fn written_at(entries: &[ManagedFieldsEntry], kind: &str, key: &str) -> Option<i64> {
    let field = format!("f:{key}");
    let writes = entries.iter().filter(|entry| {
        entry.fields_v1.as_ref().is_some_and(|fields| fields.0["f:metadata"][kind].get(&field).is_some())
    });
    writes.filter_map(|entry| entry.time.as_ref()).map(|time| time.0.as_second()).max()
}

fn managed(metadata: &ObjectMeta) -> &[ManagedFieldsEntry] {
    metadata.managed_fields.as_deref().unwrap_or_default()
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
                annotated_at: written_at(managed(&account.metadata), "f:annotations", ROLE_NAME_ANNOTATION),
                annotations: account.metadata.annotations.unwrap_or_default(),
                role_label: account.metadata.labels.unwrap_or_default().remove(ROLE_NAME_ANNOTATION),
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

/// What made a pod, such as `deployment/demo`; `None` inside when there is no such object.
pub async fn owner(client: &Client, namespace: &str, owner: Option<&str>) -> Seen<Option<OwnerFacts>> {
    let Some((kind, name)) = owner.and_then(|owner| owner.split_once('/')) else {
        return Seen::unknown("nothing made the pod");
    };
    let Some(plural) =
        ["deployments", "statefulsets", "daemonsets"].iter().find(|p| p[..p.len() - 1] == *kind)
    else {
        return Seen::unknown(format!("a {kind} is not looked at"));
    };
    let path = format!("/apis/apps/v1/namespaces/{namespace}/{plural}/{name}");
    let request = match http::Request::get(path).body(Vec::new()) {
        Ok(request) => request,
        Err(error) => return Seen::unknown(error.to_string()),
    };
    match client.request::<Value>(request).await {
        Ok(object) => match template(kind, &object) {
            Ok(made) => {
                let labels = own_labels(&object);
                let (template, rollout) = (made.unwrap_or_default(), rollout(&object));
                let facts = OwnerFacts { labels, rollout, template };
                Seen::known(Some(facts), format!("{kind} {namespace}/{name}"))
            }
            Err(error) => {
                Seen::unknown(format!("{kind} {namespace}/{name} is not of the shape of its kind: {error}"))
            }
        },
        Err(kube::Error::Api(status)) if status.is_not_found() => {
            Seen::known(None, format!("{plural} of {namespace}"))
        }
        Err(error) => Seen::unknown(why_not(&error, &format!("get {plural} in {namespace}"))),
    }
}

/// The owner of a pod where there is no Deployment: a ReplicaSet with a template's hash in its name, which is the pod's own name
/// but for its last part, is then somebody else's.
#[must_use]
pub fn without_deployment(owner: &str, pod: &str) -> String {
    match (owner.strip_prefix("deployment/"), pod.rsplit_once('-')) {
        (Some(name), Some((set, _))) if set.starts_with(name) => format!("replicaset/{set}"),
        (Some(name), _) => format!("replicaset/{name}"),
        (None, _) => owner.to_owned(),
    }
}

/// What made a pod, if it is there still.
#[must_use]
pub fn still_there(found: Seen<Option<OwnerFacts>>) -> Seen<OwnerFacts> {
    match found {
        Seen::Known { value: Some(facts), from } => Seen::known(facts, from),
        Seen::Known { value: None, .. } => Seen::unknown("what made the pod is not there any more"),
        Seen::Unknown(why) => Seen::Unknown(why),
    }
}

/// What a workload as the API has it does with its pods when its template has changed.
#[must_use]
pub fn rollout(object: &Value) -> Rollout {
    let strategy = &object["spec"]["updateStrategy"];
    let partition = strategy["rollingUpdate"]["partition"].as_i64().unwrap_or_default();
    if object["spec"]["paused"] == true {
        Rollout::Paused
    } else if strategy["type"] == "OnDelete" || partition > 0 {
        Rollout::Keeps
    } else {
        Rollout::Replaces
    }
}

/// These; `None` inside for one that is not there.
pub async fn owners(
    client: &Client,
    namespace: &str,
    names: impl IntoIterator<Item = String>,
) -> BTreeMap<String, Seen<Option<OwnerFacts>>> {
    let asked = names.into_iter().map(async |name| {
        let found = owner(client, namespace, Some(&name)).await;
        (name, found)
    });
    futures_util::future::join_all(asked).await.into_iter().collect()
}

/// The labels of a workload itself, and of the jobs that a CronJob makes: pods inherit neither.
#[must_use]
pub fn own_labels(object: &Value) -> BTreeMap<String, String> {
    let mut labels = strings(&object["spec"]["jobTemplate"]["metadata"]["labels"]);
    labels.extend(strings(&object["metadata"]["labels"]));
    labels
}

/// Labels or annotations of an object.
#[must_use]
pub fn strings(map: &Value) -> BTreeMap<String, String> {
    let pairs = map.as_object().into_iter().flatten();
    pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}
