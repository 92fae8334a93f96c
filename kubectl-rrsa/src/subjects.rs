//! What a command is about: names as kubectl writes them, turned into ServiceAccounts and pods.

use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use kube::api::{Api, ListParams};
use serde_json::Value;

use crate::collect;
use crate::context::{self, KubeContext};
use crate::error::Error;
use crate::facts::{OVERRIDE_ENV, OwnerFacts, PodFacts, Seen, ServiceAccountFacts, SubjectRef, WorkloadPod};
use crate::rules::misspelt;

/// Objects asked for at a time.
const PAGE: u32 = 500;

/// One subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its namespace.
    pub namespace: String,
    /// What is looked at.
    pub subject: SubjectRef,
    /// What was named, when that was something else.
    pub asked_as: Option<String>,
    /// A workload without pods, or one whose pods are all of the time before.
    pub template: Option<Box<OwnerFacts>>,
    /// Of a workload, its other pods that RRSA has not reached or that are only of the time before.
    pub beside: Vec<crate::facts::Workload>,
}

/// Which subjects are wanted.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Selection {
    /// TYPE/NAME, or TYPE for all of a kind: sa, pod, deploy, sts, ds, rs, job, cronjob
    #[arg(value_name = "TYPE/NAME")]
    pub names: Vec<String>,

    /// In all namespaces; without TYPE, every ServiceAccount that names a RAM role or whose pods have one
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,

    /// Only objects with these labels; without TYPE, of the ServiceAccounts that name a RAM role
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,
}

/// The kinds that can be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ServiceAccount,
    Pod,
    Workload(&'static Workload),
}

/// Kinds for completion: short name, plural, and kind as the API has it.
pub const KINDS: &[(&str, &str, &str)] = &[
    ("namespace", "namespaces", "Namespace"),
    ("sa", "serviceaccounts", "ServiceAccount"),
    ("pod", "pods", "Pod"),
    ("deploy", "deployments", "Deployment"),
    ("sts", "statefulsets", "StatefulSet"),
    ("ds", "daemonsets", "DaemonSet"),
    ("rs", "replicasets", "ReplicaSet"),
    ("job", "jobs", "Job"),
    ("cronjob", "cronjobs", "CronJob"),
];

/// A kind of object that makes pods.
#[derive(Debug, PartialEq, Eq)]
struct Workload {
    kind: &'static str,
    singular: &'static str,
    short: &'static str,
    api: &'static str,
}

const WORKLOADS: &[Workload] = &[
    Workload { kind: "Deployment", singular: "deployment", short: "deploy", api: "apis/apps/v1" },
    Workload { kind: "StatefulSet", singular: "statefulset", short: "sts", api: "apis/apps/v1" },
    Workload { kind: "DaemonSet", singular: "daemonset", short: "ds", api: "apis/apps/v1" },
    Workload { kind: "ReplicaSet", singular: "replicaset", short: "rs", api: "apis/apps/v1" },
    Workload { kind: "Job", singular: "job", short: "job", api: "apis/batch/v1" },
    Workload { kind: "CronJob", singular: "cronjob", short: "cj", api: "apis/batch/v1" },
];

impl Kind {
    /// A kind by its short, singular or plural name.
    fn read(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        // kubectl takes deployment.apps and deployment.v1.apps as well.
        let (text, group) = text.split_once('.').unwrap_or((&text, ""));
        let is = |singular: &str, short: &str| {
            text == short || text == singular || text.strip_suffix('s') == Some(singular)
        };
        if is("serviceaccount", "sa") && ["", "v1."].contains(&group) {
            return Some(Self::ServiceAccount);
        }
        if is("pod", "po") && ["", "v1."].contains(&group) {
            return Some(Self::Pod);
        }
        let of_group = |workload: &Workload| {
            let api = workload.api.trim_start_matches("apis/").trim_end_matches("/v1");
            group.is_empty() || group.trim_start_matches("v1.") == api
        };
        let found = WORKLOADS.iter().find(|workload| is(workload.singular, workload.short));
        found.filter(|workload| of_group(workload)).map(Self::Workload)
    }
}

/// One word of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    kind: Kind,
    /// `None` for all of the kind.
    name: Option<String>,
}

