//! Asks the API server, and turns what it says into facts. What it does not say becomes a reason.

mod cluster;
mod objects;
mod pod;
mod reason;

pub use cluster::{Keys, cluster};
pub use objects::{annotated_service_accounts, namespace, pods_using, service_account};
pub use pod::{pod, pod_facts};
pub use reason::why_not;
