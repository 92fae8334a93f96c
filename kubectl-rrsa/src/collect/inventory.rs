//! ServiceAccounts, namespaces and pods in pages, with no more of each object than is needed.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::Client;
use rrsa_shared::sign::percent;
use serde::Deserialize;

use super::events::{WebhookFailures, webhook_failures};
use super::objects::written_at;
pub use super::pages::Scope;
use super::pages::{Pages, get};
use super::reason::why_not;
use super::users::{Key, UsersOf, users};
pub use super::users::{Users, hold_against, pods_using};
use crate::facts::{
    INJECTION_LABEL, NamespaceFacts, ROLE_NAME_ANNOTATION, SHARING, Seen, ServiceAccountFacts,
};

/// Name, labels and annotations of an object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, from = "Raw")]
pub struct Metadata {
    /// Name.
    pub name: String,
    /// Namespace, empty for an object of the cluster.
    pub namespace: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// When the role-name annotation was last written, Unix seconds.
    annotated_at: Option<i64>,
    /// When the injection label was last written, Unix seconds.
    labelled_at: Option<i64>,
}

/// The same as the API has it: who has written what and when is more than all the rest, and is not kept.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Raw {
    name: String,
    namespace: String,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    managed_fields: Option<Vec<ManagedFieldsEntry>>,
}

impl From<Raw> for Metadata {
    fn from(raw: Raw) -> Self {
        let Raw { name, namespace, labels, annotations, managed_fields } = raw;
        let (labels, annotations) = (labels.unwrap_or_default(), annotations.unwrap_or_default());
        let managed_fields = managed_fields.unwrap_or_default();
        let annotated_at = written_at(&managed_fields, "f:annotations", ROLE_NAME_ANNOTATION);
        let labelled_at = written_at(&managed_fields, "f:labels", INJECTION_LABEL);
        Self { name, namespace, labels, annotations, annotated_at, labelled_at }
    }
}

impl Metadata {
    /// What is known of the namespace that this is of.
    #[must_use]
    pub fn as_namespace(&self) -> NamespaceFacts {
        NamespaceFacts {
            name: self.name.clone(),
            labels: self.labels.clone(),
            annotations: self.annotations.clone(),
            labelled_at: self.labelled_at,
        }
    }

    /// What is known of the ServiceAccount that this is of.
    #[must_use]
    pub fn as_service_account(&self) -> ServiceAccountFacts {
        ServiceAccountFacts {
            name: self.name.clone(),
            annotations: self.annotations.clone(),
            role_label: self.labels.get(ROLE_NAME_ANNOTATION).cloned(),
            annotated_at: self.annotated_at,
        }
    }
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    metadata: Metadata,
}

