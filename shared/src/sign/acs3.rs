//! Signature version 3, ACS3-HMAC-SHA256: method, path, query, headers and body of an HTTP request.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::date;
use super::hash::{hmac_sha256_hex, sha256_hex};
use super::{Credentials, percent};

/// Name of the algorithm, as it stands in the string to sign and in the `Authorization` header.
pub const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// What is signed.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// `GET`, `POST`, `PUT`.
    pub method: &'a str,
    /// Path as it goes out, already encoded; empty counts as `/`.
    pub path: &'a str,
    /// Query parameters in any order, not encoded.
    pub query: &'a [(&'a str, &'a str)],
    /// Headers in any order and case. `host`, `content-type` and every `x-acs-…` are signed, others are not.
    pub headers: &'a [(&'a str, &'a str)],
    /// [`payload_hash`] of the body.
    pub payload_hash: &'a str,
}

/// A signature and the stages it came from. The stages may hold a security token, so there is no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// The request in its one canonical spelling.
    pub canonical_request: String,
    /// What was signed.
    pub string_to_sign: String,
    /// HMAC-SHA256, 64 lower-case hexadecimal digits.
    pub signature: String,
    /// Value of the `Authorization` header.
    pub authorization: String,
}

/// Hash of a body: SHA-256, 64 lower-case hexadecimal digits. Also the value of `x-acs-content-sha256`.
#[must_use]
pub fn payload_hash(body: &[u8]) -> String {
    sha256_hex(body)
}

/// Signs `request`. The security token of `credentials` is not added: it is signed as one of the headers.
#[must_use]
pub fn sign(request: &Request<'_>, credentials: Credentials<'_>) -> Signed {
    let headers = signed_headers(request.headers);
    let canonical_request = canonical_request(request, &headers);
    let string_to_sign = string_to_sign(&canonical_request);
    let signature = hmac_sha256_hex(credentials.access_key_secret, &string_to_sign);
    let authorization = format!(
        "{ALGORITHM} Credential={},SignedHeaders={},Signature={signature}",
        credentials.access_key_id,
        names(&headers)
    );
    Signed { canonical_request, string_to_sign, signature, authorization }
}

/// `name=value` pairs, encoded, sorted by name and then by value, joined by `&`. It is also the query to send.
#[must_use]
pub fn canonical_query(query: &[(&str, &str)]) -> String {
    let mut query = query.to_vec();
    query.sort_unstable();
    percent::encode_pairs(&query)
}

/// Algorithm and SHA-256 of the canonical request, on a line each.
#[must_use]
pub fn string_to_sign(canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{}", sha256_hex(canonical_request.as_bytes()))
}

/// Signed headers: lower-case name to trimmed values. A name that comes twice has its values sorted.
type SignedHeaders<'a> = BTreeMap<String, Vec<&'a str>>;

fn signed_headers<'a>(headers: &[(&str, &'a str)]) -> SignedHeaders<'a> {
    let mut signed = SignedHeaders::new();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        if name.starts_with("x-acs-") || name == "host" || name == "content-type" {
            signed.entry(name).or_default().push(value.trim());
        }
    }
    signed.values_mut().for_each(|values| values.sort_unstable());
    signed
}

fn canonical_request(request: &Request<'_>, headers: &SignedHeaders<'_>) -> String {
    let path = if request.path.is_empty() { "/" } else { request.path };
    let lines: String =
        headers.iter().map(|(name, values)| format!("{name}:{}\n", values.join(","))).collect();
    [
        request.method,
        path,
        &canonical_query(request.query),
        // Ends in a line break of its own, so that an empty line follows the headers.
        &lines,
        &names(headers),
        request.payload_hash,
    ]
    .join("\n")
}

fn names(headers: &SignedHeaders<'_>) -> String {
    headers.keys().map(String::as_str).collect::<Vec<_>>().join(";")
}

/// One call of an API: RPC-style with its parameters in the query of path `/` (sts, ram, ims), or ROA-style with
/// a path of its own (cs).
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Value of the `Host` header, with its port if that is not the scheme's.
    pub host: &'a str,
    /// `GET`, `POST`, `PUT`.
    pub method: &'a str,
    /// Path as it goes out, already encoded.
    pub path: &'a str,
    /// Query parameters in any order, not encoded.
    pub query: &'a [(&'a str, &'a str)],
    /// Name of the operation.
    pub action: &'a str,
    /// Version of the API, a date.
    pub version: &'a str,
    /// `content-type` of the body, when there is one.
    pub content_type: Option<&'a str>,
    /// Body, empty for none.
    pub body: &'a [u8],
}

