//! Signals, while a command runs that `serve` serves: they are the command's. And what ends `serve` where there is none.

pub(crate) use here::{Signals, attended, ended, orphaned};

use crate::error::{Error, exit};

fn lost(error: std::io::Error) -> Error {
    Error::new(exit::NO_ANSWER, format!("the command is lost: {error}"))
}

#[cfg(unix)]
mod here {
    use std::future::poll_fn;
    use std::os::unix::process::ExitStatusExt as _;
    use std::task::Poll;
    use std::time::Duration;

    use rustix::process::{Pid, Signal as Number, getpgrp, getppid, kill_process};
    use tokio::process::Child;
    use tokio::signal::unix::{Signal, SignalKind, signal};

    use super::lost;
    use crate::error::{Error, exit};

    /// Between two looks whether the parent is still there.
    const LOOK: Duration = Duration::from_secs(1);

    /// Signals that end whoever does not hear them. Those without a name are not among them.
    const PASSED: &[Number] = &[
        Number::TERM,
        Number::HUP,
        Number::USR1,
        Number::USR2,
        Number::ALARM,
        Number::VTALARM,
        Number::PROF,
        Number::XCPU,
        Number::IO,
        #[cfg(target_os = "linux")]
        Number::POWER,
    ];
    /// Ctrl-C and its like, which reach the command by themselves where they come from its terminal.
    const OF_TERMINAL: [Number; 2] = [Number::INT, Number::QUIT];

    /// Signals that are heard and kept from ending us.
    pub(crate) struct Signals(Vec<(Signal, Number)>);

    impl Signals {
        /// From now on.
        pub(crate) fn heard() -> Result<Self, Error> {
            let heard = |number: &Number| Ok((signal(SignalKind::from_raw(number.as_raw()))?, *number));
            PASSED.iter().chain(&OF_TERMINAL).map(heard).collect::<Result<_, _>>().map(Self).map_err(lost)
        }

        /// The next one that is to be passed on.
        async fn next(&mut self) -> Number {
            loop {
                let came = poll_fn(|context| {
                    let mut all = self.0.iter_mut();
                    let came = all
                        .find_map(|(signal, number)| signal.poll_recv(context).is_ready().then_some(*number));
                    came.map_or(Poll::Pending, Poll::Ready)
                });
                let came = came.await;
                if !OF_TERMINAL.contains(&came) || !is_in_foreground() {
                    return came;
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
        // Some mean something else to whoever sends them, but would end us as well.
        match Signals::heard() {
            Ok(Signals(mut all)) => {
                poll_fn(|context| {
                    let came = all.iter_mut().any(|(signal, _)| signal.poll_recv(context).is_ready());
                    if came { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
            }
            Err(_) => std::future::pending().await,
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
