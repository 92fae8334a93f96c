//! The pods of every ServiceAccount: how many RRSA has reached, and what they are like.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher as _};

use k8s_openapi::api::core::v1 as core;
use kube::Client;
use rrsa_shared::arn::OidcProviderArn;
use rrsa_shared::env_vars;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use super::objects::own_labels;
use super::pages::{Pages, Scope};
use super::pod::{OwnerReference, lasting, maker, pod_facts, template};
use super::reason::why_not;
use crate::facts::{AUDIENCE, OwnerFacts, PodCount, PodFacts, Seen, WEBHOOK_VOLUME, Workload, WorkloadPod};

/// The parts of a pod that say whose it is, whether RRSA has reached it, and with what.
#[derive(Deserialize)]
struct Pod<'a> {
    #[serde(default)]
    metadata: PodMetadata,
    #[serde(borrow, default)]
    spec: PodSpec<'a>,
    #[serde(default)]
    status: PodStatus,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodMetadata {
    name: String,
    namespace: String,
    labels: PodLabels,
    owner_references: Vec<OwnerReference>,
    deletion_timestamp: Option<IgnoredAny>,
    creation_timestamp: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodLabels {
    #[serde(rename = "pod-template-hash")]
    template: Option<String>,
    #[serde(rename = "controller-revision-hash")]
    revision: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodStatus {
    phase: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodSpec<'a> {
    service_account_name: String,
    #[serde(borrow)]
    init_containers: Vec<Container<'a>>,
    #[serde(borrow)]
    containers: Vec<Container<'a>>,
    volumes: Vec<Volume>,
}

#[derive(Deserialize)]
struct Container<'a> {
    #[serde(borrow, default)]
    env: Vec<Variable<'a>>,
}

#[derive(Deserialize)]
struct Variable<'a> {
    name: Name,
    /// As it is written.
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
}

/// The names of variables that matter, so that all the others need no memory.
#[derive(Clone, Copy, Deserialize, Hash, PartialEq, Eq)]
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

impl Pod<'_> {
    fn variables(&self) -> impl Iterator<Item = &Variable<'_>> {
        let all = self.spec.containers.iter().chain(&self.spec.init_containers);
        all.flat_map(|container| &container.env).filter(|variable| variable.name != Name::Other)
    }

    fn tokens(&self) -> impl Iterator<Item = &Token> {
        let sources = self.spec.volumes.iter().filter_map(|v| v.projected.as_ref()).flat_map(|p| &p.sources);
        sources.filter_map(|source| source.service_account_token.as_ref())
    }

    fn is_wired(&self) -> bool {
        let all = self.spec.containers.iter().chain(&self.spec.init_containers);
        let has =
            |container: &Container<'_>, name| container.env.iter().any(|variable| variable.name == name);
        let names = [Name::RoleArn, Name::Provider, Name::TokenFile];
        all.into_iter().any(|container| names.iter().all(|name| has(container, *name)))
            || self.spec.volumes.iter().any(|volume| volume.name == WEBHOOK_VOLUME)
            || self.tokens().any(|token| token.audience == AUDIENCE)
    }

    /// What RRSA has put into it, as a number: pods of one template may have been injected at different times.
    fn injected(&self) -> u64 {
        let variables: Vec<_> =
            self.variables().map(|one| (one.name, one.value.map(RawValue::get))).collect();
        let audiences: Vec<_> = self.tokens().map(|token| &token.audience).collect();
        digest(&(variables, audiences))
    }

    fn is_over(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
            || matches!(self.status.phase.as_str(), "Succeeded" | "Failed")
    }

    fn owner(&self) -> Option<String> {
        let owner = self.metadata.owner_references.iter().find(|owner| owner.controller == Some(true))?;
        Some(maker(owner, self.metadata.labels.template.as_deref()))
    }
}

/// The pods of one ServiceAccount.
#[derive(Clone, Debug, Default)]
pub struct Users {
    /// How many.
    pub count: PodCount,
    /// How many have ended, and how many of those RRSA had reached.
    over: (usize, usize),
    /// CronJobs that would make such pods.
    pub cronjobs: BTreeMap<String, OwnerFacts>,
    /// Why it is not known what CronJobs would make.
    pub unscheduled: Option<String>,
    /// Those that have not ended, by what they are like: what RRSA has reached, and of what it was meant for the rest too.
    pub workloads: Vec<Workload>,
}

