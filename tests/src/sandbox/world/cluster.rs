//! The cluster half's share of the world file.

use serde::Deserialize;

/// The cluster half's share of the world.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterWorld {
    /// What the API server gets wrong on purpose.
    pub faults: Vec<ClusterFault>,
    /// Whether the stand-in for ack-pod-identity-webhook is installed.
    pub webhook: bool,
    /// Users limited to rules; a user who is not listed may do everything.
    pub rbac: Vec<ClusterUser>,
    /// The longest life of a token that the cluster mints, seconds.
    pub token_ceiling_seconds: u32,
}

impl Default for ClusterWorld {
    fn default() -> Self {
        Self { faults: Vec::new(), webhook: true, rbac: Vec::new(), token_ceiling_seconds: 43_200 }
    }
}

/// A request that the API server refuses on purpose.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterFault {
    /// The verb of the request such as `get`, `*` for all.
    pub verb: String,
    /// The resource in the plural such as `pods` or `serviceaccounts/token`, `*` for all.
    pub resource: String,
    /// The object's name; absent: any.
    #[serde(default)]
    pub name: Option<String>,
    /// The HTTP status of the answer.
    pub code: u16,
    /// The `reason` of the `Status` object, such as `Forbidden`.
    pub reason: String,
    /// The `message` of the `Status` object.
    pub message: String,
    /// How many requests it spoils; absent: all of them.
    #[serde(default)]
    pub times: Option<u32>,
    /// The `Retry-After` header, seconds; absent: none is sent.
    #[serde(default)]
    pub retry_after_seconds: Option<u32>,
    /// Milliseconds that the caller waits first.
    #[serde(default)]
    pub latency_ms: u64,
}

/// A user who may do what the rules say and nothing else.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterUser {
    /// The user's name, `system:anonymous` for requests without credentials.
    pub user: String,
    /// What the user may do.
    #[serde(default)]
    pub rules: Vec<ClusterRule>,
}

/// One RBAC rule; API groups are not told apart.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterRule {
    /// Verbs such as `get`, `*` for all.
    pub verbs: Vec<String>,
    /// Resources in the plural, with the subresource such as `pods/exec`, `*` for all.
    #[serde(default)]
    pub resources: Vec<String>,
    /// Names of the objects; empty: any.
    #[serde(default)]
    pub resource_names: Vec<String>,
    /// Paths such as `/openid/v1/jwks`, a `*` at the end for all below.
    #[serde(default)]
    pub non_resource_urls: Vec<String>,
}
