//! The command line: what can be typed, and which command it runs.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use rrsa_shared::ports::clock::Clock;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::Files;
use rrsa_shared::ports::random::Random;

use crate::cloud::CloudFlags;
use crate::commands::{
    self, check, describe, explain, kubeconfig, list, profile, status, trust_policy, version, who_can_assume,
};
use crate::completion;
use crate::context::KubeFlags;
use crate::error::{Error, exit};
use crate::helper;
use crate::render::hanging;

/// Show and prove RRSA (RAM Roles for Service Accounts) of Alibaba Cloud's Kubernetes.
///
/// Exit codes: 0 healthy or done, 1 findings, 2 usage, 3 could not tell.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-rrsa",
    max_term_width = 80,
    disable_version_flag = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Options of kubectl.
    #[command(flatten)]
    pub kube: KubeFlags,
    /// Options of the cloud.
    #[command(flatten)]
    pub cloud: CloudFlags,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    #[expect(missing_docs, reason = "its arguments carry the help text")]
    Status(status::Args),
    #[expect(missing_docs, reason = "its arguments carry the help text")]
    Check(Box<check::Args>),
    #[command(visible_alias = "ls")]
    #[expect(missing_docs, reason = "its arguments carry the help text")]
    List(list::Args),
    #[expect(missing_docs, reason = "its arguments carry the help text")]
    TrustPolicy(trust_policy::Args),
    #[expect(missing_docs, reason = "its arguments carry the help text")]
    WhoCanAssume(who_can_assume::Args),
    #[expect(missing_docs, reason = "its arguments carry the help text")]
    Describe(describe::Args),
    #[expect(missing_docs, reason = "its arguments carry the help text")]
    Explain(explain::Args),
    #[expect(missing_docs, reason = "its arguments carry the help text")]
    Kubeconfig(kubeconfig::Args),
    #[expect(missing_docs, reason = "its arguments carry the help text")]
    Profile(profile::Args),
    /// Hand over to rrsa-exec-credential, which is installed beside this program
    #[command(disable_help_flag = true)]
    ExecCredential {
        /// Its arguments; --help shows them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        words: Vec<std::ffi::OsString>,
    },
    #[expect(missing_docs, reason = "its arguments carry the help text")]
    Completion(commands::completion::Args),
    /// Says what could be typed next; kubectl's completion runs it.
    #[command(name = "__complete", hide = true, disable_help_flag = true)]
    Complete {
        /// The words so far.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    #[expect(missing_docs, reason = "its arguments carry the help text")]
    Version(version::Args),
}

/// What every command is given of the machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Environment variables.
    pub env: Env,
    /// Files.
    pub files: Files,
    /// Time.
    pub clock: Clock,
    /// Chance.
    pub random: Random,
    /// Where requests are told, with `-v`.
    pub trace: Option<fn(&str)>,
}

impl Machine {
    /// The text of a file that the command line names, or of stdin for `-`.
    ///
    /// # Errors
    /// When it cannot be read, or is no text.
    pub fn read_text(&self, path: &Path) -> Result<String, Error> {
        let name = path.display();
        let bytes =
            if path == Path::new("-") { self.files.read_stdin(MAX_FILE) } else { self.files.read(path) };
        let bytes = bytes.map_err(|error| {
            Error::usage(format!("{name} cannot be read"))
                .caused_by(error)
                .hint("name a file, or - for stdin")
        })?;
        String::from_utf8(bytes).map_err(|_| Error::usage(format!("{name} is not text")))
    }
}

/// More than any manifest or policy is, bytes.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// What a command leaves: bytes for stdout, and the exit code.
#[derive(Debug)]
pub struct Outcome {
    /// Goes to stdout as it is.
    pub text: String,
    /// The exit code.
    pub code: u8,
}