fn word(text: &str) -> Result<Word, Error> {
    let wrong = |message: String| {
        Error::usage(message).hint("kubectl rrsa check sa/NAME | pod/NAME | deploy/NAME [-n NAMESPACE]")
    };
    let (kind, name) = match text.split_once('/') {
        Some((kind, name)) => (kind, Some(name)),
        None => (text, None),
    };
    let Some(found) = Kind::read(kind) else {
        return Err(wrong(match name {
            Some(_) => {
                format!("\"{kind}\" cannot be checked; sa, pod, deploy, sts, ds, rs, job and cronjob can")
            }
            None => format!("\"{text}\" is not TYPE/NAME"),
        }));
    };
    let label = |label: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(inner)
    };
    if let Some(name) = name.filter(|name| name.len() > 253 || !name.split('.').all(label)) {
        return Err(wrong(format!("\"{name}\" cannot be the name of an object")));
    }
    Ok(Word { kind: found, name: name.map(str::to_owned) })
}

/// The name in `sa/NAME`.
///
/// # Errors
/// Another kind, or no name.
pub fn service_account(text: &str) -> Result<String, Error> {
    match word(text)? {
        Word { kind: Kind::ServiceAccount, name: Some(name) } => Ok(name),
        _ => Err(Error::usage(format!("\"{text}\" is no ServiceAccount")).hint("write sa/NAME")),
    }
}

/// Which subjects are wanted, checked before anything is asked.
#[derive(Clone, Debug)]
pub struct Wanted {
    words: Vec<Word>,
    all_namespaces: bool,
    selector: Option<String>,
}

impl Selection {
    /// Reads the words.
    ///
    /// # Errors
    /// A word that names nothing, or no word at all.
    pub fn read(&self) -> Result<Wanted, Error> {
        let words = self.names.iter().map(|text| word(text)).collect::<Result<Vec<_>, _>>()?;
        if words.is_empty() && !self.all_namespaces && self.selector.is_none() {
            return Err(Error::usage("nothing was named to be checked").hint(
                "kubectl rrsa check sa/NAME | pod/NAME | deploy/NAME, or -A for all that RRSA concerns",
            ));
        }
        if let Some(word) = words.iter().find(|word| word.name.is_some())
            && (self.all_namespaces || self.selector.is_some())
        {
            let name = word.name.as_deref().unwrap_or_default();
            return Err(Error::usage(format!("\"{name}\" is one object; -A and -l are for all of a kind"))
                .hint("leave out -A and -l, or the name"));
        }
        Ok(Wanted { words, all_namespaces: self.all_namespaces, selector: self.selector.clone() })
    }
}

impl Subject {
    /// A ServiceAccount.
    #[must_use]
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            subject: SubjectRef::ServiceAccount(name.to_owned()),
            asked_as: None,
            template: None,
            beside: Vec::new(),
        }
    }
}

