//! The folder of locks, sealed entries and remembered refusals: the user's own, and nobody else's.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::inherited::{OwnersMask, outlive_limits};

/// More than any file of ours holds, bytes.
const MAX_FILE: u64 = 256 * 1024;

/// A folder that only its owner may look into.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

/// Why the folder is not used.
#[derive(Debug)]
pub enum FolderError {
    /// The system refuses.
    System(PathBuf, io::Error),
    /// It belongs to somebody else, or others may write to it.
    NotOurs(PathBuf),
    /// It would be root's, in a folder of another user.
    Foreign(PathBuf),
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Foreign(path) => {
                write!(f, "{} is not made by root in a folder of another user", path.display())
            }
            Self::NotOurs(path) => {
                write!(f, "{} is not a folder of yours alone (mode 0700, and no link)", path.display())
            }
        }
    }
}

impl std::error::Error for FolderError {}

impl Folder {
    /// A folder by its path; nothing is looked at or made yet.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes the folder where it is missing, and looks whose it is.
    ///
    /// # Errors
    /// See [`FolderError`].
    pub fn make(&self) -> Result<(), FolderError> {
        if self.is_in_anothers() {
            return Err(FolderError::Foreign(self.0.clone()));
        }
        let _mask = OwnersMask::set();
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.0).map_err(|error| FolderError::System(self.0.clone(), error))?;
        self.inspect()
    }

    /// Whether root would make it in a folder of another user, who could not use what is root's there.
    #[cfg(unix)]
    fn is_in_anothers(&self) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let there = self.0.ancestors().find_map(|folder| fs::metadata(folder).ok());
        rustix::process::geteuid().is_root()
            && !self.0.exists()
            && there.is_some_and(|found| found.uid() != 0)
    }

    #[cfg(not(unix))]
    fn is_in_anothers(&self) -> bool {
        false
    }

    #[cfg(unix)]
    fn inspect(&self) -> Result<(), FolderError> {
        use std::os::unix::fs::MetadataExt as _;
        let found =
            fs::symlink_metadata(&self.0).map_err(|error| FolderError::System(self.0.clone(), error))?;
        let ours = found.is_dir() && found.uid() == rustix::process::geteuid().as_raw();
        if ours && found.mode() & 0o077 == 0 { Ok(()) } else { Err(FolderError::NotOurs(self.0.clone())) }
    }

    #[cfg(not(unix))]
    fn inspect(&self) -> Result<(), FolderError> {
        Ok(())
    }

    /// The bytes of one of its files; `None` when there is none.
    ///
    /// # Errors
    /// As the system words them; a link, a file of somebody else, one that others may read, or one too large.
    pub fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match options().read(true).open(self.0.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        private(&file)?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(io::Error::other("it is too large to be ours"));
        }
        Ok(Some(bytes))
    }

    /// Writes one of its files whole: readers see the old bytes or the new ones.
    ///
    /// # Errors
    /// As the system words them; nothing is left half-written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        outlive_limits();
        let _mask = OwnersMask::set();
        let draft = self.0.join(format!("{name}.{:016x}.new", fastrand::u64(..)));
        let written = (|| {
            let mut file = options().write(true).create_new(true).open(&draft)?;
            file.write_all(bytes)?;
            file.flush()?;
            fs::rename(&draft, self.0.join(name))
        })();
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written
    }

    /// Opens one of its files for locking; it is made where it is missing, and never taken away.
    ///
    /// # Errors
    /// As the system words them; a link or a file of somebody else.
    pub fn open_lock(&self, name: &str) -> io::Result<File> {
        let _mask = OwnersMask::set();
        let file = options().read(true).write(true).create(true).truncate(false).open(self.0.join(name))?;
        private(&file)?;
        Ok(file)
    }

    /// Takes one of its files away, if it is there.
    ///
    /// # Errors
    /// As the system words them.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.0.join(name)) {
            // Where there is no folder there is nothing in it.
            Err(error)
                if ![io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) =>
            {
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// Names of its files.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }
}

/// Files for their owner alone, and never through a link.
#[cfg(unix)]
fn options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags(flags.bits().cast_signed());
    options
}

#[cfg(not(unix))]
fn options() -> OpenOptions {
    OpenOptions::new()
}

/// Refuses what is no regular file of this user alone.
#[cfg(unix)]
fn private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let found = file.metadata()?;
    let ours =
        found.is_file() && found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o077 == 0;
    if ours { Ok(()) } else { Err(io::Error::other("it is not a file of yours alone (mode 0600)")) }
}

#[cfg(not(unix))]
fn private(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let outer = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::at(outer.path().join("a/b"));
        folder.make().expect("a folder");
        (outer, folder)
    }

    #[test]
    fn files_are_private_from_the_start_and_written_whole() {
        let (_outer, folder) = folder();
        assert_eq!(folder.read("x").unwrap(), None);
        folder.write("x", b"one").unwrap();
        folder.write("x", b"two").unwrap();
        assert_eq!(folder.read("x").unwrap().unwrap(), b"two");
        assert_eq!(folder.names(), ["x"], "no draft is left");
        let mode = fs::metadata(folder.path().join("x")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn links_and_what_others_may_read_are_refused() {
        let (outer, folder) = folder();
        let elsewhere = outer.path().join("elsewhere");
        fs::write(&elsewhere, b"secret").unwrap();
        symlink(&elsewhere, folder.path().join("link")).unwrap();
        assert!(folder.read("link").is_err());
        assert!(folder.open_lock("link").is_err());
        folder.write("open", b"x").unwrap();
        fs::set_permissions(folder.path().join("open"), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(folder.read("open").is_err());
        // A link in place of a file is replaced, not followed.
        folder.write("link", b"ours").unwrap();
        assert_eq!(fs::read(&elsewhere).unwrap(), b"secret");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(folder.make(), Err(FolderError::NotOurs(_))));
    }
}