/// Runs the command line.
pub fn main() -> ExitCode {
    // Help speaks of `kubectl rrsa` when that is how we were called.
    let mut words: Vec<std::ffi::OsString> = std::env::args_os().collect();
    let called = words.first().map(Path::new).and_then(Path::file_name).unwrap_or_default();
    let called = called.to_string_lossy().into_owned();
    let as_plugin = called.starts_with("kubectl-");
    // By a link of this name kubectl's completion may run us without a script between.
    if called.starts_with("kubectl_complete-") {
        words.insert(1, "__complete".into());
    }
    // What follows is to be completed, and none of it is ours to obey.
    if words.get(1).is_some_and(|word| word == "__complete") {
        words.insert(2, "--".into());
    }
    // At once: kubectl waits for it.
    if words.get(1).is_some_and(|word| word == helper::HAND_OVER) {
        return helper::hand_over(&words[2..], &Env::real());
    }
    let command = Cli::command().bin_name(if as_plugin { "kubectl rrsa" } else { "kubectl-rrsa" });
    let cli = match command.try_get_matches_from(words).and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::HEALTHY });
        }
    };
    let machine = Machine {
        env: Env::real(),
        files: Files::real(),
        clock: Clock::real(),
        random: Random::real(),
        trace: cli.kube.verbose.unwrap_or(false).then_some(say),
    };
    let chosen_by = cli.kube.chosen();
    ExitCode::from(match run(cli, &machine).map_err(|error| error.addressed(&chosen_by)) {
        Ok(outcome) => match write_out(&outcome.text) {
            Ok(()) => outcome.code,
            Err(error) => {
                say(&error.to_string());
                error.exit_code()
            }
        },
        Err(error) => {
            say(&error.to_string());
            error.exit_code()
        }
    })
}

/// Writes to stdout at once. A reader that has gone away is no failure.
///
/// # Errors
/// When it cannot be written, on a full disk for example.
pub fn write_out(text: &str) -> Result<(), Error> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::could_not_tell("the result cannot be written").caused_by(error))
        }
        _ => Ok(()),
    }
}

/// Writes lines to stderr; on a terminal none is longer than it is wide.
pub fn say(lines: &str) {
    let mut stderr = std::io::stderr().lock();
    let wrap = stderr.is_terminal();
    for line in lines.lines() {
        let shown = if wrap { fitted(line) } else { line.to_owned() };
        let _ = writeln!(stderr, "{shown}");
    }
}

/// A line of words for a terminal; one that holds a command stays whole, as it is to be copied.
fn fitted(line: &str) -> String {
    let words = line.trim_start();
    let (before, indent) = (&line[..line.len() - words.len()], line.len() - words.len() + 2);
    if ["kubectl ", "aliyun "].iter().any(|program| words.contains(program)) {
        return line.to_owned();
    }
    hanging(before, indent, words)
}

fn run(cli: Cli, machine: &Machine) -> Result<Outcome, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::could_not_tell("no runtime could be started").caused_by(error))?;
    runtime.block_on(async {
        match &cli.command {
            Command::Status(args) => status::run(args, &cli, machine).await,
            Command::Check(args) => check::run(args, &cli, machine).await,
            Command::List(args) => list::run(args, &cli, machine).await,
            Command::TrustPolicy(args) => trust_policy::run(args, &cli, machine).await,
            Command::WhoCanAssume(args) => who_can_assume::run(args, &cli, machine).await,
            Command::Describe(args) => describe::run(args, &cli, machine).await,
            Command::Explain(args) => explain::run(args, machine),
            Command::Kubeconfig(args) => kubeconfig::run(args, &cli, machine).await,
            Command::Profile(args) => profile::run(args, &cli, machine),
            Command::ExecCredential { .. } => Err(Error::usage("exec-credential stands before all options")
                .hint("kubectl rrsa exec-credential COMMAND …")),
            Command::Completion(args) => commands::completion::run(args),
            Command::Complete { words } => {
                let text = completion::complete(words, &machine.env).await;
                Ok(Outcome { text, code: exit::HEALTHY })
            }
            Command::Version(args) => version::run(args),
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{Cli, fitted};

    #[test]
    fn words_fit_a_terminal_and_commands_stay_whole() {
        let shown = fitted(&format!("  cause: {}", "word ".repeat(40)));
        assert!(shown.lines().all(|line| line.len() <= 80), "{shown}");
        assert!(shown.starts_with("  cause: word") && shown.contains("\n    word"), "{shown}");
        let command = format!("  hint: kubectl rrsa check {}", "x ".repeat(50));
        assert_eq!(fitted(&command), command);
        assert_eq!(fitted(""), "");
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn kubectls_options_are_taken_at_any_depth() {
        for line in [
            "rrsa -n demo --context c check sa/x",
            "rrsa check -n demo sa/x --context c",
            "rrsa check sa/x --context=c --namespace=demo",
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(cli.kube.namespace.as_deref(), Some("demo"), "{line}");
            assert_eq!(cli.kube.context.as_deref(), Some("c"), "{line}");
        }
    }
}