impl Wanted {
    /// Whether everything is wanted that RRSA concerns, of the whole cluster.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.words.is_empty() && self.all_namespaces && self.selector.is_none()
    }

    /// Whether objects of a kind can be checked.
    #[must_use]
    pub fn knows(kind: &str) -> bool {
        Kind::read(kind).is_some()
    }

    /// Whether every subject was named, and none found by what kind it is.
    #[must_use]
    pub fn is_by_name(&self) -> bool {
        !self.words.is_empty() && self.words.iter().all(|word| word.name.is_some())
    }

    /// Whether it is exactly one object by name.
    #[must_use]
    pub fn is_one(&self) -> bool {
        matches!(self.words.as_slice(), [Word { name: Some(_), .. }])
    }

    /// Whether a ServiceAccount is named, which has no running pod to read from.
    #[must_use]
    pub fn names_service_account(&self) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| word.kind == Kind::ServiceAccount)
    }

    /// The subjects, in the order named, and what there is no subject for where several were named.
    ///
    /// # Errors
    /// One workload that does not exist; an API server that does not answer.
    pub async fn resolve(&self, kube: &KubeContext) -> Result<(Vec<Subject>, Vec<Error>), Error> {
        let (mut subjects, mut missing) = (Vec::new(), Vec::new());
        if self.words.is_empty() {
            subjects.extend(self.service_accounts(kube, true).await?);
        }
        for word in &self.words {
            match (&word.kind, &word.name) {
                (Kind::ServiceAccount, Some(name)) => {
                    subjects.push(one(kube, SubjectRef::ServiceAccount(name.clone())));
                }
                (Kind::Pod, Some(name)) => subjects.push(one(kube, SubjectRef::Pod(name.clone()))),
                (Kind::ServiceAccount, None) => subjects.extend(self.service_accounts(kube, false).await?),
                (Kind::Pod, None) => subjects.extend(self.pods(kube).await?),
                (Kind::Workload(workload), Some(name)) => {
                    let path = format!(
                        "/{}/namespaces/{}/{}s/{name}",
                        workload.api, kube.namespace, workload.singular
                    );
                    match get(kube, &path).await? {
                        Some(object) => subjects.push(of_workload(kube, workload, &object).await?),
                        None => missing.push(
                            Error::absent(format!(
                                "there is no {} {name} in namespace {}",
                                workload.singular, kube.namespace
                            ))
                            .hint(format!("kubectl get {}s -n {}", workload.singular, kube.namespace)),
                        ),
                    }
                }
                (Kind::Workload(workload), None) => {
                    let place = match self.all_namespaces {
                        true => String::new(),
                        false => format!("/namespaces/{}", kube.namespace),
                    };
                    let selector =
                        self.selector.as_deref().map(|text| format!("?labelSelector={}", encoded(text)));
                    let path = format!(
                        "/{}{place}/{}s{}",
                        workload.api,
                        workload.singular,
                        selector.unwrap_or_default()
                    );
                    let list = get(kube, &path).await?.unwrap_or_default();
                    for object in list["items"].as_array().into_iter().flatten() {
                        subjects.push(of_workload(kube, workload, object).await?);
                    }
                }
            }
        }
        match missing.pop_if(|_| self.words.len() == 1) {
            Some(error) => Err(error),
            None => Ok((subjects, missing)),
        }
    }

    fn page(&self) -> ListParams {
        let page = ListParams::default().limit(PAGE);
        match &self.selector {
            Some(selector) => page.labels(selector),
            None => page,
        }
    }

    async fn service_accounts(&self, kube: &KubeContext, with_role: bool) -> Result<Vec<Subject>, Error> {
        let api: Api<ServiceAccount> = match self.all_namespaces {
            true => Api::all(kube.client.clone()),
            false => Api::namespaced(kube.client.clone(), &kube.namespace),
        };
        let (mut page, mut subjects) = (self.page(), Vec::new());
        loop {
            let list = api.list_metadata(&page).await.map_err(|error| context::explain(error, kube))?;
            let wanted = list.items.into_iter().filter(|account| {
                let facts = ServiceAccountFacts {
                    name: account.metadata.name.clone().unwrap_or_default(),
                    annotations: account.metadata.annotations.clone().unwrap_or_default(),
                    annotated_at: None,
                };
                !with_role || facts.role_name().is_some() || misspelt(&facts).is_some()
            });
            subjects.extend(wanted.filter_map(|account| {
                let (namespace, name) = (account.metadata.namespace?, account.metadata.name?);
                Some(Subject::service_account(&namespace, &name))
            }));
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => return Ok(subjects),
            }
        }
    }

    async fn pods(&self, kube: &KubeContext) -> Result<Vec<Subject>, Error> {
        let api: Api<Pod> = match self.all_namespaces {
            true => Api::all(kube.client.clone()),
            false => Api::namespaced(kube.client.clone(), &kube.namespace),
        };
        let (mut page, mut subjects) = (self.page(), Vec::new());
        loop {
            let list = api.list_metadata(&page).await.map_err(|error| context::explain(error, kube))?;
            subjects.extend(list.items.into_iter().filter_map(|pod| {
                let (namespace, name) = (pod.metadata.namespace?, pod.metadata.name?);
                Some(Subject {
                    namespace,
                    subject: SubjectRef::Pod(name),
                    asked_as: None,
                    template: None,
                    beside: Vec::new(),
                })
            }));
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => return Ok(subjects),
            }
        }
    }
}

fn one(kube: &KubeContext, subject: SubjectRef) -> Subject {
    Subject { namespace: kube.namespace.clone(), subject, asked_as: None, template: None, beside: Vec::new() }
}

