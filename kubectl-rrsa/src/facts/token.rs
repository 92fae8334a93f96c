//! A token that was looked at. The token itself is not a fact and never stands here.

use rrsa_shared::oidc::TokenClaims;
use serde::Serialize;

use super::seen::Seen;

/// Where a token came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TokenSource {
    /// Asked for with TokenRequest.
    TokenRequest,
    /// Read from the file of a running container.
    Exec {
        /// Name of the container.
        container: String,
    },
}

/// What was found in a file of a running container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenFile {
    /// Path, by the token file variable.
    pub path: String,
    /// Octal mode, such as `644`, followed by owner and group; by `stat` in the container.
    pub mode: Seen<String>,
}

/// Why a text that was read is no token to work with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TokenProblem {
    /// The file does not exist.
    Missing,
    /// The file is empty.
    Empty,
    /// The file may not be read.
    Unreadable(String),
    /// The text is no JWT: why, in words.
    Malformed(String),
    /// More characters than STS takes: how many.
    TooLong(usize),
    /// White space or other bytes before or after the token, which no SDK trims.
    Surrounded,
}

/// What is known of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenFacts {
    /// Where it came from.
    pub source: TokenSource,
    /// The file it was read from, when it was.
    pub file: Option<TokenFile>,
    /// What is wrong with the text itself.
    pub problem: Option<TokenProblem>,
    /// `alg` of its header.
    pub algorithm: Option<String>,
    /// `kid` of its header.
    pub key_id: Option<String>,
    /// Its claims, unverified.
    pub claims: TokenClaims,
    /// Whether a key the issuer publishes signed it: `None` inside when one did, else why not.
    pub signature: Seen<Option<String>>,
    /// The time it was looked at, Unix seconds.
    pub seen_at: i64,
}
