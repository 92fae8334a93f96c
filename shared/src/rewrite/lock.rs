//! Who changes a file: one at a time, in a folder that is there for as long as something is in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::error::ChangeError;
use super::owned::{beside, make, private};
use crate::inherited::OwnersMask;

/// How often it is looked whether somebody else's change is done, and how long after the last look.
const LOOKS: usize = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// A lock as kubectl takes it: a file beside the other one, there for as long as it is held.
#[derive(Debug)]
pub(super) struct Lock {
    file: PathBuf,
    _room: Room,
}

/// Folders that were made for a file: they go again unless something has come into them.
#[derive(Debug, Default)]
pub(super) struct Room(Vec<PathBuf>);

impl Drop for Room {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

impl Lock {
    /// Takes it, or waits for it a while. Where that cannot be, it is known when something is to be written.
    pub(super) fn awaited(path: &Path) -> Option<Self> {
        let room = make_room(path).ok()?;
        for _ in 0..LOOKS {
            match Self::take(path) {
                Err(ChangeError::Locked(_)) => thread::sleep(PAUSE),
                Err(_) => return None,
                Ok(mut lock) => {
                    lock._room = room;
                    return Some(lock);
                }
            }
        }
        None
    }

    pub(super) fn take(path: &Path) -> Result<Self, ChangeError> {
        let lock = beside(path, ".lock");
        let _mask = OwnersMask::set();
        match private().write(true).create_new(true).open(&lock) {
            Ok(_) => Ok(Self { file: lock, _room: Room::default() }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(ChangeError::Locked(lock)),
            Err(error) => Err(ChangeError::System(lock, error)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.file);
    }
}

/// Makes the folder that a file is to be in.
pub(super) fn make_room(path: &Path) -> Result<Room, ChangeError> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => make(folder).map(Room).map_err(|error| ChangeError::System(folder.to_owned(), error)),
        None => Ok(Room::default()),
    }
}
