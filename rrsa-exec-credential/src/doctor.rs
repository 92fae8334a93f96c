//! `rrsa-exec-credential doctor`: whether what surrounds the helper is as it should be. Nothing but what --fix names is changed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rrsa_shared::api::{ApiClient, RetryPolicy};
use rrsa_shared::cache::{MAX_CONFIGURATION, Mode};
use rrsa_shared::env_vars;
use rrsa_shared::ports::clock::Clock;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::{Files, canonical};
use rrsa_shared::ports::http::Request;
use rrsa_shared::ports::random::Random;
use rrsa_shared::printable::printable;
use rrsa_shared::rewrite::{TextFile, copies, edit_list, remove_members};
use rrsa_shared::source::cli_profile::is_secret_field;
use rrsa_shared::source::{Config, external};
use rrsa_shared::sts::StsEndpointInputs;
use rrsa_shared::wrap::hanging;
use serde::Deserialize;
use serde_json::Value;

use crate::cli::runtime;
use crate::error::{Error, exit};
use crate::obtain::{PATIENCE, http};
use crate::wish::{Places, Wish};

/// Look at what surrounds this program: keyrings, kubeconfigs, the CLI's configuration, clock, STS
///
/// Exit codes: 0 nothing is wrong, 1 something is.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Take secrets away that SDKs have written into External profiles of the CLI's configuration
    #[arg(long)]
    fix: bool,
}

/// Seconds of difference beyond which STS refuses what is signed.
const STS_WINDOW: i64 = 15 * 60;
/// Seconds of difference that matter to nobody.
const USUAL: i64 = 60;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Good,
    Doubtful,
    Bad,
    Unknown,
}

/// What was found of one thing.
struct Finding {
    mark: Mark,
    what: &'static str,
    words: String,
    next: Option<String>,
}

fn finding(mark: Mark, what: &'static str, words: impl Into<String>) -> Finding {
    Finding { mark, what, words: words.into(), next: None }
}

impl Finding {
    fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}

/// Looks, and shows what was found; the exit code says whether something is wrong.
pub(crate) fn run(args: &Args, env: &Env, files: &Files, clock: &Clock) -> (String, u8) {
    let places = Places::of(env);
    let mut found = program(env);
    found.extend(stores(env, &places, clock));
    found.extend(Wish::unused_folder(env).map(|why| finding(Mark::Bad, "cache", why)));
    let sources = sources(files, &places);
    found.extend(kubeconfigs(env, &sources));
    for path in places.cli.iter().filter(|path| path.exists()) {
        found.extend(cli_configuration(args.fix, files, path, None));
        found.extend(profiles_of_no_source(path, &sources));
        // Where there was no file the copy says no more than that.
        let empty = |copy: &PathBuf| std::fs::metadata(copy).is_ok_and(|found| found.len() <= 1);
        for copy in copies(path).into_iter().filter(|copy| !empty(copy)) {
            found.extend(cli_configuration(args.fix, files, &copy, Some(path)));
        }
    }
    found.extend(configuration(files, &places));
    found.extend(cloud(env, files, clock));
    let mut shown = String::new();
    for Finding { mark, what, words, next } in &found {
        let mark = match mark {
            Mark::Good => "✓",
            Mark::Doubtful => "!",
            Mark::Bad => "✗",
            Mark::Unknown => "?",
        };
        let _ = writeln!(shown, "{}", hanging(&format!("{mark} {what:<11} "), 14, &printable(words)));
        if let Some(next) = next {
            let _ = writeln!(shown, "{}", hanging(&" ".repeat(14), 14, &printable(next)));
        }
    }
    let is_bad = found.iter().any(|finding| finding.mark == Mark::Bad);
    (shown, if is_bad { exit::REFUSED } else { exit::DONE })
}

