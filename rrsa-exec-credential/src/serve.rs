//! `rrsa-exec-credential serve`: an address on this machine that hands out credentials, for clients that read
//! `ALIBABA_CLOUD_CREDENTIALS_URI`. Its path is a secret that only one command, or the reader of one file, learns.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use rrsa_shared::cache::{MAX_CONFIGURATION, Witness};
use rrsa_shared::env_vars;
use rrsa_shared::inherited::{OwnersMask, outlive_limits};
use rrsa_shared::ports::clock::Clock;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::Files;
use rrsa_shared::ports::random::Random;
use rrsa_shared::printable::printable;
use rrsa_shared::secret::Secret;
use rrsa_shared::sign::date;
use rrsa_shared::source::cli_profile;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::cli::WishArgs;
use crate::error::{Error, exit};
use crate::issue::Fetched;
use crate::obtain::NOTHING;
use crate::output::Issued;
use crate::signals::{Signals, attended, ended, orphaned};
use crate::wish::{Places, Wish};
use crate::{child, issue};

/// Seconds that a session is to have left, or a fifth of its life, so that nobody is asked for another.
const FRESH: i64 = 120;
/// How long another is waited for while the one at hand still works.
const HURRIED: Duration = Duration::from_secs(3);
/// Seconds that it is to have left to be handed out at all.
const USABLE: i64 = 60;
/// A client that says nothing for so long is let go.
const SILENCE: Duration = Duration::from_secs(5);

/// Hand out credentials at an address of this machine, refreshed as they end, while a command runs or until SIGTERM
#[derive(clap::Args, Debug)]
#[command(
    override_usage = "rrsa-exec-credential serve [OPTIONS] -- CMD...\n       rrsa-exec-credential serve [OPTIONS] --uri-file FILE"
)]
pub(crate) struct Args {
    #[command(flatten)]
    wish: WishArgs,

    /// Write the address to this new file (mode 0600), which goes away at the end
    #[arg(long, value_name = "FILE", conflicts_with = "command", required_unless_present = "command")]
    uri_file: Option<PathBuf>,

