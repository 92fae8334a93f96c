//! The signals that end the program.

use std::io;

/// SIGINT, SIGTERM and SIGHUP, caught from now on.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hang_up: tokio::signal::unix::Signal,
}

/// A signal that asks the program to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// SIGINT, Ctrl-C.
    Interrupt,
    /// SIGTERM, or a terminal that was closed.
    #[cfg(unix)]
    Terminate,
}

#[cfg(unix)]
impl Signals {
    /// Catches them.
    pub(super) fn catch() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Stop {
        tokio::select! {
            _ = self.interrupt.recv() => Stop::Interrupt,
            _ = self.terminate.recv() => Stop::Terminate,
            _ = self.hang_up.recv() => Stop::Terminate,
        }
    }
}

#[cfg(unix)]
impl Stop {
    /// Passes the signal on to the process `id`; one that has ended does not mind.
    pub(super) fn pass_on(self, id: u32) {
        use rustix::process::{Pid, Signal, kill_process};
        let signal = match self {
            Self::Interrupt => Signal::INT,
            Self::Terminate => Signal::TERM,
        };
        if let Some(id) = i32::try_from(id).ok().and_then(Pid::from_raw) {
            let _ended_already = kill_process(id, signal).is_err();
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    /// Catches Ctrl-C.
    pub(super) fn catch() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Stop {
        drop(tokio::signal::ctrl_c().await);
        Stop::Interrupt
    }
}

#[cfg(not(unix))]
impl Stop {
    /// The console has told the other process already.
    pub(super) fn pass_on(self, _: u32) {}
}
