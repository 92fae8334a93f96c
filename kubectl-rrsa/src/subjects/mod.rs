//! What a command is about: names as kubectl writes them, turned into ServiceAccounts and pods.

mod kinds;
mod workload;

use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use serde_json::Value;

pub use kinds::{KINDS, service_account};
use kinds::{Kind, Word, word};
use workload::of_workload;

use crate::collect::{Pages, Scope};
use crate::context::{self, KubeContext};
use crate::error::{Error, ErrorKind};
use crate::facts::{OwnerFacts, PodFacts, ROLE_NAME_ANNOTATION, ServiceAccountFacts, SubjectRef};
use crate::rules::means_a_role;

/// Objects asked for at a time.
const PAGE: u32 = 500;

/// One subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// Its namespace.
    pub namespace: String,
    /// What is looked at.
    pub subject: SubjectRef,
    /// What was named, when that was something else.
    pub asked_as: Option<String>,
    /// The pod, where it was seen when its workload was looked up.
    pub pod: Option<Box<PodFacts>>,
    /// A workload without pods, or one whose pods are all of the time before.
    pub template: Option<Box<OwnerFacts>>,
    /// The pod that such a workload makes, as it stands there.
    pub next_pod: Option<Box<Pod>>,
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
        Self::of(namespace.to_owned(), SubjectRef::ServiceAccount(name.to_owned()))
    }

    /// One of which no more is known than what it is.
    fn of(namespace: String, subject: SubjectRef) -> Self {
        Self {
            namespace,
            subject,
            asked_as: None,
            pod: None,
            template: None,
            next_pod: None,
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
            match self.of_word(kube, word).await {
                Ok(found) => subjects.extend(found),
                Err(error) if error.kind == ErrorKind::Absent => missing.push(error),
                // What may not be seen keeps nobody from the others.
                Err(error) if self.words.len() > 1 && error.kind == ErrorKind::CouldNotTell => {
                    let which = match &word.name {
                        Some(name) => format!("{}/{name} in namespace {}", word.kind.name(), kube.namespace),
                        None => format!("{}s", word.kind.name()),
                    };
                    missing.push(Error { message: format!("{which}: {}", error.message), ..error });
                }
                Err(error) => return Err(error),
            }
        }
        match missing.pop_if(|_| self.words.len() == 1) {
            Some(error) => Err(error),
            None => Ok((subjects, missing)),
        }
    }

    async fn of_word(&self, kube: &KubeContext, word: &Word) -> Result<Vec<Subject>, Error> {
        match (&word.kind, &word.name) {
            (Kind::ServiceAccount, Some(name)) => {
                Ok(vec![one(kube, SubjectRef::ServiceAccount(name.clone()))])
            }
            (Kind::Pod, Some(name)) => Ok(vec![one(kube, SubjectRef::Pod(name.clone()))]),
            (Kind::ServiceAccount, None) => self.service_accounts(kube, false).await,
            (Kind::Pod, None) => self.pods(kube).await,
            (Kind::Workload(workload), Some(name)) => {
                let path =
                    format!("/{}/namespaces/{}/{}s/{name}", workload.api, kube.namespace, workload.singular);
                match get(kube, &path).await? {
                    Some(object) => Ok(vec![of_workload(kube, workload, &object).await?]),
                    None => Err(Error::absent(format!(
                        "there is no {} {name} in namespace {}",
                        workload.singular, kube.namespace
                    ))
                    .hint(format!("kubectl get {}s -n {}", workload.singular, kube.namespace))),
                }
            }
            (Kind::Workload(workload), None) => {
                let scope = Scope {
                    namespace: (!self.all_namespaces).then_some(kube.namespace.as_str()),
                    labels: self.selector.as_deref(),
                    ..Scope::default()
                };
                let plural = format!("{}s", workload.singular);
                let mut pages = Pages::at(&format!("/{}", workload.api), &plural, scope);
                let explained = |error| context::explain(error, kube);
                let mut subjects = Vec::new();
                while let Some(objects) = pages.next::<Value>(&kube.client).await.map_err(explained)? {
                    for object in &objects {
                        subjects.push(of_workload(kube, workload, object).await?);
                    }
                }
                Ok(subjects)
            }
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
                    annotations: account.annotations().clone(),
                    role_label: account.labels().get(ROLE_NAME_ANNOTATION).cloned(),
                    annotated_at: None,
                };
                !with_role || means_a_role(&facts)
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
                Some(Subject::of(namespace, SubjectRef::Pod(name)))
            }));
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => return Ok(subjects),
            }
        }
    }
}

fn one(kube: &KubeContext, subject: SubjectRef) -> Subject {
    Subject::of(kube.namespace.clone(), subject)
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
