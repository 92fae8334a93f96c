//! A JSON Web Key Set (RFC 7517), and the RS256 check of a token against it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;

use super::claims::UnverifiedJwt;
use super::token::OidcToken;

/// The keys an issuer publishes.
#[derive(Clone, Debug, Deserialize)]
pub struct JwkSet {
    keys: Vec<Jwk>,
}

#[derive(Clone, Debug, Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

/// A text that is not a JSON Web Key Set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwksError(String);

impl fmt::Display for JwksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a JSON Web Key Set: {}", self.0)
    }
}

impl std::error::Error for JwksError {}

/// Why a signature does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureFault {
    /// Header and claims cannot be read.
    Unreadable,
    /// The token is signed with something else than RS256, the one algorithm RAM takes.
    Algorithm(String),
    /// The set has no key at all.
    NoKeys,
    /// The set does not hold the token's key.
    UnknownKey {
        /// The token's `kid`; `None` when its header names none.
        kid: Option<String>,
        /// The `kid`s that are published.
        published: Vec<String>,
    },
    /// The key of that `kid` is not an RSA key that can be used.
    UnusableKey {
        /// The token's `kid`.
        kid: String,
    },
    /// The key is known, and it did not sign this token.
    Mismatch,
}

impl fmt::Display for SignatureFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => write!(f, "the token cannot be read"),
            Self::Algorithm(found) => write!(f, "the token is signed with {found}, not RS256"),
            Self::NoKeys => write!(f, "the issuer publishes no key"),
            Self::UnknownKey { kid: None, .. } => write!(f, "the token names no key (kid)"),
            Self::UnknownKey { kid: Some(kid), published } => {
                write!(f, "the token's key {kid} is not among those published: {}", published.join(", "))
            }
            Self::UnusableKey { kid } => write!(f, "the published key {kid} is not a usable RSA key"),
            Self::Mismatch => write!(f, "the published key did not sign this token"),
        }
    }
}

impl std::error::Error for SignatureFault {}

impl JwkSet {
    /// Reads a set.
    ///
    /// # Errors
    /// When the text is not JSON or has no `keys`.
    pub fn parse(json: &[u8]) -> Result<Self, JwksError> {
        serde_json::from_slice(json).map_err(|error| JwksError(error.to_string()))
    }

    /// The `kid`s of the set, in its order.
    #[must_use]
    pub fn key_ids(&self) -> Vec<String> {
        self.keys.iter().filter_map(|key| key.kid.clone()).collect()
    }

    /// Checks the RS256 signature of `token` with the key its header names.
    ///
    /// # Errors
    /// Why the signature does not hold.
    pub fn verify(&self, token: &OidcToken) -> Result<(), SignatureFault> {
        let jwt = UnverifiedJwt::read(token).map_err(|_| SignatureFault::Unreadable)?;
        match jwt.algorithm.as_deref() {
            Some("RS256") => {}
            other => return Err(SignatureFault::Algorithm(other.unwrap_or("no algorithm").to_owned())),
        }
        if self.keys.is_empty() {
            return Err(SignatureFault::NoKeys);
        }
        let unknown = |kid| SignatureFault::UnknownKey { kid, published: self.key_ids() };
        let Some(kid) = jwt.key_id else { return Err(unknown(None)) };
        let Some(key) = self.keys.iter().find(|key| key.kid.as_ref() == Some(&kid)) else {
            return Err(unknown(Some(kid)));
        };
        let Some((n, e)) = key.rsa() else { return Err(SignatureFault::UnusableKey { kid }) };
        let (signed, signature) = token.expose().rsplit_once('.').ok_or(SignatureFault::Unreadable)?;
        let signature =
            URL_SAFE_NO_PAD.decode(signature.trim_end_matches('=')).map_err(|_| SignatureFault::Mismatch)?;
        RsaPublicKeyComponents { n, e }
            .verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature)
            .map_err(|_| SignatureFault::Mismatch)
    }
}

impl Jwk {
    /// Modulus and exponent without leading zeros, as ring wants them.
    fn rsa(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        if self.kty != "RSA" {
            return None;
        }
        let number = |text: &Option<String>| {
            let bytes = URL_SAFE_NO_PAD.decode(text.as_deref()?.trim_end_matches('=')).ok()?;
            Some(bytes.into_iter().skip_while(|b| *b == 0).collect::<Vec<_>>())
        };
        Some((number(&self.n)?, number(&self.e)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The RS256 example of RFC 7515, appendix A.2: key, header and signature as published there.
    const N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

    fn set(kid: &str) -> JwkSet {
        JwkSet::parse(
            format!(r#"{{"keys":[{{"kty":"RSA","kid":"{kid}","n":"{N}","e":"AQAB"}}]}}"#).as_bytes(),
        )
        .unwrap()
    }

    fn with_header(header: &str) -> OidcToken {
        let (_, rest) = TOKEN.split_once('.').unwrap();
        OidcToken::parse(&format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))).unwrap()
    }

    #[test]
    fn the_rfc_example_verifies_with_the_bare_key() {
        let (signed, signature) = TOKEN.rsplit_once('.').unwrap();
        let (n, e) = set("k").keys[0].rsa().unwrap();
        RsaPublicKeyComponents { n, e }
            .verify(
                &RSA_PKCS1_2048_8192_SHA256,
                signed.as_bytes(),
                &URL_SAFE_NO_PAD.decode(signature).unwrap(),
            )
            .unwrap();
    }

    #[test]
    fn each_fault_of_a_signature_is_told_apart() {
        let published = vec!["k1".to_owned()];
        for (token, set, expected) in [
            (with_header(r#"{"alg":"HS256"}"#), set("k1"), SignatureFault::Algorithm("HS256".to_owned())),
            (with_header(r#"{"alg":"none"}"#), set("k1"), SignatureFault::Algorithm("none".to_owned())),
            (
                OidcToken::parse(TOKEN).unwrap(),
                set("k1"),
                SignatureFault::UnknownKey { kid: None, published: published.clone() },
            ),
            (
                with_header(r#"{"alg":"RS256","kid":"k2"}"#),
                set("k1"),
                SignatureFault::UnknownKey { kid: Some("k2".to_owned()), published },
            ),
            (with_header(r#"{"alg":"RS256","kid":"k1"}"#), set("k1"), SignatureFault::Mismatch),
            (
                with_header(r#"{"alg":"RS256","kid":"k1"}"#),
                JwkSet::parse(br#"{"keys":[]}"#).unwrap(),
                SignatureFault::NoKeys,
            ),
            (
                with_header(r#"{"alg":"RS256","kid":"ec"}"#),
                JwkSet::parse(br#"{"keys":[{"kty":"EC","kid":"ec"}]}"#).unwrap(),
                SignatureFault::UnusableKey { kid: "ec".to_owned() },
            ),
        ] {
            assert_eq!(set.verify(&token), Err(expected));
        }
    }

    #[test]
    fn a_page_that_is_no_key_set_is_an_error() {
        assert!(JwkSet::parse(b"<html>").is_err());
        assert!(JwkSet::parse(b"{}").is_err());
    }
}
