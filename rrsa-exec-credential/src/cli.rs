//! The command line.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rrsa_shared::arn::RoleArn;
use rrsa_shared::arn::is_cluster_id;
use rrsa_shared::cache::Mode;
use rrsa_shared::ports::clock::Clock;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::Files;
use rrsa_shared::ports::net::Net;
use rrsa_shared::secret::Secret;

use crate::certificate::{CertificateWish, MINUTES};
use crate::error::{Error, exit};
use crate::exec_info::ExecInfo;
use crate::output::{exec_certificate, exec_credential, external};
use crate::wish::Wish;
use crate::{child, doctor, hot, issue, kept, probe, serve, whoami};

/// Credentials of Alibaba Cloud for kubeconfigs, SDKs and the CLI, kept in the OS keyring.
///
/// Sources, in this order, or one named with --source: the variables of a key, RRSA, a profile of the CLI, the SDKs' credentials
/// file, the RAM role of the machine, a credentials address. Exit codes: 0 done, 1 refused or broken, 2 usage, 3 no answer.
#[derive(Debug, Parser)]
#[command(
    name = "rrsa-exec-credential",
    version,
    max_term_width = 80,
    subcommand_required = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print an ExecCredential with a bearer token for the RAM authenticator of an ACK cluster
    Token(TokenArgs),
    /// Print an ExecCredential with a short-lived client certificate of an ACK cluster
    Certificate(CertificateArgs),
    /// Print the JSON of an External profile, for process_command of SDKs and the CLI
    Process(WishArgs),
    /// Run a command with the credentials in its environment
    Exec(ExecArgs),
    /// Show or clear what is kept
    #[command(subcommand)]
    Cache(kept::Deed),
    /// Forget what is kept, for every identity; the next run asks anew
    Logout(kept::Clear),
    /// Print the version
    Version,
    Doctor(doctor::Args),
    Serve(serve::Args),
    Whoami(whoami::Args),
    Probe(probe::Args),
}

#[derive(clap::Args, Debug)]
struct TokenArgs {
    /// Id of the cluster; what the kubeconfig's cluster extension says without it
    #[arg(long, value_name = "ID")]
    cluster_id: Option<String>,

    #[command(flatten)]
    wish: WishArgs,
}

#[derive(clap::Args, Debug)]
struct CertificateArgs {
    /// Id of the cluster; what the kubeconfig's cluster extension says without it
    #[arg(long, value_name = "ID")]
    cluster_id: Option<String>,

    /// Minutes that the certificate lives, 15 to 4320
    #[arg(long, value_name = "MINUTES", default_value_t = MINUTES, value_parser = clap::value_parser!(u16).range(15..=4320))]
    duration_minutes: u16,

    /// Ask for it with the API server's private address, for a cluster that has no public one
    #[arg(long)]
    private_address: bool,

    #[command(flatten)]
    wish: WishArgs,
}

#[derive(clap::Args, Debug)]
struct ExecArgs {
    #[command(flatten)]
    wish: WishArgs,

    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Whose credentials, and how.
#[derive(clap::Args, Debug)]
pub(crate) struct WishArgs {
    /// Source of config.toml by its name
    #[arg(long, value_name = "NAME")]
    source: Option<String>,

    /// ARN of a role to assume with what the source gives
    #[arg(long, value_name = "ARN", value_parser = RoleArn::text)]
    role_arn: Option<String>,

    /// STS host or URL [env: ALIBABA_CLOUD_STS_ENDPOINT]
    #[arg(long, value_name = "HOST")]
    sts_endpoint: Option<String>,

    /// Where credentials are kept: auto, kernel, secret-service, keychain, credential-manager, file, none [env: RRSA_CACHE]
    #[arg(long, value_name = "STORE", value_parser = mode)]
    cache: Option<Mode>,

    /// Ask anew, whatever is kept
    #[arg(long)]
    force_refresh: bool,
}

fn mode(text: &str) -> Result<Mode, String> {
    Mode::parse(text).ok_or_else(|| {
        let names: Vec<_> = Mode::ALL.iter().map(|(name, _)| *name).collect();
        format!("expected one of {}", names.join(", "))
    })
}

impl WishArgs {
    pub(crate) fn wish(&self) -> Wish {
        Wish {
            source: self.source.clone(),
            role_arn: self.role_arn.clone(),
            sts_endpoint: self.sts_endpoint.clone(),
            cache: self.cache,
            force_refresh: self.force_refresh,
            current_profile: None,
        }
    }
}

/// What a command comes to.
enum Done {
    /// A text for stdout.
    Text(Secret),
    /// A text for stdout, and an exit status.
    Told(String, u8),
    /// An exit status.
    Status(u8),
}

/// No core dump and no debugger of the same user sees the memory of this process; a command that it becomes is free of that.
#[cfg(target_os = "linux")]
fn keep_to_ourselves() {
    // What cannot be had does no harm.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

#[cfg(not(target_os = "linux"))]
fn keep_to_ourselves() {}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    keep_to_ourselves();
    let (env, files, clock) = (Env::real(), Files::real(), Clock::real());
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some(text) = hot::answer(&arguments, &env, &files, &clock) {
        return print(&text);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // kubectl shows what is on stderr as often as it tries: one line it is.
            let command = arguments.first().and_then(|word| word.to_str());
            if error.use_stderr() && matches!(command, Some("token" | "certificate" | "process")) {
                let words = error.to_string();
                let lines: Vec<_> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
                let _ = writeln!(std::io::stderr().lock(), "{}", lines.join(" "));
            } else {
                let _ = error.print();
            }
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::DONE });
        }
    };
    match run(&cli, &env, &files, &clock) {
        Ok(Done::Text(text)) => print(&text),
        Ok(Done::Told(text, code)) => {
            let written = print(&Secret::new(text));
            if code == exit::DONE { written } else { ExitCode::from(code) }
        }
        Ok(Done::Status(code)) => ExitCode::from(code),
        Err(error) => {
            // kubectl shows this line as often as it tries: one line it is.
            let one_line =
                matches!(cli.command, Command::Token(_) | Command::Certificate(_) | Command::Process(_));
            let shown = if one_line { error.on_one_line() } else { error.to_string() };
            let _ = writeln!(std::io::stderr().lock(), "{shown}");
            ExitCode::from(error.code)
        }
    }
}

