//! ACK, read-only: the one cluster and its RRSA.

use serde_json::{Value, json};

use super::auth::Caller;
use super::refusal::Refusal;
use super::state::Cloud;
use crate::sandbox::world::{IN_CLUSTER_ISSUER, RRSA_AUDIENCE};

/// `DescribeClusterDetail`.
pub(super) fn cluster(cloud: &Cloud, id: &str, caller: &Caller) -> Result<Value, Refusal> {
    let world = cloud.world();
    let resource = format!("acs:cs:{}:{}:cluster/{id}", world.region, world.account_id);
    caller.must_be_allowed(cloud, "cs:DescribeClusterDetail", &resource)?;
    if id != world.cluster_id {
        return Err(Refusal::new("ErrorClusterNotFound").message(format!("Cluster {id} does not exist")));
    }
    let issuer = match (&world.ack_issuers, world.rrsa_enabled) {
        (Some(issuers), _) => issuers.join(","),
        (None, true) => format!("{},{IN_CLUSTER_ISSUER}", world.issuer),
        (None, false) => IN_CLUSTER_ISSUER.to_owned(),
    };
    let name = world.cluster_provider_name();
    Ok(json!({
        "cluster_id": id,
        "cluster_type": "ManagedKubernetes",
        "name": "sandbox",
        "region_id": world.region,
        "state": "running",
        "rrsa_config": {
            "enabled": world.rrsa_enabled,
            "issuer": issuer,
            "audience": RRSA_AUDIENCE,
            "oidc_name": name,
            "oidc_arn": world.provider_arn(&name),
            "max_oidc_token_expiration": "12h",
        },
    }))
}