/// The newest pod of a workload that its template of today has made; the template where there is none.
async fn of_workload(kube: &KubeContext, workload: &Workload, object: &Value) -> Result<Subject, Error> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = text("/metadata/name");
    let namespace = match text("/metadata/namespace") {
        namespace if namespace.is_empty() => kube.namespace.clone(),
        namespace => namespace,
    };
    let asked_as = Some(format!("{}/{name}", workload.singular));
    let made = collect::template(workload.kind, object).map_err(|error| {
        Error::could_not_tell(format!(
            "{} {name} in namespace {namespace} is not of the shape of its kind",
            workload.singular
        ))
        .caused_by(error)
    })?;
    let mut beside = Vec::new();
    if let Some(selector) = object.pointer("/spec/selector").and_then(selector) {
        let selected = ListParams::default().labels(&selector).limit(PAGE);
        let pods = collect::pods(&kube.client, &namespace, selected).await;
        let pods = pods.map_err(|error| context::explain(error, kube))?;
        let own = |pod: &&Pod| {
            let owners = pod.metadata.owner_references.iter().flatten();
            match workload.singular {
                // A Deployment owns its pods through a ReplicaSet, and is not named in them.
                "deployment" => collect::pod_facts(pod).owner == asked_as,
                _ => owners.into_iter().any(|owner| owner.kind == workload.kind && owner.name == name),
            }
        };
        let own: Vec<PodFacts> = pods.iter().filter(own).map(collect::pod_facts).collect();
        // A template that names a role may have it replaced by the webhook, as its namespace says.
        let asks = made.as_ref().is_some_and(PodFacts::is_wired);
        let namespace_facts = match asks {
            true => collect::namespace(&kube.client, &namespace).await,
            false => Seen::unknown("not asked"),
        };
        let labels = namespace_facts.value().and_then(Option::as_ref).map(|found| &found.labels);
        let replaces =
            labels.and_then(|labels| labels.get(OVERRIDE_ENV)).is_some_and(|value| value == "true");
        let chosen = of_today(&own, made.as_ref(), replaces);
        let others = own.iter().filter(|pod| !pod.is_over() && chosen.is_none_or(|one| one.name != pod.name));
        beside = others
            .filter_map(|pod| match is_behind(pod, chosen, made.as_ref(), replaces) {
                true => Some(kept_beside(pod, true)),
                // What the chosen one lacks this one lacks too.
                false => (!pod.is_wired()).then(|| kept_beside(pod, false)),
            })
            .collect();
        if let Some(pod) = chosen {
            let subject = SubjectRef::Pod(pod.name.clone());
            return Ok(Subject { namespace, subject, asked_as, template: None, beside });
        }
    }
    if workload.singular == "cronjob" {
        let newest = newest_run(kube, &namespace, &name).await?;
        // What the CronJob makes now says more than a run of the time before.
        let is_of_before = |pod: &PodFacts| made.as_ref().is_some_and(|made| pod.is_of_before(made, false));
        match newest {
            Some(pod) if is_of_before(&pod) => beside.push(kept_beside(&pod, true)),
            Some(pod) => {
                let subject = SubjectRef::Pod(pod.name);
                return Ok(Subject { namespace, subject, asked_as, template: None, beside });
            }
            None => {}
        }
    }
    let labels = collect::strings(&object["metadata"]["labels"]);
    let template =
        made.map(|template| Box::new(OwnerFacts { labels, rollout: collect::rollout(object), template }));
    let owner = format!("{}/{name}", workload.singular);
    Ok(Subject { namespace, subject: SubjectRef::Template(owner), asked_as, template, beside })
}

/// The newest running pod of a CronJob. Its pods are those of its jobs, which carry its name and a number.
async fn newest_run(kube: &KubeContext, namespace: &str, cronjob: &str) -> Result<Option<PodFacts>, Error> {
    let pods = collect::pods(&kube.client, namespace, ListParams::default().limit(PAGE)).await;
    let pods = pods.map_err(|error| context::explain(error, kube))?;
    let is_run = |pod: &PodFacts| {
        let job = pod.owner.as_deref().and_then(|owner| owner.strip_prefix("job/"));
        let number = job.and_then(|job| job.strip_prefix(cronjob)?.strip_prefix('-'));
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
            && pod.phase.as_deref() == Some("Running")
            && !pod.is_leaving
    };
    Ok(pods.iter().map(collect::pod_facts).filter(is_run).max_by_key(|pod| pod.created_at))
}

