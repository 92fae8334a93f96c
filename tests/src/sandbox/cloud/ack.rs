//! ACK: the one cluster, its RRSA, and the kubeconfigs of its users.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::auth::Caller;
use super::refusal::Refusal;
use super::request::ApiRequest;
use super::state::Cloud;
use crate::sandbox::world::{IN_CLUSTER_ISSUER, RRSA_AUDIENCE};

/// `DescribeClusterDetail`.
pub(super) fn cluster(cloud: &Cloud, id: &str, caller: &Caller) -> Result<Value, Refusal> {
    let world = cloud.world();
    let resource = format!("acs:cs:{}:{}:cluster/{id}", world.region, world.account_id);
    caller.must_be_allowed(cloud, "cs:DescribeClusterDetail", &resource)?;
    must_exist(cloud, id)?;
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

fn must_exist(cloud: &Cloud, id: &str) -> Result<(), Refusal> {
    if id == cloud.world().cluster_id {
        return Ok(());
    }
    Err(Refusal::new("ErrorClusterNotFound").message(format!("Cluster {id} does not exist")))
}

/// `DescribeClusterUserKubeconfig`: a temporary one; others are not played.
pub(super) fn user_kubeconfig(
    cloud: &Cloud,
    id: &str,
    request: &ApiRequest,
    caller: &Caller,
) -> Result<Value, Refusal> {
    let world = cloud.world();
    let resource = format!("acs:cs:{}:{}:cluster/{id}", world.region, world.account_id);
    caller.must_be_allowed(cloud, "cs:DescribeClusterUserKubeconfig", &resource)?;
    must_exist(cloud, id)?;
    let bad = |why: &str| Refusal::new("InvalidParameter").message(why);
    let minutes = request.mandatory("TemporaryDurationMinutes")?.parse().ok();
    let minutes = minutes
        .filter(|minutes| (15..=4320).contains(minutes))
        .ok_or_else(|| bad("TemporaryDurationMinutes is not within 15 and 4320."))?;
    let private = match request.parameter("PrivateIpAddress") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(bad("PrivateIpAddress is neither true nor false.")),
    };
    let make = cloud.kubeconfigs().ok_or_else(|| bad("The cluster has no API server."))?;
    let end = cloud.now() + SignedDuration::from_mins(minutes);
    let identity = super::sts::caller_identity(cloud, caller);
    let user = identity["PrincipalId"].as_str().unwrap_or_default().replace(':', "-");
    Ok(json!({
        "config": make(&user, end, private),
        "expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    }))
}
