//! Signals, while a command runs that `serve` serves: they are the command's. And what ends `serve` where there is none.

pub(crate) use here::{Signals, attended, ended, orphaned};

use crate::error::{Error, exit};

fn lost(error: std::io::Error) -> Error {
    Error::new(exit::NO_ANSWER, format!("the command is lost: {error}"))
}

#[cfg(unix)]
mod here {
    use std::os::unix::process::ExitStatusExt as _;
    use std::time::Duration;

    use rustix::process::{Pid, Signal as Number, getpgrp, getppid, kill_process};
    use tokio::process::Child;
    use tokio::signal::unix::{Signal, SignalKind, signal};

    use super::lost;
    use crate::error::{Error, exit};

    /// Between two looks whether the parent is still there.
    const LOOK: Duration = Duration::from_secs(1);

    /// Signals that are heard and kept from ending us.
    pub(crate) struct Signals {
        passed: [(Signal, Number); 4],
        /// Ctrl-C and its like, which reach the command by themselves where they come from its terminal.
        of_terminal: [(Signal, Number); 2],
    }

    impl Signals {
        /// From now on.
        pub(crate) fn heard() -> Result<Self, Error> {
            let heard = |kind| signal(kind).map_err(lost);
            Ok(Self {
                passed: [
                    (heard(SignalKind::terminate())?, Number::TERM),
                    (heard(SignalKind::hangup())?, Number::HUP),
                    (heard(SignalKind::user_defined1())?, Number::USR1),
                    (heard(SignalKind::user_defined2())?, Number::USR2),
                ],
                of_terminal: [
                    (heard(SignalKind::interrupt())?, Number::INT),
                    (heard(SignalKind::quit())?, Number::QUIT),
                ],
            })
        }

        /// The next one that is to be passed on.
        async fn next(&mut self) -> Number {
            let [(one, a), (two, b), (three, c), (four, d)] = &mut self.passed;
            let [(interrupt, e), (quit, f)] = &mut self.of_terminal;
            loop {
                tokio::select! {
                    _ = one.recv() => return *a,
                    _ = two.recv() => return *b,
                    _ = three.recv() => return *c,
                    _ = four.recv() => return *d,
                    _ = interrupt.recv() => if !is_in_foreground() { return *e },
                    _ = quit.recv() => if !is_in_foreground() { return *f },
                }
            }
        }
    }

    /// Whether a terminal sends its signals to us, and so to the command as well.
    fn is_in_foreground() -> bool {
        let terminal = std::fs::File::open("/dev/tty");
        terminal
            .is_ok_and(|terminal| rustix::termios::tcgetpgrp(&terminal).is_ok_and(|group| group == getpgrp()))
    }

    /// The command's end; signals that come meanwhile are passed on.
    pub(crate) async fn attended(spawned: &mut Child, mut signals: Signals) -> Result<u8, Error> {
        loop {
            tokio::select! {
                status = spawned.wait() => {
                    let status = status.map_err(lost)?;
                    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
                    return Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(exit::REFUSED));
                }
                signal = signals.next() => {
                    if let Some(id) = spawned.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
                        let _ = kill_process(id, signal);
                    }
                }
            }
        }
    }

    /// A signal that asks for the end.
    pub(crate) async fn ended() {
        let wait = async |kind| match signal(kind) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        };
        tokio::select! {
            () = wait(SignalKind::terminate()) => {}
            () = wait(SignalKind::interrupt()) => {}
            () = wait(SignalKind::hangup()) => {}
            () = wait(SignalKind::quit()) => {}
            // Whoever sends these means something else, but they would end us as well.
            () = wait(SignalKind::user_defined1()) => {}
            () = wait(SignalKind::user_defined2()) => {}
        }
    }

    /// The end of whoever started us.
    pub(crate) async fn orphaned() {
        let parent = getppid();
        while parent.is_some() && getppid() == parent {
            tokio::time::sleep(LOOK).await;
        }
    }
}

#[cfg(not(unix))]
mod here {
    use tokio::process::Child;

    use super::lost;
    use crate::error::{Error, exit};

    /// A console's own signals reach the command by themselves.
    pub(crate) struct Signals;

    impl Signals {
        /// From now on.
        pub(crate) fn heard() -> Result<Self, Error> {
            Ok(Self)
        }
    }

    /// The command's end.
    pub(crate) async fn attended(spawned: &mut Child, _: Signals) -> Result<u8, Error> {
        let status = spawned.wait().await.map_err(lost)?;
        Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(exit::REFUSED))
    }

    /// Ctrl-C, which asks for the end.
    pub(crate) async fn ended() {
        let _ = tokio::signal::ctrl_c().await;
    }

    /// There is no parent to be told of.
    pub(crate) async fn orphaned() {
        std::future::pending::<()>().await;
    }
}
