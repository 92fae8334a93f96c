//! A text file of another program: changed whole or not at all, with a copy of what it was.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::error::ChangeError;
use super::lock::{Lock, make_room};
use super::owned::{LONGEST, Owned, beside, leads_astray, open_copy, private, read_copy};
use crate::inherited::{OwnersMask, outlive_limits};
use crate::ports::files::canonical;

/// What the copy of a file says that was not there; no text of another program does.
const ABSENT: &str = "\0";

/// A file as it was read.
#[derive(Debug)]
pub struct TextFile {
    path: PathBuf,
    text: Option<String>,
    /// Ours from before it was read, so that several who change it come one after the other.
    lock: Option<Lock>,
}

impl TextFile {
    /// Reads a file, through a link if it is one; one that does not exist reads as empty.
    ///
    /// # Errors
    /// As the system refuses, and a file that is too large or no text.
    pub fn open(path: &Path) -> Result<Self, ChangeError> {
        Self::opened(path, |_| None)
    }

    /// Reads a file that is to be changed: nobody else changes it meanwhile, and who is at it already is waited for.
    ///
    /// # Errors
    /// As [`TextFile::open`].
    pub fn open_to_change(path: &Path) -> Result<Self, ChangeError> {
        Self::opened(path, Lock::awaited)
    }

    fn opened(path: &Path, lock: impl FnOnce(&Path) -> Option<Lock>) -> Result<Self, ChangeError> {
        if leads_astray(path) {
            return Err(ChangeError::Foreign(path.to_owned()));
        }
        // A link stays one: what it leads to is changed.
        let path = canonical(path).unwrap_or_else(|_| leads_to(path));
        let lock = lock(&path);
        let text = read(&path)?;
        Ok(Self { path, text, lock })
    }

    /// The lock, unless it is ours already.
    fn locked(&self) -> Result<Option<Lock>, ChangeError> {
        match self.lock {
            Some(_) => Ok(None),
            None => Lock::take(&self.path).map(Some),
        }
    }

    /// Reads one of the [`copies`] of a file.
    ///
    /// # Errors
    /// As [`TextFile::open`], and what is none.
    pub fn open_copy(copy: &Path, of: &Path) -> Result<Self, ChangeError> {
        let text = read_copy(copy, of).map_err(|error| ChangeError::System(copy.to_owned(), error))?;
        let text = text.ok_or_else(|| ChangeError::Foreign(copy.to_owned()))?;
        Ok(Self { path: copy.to_owned(), text: Some(text), lock: None })
    }

    fn owned(&self) -> Result<Owned, ChangeError> {
        Owned::of(&self.path).ok_or_else(|| ChangeError::Foreign(self.path.clone()))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says; empty when it does not exist.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// Writes `text` in its place, and a copy of what it was beside it; the copy's path is returned. Readers see the old file or
    /// the new one. A file keeps its owner, its mode and its ends of lines; a new one is its owner's alone, as every copy is.
    ///
    /// # Errors
    /// As the system refuses; another program that holds it or has changed it. Nothing is half-written.
    pub fn replace(&self, text: &str) -> Result<PathBuf, ChangeError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| ChangeError::System(path, error)
        };
        let _room = make_room(&self.path)?;
        let _lock = self.locked()?;
        if read(&self.path)? != self.text {
            return Err(ChangeError::Changed(self.path.clone()));
        }
        let (text, owned) = (self.with_its_ends(text), self.owned()?);
        // A file that has said the same before has a copy for that already.
        let taken = |copy: &PathBuf| fs::symlink_metadata(copy).is_ok();
        let backup = backups(&self.path, &text).find(|copy| !taken(copy)).unwrap_or_default();
        let before = self.text.as_deref().unwrap_or(ABSENT);
        write(&backup, before.as_bytes(), &owned.privately()).map_err(failed(&backup))?;
        // Of what was not changed nobody needs a copy.
        let written =
            write(&self.path, text.as_bytes(), &owned).inspect_err(|_| drop(fs::remove_file(&backup)));
        written.map_err(failed(&self.path))?;
        Ok(backup)
    }

    /// The text with the ends of lines that the file has.
    fn with_its_ends(&self, text: &str) -> String {
        let before = self.text();
        let is_of_windows =
            before.contains("\r\n") && before.matches('\n').count() == before.matches("\r\n").count();
        match is_of_windows {
            true => text.replace("\r\n", "\n").replace('\n', "\r\n"),
            false => text.to_owned(),
        }
    }

    /// Writes `text` in its place, and keeps no copy: for what is to be gone.
    ///
    /// # Errors
    /// As [`TextFile::replace`].
    pub fn overwrite(&self, text: &str) -> Result<(), ChangeError> {
        let _lock = self.locked()?;
        if read(&self.path)? != self.text {
            return Err(ChangeError::Changed(self.path.clone()));
        }
        let (text, owned) = (self.with_its_ends(text), self.owned()?);
        write(&self.path, text.as_bytes(), &owned)
            .map_err(|error| ChangeError::System(self.path.clone(), error))
    }

    /// Puts back what the file was before [`TextFile::replace`] made it what it is now.
    ///
    /// # Errors
    /// As the system refuses; a file that has been changed since.
    pub fn undo(&self) -> Result<(), ChangeError> {
        let none = || ChangeError::NoBackup(self.path.clone());
        let now = self.text.as_deref().ok_or_else(none)?;
        // What others have put there under such a name is no copy of ours.
        let there = backups(&self.path, now).take_while(|copy| fs::symlink_metadata(copy).is_ok());
        let mut ours = Vec::new();
        for copy in there {
            let read = read_copy(&copy, &self.path);
            let read = read.map_err(|error| ChangeError::System(copy.clone(), error))?;
            ours.extend(read.map(|before| (copy, before)));
        }
        let (backup, before) = ours.pop().ok_or_else(none)?;
        let _lock = self.locked()?;
        if read(&self.path)? != self.text {
            return Err(ChangeError::Changed(self.path.clone()));
        }
        let failed = |error| ChangeError::System(self.path.clone(), error);
        if before == ABSENT {
            fs::remove_file(&self.path).map_err(failed)?;
        } else {
            write(&self.path, before.as_bytes(), &self.owned()?).map_err(failed)?;
        }
        // One that stays is of what the file says no more.
        let _ = fs::remove_file(&backup);
        Ok(())
    }
}

