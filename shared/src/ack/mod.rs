//! Container Service for Kubernetes (ACK): what its clusters know of RAM.

mod bearer;
mod cluster_detail;
mod user_kubeconfig;

pub use bearer::{BearerTooLong, MAX_BEARER_BYTES, bearer};
pub use cluster_detail::{ClusterDetail, DescribeClusterDetail, RrsaConfig};
pub use user_kubeconfig::{DescribeClusterUserKubeconfig, UserKubeconfig};

/// Host of ACK for clusters of every region; `cs.<region>.aliyuncs.com` serves one.
pub const ACK_HOST: &str = "cs.aliyuncs.com";

/// Host of ACK for the clusters of one region.
#[must_use]
pub fn ack_host(region: &str) -> String {
    format!("cs.{region}.aliyuncs.com")
}
