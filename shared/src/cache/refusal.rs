//! That asking brought nothing is remembered for some seconds, so that a caller that asks five times waits once and costs one
//! call.

use serde::{Deserialize, Serialize};

use super::{CacheKey, Folder, Witness};

/// How long, seconds.
pub const REMEMBERED_SECONDS: i64 = 5;

/// What was said, without any secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// When, Unix seconds.
    pub at: i64,
    /// The words that the caller got.
    pub words: String,
    /// What to do next.
    pub hint: Option<String>,
    /// The exit code that the caller got.
    pub code: u8,
    /// What was looked at, and is to be what it was.
    pub looked_at: Vec<Witness>,
}

impl Refusal {
    /// What is remembered for `key` at `now`, Unix seconds.
    #[must_use]
    pub fn recall(folder: &Folder, key: &CacheKey, now: i64) -> Option<Self> {
        let bytes = folder.read(&name(key)).ok()??;
        let refusal: Self = serde_json::from_slice(&bytes).ok()?;
        if (0..REMEMBERED_SECONDS).contains(&(now - refusal.at)) {
            return Some(refusal);
        }
        Self::forget(folder, key);
        None
    }

    /// Remembers it; that it cannot be is no matter.
    pub fn remember(&self, folder: &Folder, key: &CacheKey) {
        if let Ok(bytes) = serde_json::to_vec(self) {
            let _ = folder.write(&name(key), &bytes);
        }
    }

    /// Forgets what is remembered for `key`.
    pub fn forget(folder: &Folder, key: &CacheKey) {
        let _ = folder.remove(&name(key));
    }
}

fn name(key: &CacheKey) -> String {
    format!("{key}.refused")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::KeyInputs;

    #[test]
    fn a_refusal_is_forgotten_after_some_seconds_and_by_a_clock_that_jumped() {
        let outer = tempfile::tempdir().unwrap();
        let folder = Folder::at(outer.path().join("cache"));
        folder.make().unwrap();
        let key = KeyInputs::default().finish();
        let refusal = Refusal { at: 100, words: "no".to_owned(), hint: None, code: 1, looked_at: Vec::new() };
        refusal.remember(&folder, &key);
        assert_eq!(Refusal::recall(&folder, &key, 104), Some(refusal.clone()));
        for over in [105, 99] {
            assert_eq!(Refusal::recall(&folder, &key, over), None);
            assert_eq!(folder.names(), [""; 0], "what is over is gone");
            refusal.remember(&folder, &key);
        }
        Refusal::forget(&folder, &key);
        assert_eq!(Refusal::recall(&folder, &key, 101), None);
    }
}
