//! The cluster as an OIDC issuer.

use serde::Serialize;

use super::account::CloudCluster;
use super::seen::Seen;

/// The issuer of a cluster on which RRSA is off.
pub const DEFAULT_ISSUER: &str = "https://kubernetes.default.svc";

/// What is known of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterFacts {
    /// The address of the API server.
    pub server: String,
    /// `gitVersion` of the API server.
    pub version: Seen<String>,
    /// The issuer that new tokens get.
    pub issuer: Seen<String>,
    /// Where the issuer publishes its discovery document.
    pub discovery_url: Seen<String>,
    /// Where the issuer publishes its keys.
    pub jwks_url: Seen<String>,
    /// The `kid`s it publishes.
    pub key_ids: Seen<Vec<String>>,
    /// Whether RRSA is on.
    pub rrsa_enabled: Seen<bool>,
    /// Cluster id, `c` and 32 digits or letters.
    pub cluster_id: Seen<String>,
    /// Region id.
    pub region: Seen<String>,
    /// Account id.
    pub account: Seen<String>,
    /// `ack-rrsa-<cluster id>`.
    pub provider_name: Seen<String>,
    /// ARN of the OIDC provider.
    pub provider_arn: Seen<String>,
    /// ack-pod-identity-webhook; `None` inside when it is not installed.
    pub webhook: Seen<Option<WebhookFacts>>,
    /// The cluster as ACK knows it.
    pub cloud: CloudCluster,
}

/// How many pods of a deployment are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replicas {
    /// Ready.
    pub ready: i32,
    /// Wanted.
    pub wanted: i32,
}

/// What is known of ack-pod-identity-webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookFacts {
    /// Name of the MutatingWebhookConfiguration or Deployment.
    pub name: String,
    /// Version, by the tag of its image.
    pub version: Option<String>,
    /// Its pods.
    pub replicas: Option<Replicas>,
}

/// What the issuer's address tells: `https://oidc-ack-<region>.oss-<region>.aliyuncs.com/<cluster id>`. The
/// shape holds for public regions; it is a hint and never required.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerShape<'a> {
    /// Region id.
    pub region: &'a str,
    /// Cluster id.
    pub cluster_id: &'a str,
}

impl<'a> IssuerShape<'a> {
    /// Reads an issuer of the shape RRSA gives it.
    #[must_use]
    pub fn read(issuer: &'a str) -> Option<Self> {
        let rest = issuer.strip_prefix("https://oidc-ack-")?;
        let (host, cluster_id) = rest.split_once('/')?;
        let (region, _) = host.split_once(".oss-")?;
        let plain = !cluster_id.is_empty() && cluster_id.bytes().all(|b| b.is_ascii_alphanumeric());
        plain.then_some(Self { region, cluster_id })
    }
}

#[cfg(test)]
mod tests {
    use super::IssuerShape;

    #[test]
    fn region_and_cluster_are_read_from_an_issuer_of_the_usual_shape_only() {
        let issuer = "https://oidc-ack-cn-hangzhou.oss-cn-hangzhou.aliyuncs.com/c0123";
        assert_eq!(
            IssuerShape::read(issuer),
            Some(IssuerShape { region: "cn-hangzhou", cluster_id: "c0123" })
        );
        for other in ["https://kubernetes.default.svc", "https://oidc-ack-x.oss-x.aliyuncs.com/", "oidc-ack-"]
        {
            assert_eq!(IssuerShape::read(other), None, "{other}");
        }
    }
}
