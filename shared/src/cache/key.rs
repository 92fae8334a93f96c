//! What an entry is filed under: a digest of everything that selects the identity.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::entry::VERSION;

/// Version of what goes into the digest.
const DOMAIN: &[u8] = b"rrsa-cache-key-1";

/// Name of an entry: the digest, 40 hexadecimal digits. It says nothing of what went in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CacheKey(String);

impl CacheKey {
    /// A name as it stands in a store; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        digits.then(|| Self(text.to_owned()))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Collects what selects the identity. Each part goes in with its length, so that no two inputs run together, and what is
/// absent differs from what is empty.
#[derive(Clone)]
pub struct KeyInputs(Sha256);

impl Default for KeyInputs {
    fn default() -> Self {
        let mut inputs = Self(Sha256::new());
        inputs.part(Some(DOMAIN));
        // Versions that write entries unlike each other keep them apart, and neither asks anew because of the other.
        inputs.part(Some(&[VERSION]));
        inputs
    }
}

impl KeyInputs {
    /// An argument, a variable or the bytes of a file; `None` when it is not there.
    pub fn add(&mut self, name: &str, value: Option<&[u8]>) {
        self.part(Some(name.as_bytes()));
        self.part(value);
    }

    fn part(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            None => self.0.update([0]),
            Some(bytes) => {
                self.0.update([1]);
                self.0.update((bytes.len() as u64).to_le_bytes());
                self.0.update(bytes);
            }
        }
    }

    /// The name.
    #[must_use]
    pub fn finish(self) -> CacheKey {
        let digest = self.0.finalize();
        CacheKey(digest[..20].iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(parts: &[(&str, Option<&[u8]>)]) -> CacheKey {
        let mut inputs = KeyInputs::default();
        for (name, value) in parts {
            inputs.add(name, *value);
        }
        inputs.finish()
    }

    #[test]
    fn no_two_inputs_share_a_name() {
        let all = [
            key(&[]),
            key(&[("a", None)]),
            key(&[("a", Some(b""))]),
            key(&[("a", Some(b"b"))]),
            key(&[("ab", Some(b""))]),
            key(&[("a", Some(b"b")), ("c", None)]),
            key(&[("a", None), ("b", Some(b"c"))]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert_eq!(CacheKey::parse(one.as_str()).as_ref(), Some(one));
            assert!(all[at + 1..].iter().all(|other| other != one), "{at}");
        }
        assert_eq!(CacheKey::parse("../../etc/passwd"), None);
    }
}
