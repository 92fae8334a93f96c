//! That asking brought nothing is remembered for some seconds, so that a caller that asks five times waits once and costs one
//! call.

use serde::{Deserialize, Serialize};

use super::Witness;

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
    /// What was remembered, if it is that.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Whether it is still remembered at `now`, Unix seconds; by a clock that jumped back it is not.
    pub(super) fn is_of(&self, now: i64) -> bool {
        (0..REMEMBERED_SECONDS).contains(&(now - self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::{Folder, KeyInputs, Mode, Stores};

    #[test]
    fn a_refusal_is_forgotten_after_some_seconds_and_by_a_clock_that_jumped() {
        let outer = tempfile::tempdir().unwrap();
        let folder = Folder::at(outer.path().join("cache"));
        let stores = Stores::new(Mode::Auto, Some(folder.clone()));
        let key = KeyInputs::default().finish();
        let refusal = Refusal { at: 100, words: "no".to_owned(), hint: None, code: 1, looked_at: Vec::new() };
        stores.remember(&key, &refusal);
        assert_eq!(stores.recall(&key, 104), Some(refusal.clone()));
        for over in [105, 99] {
            assert_eq!(stores.recall(&key, over), None);
            assert_eq!(folder.names(), [""; 0], "what is over is gone");
            stores.remember(&key, &refusal);
        }
        stores.forget_refusal(&key);
        assert_eq!(stores.recall(&key, 101), None);
    }
}
