//! The files that a pod's volumes hold.

use std::collections::BTreeMap;

use base64::Engine as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::environment::field;
use super::knobs::{Knobs, TokenKnob};
use super::programs::plain;
use crate::sandbox::cluster::access::Access;
use crate::sandbox::cluster::object::{self, list, text};
use crate::sandbox::cluster::store::Store;
use crate::sandbox::cluster::token::{Grant, Token, Tokens};
use crate::sandbox::world::IN_CLUSTER_ISSUER;

/// A file of a pod.
#[derive(Clone)]
pub(crate) struct File {
    /// What it holds.
    pub(crate) bytes: Vec<u8>,
    /// The permission bits.
    pub(crate) mode: u32,
    /// The owner.
    pub(crate) user: i64,
    /// The owner's group.
    pub(crate) group: i64,
    /// The token that it holds, if the kubelet renews it.
    renewed: Option<(Grant, Token)>,
}

impl File {
    /// A file that is never written again.
    pub(crate) fn new(bytes: Vec<u8>, mode: u32, user: i64, group: i64) -> Self {
        Self { bytes, mode, user, group, renewed: None }
    }
}

/// The files of a pod's volumes: by volume, then by path within.
#[derive(Default)]
pub(crate) struct Volumes(BTreeMap<String, BTreeMap<String, File>>);

/// What the kubelet needs to fill volumes.
pub(crate) struct Source<'a> {
    /// The objects of the cluster.
    pub(crate) store: &'a Store,
    /// The token issuer.
    pub(crate) tokens: &'a Tokens,
    /// Who may bear tokens for the API server.
    pub(crate) access: &'a Access,
    /// The time.
    pub(crate) now: Timestamp,
}

impl Volumes {
    /// Fills the volumes of `pod`, minting its tokens.
    ///
    /// # Errors
    /// What is missing, in the kubelet's words.
    pub(crate) fn fill(pod: &Value, knobs: &Knobs, source: &Source<'_>) -> Result<Self, String> {
        let mut volumes = BTreeMap::new();
        for volume in list(pod, "/spec/volumes") {
            let name = text(volume, "/name");
            let mut files = BTreeMap::new();
            match &volume["projected"] {
                Value::Null => project(volume, volume, pod, knobs, source, &mut files),
                projected => list(projected, "/sources")
                    .iter()
                    .try_for_each(|part| project(part, volume, pod, knobs, source, &mut files)),
            }
            .map_err(|why| format!("MountVolume.SetUp failed for volume {name:?} : {why}"))?;
            volumes.insert(name.to_owned(), files);
        }
        Ok(Self(volumes))
    }

    /// Renews the tokens that a kubelet would have renewed by now.
    pub(crate) fn renew(&mut self, source: &Source<'_>) {
        for file in self.0.values_mut().flat_map(BTreeMap::values_mut) {
            if let Some((grant, token)) = &mut file.renewed
                && token.is_due(source.now)
            {
                *token = source.tokens.mint(grant, source.now, source.access);
                file.bytes = token.jwt.clone().into_bytes();
            }
        }
    }

    /// The files that `container` sees, by absolute path.
    pub(crate) fn seen_by(&self, container: &Value) -> BTreeMap<String, File> {
        let mut files = BTreeMap::new();
        for mount in list(container, "/volumeMounts") {
            let Some(volume) = self.0.get(text(mount, "/name")) else { continue };
            let root = text(mount, "/mountPath").trim_end_matches('/');
            let inner = text(mount, "/subPath").trim_matches('/');
            for (path, file) in volume {
                let seen = match path.strip_prefix(inner) {
                    Some(_) if inner.is_empty() => format!("{root}/{path}"),
                    Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{root}{rest}"),
                    _ => continue,
                };
                files.insert(plain(&seen), file.clone());
            }
        }
        files
    }
}

type Files = BTreeMap<String, File>;

/// Adds the files of one source, `part`, of a volume.
fn project(
    part: &Value,
    volume: &Value,
    pod: &Value,
    knobs: &Knobs,
    source: &Source<'_>,
    files: &mut Files,
) -> Result<(), String> {
    let mode_of = |kind: &Value| {
        let mode = kind.get("defaultMode").or(volume.pointer("/projected/defaultMode"));
        mode.and_then(Value::as_u64).and_then(|mode| u32::try_from(mode).ok()).unwrap_or(0o644)
    };
    for (kind, plural, data) in [("configMap", "configmaps", "data"), ("secret", "secrets", "data")] {
        let Some(reference) = part.get(kind) else { continue };
        let name = match text(reference, "/secretName") {
            "" => text(reference, "/name"),
            name => name,
        };
        let Some(object) = source.store.core(plural, object::namespace(pod), name) else {
            if reference["optional"] == true {
                continue;
            }
            return Err(format!("{} {name:?} not found", kind.to_lowercase()));
        };
        let paths: BTreeMap<&str, &str> =
            list(reference, "/items").iter().map(|item| (text(item, "/key"), text(item, "/path"))).collect();
        for (key, value) in object[data].as_object().into_iter().flatten() {
            let path = if paths.is_empty() { Some(&key.as_str()) } else { paths.get(key.as_str()) };
            if let Some(path) = path {
                files.insert(
                    (*path).to_owned(),
                    File::new(content(value, kind == "secret"), mode_of(reference), 0, 0),
                );
            }
        }
    }
    for item in list(part, "/downwardAPI/items") {
        let value = field(pod, text(item, "/fieldRef/fieldPath")).ok_or("unsupported fieldPath")?;
        files.insert(
            text(item, "/path").to_owned(),
            File::new(value.into_bytes(), mode_of(&part["downwardAPI"]), 0, 0),
        );
    }
    if let Some(request) = part.get("serviceAccountToken") {
        let owner = Owner::of(pod);
        let mode = if owner.user.is_some() || owner.group.is_some() { 0o600 } else { mode_of(&Value::Null) };
        // A group of the pod's files may read them whatever their mode is.
        let mode = if owner.group.is_some() { mode | 0o040 } else { mode };
        if let Some((bytes, renewed)) = token(request, pod, knobs, source)? {
            let (user, group) = (owner.user.unwrap_or(0), owner.group.unwrap_or(0));
            files.insert(text(request, "/path").to_owned(), File { bytes, mode, user, group, renewed });
        }
    }
    Ok(())
}

