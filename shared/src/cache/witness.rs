//! What had a part in choosing an identity besides what its entry's name tells: files and variables that a configuration
//! names, and that nobody knows before it is parsed. An entry serves only while they are what they were.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::ports::env::Env;
use crate::ports::files::Files;

use super::KeyInputs;

/// More than any configuration holds, bytes.
pub const MAX_CONFIGURATION: u64 = 4 * 1024 * 1024;

/// A file or a variable, and what it held when it was read, as a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// `file` or `variable`.
    kind: Kind,
    name: String,
    digest: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    File,
    Variable,
}

impl Witness {
    /// A file and its bytes.
    #[must_use]
    pub fn file(path: &str, bytes: &[u8]) -> Self {
        Self { kind: Kind::File, name: path.to_owned(), digest: digest(bytes) }
    }

    /// A variable and its value.
    #[must_use]
    pub fn variable(name: &str, value: &str) -> Self {
        Self { kind: Kind::Variable, name: name.to_owned(), digest: digest(value.as_bytes()) }
    }

    /// Whether it is what it was.
    #[must_use]
    pub fn holds(&self, env: &Env, files: &Files) -> bool {
        let now = match self.kind {
            Kind::File => files.read_small(Path::new(&self.name), MAX_CONFIGURATION).ok(),
            Kind::Variable => env.var(&self.name).map(String::into_bytes),
        };
        now.is_some_and(|now| digest(&now) == self.digest)
    }
}

fn digest(bytes: &[u8]) -> String {
    let mut inputs = KeyInputs::default();
    inputs.add("witness", Some(bytes));
    inputs.finish().as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_changed_or_is_gone_does_not_hold() {
        let files = Files::fake([("/a", "1")]);
        let env = Env::fake([("A", "1")]);
        let (none, bare) = (Files::fake::<&str, &str>([]), Env::fake::<&str, &str>([]));
        for (witness, holds) in [
            (Witness::file("/a", b"1"), true),
            (Witness::file("/a", b"2"), false),
            (Witness::file("/b", b"1"), false),
            (Witness::variable("A", "1"), true),
            (Witness::variable("A", "2"), false),
        ] {
            assert_eq!(witness.holds(&env, &files), holds, "{witness:?}");
            assert!(!witness.holds(&bare, &none));
        }
    }
}
