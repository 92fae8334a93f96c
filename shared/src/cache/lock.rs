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
    lock: Option<File>,
}

impl Flight {
    /// Whether nobody else asks meanwhile.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.lock.is_some()
    }

    /// Waits for the right to ask for `key`, no longer than `patience`; between two looks `landed` may find what another
    /// process has brought. Without a lock, because there is no folder or patience ends, everybody asks for itself.
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
            return Ok(Self { lock: None });
        };
        let start = clock.elapsed();
        let [mut pause, longest] = PAUSES;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Interrupted => {
                    return Ok(Self { lock: None });
                }
                Err(_) if clock.elapsed().saturating_sub(start) >= patience => {
                    return Ok(Self { lock: None });
                }
                Err(_) => {}
            }
            clock.pause(pause);
            pause = longest.min(pause * 2);
            if let Some(found) = landed() {
                return Err(found);
            }
        }
        // Whoever held it may have brought it just before letting go.
        match landed() {
            Some(found) => Err(found),
            None => Ok(Self { lock: Some(file) }),
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
        assert!(first.lock.is_some());
        assert_eq!(wait(1000, &mut || Some(7)).unwrap_err(), 7);
        assert!(wait(30, &mut || None).unwrap().lock.is_none(), "patience ends");
        drop(first);
        assert!(wait(1000, &mut || None).unwrap().lock.is_some());
    }
}