/// Where this program is, and whether others find it.
fn program(env: &Env) -> Vec<Finding> {
    const WHAT: &str = "program";
    let own = std::env::current_exe().and_then(canonical);
    let Ok(own) = own else { return vec![finding(Mark::Unknown, WHAT, "where it is cannot be told")] };
    let name = own.file_name().unwrap_or_default().to_owned();
    let mut on_path = env.folders().into_iter().map(|folder| folder.join(&name));
    let version = concat!("version ", env!("CARGO_PKG_VERSION"));
    let here = format!("{}, {version}", own.display());
    vec![match on_path.find(|program| program.is_file()) {
        Some(program) if canonical(&program).ok().as_ref() == Some(&own) => {
            finding(Mark::Good, WHAT, format!("{here}, on PATH"))
        }
        Some(other) => {
            finding(Mark::Doubtful, WHAT, format!("{here}; PATH leads to another, {}", other.display()))
                .next("files that name it without a folder run that one")
        }
        None => finding(Mark::Doubtful, WHAT, format!("{here}, not on PATH"))
            .next("kubectl rrsa kubeconfig and kubectl rrsa profile write its whole path"),
    }]
}

/// Which store keeps credentials, tried by writing, reading and taking away.
fn stores(env: &Env, places: &Places, clock: &Clock) -> Vec<Finding> {
    const WHAT: &str = "cache";
    let said = env.var(env_vars::CACHE);
    let mode = match &said {
        None => Mode::Auto,
        Some(text) => match Mode::parse(text) {
            Some(mode) => mode,
            None => {
                let words = format!("{} is {text:?}, which is no store", env_vars::CACHE);
                return vec![finding(Mark::Bad, WHAT, words)];
            }
        },
    };
    let stores = Wish { cache: Some(mode), ..Wish::default() }.stores(env, places);
    let mut found = Vec::new();
    if let Some(folder) = stores.folder()
        && let Err(error) = folder.make()
    {
        found.push(finding(Mark::Bad, WHAT, error.to_string()));
    }
    let wanted = match mode {
        Mode::Auto | Mode::None => None,
        Mode::Kernel => Some("kernel keyring"),
        Mode::SecretService => Some("Secret Service"),
        Mode::Keychain => Some("Keychain"),
        Mode::CredentialManager => Some("Credential Manager"),
        Mode::File => Some("file"),
    };
    let mut chosen = None;
    for (name, outcome) in stores.probe(clock.now().as_second()) {
        let serves = match mode {
            Mode::Auto => name != "file",
            _ => wanted == Some(name),
        };
        match outcome {
            Ok(()) => {
                let uses = serves && chosen.is_none();
                if uses {
                    chosen = Some(name);
                }
                let role = if uses { "keeps credentials" } else { "works, and is not used" };
                found.push(finding(Mark::Good, WHAT, format!("{name}: {role}")));
            }
            // What nobody asked for may be missing.
            Err(error) => {
                let mark = if serves && chosen.is_none() { Mark::Doubtful } else { Mark::Unknown };
                found.push(finding(mark, WHAT, format!("{name}: {error}")));
            }
        }
    }
    match (mode, chosen) {
        (Mode::None, _) => found.push(finding(Mark::Doubtful, WHAT, "RRSA_CACHE says that nothing is kept")),
        (_, None) => found.push(
            finding(Mark::Doubtful, WHAT, "nothing keeps credentials: STS is asked on every run")
                .next("RRSA_CACHE=file keeps them in plain files of mode 0600, for those who want that"),
        ),
        (_, Some(_)) => {
            let start = clock.elapsed();
            let key = Wish::default().key(None, env, &Files::real(), places);
            let _ = stores.get(&key);
            let took = clock.elapsed().saturating_sub(start).as_micros();
            found.push(finding(Mark::Good, WHAT, format!("a look into it takes {took} µs")));
        }
    }
    found
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Kubeconfig {
    users: Vec<NamedUser>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NamedUser {
    name: String,
    user: Value,
}

/// Users of kubeconfigs that call this program.
fn kubeconfigs(env: &Env, sources: &[String]) -> Vec<Finding> {
    let listed = env.os(env_vars::KUBECONFIG);
    let paths: Vec<PathBuf> = match &listed {
        Some(list) => std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => env.home().map(|home| home.join(".kube/config")).into_iter().collect(),
    };
    paths.iter().filter(|path| path.exists()).flat_map(|path| kubeconfig(path, env, sources)).collect()
}

fn kubeconfig(path: &Path, env: &Env, sources: &[String]) -> Vec<Finding> {
    const WHAT: &str = "kubeconfig";
    let place = path.display();
    let file = match TextFile::open(path) {
        Ok(file) => file,
        Err(error) => return vec![finding(Mark::Unknown, WHAT, error.to_string()).next(error.hint())],
    };
    // The parser's own words quote the file, and the file holds credentials.
    let options = serde_saphyr::options! { with_snippet: false };
    let Ok(config) = serde_saphyr::from_str_with_options::<Kubeconfig>(file.text(), options) else {
        return vec![finding(Mark::Unknown, WHAT, format!("{place} cannot be read as one"))];
    };
    let ours: Vec<_> = config
        .users
        .iter()
        .filter(|user| external::is_ours(&external::exec_words(&user.user["exec"])))
        .collect();
    if ours.is_empty() {
        return vec![
            finding(Mark::Good, WHAT, format!("{place}: no user calls this program"))
                .next("kubectl rrsa kubeconfig --write adds one"),
        ];
    }
    let mut found = Vec::new();
    for NamedUser { name, user } in ours {
        let exec = &user["exec"];
        let anew = with_command(name, exec);
        let mut bad = |words: String, next: &str| {
            found.push(finding(Mark::Bad, WHAT, format!("{place}, user {name}: {words}")).next(next));
        };
        let others = [
            "token",
            "tokenFile",
            "client-certificate",
            "client-certificate-data",
            "username",
            "auth-provider",
        ];
        let left: Vec<_> = others.into_iter().filter(|field| !user[*field].is_null()).collect();
        if !left.is_empty() {
            let words = format!("{} stands beside exec, and kubectl takes that instead", left.join(", "));
            bad(words, "take it away: kubectl config view, then kubectl config unset users.NAME.FIELD");
        }
        let command = exec["command"].as_str().unwrap_or_default();
        if !is_there(command, path, env) {
            bad(format!("{command} is not there"), &anew);
        }
        if command.contains("/store/rrsa/") {
            let words = format!("{command} is gone after the next kubectl krew upgrade");
            bad(words, &anew);
        }
        let version = exec["apiVersion"].as_str().unwrap_or_default();
        match version.strip_prefix("client.authentication.k8s.io/") {
            Some("v1") if exec["interactiveMode"].is_null() => {
                bad("interactiveMode is missing, which v1 asks for".to_owned(), "add interactiveMode: Never");
            }
            Some("v1" | "v1beta1") => {}
            _ => bad(
                format!("apiVersion is {version:?}"),
                "kubectl takes client.authentication.k8s.io/v1 and v1beta1 only",
            ),
        }
        if let Some(source) = missing_source(&external::exec_words(exec), sources) {
            bad(format!("no source is named {source:?} in config.toml"), NAME_IT);
        }
        if let Some(wrong) = wrong_words(exec) {
            bad(wrong, "kubectl rrsa kubeconfig prints what it ought to be");
        }
        if found.is_empty() {
            found.push(finding(Mark::Good, WHAT, format!("{place}: user {name} calls this program")));
        }
    }
    found
}

/// What lets a user call this program where it is now, with the arguments that it has.
fn with_command(user: &str, exec: &Value) -> String {
    let quoted = |text: &str| format!("'{}'", printable(text).replace('\'', "'\\''"));
    let own = std::env::current_exe().and_then(canonical).unwrap_or_default();
    let place = quoted(&own.display().to_string());
    // kubectl would take the variables away, which may be secret.
    if exec["env"].as_array().is_some_and(|all| !all.is_empty()) {
        return format!("write {place} at its command");
    }
    let arguments = exec["args"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let arguments = arguments.skip_while(|word| ["rrsa", "exec-credential"].contains(word));
    let arguments: String = arguments.map(|word| format!(" --exec-arg={}", quoted(word))).collect();
    format!("kubectl config set-credentials {} --exec-command={place}{arguments}", quoted(user))
}

/// What to do where a source is missing.
const NAME_IT: &str = "write [source.NAME] with its type into config.toml, or name one that is there";

/// Names of the sources; none where there is no configuration that can be read.
fn sources(files: &Files, places: &Places) -> Vec<String> {
    let bytes = places.config.as_ref().and_then(|path| files.read_small(path, MAX_CONFIGURATION).ok());
    let config = bytes.and_then(|bytes| Config::parse(&String::from_utf8(bytes).ok()?).ok());
    config.map(|config| config.source.into_keys().collect()).unwrap_or_default()
}

/// The source that a command of ours names and that nobody has written down.
fn missing_source(words: &[String], sources: &[String]) -> Option<String> {
    let (named, _) = external::own_wish(words)?;
    named.filter(|name| !sources.contains(name))
}

/// External profiles that ask this program for a source that is none.
fn profiles_of_no_source(path: &Path, sources: &[String]) -> Vec<Finding> {
    let config: Value =
        TextFile::open(path).ok().and_then(|file| serde_json::from_str(file.text()).ok()).unwrap_or_default();
    let profiles = config["profiles"].as_array().into_iter().flatten();
    let missing = profiles.filter_map(|profile| {
        let words =
            external::words(profile["process_command"].as_str()?).filter(|all| external::is_ours(all))?;
        let source = missing_source(&words, sources)?;
        let name = profile["name"].as_str().unwrap_or_default();
        let words =
            format!("{}, profile {name}: no source is named {source:?} in config.toml", path.display());
        Some(finding(Mark::Bad, "cli config", words).next(NAME_IT))
    });
    missing.collect()
}

/// What is wrong with the arguments of an exec entry that runs this program.
fn wrong_words(exec: &Value) -> Option<String> {
    let words = exec["args"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut words = words.skip_while(|word| ["rrsa", "exec-credential"].contains(word)).peekable();
    match words.next() {
        Some("token" | "certificate") => {}
        Some(other) => {
            return Some(format!("its first argument is {other:?}, and neither token nor certificate"));
        }
        None => return Some("it has no arguments".to_owned()),
    }
    let tells_cluster = exec["provideClusterInfo"] == true;
    let names_cluster = words.any(|word| word == "--cluster-id" || word.starts_with("--cluster-id="));
    (!tells_cluster && !names_cluster).then(|| "no argument names the cluster (--cluster-id ID)".to_owned())
}

/// Whether kubectl finds a command: one with a folder is relative to the kubeconfig, another is on PATH.
fn is_there(command: &str, kubeconfig: &Path, env: &Env) -> bool {
    if command.contains(['/', '\\']) {
        return kubeconfig.parent().is_some_and(|folder| folder.join(command).is_file());
    }
    env.folders().iter().any(|folder| folder.join(command).is_file())
}

/// Secrets in External profiles, which SDKs have written there and which nothing reads.
fn cli_configuration(fix: bool, files: &Files, path: &Path, copy_of: Option<&Path>) -> Vec<Finding> {
    const WHAT: &str = "cli config";
    let (place, is_copy) = (path.display(), copy_of.is_some());
    let opened = match copy_of {
        Some(of) => TextFile::open_copy(path, of),
        None => TextFile::open(path),
    };
    let file = match opened {
        Ok(file) => file,
        Err(error) => return vec![finding(Mark::Unknown, WHAT, error.to_string()).next(error.hint())],
    };
    let mut leaking: Vec<String> = Vec::new();
    let clean = edit_list(file.text(), "profiles", |profiles| {
        for profile in profiles {
            let Ok(read) = serde_json::from_str::<Value>(profile.get()) else { continue };
            let fields = read.as_object().into_iter().flatten();
            let secret = fields.filter(|(name, _)| is_secret_field(name));
            let leaks = |(_, value): &(&String, &Value)| value.as_str().is_some_and(|text| !text.is_empty());
            if read["mode"] != "External" || !secret.clone().any(|field| leaks(&field)) {
                continue;
            }
            let secret: Vec<&str> = secret.map(|(name, _)| name.as_str()).collect();
            leaking.push(read["name"].as_str().unwrap_or_default().to_owned());
            if let Some(without) = remove_members(file.text(), profile, &secret) {
                *profile = without;
            }
        }
    });
    let Some(clean) = clean else {
        return vec![finding(Mark::Unknown, WHAT, format!("{place} is not the JSON of the CLI"))];
    };
    let mut found = Vec::new();
    if let Ok(Some(mode)) = files.mode(path)
        && let Some(bits) = mode.split(' ').next()
        && !bits.ends_with("00")
    {
        found.push(
            finding(Mark::Doubtful, WHAT, format!("{place} is readable by others (mode {bits})"))
                .next(format!("chmod 600 {place}")),
        );
    }
    if leaking.is_empty() && is_copy {
        return found;
    }
    if leaking.is_empty() {
        found.push(finding(Mark::Good, WHAT, format!("{place}: no secret in an External profile")));
        return found;
    }
    let names = leaking.join(", ");
    if !fix {
        let of = if is_copy { ", which is the copy that --undo would put back" } else { "" };
        let words = format!(
            "{place}{of}: an SDK has written the credentials that it was given into profile {names}, in plain text; nothing reads them there"
        );
        found.push(finding(Mark::Bad, WHAT, words).next(
            "rrsa-exec-credential doctor --fix takes them away; exec and serve hand credentials out without that",
        ));
        return found;
    }
    found.push(match file.overwrite(&clean) {
        Ok(()) => finding(Mark::Good, WHAT, format!("{place}: taken out of profile {names}")),
        Err(error) => finding(Mark::Bad, WHAT, error.to_string()).next(error.hint()),
    });
    found
}

/// Our own configuration.
fn configuration(files: &Files, places: &Places) -> Option<Finding> {
    const WHAT: &str = "config.toml";
    let path = places.config.as_ref()?;
    let place = path.display();
    let bytes = match files.read_small(path, MAX_CONFIGURATION) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => return Some(finding(Mark::Bad, WHAT, format!("{place}: {error}"))),
        Ok(bytes) => bytes,
    };
    let config = match String::from_utf8(bytes).map_err(|_| "it is not text".to_owned()) {
        Ok(text) => Config::parse(&text).map_err(|error| error.to_string()),
        Err(why) => Err(why),
    };
    Some(match config {
        Err(why) => finding(Mark::Bad, WHAT, format!("{place}: {why}")),
        Ok(config) => match files.exposed(path).filter(|_| config.runs_commands()) {
            Some(why) => {
                finding(Mark::Bad, WHAT, format!("{place} names a command, and is not listened to: {why}"))
            }
            None => {
                let names: Vec<_> = config.source.keys().map(String::as_str).collect();
                finding(Mark::Good, WHAT, format!("{place}: sources {}", names.join(", ")))
            }
        },
    })
}

/// The way to STS, and its clock beside ours.
fn cloud(env: &Env, files: &Files, clock: &Clock) -> Vec<Finding> {
    const WHAT: &str = "sts";
    let client = || {
        let chosen = StsEndpointInputs::read(env, None)
            .choose()
            .map_err(|error| Error::new(exit::USAGE, format!("the endpoint cannot be decided: {error}")))?;
        Ok::<_, Error>(ApiClient {
            endpoint: chosen.endpoint,
            http: http(env, files)?,
            clock: clock.clone(),
            random: Random::real(),
            retry: RetryPolicy { deadline: PATIENCE, ..RetryPolicy::default() },
        })
    };
    let (sts, runtime) = match client().and_then(|client| Ok((client, runtime()?))) {
        Ok(both) => both,
        Err(error) => return vec![finding(Mark::Bad, WHAT, error.message)],
    };
    // Whatever it answers: it is there, and tells its time.
    let ask = sts.call(|_| Request::get(sts.endpoint.url("/")), |_| Ok(()));
    let asked = match runtime.block_on(async { tokio::time::timeout(PATIENCE, ask).await }) {
        Ok(asked) => asked,
        Err(_) => {
            let words = format!("{} does not answer within {} s", sts.endpoint.host(), PATIENCE.as_secs());
            return vec![finding(Mark::Unknown, WHAT, words)];
        }
    };
    let host = sts.endpoint.host();
    let Some(offset) = asked.clock_offset else {
        let words = match asked.result {
            Err(error) => format!("{host}: {error}"),
            Ok(()) => format!("{host} answers without telling its time"),
        };
        return vec![finding(Mark::Unknown, WHAT, words)];
    };
    let answers = finding(Mark::Good, WHAT, format!("{host} answers in {} ms", asked.took.as_millis()));
    let words = match offset {
        0 => "this machine's clock is that of STS".to_owned(),
        1.. => format!("this machine's clock is {offset} s behind that of STS"),
        _ => format!("this machine's clock is {} s ahead of that of STS", -offset),
    };
    let clocks =
        match offset.abs() {
            0..=USUAL => finding(Mark::Good, "clock", words),
            seconds if seconds < STS_WINDOW => finding(Mark::Doubtful, "clock", words)
                .next("set the clock: sessions end early or late by that"),
            _ => finding(Mark::Bad, "clock", words)
                .next("set the clock: STS refuses what is signed with this one"),
        };
    vec![answers, clocks]
}
