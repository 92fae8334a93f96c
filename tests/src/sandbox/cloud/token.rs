//! OIDC tokens: taken apart, and verified with RS256 against a key set.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::{BoxedUint, PublicKey};
use serde_json::Value;
use sha2::Sha256;

use super::refusal::Refusal;

/// A token whose form is right; its signature says nothing yet.
pub(super) struct Token<'a> {
    signed: &'a str,
    signature: Vec<u8>,
    kid: Option<String>,
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) audiences: Vec<String>,
    /// Seconds since 1970, as are the next two.
    pub(super) expires: i64,
    pub(super) issued: i64,
    pub(super) not_before: Option<i64>,
}

impl<'a> Token<'a> {
    /// Takes a compact JSON Web Token apart. Everything that is wrong with its form is
    /// `AuthenticationFail.OIDCToken.Invalid`.
    pub(super) fn parse(token: &'a str) -> Result<Self, Refusal> {
        if !(4..=20_000).contains(&token.len()) {
            return Err(invalid("its length is not between 4 and 20000"));
        }
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            return Err(invalid("it has not three parts"));
        };
        let (header, claims) = (object(header)?, object(claims)?);
        if header["alg"] != "RS256" {
            return Err(invalid("its algorithm is not RS256"));
        }
        let text = |name: &str| claims[name].as_str().map(str::to_owned).ok_or_else(|| absent(name));
        let number = |name: &str| claims[name].as_i64();
        Ok(Self {
            signed: token.rsplit_once('.').map_or("", |(signed, _)| signed),
            signature: decode(signature)?,
            kid: header["kid"].as_str().map(str::to_owned),
            issuer: text("iss")?,
            subject: text("sub")?,
            audiences: audiences(&claims["aud"]).ok_or_else(|| absent("aud"))?,
            expires: number("exp").ok_or_else(|| absent("exp"))?,
            issued: number("iat").ok_or_else(|| absent("iat"))?,
            not_before: number("nbf"),
        })
    }

    /// Whether a key of `jwks` made the signature: the one with the token's key id, or any when the token
    /// names none.
    pub(super) fn is_signed_by(&self, jwks: &Value) -> bool {
        let keys = jwks["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
        keys.iter()
            .filter(|key| self.kid.is_none() || key["kid"].as_str() == self.kid.as_deref())
            .filter_map(public_key)
            .any(|key| key.pkcs1v15_verify::<Sha256>(self.signed.as_bytes(), &self.signature).is_ok())
    }
}

fn public_key(key: &Value) -> Option<PublicKey> {
    let number = |name: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(key[name].as_str()?).ok()?;
        Some(BoxedUint::from_be_slice_vartime(&bytes))
    };
    PublicKey::new(number("n")?, number("e")?).ok()
}

fn audiences(claim: &Value) -> Option<Vec<String>> {
    match claim {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(many) => many.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

fn object(part: &str) -> Result<Value, Refusal> {
    let value: Value = serde_json::from_slice(&decode(part)?).map_err(|_| invalid("a part is not JSON"))?;
    if value.is_object() { Ok(value) } else { Err(invalid("a part is not a JSON object")) }
}

fn decode(part: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| invalid("a part is not Base64 for URLs without padding"))
}

fn absent(claim: &str) -> Refusal {
    invalid(&format!("its claim {claim} is absent or of the wrong type"))
}

fn invalid(trouble: &str) -> Refusal {
    Refusal::new("AuthenticationFail.OIDCToken.Invalid")
        .message(format!("This JsonWebToken is not valid: {trouble}."))
}
