//! The name a role session goes by in logs and in GetCallerIdentity.

use std::fmt;

/// 2 to 64 of letters, digits, `.`, `@`, `-` and `_` (STS `RoleSessionName`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionName(String);

/// A text that cannot be a session name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionNameError(String);

impl fmt::Display for SessionNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is not a session name: 2 to 64 of letters, digits, '.', '@', '-', '_'", self.0)
    }
}

impl std::error::Error for SessionNameError {}

impl SessionName {
    /// Takes a session name.
    ///
    /// # Errors
    /// When STS would refuse it.
    pub fn parse(text: &str) -> Result<Self, SessionNameError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'@' | b'-' | b'_');
        if (2..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(SessionNameError(text.to_owned()))
        }
    }

    /// A name made of `words`: what is not allowed becomes `-`, and it is cut to 64.
    #[must_use]
    pub fn of(words: &[&str]) -> Self {
        let keep = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
        let mut name: String = words.join("@").chars().map(|c| if c == '@' { c } else { keep(c) }).collect();
        name.truncate(64);
        while name.len() < 2 {
            name.push('-');
        }
        Self(name)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_name_has_two_to_sixty_four_allowed_characters() {
        assert!(SessionName::parse("a@b.c-d_1").is_ok());
        for text in ["", "a", "a b", "a/b", "é!", &"x".repeat(65)] {
            assert!(SessionName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_made_name_is_always_allowed() {
        for words in [&["kubectl-rrsa", "ns", "sa"][..], &[""], &["ns/é", "x"], &[&"long".repeat(40)]] {
            let name = SessionName::of(words);
            assert_eq!(SessionName::parse(name.as_str()), Ok(name.clone()), "{words:?}");
        }
    }
}
