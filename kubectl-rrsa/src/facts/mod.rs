//! What was seen, as plain data. Nothing here knows where it comes from beyond the words that say so.

mod account;
mod cluster;
mod exchange;
mod pod;
mod seen;
mod service_account;
mod subject;
mod token;

pub use account::{AccountFacts, CloudCluster};
pub use cluster::{ClusterFacts, DEFAULT_ISSUER, IssuerShape, Replicas, WebhookFacts};
pub use exchange::{ExchangeFacts, ExchangeOutcome, IdentityFacts};
pub use pod::{ContainerFacts, ContainerKind, EnvFact, MountFacts, PodFacts, RRSA_ENV, TokenProjection};
pub use seen::Seen;
pub use service_account::{NamespaceFacts, ServiceAccountFacts};
pub use subject::{Facts, PodCount, SubjectRef};
pub use token::{TokenFacts, TokenFile, TokenProblem, TokenSource};

/// Label of a namespace or pod that asks the webhook to inject; the value must be `on`.
pub const INJECTION_LABEL: &str = "pod-identity.alibabacloud.com/injection";
/// Annotation of a ServiceAccount that names its RAM role, by name and not by ARN.
pub const ROLE_NAME_ANNOTATION: &str = "pod-identity.alibabacloud.com/role-name";
pub use rrsa_shared::policy::AUDIENCE;
