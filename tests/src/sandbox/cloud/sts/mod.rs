//! STS: the exchange of a token or a key for session credentials, and who a caller is.

mod assume_role;
mod identity;
mod oidc;
mod parameters;
mod role;

pub(super) use assume_role::assume_role;
pub(super) use identity::caller_identity;
pub(super) use oidc::assume_role_with_oidc;
