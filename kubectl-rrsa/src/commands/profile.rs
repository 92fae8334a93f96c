//! `kubectl rrsa profile`.

use std::path::{Path, PathBuf};

use rrsa_shared::arn::RoleArn;
use rrsa_shared::env_vars;
use rrsa_shared::ports::env::Env;
use rrsa_shared::rewrite::{Entry, TextFile, put};
use rrsa_shared::source::cli_profile::is_secret_field;
use rrsa_shared::source::external;
use rrsa_shared::sts::is_region;
use serde::Serialize;
use serde_json::{Map, Value};

use super::files::{self, Doing};
use crate::cli::{Cli, Machine, Outcome};
use crate::error::{Error, exit};
use crate::helper;
use crate::shell::word;

/// Print an External profile of the Alibaba Cloud CLI and the SDKs that asks `rrsa-exec-credential`, or write it into their
/// configuration.
///
/// A profile of the same name keeps its other fields, without keys and tokens. --write shows the change as a diff and keeps a copy of
/// the file as it was; --undo puts that back.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Name of the profile
    #[arg(required_unless_present = "undo")]
    profile: Option<String>,

    /// Source of the helper's config.toml
    #[arg(long, value_name = "NAME", required_unless_present = "undo")]
    source: Option<String>,

    /// ARN of a role that the helper assumes
    #[arg(long, value_name = "ARN", value_parser = RoleArn::text)]
    role_arn: Option<String>,

    /// Region of the profile; the CLI takes none without one
    #[arg(long, value_name = "REGION")]
    region: Option<String>,

    /// Also replace a profile of another mode, whose keys are then gone
    #[arg(long)]
    replace: bool,

    /// The helper; the one that is found without it
    #[arg(long, value_name = "PATH")]
    helper: Option<PathBuf>,

    #[command(flatten)]
    doing: Doing,
}

/// The largest whole number that every program reads as it stands.
const EXACT: f64 = 9_007_199_254_740_992.0;

#[derive(Serialize)]
struct Profile<'a> {
    name: &'a str,
    mode: &'a str,
    process_command: &'a str,
    region_id: &'a str,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Prints the profile, or writes it.
///
/// # Errors
/// When the helper cannot be called from such a file, or the file cannot be changed.
pub fn run(args: &Args, _: &Cli, machine: &Machine) -> Result<Outcome, Error> {
    let path = path(&machine.env)?;
    if args.doing.undo {
        return files::undo(&path, |text| {
            taken_out(text, &path).map(|commands| format!("what was added is taken out by: {commands}"))
        });
    }
    let (Some(name), Some(source)) = (&args.profile, &args.source) else {
        return Err(Error::usage("a profile and a source are needed"));
    };
    if name.trim().is_empty() {
        return Err(Error::usage("the profile has no name").hint("kubectl rrsa profile NAME --source SOURCE"));
    }
    let open = if args.doing.write { TextFile::open_to_change } else { TextFile::open };
    let file = open(&path).map_err(files::refused)?;
    let mut others = match others(file.text(), name) {
        Ok(others) => others,
        // To be printed it needs nothing of the file.
        Err(_) if !args.doing.write && args.region.is_some() => Map::new(),
        Err(error) => {
            return Err(Error::usage(format!("{} cannot be read as JSON", path.display()))
                .caused_by(error)
                .hint(format!("mend it there, or name another file with {}", env_vars::CLI_CONFIG_FILE)));
        }
    };
    let take = |others: &mut Map<String, Value>, field: &str| match others.remove(field) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    };
    let mode = take(&mut others, "mode");
    if !mode.is_empty() && mode != "External" && !args.replace {
        return Err(Error::usage(format!("profile \"{name}\" is there already, and of mode {mode}"))
            .hint("choose another name, or add --replace"));
    }
    let region = take(&mut others, "region_id");
    let region = args.region.clone().unwrap_or(region);
    if region.is_empty() {
        return Err(Error::usage("the profile has no region").hint("add --region REGION"));
    }
    if !is_region(&region) {
        return Err(Error::usage(format!("\"{region}\" is no region"))
            .hint("write one such as cn-hangzhou with --region"));
    }
    // SDKs write secrets back into a profile that has no use for them.
    others
        .retain(|field, _| !["name", "process_command"].contains(&field.as_str()) && !is_secret_field(field));
    let is_too_long =
        |(_, value): &(&String, &Value)| value.as_f64().is_some_and(|number| number.abs() > EXACT);
    if let Some((field, _)) = others.iter().find(is_too_long) {
        return Err(Error::usage(format!(
            "field {field} of profile \"{name}\" is a number that would not be kept"
        ))
        .hint("write it as a text, or take it out"));
    }
    let command = process_command(args, source, &machine.env)?;
    let profile = Profile { name, mode: "External", process_command: &command, region_id: &region, others };
    if !args.doing.write {
        let text = serde_json::to_string_pretty(&profile)
            .map_err(|error| Error::could_not_tell("the profile cannot be written").caused_by(error))?;
        return Ok(Outcome { text: text + "\n", code: exit::HEALTHY });
    }
    let entry = Entry::new("profiles", name, &profile);
    let current = args.doing.select.then_some(("current", name.as_str()));
    // The CLI writes with tabs.
    let text = if file.text().trim().is_empty() {
        "{\n\t\"current\": \"\",\n\t\"profiles\": []\n}\n"
    } else {
        file.text()
    };
    let after = put(text, "", &[entry], current).map_err(|error| {
        Error::usage(format!("{} is left as it is", path.display()))
            .caused_by(error)
            .hint("without --write the profile is printed")
    })?;
    let goes_before = machine.env.var(env_vars::PROFILE).filter(|chosen| chosen != name);
    let next = if let (true, Some(chosen)) = (args.doing.select, goes_before) {
        format!("it is the current one: profile {name}, once {} is not {chosen} any more", env_vars::PROFILE)
    } else if args.doing.select {
        format!("the CLI uses it now: profile {name}")
    } else {
        let name = word(name);
        format!("use it with: aliyun --profile {name}, or ALIBABA_CLOUD_PROFILE={name}")
    };
    files::write(&file, &after, &next, "kubectl rrsa profile --undo")
}