/// The copies of a file that stand beside it, as changes of it have left them.
#[must_use]
pub fn copies(path: &Path) -> Vec<PathBuf> {
    let path = canonical(path).unwrap_or_else(|_| path.to_owned());
    let start = beside(&path, ".before-").file_name().unwrap_or_default().to_owned();
    let folder = path.parent().and_then(|folder| fs::read_dir(folder).ok());
    let names = folder.into_iter().flatten().flatten().map(|entry| entry.path());
    let own = |candidate: &PathBuf| {
        let name = candidate.file_name().unwrap_or_default().as_encoded_bytes();
        name.starts_with(start.as_encoded_bytes())
            && open_copy(candidate, &path).is_ok_and(|file| file.is_some())
    };
    let mut found: Vec<_> = names.filter(own).collect();
    found.sort();
    found
}

fn read(path: &Path) -> Result<Option<String>, ChangeError> {
    let failed = |error| ChangeError::System(path.to_owned(), error);
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.map_err(failed)?,
    };
    if !found.is_file() || found.len() > LONGEST {
        return Err(failed(io::Error::other("it is no regular file of a usual size")));
    }
    let bytes = fs::read(path).map_err(failed)?;
    String::from_utf8(bytes).map(Some).map_err(|_| ChangeError::NotText(path.to_owned()))
}

/// What a link leads to in the end, though nothing is there yet; any other path as it is.
fn leads_to(path: &Path) -> PathBuf {
    // As many as the system itself follows.
    const LINKS: u8 = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let Ok(target) = fs::read_link(&path) else { break };
        path = path.parent().map_or_else(|| target.clone(), |folder| folder.join(&target));
    }
    path
}

/// Where the copies are that belong to a file that says `text`, one for each time that it came to say that.
fn backups(path: &Path, text: &str) -> impl Iterator<Item = PathBuf> {
    let digest: String = Sha256::digest(text).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    (1..).map(move |time: u64| match time {
        1 => beside(path, &format!(".before-{digest}")),
        time => beside(path, &format!(".before-{digest}-{time}")),
    })
}

