//! Asks the API server, and the cloud's APIs where there is an access key, and turns what they say into facts. What
//! they do not say becomes a reason.

mod account;
mod cluster;
mod config_maps;
mod events;
pub mod inventory;
mod issuer;
mod objects;
mod pages;
mod pod;
mod reason;
mod shared;
mod users;

pub use account::{Answers, account, cloud_cluster, named_role};
pub use cluster::{Keys, cluster, issuer_at_server};
pub use config_maps::ConfigMaps;
pub use events::{WebhookFailures, webhook_failures};
pub use issuer::IssuerReader;
pub use objects::{
    Annotated, annotated_service_accounts, namespace, own_labels, owner, owners, rollout, service_account,
    still_there, strings, without_deployment,
};
pub use pages::{Pages, Scope};
pub use pod::{lasting, pod, pod_facts, pods, raw_pod, raw_template, template};
pub use reason::why_not;
