//! What the cloud's own APIs say of the account, where there is an access key to ask them with.

use rrsa_shared::ack::ClusterDetail;
use rrsa_shared::ram::{OidcProvider, Role};
use serde::Serialize;

use super::Seen;

/// The role and the OIDC provider of one exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountFacts {
    /// The role to be assumed; `None` when RAM has none of that name.
    pub role: Seen<Option<Role>>,
    /// The provider to be named; `None` when IMS has none of that name.
    pub provider: Seen<Option<OidcProvider>>,
    /// Names of the policies that say what the role may do.
    pub policies: Seen<Vec<String>>,
    /// ARNs of all OIDC providers of the account.
    pub providers: Seen<Vec<String>>,
}

impl AccountFacts {
    /// Nothing is known, and this is why.
    #[must_use]
    pub fn unseen(why: &str) -> Self {
        Self {
            role: Seen::unknown(why),
            provider: Seen::unknown(why),
            policies: Seen::unknown(why),
            providers: Seen::unknown(why),
        }
    }
}

/// The cluster as ACK knows it; `None` when the account has none of that id.
pub type CloudCluster = Seen<Option<ClusterDetail>>;
