//! Plain files of mode 0600, for those who ask for them.

use super::{Listed, StoreError, listed};
use crate::cache::{CacheKey, Entry, Folder};

const NAME: &str = "file";
const SUFFIX: &str = ".plain";

fn name(key: &CacheKey) -> String {
    format!("{key}{SUFFIX}")
}

pub(super) fn get(folder: &Folder, key: &CacheKey) -> Option<Entry> {
    let bytes = zeroize::Zeroizing::new(folder.read(&name(key)).ok()??);
    Entry::from_bytes(&bytes)
}

pub(super) fn put(folder: &Folder, key: &CacheKey, entry: &Entry) -> Result<(), StoreError> {
    folder.make().map_err(|error| StoreError(error.to_string()))?;
    folder.write(&name(key), &entry.to_bytes()).map_err(|error| StoreError(error.to_string()))?;
    Ok(())
}

pub(super) fn remove(folder: &Folder, key: &CacheKey) -> Result<(), StoreError> {
    folder.remove(&name(key)).map_err(|error| StoreError(error.to_string()))
}

pub(super) fn list(folder: &Folder) -> Vec<Listed> {
    let keys = folder.names();
    let keys = keys.iter().filter_map(|name| CacheKey::parse(name.strip_suffix(SUFFIX)?));
    keys.filter_map(|key| Some(listed(key.clone(), NAME, get(folder, &key)?))).collect()
}
