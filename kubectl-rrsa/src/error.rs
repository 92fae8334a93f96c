//! What stops a command. A diagnosis is not an error: findings are data and travel in the report.

use std::fmt;

use rrsa_shared::printable::printable;
use serde::Serialize;

use crate::shell::addressed;

/// Exit codes, part of the public interface.
pub mod exit {
    /// Healthy, or the command did what was asked.
    pub const HEALTHY: u8 = 0;
    /// The check found something wrong.
    pub const FINDINGS: u8 = 1;
    /// The command line or a file it names is wrong.
    pub const USAGE: u8 = 2;
    /// The answer could not be found out: unreachable, forbidden, or timed out.
    pub const COULD_NOT_TELL: u8 = 3;
}

/// Which exit code an error ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Exit code 2: what was typed, or a file it names, is wrong.
    Usage,
    /// Exit code 2: what is named is not there, or not yet.
    Absent,
    /// Exit code 3: the cluster or the cloud gave no answer that can be judged.
    CouldNotTell,
}

/// An error in our words, with its cause and the next command to type.
#[derive(Clone, Debug, Serialize)]
pub struct Error {
    /// Decides the exit code.
    #[serde(skip)]
    pub kind: ErrorKind,
    /// What happened, one line without a full stop.
    pub message: String,
    /// What the layer below said, if it said anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What to type or look at next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Error {
    /// A usage error.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Usage, message: message.into(), cause: None, hint: None }
    }

    /// An error for an object that is not there.
    pub fn absent(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Absent, message: message.into(), cause: None, hint: None }
    }

    /// An error for an answer that could not be had.
    pub fn could_not_tell(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::CouldNotTell, message: message.into(), cause: None, hint: None }
    }

    /// The same error with what the layer below said.
    #[must_use]
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// The same error with the next thing to type.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error, whose hint goes to the cluster that `options` choose.
    #[must_use]
    pub fn addressed(mut self, options: &str) -> Self {
        self.hint = self.hint.map(|hint| addressed(&hint, options));
        self
    }

    /// The exit code this error ends in.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            ErrorKind::Usage | ErrorKind::Absent => exit::USAGE,
            ErrorKind::CouldNotTell => exit::COULD_NOT_TELL,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", printable(&self.message))?;
        if let Some(cause) = &self.cause {
            // Somebody else's words may have lines.
            let lines: Vec<_> = cause.trim().lines().map(printable).collect();
            write!(f, "\n  cause: {}", lines.join("\n         "))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {}", printable(hint))?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn somebody_elses_words_keep_their_lines_and_nothing_a_terminal_obeys() {
        let shown = Error::usage("no").caused_by("one\ntwo\u{1b}[2J\n").hint("type this").to_string();
        assert_eq!(shown, "error: no\n  cause: one\n         two\\u{1b}[2J\n  hint: type this");
    }
}
