//! What is kept, here and by other caches of the same user, and how it goes away.

#[cfg(any(target_os = "macos", windows))]
use super::native;
use super::{FALLBACK, Listed, StoreError, Stores, file};
#[cfg(target_os = "linux")]
use super::{Mode, sealed, secret_service};
use crate::cache::CacheKey;
#[cfg(target_os = "linux")]
use crate::cache::Folder;

impl Stores {
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
    pub(super) fn speaks(&self) -> bool {
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
}
