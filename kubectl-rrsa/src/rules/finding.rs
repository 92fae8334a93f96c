//! What a rule says.

use std::fmt;

use serde::Serialize;

use super::reach;
use crate::facts::{Facts, PodFacts};

/// The links of the chain, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Link {
    /// The cluster as an OIDC issuer.
    Cluster,
    /// The OIDC provider that RAM has for it.
    Provider,
    /// What injects variables and token into pods.
    Webhook,
    /// The namespace's injection label.
    Namespace,
    /// The ServiceAccount and its role.
    ServiceAccount,
    /// The pod's variables, volume and mounts.
    Pod,
    /// The projected token.
    Token,
    /// AssumeRoleWithOIDC.
    Exchange,
    /// The role and who may assume it.
    TrustPolicy,
    /// Who the session is.
    Identity,
}

impl Link {
    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::Cluster,
        Self::Provider,
        Self::Webhook,
        Self::Namespace,
        Self::ServiceAccount,
        Self::Pod,
        Self::Token,
        Self::Exchange,
        Self::TrustPolicy,
        Self::Identity,
    ];
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cluster => "cluster",
            Self::Provider => "provider",
            Self::Webhook => "webhook",
            Self::Namespace => "namespace",
            Self::ServiceAccount => "serviceaccount",
            Self::Pod => "pod",
            Self::Token => "token",
            Self::Exchange => "exchange",
            Self::TrustPolicy => "trustpolicy",
            Self::Identity => "identity",
        })
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Info,
    /// Works by luck, or is transient.
    Warning,
    /// This workload fails.
    Error,
    /// Nothing in the cluster can work.
    Critical,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        })
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// `RRSA-` and the rule's number in the catalogue; stable.
    pub rule: &'static str,
    /// The link it belongs to.
    pub link: Link,
    /// How bad.
    pub severity: Severity,
    /// What is wrong, one line.
    pub title: &'static str,
    /// What was expected.
    pub expected: String,
    /// What was seen.
    pub seen: String,
    /// Where it was seen.
    pub place: String,
    /// What mends it, in words.
    pub remedy: String,
    /// What to type, when one command does it.
    pub command: Option<String>,
    /// Rules further down the chain that are broken because of it.
    pub symptoms: Vec<&'static str>,
    /// The same for the same trouble of the same workload, whatever its pods are called and whatever the time; 16 hex
    /// digits, empty before a report is made.
    pub fingerprint: String,
    /// What else has the same trouble.
    pub also: Vec<Also>,
    /// Containers of the same pod that break the rule too, and what of them was seen.
    #[serde(skip)]
    pub others: Vec<(String, Evidence)>,
}

impl Finding {
    /// Where it was seen, with what else has the trouble.
    #[must_use]
    pub fn places(&self) -> String {
        let also: Vec<_> = self.also.iter().map(|one| one.what.as_str()).collect();
        match also.is_empty() {
            true => self.place.clone(),
            false => format!("{}; also {}", self.place, also.join(", ")),
        }
    }
}

/// Something else that has the trouble of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Also {
    /// Such as `deployment/demo`.
    pub what: String,
    /// Its own [`Finding::fingerprint`].
    pub fingerprint: String,
}

/// What a rule makes of the facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What must hold does.
    Holds,
    /// It does not.
    Broken(Evidence),
    /// The facts it needs were not seen, and this is why.
    Unseen(String),
    /// It says nothing about this subject.
    NotApplicable,
}

/// What a rule adds to its own id, title and link to make a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// See [`Finding::severity`]; `None` takes the rule's own.
    pub severity: Option<Severity>,
    /// See [`Finding::expected`].
    pub expected: String,
    /// See [`Finding::seen`].
    pub seen: String,
    /// See [`Finding::place`].
    pub place: String,
    /// See [`Finding::remedy`].
    pub remedy: String,
    /// See [`Finding::command`].
    pub command: Option<String>,
    /// The same of other containers of the pod, by their names.
    pub others: Vec<(String, Evidence)>,
}

impl Evidence {
    /// Evidence without a command.
    pub fn new(
        expected: impl Into<String>,
        seen: impl Into<String>,
        place: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            severity: None,
            expected: expected.into(),
            seen: seen.into(),
            place: place.into(),
            remedy: remedy.into(),
            command: None,
            others: Vec::new(),
        }
    }

    /// The same with what to type.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// The same with what to type, where one command does it.
    #[must_use]
    pub fn command_if(mut self, command: Option<String>) -> Self {
        self.command = command;
        self
    }

    /// The same, of another severity than the rule's own.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }
}

impl From<Evidence> for Verdict {
    fn from(evidence: Evidence) -> Self {
        Self::Broken(evidence)
    }
}

/// The verdict of a rule on injection: on what still needs it, and, as a warning, on what the next pod will need. Of what needs
/// none what is not in order is not good either.
pub(super) fn on_injection(facts: &Facts, judge: impl FnOnce() -> Verdict) -> Verdict {
    // Nothing says how a pod that nobody owns was wired; what the webhook is asked for comes of it.
    let by_itself = |pod: &&PodFacts| pod.owner.is_none() && !pod.is_template && pod.is_wired();
    let is_there = facts.cluster.webhook.value().is_some_and(Option::is_some);
    let is_asked = |pod| is_there && reach::will_be_injected(facts, pod) == Ok(true);
    let relies = facts.relies_on_webhook() || facts.pod.as_ref().filter(by_itself).is_some_and(is_asked);
    match (facts.is_wired(), relies) {
        (false, _) => judge(),
        (true, true) => judge().for_the_next_pod(),
        (true, false) => match judge() {
            Verdict::Broken(_) | Verdict::Unseen(_) => Verdict::NotApplicable,
            other => other,
        },
    }
}

impl Verdict {
    /// What it means for a pod that has what it needs, and will be made again: a warning. What is not seen is no doubt
    /// about what runs.
    fn for_the_next_pod(self) -> Self {
        match self {
            Self::Broken(evidence) => {
                let remedy =
                    format!("{}; what runs was injected before, and a new pod would not be", evidence.remedy);
                Self::Broken(Evidence { severity: Some(Severity::Warning), remedy, ..evidence })
            }
            Self::Unseen(_) => Self::Holds,
            other => other,
        }
    }

    /// Whether the rule is broken.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        matches!(self, Self::Broken(_))
    }
}
