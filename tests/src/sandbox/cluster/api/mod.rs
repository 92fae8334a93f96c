//! The Kubernetes API: requests in, answers out.

mod body;
mod call;
mod discovery;
mod objects;
mod oidc;
mod protobuf;
mod reviews;
mod server;
mod shape;
mod table;
mod token_request;

pub(super) use server::router;
