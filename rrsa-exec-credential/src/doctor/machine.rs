//! This program, and the stores of this machine.

use rrsa_shared::cache::Mode;
use rrsa_shared::env_vars;
use rrsa_shared::ports::clock::Clock;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::{Files, canonical};

use super::{Finding, Mark, finding};
use crate::wish::{Places, Wish};

/// Where this program is, and whether others find it.
pub(super) fn program(env: &Env) -> Vec<Finding> {
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
pub(super) fn stores(env: &Env, places: &Places, clock: &Clock) -> Vec<Finding> {
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
