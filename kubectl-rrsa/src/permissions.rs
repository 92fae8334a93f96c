//! The least that each command needs, and for what: `docs/permissions.md` is made of this table.

/// One permission of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rbac {
    /// Commands and options that need it.
    pub commands: &'static str,
    /// Verb.
    pub verb: &'static str,
    /// API group, empty for the core.
    pub group: &'static str,
    /// Resource with its subresource, or a path.
    pub resource: &'static str,
    /// Where: `namespace` of the subject, `kube-system`, or `cluster`.
    pub place: &'static str,
    /// What is not seen without it.
    pub shows: &'static str,
}

const fn rbac(
    commands: &'static str,
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    place: &'static str,
    shows: &'static str,
) -> Rbac {
    Rbac { commands, verb, group, resource, place, shows }
}

/// What of Kubernetes is asked.
pub const RBAC: &[Rbac] = &[
    rbac("all", "get", "", "/version", "cluster", "the version (every authenticated user may)"),
    rbac("all", "get", "", "/.well-known/openid-configuration", "cluster", "the issuer, else by a token"),
    rbac("all", "get", "", "/openid/v1/jwks", "cluster", "the keys that tokens are signed with"),
    rbac("all", "get", "", "configmaps", "kube-system", "cluster id and account (ack-cluster-profile)"),
    rbac("all", "list", "", "nodes", "cluster", "the region"),
    rbac(
        "all",
        "list",
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
        "cluster",
        "the webhook, and whom it sees",
    ),
    rbac("all", "list", "apps", "deployments", "kube-system", "whether the webhook is ready, its version"),
    rbac("check, describe", "get", "", "namespaces", "cluster", "the injection label"),
    rbac("check, describe", "get", "", "serviceaccounts", "namespace", "the role-name annotation"),
    rbac(
        "trust-policy, list --stale",
        "get",
        "",
        "serviceaccounts",
        "namespace",
        "whether it is there; its role-name annotation",
    ),
    rbac("check, describe", "list", "", "serviceaccounts", "namespace", "ServiceAccounts that name a role"),
    rbac("check, describe", "list", "", "pods", "namespace", "pods that use the ServiceAccount"),
    rbac(
        "check, describe, list --stale",
        "list",
        "",
        "events",
        "namespace",
        "failed calls of the webhook, where a pod lacks RRSA",
    ),
    rbac(
        "check, describe, list",
        "list",
        "batch",
        "cronjobs",
        "namespace",
        "the pods that CronJobs would make (cluster with -A)",
    ),
    rbac("check, describe", "get", "", "configmaps", "namespace", "what containers take from them (envFrom)"),
    rbac("check, describe pod", "get", "", "pods", "namespace", "the pod"),
    rbac(
        "check -A",
        "list",
        "",
        "namespaces",
        "cluster",
        "injection labels of all (the others then cluster-wide)",
    ),
    rbac(
        "check, describe, list --stale",
        "get",
        "apps",
        "deployments",
        "namespace",
        "what makes the pods, and how it replaces them",
    ),
    rbac(
        "check, describe, list --stale",
        "get",
        "apps",
        "statefulsets",
        "namespace",
        "what makes the pods, and how it replaces them",
    ),
    rbac(
        "check, describe, list --stale",
        "get",
        "apps",
        "daemonsets",
        "namespace",
        "what makes the pods, and how it replaces them",
    ),
    rbac("check, describe rs/NAME", "get", "apps", "replicasets", "namespace", "the workload"),
    rbac("check, describe job/NAME", "get", "batch", "jobs", "namespace", "the workload"),
    rbac("check, describe cronjob/NAME", "get", "batch", "cronjobs", "namespace", "the workload"),
    rbac("check, describe deploy", "list", "apps", "deployments", "namespace", "all of the kind"),
    rbac("check, describe sts", "list", "apps", "statefulsets", "namespace", "all of the kind"),
    rbac("check, describe ds", "list", "apps", "daemonsets", "namespace", "all of the kind"),
    rbac("check, describe rs", "list", "apps", "replicasets", "namespace", "all of the kind"),
    rbac("check, describe job", "list", "batch", "jobs", "namespace", "all of the kind"),
    rbac(
        "all",
        "create",
        "",
        "serviceaccounts/token",
        "namespace",
        "the issuer, where it may not be asked for: a token tells it",
    ),
    rbac("check --live=token", "create", "", "serviceaccounts/token", "namespace", "a token to exchange"),
    rbac("check --live=exec", "create", "", "pods/exec", "namespace", "the token in the pod"),
    rbac("check --live=exec", "get", "", "pods/exec", "namespace", "the same, over WebSocket"),
    rbac(
        "check --live=ephemeral",
        "patch",
        "",
        "pods/ephemeralcontainers",
        "namespace",
        "the probe in the pod",
    ),
    rbac("check --live=ephemeral, pod", "get", "", "pods/log", "namespace", "the probe's report"),
    rbac("check --live=ephemeral, pod", "get", "", "pods", "namespace", "how the probe is doing"),
    rbac("check --live=pod", "create", "", "pods", "namespace", "the probe in a pod of its own"),
    rbac("check --live=pod", "delete", "", "pods", "namespace", "nothing: it takes the pod away"),
    rbac("list", "list", "", "namespaces", "cluster", "injection labels, with -A"),
    rbac("list", "get", "", "namespaces", "cluster", "the injection label, without -A or with --stale"),
    rbac("list", "list", "", "pods", "namespace", "how many are injected (cluster with -A)"),
    rbac("list", "list", "", "serviceaccounts", "namespace", "all of it (cluster with -A)"),
    rbac("who-can-assume", "list", "", "serviceaccounts", "cluster", "all of it"),
    rbac("completion", "list", "", "namespaces", "cluster", "names"),
    rbac("completion", "list", "", "serviceaccounts", "namespace", "names"),
    rbac("completion", "list", "", "pods", "namespace", "names"),
];

/// What of RAM is asked, where there is an access key: action, and what is not seen without it.
pub const RAM: &[(&str, &str)] = &[
    ("ram:GetRole", "the trust policy: which condition differs; trust-policy --role, who-can-assume"),
    ("ram:ListPoliciesForRole", "whether the role may do anything"),
    ("ram:GetOIDCProvider", "the provider's issuer, audiences and limits"),
    ("ram:ListOIDCProviders", "statements for providers that are gone"),
    ("cs:DescribeClusterDetail", "RRSA and the issuer as ACK knows them"),
    ("cs:DescribeClusterUserKubeconfig", "kubeconfig --cluster-id: the address of the cluster"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_is_this_table() {
        let mut rows = String::new();
        for one in RBAC {
            let group = if one.group.is_empty() { String::new() } else { format!(".{}", one.group) };
            rows.push_str(&format!(
                "| `{}` | {} | `{}{group}` | {} | {} |\n",
                one.commands, one.verb, one.resource, one.place, one.shows
            ));
        }
        let ram: String = RAM.iter().map(|(action, shows)| format!("| `{action}` | {shows} |\n")).collect();
        let document = include_str!("../../docs/permissions.md");
        assert!(document.contains(&rows), "docs/permissions.md should hold these rows:\n{rows}");
        assert!(document.contains(&ram), "docs/permissions.md should hold these rows:\n{ram}");
    }
}
