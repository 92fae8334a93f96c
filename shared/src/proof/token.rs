//! A token that was looked at. The token itself is not a fact and never stands here.

use serde::{Deserialize, Serialize};

use crate::oidc::{JwkSet, OidcToken, OidcTokenError, TokenClaims, UnverifiedJwt};
use crate::secret::Secret;
use crate::seen::Seen;

/// Where a token came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TokenSource {
    /// Asked for with TokenRequest.
    TokenRequest,
    /// Read from the file of a running container.
    Exec {
        /// Name of the container.
        container: String,
    },
    /// Read by the probe in the pod itself.
    Probe,
    /// Read by the probe in a pod of its own.
    Beside,
}

/// What was found in a file of a running container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenFile {
    /// Path, by the token file variable.
    pub path: String,
    /// Octal mode, such as `644`, followed by owner and group; by `stat` in the container.
    pub mode: Seen<String>,
}

/// Why a text that was read is no token to work with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// What there is to know of a text that ought to be a token, and the token when it can be used. `seen_at` is
/// in Unix seconds.
#[must_use]
pub fn examine(
    raw: &Secret,
    source: TokenSource,
    file: Option<TokenFile>,
    keys: &Seen<JwkSet>,
    seen_at: i64,
) -> (TokenFacts, Option<OidcToken>) {
    let text = raw.expose();
    let parsed = OidcToken::parse(text);
    let read = parsed.as_ref().ok().map(UnverifiedJwt::read);
    let problem = match (&parsed, &read) {
        (Err(OidcTokenError::Empty), _) => Some(TokenProblem::Empty),
        (Err(OidcTokenError::TooLong { chars }), _) => Some(TokenProblem::TooLong(*chars)),
        (Err(error), _) => Some(TokenProblem::Malformed(error.to_string())),
        (Ok(_), Some(Err(error))) => Some(TokenProblem::Malformed(error.to_string())),
        (Ok(_), _) if text.trim().len() != text.len() => Some(TokenProblem::Surrounded),
        (Ok(_), _) => None,
    };
    let jwt = read.and_then(Result::ok);
    let signature = match &parsed {
        Ok(token) => keys.map(|keys| keys.verify(token).err().map(|fault| fault.to_string())),
        Err(_) => Seen::unknown("there is no token to verify"),
    };
    let facts = TokenFacts {
        source,
        file,
        problem,
        algorithm: jwt.as_ref().and_then(|jwt| jwt.algorithm.clone()),
        key_id: jwt.as_ref().and_then(|jwt| jwt.key_id.clone()),
        claims: jwt.map_or_else(TokenClaims::default, |jwt| jwt.claims),
        signature,
        seen_at,
    };
    (facts, parsed.ok())
}

impl TokenFacts {
    /// Whether it is the token that the checked pod itself has.
    #[must_use]
    pub fn is_of_the_pod(&self) -> bool {
        matches!(self.source, TokenSource::Exec { .. } | TokenSource::Probe)
    }
}

/// What is known of a token that could not be read at all.
#[must_use]
pub fn broken(
    problem: TokenProblem,
    source: TokenSource,
    file: Option<TokenFile>,
    seen_at: i64,
) -> TokenFacts {
    TokenFacts {
        source,
        file,
        problem: Some(problem),
        algorithm: None,
        key_id: None,
        claims: TokenClaims::default(),
        signature: Seen::unknown("there is no token to verify"),
        seen_at,
    }
}
