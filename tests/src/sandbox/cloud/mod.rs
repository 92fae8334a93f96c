//! The cloud half: STS, RAM, IMS and the instance metadata service, behind one router.
//!
//! One address plays every service: an API is told by its `Action` and `Version`, the metadata service by
//! its paths. Nothing here comes from the crate under test: tokens, signatures and trust policies are
//! verified with code of the sandbox's own.

mod ack;
mod api;
mod auth;
mod authenticator;
mod bearer;
mod directory;
mod faults;
mod imds;
mod issuers;
mod pattern;
mod policy;
mod published;
mod refusal;
mod request;
mod router;
mod sessions;
mod state;
mod sts;
mod token;

pub use api::api_names;
pub use state::Cloud;

pub(crate) use directory::is_role_name;

#[cfg(test)]
mod tests;
