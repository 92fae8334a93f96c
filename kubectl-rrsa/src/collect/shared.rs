//! Answers that several look for at once, asked for once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

/// Answers by what was asked for.
#[derive(Debug)]
pub(super) struct Shared<T>(Mutex<HashMap<String, Arc<OnceCell<T>>>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Shared<T> {
    /// The answer; who asks meanwhile waits for it.
    pub(super) async fn of(&self, what: &str, ask: impl Future<Output = T>) -> T {
        let answer = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(what.to_owned()).or_default())
        };
        answer.get_or_init(|| ask).await.clone()
    }
}
