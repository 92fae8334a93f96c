//! What a JWT says about itself. Reading is not believing: nothing here verifies a signature.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::token::OidcToken;

/// Header and claims of a JWT whose signature has **not** been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnverifiedJwt {
    /// `alg` of the header, as written.
    pub algorithm: Option<String>,
    /// `kid` of the header.
    pub key_id: Option<String>,
    /// The claims, as written.
    pub claims: TokenClaims,
}

/// The claims RRSA looks at. Times are Unix seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenClaims {
    /// `iss`.
    pub issuer: Option<String>,
    /// `sub`.
    pub subject: Option<String>,
    /// `aud`, a scalar counted as a list of one.
    pub audiences: Vec<String>,
    /// `exp`.
    pub expires_at: Option<i64>,
    /// `iat`.
    pub issued_at: Option<i64>,
    /// `nbf`.
    pub not_before: Option<i64>,
    /// `kubernetes.io` → `namespace`.
    pub namespace: Option<String>,
    /// `kubernetes.io` → `serviceaccount` → `name`.
    pub service_account: Option<String>,
    /// `kubernetes.io` → `pod` → `name`.
    pub pod: Option<String>,
    /// `kubernetes.io` → `pod` → `uid`.
    pub pod_uid: Option<String>,
}

/// Which part of a token cannot be read, and why. Never holds the part itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtError {
    /// `header` or `claims`.
    pub part: &'static str,
    /// Why.
    pub reason: &'static str,
}

impl fmt::Display for JwtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} of the token {}", self.part, self.reason)
    }
}

impl std::error::Error for JwtError {}

impl UnverifiedJwt {
    /// Reads header and claims of `token` without verifying anything.
    ///
    /// # Errors
    /// When a part is not base64url or not a JSON object.
    pub fn read(token: &OidcToken) -> Result<Self, JwtError> {
        let mut parts = token.expose().split('.');
        let header = object("header", parts.next())?;
        let claims = object("claims", parts.next())?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        // NumericDate may have a fraction (RFC 7519 §2).
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds are what is wanted")]
        let seconds = |value: &Value| value.as_i64().or_else(|| value.as_f64().map(|s| s as i64));
        let kubernetes = &claims["kubernetes.io"];
        Ok(Self {
            algorithm: text(&header["alg"]),
            key_id: text(&header["kid"]),
            claims: TokenClaims {
                issuer: text(&claims["iss"]),
                subject: text(&claims["sub"]),
                audiences: match &claims["aud"] {
                    Value::String(one) => vec![one.clone()],
                    Value::Array(many) => many.iter().filter_map(text).collect(),
                    _ => Vec::new(),
                },
                expires_at: seconds(&claims["exp"]),
                issued_at: seconds(&claims["iat"]),
                not_before: seconds(&claims["nbf"]),
                namespace: text(&kubernetes["namespace"]),
                service_account: text(&kubernetes["serviceaccount"]["name"]),
                pod: text(&kubernetes["pod"]["name"]),
                pod_uid: text(&kubernetes["pod"]["uid"]),
            },
        })
    }
}

fn object(part: &'static str, text: Option<&str>) -> Result<Value, JwtError> {
    let text = text.unwrap_or_default().trim_end_matches('=');
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| JwtError { part, reason: "is not base64url" })?;
    let value: Value =
        serde_json::from_slice(&bytes).map_err(|_| JwtError { part, reason: "is not JSON" })?;
    if value.is_object() { Ok(value) } else { Err(JwtError { part, reason: "is not a JSON object" }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> OidcToken {
        let text = format!("{}.{}.sig", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        OidcToken::parse(&text).unwrap()
    }

    #[test]
    fn the_claims_of_a_projected_token_are_read() {
        let jwt = UnverifiedJwt::read(&token(
            r#"{"alg":"RS256","kid":"k1"}"#,
            r#"{"iss":"https://i","sub":"system:serviceaccount:ns:sa","aud":["sts.aliyuncs.com"],"exp":20.9,"iat":10,
                "nbf":10,"kubernetes.io":{"namespace":"ns","serviceaccount":{"name":"sa"},"pod":{"name":"p","uid":"u"}}}"#,
        ))
        .unwrap();
        assert_eq!((jwt.algorithm.as_deref(), jwt.key_id.as_deref()), (Some("RS256"), Some("k1")));
        let claims = jwt.claims;
        assert_eq!(claims.audiences, ["sts.aliyuncs.com"]);
        assert_eq!((claims.issued_at, claims.expires_at), (Some(10), Some(20)));
        assert_eq!(claims.service_account.as_deref(), Some("sa"));
        assert_eq!((claims.pod.as_deref(), claims.pod_uid.as_deref()), (Some("p"), Some("u")));
    }

    #[test]
    fn a_scalar_audience_is_a_list_of_one_and_missing_claims_are_none() {
        let claims = UnverifiedJwt::read(&token("{}", r#"{"aud":"x"}"#)).unwrap().claims;
        assert_eq!(claims, TokenClaims { audiences: vec!["x".to_owned()], ..TokenClaims::default() });
    }

    #[test]
    fn the_part_that_cannot_be_read_is_named() {
        let broken = |header, claims| UnverifiedJwt::read(&token(header, claims)).unwrap_err();
        assert_eq!(broken("no json", "{}"), JwtError { part: "header", reason: "is not JSON" });
        assert_eq!(broken("{}", "[]"), JwtError { part: "claims", reason: "is not a JSON object" });
        let odd = OidcToken::parse("a.e30.sig").unwrap();
        assert_eq!(UnverifiedJwt::read(&odd).unwrap_err().reason, "is not base64url");
    }
}
