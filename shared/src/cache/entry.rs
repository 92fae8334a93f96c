//! One cached session.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Witness;
use crate::ports::env::Env;
use crate::ports::files::Files;
use crate::secret::Secret;
use crate::sts::AccessKey;

/// Version of the bytes; another one is no entry.
pub(super) const VERSION: u8 = 2;

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// A session's key.
    Session(AccessKey),
    /// A client certificate and its key, PEM.
    Certificate {
        /// The certificates, the client's own first.
        certificate: String,
        /// The private key.
        private_key: Secret,
    },
}

/// Credentials, when they were given and when they end, Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The credentials.
    pub kept: Kept,
    /// When they were given.
    pub made: i64,
    /// When they end.
    pub expires: i64,
    /// Where they came from, in words; no secret.
    pub words: String,
    /// What else had a part in choosing them.
    pub witnesses: Vec<Witness>,
}

#[derive(Serialize)]
struct Out<'a> {
    v: u8,
    made: i64,
    expires: i64,
    words: &'a str,
    witnesses: &'a [Witness],
    #[serde(flatten)]
    kept: OutKept<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OutKept<'a> {
    Session { id: &'a str, secret: &'a str, token: Option<&'a str> },
    Certificate { certificate: &'a str, private_key: &'a str },
}

#[derive(Deserialize)]
struct In {
    v: u8,
    made: i64,
    expires: i64,
    words: String,
    witnesses: Vec<Witness>,
    id: Option<String>,
    secret: Option<Secret>,
    token: Option<Secret>,
    certificate: Option<String>,
    private_key: Option<Secret>,
}

impl Entry {
    /// The bytes that a store keeps; wiped when dropped.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let (kept, size) = match &self.kept {
            Kept::Session(AccessKey { id, secret, security_token }) => {
                let (secret, token) = (secret.expose(), security_token.as_ref().map(Secret::expose));
                (OutKept::Session { id, secret, token }, id.len() + secret.len() + token.map_or(0, str::len))
            }
            Kept::Certificate { certificate, private_key } => {
                let private_key = private_key.expose();
                // Line ends of PEM take two bytes.
                let size = (certificate.len() + private_key.len()) * 2;
                (OutKept::Certificate { certificate, private_key }, size)
            }
        };
        let out = Out {
            v: VERSION,
            made: self.made,
            expires: self.expires,
            words: &self.words,
            witnesses: &self.witnesses,
            kept,
        };
        // With its final size from the start no half of it is left behind by a growing buffer.
        let size = size + self.words.len() * 6 + self.witnesses.len() * 512;
        let mut bytes = Zeroizing::new(Vec::with_capacity(size + 256));
        serde_json::to_writer(&mut *bytes, &out).expect("texts and numbers are JSON");
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; anything else is no entry.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let read: In = serde_json::from_slice(bytes).ok()?;
        let kept = match read {
            In { id: Some(id), secret: Some(secret), token, certificate: None, .. } => {
                Kept::Session(AccessKey { id, secret, security_token: token })
            }
            In { id: None, certificate: Some(certificate), private_key: Some(private_key), .. } => {
                Kept::Certificate { certificate, private_key }
            }
            _ => return None,
        };
        let (made, expires) = (read.made, read.expires);
        let (words, witnesses) = (read.words, read.witnesses);
        (read.v == VERSION && made < expires).then_some(Self { kept, made, expires, words, witnesses })
    }

    /// Whether it may serve: everything that had a part in choosing it is as it was.
    #[must_use]
    pub fn is_meant(&self, env: &Env, files: &Files) -> bool {
        self.witnesses.iter().all(|witness| witness.holds(env, files))
    }

    /// What names the credentials without giving them away: the access key id of a session.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.kept {
            Kept::Session(key) => &key.id,
            Kept::Certificate { .. } => "client certificate",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_back_and_nothing_else_is_one() {
        let entry = Entry {
            kept: Kept::Session(AccessKey {
                id: "STS.x".into(),
                secret: "s\"\n".into(),
                security_token: Some("CAIS".into()),
            }),
            made: 1,
            expires: 3601,
            words: "role \u{1b}[31m".to_owned(),
            witnesses: vec![Witness::variable("A", "b")],
        };
        let bytes = entry.to_bytes();
        assert_eq!(Entry::from_bytes(&bytes), Some(entry));
        for cut in 0..bytes.len() {
            assert_eq!(Entry::from_bytes(&bytes[..cut]), None, "{cut}");
        }
        let certificate = Entry {
            kept: Kept::Certificate { certificate: "-----\n".to_owned(), private_key: "-----\n".into() },
            made: 1,
            expires: 3601,
            words: String::new(),
            witnesses: Vec::new(),
        };
        assert_eq!(Entry::from_bytes(&certificate.to_bytes()), Some(certificate));
        let newer = String::from_utf8(bytes.to_vec()).unwrap().replace("\"v\":2", "\"v\":3");
        assert_eq!(Entry::from_bytes(newer.as_bytes()), None);
    }
}
