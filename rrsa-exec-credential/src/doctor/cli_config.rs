//! The configuration of the CLI: secrets that SDKs have written back, and profiles that ask for a source that is not there.

use std::path::Path;

use rrsa_shared::ports::files::Files;
use rrsa_shared::rewrite::{TextFile, edit_list, remove_members};
use rrsa_shared::source::cli_profile::is_secret_field;
use rrsa_shared::source::external;
use serde_json::Value;

use super::sources::{NAME_IT, missing_source};
use super::{Finding, Mark, finding};

/// Profiles that have no use for a key, for a command gives them one: of mode External, and chained to such a one. Some SDKs write
/// the key back into the profile that was named, others into the one with the command.
fn of_no_use(text: &str) -> Vec<String> {
    let config: Value = serde_json::from_str(text).unwrap_or_default();
    let profiles: Vec<&Value> = config["profiles"].as_array().into_iter().flatten().collect();
    let named = |name: &Value| profiles.iter().find(|profile| profile["name"] == *name).copied();
    let is_external = |profile: &&Value| {
        let mut next = *profile;
        // A chain that is no chain is longer than there are profiles.
        for _ in 0..=profiles.len() {
            match next["mode"].as_str() {
                Some("External") => return true,
                Some("ChainableRamRoleArn") => match named(&next["source_profile"]) {
                    Some(source) => next = source,
                    None => return false,
                },
                _ => return false,
            }
        }
        false
    };
    let found = profiles.iter().copied().filter(is_external);
    found.filter_map(|profile| Some(profile["name"].as_str()?.to_owned())).collect()
}

/// Secrets in External profiles, which SDKs have written there and which nothing reads.
pub(super) fn cli_configuration(
    fix: bool,
    files: &Files,
    path: &Path,
    copy_of: Option<&Path>,
) -> Vec<Finding> {
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
    let has_no_use = of_no_use(file.text());
    let clean = edit_list(file.text(), "profiles", |profiles| {
        for profile in profiles {
            let Ok(read) = serde_json::from_str::<Value>(profile.get()) else { continue };
            let fields = read.as_object().into_iter().flatten();
            let secret = fields.filter(|(name, _)| is_secret_field(name));
            let leaks = |(_, value): &(&String, &Value)| value.as_str().is_some_and(|text| !text.is_empty());
            let has_use = read["name"].as_str().is_none_or(|name| !has_no_use.iter().any(|one| one == name));
            if has_use || !secret.clone().any(|field| leaks(&field)) {
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

/// External profiles that ask this program for a source that is none.
pub(super) fn profiles_of_no_source(path: &Path, sources: &[String]) -> Vec<Finding> {
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
