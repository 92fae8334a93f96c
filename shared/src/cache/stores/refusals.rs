//! What was said to who asked for an entry, remembered for some seconds.

#[cfg(target_os = "linux")]
use super::Mode;
use super::Stores;
use crate::cache::{CacheKey, Refusal};

/// What names of what is remembered end with.
pub(super) const REFUSED: &str = ".refused";

/// Under which name it is remembered what was said of an entry.
fn refused(key: &CacheKey) -> String {
    format!("{key}{REFUSED}")
}

impl Stores {
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
            let _ = self.kernel.write(&refused(key), &bytes, crate::cache::REMEMBERED_SECONDS);
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
}
