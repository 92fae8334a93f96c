//! Kubeconfigs that call the helper, and leftovers in them.

use std::path::{Path, PathBuf};

use rrsa_shared::env_vars;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::canonical;
use rrsa_shared::printable::printable;
use rrsa_shared::rewrite::TextFile;
use rrsa_shared::source::external;
use serde::Deserialize;
use serde_json::Value;

use super::sources::{NAME_IT, missing_source};
use super::{Finding, Mark, finding};

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
pub(super) fn kubeconfigs(env: &Env, sources: &[String]) -> Vec<Finding> {
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
