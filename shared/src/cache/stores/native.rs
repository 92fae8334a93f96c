//! The keyring of macOS or Windows, through the interface that both stores share.

use std::sync::Arc;

use keyring_core::{CredentialStore, Error};

use super::parts::{erase, read, write};
use super::{Listed, StoreError, listed};
use crate::cache::{CacheKey, Entry, Folder};

#[cfg(target_os = "macos")]
pub(super) const NAME: &str = "Keychain";
#[cfg(not(target_os = "macos"))]
pub(super) const NAME: &str = "Credential Manager";

/// An empty file of this name tells that there is an entry; keyrings cannot be listed everywhere.
const SUFFIX: &str = ".kept";

/// The store of this system; it is never one that only remembers.
#[cfg(target_os = "macos")]
fn system() -> Result<Arc<CredentialStore>, Error> {
    let store: Arc<apple_native_keyring_store::keychain::Store> =
        apple_native_keyring_store::keychain::Store::new()?;
    Ok(store)
}

/// The store of this system; it is never one that only remembers.
#[cfg(windows)]
fn system() -> Result<Arc<CredentialStore>, Error> {
    let store: Arc<windows_native_keyring_store::Store> = windows_native_keyring_store::Store::new()?;
    Ok(store)
}

fn failed(error: &Error) -> StoreError {
    // An error may carry what it could not read.
    let words = match error {
        Error::BadEncoding(_) | Error::BadDataFormat(..) => "what is kept cannot be read".to_owned(),
        error => error.to_string(),
    };
    StoreError(words)
}

pub(super) fn get(key: &CacheKey) -> Option<Entry> {
    Entry::from_bytes(&read(&system().ok()?, key).ok()??)
}

pub(super) fn put(folder: Option<&Folder>, key: &CacheKey, entry: &Entry) -> Result<(), StoreError> {
    system().and_then(|store| write(&store, key, &entry.to_bytes())).map_err(|error| failed(&error))?;
    if let Some(folder) = folder.filter(|folder| folder.make().is_ok()) {
        // Without it the entry is only not listed.
        let _ = folder.write(&format!("{key}{SUFFIX}"), b"");
    }
    Ok(())
}

pub(super) fn remove(folder: Option<&Folder>, key: &CacheKey) -> Result<(), StoreError> {
    system().and_then(|store| erase(&store, key)).map_err(|error| failed(&error))?;
    if let Some(folder) = folder {
        let _ = folder.remove(&format!("{key}{SUFFIX}"));
    }
    Ok(())
}

pub(super) fn list(folder: &Folder) -> Vec<Listed> {
    let keys = folder.names();
    let keys = keys.iter().filter_map(|name| CacheKey::parse(name.strip_suffix(SUFFIX)?));
    keys.filter_map(|key| Some(listed(key.clone(), NAME, get(&key)?))).collect()
}