    /// The command that gets the address in ALIBABA_CLOUD_CREDENTIALS_URI
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Who may ask, and what is answered.
struct Desk {
    /// What was fetched last and when, Unix seconds: where no store keeps it nobody else does.
    held: Mutex<Option<(Fetched, i64)>>,
    /// Profile that was the CLI's current one at the start, where credentials are of it.
    profile: OnceLock<String>,
    /// What was warned of last, until a session comes again.
    warned: Mutex<Option<String>>,
    /// The right to ask for another.
    turn: Arc<tokio::sync::Mutex<()>>,
    wish: Wish,
    env: Env,
    files: Files,
    path: Secret,
    /// This machine by its names, with the port and, as some clients write it, without.
    hosts: [String; 4],
}

/// Serves until the command ends, the parent is gone, or a signal comes.
///
/// # Errors
/// No credentials at the start, no port, a file that is there already.
pub(crate) async fn run(args: &Args, env: &Env, files: &Files) -> Result<u8, Error> {
    let (wish, path) = (args.wish.wish(), Random::secret());
    let profiles = Places::of(env).cli.and_then(|file| files.read_small(&file, MAX_CONFIGURATION).ok());
    let current = profiles.and_then(|bytes| cli_profile::current(&bytes));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.map_err(|error| Error::new(exit::NO_ANSWER, format!("no port: {error}")))?;
    let port = listener.local_addr().map_or(0, |address| address.port());
    let uri = Secret::new(format!("http://127.0.0.1:{port}/{}", path.expose()));
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let [one, other] = names.clone().map(|name| format!("{name}:{port}"));
    let [address, name] = names;
    let hosts = [one, other, address, name];
    let desk = Arc::new(Desk {
        held: Mutex::default(),
        profile: OnceLock::new(),
        warned: Mutex::default(),
        turn: Arc::default(),
        wish,
        env: env.clone(),
        files: files.clone(),
        path,
        hosts,
    });
    // What cannot be handed out is better said now than to a client that hides it.
    let first = desk.first(current).await?;
    answer(&first).ok_or_else(|| {
        Error::new(
            exit::REFUSED,
            "the source does not say when its key ends, and clients take none such from an address",
        )
        .hint("assume a role with it: --role-arn ARN")
    })?;
    let serving = serve(listener, desk);
    match &args.uri_file {
        None => with_command(&args.command, &uri, env, serving).await,
        Some(file) => {
            write_new(file, &uri)?;
            tokio::select! {
                () = serving => {}
                () = ended() => {}
                () = orphaned() => {}
            }
            // What somebody has put in its place is theirs.
            if std::fs::read(file).is_ok_and(|told| told.trim_ascii_end() != uri.expose().as_bytes()) {
                return Ok(exit::DONE);
            }
            std::fs::remove_file(file)
                .map_err(|error| Error::new(exit::NO_ANSWER, format!("{} stays: {error}", file.display())))?;
            Ok(exit::DONE)
        }
    }
}

async fn with_command(
    command: &[OsString],
    uri: &Secret,
    env: &Env,
    serving: impl Future<Output = ()>,
) -> Result<u8, Error> {
    let [program, arguments @ ..] = command else {
        return Err(Error::new(exit::USAGE, "neither a command nor --uri-file was named"));
    };
    let mut spawned = Command::new(program);
    spawned.args(arguments).env(env_vars::CREDENTIALS_URI, uri.expose());
    for name in child::CONFLICTING.iter().filter(|name| **name != env_vars::CREDENTIALS_URI) {
        spawned.env_remove(name);
    }
    // The address is the last that a client's chain asks: whatever comes before it is out of its way.
    spawned.env_remove(env_vars::ECS_METADATA).envs([
        (env_vars::CLI_PROFILE_DISABLED, "true"),
        (env_vars::ECS_METADATA_DISABLED, "true"),
        (env_vars::CREDENTIALS_FILE, NOTHING),
        (env_vars::IGNORE_PROFILE, "TRUE"),
    ]);
    // No proxy is to learn the address, nor could it reach it. Some clients read the proxy of plain http and not what goes past
    // it.
    for name in ["HTTP_PROXY", "http_proxy"] {
        spawned.env_remove(name);
    }
    spawned.envs(past_proxies(env));
    // Before there is a command: from then on signals are its own to judge.
    let signals = Signals::heard()?;
    let mut spawned = spawned.spawn().map_err(|error| child::cannot(program, &error))?;
    tokio::select! {
        () = serving => Ok(exit::NO_ANSWER),
        status = attended(&mut spawned, signals) => status,
    }
}

/// What keeps a client from asking a proxy for this machine, where it is told of one.
fn past_proxies(env: &Env) -> Vec<(&'static str, String)> {
    const PROXIES: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    const PAST: [&str; 2] = ["no_proxy", "NO_PROXY"];
    if PROXIES.iter().all(|name| env.var(name).is_none()) {
        return Vec::new();
    }
    let said = PAST.iter().find_map(|name| env.var(name)).unwrap_or_default();
    // A star is everything by itself only.
    let is_past = said.split(',').map(str::trim).any(|host| ["*", "127.0.0.1"].contains(&host));
    let past = match said.is_empty() {
        true => "127.0.0.1".to_owned(),
        false if is_past => said,
        false => format!("{said},127.0.0.1"),
    };
    PAST.iter().map(|name| (*name, past.clone())).collect()
}

fn write_new(file: &Path, uri: &Secret) -> Result<(), Error> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    outlive_limits();
    let _mask = OwnersMask::set();
    let written = options.open(file).and_then(|mut opened| {
        // Half an address is none.
        opened.write_all(uri.expose().as_bytes()).inspect_err(|_| drop(std::fs::remove_file(file)))
    });
    written.map_err(|error| {
        let shown = Error::new(exit::USAGE, format!("{} cannot be written: {error}", file.display()));
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => shown.hint(
                "name a file that is not there yet, or take this one away if nobody serves there any more",
            ),
            _ => shown.hint("name a file in a folder where you can write"),
        }
    })
}

async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Out of files, for a moment.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        tokio::spawn(attend(stream, desk.clone()));
    }
}

