//! Nonces that were used.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::authenticate::WINDOW_SECONDS;

/// The nonces of each access key, with the time of their use.
#[derive(Default)]
pub(in super::super) struct Nonces(Mutex<HashMap<(String, String), Timestamp>>);

impl Nonces {
    /// Whether this access key has not used the nonce before; it has from now on. Once no time stamp of
    /// that age would be taken any more, the nonce is forgotten.
    pub(super) fn is_first_use(&self, access_key_id: &str, nonce: &str, now: Timestamp) -> bool {
        let mut nonces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = SignedDuration::from_secs(2 * WINDOW_SECONDS);
        nonces.retain(|_, used| now.duration_since(*used).abs() <= kept);
        nonces.insert((access_key_id.to_owned(), nonce.to_owned()), now).is_none()
    }
}