/// Selects pods of a ServiceAccount, with its name after it.
const SERVICE_ACCOUNT: &str = "spec.serviceAccountName=";

/// Pods by namespace and ServiceAccount.
pub(super) type UsersOf = HashMap<Key, Users>;

/// Namespace and name of a ServiceAccount.
pub(super) type Key = (String, String);

/// The pods of every ServiceAccount, and why those that CronJobs would make are not among them. `wants` says for which of them RRSA was meant.
pub(super) async fn users(
    client: &Client,
    scope: Scope<'_>,
    wants: impl Fn(&Key) -> bool,
) -> Result<(UsersOf, Option<String>), kube::Error> {
    let mut of = UsersOf::new();
    let mut looks = Looks::default();
    let mut pages = Pages::of("pods", scope);
    while let Some(pods) = pages.next::<Box<RawValue>>(client).await? {
        for raw in pods {
            let mut pod: Pod<'_> = serde_json::from_str(raw.get()).map_err(kube::Error::SerdeError)?;
            let account = match std::mem::take(&mut pod.spec.service_account_name) {
                name if name.is_empty() => "default".to_owned(),
                name => name,
            };
            let key = (std::mem::take(&mut pod.metadata.namespace), account);
            let (is_over, is_wired) = (pod.is_over(), pod.is_wired());
            let users = of.entry(key.clone()).or_default();
            if is_over {
                users.over.0 += 1;
                users.over.1 += usize::from(is_wired);
                continue;
            }
            users.count.total += 1;
            users.count.wired += usize::from(is_wired);
            if !is_wired && pod.variables().next().is_none() && !wants(&key) {
                continue;
            }
            let owner = pod.owner();
            looks.take(&key, users, &pod, owner, &raw)?;
        }
    }
    let place = scope.namespace.unwrap_or("all namespaces");
    let (made, unseen) = match scheduled(client, scope).await {
        Ok(made) => (made, None),
        Err(error) => (Vec::new(), Some(why_not(&error, &format!("list cronjobs in {place}")))),
    };
    for (key, cronjob) in made {
        if cronjob.template.names_rrsa() || wants(&key) {
            let account = key.1.clone();
            let users = of.entry(key).or_default();
            hold_against(&mut users.workloads, &cronjob.template, &account, false);
            let name = cronjob.template.owner.clone().unwrap_or_default();
            users.cronjobs.insert(name, cronjob);
        }
    }
    for users in of.values_mut() {
        if users.count.total == 0 {
            (users.count.total, users.count.wired) = users.over;
        }
        users.tell_behind();
    }
    Ok((of, unseen))
}

/// The pods that CronJobs would make, by ServiceAccount. The field selector of a scope is one of pods.
async fn scheduled(client: &Client, scope: Scope<'_>) -> Result<Vec<(Key, OwnerFacts)>, kube::Error> {
    let account = scope.fields.and_then(|fields| fields.strip_prefix(SERVICE_ACCOUNT));
    let mut pages = Pages::at("/apis/batch/v1", "cronjobs", Scope { fields: None, ..scope });
    let mut found = Vec::new();
    while let Some(objects) = pages.next::<Value>(client).await? {
        for object in objects {
            // One that is of no shape is the API server's to refuse.
            let Ok(Some(made)) = template("CronJob", &object) else { continue };
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
            if account.is_none_or(|account| account == made.service_account) {
                let key = (namespace.to_owned(), made.service_account.clone());
                let labels = own_labels(&object);
                found.push((key, OwnerFacts { labels, template: made, ..OwnerFacts::default() }));
            }
        }
    }
    Ok(found)
}

/// What was looked at: of what makes pods one of each revision, and what is alike is kept once.
#[derive(Default)]
struct Looks {
    /// Revisions of what makes pods, and where the pod that stands for it is kept.
    revisions: HashMap<u64, (usize, usize)>,
    /// By ServiceAccount and likeness, where it is kept.
    likes: HashMap<u64, usize>,
    /// By likeness and what lasts of what makes pods, where the pod that stands for it is kept.
    lasting: HashMap<u64, (usize, usize)>,
}