async fn attend(stream: TcpStream, desk: Arc<Desk>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let desk = desk.clone();
        async move { Ok::<_, Infallible>(desk.reply(&request).await) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(SILENCE).keep_alive(false);
    // A client that breaks off is nobody's trouble.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

impl Desk {
    async fn reply(self: &Arc<Self>, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        // A page of some browser reaches this port under a name of its own.
        if !self.hosts.iter().any(|known| known == host) {
            return response(StatusCode::FORBIDDEN, &json!({"Code": "Forbidden"}));
        }
        let path = request.uri().path().strip_prefix('/').unwrap_or_default();
        if request.method() != Method::GET || !same(path, self.path.expose()) {
            return response(StatusCode::NOT_FOUND, &json!({"Code": "NotFound"}));
        }
        match self.issue().await {
            Ok(issued) => match answer(&issued) {
                Some(answer) => response(StatusCode::OK, &answer),
                None => response(StatusCode::INTERNAL_SERVER_ERROR, &json!({"Code": "NoSession"})),
            },
            Err(error) => {
                let _ = writeln!(std::io::stderr().lock(), "{}", error.on_one_line());
                let message = printable(&error.message);
                response(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    &json!({"Code": "NoCredentials", "Message": message}),
                )
            }
        }
    }

    /// Credentials at the start, from a source that will have more.
    async fn first(self: &Arc<Self>, current: Option<String>) -> Result<Issued, Error> {
        let fetched = self.session().await?;
        // Who switches profiles in another terminal means what begins there: what runs here goes on as who it began as.
        if let Some(current) = current.filter(|_| fetched.witnesses.iter().any(Witness::is_of_profiles)) {
            let _ = self.profile.set(current);
        }
        // A clock that is off keeps nothing, and serves all the same.
        if !fetched.is_lasting && fetched.clock_offset.is_none() {
            let message = "a token that is written to stdin is gone when the next session is asked for";
            let hint =
                "name a file, a variable or a command that has it: token-file, token-env, token-command";
            return Err(Error::new(exit::USAGE, message).hint(hint));
        }
        fetched.issued()
    }

    async fn issue(self: &Arc<Self>) -> Result<Issued, Error> {
        self.session().await?.issued()
    }

    /// The session that is held while it is fresh. One that is only usable is asked for anew by one request at a time, for a
    /// while; the others are served what is held.
    async fn session(self: &Arc<Self>) -> Result<Fetched, Error> {
        let now = Clock::real().now().as_second();
        let left = |(fetched, _): &(Fetched, i64)| fetched.expires.map_or(0, |expires| expires - now);
        let is_fresh = |one: &(Fetched, i64)| {
            let life = one.0.expires.map_or(0, |expires| expires - one.1);
            left(one) > FRESH.max(life / 5)
        };
        let held = || self.held.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let at_hand = held().filter(|one| left(one) > USABLE);
        let turn = match &at_hand {
            Some(one) if is_fresh(one) => return Ok(one.0.clone()),
            Some(one) => match self.turn.clone().try_lock_owned() {
                Ok(turn) => turn,
                Err(_) => return Ok(one.0.clone()),
            },
            None => self.turn.clone().lock_owned().await,
        };
        // Whoever had the turn before may have brought it.
        if let Some((fetched, _)) = held().filter(|one| is_fresh(one)) {
            return Ok(fetched);
        }
        let desk = self.clone();
        // Whoever waits no longer leaves it to bring what it brings.
        let asked = tokio::spawn(async move {
            let asked = desk.fetch().await;
            if let Ok(fetched) = &asked {
                let brought = Some((fetched.clone(), now));
                let before = std::mem::replace(
                    &mut *desk.held.lock().unwrap_or_else(PoisonError::into_inner),
                    brought,
                );
                // It may be the one that was there, which is said with a warning.
                if before.is_none_or(|(before, _)| before.expires != fetched.expires) {
                    *desk.warned.lock().unwrap_or_else(PoisonError::into_inner) = None;
                }
            }
            drop(turn);
            asked
        });
        let lost = |_| Err(Error::new(exit::NO_ANSWER, "the source ended without an answer"));
        let Some((at_hand, _)) = at_hand else { return asked.await.unwrap_or_else(lost) };
        let late =
            |_| Ok(Err(Error::new(exit::NO_ANSWER, format!("no credentials after {} s", HURRIED.as_secs()))));
        let asked = tokio::time::timeout(HURRIED, asked).await.unwrap_or_else(late);
        asked.unwrap_or_else(lost).or_else(|error| {
            let line =
                format!("{}; the credentials at hand serve until a minute before they end", error.message);
            self.warn(&line);
            Ok(at_hand)
        })
    }

    /// Says once what many requests meet, however long ago it was.
    fn warn(&self, line: &str) {
        let steady: String = line.chars().filter(|c| !c.is_ascii_digit()).collect();
        let steady = steady.replace(" (said  s ago)", "");
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.as_ref() != Some(&steady) {
            let _ = writeln!(std::io::stderr().lock(), "warning: {}", printable(line));
            *warned = Some(steady);
        }
    }

    /// A session from the cache or its source, beside the runtime that serves.
    async fn fetch(self: &Arc<Self>) -> Result<Fetched, Error> {
        let desk = self.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let wish = Wish { current_profile: desk.profile.get().cloned(), ..desk.wish.clone() };
            issue::session(&wish, &desk.env, &desk.files, &Clock::real(), &mut |line| desk.warn(line))
        });
        asked.await.unwrap_or_else(|_| Err(Error::new(exit::NO_ANSWER, "the source ended without an answer")))
    }
}

/// The credentials in the words of the address; `None` for a key without end.
fn answer(issued: &Issued) -> Option<Value> {
    let token = issued.key.security_token.as_ref()?;
    let expiration = Timestamp::from_second(issued.expires?).ok()?;
    Some(json!({
        "Code": "Success",
        "AccessKeyId": issued.key.id,
        "AccessKeySecret": issued.key.secret.expose(),
        "SecurityToken": token.expose(),
        "Expiration": date(expiration),
    }))
}

fn response(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Compares without telling by its time how much was right.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_path_is_the_path() {
        assert!(same("abc", "abc"));
        for other in ["", "ab", "abd", "abcd"] {
            assert!(!same(other, "abc"), "{other}");
        }
    }
}
