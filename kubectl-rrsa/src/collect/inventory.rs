//! ServiceAccounts, namespaces and pods in pages, with no more of each object than is needed.

use std::collections::{BTreeMap, HashMap};

use kube::Client;
use rrsa_shared::arn::RoleArn;
use rrsa_shared::sign::percent;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::events::{WebhookFailures, webhook_failures};
use super::pod::maker;
use super::reason::why_not;
use crate::facts::{
    AUDIENCE, NamespaceFacts, PodCount, ROLE_NAME_ANNOTATION, Seen, ServiceAccountFacts, WEBHOOK_VOLUME,
};

/// Objects asked for at a time.
const PAGE: usize = 500;

/// One page of a list.
#[derive(Deserialize)]
struct Page<T> {
    #[serde(default)]
    metadata: PageMetadata,
    items: Vec<T>,
}

#[derive(Default, Deserialize)]
struct PageMetadata {
    #[serde(default, rename = "continue")]
    next: String,
}

/// Name, labels and annotations of an object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// Name.
    pub name: String,
    /// Namespace, empty for an object of the cluster.
    pub namespace: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Metadata {
    /// What is known of the namespace that this is of.
    #[must_use]
    pub fn as_namespace(&self) -> NamespaceFacts {
        NamespaceFacts {
            name: self.name.clone(),
            labels: self.labels.clone(),
            annotations: self.annotations.clone(),
            labelled_at: None,
        }
    }

    /// What is known of the ServiceAccount that this is of.
    #[must_use]
    pub fn as_service_account(&self) -> ServiceAccountFacts {
        ServiceAccountFacts {
            name: self.name.clone(),
            annotations: self.annotations.clone(),
            annotated_at: None,
        }
    }
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    metadata: Metadata,
}

