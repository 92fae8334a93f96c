//! What was seen, as plain data. Nothing here knows where it comes from beyond the words that say so.

mod account;
mod cluster;
mod env_from;
mod issuer;
mod overriding;
mod pod;
mod service_account;
mod subject;
mod vantage;

pub use account::{AccountFacts, CloudCluster};
pub use cluster::{
    AdmissionFacts, Authority, ClusterFacts, DEFAULT_ISSUER, IssuerShape, Replicas, Requirement, Selector,
    WebhookDeployment, WebhookFacts,
};
pub use env_from::{EnvData, EnvSource, FIELD, expanded, names_key_to_java};
pub use issuer::{IssuerFacts, Published};
pub use overriding::{OVERRIDES, Overriding, may_replace};
pub use pod::{
    ContainerFacts, ContainerKind, Denial, EnvFact, MountFacts, OwnerFacts, PodFacts, RRSA_ENV, Rollout,
    TokenProjection, VolumeFacts, VolumeKind,
};
pub use rrsa_shared::env_vars::SHOWN as SHOWN_ENV;
pub use rrsa_shared::proof::{
    ExchangeFacts, ExchangeOutcome, IdentityFacts, Loss, TokenFacts, TokenFile, TokenProblem, TokenSource,
};
pub use rrsa_shared::seen::Seen;
pub use service_account::{NamespaceFacts, ServiceAccountFacts};
pub use subject::{FORBIDDEN, Facts, PodCount, SubjectRef, Workload, WorkloadPod, is_forbidden};
pub use vantage::VantageFacts;

/// What labels and annotations of the webhook begin with.
pub(crate) const OURS: &str = "pod-identity.alibabacloud.com/";
/// How names of our own probes begin.
pub const PROBE: &str = "rrsa-probe-";
/// Label of a namespace or pod that asks the webhook to inject; the value must be `on`.
pub const INJECTION_LABEL: &str = "pod-identity.alibabacloud.com/injection";
/// Annotation of a ServiceAccount that names its RAM role, by name and not by ARN.
pub const ROLE_NAME_ANNOTATION: &str = "pod-identity.alibabacloud.com/role-name";
/// Annotation of a ServiceAccount or a pod: seconds that the injected token lives.
pub const EXPIRATION_ANNOTATION: &str = "pod-identity.alibabacloud.com/service-account-token-expiration";
/// Annotation of a pod: the only containers that are injected, with commas.
pub const ONLY_CONTAINERS_ANNOTATION: &str = "pod-identity.alibabacloud.com/only-containers";
/// Annotation of a pod: containers that are not injected, with commas.
pub const SKIP_CONTAINERS_ANNOTATION: &str = "pod-identity.alibabacloud.com/skip-containers";
/// Label of a namespace or annotation of a pod: `true` lets the webhook replace variables that are set already.
pub const OVERRIDE_ENV: &str = "pod-identity.alibabacloud.com/override-env";
/// Of the ServiceAccounts that name one role no more are looked at.
pub const SHARING: usize = 50;
/// Name of the volume that the webhook adds.
pub const WEBHOOK_VOLUME: &str = "rrsa-oidc-token";
pub use rrsa_shared::policy::AUDIENCE;