/// Other namespaces in which a ServiceAccount of the same name names a role, and the role.
pub async fn annotated_elsewhere(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Seen<BTreeMap<String, String>> {
    let fields = format!("metadata.name={name}");
    match service_accounts(client, Scope { fields: Some(&fields), ..Scope::default() }).await {
        Ok(all) => {
            let role = |mut account: Metadata| {
                Some((account.namespace, account.annotations.remove(ROLE_NAME_ANNOTATION)?))
            };
            let others = all.into_values().filter(|account| account.namespace != namespace);
            Seen::known(others.filter_map(role).collect(), "serviceaccounts of all namespaces")
        }
        Err(error) => Seen::unknown(why_not(&error, "list serviceaccounts in all namespaces")),
    }
}

/// Namespaces and pods, asked for once.
#[derive(Clone, Debug)]
pub struct Stock {
    namespaces: Seen<BTreeMap<String, Metadata>>,
    users: Seen<UsersOf>,
    /// Why the pods that CronJobs would make are not known.
    unscheduled: Option<String>,
}

impl Stock {
    /// Takes stock of one namespace, or of all. `wants` says for which ServiceAccounts RRSA was meant, whose pods are looked at
    /// though it has not reached them.
    ///
    /// # Errors
    /// As the API server gives them, but for what it forbids: that is not seen.
    pub async fn take(
        client: &Client,
        namespace: Option<&str>,
        wants: impl Fn(&Key) -> bool,
    ) -> Result<Self, kube::Error> {
        let scope = Scope { namespace, ..Scope::default() };
        let namespaces = seen(namespaces(client, namespace).await, "namespaces", namespace)?;
        let found = seen(users(client, scope, wants).await, "pods", namespace)?;
        let (users, unscheduled) = match found {
            Seen::Known { value: (users, unseen), from } => (Seen::known(users, from), unseen),
            Seen::Unknown(why) => (Seen::Unknown(why), None),
        };
        Ok(Self { namespaces, users, unscheduled })
    }

    /// What may not be seen, and why.
    pub fn unseen(&self) -> impl Iterator<Item = &str> {
        self.namespaces
            .why_unknown()
            .into_iter()
            .chain(self.users.why_unknown())
            .chain(self.unscheduled.as_deref())
    }

    /// A namespace; `None` inside when it does not exist.
    #[must_use]
    pub fn namespace(&self, name: &str) -> Seen<Option<NamespaceFacts>> {
        self.namespaces.map(|all| all.get(name).map(Metadata::as_namespace))
    }

    /// The pods of a ServiceAccount.
    #[must_use]
    pub fn pods_using(&self, namespace: &str, service_account: &str) -> Seen<Users> {
        let key = (namespace.to_owned(), service_account.to_owned());
        self.users.map(|all| {
            let mut users = all.get(&key).cloned().unwrap_or_default();
            users.unscheduled.clone_from(&self.unscheduled);
            users
        })
    }
}

/// A list, or that it is forbidden.
fn seen<T>(
    result: Result<T, kube::Error>,
    what: &str,
    namespace: Option<&str>,
) -> Result<Seen<T>, kube::Error> {
    let place = namespace.unwrap_or("all namespaces");
    let permission = match (what, namespace) {
        ("namespaces", Some(name)) => format!("get namespaces/{name}"),
        _ => format!("list {what} in {place}"),
    };
    match result {
        Ok(value) => Ok(Seen::known(value, format!("{what} of {place}"))),
        Err(kube::Error::Api(status)) if status.is_forbidden() => {
            Ok(Seen::unknown(why_not(&kube::Error::Api(status), &permission)))
        }
        Err(error) => Err(error),
    }
}

/// Namespaces, pods and ServiceAccounts of many subjects, asked for once.
#[derive(Clone, Debug)]
pub struct Inventory {
    stock: Stock,
    service_accounts: Seen<BTreeMap<Key, Metadata>>,
    /// By role, whose ServiceAccounts name it.
    by_role: HashMap<String, Vec<Key>>,
    webhook_failures: Seen<WebhookFailures>,
}

impl Inventory {
    /// Takes stock of one namespace, or of all; `wants`: of which ServiceAccounts all pods matter.
    ///
    /// # Errors
    /// As [`Stock::take`].
    pub async fn take(
        client: &Client,
        namespace: Option<&str>,
        wants: impl Fn(&ServiceAccountFacts) -> bool,
    ) -> Result<Self, kube::Error> {
        let accounts = service_accounts(client, Scope { namespace, ..Scope::default() }).await;
        let service_accounts = seen(accounts, "serviceaccounts", namespace)?;
        let mut by_role: HashMap<String, Vec<_>> = HashMap::new();
        for (key, account) in service_accounts.value().into_iter().flatten() {
            if let Some(role) = account.annotations.get(ROLE_NAME_ANNOTATION) {
                by_role.entry(role.clone()).or_default().push(key.clone());
            }
        }
        let wants = |key: &Key| Some(wants(&service_accounts.value()?.get(key)?.as_service_account()));
        let stock = Stock::take(client, namespace, |key| wants(key) == Some(true)).await?;
        let webhook_failures = webhook_failures(client, namespace).await;
        Ok(Self { stock, service_accounts, by_role, webhook_failures })
    }

    /// Namespaces and pods.
    #[must_use]
    pub fn stock(&self) -> &Stock {
        &self.stock
    }

    /// A ServiceAccount; `None` inside when it does not exist.
    #[must_use]
    pub fn service_account(&self, namespace: &str, name: &str) -> Seen<Option<ServiceAccountFacts>> {
        let key = (namespace.to_owned(), name.to_owned());
        self.service_accounts.map(|all| all.get(&key).map(Metadata::as_service_account))
    }

    /// ServiceAccounts, by namespace and name, that name no role and whose pods have one all the same.
    #[must_use]
    pub fn wired_by_hand(&self) -> Vec<&Key> {
        let accounts = self.service_accounts.value();
        let names_role = |key: &Key| {
            let account = accounts.and_then(|all| all.get(key));
            account.is_some_and(|account| account.annotations.contains_key(ROLE_NAME_ANNOTATION))
        };
        let users = self.stock.users.value().into_iter().flatten();
        let wired = users.filter(|(key, users)| !users.workloads.is_empty() && !names_role(key));
        let mut wired: Vec<_> = wired.map(|(key, _)| key).collect();
        wired.sort_unstable();
        wired
    }

    /// What events say of the webhook in a namespace.
    #[must_use]
    pub fn webhook_failures(&self, namespace: &str) -> Seen<Vec<String>> {
        self.webhook_failures.map(|all| all.get(namespace).cloned().unwrap_or_default())
    }

    /// ServiceAccounts besides this one that name the same role.
    #[must_use]
    pub fn same_role(&self, namespace: &str, name: &str) -> Seen<Vec<String>> {
        self.service_accounts.map(|all| {
            let own = (namespace.to_owned(), name.to_owned());
            let role = all.get(&own).and_then(|account| account.annotations.get(ROLE_NAME_ANNOTATION));
            let sharing = role.and_then(|role| self.by_role.get(role)).into_iter().flatten();
            let others = sharing.filter(|key| **key != own).map(|(of, name)| format!("{of}/{name}"));
            others.take(SHARING).collect()
        })
    }

    /// Names of the ServiceAccounts of a namespace that carry the role-name annotation.
    #[must_use]
    pub fn annotated(&self, namespace: &str) -> Seen<Vec<String>> {
        self.service_accounts.map(|all| {
            let of_namespace = all
                .range((namespace.to_owned(), String::new())..)
                .take_while(|((of, _), _)| of == namespace)
                .filter(|(_, account)| account.annotations.contains_key(ROLE_NAME_ANNOTATION));
            of_namespace.map(|((_, name), _)| name.clone()).collect()
        })
    }
}

async fn service_accounts(client: &Client, scope: Scope<'_>) -> Result<BTreeMap<Key, Metadata>, kube::Error> {
    let mut pages = ServiceAccounts::of(scope);
    let mut found = BTreeMap::new();
    while let Some(page) = pages.next(client).await? {
        found.extend(page.into_iter().map(|item| ((item.namespace.clone(), item.name.clone()), item)));
    }
    Ok(found)
}

async fn namespaces(client: &Client, one: Option<&str>) -> Result<BTreeMap<String, Metadata>, kube::Error> {
    let mut found = BTreeMap::new();
    if let Some(name) = one {
        let namespace: Named = get(client, &format!("/api/v1/namespaces/{}", percent::encode(name))).await?;
        found.insert(name.to_owned(), namespace.metadata);
        return Ok(found);
    }
    let mut pages = Pages::of("namespaces", Scope::default());
    while let Some(items) = pages.next::<Named>(client).await? {
        found.extend(items.into_iter().map(|item| (item.metadata.name.clone(), item.metadata)));
    }
    Ok(found)
}

/// Pages of ServiceAccounts.
pub struct ServiceAccounts(Pages);

impl ServiceAccounts {
    /// Nothing is asked yet.
    #[must_use]
    pub fn of(scope: Scope<'_>) -> Self {
        Self(Pages::of("serviceaccounts", scope))
    }

    /// The next page; `None` after the last.
    ///
    /// # Errors
    /// As the API server gives them.
    pub async fn next(&mut self, client: &Client) -> Result<Option<Vec<Metadata>>, kube::Error> {
        let page = self.0.next::<Named>(client).await?;
        Ok(page.map(|items| items.into_iter().map(|item| item.metadata).collect()))
    }
}
