//! The command line.

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::Files;
use rrsa_shared::ports::net::Net;

use crate::error::{Error, exit};
use crate::{probe, whoami};

/// Credentials from RRSA (RAM Roles for Service Accounts) of Alibaba Cloud's Kubernetes.
///
/// Exit codes: 0 done, 1 refused or broken, 2 usage, 3 no answer.
#[derive(Debug, Parser)]
#[command(name = "rrsa-exec-credential", version, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Whoami(whoami::Args),
    Probe(probe::Args),
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::DONE });
        }
    };
    match run(&cli) {
        Ok(text) => {
            let mut stdout = std::io::stdout().lock();
            match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
                // A reader that has gone away is no failure.
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                    let _ =
                        writeln!(std::io::stderr().lock(), "error: the result cannot be written: {error}");
                    ExitCode::from(exit::NO_ANSWER)
                }
                _ => ExitCode::from(exit::DONE),
            }
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr().lock(), "{error}");
            ExitCode::from(error.code)
        }
    }
}

fn run(cli: &Cli) -> Result<String, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(exit::NO_ANSWER, format!("no runtime could be started: {error}")))?;
    match &cli.command {
        Command::Whoami(args) => runtime.block_on(whoami::run(args, &Env::real(), &Files::real())),
        Command::Probe(args) => {
            runtime.block_on(probe::run(args, &Env::real(), &Files::real(), &Net::real()))
        }
    }
}
