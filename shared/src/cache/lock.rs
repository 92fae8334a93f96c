//! One process at a time asks STS for one entry. The kernel lets the lock go when its holder dies.

use std::fs::{File, TryLockError};
use std::io;
use std::time::Duration;

use super::{CacheKey, Folder};
use crate::ports::clock::Clock;

/// Between two looks at a lock that somebody holds: the first, and the longest. A store that is a service hears each look.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(160)];

/// The right to ask; it ends when this is dropped.
#[derive(Debug)]
pub struct Flight {
    /// The file that the lock is on. It holds something where what the last one brought was for nobody else.
    file: Option<File>,
    is_alone: bool,
    has_waited: bool,
}

impl Flight {
    /// Whether nobody else asks meanwhile.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// Whether somebody else asked before, and was waited for.
    #[must_use]
    pub fn has_waited(&self) -> bool {
        self.has_waited
    }

    /// Says whether others have what was brought: where they do not, nobody waits for the next.
    pub fn tell(&self, is_shared: bool) {
        // Where it cannot be said they wait in vain, and not for ever.
        let _ = self.file.as_ref().map(|file| file.set_len(u64::from(!is_shared)));
    }

    /// Waits for the right to ask for `key`, no longer than `patience`; between two looks `landed` may find what another
    /// process has brought. Without a lock, because there is no folder, or patience ends, or nobody shares, everybody asks for
    /// itself.
    ///
    /// # Errors
    /// Never for a lock that cannot be had: `Ok` then too. `Err` carries what `landed` found.
    pub fn wait<T>(
        folder: Option<&Folder>,
        key: &CacheKey,
        patience: Duration,
        clock: &Clock,
        mut landed: impl FnMut() -> Option<T>,
    ) -> Result<Self, T> {
        let Some(Ok(file)) = folder.map(|folder| folder.open_lock(&format!("{key}.lock"))) else {
            return Ok(Self { file: None, is_alone: false, has_waited: false });
        };
        let is_shared = || file.metadata().is_ok_and(|found| found.len() == 0);
        let mut has_waited = false;
        let start = clock.elapsed();
        let [mut pause, longest] = PAUSES;
        let is_alone = loop {
            match file.try_lock() {
                Ok(()) => break true,
                Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Interrupted => break false,
                Err(_) if clock.elapsed().saturating_sub(start) >= patience || !is_shared() => break false,
                Err(_) => {}
            }
            has_waited = true;
            clock.pause(pause);
            pause = longest.min(pause * 2);
            if let Some(found) = landed() {
                return Err(found);
            }
        };
        // Whoever held it may have brought it just before letting go.
        match is_alone.then(&mut landed).flatten() {
            Some(found) => Err(found),
            None => Ok(Self { file: Some(file), is_alone, has_waited }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::KeyInputs;

    #[test]
    fn one_flies_and_the_others_wait_for_what_it_brings() {
        let outer = tempfile::tempdir().unwrap();
        let folder = Folder::at(outer.path().join("cache"));
        folder.make().unwrap();
        let (key, clock) = (KeyInputs::default().finish(), Clock::real());
        let wait = |patience, landed: &mut dyn FnMut() -> Option<u8>| {
            Flight::wait(Some(&folder), &key, Duration::from_millis(patience), &clock, landed)
        };
        let first = wait(1000, &mut || None).unwrap();
        assert!(first.is_alone() && !first.has_waited());
        assert_eq!(wait(1000, &mut || Some(7)).unwrap_err(), 7);
        assert!(!wait(30, &mut || None).unwrap().is_alone(), "patience ends");
        first.tell(false);
        let other = wait(60_000, &mut || None).unwrap();
        assert!(!other.is_alone() && !other.has_waited(), "nobody waits for what is not shared");
        other.tell(true);
        assert!(wait(30, &mut || None).unwrap().has_waited());
        drop(first);
        assert!(wait(1000, &mut || None).unwrap().is_alone());
    }
}
