//! What could be typed next, for kubectl's own completion: it runs `kubectl_complete-rrsa` with the words so far and
//! reads lines of `value<TAB>help`, then a directive.

use clap::builder::PossibleValue;
use clap::{Arg, Command, CommandFactory as _, FromArgMatches as _};
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};
use rrsa_shared::ports::env::Env;

use crate::cli::Cli;
use crate::context::{self, KubeFlags};
use crate::subjects::KINDS;

/// Directives of cobra, which kubectl's scripts obey: no file names; no blank after the value.
const NO_FILES: u8 = 4;
const NO_SPACE: u8 = 2;
/// How many names are enough.
const ENOUGH: u32 = 500;

/// What the last word may become.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    /// One of these, with help.
    Fixed(Vec<(String, String)>),
    /// A namespace.
    Namespaces,
    /// A subject: `TYPE/` first, then its name.
    Subjects(&'static [&'static str]),
    /// A file; the shell knows them.
    Files,
    /// Nothing that can be known.
    Nothing,
}

/// The lines that kubectl reads.
pub(crate) async fn complete(words: &[String], env: &Env) -> String {
    let last = words.last().cloned().unwrap_or_default();
    let (candidates, directive) = match wanted(words) {
        Wanted::Fixed(values) => (values, NO_FILES),
        Wanted::Files => return ":0\n".to_owned(),
        Wanted::Nothing => (Vec::new(), NO_FILES),
        Wanted::Namespaces => {
            let names = names(words, env, "namespaces", false).await;
            let flag = last.split_once('=').map(|(flag, _)| format!("{flag}=")).unwrap_or_default();
            (names.into_iter().map(|name| (format!("{flag}{name}"), String::new())).collect(), NO_FILES)
        }
        Wanted::Subjects(kinds) => match last.split_once('/') {
            None => {
                let kinds = kinds.iter().map(|kind| (format!("{kind}/"), String::new()));
                (kinds.collect(), NO_FILES | NO_SPACE)
            }
            Some((kind, _)) => {
                let plural = KINDS.iter().find(|(short, ..)| *short == kind).map(|(_, plural, _)| *plural);
                let names = match plural {
                    Some(plural) => names(words, env, plural, true).await,
                    None => Vec::new(),
                };
                let subject = |name| (format!("{kind}/{name}"), String::new());
                (names.into_iter().map(subject).collect(), NO_FILES)
            }
        },
    };
    let mut shown = String::new();
    for (value, help) in candidates.into_iter().filter(|(value, _)| value.starts_with(&last)) {
        shown.push_str(&value);
        if !help.is_empty() {
            shown.push_str(&format!("\t{help}"));
        }
        shown.push('\n');
    }
    shown + &format!(":{directive}\n")
}

/// What the last of the words may become. The words begin after `kubectl rrsa`.
fn wanted(words: &[String]) -> Wanted {
    let root = Cli::command();
    let Some((last, before)) = words.split_last() else { return subcommands(&root) };
    let command = before.iter().find_map(|word| root.find_subcommand(word));
    let flags = || root.get_arguments().chain(command.iter().flat_map(|command| command.get_arguments()));
    let takes_value = |word: &&String| {
        let flag = flags().find(|flag| is(flag, word))?;
        // What takes one behind an equals sign only leaves the next word alone.
        (flag.get_action().takes_values() && !flag.is_require_equals_set()).then_some(flag)
    };
    if let Some(flag) = before.last().and_then(|word| takes_value(&word)) {
        return value_of(flag);
    }
    if let Some((name, _)) = last.split_once('=').filter(|_| last.starts_with("--")) {
        return match flags().find(|flag| is(flag, name)).map(value_of) {
            Some(Wanted::Fixed(values)) => Wanted::Fixed(
                values.into_iter().map(|(value, help)| (format!("{name}={value}"), help)).collect(),
            ),
            Some(Wanted::Namespaces) => Wanted::Namespaces,
            _ => Wanted::Nothing,
        };
    }
    if last.starts_with('-') {
        let named = flags().filter(|flag| !flag.is_hide_set());
        let shown = named.filter_map(|flag| {
            let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
            Some((format!("--{}", flag.get_long()?), help.lines().next().unwrap_or_default().to_owned()))
        });
        return Wanted::Fixed(shown.collect());
    }
    match command.map(Command::get_name) {
        None => subcommands(&root),
        Some("check" | "describe") => {
            Wanted::Subjects(&["sa", "pod", "deploy", "sts", "ds", "rs", "job", "cronjob"])
        }
        Some("trust-policy") => Wanted::Subjects(&["sa"]),
        Some("explain") => {
            let rules = crate::rules::RULES.iter().map(|rule| (rule.id.to_owned(), rule.title.to_owned()));
            Wanted::Fixed(rules.collect())
        }
        Some(_) => {
            let positional = command.and_then(|command| command.get_positionals().next());
            positional.map_or(Wanted::Nothing, value_of)
        }
    }
}

