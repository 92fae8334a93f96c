//! Signed requests, ready to send.

use super::{Credentials, acs3, percent};
use crate::api::{Endpoint, Stamp};
use crate::ports::http::{Method, Request};
use crate::sts::AccessKey;

/// A call of an RPC-style API (sts, ram, ims): POST to `/` with `parameters` in the query and no body, signed with
/// version 3. Parameters are logged on the way, so no secret belongs among them.
#[must_use]
pub fn rpc_request(
    endpoint: &Endpoint,
    action: &str,
    version: &str,
    parameters: &[(&str, String)],
    key: &AccessKey,
    stamp: &Stamp,
) -> Request {
    let query: Vec<_> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let call = acs3::Call {
        method: Method::Post.as_str(),
        path: "/",
        query: &query,
        ..call(endpoint, action, version)
    };
    let query = acs3::canonical_query(&query);
    let url = if query.is_empty() { endpoint.url("/") } else { endpoint.url(&format!("/?{query}")) };
    Request { method: Method::Post, url, headers: headers(&call, key, stamp), body: Vec::new() }
}

/// A GET of a ROA-style API (cs), whose `path` names what is asked for and is already encoded.
#[must_use]
pub fn roa_get(
    endpoint: &Endpoint,
    path: &str,
    query: &[(&str, &str)],
    (action, version): (&str, &str),
    key: &AccessKey,
    stamp: &Stamp,
) -> Request {
    let call = acs3::Call { path, query, ..call(endpoint, action, version) };
    let asked: Vec<_> = query
        .iter()
        .map(|(name, value)| format!("{}={}", percent::encode(name), percent::encode(value)))
        .collect();
    let mark = if asked.is_empty() { "" } else { "?" };
    let url = endpoint.url(&format!("{path}{mark}{}", asked.join("&")));
    Request { headers: headers(&call, key, stamp), ..Request::get(url) }
}

fn call<'a>(endpoint: &'a Endpoint, action: &'a str, version: &'a str) -> acs3::Call<'a> {
    acs3::Call {
        host: endpoint.host(),
        method: Method::Get.as_str(),
        path: "/",
        query: &[],
        action,
        version,
        content_type: None,
        body: b"",
    }
}

fn headers(call: &acs3::Call<'_>, key: &AccessKey, stamp: &Stamp) -> Vec<(String, String)> {
    let credentials = Credentials {
        access_key_id: &key.id,
        access_key_secret: key.secret.expose(),
        security_token: key.security_token.as_ref().map(|token| token.expose()),
    };
    let headers = call.headers(credentials, &stamp.nonce, stamp.time);
    headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(parameters: &[(&str, String)]) -> Request {
        let key = AccessKey {
            id: "STS.NTestAccessKeyId".to_owned(),
            secret: "TestAccessKeySecret".into(),
            security_token: Some("CAISfake".into()),
        };
        let stamp = Stamp { time: "2024-01-02T03:04:05Z".parse().unwrap(), nonce: "n".to_owned() };
        let endpoint = Endpoint::official("sts.aliyuncs.com");
        rpc_request(&endpoint, "AssumeRole", "2015-04-01", parameters, &key, &stamp)
    }

    #[test]
    fn what_is_sent_is_what_was_signed() {
        let sent =
            request(&[("RoleSessionName", "a b".to_owned()), ("RoleArn", "acs:ram::1:role/r".to_owned())]);
        assert_eq!(
            sent.url,
            "https://sts.aliyuncs.com/?RoleArn=acs%3Aram%3A%3A1%3Arole%2Fr&RoleSessionName=a%20b"
        );
        let (authorization, headers): (Vec<_>, Vec<_>) =
            sent.headers.iter().partition(|(name, _)| name == "authorization");
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let signed = acs3::sign(
            &acs3::Request {
                method: "POST",
                path: "/",
                query: &[("RoleArn", "acs:ram::1:role/r"), ("RoleSessionName", "a b")],
                headers: &headers,
                payload_hash: &acs3::payload_hash(&sent.body),
            },
            Credentials {
                access_key_id: "STS.NTestAccessKeyId",
                access_key_secret: "TestAccessKeySecret",
                security_token: None,
            },
        );
        assert_eq!(authorization[0].1, signed.authorization);
    }

    #[test]
    fn a_call_without_parameters_has_no_query() {
        assert_eq!(request(&[]).url, "https://sts.aliyuncs.com/");
    }

    #[test]
    fn neither_secret_nor_security_token_stands_in_the_url() {
        let sent = request(&[("RoleArn", "r".to_owned())]);
        assert!(!sent.url.contains("CAIS") && !sent.url.contains("Secret"), "{}", sent.url);
        assert!(sent.headers.iter().all(|(_, value)| !value.contains("TestAccessKeySecret")));
    }
}
