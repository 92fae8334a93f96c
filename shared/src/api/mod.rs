//! What all of Alibaba Cloud's APIs have in common: where they are, how they refuse, and how they are retried.

mod client;
mod endpoint;
mod fault;

pub use client::{ApiClient, ApiError, Call, RetryPolicy, Stamp};
pub use endpoint::{Endpoint, EndpointError, is_loopback_http};
pub use fault::{AccessDeniedDetail, Fault};
