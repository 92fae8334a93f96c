//! How far a long check has come, on a terminal; elsewhere nothing.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// From how many subjects on somebody may wonder.
const MANY: usize = 8;

/// A bar on stderr.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar for `total` subjects; one that nobody sees for a few, or where stderr is no terminal.
    #[must_use]
    pub fn of(total: usize) -> Self {
        let target =
            if total > MANY { ProgressDrawTarget::stderr_with_hz(5) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(u64::try_from(total).ok(), target);
        let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} checked, {eta} left");
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    /// One more is done.
    pub fn advance(&self) {
        self.0.inc(1);
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}
