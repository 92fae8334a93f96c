//! Limits on the size of files, as `ulimit -f` sets them.

/// From now on a write past such a limit is an error like any other. The system's own answer is a signal that ends the process;
/// one that is heard is not passed on to programs that are started. (POSIX, SIGXFSZ.)
#[cfg(unix)]
pub fn outlived() {
    use std::sync::Once;

    use signal_hook::{consts::SIGXFSZ, flag};

    static HEARD: Once = Once::new();
    // Where it cannot be heard it ends us as it would have.
    HEARD.call_once(|| drop(flag::register(SIGXFSZ, std::sync::Arc::default())));
}

/// Other systems have none.
#[cfg(not(unix))]
pub fn outlived() {}
