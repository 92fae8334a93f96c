//! The APIs that the cloud half answers.

/// `api` of a fault that concerns the metadata service.
pub(super) const METADATA: &str = "imds";

/// An API of STS, RAM, IMS or ACK.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    AssumeRoleWithOidc,
    AssumeRole,
    GetCallerIdentity,
    GetRole,
    ListPoliciesForRole,
    GetOidcProvider,
    ListOidcProviders,
    DescribeClusterDetail,
    DescribeClusterUserKubeconfig,
}

impl Api {
    const ALL: [Self; 9] = [
        Self::AssumeRoleWithOidc,
        Self::AssumeRole,
        Self::GetCallerIdentity,
        Self::GetRole,
        Self::ListPoliciesForRole,
        Self::GetOidcProvider,
        Self::ListOidcProviders,
        Self::DescribeClusterDetail,
        Self::DescribeClusterUserKubeconfig,
    ];

    /// The API with this `Action` and `Version`, both compared exactly.
    pub(super) fn find(action: &str, version: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|api| api.name() == action && api.version() == version)
    }

    /// Its `Action`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AssumeRoleWithOidc => "AssumeRoleWithOIDC",
            Self::AssumeRole => "AssumeRole",
            Self::GetCallerIdentity => "GetCallerIdentity",
            Self::GetRole => "GetRole",
            Self::ListPoliciesForRole => "ListPoliciesForRole",
            Self::GetOidcProvider => "GetOIDCProvider",
            Self::ListOidcProviders => "ListOIDCProviders",
            Self::DescribeClusterDetail => "DescribeClusterDetail",
            Self::DescribeClusterUserKubeconfig => "DescribeClusterUserKubeconfig",
        }
    }

    /// Its `Version`, which tells the services apart.
    fn version(self) -> &'static str {
        match self {
            Self::AssumeRoleWithOidc | Self::AssumeRole | Self::GetCallerIdentity => "2015-04-01",
            Self::GetRole | Self::ListPoliciesForRole => "2015-05-01",
            Self::GetOidcProvider | Self::ListOidcProviders => "2019-08-15",
            Self::DescribeClusterDetail | Self::DescribeClusterUserKubeconfig => "2015-12-15",
        }
    }

    /// What its path begins and ends with; what is between names what is asked for.
    pub(super) fn path(self) -> (&'static str, &'static str) {
        match self {
            Self::DescribeClusterDetail => ("/clusters/", ""),
            Self::DescribeClusterUserKubeconfig => ("/k8s/", "/user_config"),
            _ => ("/", ""),
        }
    }
}

/// The names that a fault's `api` may take, besides `*` for all.
pub fn api_names() -> impl Iterator<Item = &'static str> {
    Api::ALL.into_iter().map(Api::name).chain([METADATA])
}
