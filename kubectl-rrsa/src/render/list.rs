//! Several results as one document, in the shape that kubectl gives its lists.

use serde::Serialize;

use crate::error::Error;

/// A list of results.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct List<'a, T> {
    kind: &'static str,
    items: &'a [T],
    /// Where what was wanted may have been hidden or gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_checked: Option<&'a [Error]>,
}

impl<'a, T> List<'a, T> {
    /// The list of `items`.
    #[must_use]
    pub fn of(items: &'a [T]) -> Self {
        Self { kind: "List", items, not_checked: None }
    }

    /// The same with what ought to be in it and is not, and why.
    #[must_use]
    pub fn without(self, not_checked: &'a [Error]) -> Self {
        Self { not_checked: Some(not_checked), ..self }
    }
}
