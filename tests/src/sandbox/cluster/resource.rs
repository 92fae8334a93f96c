//! The resources that the API server knows.

/// A resource type: where it stands in the API and what it is called.
#[derive(Debug)]
pub(crate) struct Resource {
    /// The API group, empty for the core.
    pub(crate) group: &'static str,
    /// The version within the group.
    pub(crate) version: &'static str,
    /// The plural, as it stands in paths.
    pub(crate) plural: &'static str,
    /// The singular that kubectl understands.
    pub(crate) singular: &'static str,
    /// The kind of its objects.
    pub(crate) kind: &'static str,
    /// kubectl's abbreviations.
    pub(crate) short: &'static [&'static str],
    /// Whether its objects live in namespaces.
    pub(crate) namespaced: bool,
    /// Whether its objects are kept; a review is answered and forgotten.
    pub(crate) stored: bool,
    /// What stands behind an object's name: subresource, kind and verb.
    pub(crate) subresources: &'static [(&'static str, &'static str, &'static str)],
}

impl Resource {
    const fn new(
        group: &'static str,
        plural: &'static str,
        singular: &'static str,
        kind: &'static str,
    ) -> Self {
        let (short, subresources): (&[&str], &[(&str, &str, &str)]) = (&[], &[]);
        Self {
            group,
            version: "v1",
            plural,
            singular,
            kind,
            short,
            namespaced: true,
            stored: true,
            subresources,
        }
    }

    const fn short(mut self, short: &'static [&'static str]) -> Self {
        self.short = short;
        self
    }

    const fn cluster_scoped(mut self) -> Self {
        self.namespaced = false;
        self
    }

    const fn review(mut self) -> Self {
        self.namespaced = false;
        self.stored = false;
        self
    }

    const fn with(mut self, subresources: &'static [(&'static str, &'static str, &'static str)]) -> Self {
        self.subresources = subresources;
        self
    }

    /// `apiVersion` of its objects.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The name that error messages use: `pods`, `deployments.apps`.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// The verbs that it answers.
    pub(crate) fn verbs(&self) -> &'static [&'static str] {
        if self.stored { &["create", "delete", "get", "list", "patch", "update"] } else { &["create"] }
    }

    /// The resource that stands at `group`, `version` and `plural`.
    pub(crate) fn at(group: &str, version: &str, plural: &str) -> Option<&'static Self> {
        RESOURCES.iter().find(|one| one.group == group && one.version == version && one.plural == plural)
    }

    /// The stored resource whose objects carry `api_version` and `kind`.
    pub(crate) fn of(api_version: &str, kind: &str) -> Option<&'static Self> {
        RESOURCES.iter().find(|one| one.stored && one.kind == kind && one.api_version() == api_version)
    }

    /// The resource named `plural` in the core group.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) fn core(plural: &str) -> &'static Self {
        Self::at("", "v1", plural).expect("the core resource is in the table")
    }
}

/// Every resource, in the order of `kubectl api-resources`.
pub(crate) static RESOURCES: &[Resource] = &[
    Resource::new("", "configmaps", "configmap", "ConfigMap").short(&["cm"]),
    Resource::new("", "events", "event", "Event").short(&["ev"]),
    Resource::new("", "namespaces", "namespace", "Namespace").short(&["ns"]).cluster_scoped(),
    Resource::new("", "nodes", "node", "Node").short(&["no"]).cluster_scoped(),
    Resource::new("", "pods", "pod", "Pod").short(&["po"]).with(&[
        ("ephemeralcontainers", "Pod", "patch"),
        ("exec", "PodExecOptions", "get"),
        ("log", "Pod", "get"),
    ]),
    Resource::new("", "secrets", "secret", "Secret"),
    Resource::new("", "serviceaccounts", "serviceaccount", "ServiceAccount").short(&["sa"]).with(&[(
        "token",
        "TokenRequest",
        "create",
    )]),
    Resource::new(
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
        "mutatingwebhookconfiguration",
        "MutatingWebhookConfiguration",
    )
    .cluster_scoped(),
    Resource::new("apps", "daemonsets", "daemonset", "DaemonSet").short(&["ds"]),
    Resource::new("apps", "deployments", "deployment", "Deployment").short(&["deploy"]),
    Resource::new("apps", "replicasets", "replicaset", "ReplicaSet").short(&["rs"]),
    Resource::new("apps", "statefulsets", "statefulset", "StatefulSet").short(&["sts"]),
    Resource::new("batch", "cronjobs", "cronjob", "CronJob").short(&["cj"]),
    Resource::new("batch", "jobs", "job", "Job"),
    Resource::new("authentication.k8s.io", "selfsubjectreviews", "selfsubjectreview", "SelfSubjectReview")
        .review(),
    Resource::new(
        "authorization.k8s.io",
        "selfsubjectaccessreviews",
        "selfsubjectaccessreview",
        "SelfSubjectAccessReview",
    )
    .review(),
];
