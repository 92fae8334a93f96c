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
    /// `file`, `variable` or `program`.
    kind: Kind,
    name: String,
    digest: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    File,
    Variable,
    Program,
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

    /// A program as a command names it, and where it is by now; nothing for one that is named by its whole path, which its name
    /// tells already.
    #[must_use]
    pub fn program(name: &str, env: &Env, files: &Files) -> Option<Self> {
        if Path::new(name).is_absolute() {
            return None;
        }
        let digest = digest(&whereabouts(name, env, files)?);
        Some(Self { kind: Kind::Program, name: name.to_owned(), digest })
    }

    /// Whether it is what it was.
    #[must_use]
    pub fn holds(&self, env: &Env, files: &Files) -> bool {
        let now = match self.kind {
            Kind::File => files.read_small(Path::new(&self.name), MAX_CONFIGURATION).ok(),
            Kind::Variable => env.var(&self.name).map(String::into_bytes),
            Kind::Program => whereabouts(&self.name, env, files),
        };
        now.is_some_and(|now| digest(&now) == self.digest)
    }
}

/// The path of the program that a name leads to: below the folder that this process is in, or in a folder of `PATH`.
fn whereabouts(name: &str, env: &Env, files: &Files) -> Option<Vec<u8>> {
    let here = files.current_folder()?;
    let found = if name.contains(std::path::is_separator) {
        here.join(name)
    } else {
        let path = env.var("PATH")?;
        std::env::split_paths(&path)
            .map(|folder| here.join(folder).join(name))
            .find(|file| files.is_there(file))?
    };
    Some(found.as_os_str().as_encoded_bytes().to_vec())
}

fn digest(bytes: &[u8]) -> String {
    let mut inputs = KeyInputs::default();
    inputs.add("witness", Some(bytes));
    inputs.finish().as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same name may be another program with another PATH.
    #[test]
    fn a_program_is_the_one_that_its_name_leads_to() {
        let files = Files::fake([("/a/x", "1"), ("/b/x", "1")]);
        let env = |path: &str| Env::fake([("PATH", path)]);
        assert_eq!(Witness::program("/a/x", &env("/a"), &files), None);
        let witness = Witness::program("x", &env("/a:/b"), &files).unwrap();
        assert!(witness.holds(&env("/nowhere:/a"), &files));
        assert!(!witness.holds(&env("/b:/a"), &files));
        assert!(!witness.holds(&env("/nowhere"), &files));
    }

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
