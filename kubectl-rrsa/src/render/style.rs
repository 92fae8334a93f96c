//! Colour, where somebody sees it.

use std::io::IsTerminal as _;

use rrsa_shared::env_vars;
use rrsa_shared::ports::env::Env;

/// Whether to colour.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colour: bool,
}

impl Style {
    /// No colour.
    #[must_use]
    pub fn plain() -> Self {
        Self { colour: false }
    }

    /// Colour on a terminal, unless `NO_COLOR` is set.
    #[must_use]
    pub fn for_stdout(env: &Env) -> Self {
        Self { colour: std::io::stdout().is_terminal() && env.var(env_vars::NO_COLOR).is_none() }
    }

    /// Something that is right.
    #[must_use]
    pub fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Something that is wrong.
    #[must_use]
    pub fn bad(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// Something to look at.
    #[must_use]
    pub fn doubtful(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// Something that stands out.
    #[must_use]
    pub fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
