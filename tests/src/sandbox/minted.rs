//! The record of secrets that the sandbox made, so that outputs can be scanned for them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Every secret made so far; clones share the record. Its Debug form shows none of them.
#[derive(Clone, Default)]
pub struct Minted {
    secrets: Arc<Mutex<Vec<String>>>,
    file: Option<Arc<File>>,
}

impl Minted {
    /// An empty record, kept in memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty record that is also appended to the file at `path`, one secret a line. A new file is
    /// readable by its owner alone.
    ///
    /// # Errors
    /// The file cannot be opened for appending.
    pub fn with_file(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self { secrets: Arc::default(), file: Some(Arc::new(options.open(path)?)) })
    }

    /// Remembers `secret`.
    ///
    /// # Panics
    /// When the file cannot be written: a scan with a secret missing would prove nothing.
    pub fn record(&self, secret: &str) {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut file) = self.file.as_deref() {
            file.write_all(format!("{secret}\n").as_bytes()).expect("the record of secrets can be written");
        }
        secrets.push(secret.to_owned());
    }

    /// Every secret recorded so far, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl std::fmt::Debug for Minted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Minted({} secrets)", self.all().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_with_a_file_appends_each_secret_as_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("minted");
        let minted = Minted::with_file(&path).unwrap();
        minted.record("one");
        let clone = minted.clone();
        clone.record("two");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        assert_eq!(minted.all(), ["one", "two"]);
        assert!(!format!("{minted:?}").contains("one"));
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("minted");
        Minted::with_file(&path).unwrap().record("one");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
