//! The key sets that issuers have published.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// Key sets by issuer URL.
pub(super) struct Issuers(Mutex<HashMap<String, Value>>);

impl Issuers {
    pub(super) fn new(jwks: HashMap<String, Value>) -> Self {
        Self(Mutex::new(jwks))
    }

    pub(super) fn publish(&self, url: String, jwks: Value) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(url, jwks);
    }

    pub(super) fn jwks(&self, url: &str) -> Option<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned()
    }
}