fn print(text: &Secret) -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.expose().as_bytes()).and_then(|()| stdout.flush()) {
        // A reader that has gone away is no failure.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let _ = writeln!(std::io::stderr().lock(), "error: the result cannot be written: {error}");
            ExitCode::from(exit::NO_ANSWER)
        }
        _ => ExitCode::from(exit::DONE),
    }
}

/// Files that are open while the network is waited for.
const FILES: usize = 8;

/// What waits for the network; made only where something does.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    // Where too few files may be opened it would not fail but panic.
    let room = (0..FILES).map(|_| std::fs::File::open(crate::obtain::NOTHING)).collect::<Result<Vec<_>, _>>();
    let built = room.and_then(|_| tokio::runtime::Builder::new_current_thread().enable_all().build());
    built.map_err(|error| Error::new(exit::NO_ANSWER, format!("no runtime could be started: {error}")))
}

fn cluster_id(said: Option<&String>, info: &ExecInfo) -> Result<String, Error> {
    let hint = "add --cluster-id ID to the args of the kubeconfig's exec entry; kubectl rrsa status shows it";
    match said.or(info.cluster_id.as_ref()) {
        None => Err(Error::new(exit::USAGE, "no cluster was named").hint(hint)),
        Some(id) if !is_cluster_id(id) => {
            Err(Error::new(exit::USAGE, format!("{id:?} is not the id of a cluster")).hint(hint))
        }
        Some(id) => Ok(id.clone()),
    }
}

fn warned(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "warning: {}", rrsa_shared::printable::printable(line));
}

/// Runs the command. What fails in one line says nothing else.
fn run(cli: &Cli, env: &Env, files: &Files, clock: &Clock) -> Result<Done, Error> {
    if !matches!(cli.command, Command::Token(_) | Command::Certificate(_) | Command::Process(_)) {
        return carry_out(cli, env, files, clock, &mut warned);
    }
    let mut warnings = Vec::new();
    let done = carry_out(cli, env, files, clock, &mut |line| warnings.push(line.to_owned()))?;
    for line in &warnings {
        warned(line);
    }
    Ok(done)
}

fn carry_out(
    cli: &Cli,
    env: &Env,
    files: &Files,
    clock: &Clock,
    warn: &mut dyn FnMut(&str),
) -> Result<Done, Error> {
    Ok(Done::Text(match &cli.command {
        Command::Token(args) => {
            let info = ExecInfo::read(env)?;
            let cluster_id = cluster_id(args.cluster_id.as_ref(), &info)?;
            exec_credential(
                &issue::session(&args.wish.wish(), env, files, clock, warn)?.for_signing()?,
                &info,
                &cluster_id,
                clock.now(),
            )?
        }
        Command::Certificate(args) => {
            let info = ExecInfo::read(env)?;
            let cluster_id = cluster_id(args.cluster_id.as_ref(), &info)?;
            let wanted = CertificateWish {
                cluster_id,
                region: info.region.clone(),
                minutes: args.duration_minutes,
                private_address: args.private_address,
            };
            exec_certificate(&issue::certificate(&wanted, &args.wish.wish(), env, files, clock, warn)?, &info)
        }
        Command::Process(wish) => external(&issue::issue(&wish.wish(), env, files, clock, warn)?),
        Command::Exec(args) => {
            return child::run(&args.command, &issue::issue(&args.wish.wish(), env, files, clock, warn)?)
                .map(Done::Status);
        }
        Command::Serve(args) => return runtime()?.block_on(serve::run(args, env, files)).map(Done::Status),
        Command::Version => {
            Secret::new(concat!("rrsa-exec-credential ", env!("CARGO_PKG_VERSION"), "\n").to_owned())
        }
        Command::Logout(how) => Secret::new(kept::run(kept::Deed::Clear(*how), env, clock)?),
        Command::Doctor(args) => {
            let (text, code) = doctor::run(args, env, files, clock);
            return Ok(Done::Told(text, code));
        }
        Command::Cache(deed) => Secret::new(kept::run(*deed, env, clock)?),
        Command::Whoami(args) => Secret::new(whoami::run(args, env, files, clock, warn)?),
        Command::Probe(args) => {
            Secret::new(runtime()?.block_on(probe::run(args, env, files, &Net::real()))?)
        }
    }))
}
