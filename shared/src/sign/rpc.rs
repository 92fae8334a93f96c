//! Signature version 1.0 of RPC-style APIs: HMAC-SHA1 over all parameters of query and form.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::date;
use super::hash::hmac_sha1_base64;
use super::{Credentials, percent};

/// Parameters by name; the order of a `BTreeMap`, by bytes, is the order they are signed in.
pub type Parameters = BTreeMap<String, String>;

/// A signature and the stages it came from. The stages may hold a security token, so there is no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// The sorted, encoded parameters.
    pub canonical_query: String,
    /// What was signed.
    pub string_to_sign: String,
    /// HMAC-SHA1 in padded base64; goes out as the parameter `Signature`.
    pub signature: String,
}

/// Signs `parameters` for `method` (`GET`, `POST`).
#[must_use]
pub fn sign(method: &str, parameters: &Parameters, access_key_secret: &str) -> Signed {
    let canonical_query = canonical_query(parameters);
    let string_to_sign = string_to_sign(method, &canonical_query);
    let signature = signature(access_key_secret, &string_to_sign);
    Signed { canonical_query, string_to_sign, signature }
}

/// `parameters` and those that every signed call has. What stands in both is taken from the common ones.
#[must_use]
pub fn with_common(
    mut parameters: Parameters,
    action: &str,
    version: &str,
    credentials: Credentials<'_>,
    nonce: &str,
    time: Timestamp,
) -> Parameters {
    let date = date(time);
    let common = [
        ("AccessKeyId", Some(credentials.access_key_id)),
        ("Action", Some(action)),
        ("Format", Some("JSON")),
        ("SecurityToken", credentials.security_token),
        ("SignatureMethod", Some("HMAC-SHA1")),
        ("SignatureNonce", Some(nonce)),
        ("SignatureVersion", Some("1.0")),
        ("Timestamp", Some(date.as_str())),
        ("Version", Some(version)),
    ];
    for (name, value) in common {
        if let Some(value) = value {
            parameters.insert(name.to_owned(), value.to_owned());
        }
    }
    parameters
}

/// First stage: `name=value` pairs, encoded, sorted by name and joined by `&`. A `Signature` among them is left
/// out.
#[must_use]
pub fn canonical_query(parameters: &Parameters) -> String {
    let signed = parameters.iter().filter(|(name, _)| *name != "Signature");
    let pairs: Vec<_> = signed.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    percent::encode_pairs(&pairs)
}

/// Second stage: method, root path and canonical query, the latter two encoded once more.
#[must_use]
pub fn string_to_sign(method: &str, canonical_query: &str) -> String {
    format!("{method}&%2F&{}", percent::encode(canonical_query))
}

/// Last stage: HMAC-SHA1 under the secret followed by `&`, in padded base64.
#[must_use]
pub fn signature(access_key_secret: &str, string_to_sign: &str) -> String {
    hmac_sha1_base64(&format!("{access_key_secret}&"), string_to_sign)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn owned<'a>(pairs: impl IntoIterator<Item = &'a (String, String)>) -> Parameters {
        pairs.into_iter().cloned().collect()
    }

    #[test]
    fn the_common_parameters_make_a_bare_call_complete() {
        let credentials =
            Credentials { access_key_id: "testid", access_key_secret: "testsecret", security_token: None };
        let time = "2024-01-02T03:04:05.6Z".parse().unwrap();
        let nonce = "0123456789abcdef0123456789abcdef";
        let parameters =
            with_common(Parameters::new(), "GetCallerIdentity", "2015-04-01", credentials, nonce, time);
        let expected = include_str!("../../vectors/v1-c-get/signature.txt");
        assert_eq!(sign("GET", &parameters, credentials.access_key_secret).signature, expected);
        let session = Credentials { security_token: Some("CAIS"), ..credentials };
        let parameters = with_common(parameters, "GetCallerIdentity", "2015-04-01", session, nonce, time);
        assert_eq!(parameters["SecurityToken"], "CAIS");
    }

    #[test]
    fn a_signature_is_not_signed_again() {
        let mut parameters = Parameters::from([("Action".to_owned(), "A".to_owned())]);
        let first = sign("GET", &parameters, "secret").signature;
        parameters.insert("Signature".to_owned(), first.clone());
        assert_eq!(sign("GET", &parameters, "secret").signature, first);
    }

    #[test]
    fn names_sort_by_bytes_before_they_are_encoded() {
        let parameters = ["b", "a", "B", "a.1", "a-1"].map(|name| (name.to_owned(), String::new()));
        assert_eq!(canonical_query(&owned(&parameters)), "B=&a=&a-1=&a.1=&b=");
    }

    proptest! {
        #[test]
        fn the_order_parameters_came_in_does_not_matter(
            (pairs, shuffled) in prop::collection::btree_map(any::<String>(), any::<String>(), 0..8)
                .prop_map(Vec::from_iter)
                .prop_flat_map(|pairs| (Just(pairs.clone()), Just(pairs).prop_shuffle()))
        ) {
            let signature = |pairs| sign("POST", &owned(pairs), "secret").signature;
            prop_assert_eq!(signature(&pairs), signature(&shuffled));
        }

        #[test]
        fn other_parameters_give_another_signature(
            one in prop::collection::btree_map("[a-c=&%]{0,3}", "[a-c=&%]{0,3}", 0..3),
            other in prop::collection::btree_map("[a-c=&%]{0,3}", "[a-c=&%]{0,3}", 0..3),
        ) {
            let (a, b) = (sign("GET", &one, "secret"), sign("GET", &other, "secret"));
            prop_assert_eq!(a.canonical_query == b.canonical_query, one == other);
            prop_assert_eq!(a.signature == b.signature, one == other);
        }
    }
}
