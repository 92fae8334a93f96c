//! The sandbox's time: the machine's clock plus an offset that is set, never slept on.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// A clock that can be moved; its clones move with it.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    /// The machine's time plus `offset_seconds`.
    #[must_use]
    pub fn new(offset_seconds: i64) -> Self {
        Self(Arc::new(AtomicI64::new(offset_seconds)))
    }

    /// A clock that shows `time` now, and runs on from there.
    #[must_use]
    pub fn starting_at(time: Timestamp) -> Self {
        Self::new(time.as_second().saturating_sub(machine_time().as_second()))
    }

    /// The time of day, UTC.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let offset = SignedDuration::from_secs(self.0.load(Ordering::Relaxed));
        machine_time().saturating_add(offset).expect("a saturating addition of a fixed duration")
    }

    /// Moves the clock by `seconds`, backwards when negative.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Sets the distance to the machine's time.
    pub fn set_offset(&self, seconds: i64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

#[expect(clippy::disallowed_methods, reason = "the adapter that owns the sandbox's clock")]
fn machine_time() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_clock_move_together() {
        let clock = Clock::starting_at("2024-01-02T03:04:05Z".parse().unwrap());
        let other = clock.clone();
        clock.advance(86_400);
        let day = other.now().to_string();
        assert!(day.starts_with("2024-01-03T03:04:"), "{day}");
    }

    #[test]
    fn an_offset_replaces_the_one_before() {
        let clock = Clock::new(-1_000_000);
        clock.advance(50);
        clock.set_offset(3600);
        let ahead = clock.now().as_second() - Clock::new(0).now().as_second();
        assert!((3599..=3601).contains(&ahead), "{ahead}");
    }
}