impl Looks {
    fn take(
        &mut self,
        key: &Key,
        users: &mut Users,
        pod: &Pod<'_>,
        owner: Option<String>,
        raw: &RawValue,
    ) -> Result<(), kube::Error> {
        let PodMetadata { name, labels, creation_timestamp: made, .. } = &pod.metadata;
        let at = || made.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second);
        let revision = digest(&(key, &owner, pod.injected(), &labels.template, &labels.revision));
        let known = owner.as_ref().and_then(|_| self.revisions.get(&revision)).copied();
        let one =
            |owner| WorkloadPod { owner, name: name.clone(), created_at: at(), more: 0, is_behind: false };
        // The newest stands for its like.
        let renew = |users: &mut Users, (workload, at_pod): (usize, usize), owner: Option<String>| {
            let kept = users.workloads.get_mut(workload).and_then(|one| one.pods.get_mut(at_pod));
            if let Some(kept) = kept {
                kept.more += 1;
                if kept.created_at < at() {
                    *kept = WorkloadPod { more: kept.more, ..one(owner) };
                }
            }
        };
        if let Some(place) = known {
            renew(users, place, owner);
            return Ok(());
        }
        let whole: core::Pod = serde_json::from_str(raw.get()).map_err(kube::Error::SerdeError)?;
        let facts = pod_facts(&whole).likeness();
        let text = serde_json::to_string(&facts).map_err(kube::Error::SerdeError)?;
        let like = digest(&(key, text));
        let workload = *self.likes.entry(like).or_insert(users.workloads.len());
        if workload == users.workloads.len() {
            users.workloads.push(Workload { like: facts, pods: Vec::new() });
        }
        let Some(kept) = users.workloads.get_mut(workload) else { return Ok(()) };
        let place = (workload, kept.pods.len());
        if let Some(owner) = &owner {
            match self.lasting.entry(digest(&(like, lasting(owner)))) {
                Entry::Occupied(entry) => {
                    let place = *entry.get();
                    renew(users, place, Some(owner.clone()));
                    return Ok(());
                }
                Entry::Vacant(entry) => drop(entry.insert(place)),
            }
            self.revisions.insert(revision, place);
        }
        kept.pods.push(one(owner));
        Ok(())
    }
}

/// What stands for a value in a set of many.
fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The pods of one ServiceAccount.
pub async fn pods_using(client: &Client, namespace: &str, service_account: &str) -> Seen<Users> {
    let fields = format!("{SERVICE_ACCOUNT}{service_account}");
    let scope = Scope { namespace: Some(namespace), fields: Some(&fields), ..Scope::default() };
    match users(client, scope, |_| true).await {
        Ok((of, unscheduled)) => {
            let users = Users { unscheduled, ..of.into_values().next().unwrap_or_default() };
            Seen::known(users, format!("pods of {namespace}"))
        }
        Err(error) => Seen::unknown(why_not(&error, &format!("list pods in {namespace}"))),
    }
}

/// Holds pods against the template of what makes them, which is for `account`. A pod that is made as it says stands for it; one
/// that is not is of the time before, and where all are the template stands for itself. `replaces`: see
/// [`PodFacts::is_of_before`].
pub fn hold_against(workloads: &mut Vec<Workload>, made: &PodFacts, account: &str, replaces: bool) {
    let mut is_seen = false;
    for Workload { like, pods } in workloads.iter_mut() {
        for pod in pods.iter_mut().filter(|pod| pod.owner.as_deref().map(lasting) == made.owner) {
            pod.is_behind |= like.is_of_before(made, replaces);
            is_seen |= !pod.is_behind;
        }
    }
    if !is_seen && made.service_account == account {
        let pod = WorkloadPod { owner: made.owner.clone(), ..WorkloadPod::default() };
        workloads.push(Workload { like: made.clone().likeness(), pods: vec![pod] });
    }
}

