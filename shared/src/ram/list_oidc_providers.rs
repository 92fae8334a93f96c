//! IMS ListOIDCProviders: every issuer that the account trusts. Needs `ram:ListOIDCProviders`.

use serde::Deserialize;

use crate::api::{Endpoint, Stamp};
use crate::ports::http::{Request, Response};
use crate::sign::rpc_request;
use crate::sts::AccessKey;

/// The request, for the first hundred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListOidcProviders;

/// The ARNs of a page, and whether there are more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcProviders {
    /// `acs:ram::<account>:oidc-provider/<name>`.
    pub arns: Vec<String>,
    /// Whether others exist that are not among them.
    pub is_truncated: bool,
}

impl ListOidcProviders {
    /// The signed request.
    #[must_use]
    pub fn request(&self, endpoint: &Endpoint, key: &AccessKey, stamp: &Stamp) -> Request {
        let parameters = [("MaxItems", "100".to_owned())];
        rpc_request(endpoint, "ListOIDCProviders", "2019-08-15", &parameters, key, stamp)
    }

    /// Reads the ARNs.
    ///
    /// # Errors
    /// When the answer holds no list.
    pub fn read(answer: &Response) -> Result<OidcProviders, String> {
        #[derive(Deserialize)]
        struct Body {
            #[serde(rename = "IsTruncated", default)]
            is_truncated: bool,
            #[serde(rename = "OIDCProviders")]
            providers: Providers,
        }
        #[derive(Deserialize)]
        struct Providers {
            #[serde(rename = "OIDCProvider", default)]
            all: Vec<Provider>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Provider {
            arn: String,
        }
        let body: Result<Body, _> = serde_json::from_slice(&answer.body);
        body.map(|body| OidcProviders {
            arns: body.providers.all.into_iter().map(|provider| provider.arn).collect(),
            is_truncated: body.is_truncated,
        })
        .map_err(|error| format!("it holds no list of OIDC providers: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arns_are_read() {
        let read = |body: &str| {
            ListOidcProviders::read(&Response {
                status: 200,
                headers: Vec::new(),
                body: body.as_bytes().to_vec(),
            })
        };
        let body =
            r#"{"IsTruncated":true,"OIDCProviders":{"OIDCProvider":[{"Arn":"a","OIDCProviderName":"n"}]}}"#;
        let providers = OidcProviders { arns: vec!["a".to_owned()], is_truncated: true };
        assert_eq!(read(body), Ok(providers));
        assert!(read("{}").is_err());
    }
}
