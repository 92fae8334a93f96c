//! Everything that is known of one subject of a check.

use std::collections::BTreeMap;
use std::fmt;

use rrsa_shared::sts::{FaultKind, KnownFault};
use serde::Serialize;

use super::IssuerFacts;
use super::Seen;
use super::VantageFacts;
use super::account::AccountFacts;
use super::cluster::ClusterFacts;
use super::pod::{OwnerFacts, PodFacts, Rollout};
use super::service_account::{NamespaceFacts, ServiceAccountFacts};
use super::{ExchangeFacts, ExchangeOutcome, OURS, TokenFacts};

/// What is checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SubjectRef {
    /// A ServiceAccount by name.
    ServiceAccount(String),
    /// A Pod by name.
    Pod(String),
    /// What a workload, such as `cronjob/nightly`, makes its pods by.
    Template(String),
    /// A Namespace of a file in which nothing else stands.
    Namespace(String),
}

impl fmt::Display for SubjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServiceAccount(name) => write!(f, "sa/{name}"),
            Self::Pod(name) => write!(f, "pod/{name}"),
            Self::Template(owner) => write!(f, "pod template of {owner}"),
            Self::Namespace(name) => write!(f, "namespace/{name}"),
        }
    }
}

/// Pods of one ServiceAccount: those that have not ended, or the ended ones where there are no others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodCount {
    /// All of them.
    pub total: usize,
    /// Those that RRSA has reached, by the webhook or by hand.
    pub wired: usize,
}

/// Pods that are alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// What they are like, without a name.
    pub like: PodFacts,
    /// One pod of everything that makes such pods, the newest of them.
    pub pods: Vec<WorkloadPod>,
}

/// A pod that stands for those that the same owner has made alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadPod {
    /// See [`PodFacts::owner`].
    pub owner: Option<String>,
    /// Name.
    pub name: String,
    /// See [`PodFacts::created_at`].
    pub created_at: Option<i64>,
    /// How many more of that owner are like it.
    pub more: usize,
    /// Whether RRSA has reached a newer pod of the same owner, so that this one is only of the time before.
    pub is_behind: bool,
}

impl Workload {
    /// The pods, and whether each is only of the time before.
    pub fn each(&self) -> impl Iterator<Item = (PodFacts, bool)> {
        self.pods.iter().map(|pod| {
            let WorkloadPod { owner, name, created_at, more, is_behind } = pod.clone();
            (PodFacts { name, owner, created_at, alike: more, ..self.like.clone() }, is_behind)
        })
    }
}

/// Whether something was not seen for want of a permission.
#[must_use]
pub fn is_forbidden(why: &str) -> bool {
    why.contains(FORBIDDEN)
}

/// Words before the permission that is wanting.
pub const FORBIDDEN: &str = "forbidden: needs ";

/// The facts of one subject, in the order of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// What is checked.
    pub subject: SubjectRef,
    /// What the user named when that was something else, such as `deployment/demo`.
    pub asked_as: Option<String>,
    /// Whether only files were looked at: the webhook has had no chance yet.
    pub offline: bool,
    /// When, Unix seconds.
    pub looked_at: i64,
    /// Its namespace.
    pub namespace: String,
    /// The cluster.
    pub cluster: ClusterFacts,
    /// What the issuer publishes; asked unless STS gave a session, and so has read it itself.
    pub published: Seen<IssuerFacts>,
    /// Pods that could not be made because the webhook was not reached, as events of the namespace tell.
    pub webhook_failures: Seen<Vec<String>>,
    /// The namespace; `None` inside when it does not exist.
    pub namespace_facts: Seen<Option<NamespaceFacts>>,
    /// The name of the ServiceAccount: the subject's own, or the pod's.
    pub service_account_name: String,
    /// The ServiceAccount; `None` inside when it does not exist.
    pub service_account: Seen<Option<ServiceAccountFacts>>,
    /// Names of the namespace's ServiceAccounts that name a role.
    pub annotated_service_accounts: Seen<Vec<String>>,
    /// Other namespaces in which a ServiceAccount of the same name names a role, and the role's name; asked when this one
    /// names none.
    pub annotated_elsewhere: Seen<BTreeMap<String, String>>,
    /// Other ServiceAccounts, `namespace/name`, of those looked at that name the same role.
    pub same_role: Seen<Vec<String>>,
    /// How many pods use the ServiceAccount, and how many of them carry RRSA's variables or token.
    pub pods_using: Seen<PodCount>,
    /// Why it is not known what CronJobs would make for the ServiceAccount.
    pub unscheduled: Option<String>,
    /// The pods that run as the ServiceAccount, when it is the subject: those that RRSA has reached, and the others where it
    /// names a role. When a workload is the subject, those of its pods that are of the time before.
    pub workloads: Vec<Workload>,
    /// What has made them, as far as it matters.
    pub owners: BTreeMap<String, Seen<OwnerFacts>>,
    /// Pods with the same trouble as the one that is judged, so that one command mends them all.
    #[serde(skip)]
    pub beside: Vec<PodFacts>,
    /// The pod, when the subject is one.
    pub pod: Option<PodFacts>,
    /// The role ARN the workload ought to use.
    pub expected_role_arn: Seen<String>,
    /// The token of the live check.
    pub token: Seen<TokenFacts>,
    /// Why the token is one of the API server, when it stands in for the pod's own.
    pub token_instead: Option<String>,
    /// What another container of the pod names, so that what was tried says nothing of it.
    pub untried: Option<String>,
    /// Session length that is asked of STS, seconds.
    pub session_seconds: u32,
    /// The live exchange.
    pub exchange: Seen<ExchangeFacts>,
    /// What a probe inside the cluster saw of its surroundings.
    pub vantage: Seen<VantageFacts>,
    /// What made the pod, such as its Deployment.
    pub owner: Seen<OwnerFacts>,
    /// ARN of the role that an exchange names: as the workload has it, or as it ought to.
    pub role_in_use: Seen<String>,
    /// ARN of the OIDC provider that an exchange names, likewise.
    pub provider_in_use: Seen<String>,
    /// What RAM and IMS say of the role and the provider.
    pub account: AccountFacts,
}