fn write(path: &Path, bytes: &[u8], owned: &Owned) -> io::Result<()> {
    outlive_limits();
    let _mask = OwnersMask::set();
    let draft = beside(path, &format!(".{:016x}.new", fastrand::u64(..)));
    let written = (|| {
        let mut file = private().write(true).create_new(true).open(&draft)?;
        owned.give(&file)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::thread;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("the folder is there").flatten();
        let mut names: Vec<_> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_change_can_be_taken_back_until_somebody_else_changes_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, "one").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let backup = TextFile::open(&path).unwrap().replace("two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
        TextFile::open(&path).unwrap().replace("three").unwrap();
        TextFile::open(&path).unwrap().undo().unwrap();
        TextFile::open(&path).unwrap().undo().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        assert_eq!(names(folder.path()), ["config"], "nothing is left");
        assert!(matches!(TextFile::open(&path).unwrap().undo(), Err(ChangeError::NoBackup(_))));
        TextFile::open(&path).unwrap().replace("two").unwrap();
        fs::write(&path, "theirs").unwrap();
        assert!(matches!(TextFile::open(&path).unwrap().undo(), Err(ChangeError::NoBackup(_))));
    }

    /// Whoever changes it, it stays its owner's, and the copy is.
    #[test]
    fn a_file_stays_whose_it_is() {
        use std::os::unix::fs::{MetadataExt as _, chown};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, "one").unwrap();
        let root = rustix::process::geteuid().is_root();
        let (user, group) = if root {
            (41_001, 41_002)
        } else {
            (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw())
        };
        chown(&path, Some(user), Some(group)).unwrap();
        let backup = TextFile::open(&path).unwrap().replace("two").unwrap();
        for file in [&path, &backup] {
            let found = fs::metadata(file).unwrap();
            assert_eq!((found.uid(), found.gid()), (user, group), "{}", file.display());
        }
    }

    /// What others put under the name of a copy is none.
    #[test]
    fn a_link_is_no_copy() {
        let folder = tempfile::tempdir().unwrap();
        let (path, secret) = (folder.path().join("config"), folder.path().join("secret"));
        fs::write(&path, "one").unwrap();
        fs::write(&secret, "hunter2").unwrap();
        let backup = TextFile::open(&path).unwrap().replace("two").unwrap();
        symlink(&secret, beside(&backup, "-2")).unwrap();
        assert_eq!(copies(&path), [backup]);
        TextFile::open(&path).unwrap().undo().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        assert!(TextFile::open_copy(&folder.path().join("config.before-x"), &path).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_access_control_list_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, "one").unwrap();
        // user::rw-, user:41005:r--, group::---, mask::r--, other::---
        let list: [(u16, u16, u32); 5] = [(1, 6, !0), (2, 4, 41_005), (4, 0, !0), (16, 4, !0), (32, 0, !0)];
        let mut acl = 2_u32.to_le_bytes().to_vec();
        for (tag, bits, id) in list {
            acl.extend(tag.to_le_bytes().into_iter().chain(bits.to_le_bytes()).chain(id.to_le_bytes()));
        }
        const NAME: &str = "system.posix_acl_access";
        let flags = rustix::fs::XattrFlags::empty();
        // Not every file system has them.
        if rustix::fs::setxattr(&path, NAME, &acl, flags).is_err() {
            return;
        }
        // What a folder gives to all that is new in it a file without a list never had.
        let plain = folder.path().join("plain");
        fs::write(&plain, "one").unwrap();
        let default = "system.posix_acl_default";
        if rustix::fs::setxattr(folder.path(), default, &acl, flags).is_ok() {
            TextFile::open(&plain).unwrap().replace("two").unwrap();
            let mut none = [0; 256];
            assert!(rustix::fs::getxattr(&plain, NAME, &mut none[..]).is_err());
        }
        TextFile::open(&path).unwrap().replace("two").unwrap();
        let mut now = vec![0; 256];
        let size = rustix::fs::getxattr(&path, NAME, &mut now).unwrap();
        assert_eq!(now[..size], acl);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn lines_end_as_they_did() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, "one\r\ntwo\r\n").unwrap();
        TextFile::open(&path).unwrap().replace("one\r\nnew\ntwo\r\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\r\nnew\r\ntwo\r\n");
        TextFile::open(&path).unwrap().undo().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\r\ntwo\r\n");
    }

    #[test]
    fn a_file_that_was_not_there_goes_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/config");
        TextFile::open(&path).unwrap().replace("new").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        TextFile::open(&path).unwrap().undo().unwrap();
        assert!(names(path.parent().unwrap()).is_empty());
    }

    #[test]
    fn where_nothing_is_written_no_folder_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let file = TextFile::open_to_change(&folder.path().join("a/b/config")).unwrap();
        assert_eq!(names(&folder.path().join("a/b")), ["config.lock"]);
        drop(file);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn several_who_change_a_file_come_one_after_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, "").unwrap();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let file = TextFile::open_to_change(&path).unwrap();
                    file.replace(&format!("{}x", file.text())).unwrap();
                });
            }
        });
        assert_eq!(fs::read_to_string(&path).unwrap(), "xxxxxxxx");
        assert!(!folder.path().join("config.lock").exists());
    }

    #[test]
    fn nobody_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("config"), folder.path().join("link"));
        fs::write(&path, "one").unwrap();
        symlink(&path, &link).unwrap();
        let read = TextFile::open(&link).unwrap();
        fs::write(&path, "theirs").unwrap();
        assert!(matches!(read.replace("two"), Err(ChangeError::Changed(_))));
        fs::write(folder.path().join("config.lock"), "").unwrap();
        assert!(matches!(TextFile::open(&link).unwrap().replace("two"), Err(ChangeError::Locked(_))));
        fs::remove_file(folder.path().join("config.lock")).unwrap();
        TextFile::open(&link).unwrap().replace("two").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert!(matches!(TextFile::open(folder.path()), Err(ChangeError::System(..))));
    }
}
