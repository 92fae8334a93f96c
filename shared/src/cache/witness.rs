//! What had a part in choosing an identity besides what its entry's name tells: files and variables that a configuration
//! names, and that nobody knows before it is parsed. An entry serves only while they are what they were.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::ports::env::Env;
use crate::ports::files::{Files, canonical};
use crate::source::cli_profile::lasting;

use super::KeyInputs;

/// More than any configuration holds, bytes.
pub const MAX_CONFIGURATION: u64 = 4 * 1024 * 1024;

/// A file or a variable, and what it held when it was read, as a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// `file`, `profiles`, `absence`, `variable`, `program` or `place`.
    kind: Kind,
    name: String,
    digest: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    File,
    Profiles,
    Absence,
    Variable,
    Program,
    Place,
}

impl Witness {
    /// A file and its bytes.
    #[must_use]
    pub fn file(path: &str, bytes: &[u8]) -> Self {
        Self { kind: Kind::File, name: path.to_owned(), digest: digest(bytes) }
    }

    /// The CLI's configuration and its bytes, but for what its programs write there themselves.
    #[must_use]
    pub fn profiles(path: &Path, bytes: &[u8]) -> Self {
        let name = path.to_string_lossy().into_owned();
        Self { kind: Kind::Profiles, name, digest: digest(&lasting(bytes)) }
    }

    /// Whether it is of the CLI's configuration.
    #[must_use]
    pub fn is_of_profiles(&self) -> bool {
        matches!(self.kind, Kind::Profiles)
    }

    /// That there is no such file.
    #[must_use]
    pub fn absence(path: &Path) -> Self {
        let name = path.to_string_lossy().into_owned();
        Self { kind: Kind::Absence, name, digest: digest(&[]) }
    }

    /// A variable and its value.
    #[must_use]
    pub fn variable(name: &str, value: &str) -> Self {
        Self { kind: Kind::Variable, name: name.to_owned(), digest: digest(value.as_bytes()) }
    }

    /// A program as a command names it, and where that leads by now.
    #[must_use]
    pub fn program(name: &str, env: &Env, files: &Files) -> Self {
        Self { kind: Kind::Program, name: name.to_owned(), digest: digest(&whereabouts(name, env, files)) }
    }

    /// A file whose path begins with no slash, or with a process, and where it is by now, whatever it holds; nothing for any other,
    /// which its name tells already.
    #[must_use]
    pub fn place(path: &str, files: &Files) -> Option<Self> {
        let is_told = Path::new(path).is_absolute() && !is_of_process(path);
        let digest = || digest(&place(path, files));
        (!is_told).then(|| Self { kind: Kind::Place, name: path.to_owned(), digest: digest() })
    }

    /// Whether it is what it was.
    #[must_use]
    pub fn holds(&self, env: &Env, files: &Files) -> bool {
        let read = || files.read_small(Path::new(&self.name), MAX_CONFIGURATION);
        let now = match self.kind {
            Kind::File => read().ok(),
            Kind::Profiles => read().ok().map(|bytes| lasting(&bytes).to_vec()),
            Kind::Absence => {
                read().is_err_and(|error| error.kind() == io::ErrorKind::NotFound).then(Vec::new)
            }
            Kind::Variable => env.var(&self.name).map(String::into_bytes),
            Kind::Program => Some(whereabouts(&self.name, env, files)),
            Kind::Place => Some(place(&self.name, files)),
        };
        now.is_some_and(|now| digest(&now) == self.digest)
    }
}

/// The program that a name leads to, through links: by its path, or in a folder of `PATH`; nothing where it leads to none.
fn whereabouts(name: &str, env: &Env, files: &Files) -> Vec<u8> {
    let here = files.current_folder().unwrap_or_default();
    let found = if name.contains(std::path::is_separator) {
        files.program(&here.join(name))
    } else {
        env.folders().iter().find_map(|folder| files.program(&here.join(folder).join(name)))
    };
    found.unwrap_or_default()
}

/// Whether a path begins at a process, as `/proc/self/cwd/token` does.
fn is_of_process(path: &str) -> bool {
    Path::new(path).starts_with("/proc")
}

/// Where a path leads from this process.
fn place(path: &str, files: &Files) -> Vec<u8> {
    let whole = files.current_folder().unwrap_or_default().join(path);
    let whole = if is_of_process(path) { canonical(&whole).unwrap_or(whole) } else { whole };
    whole.as_os_str().as_encoded_bytes().to_vec()
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
        let witness = Witness::program("x", &env("/a:/b"), &files);
        assert!(witness.holds(&env("/nowhere:/a"), &files));
        assert!(!witness.holds(&env("/b:/a"), &files));
        assert!(!witness.holds(&env("/nowhere"), &files));
        // What leads to none by now may lead to one later.
        let none = Witness::program("x", &env("/nowhere"), &files);
        assert!(none.holds(&env("/nowhere"), &files) && !none.holds(&env("/b"), &files));
        assert_eq!(Witness::place("/a/t", &files), None);
        assert!(Witness::place("t", &files).is_some_and(|place| place.holds(&env("/a"), &files)));
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
            (Witness::profiles(Path::new("/a"), b"1"), true),
            (Witness::profiles(Path::new("/a"), b"2"), false),
            (Witness::absence(Path::new("/a")), false),
            (Witness::variable("A", "1"), true),
            (Witness::variable("A", "2"), false),
        ] {
            assert_eq!(witness.holds(&env, &files), holds, "{witness:?}");
            assert!(!witness.holds(&bare, &none) || witness.kind == Kind::Absence);
        }
        let absence = Witness::absence(Path::new("/b"));
        assert!(absence.holds(&env, &files) && !absence.holds(&env, &Files::fake([("/b", "")])));
    }

    /// What an SDK writes back is its own; what the user writes is not.
    #[test]
    fn what_programs_write_into_a_profile_changes_nothing() {
        let file = |fields: &str, region: &str| {
            let profiles = format!(
                r#"{{"name":"own","mode":"AK","access_key_id":"{region}"}},{{"name":"e","mode":"External","process_command":"p"{fields}}}"#
            );
            format!(r#"{{"current":"e","profiles":[{profiles}]}}"#)
        };
        let witness = Witness::profiles(Path::new("/a"), file("", "x").as_bytes());
        let holds = |text: &str| witness.holds(&Env::fake::<&str, &str>([]), &Files::fake([("/a", text)]));
        let written =
            r#","access_key_id":"STS.x","access_key_secret":"s","sts_token":"t","sts_expiration":1"#;
        assert!(holds(&file(written, "x")));
        assert!(!holds(&file("", "y")) && !holds(&file(r#","region_id":"r""#, "x")));
    }
}
