//! One cached session.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::sts::AccessKey;

/// Version of the bytes; another one is no entry.
const VERSION: u8 = 1;

/// A session, when it was given and when it ends, Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What signs.
    pub key: AccessKey,
    /// When it was given.
    pub made: i64,
    /// When it ends.
    pub expires: i64,
    /// Where it came from, in words; no secret.
    pub words: String,
}

#[derive(Serialize)]
struct Out<'a> {
    v: u8,
    made: i64,
    expires: i64,
    words: &'a str,
    id: &'a str,
    secret: &'a str,
    token: Option<&'a str>,
}

#[derive(Deserialize)]
struct In {
    v: u8,
    made: i64,
    expires: i64,
    words: String,
    id: String,
    secret: Secret,
    token: Option<Secret>,
}

impl Entry {
    /// The bytes that a store keeps; wiped when dropped.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let out = Out {
            v: VERSION,
            made: self.made,
            expires: self.expires,
            words: &self.words,
            id: &self.key.id,
            secret: self.key.secret.expose(),
            token: self.key.security_token.as_ref().map(Secret::expose),
        };
        // With its final size from the start no half of it is left behind by a growing buffer.
        let size =
            self.words.len() * 6 + self.key.id.len() + out.secret.len() + out.token.map_or(0, str::len);
        let mut bytes = Zeroizing::new(Vec::with_capacity(size + 256));
        serde_json::to_writer(&mut *bytes, &out).expect("texts and numbers are JSON");
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; anything else is no entry.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let read: In = serde_json::from_slice(bytes).ok()?;
        (read.v == VERSION && read.made < read.expires).then_some(Self {
            key: AccessKey { id: read.id, secret: read.secret, security_token: read.token },
            made: read.made,
            expires: read.expires,
            words: read.words,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_back_and_nothing_else_is_one() {
        let entry = Entry {
            key: AccessKey {
                id: "STS.x".into(),
                secret: "s\"\n".into(),
                security_token: Some("CAIS".into()),
            },
            made: 1,
            expires: 3601,
            words: "role \u{1b}[31m".to_owned(),
        };
        let bytes = entry.to_bytes();
        assert_eq!(Entry::from_bytes(&bytes), Some(entry));
        for cut in 0..bytes.len() {
            assert_eq!(Entry::from_bytes(&bytes[..cut]), None, "{cut}");
        }
        let newer = String::from_utf8(bytes.to_vec()).unwrap().replace("\"v\":1", "\"v\":2");
        assert_eq!(Entry::from_bytes(newer.as_bytes()), None);
    }
}
