//! The core of RRSA (RAM Roles for Service Accounts) on Alibaba Cloud: requests, signatures, tokens and trust
//! policies as values and functions, and the ports through which they reach the machine.
#![warn(missing_docs)]

pub mod ack;
pub mod api;
pub mod arn;
pub mod cache;
pub mod env_vars;
pub mod inherited;
pub mod oidc;
pub mod policy;
pub mod ports;
pub mod printable;
pub mod proof;
pub mod ram;
pub mod rewrite;
pub mod secret;
pub mod seen;
pub mod sign;
pub mod source;
pub mod sts;
pub mod wrap;
