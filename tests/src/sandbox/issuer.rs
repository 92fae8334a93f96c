//! A token issuer: an RSA key, the key set that publishes its public half, and RS256 signatures.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::PrivateKey;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use sha2::Sha256;

/// Issues JSON Web Tokens under one URL with one key.
pub struct Issuer {
    url: String,
    kid: String,
    key: PrivateKey,
}

impl Issuer {
    /// Makes an issuer with a fresh RSA-2048 key and a random key id.
    ///
    /// # Panics
    /// When the machine has no source of randomness.
    #[must_use]
    pub fn generate(url: String) -> Self {
        let key = PrivateKey::new(&mut rand::rng(), 2048).expect("the machine has randomness");
        Self { url, kid: URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()), key }
    }

    /// The `iss` claim of its tokens, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The key id that stands in its tokens' headers and in its key set.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key set with its one public key (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> Value {
        json!({"keys": [{
            "use": "sig",
            "kty": "RSA",
            "kid": self.kid,
            "alg": "RS256",
            "n": URL_SAFE_NO_PAD.encode(self.key.n_bytes()),
            "e": URL_SAFE_NO_PAD.encode(self.key.e_bytes()),
        }]})
    }

    /// Signs `claims` as they stand; the issuer's URL is not put in.
    ///
    /// # Panics
    /// Never: a 2048-bit key has room for a SHA-256 signature.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "RS256", "kid": self.kid, "typ": "JWT"});
        let signed = [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let signature = self.key.pkcs1v15_sign::<Sha256>(signed.as_bytes()).expect("the key is large enough");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsa::{BoxedUint, PublicKey};

    #[test]
    fn a_token_verifies_with_the_published_key_only() {
        let issuer = Issuer::generate("https://issuer.example".to_owned());
        let token = issuer.sign(&json!({"iss": issuer.url(), "sub": "system:serviceaccount:a:b"}));
        let jwks = issuer.jwks();
        let key = &jwks["keys"][0];
        assert_eq!(key["kid"], issuer.kid());
        let part = |name: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
            BoxedUint::from_be_slice_vartime(&bytes)
        };
        let public = PublicKey::new(part("n"), part("e")).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert!(public.pkcs1v15_verify::<Sha256>(signed.as_bytes(), &signature).is_ok());
        assert!(public.pkcs1v15_verify::<Sha256>(format!("{signed}x").as_bytes(), &signature).is_err());
    }
}
