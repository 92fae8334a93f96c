//! The files that the sandbox leaves for others to read.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A folder with files of the sandbox.
pub(super) struct Folder {
    path: PathBuf,
    written: Vec<(PathBuf, String)>,
}

impl Folder {
    /// The folder at `path`, made if it is not there.
    ///
    /// # Errors
    /// It cannot be made, or it has no absolute path.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        fs::create_dir_all(path).map_err(named)?;
        Ok(Self { path: path.canonicalize().map_err(named)?, written: Vec::new() })
    }

    /// Its absolute path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file `name` stands.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a new file that its owner alone may read, all of it or nothing.
    ///
    /// # Errors
    /// It cannot be written, or somebody's file of that name is there.
    pub(super) fn write(&mut self, name: &str, text: &str) -> io::Result<PathBuf> {
        let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
        file.write_all(text.as_bytes())?;
        let path = self.file(name);
        file.persist_noclobber(&path).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => {
                let words = format!("{} is there already; name another folder, or remove it", path.display());
                io::Error::new(io::ErrorKind::AlreadyExists, words)
            }
            _ => error.error,
        })?;
        self.written.push((path.clone(), text.to_owned()));
        Ok(path)
    }

    /// Takes the files away, unless somebody has written others in their place.
    pub(super) fn clear(self) {
        for (path, text) in self.written {
            if fs::read_to_string(&path).is_ok_and(|present| present == text) {
                drop(fs::remove_file(path));
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn files_are_for_their_owner_alone_and_go_away_unless_replaced() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(&dir.path().join("new")).unwrap();
        let one = folder.write("one", "1").unwrap();
        let two = folder.write("two", "2").unwrap();
        assert_eq!(fs::metadata(&one).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&two, "other").unwrap();
        let refused = folder.write("two", "2").unwrap_err().to_string();
        assert!(refused.contains("two is there already"), "{refused}");
        folder.clear();
        assert!(!one.exists());
        assert_eq!(fs::read_to_string(two).unwrap(), "other");
    }
}
