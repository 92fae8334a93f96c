//! What a probe inside the cluster saw besides the token and the exchange, and how it differs from here.

use rrsa_shared::proof::NetworkFacts;
use serde::Serialize;

use super::{ExchangeFacts, Seen};

/// What is seen from inside the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VantageFacts {
    /// Where the probe ran, such as `an ephemeral container of pod demo`.
    pub place: String,
    /// The way to STS from there.
    pub network: Seen<NetworkFacts>,
    /// Whether the instance metadata service answers there.
    pub metadata_service: Seen<bool>,
    /// The same exchange made from this machine, when the probe's was not granted.
    pub from_here: Seen<ExchangeFacts>,
}
