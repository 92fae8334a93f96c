//! Time: the machine's, or one that tests set.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// Tells the time and waits.
#[derive(Clone, Debug)]
pub struct Clock(Inner);

#[derive(Clone, Debug)]
enum Inner {
    Real(Instant),
    Fake(Arc<Mutex<FakeTime>>),
}

#[derive(Debug)]
struct FakeTime {
    start: Timestamp,
    slept: Duration,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the adapter that owns the clock")]
    pub fn real() -> Self {
        Self(Inner::Real(Instant::now()))
    }

    /// A clock that stands at `start` and moves only when something sleeps on it.
    #[must_use]
    pub fn fake(start: Timestamp) -> Self {
        Self(Inner::Fake(Arc::new(Mutex::new(FakeTime { start, slept: Duration::ZERO }))))
    }

    /// The time of day, UTC.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the adapter that owns the clock")]
            Inner::Real(_) => Timestamp::now(),
            Inner::Fake(time) => {
                let time = time.lock().unwrap_or_else(PoisonError::into_inner);
                let slept = SignedDuration::try_from(time.slept).unwrap_or(SignedDuration::MAX);
                time.start.saturating_add(slept).unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// Waits, and lets nothing else run meanwhile.
    pub fn pause(&self, duration: Duration) {
        match &self.0 {
            Inner::Real(_) => std::thread::sleep(duration),
            Inner::Fake(time) => {
                let mut time = time.lock().unwrap_or_else(PoisonError::into_inner);
                time.slept += duration;
            }
        }
    }

    /// Time since this clock was made, by a clock that never jumps.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Inner::Real(start) => start.elapsed(),
            Inner::Fake(time) => time.lock().unwrap_or_else(PoisonError::into_inner).slept,
        }
    }

    /// Waits. A fake clock returns at once, `duration` later.
    pub async fn sleep(&self, duration: Duration) {
        match &self.0 {
            Inner::Real(_) => tokio::time::sleep(duration).await,
            Inner::Fake(time) => time.lock().unwrap_or_else(PoisonError::into_inner).slept += duration,
        }
    }
}