impl Call<'_> {
    /// All headers the call goes out with, `authorization` and `host` included. `nonce` is any text that no other
    /// call has.
    #[must_use]
    pub fn headers(
        &self,
        credentials: Credentials<'_>,
        nonce: &str,
        time: Timestamp,
    ) -> Vec<(&'static str, String)> {
        let payload_hash = payload_hash(self.body);
        let mut headers = vec![
            ("host", self.host.to_owned()),
            ("x-acs-action", self.action.to_owned()),
            ("x-acs-content-sha256", payload_hash.clone()),
            ("x-acs-date", date(time)),
            ("x-acs-signature-nonce", nonce.to_owned()),
            ("x-acs-version", self.version.to_owned()),
        ];
        headers.extend(self.content_type.map(|kind| ("content-type", kind.to_owned())));
        headers.extend(credentials.security_token.map(|token| ("x-acs-security-token", token.to_owned())));
        let signed: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let request = Request {
            method: self.method,
            path: self.path,
            query: self.query,
            headers: &signed,
            payload_hash: &payload_hash,
        };
        let authorization = sign(&request, credentials).authorization;
        headers.push(("authorization", authorization));
        headers
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEST_KEY: Credentials<'_> =
        Credentials { access_key_id: "testid", access_key_secret: "testsecret", security_token: None };

    fn cluster_call<'a>(method: &'a str, path: &'a str, action: &'a str) -> Call<'a> {
        Call {
            host: "cs.cn-hangzhou.aliyuncs.com",
            method,
            path,
            query: &[],
            action,
            version: "2015-12-15",
            content_type: None,
            body: b"",
        }
    }

    fn headers_of(call: &Call<'_>, credentials: Credentials<'_>) -> BTreeMap<&'static str, String> {
        let time = "2024-01-02T03:04:05.6Z".parse().unwrap();
        call.headers(credentials, "0123456789abcdef0123456789abcdef", time).into_iter().collect()
    }

    #[test]
    fn a_call_gathers_the_headers_its_signature_needs() {
        let path = "/clusters/c0123456789abcdef0123456789abcdef0";
        let read = headers_of(&cluster_call("GET", path, "DescribeClusterDetail"), TEST_KEY);
        assert_eq!(read["authorization"], include_str!("../../vectors/v3-d/authorization.txt"));

        let path = "/api/v2/clusters/c0123456789abcdef0123456789abcdef0";
        let body = br#"{"enable_rrsa":true}"#;
        let content_type = Some("application/json; charset=utf-8");
        let modify = Call { content_type, body, ..cluster_call("PUT", path, "ModifyCluster") };
        let written = headers_of(&modify, TEST_KEY);
        assert_eq!(written["authorization"], include_str!("../../vectors/v3-e/authorization.txt"));
    }

    #[test]
    fn a_session_s_security_token_is_sent_and_signed() {
        let session = Credentials { security_token: Some("CAIS"), ..TEST_KEY };
        let headers = headers_of(&cluster_call("GET", "/", "A"), session);
        assert_eq!(headers["x-acs-security-token"], "CAIS");
        assert!(headers["authorization"].contains(";x-acs-security-token;"), "{}", headers["authorization"]);
    }

    #[test]
    fn headers_that_others_may_change_on_the_way_are_not_signed() {
        let sign_with = |headers: &[(&str, &str)]| {
            let request =
                Request { method: "GET", path: "", query: &[], headers, payload_hash: &payload_hash(b"") };
            sign(&request, TEST_KEY).authorization
        };
        let bare = sign_with(&[("Host", " h "), ("X-Acs-Action", "A")]);
        let more = sign_with(&[("x-acs-action", "A"), ("user-agent", "u"), ("accept", "*/*"), ("host", "h")]);
        assert_eq!(bare, more);
    }

    #[test]
    fn the_query_is_sorted_before_it_is_encoded() {
        assert_eq!(canonical_query(&[("b", "2"), ("a", "é"), ("b", "1"), ("B", "")]), "B=&a=%C3%A9&b=1&b=2");
    }

    fn authorization_of(query: &[(String, String)], headers: &[(String, String)]) -> String {
        let query: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let payload_hash = payload_hash(b"");
        let request = Request {
            method: "GET",
            path: "/",
            query: &query,
            headers: &headers,
            payload_hash: &payload_hash,
        };
        sign(&request, TEST_KEY).authorization
    }

    /// Pairs, and the same pairs in another order.
    fn shuffled(name: &'static str) -> impl Strategy<Value = [Vec<(String, String)>; 2]> {
        prop::collection::vec((name, any::<String>()), 0..6)
            .prop_flat_map(|pairs| (Just(pairs.clone()), Just(pairs).prop_shuffle()))
            .prop_map(|(pairs, shuffled)| [pairs, shuffled])
    }

    proptest! {
        #[test]
        fn the_order_of_query_and_headers_does_not_matter(
            query in shuffled("[A-Za-z.0-9]{1,3}"),
            headers in shuffled("[xX]-acs-[a-c]"),
        ) {
            prop_assert_eq!(authorization_of(&query[0], &headers[0]), authorization_of(&query[1], &headers[1]));
        }

        #[test]
        fn another_query_gives_another_signature(
            mut one in prop::collection::vec(("[a-c=&%]{0,2}", "[a-c=&%]{0,2}"), 0..3),
            mut other in prop::collection::vec(("[a-c=&%]{0,2}", "[a-c=&%]{0,2}"), 0..3),
        ) {
            one.sort();
            other.sort();
            prop_assert_eq!(authorization_of(&one, &[]) == authorization_of(&other, &[]), one == other);
        }
    }
}
