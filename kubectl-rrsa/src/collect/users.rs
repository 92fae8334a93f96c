//! The pods of every ServiceAccount: how many RRSA has reached, what makes those that it has not, and how the others are wired.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher as _};

use k8s_openapi::api::core::v1 as core;
use kube::Client;
use rrsa_shared::arn::RoleArn;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::pages::{Pages, Scope};
use super::pod::{lasting, maker, pod_facts};
use super::reason::why_not;
use crate::facts::{AUDIENCE, PodCount, Seen, WEBHOOK_VOLUME, Workload};

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
    creation_timestamp: String,
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
    #[serde(rename = "controller-revision-hash")]
    revision: Option<String>,
    #[serde(rename = "pod-identity.alibabacloud.com/injection")]
    injection: Option<String>,
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

/// The pods of one ServiceAccount.
#[derive(Clone, Debug, Default)]
pub struct Users {
    /// How many.
    pub count: PodCount,
    /// How many have ended, and how many of those RRSA had reached.
    over: (usize, usize),
    /// The role that one of them names in its variables, and the pod's name.
    pub role: Option<(String, String)>,
    /// Those that RRSA has reached and that have not ended, by what they are like.
    pub workloads: Vec<Workload>,
}

/// Pods by namespace and ServiceAccount.
pub(super) type UsersOf = HashMap<(String, String), Users>;

/// What is told of the pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// How many there are.
    Counts,
    /// Also how those are wired that RRSA has reached.
    Wiring,
}

/// The newest pod of what makes pods.
struct Newest {
    /// `metadata.creationTimestamp`, whose order is that of its text.
    made: String,
    is_wired: bool,
    /// Whether RRSA has reached any of them.
    some_wired: bool,
}

/// The pods of every ServiceAccount.
pub(super) async fn users(client: &Client, scope: Scope<'_>, depth: Depth) -> Result<UsersOf, kube::Error> {
    let mut of = UsersOf::new();
    let mut newest: HashMap<u64, Newest> = HashMap::new();
    let mut wiring = Wiring::default();
    let mut pages = Pages::of("pods", scope);
    while let Some(pods) = pages.next::<Box<RawValue>>(client).await? {
        for raw in pods {
            let mut pod: Pod = serde_json::from_str(raw.get()).map_err(kube::Error::SerdeError)?;
            let account = match std::mem::take(&mut pod.spec.service_account_name) {
                name if name.is_empty() => "default".to_owned(),
                name => name,
            };
            let key = (std::mem::take(&mut pod.metadata.namespace), account);
            let (is_over, is_wired) = (pod.is_over(), pod.is_wired());
            let owner = pod.owner();
            if let (Some(owner), false) = (&owner, is_over) {
                let made = std::mem::take(&mut pod.metadata.creation_timestamp);
                match newest.entry(digest(&(&key, owner))) {
                    Entry::Vacant(entry) => {
                        entry.insert(Newest { made, is_wired, some_wired: is_wired });
                    }
                    Entry::Occupied(mut entry) => {
                        let known = entry.get_mut();
                        known.some_wired |= is_wired;
                        if made > known.made {
                            (known.made, known.is_wired) = (made, is_wired);
                        }
                    }
                }
            }
            if is_wired && !is_over && depth == Depth::Wiring {
                wiring.add(&key, &pod, owner.as_deref(), &raw)?;
            }
            of.entry(key).or_default().add(&pod, owner, is_over, is_wired);
        }
    }
    for (key, users) in &mut of {
        let count = &mut users.count;
        let on_the_way = |owner: &&String| {
            newest.get(&digest(&(key, *owner))).is_some_and(|newest| newest.some_wired && newest.is_wired)
        };
        count.mixed = count.stale.iter().filter(on_the_way).cloned().collect();
        if count.total == 0 {
            (count.total, count.wired) = users.over;
        }
    }
    for (key, workloads) in wiring.of {
        of.entry(key).or_default().workloads = workloads;
    }
    Ok(of)
}

impl Users {
    fn add(&mut self, pod: &Pod, owner: Option<String>, is_over: bool, is_wired: bool) {
        if is_over {
            self.over.0 += 1;
            self.over.1 += usize::from(is_wired);
        } else {
            self.count.total += 1;
            self.count.wired += usize::from(is_wired);
        }
        let name = &pod.metadata.name;
        if is_wired {
            let Some(arn) = pod.role_arn() else { return };
            if self.role.is_none() {
                self.role = Some((arn.to_owned(), name.clone()));
            }
            if !is_over && !self.count.roles.contains_key(arn) {
                let owner = owner.unwrap_or_else(|| format!("pod/{name}"));
                self.count.roles.insert(arn.to_owned(), owner);
            }
        } else if !is_over && pod.skips_all() {
            self.count.left_out += 1;
        } else if !is_over && !pod.is_static() {
            let count = &mut self.count;
            let owner = match owner {
                Some(owner) => owner,
                None => {
                    count.bare += 1;
                    // The names of all of them would grow with the cluster, and nobody would type them.
                    if count.bare > 1 {
                        return;
                    }
                    format!("pod/{name}")
                }
            };
            if let Err(at) = count.stale.binary_search(&owner) {
                if let Some(value) = &pod.metadata.labels.injection {
                    count.labels.insert(owner.clone(), value.clone());
                }
                count.stale.insert(at, owner);
            }
        }
    }
}

/// How pods are wired: one pod of each revision of what makes them is looked at, and what is alike is kept once.
#[derive(Default)]
struct Wiring {
    of: HashMap<(String, String), Vec<Workload>>,
    /// Revisions that were looked at.
    looked: HashSet<u64>,
    /// By ServiceAccount and likeness, where it is kept.
    at: HashMap<u64, usize>,
    /// Likenesses that are known of what makes pods.
    known: HashSet<u64>,
}

impl Wiring {
    fn add(
        &mut self,
        key: &(String, String),
        pod: &Pod,
        owner: Option<&str>,
        raw: &RawValue,
    ) -> Result<(), kube::Error> {
        let PodMetadata { name, labels, .. } = &pod.metadata;
        let revision = (&labels.template, &labels.revision);
        if owner.is_some() && !self.looked.insert(digest(&(key, owner, revision))) {
            return Ok(());
        }
        let whole: core::Pod = serde_json::from_str(raw.get()).map_err(kube::Error::SerdeError)?;
        let facts = pod_facts(&whole).likeness();
        let text = serde_json::to_string(&facts).map_err(kube::Error::SerdeError)?;
        let like = digest(&(key, text));
        let makes = owner.map_or_else(|| format!("pod/{name}"), lasting);
        if !self.known.insert(digest(&(like, &makes))) {
            return Ok(());
        }
        let workloads = self.of.entry(key.clone()).or_default();
        let at = *self.at.entry(like).or_insert(workloads.len());
        if at == workloads.len() {
            workloads.push(Workload { like: facts, pods: BTreeMap::new() });
        }
        if let Some(workload) = workloads.get_mut(at) {
            workload.pods.insert(owner.map_or(makes, str::to_owned), name.clone());
        }
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
    let fields = format!("spec.serviceAccountName={service_account}");
    let scope = Scope { namespace: Some(namespace), fields: Some(&fields), ..Scope::default() };
    match users(client, scope, Depth::Wiring).await {
        Ok(of) => Seen::known(of.into_values().next().unwrap_or_default(), format!("pods of {namespace}")),
        Err(error) => Seen::unknown(why_not(&error, &format!("list pods in {namespace}"))),
    }
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
}
