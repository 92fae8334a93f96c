//! `config.toml`, and the names of sources in it.

use std::path::PathBuf;

use rrsa_shared::cache::MAX_CONFIGURATION;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::{Files, canonical};
use rrsa_shared::source::{Config, Spec, external};

use super::{Finding, Mark, finding};
use crate::wish::Places;

/// What to do where a source is missing.
pub(super) const NAME_IT: &str =
    "write [source.NAME] with its type into config.toml, or name one that is there";

/// Names of the sources; none where there is no configuration that can be read.
pub(super) fn sources(files: &Files, places: &Places) -> Vec<String> {
    read(files, places).map(|config| config.source.into_keys().collect()).unwrap_or_default()
}

/// Files of the CLI's configuration: the one that a variable names, the usual one, which some clients read whatever that says, and
/// those that sources name.
pub(super) fn cli_files(env: &Env, files: &Files, places: &Places) -> Vec<PathBuf> {
    let usual = env.home().map(|home| home.join(".aliyun/config.json"));
    let mut found: Vec<PathBuf> = places.cli.iter().cloned().chain(usual).collect();
    let config = read(files, places);
    found.extend(config.iter().flat_map(|config| config.source.values()).filter_map(|spec| match spec {
        Spec::CliProfile { file, .. } => file.as_ref().map(PathBuf::from),
        _ => None,
    }));
    let mut seen = Vec::new();
    found.retain(|path| {
        let whole = canonical(path).unwrap_or_else(|_| path.clone());
        let is_new = !seen.contains(&whole);
        seen.push(whole);
        is_new
    });
    found
}

fn read(files: &Files, places: &Places) -> Option<Config> {
    let bytes = places.config.as_ref().and_then(|path| files.read_small(path, MAX_CONFIGURATION).ok())?;
    Config::parse(&String::from_utf8(bytes).ok()?).ok()
}

/// The source that a command of ours names and that nobody has written down.
pub(super) fn missing_source(words: &[String], sources: &[String]) -> Option<String> {
    let (named, _) = external::own_wish(words)?;
    named.filter(|name| !sources.contains(name))
}

/// Our own configuration.
pub(super) fn configuration(files: &Files, places: &Places) -> Option<Finding> {
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
