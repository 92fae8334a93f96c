//! ACK DescribeClusterUserKubeconfig (`cs`, 2015-12-15): a kubeconfig with a client certificate of its own. Needs
//! `cs:DescribeClusterUserKubeconfig`.

use jiff::Timestamp;
use serde::Deserialize;

use crate::api::{Endpoint, Stamp};
use crate::ports::http::{Request, Response};
use crate::secret::Secret;
use crate::sign::roa_get;
use crate::sts::AccessKey;

/// The request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribeClusterUserKubeconfig {
    /// Id of the cluster: letters and digits.
    pub cluster_id: String,
    /// Whether the kubeconfig names the API server's private address.
    pub private_address: bool,
    /// Minutes that the certificate lives, 15 to 4320.
    pub minutes: u16,
}

/// The answer.
#[derive(Clone, Debug, Deserialize)]
pub struct UserKubeconfig {
    /// The kubeconfig, YAML; it holds a private key.
    pub config: Secret,
    /// When its certificate ends.
    pub expiration: Option<Timestamp>,
}

impl DescribeClusterUserKubeconfig {
    /// The signed request.
    #[must_use]
    pub fn request(&self, endpoint: &Endpoint, key: &AccessKey, stamp: &Stamp) -> Request {
        let path = format!("/k8s/{}/user_config", self.cluster_id);
        let minutes = self.minutes.to_string();
        let private = if self.private_address { "true" } else { "false" };
        let query = [("PrivateIpAddress", private), ("TemporaryDurationMinutes", minutes.as_str())];
        roa_get(endpoint, &path, &query, ("DescribeClusterUserKubeconfig", "2015-12-15"), key, stamp)
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// What is missing, without the answer itself.
    pub fn read(answer: &Response) -> Result<UserKubeconfig, String> {
        serde_json::from_slice(&answer.body)
            .map_err(|error| format!("it holds no kubeconfig (at column {})", error.column()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_part_of_the_address_and_of_the_signature() {
        let key = AccessKey { id: "testid".to_owned(), secret: "testsecret".into(), security_token: None };
        let stamp = Stamp { time: "2024-01-02T03:04:05Z".parse().unwrap(), nonce: "n".to_owned() };
        let call = |minutes| {
            let call =
                DescribeClusterUserKubeconfig { cluster_id: "c1".to_owned(), private_address: true, minutes };
            call.request(&Endpoint::official("cs.aliyuncs.com"), &key, &stamp)
        };
        let (one, other) = (call(15), call(60));
        assert_eq!(
            one.url,
            "https://cs.aliyuncs.com/k8s/c1/user_config?PrivateIpAddress=true&TemporaryDurationMinutes=15"
        );
        assert_ne!(one.headers, other.headers);
    }

    #[test]
    fn an_answer_without_a_kubeconfig_is_named_without_being_quoted() {
        let answer =
            |body: &str| Response { status: 200, headers: Vec::new(), body: body.as_bytes().to_vec() };
        let whole = r#"{"config":"apiVersion: v1","expiration":"2024-01-02T03:04:05Z"}"#;
        assert!(DescribeClusterUserKubeconfig::read(&answer(whole)).unwrap().expiration.is_some());
        let why = DescribeClusterUserKubeconfig::read(&answer(r#"{"config":{"hunter2":1}}"#)).unwrap_err();
        assert!(!why.contains("hunter2"), "{why}");
    }
}
