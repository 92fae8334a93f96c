//! What a process inherits and its files suffer from.

/// From now on a write past a limit on the size of files (`ulimit -f`) is an error like any other. The system's own answer is a
/// signal that ends the process; one that is heard is not passed on to programs that are started. (POSIX, SIGXFSZ.)
#[cfg(unix)]
pub fn outlive_limits() {
    use std::sync::Once;

    use signal_hook::{consts::SIGXFSZ, flag};

    static HEARD: Once = Once::new();
    // Where it cannot be heard it ends us as it would have.
    HEARD.call_once(|| drop(flag::register(SIGXFSZ, std::sync::Arc::default())));
}

/// Other systems have none.
#[cfg(not(unix))]
pub fn outlive_limits() {}

/// While it is held, what is made is its owner's: a `umask` may take that away, and whoever made a folder could not go into it.
#[derive(Debug)]
pub struct OwnersMask {
    #[cfg(unix)]
    before: rustix::fs::Mode,
}

impl OwnersMask {
    /// From now on.
    #[must_use]
    pub fn set() -> Self {
        Self {
            #[cfg(unix)]
            before: rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO),
        }
    }
}

impl Drop for OwnersMask {
    fn drop(&mut self) {
        #[cfg(unix)]
        rustix::process::umask(self.before);
    }
}
