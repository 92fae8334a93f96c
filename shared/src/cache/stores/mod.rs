//! Where entries are kept, one file a store.

mod choice;
mod file;
#[cfg(target_os = "linux")]
mod kernel;
mod leftovers;
#[cfg(any(target_os = "macos", windows))]
mod native;
#[cfg(any(target_os = "macos", windows, test))]
mod parts;
mod refusals;
#[cfg(target_os = "linux")]
mod sealed;
#[cfg(target_os = "linux")]
mod secret_service;

use std::fmt;

use super::{CacheKey, Entry, Folder, Kept, KeyInputs};
use crate::sts::AccessKey;
pub use choice::Mode;
use choice::Store;

// No build falls back to a store that only remembers, or that nobody has looked at.
#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
compile_error!("no keyring is known for this system: say which one in shared/src/cache/stores");

/// Why a store did not keep something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(pub String);

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreError {}

/// What became of an entry that was to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// Whether a store has it.
    pub is_kept: bool,
    /// What is to be told of it, once.
    pub news: Option<String>,
}

/// One entry, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub key: CacheKey,
    /// The store that holds it.
    pub store: &'static str,
    /// When it was given, Unix seconds.
    pub made: i64,
    /// When it ends, Unix seconds.
    pub expires: i64,
    /// Access key id of a session, or that it is a certificate; no secret.
    pub name: String,
    /// Where it came from, in words.
    pub words: String,
}

/// The stores that a mode allows.
#[derive(Clone, Debug)]
pub struct Stores {
    mode: Mode,
    /// Whether the Secret Service is asked though nothing says that it was used.
    #[cfg(target_os = "linux")]
    is_thorough: bool,
    folder: Option<Folder>,
    #[cfg(target_os = "linux")]
    kernel: kernel::Kernel,
    #[cfg(target_os = "linux")]
    secret_service: secret_service::SecretService,
}

/// What tells the entries of a cache from those of others of the same user: where its folder is, however that is spelt.
#[cfg(target_os = "linux")]
fn scope(folder: Option<&Folder>) -> String {
    let plain: Option<std::path::PathBuf> = folder.map(|folder| folder.path().components().collect());
    let mut inputs = KeyInputs::default();
    inputs.add("folder", plain.as_ref().map(|path| path.as_os_str().as_encoded_bytes()));
    inputs.finish().as_str()[..8].to_owned()
}

/// A file whose text says why `auto` does not use the best store here, and, by its first word, which one it uses.
const FALLBACK: &str = "fallback";

/// Entries of one name that were given within so many seconds are of processes that ran at once.
const AT_ONCE: u64 = 2;

impl Stores {
    /// Nothing is looked at yet. `folder` is for what the kernel does not hold, and for plain files.
    #[must_use]
    pub fn new(mode: Mode, folder: Option<Folder>) -> Self {
        Self {
            mode,
            #[cfg(target_os = "linux")]
            is_thorough: false,
            #[cfg(target_os = "linux")]
            kernel: kernel::Kernel::of(folder.as_ref()),
            #[cfg(target_os = "linux")]
            secret_service: secret_service::SecretService::of(folder.as_ref()),
            folder,
        }
    }

    /// The same, for who wants nothing to be left anywhere: marks of use may be lost.
    #[must_use]
    pub fn thoroughly(self) -> Self {
        Self {
            #[cfg(target_os = "linux")]
            is_thorough: true,
            ..self
        }
    }

    /// Whether anything is kept at all.
    #[must_use]
    pub fn keeps(&self) -> bool {
        self.mode != Mode::None
    }

    /// The folder for locks, refusals and files.
    #[must_use]
    pub fn folder(&self) -> Option<&Folder> {
        self.folder.as_ref()
    }

