//! Known answers: each folder of `vectors/` is a case, each file in it but `request.json` one stage.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;

use super::{Credentials, acs3, hash, rpc};
use crate::ack;

#[derive(Deserialize)]
#[serde(tag = "scheme", deny_unknown_fields)]
enum Request {
    V1 {
        method: String,
        parameters: rpc::Parameters,
        access_key_secret: String,
    },
    V3 {
        method: String,
        path: String,
        query: Vec<(String, String)>,
        headers: Vec<(String, String)>,
        access_key_id: String,
        access_key_secret: String,
        body: Option<String>,
        payload_hash: Option<String>,
    },
    Bearer {
        cluster_id: String,
        access_key_id: String,
        access_key_secret: String,
        user_agent: String,
        time: Timestamp,
    },
}

impl Request {
    /// What we make of the request: file name and text of each stage, in order.
    fn stages(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::V1 { method, parameters, access_key_secret } => {
                let signed = rpc::sign(method, parameters, access_key_secret);
                vec![
                    ("canonical-query.txt", signed.canonical_query),
                    ("string-to-sign.txt", signed.string_to_sign),
                    ("signature.txt", signed.signature),
                ]
            }
            Self::V3 {
                method,
                path,
                query,
                headers,
                access_key_id,
                access_key_secret,
                body,
                payload_hash,
            } => {
                let payload_hash = match (body, payload_hash) {
                    (Some(body), None) => acs3::payload_hash(body.as_bytes()),
                    (None, Some(hash)) => hash.clone(),
                    _ => panic!("a request has either a body or the hash of one"),
                };
                let request = acs3::Request {
                    method,
                    path,
                    query: &borrowed(query),
                    headers: &borrowed(headers),
                    payload_hash: &payload_hash,
                };
                let credentials = Credentials { access_key_id, access_key_secret, security_token: None };
                let signed = acs3::sign(&request, credentials);
                let hash = hash::sha256_hex(signed.canonical_request.as_bytes());
                vec![
                    ("canonical-request.txt", signed.canonical_request),
                    ("canonical-request.sha256", hash),
                    ("string-to-sign.txt", signed.string_to_sign),
                    ("signature.txt", signed.signature),
                    ("authorization.txt", signed.authorization),
                ]
            }
            Self::Bearer { cluster_id, access_key_id, access_key_secret, user_agent, time } => {
                let credentials = Credentials { access_key_id, access_key_secret, security_token: None };
                let token = ack::bearer(cluster_id, credentials, user_agent, *time).unwrap();
                let payload = token.expose().strip_prefix("k8s-ack-v2.").expect("the token has its prefix");
                let payload = String::from_utf8(STANDARD.decode(payload).unwrap()).unwrap();
                vec![("payload.json", payload), ("token.txt", token.expose().to_owned())]
            }
        }
    }

    fn scheme(&self) -> &'static str {
        match self {
            Self::V1 { .. } => "V1",
            Self::V3 { .. } => "V3",
            Self::Bearer { .. } => "Bearer",
        }
    }
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_name().expect("an entry has a name").to_string_lossy().into_owned()
}

/// Each way in which a case's files and our stages differ.
fn differences(folder: &Path, request: &Request) -> Vec<String> {
    let case = name(folder);
    let mut files: BTreeMap<_, _> = entries(folder)
        .into_iter()
        .map(|path| (name(&path), String::from_utf8(fs::read(&path).unwrap()).unwrap()))
        .collect();
    files.remove("request.json");
    let mut differences = Vec::new();
    for (stage, ours) in request.stages() {
        match files.remove(stage) {
            Some(known) if known == ours => {}
            Some(known) => differences.push(format!("{case}, {stage}:\n  known {known:?}\n  ours  {ours:?}")),
            None => differences.push(format!("{case}, {stage}: the file is missing")),
        }
    }
    differences.extend(files.keys().map(|file| format!("{case}, {file}: no stage of the scheme")));
    differences
}

#[test]
fn every_stage_of_every_known_answer_is_reproduced() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut differences_found = Vec::new();
    let mut cases = BTreeMap::new();
    for case in entries(&folder).into_iter().filter(|path| path.is_dir()) {
        let text = fs::read_to_string(case.join("request.json"));
        let text = text.unwrap_or_else(|error| panic!("{}, request.json: {error}", name(&case)));
        let request: Request = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}, request.json: {error}", name(&case)));
        *cases.entry(request.scheme()).or_insert(0) += 1;
        differences_found.extend(differences(&case, &request));
    }
    assert!(differences_found.is_empty(), "{}", differences_found.join("\n"));
    assert_eq!(cases, BTreeMap::from([("Bearer", 1), ("V1", 7), ("V3", 7)]), "a case came or went");
}