impl Facts {
    /// Nothing is known of a ServiceAccount that has no name yet, and this is why.
    #[must_use]
    pub fn unseen(namespace: &str, why: &str) -> Self {
        Self {
            subject: SubjectRef::ServiceAccount(String::new()),
            asked_as: None,
            offline: false,
            looked_at: 0,
            namespace: namespace.to_owned(),
            cluster: ClusterFacts::unseen(why),
            namespace_facts: Seen::unknown(why),
            service_account_name: String::new(),
            service_account: Seen::unknown(why),
            annotated_service_accounts: Seen::unknown(why),
            annotated_elsewhere: Seen::unknown(why),
            same_role: Seen::unknown(why),
            published: Seen::unknown(why),
            webhook_failures: Seen::unknown(why),
            session_seconds: rrsa_shared::proof::Plan::SESSION_SECONDS,
            pods_using: Seen::unknown(why),
            workloads: Vec::new(),
            unscheduled: None,
            owners: BTreeMap::new(),
            beside: Vec::new(),
            pod: None,
            expected_role_arn: Seen::unknown(why),
            token: Seen::unknown(why),
            token_instead: None,
            untried: None,
            exchange: Seen::unknown(why),
            vantage: Seen::unknown(why),
            owner: Seen::unknown(why),
            role_in_use: Seen::unknown(why),
            provider_in_use: Seen::unknown(why),
            account: AccountFacts::unseen(why),
        }
    }

    /// What a workload does with its pods when its template has changed, as far as was seen.
    #[must_use]
    pub fn rollout(&self, owner: &str) -> Rollout {
        let of_pod = self.pod.as_ref().is_some_and(|pod| pod.owner.as_deref() == Some(owner));
        let own = of_pod.then_some(&self.owner);
        let seen = own.filter(|own| own.value().is_some()).or_else(|| self.owners.get(owner)).or(own);
        seen.map(Rollout::of).unwrap_or_default()
    }

    /// Whether the template of what made the pod asks the webhook to inject, as the pod itself may be too old to do.
    #[must_use]
    pub fn is_asked_by_template(&self) -> bool {
        self.owner.value().is_some_and(|owner| owner.template.injection() == Some("on"))
    }

    /// Pods that are only of the time before, while newer ones of the same owner are not.
    #[must_use]
    pub fn behind(&self) -> Vec<PodFacts> {
        let all = self.workloads.iter().flat_map(Workload::each);
        all.filter(|(_, is_behind)| *is_behind).map(|(pod, _)| pod).collect()
    }

    /// `system:serviceaccount:<namespace>:<name>`, the subject of this workload's tokens.
    #[must_use]
    pub fn token_subject(&self) -> String {
        rrsa_shared::policy::subject(&self.namespace, &self.service_account_name)
    }

    /// When the token was looked at, Unix seconds, by STS's clock where its answer told how far ours is off.
    #[must_use]
    pub fn seen_at(&self, token: &TokenFacts) -> i64 {
        let offset = self.exchange.value().and_then(|exchange| exchange.clock_offset_seconds);
        token.seen_at + offset.unwrap_or(0)
    }

    /// Whether STS gave a session.
    #[must_use]
    pub fn was_granted(&self) -> bool {
        self.exchange.value().is_some_and(|e| matches!(e.outcome, ExchangeOutcome::Granted { .. }))
    }

    /// Whether STS refused to give one.
    #[must_use]
    pub fn was_refused(&self) -> bool {
        self.exchange.value().is_some_and(|e| matches!(e.outcome, ExchangeOutcome::Refused(_)))
    }

