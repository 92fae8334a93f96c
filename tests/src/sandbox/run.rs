//! `rrsa-sandbox run`: a command within a sandbox of its own.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::process::{ExitCode, ExitStatus};

use tokio::process::{Child, Command};

use super::cli::Trouble;
use super::embedded::{Sandbox, SandboxOptions};
use super::signals::{Signals, Stop};
use super::variables::for_child;

/// Starts the sandbox, runs `command` in it, and ends as the command ended. A command that cannot be
/// started is 126 or, when it is not there, 127.
pub(super) async fn run(options: SandboxOptions, command: &[OsString]) -> Result<ExitCode, Trouble> {
    let (program, arguments) =
        command.split_first().ok_or_else(|| Trouble::new("there is no command to run"))?;
    // Caught before anything is started, so that nothing outlives the program.
    let mut signals = Signals::catch().map_err(Trouble::new)?;
    let sandbox = Sandbox::start(options).await.map_err(Trouble::new)?;
    let variables = for_child(&sandbox.env(), inherited);
    let ended = match Command::new(program).args(arguments).envs(variables).spawn() {
        Ok(child) => attend(child, &mut signals).await.map(status).map_err(Trouble::new),
        Err(error) => {
            let code = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
            let words = format!("rrsa-sandbox: {} cannot be started: {error}\n", program.display());
            drop(io::Write::write_all(&mut io::stderr(), words.as_bytes()));
            Ok(code)
        }
    };
    sandbox.stop().await;
    ended.map(ExitCode::from)
}

#[expect(clippy::disallowed_methods, reason = "the child's lists of hosts begin with those of this process")]
fn inherited(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Waits for the child, passing signals on to it meanwhile.
async fn attend(mut child: Child, signals: &mut Signals) -> io::Result<ExitStatus> {
    loop {
        tokio::select! {
            ended = child.wait() => return ended,
            stop = signals.next() => {
                // Ctrl-C reaches everybody at the terminal; a second one would be one too many.
                let heard = stop == Stop::Interrupt && io::stdin().is_terminal();
                if let Some(id) = child.id().filter(|_| !heard) {
                    stop.pass_on(id);
                }
            }
        }
    }
}

/// The status as a shell reports it: 128 + N for signal N.
fn status(ended: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&ended) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    ended.code().and_then(|code| u8::try_from(code & 0xff).ok()).unwrap_or(u8::MAX)
}
