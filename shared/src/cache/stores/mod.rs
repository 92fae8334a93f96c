//! Where entries are kept, one file a store.

mod file;
#[cfg(target_os = "linux")]
mod kernel;
#[cfg(any(target_os = "macos", windows))]
mod native;
#[cfg(any(target_os = "macos", windows, test))]
mod parts;
#[cfg(target_os = "linux")]
mod sealed;
#[cfg(target_os = "linux")]
mod secret_service;

use std::fmt;

use super::{CacheKey, Entry, Folder, Kept, KeyInputs, Refusal};
use crate::sts::AccessKey;

// No build falls back to a store that only remembers, or that nobody has looked at.
#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
compile_error!("no keyring is known for this system: say which one in shared/src/cache/stores");

/// Which store is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The best that there is without a plain file.
    #[default]
    Auto,
    /// The kernel's keyring of the user; what does not fit in goes to a file sealed under a key that is kept there.
    Kernel,
    /// The Secret Service of a desktop session.
    SecretService,
    /// The Keychain of macOS.
    Keychain,
    /// The Credential Manager of Windows.
    CredentialManager,
    /// Plain files of mode 0600.
    File,
    /// None.
    None,
}

impl Mode {
    /// All of them, with their names on the command line.
    pub const ALL: [(&str, Self); 7] = [
        ("auto", Self::Auto),
        ("kernel", Self::Kernel),
        ("secret-service", Self::SecretService),
        ("keychain", Self::Keychain),
        ("credential-manager", Self::CredentialManager),
        ("file", Self::File),
        ("none", Self::None),
    ];

    /// The one of that name; `None` for another text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, mode)| *mode)
    }
}

