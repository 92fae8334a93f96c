//! ACK DescribeClusterDetail (`cs`, 2015-12-15): a cluster as the cloud knows it, RRSA among it. Needs
//! `cs:DescribeClusterDetail`.

use serde::{Deserialize, Serialize};

use crate::api::{Endpoint, Stamp};
use crate::ports::http::{Request, Response};
use crate::sign::roa_get;
use crate::sts::AccessKey;

/// The request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribeClusterDetail {
    /// Id of the cluster: letters and digits.
    pub cluster_id: String,
}

/// A cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterDetail {
    /// Id.
    pub cluster_id: String,
    /// Region.
    pub region: Option<String>,
    /// `running`, `updating`, …
    pub state: Option<String>,
    /// RRSA; absent when the answer says nothing of it.
    pub rrsa: Option<RrsaConfig>,
}

/// RRSA of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RrsaConfig {
    /// Whether it is on.
    pub enabled: bool,
    /// Issuers, with commas; the first is the one of RRSA's tokens.
    pub issuer: String,
    /// Audiences, with commas.
    pub audience: String,
    /// Name of the OIDC provider.
    pub oidc_name: String,
    /// ARN of the OIDC provider.
    pub oidc_arn: String,
}

impl RrsaConfig {
    /// The issuer of RRSA's tokens.
    #[must_use]
    pub fn first_issuer(&self) -> Option<&str> {
        self.issuer.split(',').map(str::trim).find(|issuer| !issuer.is_empty())
    }
}

#[derive(Deserialize)]
struct Body {
    cluster_id: String,
    region_id: Option<String>,
    state: Option<String>,
    rrsa_config: Option<RrsaConfig>,
    /// JSON within JSON; where older answers have RRSA.
    meta_data: Option<String>,
}

#[derive(Deserialize)]
struct MetaData {
    #[serde(rename = "RRSAConfig")]
    rrsa: Option<RrsaConfig>,
}

impl DescribeClusterDetail {
    /// The signed request.
    #[must_use]
    pub fn request(&self, endpoint: &Endpoint, key: &AccessKey, stamp: &Stamp) -> Request {
        let path = format!("/clusters/{}", self.cluster_id);
        roa_get(endpoint, &path, &[], ("DescribeClusterDetail", "2015-12-15"), key, stamp)
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// When it holds no cluster.
    pub fn read(answer: &Response) -> Result<ClusterDetail, String> {
        let body: Body =
            serde_json::from_slice(&answer.body).map_err(|error| format!("it holds no cluster: {error}"))?;
        let older = || serde_json::from_str::<MetaData>(body.meta_data.as_deref()?).ok()?.rrsa;
        Ok(ClusterDetail {
            rrsa: body.rrsa_config.clone().or_else(older),
            cluster_id: body.cluster_id,
            region: body.region_id,
            state: body.state,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> ClusterDetail {
        let answer = Response { status: 200, headers: Vec::new(), body: body.as_bytes().to_vec() };
        DescribeClusterDetail::read(&answer).unwrap()
    }

    #[test]
    fn rrsa_is_found_in_the_newer_field_or_else_in_the_older() {
        let newer = read(
            r#"{"cluster_id":"c1","region_id":"cn-beijing","state":"running","meta_data":"{}",
                "rrsa_config":{"enabled":true,"issuer":"https://a,https://kubernetes.default.svc","oidc_arn":"arn","new":1}}"#,
        );
        let rrsa = newer.rrsa.unwrap();
        assert_eq!((rrsa.enabled, rrsa.first_issuer()), (true, Some("https://a")));
        let older = read(
            r#"{"cluster_id":"c1","meta_data":"{\"RRSAConfig\":{\"enabled\":true,\"oidc_name\":\"ack-rrsa-c1\"}}"}"#,
        );
        assert_eq!(older.rrsa.unwrap().oidc_name, "ack-rrsa-c1");
        assert_eq!(read(r#"{"cluster_id":"c1","meta_data":"no json"}"#).rrsa, None);
    }
}
