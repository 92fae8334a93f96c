//! RAM ListPoliciesForRole: what a role may do once it is assumed. Needs `ram:ListPoliciesForRole`.

use serde::Deserialize;

use crate::api::{Endpoint, Stamp};
use crate::ports::http::{Request, Response};
use crate::sign::rpc_request;
use crate::sts::AccessKey;

/// The request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPoliciesForRole {
    /// Name of the role, the last part of its ARN.
    pub name: String,
}

impl ListPoliciesForRole {
    /// The signed request.
    #[must_use]
    pub fn request(&self, endpoint: &Endpoint, key: &AccessKey, stamp: &Stamp) -> Request {
        let parameters = [("RoleName", self.name.clone())];
        rpc_request(endpoint, "ListPoliciesForRole", "2015-05-01", &parameters, key, stamp)
    }

    /// Reads the names of the policies.
    ///
    /// # Errors
    /// When the answer holds no list.
    pub fn read(answer: &Response) -> Result<Vec<String>, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Body {
            policies: Policies,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Policies {
            policy: Vec<Policy>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Policy {
            policy_name: String,
        }
        let body: Result<Body, _> = serde_json::from_slice(&answer.body);
        body.map(|body| body.policies.policy.into_iter().map(|policy| policy.policy_name).collect())
            .map_err(|error| format!("it holds no list of policies: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_read() {
        let read = |body: &str| {
            ListPoliciesForRole::read(&Response {
                status: 200,
                headers: Vec::new(),
                body: body.as_bytes().to_vec(),
            })
        };
        let body = r#"{"RequestId":"R","Policies":{"Policy":[{"PolicyName":"A","PolicyType":"System"}]}}"#;
        assert_eq!(read(body), Ok(vec!["A".to_owned()]));
        assert_eq!(read(r#"{"Policies":{"Policy":[]}}"#), Ok(Vec::new()));
        assert!(read("{}").is_err());
    }
}