fn is(flag: &Arg, word: &str) -> bool {
    let long = word.strip_prefix("--").is_some_and(|name| flag.get_long() == Some(name));
    let mut letters = word.strip_prefix('-').unwrap_or_default().chars();
    let short = letters.next().filter(|_| letters.next().is_none());
    long || short.is_some_and(|letter| flag.get_short() == Some(letter))
}

fn value_of(flag: &Arg) -> Wanted {
    if flag.get_id() == "namespace" {
        return Wanted::Namespaces;
    }
    let value = |value: PossibleValue| {
        let help = value.get_help().map(ToString::to_string).unwrap_or_default();
        (value.get_name().to_owned(), help)
    };
    let values: Vec<_> = flag.get_possible_values().into_iter().map(value).collect();
    let is_file = flag.get_value_names().is_some_and(|names| names.iter().any(|name| *name == "FILE"));
    match (values.is_empty(), is_file) {
        (false, _) => Wanted::Fixed(values),
        (true, true) => Wanted::Files,
        (true, false) => Wanted::Nothing,
    }
}

fn subcommands(root: &Command) -> Wanted {
    let shown = root.get_subcommands().filter(|command| !command.is_hide_set());
    let about = |command: &Command| command.get_about().map(ToString::to_string).unwrap_or_default();
    Wanted::Fixed(shown.map(|command| (command.get_name().to_owned(), about(command))).collect())
}

/// Names of objects, as far as the words say which cluster and namespace; none when nobody answers in time.
async fn names(words: &[String], env: &Env, plural: &str, namespaced: bool) -> Vec<String> {
    let listed = async {
        let flags = flags(words)?;
        let kube = context::connect(&flags, env).await.ok()?;
        let (_, _, kind) = KINDS.iter().find(|(_, known, _)| *known == plural)?;
        let group = match *kind {
            "Job" | "CronJob" => "batch",
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" => "apps",
            _ => "",
        };
        let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, "v1", kind), plural);
        let api: Api<DynamicObject> = match namespaced {
            true => Api::namespaced_with(kube.client, &kube.namespace, &resource),
            false => Api::all_with(kube.client, &resource),
        };
        let list = api.list_metadata(&ListParams::default().limit(ENOUGH)).await.ok()?;
        Some(list.items.into_iter().filter_map(|item| item.metadata.name).collect())
    };
    let patience = std::time::Duration::from_secs(2);
    tokio::time::timeout(patience, listed).await.ok().flatten().unwrap_or_default()
}

/// kubectl's own options among unfinished words.
fn flags(words: &[String]) -> Option<KubeFlags> {
    let finished = words.split_last().map(|(_, before)| before).unwrap_or_default();
    // Of options before the subcommand an unfinished line tells nothing, so it goes first.
    let at = finished.iter().position(|word| Cli::command().find_subcommand(word).is_some());
    let (command, others) = match at {
        Some(at) => (Some(&finished[at]), [&finished[..at], &finished[at + 1..]].concat()),
        None => (None, finished.to_vec()),
    };
    let line = ["kubectl-rrsa"].into_iter().map(str::to_owned).chain(command.cloned()).chain(others);
    let matches = Cli::command().ignore_errors(true).try_get_matches_from(line).ok()?;
    // An option behind the subcommand is found there.
    let within = matches.subcommand().map(|(_, within)| within).unwrap_or(&matches);
    KubeFlags::from_arg_matches(within).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Wanted {
        wanted(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    fn fixed(line: &str) -> Vec<String> {
        match of(line) {
            Wanted::Fixed(values) => values.into_iter().map(|(value, _)| value).collect(),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn every_word_has_its_own_kind_of_completion() {
        assert!(fixed("").contains(&"check".to_owned()));
        assert!(fixed("-n demo ").contains(&"status".to_owned()));
        assert_eq!(of("-n d"), Wanted::Namespaces);
        assert_eq!(of("check --namespace "), Wanted::Namespaces);
        assert_eq!(of("check --namespace=d"), Wanted::Namespaces);
        assert!(matches!(of("check s"), Wanted::Subjects(kinds) if kinds.contains(&"deploy")));
        assert_eq!(of("trust-policy sa/"), Wanted::Subjects(&["sa"]));
        assert!(fixed("check -").contains(&"--live".to_owned()));
        assert!(fixed("check -").contains(&"--kubeconfig".to_owned()));
        assert!(fixed("check --live ").contains(&"ephemeral".to_owned()));
        assert!(fixed("check --live=e").contains(&"--live=exec".to_owned()));
        assert_eq!(fixed("status -o "), ["json", "yaml"]);
        assert_eq!(of("check -f "), Wanted::Files);
        assert!(fixed("completion ").contains(&"fish".to_owned()));
    }

    #[test]
    fn options_of_unfinished_words_are_read() {
        for line in [
            "check -n demo --context=c sa/",
            "-n demo --context=c check sa/",
            "-n demo check --context c sa/",
        ] {
            let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            let flags = flags(&words).unwrap();
            assert_eq!(
                (flags.namespace.as_deref(), flags.context.as_deref()),
                (Some("demo"), Some("c")),
                "{line}"
            );
        }
    }
}
