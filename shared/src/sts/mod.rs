//! The Security Token Service (2015-04-01): requests and answers as values, its hosts and its refusals.

mod assume_role;
mod assume_role_with_oidc;
mod code;
mod credentials;
mod endpoint;
mod get_caller_identity;
mod session_name;

pub use assume_role::AssumeRole;
pub use assume_role_with_oidc::{AssumeRoleWithOidc, OidcTokenInfo};
pub use code::{FaultKind, KNOWN, KnownFault};
pub use credentials::{AccessKey, Session};
pub use endpoint::{GLOBAL_HOST, REGIONS, StsEndpoint, StsEndpointInputs, StsEndpointOrigin, is_region};
pub use get_caller_identity::{CallerIdentity, GetCallerIdentity};
pub use session_name::{SessionName, SessionNameError};

/// Version of the API.
pub const VERSION: &str = "2015-04-01";
