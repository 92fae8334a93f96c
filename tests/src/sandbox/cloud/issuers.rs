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

    /// The issuer whose URL has this path, without a slash at the end.
    pub(super) fn at(&self, path: &str) -> Option<String> {
        let of = |url: &str| {
            url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| rest[at..].to_owned()))
        };
        let issuers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        issuers.keys().find(|url| of(url).unwrap_or_default() == path).cloned()
    }

    pub(super) fn jwks(&self, url: &str) -> Option<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned()
    }
}
