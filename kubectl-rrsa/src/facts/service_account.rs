//! A ServiceAccount and its namespace.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{INJECTION_LABEL, ROLE_NAME_ANNOTATION};

/// The parts of a Namespace that RRSA reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceFacts {
    /// Name.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// When the injection label was last written, Unix seconds, where managed fields tell.
    pub labelled_at: Option<i64>,
}

/// The parts of a ServiceAccount that RRSA reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccountFacts {
    /// Name.
    pub name: String,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// The role that is named by a label, which the webhook does not read.
    pub role_label: Option<String>,
    /// When the role-name annotation was last written, Unix seconds, where managed fields tell.
    pub annotated_at: Option<i64>,
}

impl NamespaceFacts {
    /// The value of the injection label.
    #[must_use]
    pub fn injection(&self) -> Option<&str> {
        self.labels.get(INJECTION_LABEL).map(String::as_str)
    }
}

impl ServiceAccountFacts {
    /// The role-name annotation.
    #[must_use]
    pub fn role_name(&self) -> Option<&str> {
        self.annotations.get(ROLE_NAME_ANNOTATION).map(String::as_str)
    }

    /// Whether anything on it speaks of a role, in the right place or not.
    #[must_use]
    pub fn speaks_of_role(&self) -> bool {
        self.role_label.is_some() || self.annotations.keys().any(|key| key.contains("role"))
    }
}