/// The newest pod of those that the template of today has made, or one that runs and is wired alike. What has ended stands
/// for a workload of which nothing lives.
fn of_today<'a>(pods: &'a [PodFacts], template: Option<&PodFacts>, replaces: bool) -> Option<&'a PodFacts> {
    let none_lives = pods.iter().all(PodFacts::is_over);
    let counts = |pod: &&PodFacts| {
        (none_lives || !pod.is_over())
            && !template.is_some_and(|template| pod.is_of_before(template, replaces))
    };
    let newest = pods.iter().filter(counts).max_by_key(|pod| (pod.created_at, pod.is_wired()))?;
    let wiring = newest.wiring();
    let alike = pods.iter().filter(counts).filter(|pod| pod.wiring() == wiring);
    alike.max_by_key(|pod| (pod.phase.as_deref() == Some("Running"), pod.created_at))
}

/// Whether a pod is only of the time before: of another template, or wired unlike the newest.
fn is_behind(pod: &PodFacts, chosen: Option<&PodFacts>, template: Option<&PodFacts>, replaces: bool) -> bool {
    let of_before = template.is_some_and(|template| pod.is_of_before(template, replaces));
    let unlike = |chosen: &PodFacts| chosen.is_wired() && chosen.wiring() != pod.wiring();
    !pod.is_over() && (of_before || chosen.is_some_and(unlike))
}

fn kept_beside(pod: &PodFacts, is_behind: bool) -> crate::facts::Workload {
    let one = WorkloadPod {
        owner: pod.owner.clone(),
        name: pod.name.clone(),
        created_at: pod.created_at,
        more: 0,
        is_behind,
    };
    crate::facts::Workload { like: pod.clone().likeness(), pods: vec![one] }
}

/// A label selector as a query wants it.
fn selector(selector: &Value) -> Option<String> {
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    let mut parts: Vec<String> =
        labels.filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect();
    for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = expression["key"].as_str()?;
        let values: Vec<&str> =
            expression["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        parts.push(match expression["operator"].as_str()? {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return None,
        });
    }
    (!parts.is_empty()).then(|| parts.join(","))
}

async fn get(kube: &KubeContext, path: &str) -> Result<Option<Value>, Error> {
    let request = http::Request::get(path)
        .body(Vec::new())
        .map_err(|error| Error::usage("the selector cannot be asked for").caused_by(error))?;
    match kube.client.request::<Value>(request).await {
        Ok(object) => Ok(Some(object)),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
        Err(error) => Err(context::explain(error, kube)),
    }
}

fn encoded(text: &str) -> String {
    rrsa_shared::sign::percent::encode(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_spelt_as_kubectl_spells_them() {
        for text in ["sa/demo", "serviceaccount/demo", "ServiceAccounts/demo"] {
            assert_eq!(word(text).unwrap().kind, Kind::ServiceAccount, "{text}");
        }
        for text in
            ["deploy/x", "deployment/x", "Deployments/x", "deployment.apps/x", "deployments.v1.apps/x"]
        {
            assert_eq!(word(text).unwrap().kind, Kind::Workload(&WORKLOADS[0]), "{text}");
        }
        assert_eq!(word("po/demo.1").unwrap(), Word { kind: Kind::Pod, name: Some("demo.1".to_owned()) });
        assert_eq!(word("pods").unwrap().name, None);
        for text in [
            "demo",
            "svc/demo",
            "sa/",
            "sa/a/b",
            "sa/Demo",
            "sa/-a",
            "pod/../x",
            "sa/a b",
            "s/x",
            "job.apps/x",
        ] {
            assert_eq!(word(text).unwrap_err().exit_code(), 2, "{text}");
        }
    }

    #[test]
    fn a_name_and_a_selector_contradict_each_other() {
        let selection = |names: &[&str], all_namespaces| Selection {
            names: names.iter().map(|&name| name.to_owned()).collect(),
            all_namespaces,
            selector: None,
        };
        assert!(selection(&["sa/a"], true).read().is_err());
        assert!(selection(&[], false).read().is_err());
        assert!(selection(&[], true).read().is_ok());
        assert!(selection(&["pods"], true).read().is_ok());
    }

    #[test]
    fn selectors_are_written_as_queries() {
        let json = serde_json::json!({"matchLabels": {"app": "demo"}, "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["a", "b"]}, {"key": "old", "operator": "DoesNotExist"},
        ]});
        assert_eq!(selector(&json).as_deref(), Some("app=demo,tier in (a,b),!old"));
        assert_eq!(selector(&serde_json::json!({})), None);
    }
}
