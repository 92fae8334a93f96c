//! The command line of `rrsa-sandbox`.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use super::embedded::{Manifest, SandboxOptions};
use super::minted::Minted;
use super::world::World;
use super::{run, shell};

/// The exit status of a sandbox that did not start, unlike any of a command's own.
const FAILED: u8 = 125;

/// Alibaba Cloud and an ACK cluster on loopback, for trying RRSA without an account.
#[derive(Parser)]
#[command(name = "rrsa-sandbox", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a command in the sandbox and exit with its status (128 + N when signal N ended it).
    Run {
        #[command(flatten)]
        stage: Stage,
        /// The command and its arguments.
        #[arg(last = true, required = true, value_name = "CMD")]
        command: Vec<OsString>,
    },
    /// Keep the sandbox up for a shell: `. DIR/env.sh` points programs to it.
    Serve {
        /// The folder for kubeconfig, env.sh and ca.crt; they are taken away at the end.
        #[arg(long)]
        dir: PathBuf,
        #[command(flatten)]
        stage: Stage,
    },
    /// Keep the cloud half alone up, for the tokens of a real cluster.
    Cloud {
        /// The folder for env.sh and ca.crt; they are taken away at the end.
        #[arg(long)]
        dir: PathBuf,
        /// The cluster's token issuer: it takes the place of the world's own in providers and trust policies.
        #[arg(long, value_name = "URL")]
        issuer: String,
        /// The issuer's key set, as `kubectl get --raw /openid/v1/jwks` prints it.
        #[arg(long, value_name = "FILE")]
        jwks: PathBuf,
        #[command(flatten)]
        common: Common,
    },
}

/// What the sandbox plays.
#[derive(Args)]
struct Stage {
    /// Kubernetes objects to load, in order; the demo of the RRSA guide when there are none.
    #[arg(long, value_name = "FILE")]
    manifests: Vec<PathBuf>,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
struct Common {
    /// Account, cluster, roles and faults; the default makes the demo healthy.
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// Append every secret that is given out to this file, one a line, so that outputs can be scanned for them.
    #[arg(long, value_name = "FILE")]
    minted: Option<PathBuf>,
}

/// Why the program ends without having done its work.
#[derive(Debug)]
pub(super) struct Trouble(String);

impl Trouble {
    /// In words of our own.
    pub(super) fn new(words: impl fmt::Display) -> Self {
        Self(words.to_string())
    }

    fn with_file(path: &Path, error: &io::Error) -> Self {
        Self(format!("{} cannot be read: {error}", path.display()))
    }
}

/// Runs the program on its arguments, the program's name first.
#[must_use]
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(Trouble::new).and_then(|runtime| runtime.block_on(cli.command.perform()));
    done.unwrap_or_else(|Trouble(words)| {
        drop(writeln!(io::stderr(), "rrsa-sandbox: {words}"));
        ExitCode::from(FAILED)
    })
}

impl Command {
    async fn perform(self) -> Result<ExitCode, Trouble> {
        match self {
            Self::Run { stage, command } => run::run(stage.read()?, &command).await,
            Self::Serve { dir, stage } => shell::serve(&dir, stage.read()?).await,
            Self::Cloud { dir, issuer, jwks, common } => {
                let text =
                    std::fs::read_to_string(&jwks).map_err(|error| Trouble::with_file(&jwks, &error))?;
                let keys = shell::key_set(&text).ok_or_else(|| {
                    Trouble(format!("{} is no JSON Web Key Set with an RSA key", jwks.display()))
                })?;
                if !(issuer.starts_with("https://") || issuer.starts_with("http://")) {
                    return Err(Trouble(format!("--issuer {issuer:?} is no URL")));
                }
                let (world, minted) = common.read()?;
                shell::serve_cloud(&dir, world, minted, &issuer, keys).await
            }
        }
    }
}

impl Stage {
    fn read(self) -> Result<SandboxOptions, Trouble> {
        let (world, minted) = self.common.read()?;
        let manifests = self.manifests.iter().map(|path| {
            let yaml = std::fs::read_to_string(path).map_err(|error| Trouble::with_file(path, &error))?;
            Ok(Manifest { file: path.display().to_string(), yaml })
        });
        let manifests: Vec<Manifest> = manifests.collect::<Result<_, Trouble>>()?;
        let manifests = if manifests.is_empty() { vec![Manifest::demo()] } else { manifests };
        Ok(SandboxOptions { world, manifests, minted })
    }
}

impl Common {
    fn read(self) -> Result<(World, Minted), Trouble> {
        let world = match &self.world {
            None => World::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| Trouble::with_file(path, &error))?;
                World::parse(&text).map_err(|error| Trouble(format!("{}: {error}", path.display())))?
            }
        };
        let minted = match &self.minted {
            None => Minted::new(),
            Some(path) => Minted::with_file(path)
                .map_err(|error| Trouble(format!("{} cannot be written: {error}", path.display())))?,
        };
        Ok((world, minted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_follows_the_dashes_belongs_to_the_command() {
        let words = ["rrsa-sandbox", "run", "--manifests", "a", "--manifests", "b", "--", "ls", "--world"];
        let Command::Run { stage, command } = Cli::try_parse_from(words).unwrap().command else { panic!() };
        assert_eq!(stage.manifests.len(), 2);
        assert!(stage.common.world.is_none());
        assert_eq!(command, ["ls", "--world"]);
    }
}
