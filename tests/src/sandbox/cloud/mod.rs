//! The cloud half.

/// x
pub const KNOWN_APIS: &[&str] = &["AssumeRoleWithOIDC", "AssumeRole", "GetCallerIdentity", "GetRole", "ListPoliciesForRole", "GetOIDCProvider", "ListOIDCProviders", "imds"];
