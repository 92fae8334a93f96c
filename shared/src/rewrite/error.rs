//! Why a file of another program is not changed.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a file was not read or changed. Says nothing of what stands in it.
#[derive(Debug)]
pub enum ChangeError {
    /// The system refuses.
    System(PathBuf, io::Error),
    /// It is not text.
    NotText(PathBuf),
    /// It is another user's.
    Foreign(PathBuf),
    /// Somebody else holds its lock.
    Locked(PathBuf),
    /// Somebody else has changed it.
    Changed(PathBuf),
    /// There is no copy that belongs to what it says now.
    NoBackup(PathBuf),
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(path, error) => write!(f, "{}: {error}", path.display()),
            Self::NotText(path) => write!(f, "{} is not text", path.display()),
            Self::Foreign(path) => {
                write!(f, "{} belongs to another user, who alone can change it and keep it", path.display())
            }
            Self::Locked(lock) => {
                write!(
                    f,
                    "{} exists: another program is changing the file, or died while it did",
                    lock.display()
                )
            }
            Self::Changed(path) => {
                write!(f, "{} was changed by another program just now; nothing was written", path.display())
            }
            Self::NoBackup(path) => {
                write!(
                    f,
                    "{} has been changed since, or was never changed by us: there is no copy that belongs to what it says now",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for ChangeError {}

impl ChangeError {
    /// What to do then.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::System(_, error) if error.kind() == io::ErrorKind::ResourceBusy => {
                "nothing was changed: the file is a mount of its own, so that no other can take its place; change it where it is \
                 mounted from, or mount its folder"
            }
            Self::System(..) => "nothing was changed; see that the file and its folder can be written",
            Self::NotText(_) => "write it anew as UTF-8",
            Self::Foreign(_) => "run it as that user",
            Self::Locked(_) => "if no other program is at it, take that file away, then try again",
            Self::Changed(_) => "try again",
            Self::NoBackup(_) => "copies are files beside it whose names have .before- in them",
        }
    }
}
