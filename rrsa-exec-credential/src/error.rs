//! What stops a command.

use std::fmt;

use rrsa_shared::cache::Witness;
use rrsa_shared::printable::printable;

/// Exit codes, part of the public interface.
pub(crate) mod exit {
    /// Done.
    pub(crate) const DONE: u8 = 0;
    /// A credential source is configured but broken, or was refused.
    pub(crate) const REFUSED: u8 = 1;
    /// The command line or the environment is wrong.
    pub(crate) const USAGE: u8 = 2;
    /// No answer came back.
    pub(crate) const NO_ANSWER: u8 = 3;
    /// `exec`: the command cannot be run, as shells say it.
    pub(crate) const COMMAND_UNUSABLE: u8 = 126;
    /// `exec`: there is no such command, as shells say it.
    pub(crate) const COMMAND_MISSING: u8 = 127;
}

/// An error in our words, with the next thing to do; one line each on stderr.
#[derive(Debug)]
pub(crate) struct Error {
    pub(crate) code: u8,
    pub(crate) message: String,
    /// What somebody else said of it; shown after the message, and kept nowhere.
    pub(crate) said: Option<String>,
    pub(crate) hint: Option<String>,
    /// Whether finding out took somebody's time, so that asking again at once costs as much and brings the same.
    pub(crate) is_costly: bool,
    /// What was looked at on the way, and is to be what it was for the same to be said again.
    pub(crate) looked_at: Vec<Witness>,
}

impl Error {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            said: None,
            hint: None,
            is_costly: false,
            looked_at: Vec::new(),
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn said(mut self, said: Option<String>) -> Self {
        self.said = said;
        self
    }

    pub(crate) fn costly(mut self) -> Self {
        self.is_costly = true;
        self
    }

    pub(crate) fn about(mut self, looked_at: Vec<Witness>) -> Self {
        self.looked_at = looked_at;
        self
    }

    /// The same, of which no other process is told.
    pub(crate) fn only_here(mut self) -> Self {
        self.is_costly = false;
        self
    }

    /// The same on one line.
    pub(crate) fn on_one_line(&self) -> String {
        self.to_string().replace("\n  hint:", ". Hint:").replace('\n', " ")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", printable(&self.message))?;
        if let Some(said) = &self.said {
            write!(f, ": {}", printable(said))?;
        }
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\n  hint: {}", printable(hint)))
    }
}