    /// Whether STS gave no session for trouble of its own.
    #[must_use]
    pub fn sts_is_in_trouble(&self) -> bool {
        self.exchange.value().is_some_and(|exchange| match &exchange.outcome {
            ExchangeOutcome::Refused(fault) => fault.http_status >= 500,
            _ => false,
        })
    }

    /// Whether STS refused because of the role's trust policy, which supposes a provider that it knows.
    #[must_use]
    pub fn was_refused_by_policy(&self) -> bool {
        self.exchange.value().is_some_and(|exchange| match &exchange.outcome {
            ExchangeOutcome::Refused(fault) => {
                KnownFault::of(fault).is_some_and(|known| known.kind == FaultKind::TrustPolicyRefused)
            }
            _ => false,
        })
    }

    /// Whether STS took the OIDC provider, whatever it said of the role.
    #[must_use]
    pub fn provider_is_proven(&self) -> bool {
        self.was_granted() || self.was_refused_by_policy()
    }

    /// Whether anything says that the workload is to use RRSA: its own variables, volumes, labels or annotations, or a
    /// ServiceAccount that names a role or was meant to.
    #[must_use]
    pub fn wants_rrsa(&self) -> bool {
        let named = self
            .service_account
            .value()
            .is_none_or(|account| account.as_ref().is_none_or(ServiceAccountFacts::speaks_of_role));
        named || self.asks_by_itself()
    }

    /// Why it is not known whether anything says so: the ServiceAccount of a workload is not seen, and nothing else does.
    #[must_use]
    pub fn may_want_rrsa(&self) -> Option<&str> {
        let is_workload = matches!(self.subject, SubjectRef::Pod(_) | SubjectRef::Template(_));
        self.service_account.why_unknown().filter(|_| is_workload && !self.asks_by_itself())
    }

    /// Whether anything but its ServiceAccount says that the workload is to use RRSA.
    fn asks_by_itself(&self) -> bool {
        let ours = |key: &String| key.contains(OURS);
        let near = |names: &Vec<String>| {
            let near =
                |name: &String| rrsa_shared::policy::edit_distance(name, &self.service_account_name) <= 2;
            self.service_account_name != "default" && names.iter().any(near)
        };
        let of_pod = match &self.pod {
            Some(pod) => pod.names_rrsa() || pod.labels.keys().any(ours) || pod.annotations.keys().any(ours),
            None => {
                self.pods_using.value().is_some_and(|count| count.wired > 0)
                    || self.workloads.iter().any(|workload| workload.like.names_rrsa())
            }
        };
        let of_owner = self.owner.value().is_some_and(|owner| owner.labels.keys().any(ours));
        of_pod || of_owner || self.annotated_service_accounts.value().is_some_and(near)
    }

    /// Whether the pod has RRSA by the webhook alone: what made it does not wire it, so that a new pod is as good as what the
    /// webhook makes of it then.
    #[must_use]
    pub fn relies_on_webhook(&self) -> bool {
        let by_itself = |owner: &OwnerFacts| owner.template.is_wired();
        let pod = self.pod.as_ref().is_some_and(|pod| pod.is_wired() && !pod.is_template);
        pod && self.owner.value().is_some_and(|owner| !by_itself(owner))
    }

    /// Whether nothing in the files asks for RRSA: neither the workload, nor a ServiceAccount that it may have been meant
    /// to run as.
    #[must_use]
    pub fn is_nobodys_question(&self) -> bool {
        self.offline
            && !self.wants_rrsa()
            && self.annotated_service_accounts.value().is_some_and(Vec::is_empty)
            && !self.has_namesake()
    }

    /// Whether a ServiceAccount of the same name names a role in another namespace.
    #[must_use]
    pub fn has_namesake(&self) -> bool {
        self.annotated_elsewhere.value().is_some_and(|elsewhere| !elsewhere.is_empty())
    }

    /// Whether the webhook was seen with all that decides what it does, and does it; one that is not there is not needed.
    #[must_use]
    pub fn webhook_is_good(&self) -> bool {
        let webhook = self.cluster.webhook.value().and_then(Option::as_ref);
        self.cluster.webhook_is_seen() && webhook.is_none_or(|webhook| webhook.answers(self.looked_at))
    }

    /// Whether RRSA has reached the pod, or one of those that run as the ServiceAccount.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        match &self.pod {
            Some(pod) => pod.is_wired(),
            None => self.pods_using.value().is_some_and(|count| count.wired > 0),
        }
    }

    /// Whether RRSA has reached the workload, so that nothing need be injected: the pod itself. Pods that run as a
    /// ServiceAccount are judged one by one.
    #[must_use]
    pub fn is_wired(&self) -> bool {
        match &self.pod {
            Some(pod) => pod.is_wired(),
            None => {
                !self.workloads.is_empty() || self.pods_using.value().is_some_and(|count| count.wired > 0)
            }
        }
    }
}