/// Why a store did not keep something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(pub String);

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreError {}

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
    pub fn put(&self, key: &CacheKey, entry: &Entry, seconds: i64) -> Result<Option<String>, StoreError> {
        let mut whys: Vec<String> = Vec::new();
        for store in self.order() {
            let kept = self.put_to(*store, key, entry, seconds).and_then(|()| {
                let back = self.get_from(*store, key);
                let lost = || StoreError("what was written to it is not given back".to_owned());
                if back.as_ref() == Some(entry) { Ok(()) } else { Err(lost()) }
            });
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
                    return Ok(None);
                }
                Ok(()) => {
                    let why = format!("{}: {}", store.word(), whys.join("; "));
                    let words = format!("the {} is used, since {}", self.called(*store), whys.join("; "));
                    return Ok(self.note(&why).then_some(words));
                }
                Err(error) => whys.push(format!("the {} cannot be: {error}", self.called(*store))),
            }
        }
        if whys.is_empty() {
            return Ok(None);
        }
        let words = whys.join("; ");
        if self.mode != Mode::Auto {
            return Err(StoreError(words));
        }
        Ok(self.note(&format!("none: {words}")).then(|| format!("the credentials are not kept: {words}")))
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

    /// Everything that is kept, wherever it is, and which store could not be looked into; the Secret Service is asked only where
    /// it was chosen or used.
    #[must_use]
    pub fn list(&self) -> (Vec<Listed>, Option<StoreError>) {
        let (mut found, mut unseen) = (Vec::new(), None);
        #[cfg(target_os = "linux")]
        {
            found.extend(self.kernel.list());
            if self.speaks() || self.is_thorough {
                match self.secret_service.list() {
                    Ok(more) => found.extend(more),
                    // One that was never used may be away.
                    Err(_) if !self.speaks() => {}
                    Err(error) => unseen = Some(StoreError(format!("{}: {error}", secret_service::NAME))),
                }
            }
        }
        if let Some(folder) = &self.folder {
            #[cfg(target_os = "linux")]
            found.extend(sealed::list(&self.kernel, folder));
            #[cfg(any(target_os = "macos", windows))]
            found.extend(native::list(folder));
            found.extend(file::list(folder));
        }
        (found, unseen.take())
    }

    /// What is kept by other caches of the same user: how many entries.
    #[must_use]
    pub fn count_elsewhere(&self) -> usize {
        #[cfg(target_os = "linux")]
        return self.kernel.count_elsewhere() + self.counted_by_the_service();
        #[cfg(not(target_os = "linux"))]
        0
    }

    /// Takes away what other caches of the same user keep in keyrings.
    ///
    /// # Errors
    /// Why one of them could not be looked into.
    pub fn forget_elsewhere(&self) -> Result<(), StoreError> {
        #[cfg(target_os = "linux")]
        {
            self.kernel.forget_elsewhere();
            let gone =
                if self.speaks() || self.is_thorough { self.secret_service.forget_all() } else { Ok(()) };
            if self.speaks() { gone } else { Ok(()) }
        }
        #[cfg(not(target_os = "linux"))]
        Ok(())
    }

    /// How many entries other caches of the same user have in the Secret Service, as far as it tells.
    #[cfg(target_os = "linux")]
    fn counted_by_the_service(&self) -> usize {
        let asked = self.speaks() || self.is_thorough;
        if asked { self.secret_service.count_elsewhere().unwrap_or_default() } else { 0 }
    }

    /// Why the store that is best here cannot be looked into.
    #[must_use]
    pub fn trouble(&self) -> Option<StoreError> {
        #[cfg(target_os = "linux")]
        return self.kernel.trouble();
        #[cfg(not(target_os = "linux"))]
        None
    }

    /// What was said to who asked for an entry some seconds ago, Unix seconds `now`.
    #[must_use]
    pub fn recall(&self, key: &CacheKey, now: i64) -> Option<Refusal> {
        let bytes = self.folder.as_ref().and_then(|folder| folder.read(&refused(key)).ok()?);
        let said = bytes.as_deref().and_then(Refusal::from_bytes);
        #[cfg(target_os = "linux")]
        let said = said.or_else(|| {
            Refusal::from_bytes(&self.kernel.read(&refused(key)).filter(|_| self.uses_kernel())?)
        });
        let said = said?;
        if said.is_of(now) {
            return Some(said);
        }
        self.forget_refusal(key);
        None
    }

    /// Remembers what was said: in the folder, or where that cannot be written in the kernel's keyring. That it cannot be is no
    /// matter.
    pub fn remember(&self, key: &CacheKey, said: &Refusal) {
        let Ok(bytes) = serde_json::to_vec(said) else { return };
        let written = self
            .folder
            .as_ref()
            .is_some_and(|folder| folder.make().is_ok() && folder.write(&refused(key), &bytes).is_ok());
        #[cfg(target_os = "linux")]
        if !written && self.uses_kernel() {
            let _ = self.kernel.write(&refused(key), &bytes, super::REMEMBERED_SECONDS);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = written;
    }

    /// Forgets what was said to who asked for an entry.
    pub fn forget_refusal(&self, key: &CacheKey) {
        let name = refused(key);
        if let Some(folder) = &self.folder {
            let _ = folder.remove(&name);
        }
        #[cfg(target_os = "linux")]
        if self.uses_kernel() {
            self.kernel.forget(&name);
        }
    }

    #[cfg(target_os = "linux")]
    fn uses_kernel(&self) -> bool {
        matches!(self.mode, Mode::Auto | Mode::Kernel)
    }

    /// Takes away what is left of stores that hold nothing any more: no secret, only marks of ours. Where `all` of them could
    /// not be looked at, only what no store needs.
    pub fn tidy(&self, all: bool) {
        #[cfg(target_os = "linux")]
        {
            self.kernel.forget_refusals();
            if all {
                sealed::forget(&self.kernel);
            }
        }
        let Some(folder) = &self.folder else { return };
        let idle = [".refused", ".lock", ".new"].as_slice();
        let ours = if all { &[".refused", ".lock", ".new", ".sealed", ".used", ".silent"] } else { idle };
        for name in folder.names().iter().filter(|name| ours.iter().any(|end| name.ends_with(end))) {
            let _ = folder.remove(name);
        }
        if all {
            let _ = folder.remove(FALLBACK);
        }
    }

    /// Whether the Secret Service may hold something of ours.
    #[cfg(target_os = "linux")]
    fn speaks(&self) -> bool {
        let used = |folder: &Folder| folder.names().iter().any(|name| name == secret_service::USED);
        self.mode == Mode::SecretService || self.folder.as_ref().is_some_and(used)
    }

    /// Takes an entry away from every store.
    ///
    /// # Errors
    /// Why one of them still holds it.
    pub fn remove(&self, key: &CacheKey) -> Result<(), StoreError> {
        // One that fails keeps nobody from the others.
        let mut all = Ok(());
        #[cfg(target_os = "linux")]
        {
            all = all.and(self.kernel.remove(key));
            if self.speaks() {
                let named = |error| StoreError(format!("the {} may hold it: {error}", secret_service::NAME));
                all = all.and(self.secret_service.remove(key).map_err(named));
            } else if self.is_thorough {
                let _ = self.secret_service.remove(key);
            }
        }
        #[cfg(any(target_os = "macos", windows))]
        {
            all = all.and(native::remove(self.folder.as_ref(), key));
        }
        if let Some(folder) = &self.folder {
            #[cfg(target_os = "linux")]
            sealed::remove(folder, key);
            let stays =
                |error| StoreError(format!("what lies in {} stays: {error}", folder.path().display()));
            all = all.and(file::remove(folder, key).map_err(stays));
        }
        all
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
            let kept = self.put_to(*store, &key, &entry, 60).and_then(|()| {
                let back = self.get_from(*store, &key);
                let lost = || StoreError("what was written to it is not given back".to_owned());
                if back.as_ref() == Some(&entry) { Ok(()) } else { Err(lost()) }
            });
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

/// What names of what is remembered end with.
const REFUSED: &str = ".refused";

/// Under which name it is remembered what was said of an entry.
fn refused(key: &CacheKey) -> String {
    format!("{key}{REFUSED}")
}

/// The first word of what is written down.
fn fallback_of(text: &str) -> Option<&str> {
    text.split_once(':').map(|(word, _)| word)
}

/// One store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Store {
    Kernel,
    SecretService,
    Native,
    File,
}

impl Store {
    /// What `auto` tries.
    #[cfg(target_os = "linux")]
    const AUTO: &[Self] = &[Self::Kernel, Self::SecretService];
    #[cfg(any(target_os = "macos", windows))]
    const AUTO: &[Self] = &[Self::Native];
    /// What there is on this system.
    #[cfg(target_os = "linux")]
    const HERE: &[Self] = &[Self::Kernel, Self::SecretService, Self::File];
    #[cfg(any(target_os = "macos", windows))]
    const HERE: &[Self] = &[Self::Native, Self::File];

    fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel keyring",
            Self::SecretService => "Secret Service",
            Self::Native if cfg!(windows) => "Credential Manager",
            Self::Native => "Keychain",
            Self::File => "file",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::SecretService => "secret-service",
            Self::Native => "native",
            Self::File => "file",
        }
    }
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
