//! Why something could not be seen, in words that name what to ask for.

use crate::facts::FORBIDDEN;

/// Whether a refusal is of the caller's permissions: `User "x" cannot list resource …`, or without any words. Admission, quotas
/// and the like forbid in words of their own.
fn is_of_rbac(message: &str) -> bool {
    (message.contains("User ") && message.contains(" cannot ")) || !message.contains(": ")
}

/// The reason an API call gave no answer; `permission` is what RBAC would have to grant, such as
/// `get configmaps in kube-system`.
#[must_use]
pub fn why_not(error: &kube::Error, permission: &str) -> String {
    match error {
        // Admission, quotas and the like forbid too, and no permission helps against those.
        kube::Error::Api(status) if status.is_forbidden() && is_of_rbac(&status.message) => {
            format!("{FORBIDDEN}{permission}")
        }
        kube::Error::Api(status) if status.is_not_found() => format!("not found, asked to {permission}"),
        kube::Error::Api(status) => format!("the API server answered {}: {}", status.code, status.message),
        other => format!("no answer ({permission}): {other}"),
    }
}
