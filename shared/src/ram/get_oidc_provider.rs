//! IMS GetOIDCProvider: what RAM knows of a cluster's issuer. Needs `ram:GetOIDCProvider`.

use serde::{Deserialize, Deserializer, Serialize};
use sha1::{Digest as _, Sha1};

use crate::api::{Endpoint, Stamp};
use crate::ports::http::{Request, Response};
use crate::sign::{hex, rpc_request};
use crate::sts::AccessKey;

/// The request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetOidcProvider {
    /// Name of the provider, the last part of its ARN.
    pub name: String,
}

/// A provider.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase", serialize = "camelCase"))]
pub struct OidcProvider {
    /// `acs:ram::<account>:oidc-provider/<name>`.
    pub arn: String,
    /// The `iss` that tokens must carry, byte for byte.
    pub issuer_url: String,
    /// Accepted audiences.
    #[serde(default, deserialize_with = "comma_list")]
    pub client_ids: Vec<String>,
    /// SHA-1 fingerprints of the issuer's certificates.
    #[serde(default, deserialize_with = "comma_list")]
    pub fingerprints: Vec<String>,
    /// Hours after `iat` at which a token is refused even if it has not expired, 1 to 168; 12 unless changed.
    #[serde(rename(deserialize = "IssuanceLimitTime", serialize = "issuanceLimitHours"))]
    pub issuance_limit_hours: Option<u32>,
}

impl OidcProvider {
    /// Whether one of its fingerprints is among `shown`, lower-case hexadecimal; RAM and people write colons and capitals.
    #[must_use]
    pub fn knows_one_of(&self, shown: &[String]) -> bool {
        let plain = |text: &String| text.replace(':', "").to_ascii_lowercase();
        self.fingerprints.iter().map(plain).any(|known| shown.contains(&known))
    }
}

/// The SHA-1 fingerprint of a certificate (DER), lower-case hexadecimal.
#[must_use]
pub fn fingerprint(certificate: &[u8]) -> String {
    hex(&Sha1::digest(certificate))
}

/// The API writes lists as one text with commas.
fn comma_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
    Ok(text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect())
}

impl GetOidcProvider {
    /// The signed request.
    #[must_use]
    pub fn request(&self, endpoint: &Endpoint, key: &AccessKey, stamp: &Stamp) -> Request {
        let parameters = [("OIDCProviderName", self.name.clone())];
        rpc_request(endpoint, "GetOIDCProvider", "2019-08-15", &parameters, key, stamp)
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// When it holds no provider.
    pub fn read(answer: &Response) -> Result<OidcProvider, String> {
        #[derive(Deserialize)]
        struct Body {
            #[serde(rename = "OIDCProvider")]
            provider: OidcProvider,
        }
        let body: Result<Body, _> = serde_json::from_slice(&answer.body);
        body.map(|body| body.provider).map_err(|error| format!("it holds no OIDC provider: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_from_texts_with_commas() {
        let body = br#"{"OIDCProvider":{"Arn":"acs:ram::1:oidc-provider/p","IssuerUrl":"https://i","ClientIds":"a, b",
            "Fingerprints":"","IssuanceLimitTime":12,"GmtCreate":"1"}}"#;
        let answer = Response { status: 200, headers: Vec::new(), body: body.to_vec() };
        let provider = GetOidcProvider::read(&answer).unwrap();
        assert_eq!(provider.client_ids, ["a", "b"]);
        assert_eq!((provider.fingerprints.len(), provider.issuance_limit_hours), (0, Some(12)));
        let fingerprints = vec!["AA:0B".to_owned(), "ff".to_owned()];
        let provider = OidcProvider { fingerprints, ..provider };
        assert!(provider.knows_one_of(&["aa0b".to_owned()]));
        assert!(!provider.knows_one_of(&["aa".to_owned()]));
        assert_eq!(fingerprint(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
