//! Resource Access Management: roles (RAM, 2015-05-01) and OIDC identity providers (IMS, 2019-08-15), read-only.

mod get_oidc_provider;
mod get_role;
mod list_oidc_providers;
mod list_policies_for_role;

pub use get_oidc_provider::{GetOidcProvider, OidcProvider, fingerprint};
pub use get_role::{GetRole, Role};
pub use list_oidc_providers::{ListOidcProviders, OidcProviders};
pub use list_policies_for_role::ListPoliciesForRole;

/// Host of RAM, the same for all regions.
pub const RAM_HOST: &str = "ram.aliyuncs.com";
/// Host of IMS, the same for all regions.
pub const IMS_HOST: &str = "ims.aliyuncs.com";
