//! Reads what an issuer publishes, from where the public does.

use rrsa_shared::oidc::{DiscoveryError, IssuerSite, JwkSet, discovery_url};
use rrsa_shared::ports::net::Net;
use rrsa_shared::ports::proxies::Proxies;
use rrsa_shared::ram::fingerprint;

use crate::facts::{DEFAULT_ISSUER, IssuerFacts, Published, Seen};

/// How the documents of issuers are reached.
#[derive(Clone, Debug)]
pub struct IssuerReader {
    /// The documents.
    pub site: IssuerSite,
    /// The certificates.
    pub net: Net,
    /// Proxies that `site` goes through; behind one, another's certificates may be seen.
    pub proxies: Proxies,
}

impl IssuerReader {
    /// What `issuer` publishes.
    pub async fn read(&self, issuer: &str) -> Seen<IssuerFacts> {
        if issuer == DEFAULT_ISSUER {
            return Seen::unknown("the issuer is the cluster's own and publishes nothing");
        }
        let url = discovery_url(issuer);
        let (discovery, key_ids) = match self.site.discovery(issuer).await {
            Ok(document) => {
                let keys = self.site.keys(&document.jwks_uri).await;
                let ids = match keys.as_ref().map(JwkSet::key_ids) {
                    Ok(ids) => Seen::known(ids, document.jwks_uri.as_str()),
                    Err(error) => Seen::unknown(error.to_string()),
                };
                (Published::Document { issuer: document.issuer, jwks_uri: document.jwks_uri }, ids)
            }
            Err(error) => (missing(error), Seen::unknown("the discovery document tells no address of keys")),
        };
        let fingerprints = self.fingerprints(issuer).await;
        Seen::known(IssuerFacts { discovery_url: url.clone(), discovery, key_ids, fingerprints }, url)
    }

    async fn fingerprints(&self, issuer: &str) -> Seen<Vec<String>> {
        let Some(host) = self.site.host_of(issuer) else {
            return Seen::unknown("the issuer's address is not https");
        };
        let (name, port) = host.host_and_port();
        if let Some(proxy) = self.proxies.of("https", &name, port) {
            return Seen::unknown(format!("proxy {proxy} may show certificates of its own"));
        }
        match self.net.certificates(&name, port).await {
            Ok(chain) => Seen::known(
                chain.iter().map(|certificate| fingerprint(certificate)).collect(),
                format!("certificates of {}", host.host()),
            ),
            Err(error) => Seen::unknown(format!("{} shows no certificate: {error}", host.host())),
        }
    }
}

fn missing(error: DiscoveryError) -> Published {
    match error {
        DiscoveryError::Status { status, .. } => Published::Status(status),
        DiscoveryError::Transport(error) => Published::NoAnswer { fault: error.fault, why: error.message },
        other => Published::Other(other.to_string()),
    }
}
