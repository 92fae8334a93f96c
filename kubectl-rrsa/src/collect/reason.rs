//! Why something could not be seen, in words that name what to ask for.

/// The reason an API call gave no answer; `permission` is what RBAC would have to grant, such as
/// `get configmaps in kube-system`.
#[must_use]
pub fn why_not(error: &kube::Error, permission: &str) -> String {
    match error {
        kube::Error::Api(status) if status.is_forbidden() => format!("forbidden: needs {permission}"),
        kube::Error::Api(status) if status.is_not_found() => format!("not found ({permission})"),
        kube::Error::Api(status) => format!("the API server answered {}: {}", status.code, status.message),
        other => format!("no answer ({permission}): {other}"),
    }
}
