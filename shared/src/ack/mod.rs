//! Container Service for Kubernetes (ACK): what its clusters know of RAM.

mod bearer;

pub use bearer::{BearerTooLong, MAX_BEARER_BYTES, bearer};
