//! Several results as one document, in the shape that kubectl gives its lists.

use serde::Serialize;

/// A list of results.
#[derive(Debug, Serialize)]
pub struct List<'a, T> {
    kind: &'static str,
    items: &'a [T],
}

impl<'a, T> List<'a, T> {
    /// The list of `items`.
    #[must_use]
    pub fn of(items: &'a [T]) -> Self {
        Self { kind: "List", items }
    }
}