    /// The stores that this mode reads, in order; `auto` asks the second best only where it was used before.
    fn order(&self) -> &'static [Store] {
        match self.mode {
            Mode::Auto => Store::AUTO,
            Mode::Kernel => &[Store::Kernel],
            Mode::SecretService => &[Store::SecretService],
            Mode::Keychain | Mode::CredentialManager => &[Store::Native],
            Mode::File => &[Store::File],
            Mode::None => &[],
        }
    }

    /// An entry; whatever cannot be read is none.
    #[must_use]
    pub fn get(&self, key: &CacheKey) -> Option<Entry> {
        let (first, others) = self.order().split_first()?;
        self.get_from(*first, key).or_else(|| {
            let why = self.fallback()?;
            let used = fallback_of(&why)?;
            others.iter().find(|store| store.word() == used).and_then(|store| self.get_from(*store, key))
        })
    }

    fn get_from(&self, store: Store, key: &CacheKey) -> Option<Entry> {
        match store {
            #[cfg(target_os = "linux")]
            Store::Kernel => {
                let sealed = self.folder.as_ref().and_then(|folder| sealed::get(&self.kernel, folder, key));
                // Seldom there are both: somebody ended between writing the one and taking the other away.
                match (self.kernel.get(key), sealed) {
                    (Some(kept), Some(sealed)) if sealed.made > kept.made => Some(sealed),
                    (kept, sealed) => kept.or(sealed),
                }
            }
            #[cfg(target_os = "linux")]
            Store::SecretService => self.secret_service.get(key),
            #[cfg(any(target_os = "macos", windows))]
            Store::Native => native::get(key),
            Store::File => file::get(self.folder.as_ref()?, key),
            #[allow(unreachable_patterns, reason = "every store is there on some system only")]
            _ => None,
        }
    }

    /// What `auto` has written down of the stores that it could not use.
    fn fallback(&self) -> Option<String> {
        String::from_utf8(self.folder.as_ref()?.read(FALLBACK).ok()??).ok()
    }

    /// Keeps an entry until it ends, `seconds` from now. What is kept has been read back. A warning is returned the first time that
    /// a lesser store is used than the one that is best here, and the first time that none can be.
    ///
    /// # Errors
    /// Why it is not kept, each time where a store was asked for by its name; nothing is lost but a call of STS.
    pub fn put(&self, key: &CacheKey, entry: &Entry, seconds: i64) -> Result<Put, StoreError> {
        let mut whys: Vec<String> = Vec::new();
        for store in self.order() {
            let kept =
                self.put_to(*store, key, entry, seconds).and_then(|()| self.look_for(*store, key, entry));
            #[cfg(target_os = "linux")]
            if let (Ok(()), Store::SecretService, Some(folder)) = (&kept, store, &self.folder) {
                // Without it the entry is only not listed.
                let _ = folder.write(secret_service::USED, b"");
            }
            match kept {
                Ok(()) if whys.is_empty() => {
                    if let Some(folder) = self.folder.as_ref().filter(|_| self.mode == Mode::Auto) {
                        let _ = folder.remove(FALLBACK);
                    }
                    return Ok(Put { is_kept: true, news: None });
                }
                Ok(()) => {
                    let why = format!("{}: {}", store.word(), whys.join("; "));
                    let words = format!("the {} is used, since {}", self.called(*store), whys.join("; "));
                    return Ok(Put { is_kept: true, news: self.note(&why).then_some(words) });
                }
                Err(error) => whys.push(format!("the {} cannot be: {error}", self.called(*store))),
            }
        }
        if whys.is_empty() {
            return Ok(Put { is_kept: false, news: None });
        }
        let words = whys.join("; ");
        if self.mode != Mode::Auto {
            return Err(StoreError(words));
        }
        let is_news = self.note(&format!("none: {words}"));
        let news = is_news.then(|| format!("the credentials are not kept: {words}"));
        Ok(Put { is_kept: false, news })
    }

    /// Whether a store gives back what was just written to it. Where there is no lock another process may have put its own in its
    /// place, which is as good.
    fn look_for(&self, store: Store, key: &CacheKey, entry: &Entry) -> Result<(), StoreError> {
        match self.get_from(store, key) {
            Some(back) if back == *entry || back.made.abs_diff(entry.made) <= AT_ONCE => Ok(()),
            _ => Err(StoreError("what was written to it is not given back".to_owned())),
        }
    }

    /// What a store is called, as it was asked for.
    fn called(&self, store: Store) -> &'static str {
        match (store, self.mode) {
            (Store::Native, Mode::Keychain) => "Keychain",
            (Store::Native, Mode::CredentialManager) => "Credential Manager",
            _ => store.name(),
        }
    }

    /// Writes down why; whether that is news.
    fn note(&self, why: &str) -> bool {
        let news = self.fallback().as_deref() != Some(why);
        if let Some(folder) = self.folder.as_ref().filter(|folder| news && folder.make().is_ok()) {
            let _ = folder.write(FALLBACK, why.as_bytes());
        }
        news
    }

    fn put_to(&self, store: Store, key: &CacheKey, entry: &Entry, seconds: i64) -> Result<(), StoreError> {
        let folder = || self.folder.as_ref().ok_or_else(|| StoreError("there is no home folder".to_owned()));
        match store {
            #[cfg(target_os = "linux")]
            Store::Kernel => {
                // Without it what the quota does not take has nowhere to go; the entry itself may fit all the same.
                let _ = sealed::prepare(&self.kernel);
                match self.kernel.put(key, entry, seconds) {
                    Ok(()) => {
                        // An older one, sealed when the keyring was full, would outlive this one.
                        if let Ok(folder) = folder() {
                            sealed::remove(folder, key);
                        }
                        Ok(())
                    }
                    Err(kernel::Refused::Full) => {
                        sealed::put(&self.kernel, folder()?, key, entry)?;
                        // The one before is still there; whoever reads before it is gone takes the later one.
                        self.kernel.remove(key)
                    }
                    Err(kernel::Refused::Blocked(why)) => Err(StoreError(why)),
                }
            }
            #[cfg(target_os = "linux")]
            Store::SecretService => {
                if let Ok(folder) = folder() {
                    // For its lock; without one everybody speaks at once.
                    let _ = folder.make();
                }
                self.secret_service.put(key, entry)
            }
            #[cfg(any(target_os = "macos", windows))]
            Store::Native => native::put(self.folder.as_ref(), key, entry),
            Store::File => file::put(folder()?, key, entry),
            #[allow(unreachable_patterns, reason = "every store is there on some system only")]
            _ => {
                let _ = seconds;
                Err(StoreError("this system has none".to_owned()))
            }
        }
    }

    /// Why the store that is best here cannot be looked into.
    #[must_use]
    pub fn trouble(&self) -> Option<StoreError> {
        #[cfg(target_os = "linux")]
        return self.kernel.trouble();
        #[cfg(not(target_os = "linux"))]
        None
    }

    /// Writes, reads and takes away an entry of no worth in each store of this system: its name, and why it cannot be used.
    #[must_use]
    pub fn probe(&self, now: i64) -> Vec<(&'static str, Result<(), StoreError>)> {
        let mut inputs = KeyInputs::default();
        inputs.add("probe", Some(&fastrand::u128(..).to_le_bytes()));
        let key = inputs.finish();
        let worthless = AccessKey { id: "probe".to_owned(), secret: "probe".into(), security_token: None };
        let entry = Entry {
            kept: Kept::Session(worthless),
            made: now,
            expires: now + 60,
            words: "probe".to_owned(),
            witnesses: Vec::new(),
        };
        let tried = Store::HERE.iter().map(|store| {
            let kept =
                self.put_to(*store, &key, &entry, 60).and_then(|()| self.look_for(*store, &key, &entry));
            let removed = match store {
                #[cfg(target_os = "linux")]
                Store::Kernel => {
                    // Where its quota was spent it was sealed.
                    if let Some(folder) = &self.folder {
                        sealed::remove(folder, &key);
                    }
                    self.kernel.remove(&key)
                }
                #[cfg(target_os = "linux")]
                Store::SecretService if kept.is_ok() => self.secret_service.remove(&key),
                #[cfg(any(target_os = "macos", windows))]
                Store::Native => native::remove(self.folder.as_ref(), &key),
                Store::File => self.folder.as_ref().map_or(Ok(()), |folder| file::remove(folder, &key)),
                #[allow(unreachable_patterns, reason = "every store is there on some system only")]
                _ => Ok(()),
            };
            (store.name(), kept.and(removed))
        });
        tried.collect()
    }
}

/// The first word of what is written down.
fn fallback_of(text: &str) -> Option<&str> {
    text.split_once(':').map(|(word, _)| word)
}

/// What a list shows of an entry.
fn listed(key: CacheKey, store: &'static str, entry: Entry) -> Listed {
    Listed {
        key,
        store,
        made: entry.made,
        expires: entry.expires,
        name: entry.name().to_owned(),
        words: entry.words,
    }
}