/// What takes our profiles out of a file that somebody has changed since, such as an SDK that was given credentials.
fn taken_out(text: &str, path: &Path) -> Option<String> {
    let config: Value = serde_json::from_str(text).ok()?;
    let profiles = config["profiles"].as_array().into_iter().flatten();
    let ours = profiles.filter(|profile| {
        let words = profile["process_command"].as_str().and_then(external::words);
        profile["mode"] == "External" && words.is_some_and(|words| external::is_ours(&words))
    });
    let names: Vec<_> = ours.filter_map(|profile| profile["name"].as_str()).collect();
    let delete = |name: &&str| format!("aliyun configure delete --profile {}", word(name));
    let mut commands: Vec<_> = names.iter().map(delete).collect();
    if let Some(current) = config["current"].as_str().filter(|current| names.contains(current)) {
        let before = files::in_copies(path, |text| {
            let before = serde_json::from_str::<Value>(text).ok()?["current"].as_str()?.to_owned();
            let is_there = config["profiles"].as_array()?.iter().any(|profile| profile["name"] == *before);
            (before != current && is_there).then_some(before)
        });
        // Where nobody can tell which, the shell asks for it and does nothing without.
        let before = before.map_or_else(|| "\"${PROFILE:?}\"".to_owned(), |before| word(&before));
        commands.insert(0, format!("aliyun configure switch --profile {before}"));
    }
    (!names.is_empty()).then(|| commands.join(" && "))
}

/// Where the CLI's configuration is.
fn path(env: &Env) -> Result<PathBuf, Error> {
    let named = env.path(env_vars::CLI_CONFIG_FILE);
    let home = env.home().map(|home| home.join(".aliyun/config.json"));
    named.or(home).ok_or_else(|| {
        Error::usage("there is no home directory").hint(format!("set {}", env_vars::CLI_CONFIG_FILE))
    })
}

/// The fields of the profile as it is.
fn others(text: &str, name: &str) -> Result<Map<String, Value>, serde_json::Error> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    let config: Value = serde_json::from_str(text)?;
    let profiles = config["profiles"].as_array();
    let found = profiles.and_then(|all| all.iter().find(|one| one["name"] == name));
    Ok(found.and_then(Value::as_object).cloned().unwrap_or_default())
}

/// The command as clients of all ages read it: split at spaces, with nothing that would have to be quoted.
fn process_command(args: &Args, source: &str, env: &Env) -> Result<String, Error> {
    let helper = helper::command(args.helper.as_deref(), env)?;
    let mut words = vec![helper.program.replace('\\', "/")];
    words.extend(helper.first);
    words.extend(["process", "--source", source].map(str::to_owned));
    if let Some(role_arn) = &args.role_arn {
        words.extend(["--role-arn".to_owned(), role_arn.clone()]);
    }
    if source.is_empty() || source.starts_with('-') {
        return Err(Error::usage(format!("\"{source}\" is no name of a source"))
            .hint("name one of the helper's config.toml"));
    }
    match words.iter().find(|word| word.contains([' ', '\t', '"', '\'', '\\'])) {
        None => Ok(words.join(" ")),
        Some(word) => Err(Error::usage(format!("\"{word}\" cannot stand in process_command"))
            .caused_by("older clients split the command at spaces and know no quotes")
            .hint("install the helper in a folder without spaces, and name sources without spaces")),
    }
}
