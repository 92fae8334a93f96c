//! OpenID discovery: the document an issuer publishes about itself, and the keys it points to.

use std::fmt;

use serde::Deserialize;

use super::jwks::{JwkSet, JwksError};
use crate::api::Endpoint;
use crate::ports::http::{Http, Request, TransportError};

/// Where an issuer publishes its discovery document.
#[must_use]
pub fn discovery_url(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

/// The parts of a discovery document that RRSA needs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Discovery {
    /// The issuer, to the byte as it stands in tokens.
    pub issuer: String,
    /// Where the keys are.
    pub jwks_uri: String,
}

/// Why keys could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiscoveryError {
    /// No answer.
    Transport(TransportError),
    /// An answer of another status than 200.
    Status {
        /// The address asked.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The document is not one.
    Document(String),
    /// The key set is not one.
    Jwks(JwksError),
    /// An address that is not https, nor http on loopback.
    NotHttps(String),
}

impl fmt::Display for DiscoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(error) => error.fmt(f),
            Self::Status { url, status } => write!(f, "{url} answered with HTTP {status}"),
            Self::Document(reason) => write!(f, "not an OpenID discovery document: {reason}"),
            Self::Jwks(error) => error.fmt(f),
            Self::NotHttps(url) => write!(f, "{url} is not an https address"),
        }
    }
}

impl std::error::Error for DiscoveryError {}

impl Discovery {
    /// Reads a discovery document.
    ///
    /// # Errors
    /// [`DiscoveryError::Document`] when it is none.
    pub fn parse(json: &[u8]) -> Result<Self, DiscoveryError> {
        serde_json::from_slice(json).map_err(|error| DiscoveryError::Document(error.to_string()))
    }
}

/// Where the public documents of issuers are read.
#[derive(Clone, Debug)]
pub struct IssuerSite {
    /// What fetches them.
    pub http: Http,
    /// A host that is asked in place of the issuer's own, under the same paths.
    pub instead: Option<Endpoint>,
}

impl IssuerSite {
    /// The discovery document of `issuer`.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn discovery(&self, issuer: &str) -> Result<Discovery, DiscoveryError> {
        Discovery::parse(&self.fetch(&discovery_url(issuer)).await?)
    }

    /// The key set at `jwks_uri`.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn keys(&self, jwks_uri: &str) -> Result<JwkSet, DiscoveryError> {
        JwkSet::parse(&self.fetch(jwks_uri).await?).map_err(DiscoveryError::Jwks)
    }

    /// The host that is asked for documents of `issuer`, absent when its address is not https.
    #[must_use]
    pub fn host_of(&self, issuer: &str) -> Option<Endpoint> {
        let own = || issuer.strip_prefix("https://")?.split(['/', '?', '#']).next();
        self.instead.clone().or_else(|| Endpoint::named(own()?).ok())
    }

    async fn fetch(&self, url: &str) -> Result<Vec<u8>, DiscoveryError> {
        if !url.starts_with("https://") && !crate::api::is_loopback_http(url) {
            return Err(DiscoveryError::NotHttps(url.to_owned()));
        }
        let asked = match &self.instead {
            None => url.to_owned(),
            Some(host) => {
                let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
                host.url(rest.find('/').map_or("/", |at| &rest[at..]))
            }
        };
        let answer = self.http.send(Request::get(&asked)).await.map_err(DiscoveryError::Transport)?;
        if answer.status == 200 {
            Ok(answer.body)
        } else {
            Err(DiscoveryError::Status { url: asked, status: answer.status })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::http::Response;

    fn answer(status: u16, body: &str) -> Result<Response, TransportError> {
        Ok(Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() })
    }

    #[tokio::test]
    async fn the_document_and_the_keys_are_fetched() {
        let http = Http::fake([
            answer(200, r#"{"issuer":"https://i/c1","jwks_uri":"https://i/c1/jwks"}"#),
            answer(200, r#"{"keys":[{"kty":"RSA","kid":"a","n":"AQ","e":"AQAB"}]}"#),
        ]);
        let site = IssuerSite { http: http.clone(), instead: None };
        let discovery = site.discovery("https://i/c1/").await.unwrap();
        let keys = site.keys(&discovery.jwks_uri).await.unwrap();
        assert_eq!(keys.key_ids(), ["a"]);
        let urls: Vec<_> = http.sent().into_iter().map(|request| request.url).collect();
        assert_eq!(urls, ["https://i/c1/.well-known/openid-configuration", "https://i/c1/jwks"]);
    }

    #[tokio::test]
    async fn what_is_not_a_document_is_told_by_kind() {
        let http = Http::fake([answer(404, ""), answer(200, "<html>")]);
        let site = IssuerSite { http: http.clone(), instead: None };
        let missing = site.discovery("https://i").await.unwrap_err();
        assert!(matches!(missing, DiscoveryError::Status { status: 404, .. }), "{missing}");
        let page = site.discovery("https://i").await.unwrap_err();
        assert!(matches!(page, DiscoveryError::Document(_)), "{page}");
        let plain = site.keys("http://i/jwks").await.unwrap_err();
        assert_eq!(plain, DiscoveryError::NotHttps("http://i/jwks".to_owned()));
        assert_eq!(http.sent().len(), 2, "nothing goes to a plain http host");
    }

    #[tokio::test]
    async fn another_host_is_asked_under_the_same_paths() {
        let http = Http::fake([answer(404, "")]);
        let instead = Some(Endpoint::named("127.0.0.1:4443").unwrap());
        let site = IssuerSite { http: http.clone(), instead };
        assert!(site.discovery("https://i/c1").await.is_err());
        let asked = &http.sent()[0].url;
        assert_eq!(asked, "https://127.0.0.1:4443/c1/.well-known/openid-configuration");
        assert_eq!(site.host_of("https://i/c1").unwrap().host(), "127.0.0.1:4443");
        let own = IssuerSite { http, instead: None };
        assert_eq!(own.host_of("https://i/c1").unwrap().host(), "i");
        assert_eq!(own.host_of("http://i/c1"), None);
    }
}