/// The bytes of a key of a ConfigMap or a Secret.
pub(super) fn content(value: &Value, encoded: bool) -> Vec<u8> {
    let text = value.as_str().unwrap_or_default();
    match encoded {
        true => base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default(),
        false => text.as_bytes().to_vec(),
    }
}

/// Who owns a pod's token files.
struct Owner {
    /// The one user that every container runs as by its specification.
    user: Option<i64>,
    /// The pod's `fsGroup`.
    group: Option<i64>,
}

impl Owner {
    fn of(pod: &Value) -> Self {
        let shared = &pod["spec"]["securityContext"];
        let containers = list(pod, "/spec/initContainers").iter().chain(list(pod, "/spec/containers"));
        let mut users = containers.map(|container| {
            container
                .pointer("/securityContext/runAsUser")
                .or(shared.get("runAsUser"))
                .and_then(Value::as_i64)
        });
        let first = users.next().flatten();
        Self { user: first.filter(|_| users.all(|user| user == first)), group: shared["fsGroup"].as_i64() }
    }
}

type Held = (Vec<u8>, Option<(Grant, Token)>);

/// What a token file holds after the pod's knobs, absent when there is no file.
fn token(request: &Value, pod: &Value, knobs: &Knobs, source: &Source<'_>) -> Result<Option<Held>, String> {
    let (namespace, account) = (object::namespace(pod), text(pod, "/spec/serviceAccountName"));
    let found = source.store.core("serviceaccounts", namespace, account);
    let found =
        found.ok_or_else(|| format!("failed to fetch token: serviceaccounts {account:?} not found"))?;
    let node = text(pod, "/spec/nodeName");
    let node_uid = source.store.core("nodes", "", node).map(object::uid).unwrap_or_default();
    let grant = Grant {
        namespace: namespace.to_owned(),
        account: account.to_owned(),
        account_uid: object::uid(found).to_owned(),
        audiences: request["audience"].as_str().map(str::to_owned).into_iter().collect(),
        seconds: request["expirationSeconds"].as_i64().unwrap_or(3600),
        bound: vec![
            ("pod", object::name(pod).to_owned(), object::uid(pod).to_owned()),
            ("node", node.to_owned(), node_uid.to_owned()),
        ],
    };
    if knobs.token == TokenKnob::Valid && knobs.token_age.is_none() {
        let token = source.tokens.mint(&grant, source.now, source.access);
        return Ok(Some((token.jwt.clone().into_bytes(), Some((grant, token)))));
    }
    let age = match (&knobs.token, knobs.token_age) {
        (_, Some(age)) => age,
        (TokenKnob::Expired, None) => grant.seconds.min(source.tokens.ceiling()) + 60,
        (TokenKnob::NotYetValid, None) => -3600,
        _ => 0,
    };
    let issued = source.now.saturating_sub(SignedDuration::from_secs(age)).unwrap_or(source.now);
    let mut claims = source.tokens.claims(&grant, issued);
    let tokens = source.tokens;
    let text = match &knobs.token {
        TokenKnob::Absent => return Ok(None),
        TokenKnob::Empty => String::new(),
        TokenKnob::Text(text) => text.clone(),
        TokenKnob::Valid | TokenKnob::Expired | TokenKnob::NotYetValid => tokens.sign(&claims),
        TokenKnob::Malformed => {
            let token = tokens.sign(&claims);
            token.rsplit_once('.').map(|(rest, _)| rest.to_owned()).unwrap_or_default()
        }
        TokenKnob::TrailingNewline => tokens.sign(&claims) + "\n",
        TokenKnob::ForeignIssuer => {
            claims["iss"] = "https://stranger.example".into();
            tokens.sign_as_stranger(&claims)
        }
        TokenKnob::InClusterIssuer => {
            claims["iss"] = IN_CLUSTER_ISSUER.into();
            tokens.sign(&claims)
        }
        TokenKnob::UnknownKey => tokens.sign_as_stranger(&claims),
        TokenKnob::BadSignature => {
            let signed = tokens.sign(&claims);
            claims["jti"] = object::new_uid().into();
            let other = tokens.sign(&claims);
            let (claims, signature) = (signed.rsplit_once('.'), other.rsplit_once('.'));
            claims
                .zip(signature)
                .map(|((claims, _), (_, signature))| format!("{claims}.{signature}"))
                .unwrap_or_default()
        }
        TokenKnob::WrongAudience => {
            claims["aud"] = json!([IN_CLUSTER_ISSUER]);
            tokens.sign(&claims)
        }
        TokenKnob::WrongSubject => {
            let other = format!("{account}-other");
            claims["sub"] = format!("system:serviceaccount:{namespace}:{other}").into();
            claims["kubernetes.io"]["serviceaccount"] = json!({"name": other, "uid": object::new_uid()});
            tokens.sign(&claims)
        }
    };
    let text = if text.is_empty() { text } else { tokens.record(text) };
    Ok(Some((text.into_bytes(), None)))
}
