//! The kernel's keyring of the user: no daemon, no prompt, no disk, gone with a reboot. (keyrings(7), keyctl(2).)
//!
//! Keys are linked to the user keyring and readable by the user without possession, so that every session of the user finds
//! them, cron's and a container's with the same keyring included.

use linux_keyutils::{Key, KeyError, KeyPermissions, KeyRing, KeyRingIdentifier, KeySerialId};
use zeroize::Zeroizing;

use super::{Listed, StoreError, listed};
use crate::cache::{CacheKey, Entry, Folder};

pub(super) const NAME: &str = "kernel keyring";

/// What descriptions of our keys begin with.
const PREFIX: &str = "rrsa-exec-credential";
/// All to the possessor and to the user, nothing to anybody else.
const PERMISSIONS: u32 = 0x3f3f_0000;

/// Why the kernel did not take a key.
#[derive(Debug)]
pub(super) enum Refused {
    /// The user's quota is spent, or the key is too large.
    Full,
    /// Keyrings cannot be used here.
    Blocked(String),
}

fn ring() -> Result<KeyRing, KeyError> {
    KeyRing::from_special_id(KeyRingIdentifier::User, true)
}

/// In words; a filter of system calls answers as it likes.
fn told(error: KeyError) -> String {
    match error {
        KeyError::Unknown(38) => "this system has none, or a filter of system calls keeps it away".to_owned(),
        error => error.to_string(),
    }
}

/// The keys of the user's keyring. A keyring reads as the serial numbers of its keys; one that grows meanwhile is read again.
fn links() -> Vec<Key> {
    let ring = Key::from_id(KeySerialId::new(KeyRingIdentifier::User as i32));
    let mut bytes = vec![0; 1024];
    loop {
        match ring.read(&mut bytes) {
            Err(_) => return Vec::new(),
            Ok(size) if size > bytes.len() => bytes.resize(size, 0),
            Ok(size) => {
                bytes.truncate(size);
                break;
            }
        }
    }
    let (numbers, _) = bytes.as_chunks::<4>();
    numbers.iter().map(|number| Key::from_id(KeySerialId::new(i32::from_ne_bytes(*number)))).collect()
}

/// The keys of one cache: those of a user whose caches are in several folders do not mix.
#[derive(Clone, Debug)]
pub(super) struct Kernel {
    prefix: String,
}

impl Kernel {
    /// The keys of the cache with this folder.
    pub(super) fn of(folder: Option<&Folder>) -> Self {
        Self { prefix: format!("{PREFIX}:{}:", super::scope(folder)) }
    }

    /// Why keyrings cannot be used here.
    pub(super) fn trouble(&self) -> Option<StoreError> {
        ring().err().map(|error| StoreError(format!("the kernel keyring cannot be used: {}", told(error))))
    }

    /// Takes away what was said to who asked.
    pub(super) fn forget_refusals(&self) {
        for key in links() {
            let ours = key.metadata().is_ok_and(|found| {
                let name = found.get_description();
                name.starts_with(&self.prefix) && name.ends_with(super::refusals::REFUSED)
            });
            if ours {
                // One that stays ends by its own time.
                let _ = key.invalidate();
            }
        }
    }

    /// Keys of other caches of the same user: what they are called after the prefix, and the keys.
    fn elsewhere(&self) -> impl Iterator<Item = (String, Key)> {
        links().into_iter().filter_map(|key| {
            let description = key.metadata().ok()?.get_description().to_owned();
            let (_, name) = description.strip_prefix(PREFIX)?.strip_prefix(':')?.split_once(':')?;
            (!description.starts_with(&self.prefix)).then(|| (name.to_owned(), key))
        })
    }

    /// How many entries other caches of the same user have.
    pub(super) fn count_elsewhere(&self) -> usize {
        self.elsewhere().filter(|(name, _)| CacheKey::parse(name).is_some()).count()
    }

    /// Takes away what other caches of the same user have, keys that seal files with it.
    pub(super) fn forget_elsewhere(&self) {
        for (_, key) in self.elsewhere() {
            // One that stays ends by its own time.
            let _ = key.invalidate();
        }
    }

    fn find(&self, name: &str) -> Option<Key> {
        ring().ok()?.search(&format!("{}{name}", self.prefix)).ok()
    }

    /// The bytes of one of our keys.
    pub(super) fn read(&self, name: &str) -> Option<Zeroizing<Vec<u8>>> {
        let key = self.find(name)?;
        // Most entries fit at once; what does not is asked for again by its size.
        let mut bytes = Zeroizing::new(vec![0; 4096]);
        let size = key.read(&mut *bytes).ok()?;
        if size > bytes.len() {
            return key.read_to_vec().ok().map(Zeroizing::new);
        }
        bytes.truncate(size);
        Some(bytes)
    }

    /// Keeps bytes as one of our keys, for so many seconds, one at least.
    pub(super) fn write(&self, name: &str, bytes: &[u8], seconds: i64) -> Result<(), Refused> {
        let blocked = |error: KeyError| match error {
            KeyError::QuotaExceeded | KeyError::OutOfMemory | KeyError::InvalidArguments => Refused::Full,
            error => Refused::Blocked(format!("the kernel keyring cannot be used: {}", told(error))),
        };
        let key = ring()
            .and_then(|ring| ring.add_key(&format!("{}{name}", self.prefix), bytes))
            .map_err(blocked)?;
        // 0 would be for ever.
        let timeout = usize::try_from(seconds.max(1)).unwrap_or(usize::MAX);
        let kept =
            key.set_perms(KeyPermissions::from_u32(PERMISSIONS)).and_then(|()| key.set_timeout(timeout));
        kept.map_err(|error| {
            // A key that nobody else may read is of no use.
            let _ = key.invalidate();
            blocked(error)
        })
    }

    pub(super) fn get(&self, key: &CacheKey) -> Option<Entry> {
        Entry::from_bytes(&self.read(key.as_str())?)
    }

    pub(super) fn put(&self, key: &CacheKey, entry: &Entry, seconds: i64) -> Result<(), Refused> {
        self.write(key.as_str(), &entry.to_bytes(), seconds)
    }

    pub(super) fn remove(&self, key: &CacheKey) -> Result<(), StoreError> {
        match self.find(key.as_str()) {
            None => Ok(()),
            Some(found) => found.invalidate().map_err(|error| StoreError(format!("kernel keyring: {error}"))),
        }
    }

    pub(super) fn list(&self) -> Vec<Listed> {
        let keys = links().into_iter().filter_map(|key| {
            let description = key.metadata().ok()?.get_description().to_owned();
            CacheKey::parse(description.strip_prefix(&self.prefix)?)
        });
        keys.filter_map(|key| Some(listed(key.clone(), NAME, self.get(&key)?))).collect()
    }

    /// Takes one of our keys away that is no entry.
    pub(super) fn forget(&self, name: &str) {
        // One that stays ends by its own time.
        let _ = self.find(name).map(|key| key.invalidate());
    }
}
