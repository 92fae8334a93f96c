//! The cluster half: a stand-in for the Kubernetes API, with a webhook, a kubelet and a token issuer behind it.

mod access;
mod api;
mod failure;
mod fault;
mod manifest;
mod object;
mod patch;
mod pod;
mod resource;
mod seed;
mod selector;
mod state;
mod store;
mod token;

pub use access::ADMIN;
pub use manifest::ManifestError;
pub use state::Cluster;
