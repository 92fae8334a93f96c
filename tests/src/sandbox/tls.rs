//! A throw-away certificate authority for the sandbox's own addresses.

use std::sync::Arc;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use sha1::{Digest as _, Sha1};

/// The names and addresses that the server certificate is good for.
const NAMES: [&str; 4] = ["localhost", "127.0.0.1", "::1", "kubernetes.default.svc"];

/// A certificate authority that lives as long as the sandbox.
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Ca {
    /// Makes an authority with a fresh P-256 key.
    ///
    /// # Panics
    /// When the machine has no source of randomness.
    #[must_use]
    pub fn generate() -> Self {
        let mut params = params("rrsa-sandbox throw-away CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("the machine has randomness");
        let pem = params.self_signed(&key).expect("the parameters are constant").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// The authority's certificate, one PEM block.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.pem
    }

    /// A TLS server with a leaf for loopback and `kubernetes.default.svc`, speaking HTTP/1.1.
    ///
    /// # Panics
    /// When the machine has no source of randomness.
    #[must_use]
    pub fn server_config(&self) -> Arc<ServerConfig> {
        self.server().0
    }

    /// The same for an API server: a client may show a certificate of this authority.
    ///
    /// # Panics
    /// When the machine has no source of randomness.
    #[must_use]
    pub fn api_server_config(&self) -> Arc<ServerConfig> {
        let mut roots = RootCertStore::empty();
        let own = CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("it was made here");
        roots.add(own).expect("it was made here");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .allow_unauthenticated()
            .build()
            .expect("there is a root");
        self.serving(Some(verifier)).0
    }

    /// A client's certificate and its key, PEM, good until `end`.
    ///
    /// # Panics
    /// When the machine has no source of randomness.
    #[must_use]
    pub fn client(&self, name: &str, group: &str, end: Timestamp) -> (String, String) {
        let mut params = params(name);
        params.distinguished_name.push(DnType::OrganizationName, group);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_after = std::time::SystemTime::from(end).into();
        let key = KeyPair::generate().expect("the machine has randomness");
        let leaf = params.signed_by(&key, &self.issuer).expect("the parameters are good");
        (leaf.pem(), key.serialize_pem())
    }

    /// The same, and the SHA-1 fingerprint of the leaf, lower-case hexadecimal.
    ///
    /// # Panics
    /// When the machine has no source of randomness.
    #[must_use]
    pub fn server(&self) -> (Arc<ServerConfig>, String) {
        self.serving(None)
    }

    fn serving(&self, clients: Option<Arc<dyn ClientCertVerifier>>) -> (Arc<ServerConfig>, String) {
        let mut params = params("rrsa-sandbox");
        params.subject_alt_names = CertificateParams::new(NAMES.map(str::to_owned))
            .expect("the names are constant")
            .subject_alt_names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().expect("the machine has randomness");
        let leaf = params.signed_by(&key, &self.issuer).expect("the parameters are constant");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring offers TLS 1.2 and 1.3");
        let builder = match clients {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config =
            builder.with_single_cert(vec![leaf.der().clone()], key).expect("the key belongs to the leaf");
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let fingerprint = Sha1::digest(leaf.der()).iter().map(|byte| format!("{byte:02x}")).collect();
        (Arc::new(config), fingerprint)
    }
}

/// Wide validity: the certificates die with the sandbox, whatever its clock says.
fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2099, 1, 1);
    params
}