/// The parts of a pod that say whose it is and whether RRSA has reached it.
#[derive(Deserialize)]
struct Pod {
    #[serde(default)]
    metadata: PodMetadata,
    #[serde(default)]
    spec: PodSpec,
    #[serde(default)]
    status: PodStatus,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodMetadata {
    name: String,
    namespace: String,
    labels: PodLabels,
    owner_references: Vec<Owner>,
    deletion_timestamp: Option<IgnoredAny>,
    annotations: PodAnnotations,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodAnnotations {
    #[serde(rename = "pod-identity.alibabacloud.com/skip-containers")]
    skip: Option<String>,
    #[serde(rename = "pod-identity.alibabacloud.com/only-containers")]
    only: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodLabels {
    #[serde(rename = "pod-template-hash")]
    template: Option<String>,
}

#[derive(Deserialize)]
struct Owner {
    kind: String,
    name: String,
    #[serde(default)]
    controller: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodStatus {
    phase: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodSpec {
    service_account_name: String,
    init_containers: Vec<Container>,
    containers: Vec<Container>,
    volumes: Vec<Volume>,
}

#[derive(Deserialize)]
struct Container {
    #[serde(default)]
    name: String,
    #[serde(default)]
    env: Vec<Variable>,
}

#[derive(Deserialize)]
struct Variable {
    name: Name,
    #[serde(default)]
    value: Option<String>,
}

/// The names of variables that matter, so that all the others need no memory.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
enum Name {
    #[serde(rename = "ALIBABA_CLOUD_ROLE_ARN")]
    RoleArn,
    #[serde(rename = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN")]
    Provider,
    #[serde(rename = "ALIBABA_CLOUD_OIDC_TOKEN_FILE")]
    TokenFile,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Volume {
    #[serde(default)]
    name: String,
    projected: Option<Projected>,
}

#[derive(Deserialize)]
struct Projected {
    #[serde(default)]
    sources: Vec<Source>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    service_account_token: Option<Token>,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    audience: String,
}

impl Pod {
    fn variables(&self) -> impl Iterator<Item = &Variable> {
        let all = self.spec.containers.iter().chain(&self.spec.init_containers);
        all.flat_map(|container| &container.env).filter(|variable| variable.name != Name::Other)
    }

    fn is_wired(&self) -> bool {
        let volumes = || self.spec.volumes.iter();
        let sources = volumes().filter_map(|v| v.projected.as_ref()).flat_map(|p| &p.sources);
        let mut tokens = sources.filter_map(|source| source.service_account_token.as_ref());
        self.variables().next().is_some()
            || volumes().any(|volume| volume.name == WEBHOOK_VOLUME)
            || tokens.any(|token| token.audience == AUDIENCE)
    }

    fn role_arn(&self) -> Option<&str> {
        let mut named = self.variables().filter(|variable| variable.name == Name::RoleArn);
        // What stands for another variable is none yet.
        named.find_map(|variable| variable.value.as_deref()).filter(|arn| RoleArn::parse(arn).is_ok())
    }

    fn is_over(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
            || matches!(self.status.phase.as_str(), "Succeeded" | "Failed")
    }

    /// Whether the kubelet made it by itself (a static pod), so that no webhook ever sees it.
    fn is_static(&self) -> bool {
        self.metadata.owner_references.iter().any(|owner| owner.controller && owner.kind == "Node")
    }

    /// Whether its annotations keep the webhook from every container.
    fn skips_all(&self) -> bool {
        let PodAnnotations { skip, only } = &self.metadata.annotations;
        let lists = |list: &Option<String>, name: &str| {
            list.as_ref().map(|list| list.split(',').any(|listed| listed.trim() == name))
        };
        (skip.is_some() || only.is_some())
            && self.spec.containers.iter().all(|container| {
                lists(skip, &container.name) == Some(true) || lists(only, &container.name) == Some(false)
            })
    }

    fn owner(&self) -> Option<String> {
        let owner = self.metadata.owner_references.iter().find(|owner| owner.controller)?;
        Some(maker(&owner.kind, &owner.name, self.metadata.labels.template.as_deref()))
    }
}

/// Which objects are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope<'a> {
    /// One namespace; all of them without it.
    pub namespace: Option<&'a str>,
    /// A label selector.
    pub labels: Option<&'a str>,
    /// A field selector.
    pub fields: Option<&'a str>,
}

/// The pods of one ServiceAccount.
#[derive(Clone, Debug, Default)]
pub struct Users {
    /// How many.
    pub count: PodCount,
    /// How many have ended, and how many of those RRSA had reached.
    over: (usize, usize),
    /// The role that one of them names in its variables, and the pod's name.
    pub role: Option<(String, String)>,
}

/// Pods by namespace and ServiceAccount.
type UsersOf = HashMap<(String, String), Users>;

/// The pods of every ServiceAccount.
async fn users(client: &Client, scope: Scope<'_>) -> Result<UsersOf, kube::Error> {
    let mut of = UsersOf::new();
    let mut pages = Pages::of("pods", scope);
    while let Some(pods) = pages.next::<Pod>(client).await? {
        for mut pod in pods {
            let account = match std::mem::take(&mut pod.spec.service_account_name) {
                name if name.is_empty() => "default".to_owned(),
                name => name,
            };
            let users = of.entry((std::mem::take(&mut pod.metadata.namespace), account)).or_default();
            let (is_over, is_wired) = (pod.is_over(), pod.is_wired());
            if is_over {
                users.over.0 += 1;
                users.over.1 += usize::from(is_wired);
            } else {
                users.count.total += 1;
                users.count.wired += usize::from(is_wired);
            }
            if is_wired {
                let Some(arn) = pod.role_arn() else { continue };
                if users.role.is_none() {
                    users.role = Some((arn.to_owned(), pod.metadata.name.clone()));
                }
                if !is_over && !users.count.roles.contains_key(arn) {
                    let owner = pod.owner().unwrap_or_else(|| format!("pod/{}", pod.metadata.name));
                    users.count.roles.insert(arn.to_owned(), owner);
                }
            } else if !is_over && pod.skips_all() {
                users.count.left_out += 1;
            } else if !is_over && !pod.is_static() {
                let count = &mut users.count;
                let owner = match pod.owner() {
                    Some(owner) => owner,
                    None => {
                        count.bare += 1;
                        // The names of all of them would grow with the cluster, and nobody would type them.
                        if count.bare > 1 {
                            continue;
                        }
                        format!("pod/{}", pod.metadata.name)
                    }
                };
                if let Err(at) = count.stale.binary_search(&owner) {
                    count.stale.insert(at, owner);
                }
            }
        }
    }
    for users in of.values_mut().filter(|users| users.count.total == 0) {
        (users.count.total, users.count.wired) = users.over;
    }
    Ok(of)
}

/// The pods of one ServiceAccount.
pub async fn pods_using(client: &Client, namespace: &str, service_account: &str) -> Seen<Users> {
    let fields = format!("spec.serviceAccountName={service_account}");
    let scope = Scope { namespace: Some(namespace), fields: Some(&fields), ..Scope::default() };
    match users(client, scope).await {
        Ok(of) => Seen::known(of.into_values().next().unwrap_or_default(), format!("pods of {namespace}")),
        Err(error) => Seen::unknown(why_not(&error, &format!("list pods in {namespace}"))),
    }
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
}

impl Stock {
    /// Takes stock of one namespace, or of all.
    ///
    /// # Errors
    /// As the API server gives them, but for what it forbids: that is not seen.
    pub async fn take(client: &Client, namespace: Option<&str>) -> Result<Self, kube::Error> {
        let scope = Scope { namespace, ..Scope::default() };
        Ok(Self {
            namespaces: seen(namespaces(client, namespace).await, "namespaces", namespace)?,
            users: seen(users(client, scope).await, "pods", namespace)?,
        })
    }

    /// What may not be seen, and why.
    pub fn unseen(&self) -> impl Iterator<Item = &str> {
        self.namespaces.why_unknown().into_iter().chain(self.users.why_unknown())
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
        self.users.map(|all| all.get(&key).cloned().unwrap_or_default())
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
    service_accounts: Seen<BTreeMap<(String, String), Metadata>>,
    /// By role, whose ServiceAccounts name it.
    by_role: HashMap<String, Vec<(String, String)>>,
    webhook_failures: Seen<WebhookFailures>,
}

impl Inventory {
    /// Takes stock of one namespace, or of all.
    ///
    /// # Errors
    /// As [`Stock::take`].
    pub async fn take(client: &Client, namespace: Option<&str>) -> Result<Self, kube::Error> {
        let accounts = service_accounts(client, Scope { namespace, ..Scope::default() }).await;
        let service_accounts = seen(accounts, "serviceaccounts", namespace)?;
        let mut by_role: HashMap<String, Vec<_>> = HashMap::new();
        for (key, account) in service_accounts.value().into_iter().flatten() {
            if let Some(role) = account.annotations.get(ROLE_NAME_ANNOTATION) {
                by_role.entry(role.clone()).or_default().push(key.clone());
            }
        }
        let stock = Stock::take(client, namespace).await?;
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
            sharing.filter(|key| **key != own).map(|(of, name)| format!("{of}/{name}")).collect()
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

async fn service_accounts(
    client: &Client,
    scope: Scope<'_>,
) -> Result<BTreeMap<(String, String), Metadata>, kube::Error> {
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

/// A list that is read page by page.
struct Pages {
    path: String,
    query: String,
    /// `None` after the last page.
    next: Option<String>,
}

impl Pages {
    fn of(plural: &str, scope: Scope<'_>) -> Self {
        let place = scope.namespace.map(|name| format!("/namespaces/{}", percent::encode(name)));
        let mut query = format!("limit={PAGE}");
        for (name, text) in [("labelSelector", scope.labels), ("fieldSelector", scope.fields)] {
            if let Some(text) = text {
                query.push_str(&format!("&{name}={}", percent::encode(text)));
            }
        }
        Self {
            path: format!("/api/v1{}/{plural}", place.unwrap_or_default()),
            query,
            next: Some(String::new()),
        }
    }

    async fn next<T: DeserializeOwned>(&mut self, client: &Client) -> Result<Option<Vec<T>>, kube::Error> {
        let Some(token) = self.next.take() else { return Ok(None) };
        let page = match self.page(client, &token).await {
            // A first page asks for no list in particular, so that a newer one will do.
            Err(kube::Error::Api(status)) if status.code == 410 && token.is_empty() => {
                self.page(client, &token).await?
            }
            // The list grew too old between two pages. The API server names where to go on in a newer one.
            Err(kube::Error::Api(status)) if status.code == 410 && !token.is_empty() => {
                let newer = status.metadata.as_ref().and_then(|list| list.continue_.clone());
                match newer.filter(|newer| !newer.is_empty()) {
                    Some(newer) => self.page(client, &newer).await?,
                    None => return Err(kube::Error::Api(status)),
                }
            }
            page => page?,
        };
        self.next = Some(page.metadata.next).filter(|next| !next.is_empty());
        Ok(Some(page.items))
    }

    async fn page<T: DeserializeOwned>(&self, client: &Client, token: &str) -> Result<Page<T>, kube::Error> {
        let from = match token {
            "" => String::new(),
            token => format!("&continue={}", percent::encode(token)),
        };
        get(client, &format!("{}?{}{from}", self.path, self.query)).await
    }
}

async fn get<T: DeserializeOwned>(client: &Client, path: &str) -> Result<T, kube::Error> {
    let request = http::Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?;
    client.request(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_wired_by_a_variable_or_a_token_for_sts() {
        let wired = |spec: serde_json::Value| {
            serde_json::from_value::<Pod>(serde_json::json!({"spec": spec})).unwrap().is_wired()
        };
        assert!(!wired(serde_json::json!({})));
        assert!(!wired(serde_json::json!({"containers": [{"name": "a", "env": [{"name": "PATH"}]}]})));
        assert!(wired(serde_json::json!({"containers": [{"env": [{"name": "ALIBABA_CLOUD_ROLE_ARN"}]}]})));
        let volume = serde_json::json!([{"projected": {"sources": [{"serviceAccountToken": {"audience": AUDIENCE}}]}}]);
        assert!(wired(serde_json::json!({"volumes": volume})));
        let other =
            serde_json::json!([{"projected": {"sources": [{"serviceAccountToken": {}}, {"secret": {}}]}}]);
        assert!(!wired(serde_json::json!({"volumes": other})));
    }

    /// A client whose API server gives these answers, one after the other, and what it was asked.
    fn server(answers: Vec<serde_json::Value>) -> (Client, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
        let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let (seen, answers) = (asked.clone(), std::sync::Mutex::new(answers.into_iter()));
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            seen.lock().unwrap().push(request.uri().to_string());
            let answer = answers.lock().unwrap().next().unwrap();
            let status = answer["code"].as_u64().map_or(200, |code| u16::try_from(code).unwrap());
            let body = kube::client::Body::from(answer.to_string().into_bytes());
            let response = http::Response::builder().status(status).body(body).unwrap();
            std::future::ready(Ok::<_, std::convert::Infallible>(response))
        });
        (Client::new(service, "default"), asked)
    }

    #[tokio::test]
    async fn a_list_that_grew_too_old_goes_on_where_the_api_server_says() {
        let (client, asked) = server(vec![
            serde_json::json!({"metadata": {"continue": "a/b"}, "items": [{"metadata": {"name": "one"}}]}),
            serde_json::json!({"kind": "Status", "code": 410, "reason": "Expired", "status": "Failure",
                "metadata": {"continue": "newer"}}),
            serde_json::json!({"metadata": {}, "items": [{"metadata": {"name": "two"}}]}),
        ]);
        let all = namespaces(&client, None).await.unwrap();
        assert_eq!(all.keys().collect::<Vec<_>>(), ["one", "two"]);
        let asked = asked.lock().unwrap();
        let paths: Vec<_> = asked.iter().map(|uri| uri.rsplit('?').next().unwrap()).collect();
        assert_eq!(paths, ["limit=500", "limit=500&continue=a%2Fb", "limit=500&continue=newer"]);
    }

    #[tokio::test]
    async fn a_list_that_grew_too_old_without_a_way_on_is_no_whole_list() {
        let gone =
            serde_json::json!({"kind": "Status", "code": 410, "reason": "Expired", "status": "Failure"});
        let first = serde_json::json!({"metadata": {"continue": "x"}, "items": []});
        let (client, _) = server(vec![first, gone]);
        let error = namespaces(&client, None).await.unwrap_err();
        assert!(matches!(error, kube::Error::Api(status) if status.code == 410));
    }
}
