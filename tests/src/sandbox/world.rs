//! The world that the sandbox plays: one account, one cluster, and what is wrong with them.
//!
//! `docs/world.md` describes the file it is read from, `docs/world.schema.json` its shape.

mod check;
mod cluster;
mod file;
mod random;
#[cfg(test)]
mod schema;
mod shape;

use serde::Deserialize;
use serde_json::Value;

pub use cluster::{ClusterFault, ClusterRule, ClusterUser, ClusterWorld};
pub use file::WorldError;
pub(crate) use random::alphanumeric;

/// The issuer of a cluster whose RRSA is off; STS cannot read its keys.
pub const IN_CLUSTER_ISSUER: &str = "https://kubernetes.default.svc";

/// The audience of RRSA tokens, and the client id of the provider that ACK makes for a cluster.
pub const RRSA_AUDIENCE: &str = "sts.aliyuncs.com";

/// Everything the sandbox knows before it starts, each default decided.
#[derive(Clone, Debug)]
pub struct World {
    /// The account's id, 16 digits as a rule.
    pub account_id: String,
    /// The region of the cluster, such as `cn-hangzhou`.
    pub region: String,
    /// The cluster's id: `c` and 32 hexadecimal digits.
    pub cluster_id: String,
    /// The issuer that the cluster has while RRSA is on.
    pub issuer: String,
    /// Whether RRSA is on: decides the issuer of new tokens, and nothing in the cloud half.
    pub rrsa_enabled: bool,
    /// The account's OIDC identity providers.
    pub oidc_providers: Vec<OidcProvider>,
    /// The account's RAM roles.
    pub roles: Vec<Role>,
    /// The access keys that signed calls may use.
    pub access_keys: Vec<AccessKey>,
    /// What RAM users and roles may call; the account itself needs no entry.
    pub permissions: Vec<Permission>,
    /// The role whose credentials the instance metadata service hands out; absent: none is attached.
    pub ecs_role: Option<String>,
    /// The cluster's issuers as ACK lists them, the first that of new tokens; absent: as they follow from the rest.
    pub ack_issuers: Option<Vec<String>>,
    /// What the cloud half gets wrong on purpose.
    pub faults: Vec<Fault>,
    /// Seconds that the cloud's clock is ahead of the machine's.
    pub clock_offset_seconds: i64,
    /// The cluster half.
    pub cluster: ClusterWorld,
}

/// An OIDC identity provider of RAM.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcProvider {
    /// Its name, the last part of its ARN.
    pub name: String,
    /// The `iss` that tokens must carry, compared byte for byte.
    pub issuer: String,
    /// The audiences it accepts; one of a token's must be among them.
    #[serde(default = "rrsa_audience")]
    pub client_ids: Vec<String>,
    /// Hours after `iat` at which a token is refused although it has not expired, 1 to 168.
    #[serde(default = "issuance_limit_hours")]
    pub issuance_limit_hours: u32,
    /// SHA-1 fingerprints of the issuer's certificates, as RAM shows them.
    #[serde(default)]
    pub fingerprints: Vec<String>,
    /// What happens when STS asks the issuer for its keys.
    #[serde(default)]
    pub jwks: Jwks,
}

/// What happens when STS asks an issuer for its keys.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Jwks {
    /// The keys that the sandbox was given for this issuer are found.
    #[default]
    Published,
    /// The issuer does not answer: `IssuerConfigurationBroken`.
    None,
    /// The issuer's certificate chain is not trusted: `HttpsUrlInvalid`.
    UntrustedCertificate,
    /// The issuer's certificate is not the one registered: `PublicKeyFingerprintMismatch`.
    FingerprintMismatch,
}

/// A RAM role.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its name, the last part of its ARN.
    pub name: String,
    /// Its trust policy: a mapping, or the JSON document as a string.
    pub trust_policy: Value,
    /// The longest session, seconds, 3600 to 43200.
    #[serde(default = "session_seconds")]
    pub max_session_duration: u32,
    /// The permission policies attached to it; they are listed and not evaluated.
    #[serde(default)]
    pub policies: Vec<AttachedPolicy>,
    /// Free text.
    #[serde(default)]
    pub description: String,
}

