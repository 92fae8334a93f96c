//! A signer of requests, written apart from the code that verifies them.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Request;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::sky::{Answer, Sky};

/// Who signs.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) security_token: Option<String>,
}

impl Key {
    pub(super) fn long_term(id: &str, secret: &str) -> Self {
        Self { id: id.to_owned(), secret: secret.to_owned(), security_token: None }
    }

    /// The key in the `Credentials` of an answer.
    pub(super) fn of(answer: &Answer) -> Self {
        Self {
            id: answer.text_of("/Credentials/AccessKeyId"),
            secret: answer.text_of("/Credentials/AccessKeySecret"),
            security_token: Some(answer.text_of("/Credentials/SecurityToken")),
        }
    }
}

pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// `name=value&…`.
pub(super) fn encoded(parameters: &[(String, String)]) -> String {
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    pairs.join("&")
}

fn owned(parameters: &[(&str, &str)]) -> Vec<(String, String)> {
    parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl Sky {
    /// Calls an API with a V1 signature, all parameters in the query.
    pub(super) async fn call_v1(
        &self,
        key: &Key,
        api: (&str, &str),
        parameters: &[(&str, &str)],
        nonce: &str,
    ) -> Answer {
        let timestamp = jiff::Timestamp::from_second(self.clock.now().as_second()).unwrap().to_string();
        let mut all = owned(&[
            ("AccessKeyId", &key.id),
            ("Action", api.0),
            ("Version", api.1),
            ("Format", "JSON"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("SignatureNonce", nonce),
            ("Timestamp", &timestamp),
        ]);
        all.extend(owned(parameters));
        all.extend(key.security_token.clone().map(|token| ("SecurityToken".to_owned(), token)));
        all.sort();
        let to_sign = format!("GET&%2F&{}", encode(&encoded(&all)));
        let mut mac = Hmac::<Sha1>::new_from_slice(format!("{}&", key.secret).as_bytes()).unwrap();
        mac.update(to_sign.as_bytes());
        all.push(("Signature".to_owned(), STANDARD.encode(mac.finalize().into_bytes())));
        self.send(Request::get(format!("/?{}", encoded(&all))).body(Body::empty()).unwrap()).await
    }

    /// Calls an API with a V3 signature, its parameters in the query.
    pub(super) async fn call_v3(
        &self,
        key: &Key,
        api: (&str, &str),
        parameters: &[(&str, &str)],
        nonce: &str,
    ) -> Answer {
        self.call_v3_at(("POST", "/"), key, api, parameters, nonce).await
    }

    /// The same with a method and path of its own.
    pub(super) async fn call_v3_at(
        &self,
        (method, path): (&str, &str),
        key: &Key,
        api: (&str, &str),
        parameters: &[(&str, &str)],
        nonce: &str,
    ) -> Answer {
        let date = jiff::Timestamp::from_second(self.clock.now().as_second()).unwrap().to_string();
        let body_hash = hex(&Sha256::digest(b""));
        let mut headers = owned(&[
            ("host", "127.0.0.1:8080"),
            ("x-acs-action", api.0),
            ("x-acs-content-sha256", &body_hash),
            ("x-acs-date", &date),
            ("x-acs-signature-nonce", nonce),
            ("x-acs-version", api.1),
        ]);
        headers.extend(key.security_token.clone().map(|token| ("x-acs-security-token".to_owned(), token)));
        headers.sort();
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(";");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let mut query = owned(parameters);
        query.sort();
        let query = encoded(&query);
        let canonical = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{body_hash}");
        let mut mac = Hmac::<Sha256>::new_from_slice(key.secret.as_bytes()).unwrap();
        mac.update(format!("ACS3-HMAC-SHA256\n{}", hex(&Sha256::digest(canonical))).as_bytes());
        let signature = hex(&mac.finalize().into_bytes());
        let authorization =
            format!("ACS3-HMAC-SHA256 Credential={},SignedHeaders={names},Signature={signature}", key.id);
        let mut request = Request::builder().method(method).uri(format!("{path}?{query}"));
        request = request.header("authorization", authorization);
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
