//! What the public, and so STS, finds at the issuer's address.

use rrsa_shared::ports::http::TransportFault;
use serde::Serialize;

use super::Seen;

/// The documents of an issuer, as they are published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IssuerFacts {
    /// Address of the discovery document.
    pub discovery_url: String,
    /// What is found there.
    pub discovery: Published,
    /// `kid`s of the key set that it points to.
    pub key_ids: Seen<Vec<String>>,
    /// SHA-1 fingerprints of the certificates that the host shows, lower-case hexadecimal, its own first.
    pub fingerprints: Seen<Vec<String>>,
}

/// What is found at the address of a discovery document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Published {
    /// A discovery document.
    #[serde(rename_all = "camelCase")]
    Document {
        /// Its `issuer`.
        issuer: String,
        /// Its `jwks_uri`.
        jwks_uri: String,
    },
    /// An answer of this HTTP status, other than 200.
    Status(u16),
    /// Something that is no discovery document: why.
    Other(String),
    /// No answer.
    NoAnswer {
        /// Where it was lost.
        fault: TransportFault,
        /// The layer's own words.
        why: String,
    },
}