impl Role {
    /// The trust policy as RAM returns it: a JSON document in a string.
    #[must_use]
    pub fn trust_policy_text(&self) -> String {
        match &self.trust_policy {
            Value::String(text) => text.clone(),
            document => document.to_string(),
        }
    }
}

/// A permission policy attached to a role.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttachedPolicy {
    /// Its name.
    pub name: String,
    /// Who wrote it.
    #[serde(default, rename = "type")]
    pub kind: PolicyKind,
}

/// Who wrote a policy.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub enum PolicyKind {
    /// Alibaba Cloud.
    System,
    /// The account.
    #[default]
    Custom,
}

/// A long-term access key. Its Debug form hides the secret.
#[derive(Clone)]
pub struct AccessKey {
    /// The AccessKeyId, `LTAI…` as a rule.
    pub id: String,
    /// The AccessKeySecret.
    pub secret: String,
    /// The RAM user it belongs to; absent: the account itself.
    pub user: Option<String>,
    /// Whether it may be used.
    pub active: bool,
}

impl std::fmt::Debug for AccessKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, user, active, .. } = self;
        write!(formatter, "AccessKey {{ id: {id:?}, secret: redacted, user: {user:?}, active: {active} }}")
    }
}

/// Calls that a RAM user or role may make.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    /// `user/NAME` or `role/NAME`.
    pub who: String,
    /// Actions such as `sts:AssumeRole`; `*` and `?` are wildcards.
    pub actions: Vec<String>,
    /// ARNs that the actions may touch; `*` and `?` are wildcards.
    #[serde(default = "everything")]
    pub resources: Vec<String>,
}

/// Something that the cloud half gets wrong on purpose.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The API's name such as `AssumeRoleWithOIDC`, `imds` for the metadata service, `*` for all.
    pub api: String,
    /// The error code to answer with; absent: the call goes on after the latency.
    #[serde(default)]
    pub code: Option<String>,
    /// The error's message; absent: the code's usual one.
    #[serde(default)]
    pub message: Option<String>,
    /// The HTTP status; absent: the code's documented one.
    #[serde(default)]
    pub http_status: Option<u16>,
    /// How many calls it spoils; absent: all of them.
    #[serde(default)]
    pub times: Option<u32>,
    /// How long it keeps the caller waiting first, milliseconds.
    #[serde(default)]
    pub latency_ms: u64,
}

impl World {
    /// Reads a world file.
    ///
    /// # Errors
    /// The text is not YAML, a field is unknown or of the wrong kind, or a value is out of its range:
    /// the error names the place.
    pub fn parse(yaml: &str) -> Result<Self, WorldError> {
        file::parse(yaml)
    }

    /// The issuer of the tokens that the cluster mints: its own while RRSA is on, the in-cluster one
    /// otherwise.
    #[must_use]
    pub fn token_issuer(&self) -> &str {
        if self.rrsa_enabled { &self.issuer } else { IN_CLUSTER_ISSUER }
    }

    /// The ARN of the role named `name` in this account.
    #[must_use]
    pub fn role_arn(&self, name: &str) -> String {
        format!("acs:ram::{}:role/{name}", self.account_id)
    }

    /// The ARN of the OIDC provider named `name` in this account.
    #[must_use]
    pub fn provider_arn(&self, name: &str) -> String {
        format!("acs:ram::{}:oidc-provider/{name}", self.account_id)
    }

    /// The name of the provider that ACK makes for the cluster.
    #[must_use]
    pub fn cluster_provider_name(&self) -> String {
        format!("ack-rrsa-{}", self.cluster_id)
    }
}

impl Default for World {
    /// The demo of the RRSA guide, healthy.
    fn default() -> Self {
        file::resolve(file::WorldFile::default()).expect("the defaults are in range")
    }
}

fn rrsa_audience() -> Vec<String> {
    vec![RRSA_AUDIENCE.to_owned()]
}

fn issuance_limit_hours() -> u32 {
    12
}

fn session_seconds() -> u32 {
    3600
}

fn everything() -> Vec<String> {
    vec!["*".to_owned()]
}
