//! One process at a time asks STS for one entry. The kernel lets the lock go when its holder dies.

use std::fs::{File, TryLockError};
use std::io;
use std::time::Duration;

use super::{CacheKey, Folder};
use crate::ports::clock::Clock;

/// Between two looks at a lock that somebody holds: the first, and the longest. A store that is a service hears each look.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(160)];

/// Longer a lock's file does not grow.
const MAX_LENGTH: u64 = 1024;

/// The right to ask; it ends when this is dropped.
#[derive(Debug)]
pub struct Flight {
    /// The file that the lock is on. Its length counts those that have brought what is for nobody else, since somebody shared.
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

    /// Says whether others have what was brought: where they do not, who waits meanwhile waits no longer.
    pub fn tell(&self, is_shared: bool) {
        let Some(file) = &self.file else { return };
        let length = if is_shared { 0 } else { length(file) % MAX_LENGTH + 1 };
        // Where it cannot be said they wait in vain, and not for ever.
        let _ = file.set_len(length);
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
        // What others have found before may be otherwise by now.
        let before = length(&file);
        let is_shared = || [0, before].contains(&length(&file));
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

fn length(file: &File) -> u64 {
    file.metadata().map_or(0, |found| found.len())
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
        let told = |first: &Flight, is_shared: bool| {
            let mut looks = 0;
            let waiting = wait(200, &mut || {
                looks += 1;
                first.tell(is_shared);
                None::<u8>
            });
            assert!(!waiting.unwrap().is_alone());
            looks
        };
        assert_eq!(told(&first, false), 1, "nobody waits for what is not shared");
        assert!(told(&first, true) > 1, "what was said before is forgotten");
        drop(first);
        assert!(wait(1000, &mut || None).unwrap().is_alone());
    }
}
