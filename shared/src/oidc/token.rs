//! An OIDC token that STS would at least look at.

use std::fmt;

use crate::secret::Secret;

/// The longest token STS takes, in characters (AssumeRoleWithOIDC, `OIDCToken`: 4 to 20,000).
pub const MAX_TOKEN_CHARS: usize = 20_000;

/// A trimmed token of three parts within the size limit. Nothing else about it is checked.
#[derive(Clone, Debug)]
pub struct OidcToken(Secret);

/// Why a text cannot be an OIDC token; found before anything is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OidcTokenError {
    /// Nothing but white space.
    Empty,
    /// Longer than [`MAX_TOKEN_CHARS`].
    TooLong {
        /// Its length in characters.
        chars: usize,
    },
    /// Not three parts joined by dots, or one of the parts is empty.
    NotThreeParts {
        /// How many parts it has.
        parts: usize,
    },
    /// Has characters that no base64url part has.
    Characters,
}

impl fmt::Display for OidcTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the OIDC token is empty"),
            Self::TooLong { chars } => {
                write!(f, "the OIDC token has {chars} characters; STS takes at most {MAX_TOKEN_CHARS}")
            }
            Self::NotThreeParts { parts } => {
                write!(f, "the OIDC token has {parts} dot-separated parts with content; a JWT has three")
            }
            Self::Characters => write!(f, "the OIDC token has characters that no JWT has"),
        }
    }
}

impl std::error::Error for OidcTokenError {}

impl OidcToken {
    /// Takes a token as read from a file or an API; white space around it is dropped, because no SDK does so
    /// and STS refuses it.
    ///
    /// # Errors
    /// When STS would refuse the text whatever it says.
    pub fn parse(raw: &str) -> Result<Self, OidcTokenError> {
        let text = raw.trim();
        if text.is_empty() {
            return Err(OidcTokenError::Empty);
        }
        let chars = text.chars().count();
        if chars > MAX_TOKEN_CHARS {
            return Err(OidcTokenError::TooLong { chars });
        }
        let mut parts = text.split('.');
        let filled = text.split('.').filter(|part| !part.is_empty()).count();
        if filled != 3 || text.split('.').count() != 3 {
            return Err(OidcTokenError::NotThreeParts { parts: filled });
        }
        let base64url = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'=');
        if !parts.all(|part| part.bytes().all(base64url)) {
            return Err(OidcTokenError::Characters);
        }
        Ok(Self(Secret::from(text)))
    }

    /// The token itself, for a wire.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_around_a_token_is_dropped() {
        assert_eq!(OidcToken::parse(" a.b.c\r\n").unwrap().expose(), "a.b.c");
    }

    #[test]
    fn what_sts_would_refuse_anyway_is_refused_here() {
        let long = format!("{}.b.c", "a".repeat(MAX_TOKEN_CHARS - 3));
        for (raw, expected) in [
            ("", OidcTokenError::Empty),
            (" \n", OidcTokenError::Empty),
            ("a.b", OidcTokenError::NotThreeParts { parts: 2 }),
            ("a..c", OidcTokenError::NotThreeParts { parts: 2 }),
            ("a.b.c.d", OidcTokenError::NotThreeParts { parts: 4 }),
            ("a.b.c.", OidcTokenError::NotThreeParts { parts: 3 }),
            ("a.b b.c", OidcTokenError::Characters),
            (&long, OidcTokenError::TooLong { chars: MAX_TOKEN_CHARS + 1 }),
        ] {
            assert_eq!(OidcToken::parse(raw).unwrap_err(), expected, "{raw:.40?}");
        }
        assert!(OidcToken::parse(&long[1..]).is_ok(), "the limit itself is allowed");
    }
}