impl Users {
    /// Tells the newest pod of each owner from those that are only of the time before; what is wired as the newest is counted
    /// with it.
    fn tell_behind(&mut self) {
        let mut newest: HashMap<String, (usize, usize)> = HashMap::new();
        let age = |at: (usize, usize)| {
            let workload = &self.workloads[at.0];
            (workload.pods[at.1].created_at, workload.like.is_wired())
        };
        let mut others = Vec::new();
        for (at, workload) in self.workloads.iter().enumerate() {
            for (at_pod, pod) in workload.pods.iter().enumerate() {
                // A template has no age.
                let Some(owner) = pod.owner.as_ref().filter(|_| !pod.is_behind && !workload.like.is_template)
                else {
                    continue;
                };
                let place = (at, at_pod);
                match newest.entry(lasting(owner)) {
                    Entry::Vacant(entry) => drop(entry.insert(place)),
                    Entry::Occupied(mut entry) => {
                        let known = *entry.get();
                        let older = if age(place) > age(known) { entry.insert(place) } else { place };
                        others.push((lasting(owner), older));
                    }
                }
            }
        }
        let mut counted = Vec::new();
        for (owner, place) in others {
            let Some(&new) = newest.get(&owner) else { continue };
            // Where RRSA has not reached the newest, what was before says nothing.
            let newest = &self.workloads[new.0].like;
            if !newest.is_wired() || self.workloads[place.0].like.wiring() == newest.wiring() {
                self.workloads[new.0].pods[new.1].more += 1 + self.workloads[place.0].pods[place.1].more;
                counted.push(place);
            } else {
                self.workloads[place.0].pods[place.1].is_behind = true;
            }
        }
        counted.sort_unstable_by(|a, b| b.cmp(a));
        for (workload, pod) in counted {
            self.workloads[workload].pods.remove(pod);
        }
        self.workloads.retain(|workload| !workload.pods.is_empty());
    }

    /// Without the pods that RRSA has not reached: for a ServiceAccount that names no role they are nobody's question.
    #[must_use]
    pub fn wired_only(mut self) -> Self {
        self.workloads.retain(|workload| workload.like.names_rrsa());
        self
    }

    /// The OIDC provider that all of its pods name that name one, those of the time before left out, where it is none that ACK
    /// has made for a cluster: somebody has made it for them.
    #[must_use]
    pub fn provider(&self) -> Option<Seen<String>> {
        let name = env_vars::OIDC_PROVIDER_ARN;
        let pods = self.workloads.iter().flat_map(|one| one.pods.iter().map(move |pod| (&one.like, pod)));
        let mut named = pods.filter(|(_, pod)| !pod.is_behind).flat_map(|(like, pod)| {
            like.acting_containers().filter_map(move |container| Some((container.value(name)?, &pod.name)))
        });
        let (provider, pod) = named.next()?;
        let all = named.all(|(other, _)| other == provider);
        let is_own = OidcProviderArn::parse(provider).is_ok_and(|arn| arn.cluster_id().is_none());
        (all && is_own).then(|| Seen::known(provider.to_owned(), format!("variable {name} of pod {pod}")))
    }

    /// The role that a pod names in its variables, and the pod's name.
    #[must_use]
    pub fn role(&self) -> Option<(&str, &str)> {
        self.workloads.iter().find_map(|workload| {
            let pod = workload.pods.first()?;
            Some((workload.like.role_arn()?, pod.name.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_wired_by_all_variables_or_a_token_for_sts() {
        let wired = |spec: Value| {
            let text = serde_json::json!({"spec": spec}).to_string();
            serde_json::from_str::<Pod<'_>>(&text).unwrap().is_wired()
        };
        assert!(!wired(serde_json::json!({})));
        assert!(!wired(serde_json::json!({"containers": [{"name": "a", "env": [{"name": "PATH"}]}]})));
        let names = ["ROLE_ARN", "OIDC_PROVIDER_ARN", "OIDC_TOKEN_FILE"];
        let env = |count: usize| -> Vec<_> {
            names[..count]
                .iter()
                .map(|name| serde_json::json!({"name": format!("ALIBABA_CLOUD_{name}")}))
                .collect()
        };
        assert!(wired(serde_json::json!({"containers": [{"env": env(3)}]})));
        assert!(!wired(serde_json::json!({"containers": [{"env": env(2)}]})), "the webhook adds the rest");
        let volume = serde_json::json!([{"projected": {"sources": [{"serviceAccountToken": {"audience": AUDIENCE}}]}}]);
        assert!(wired(serde_json::json!({"volumes": volume})));
        let other =
            serde_json::json!([{"projected": {"sources": [{"serviceAccountToken": {}}, {"secret": {}}]}}]);
        assert!(!wired(serde_json::json!({"volumes": other})));
    }
}
