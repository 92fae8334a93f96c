//! Where entries are kept, one file a store.

mod file;
#[cfg(target_os = "linux")]
mod kernel;
#[cfg(target_os = "linux")]
mod sealed;

use std::fmt;

use super::{CacheKey, Entry, Folder};

/// Which store is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The best that there is without a plain file.
    #[default]
    Auto,
    /// The kernel's keyring of the user; what does not fit in goes to a file sealed under a key that is kept there.
    Kernel,
    /// Plain files of mode 0600.
    File,
    /// None.
    None,
}

impl Mode {
    /// Its name on the command line; `None` for another text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "auto" => Self::Auto,
            "kernel" => Self::Kernel,
            "file" => Self::File,
            "none" => Self::None,
            _ => return None,
        })
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
    folder: Option<Folder>,
    #[cfg(target_os = "linux")]
    kernel: kernel::Kernel,
}

impl Stores {
    /// Nothing is looked at yet. `folder` is for what the kernel does not hold, and for plain files.
    #[must_use]
    pub fn new(mode: Mode, folder: Option<Folder>) -> Self {
        Self {
            mode,
            #[cfg(target_os = "linux")]
            kernel: kernel::Kernel::of(folder.as_ref()),
            folder,
        }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> Option<&Folder> {
        self.folder.as_ref()
    }

    /// An entry; whatever cannot be read is none.
    #[must_use]
    pub fn get(&self, key: &CacheKey) -> Option<Entry> {
        match self.mode {
            #[cfg(target_os = "linux")]
            Mode::Auto | Mode::Kernel => {
                self.kernel.get(key).or_else(|| sealed::get(&self.kernel, self.folder.as_ref()?, key))
            }
            #[cfg(not(target_os = "linux"))]
            Mode::Auto | Mode::Kernel => None,
            Mode::File => file::get(self.folder.as_ref()?, key),
            Mode::None => None,
        }
    }

    /// Keeps an entry until it ends, `seconds` from now; the name of the store that does.
    ///
    /// # Errors
    /// Why it is not kept; nothing is lost but a call of STS.
    pub fn put(&self, key: &CacheKey, entry: &Entry, seconds: i64) -> Result<&'static str, StoreError> {
        let folder = || self.folder.as_ref().ok_or_else(|| StoreError("there is no home folder".to_owned()));
        match self.mode {
            Mode::None => Ok("none"),
            Mode::File => file::put(folder()?, key, entry),
            #[cfg(target_os = "linux")]
            Mode::Auto | Mode::Kernel => match self.kernel.put(key, entry, seconds) {
                Ok(()) => {
                    // An older one, sealed when the keyring was full, would outlive this one.
                    if let Ok(folder) = folder() {
                        sealed::remove(folder, key);
                    }
                    Ok(kernel::NAME)
                }
                Err(kernel::Refused::Full) => sealed::put(&self.kernel, folder()?, key, entry),
                Err(kernel::Refused::Blocked(why)) => Err(StoreError(why)),
            },
            #[cfg(not(target_os = "linux"))]
            Mode::Auto | Mode::Kernel => {
                let _ = seconds;
                Err(StoreError("there is no kernel keyring on this system".to_owned()))
            }
        }
    }

    /// Everything that is kept, wherever it is.
    #[must_use]
    pub fn list(&self) -> Vec<Listed> {
        let mut found = Vec::new();
        #[cfg(target_os = "linux")]
        found.extend(self.kernel.list());
        if let Some(folder) = &self.folder {
            #[cfg(target_os = "linux")]
            found.extend(sealed::list(&self.kernel, folder));
            found.extend(file::list(folder));
        }
        found
    }

    /// Takes an entry away from every store.
    ///
    /// # Errors
    /// Why one of them still holds it.
    pub fn remove(&self, key: &CacheKey) -> Result<(), StoreError> {
        #[cfg(target_os = "linux")]
        self.kernel.remove(key)?;
        if let Some(folder) = &self.folder {
            #[cfg(target_os = "linux")]
            sealed::remove(folder, key);
            file::remove(folder, key)?;
        }
        Ok(())
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
