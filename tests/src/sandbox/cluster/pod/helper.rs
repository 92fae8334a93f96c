//! The one program that really runs in the sandbox's pods: `rrsa-exec-credential`, as it was built beside the sandbox,
//! with the container's variables and files. STS is where the sandbox has it, unless the namespace's egress is broken.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::programs::View;
use crate::sandbox::cluster::object::{list, text};

const PROGRAM: &str = "rrsa-exec-credential";
const STS: &str = "ALIBABA_CLOUD_STS_ENDPOINT";

/// The annotation of a namespace that breaks the way out of its pods.
const EGRESS: &str = "/metadata/annotations/sandbox.rrsa~1egress";

/// What became of a container that runs the program.
pub(crate) enum Ended {
    /// It ended: what it printed, and its exit status.
    With(String, u8),
    /// It could not be started: the kubelet's reason and message.
    NotStarted(&'static str, String),
    /// It runs and does not end.
    Hangs,
}

/// Names of the containers of a pod that run the program.
pub(crate) fn containers(pod: &Value) -> Vec<String> {
    let all = list(pod, "/spec/containers").iter().chain(list(pod, "/spec/ephemeralContainers"));
    let runs = all.filter(|container| {
        let first = list(container, "/command").first().and_then(Value::as_str).unwrap_or_default();
        first.rsplit('/').next() == Some(PROGRAM)
    });
    runs.map(|container| text(container, "/name").to_owned()).collect()
}

/// Runs the program of `container`.
pub(crate) fn run(
    container: &Value,
    view: &View,
    namespace: &Value,
    surroundings: &[(String, String)],
) -> Ended {
    let image = text(container, "/image");
    if image.ends_with(":absent") {
        return Ended::NotStarted("ErrImagePull", format!("{image}: not found"));
    }
    if image.ends_with(":hang") {
        return Ended::Hangs;
    }
    let Some(program) = program() else {
        return Ended::NotStarted("ErrImagePull", format!("{PROGRAM} is not built"));
    };
    execute(&program, container, view, egress(namespace, surroundings))
        .unwrap_or_else(|error| Ended::NotStarted("RunContainerError", error.to_string()))
}

fn execute(
    program: &Path,
    container: &Value,
    view: &View,
    surroundings: Vec<(String, String)>,
) -> io::Result<Ended> {
    let root = tempfile::Builder::new().prefix("rrsa-sandbox-pod-").tempdir()?;
    let here = root.path().to_string_lossy().into_owned();
    for (path, file) in &view.files {
        let place = PathBuf::from(format!("{here}{path}"));
        if let Some(folder) = place.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&place, &file.bytes)?;
        protect(&place, file.mode)?;
    }
    let arguments = list(container, "/command").iter().skip(1).chain(list(container, "/args"));
    let mut command = Command::new(program);
    command.args(arguments.filter_map(Value::as_str)).env_clear().envs(surroundings.clone());
    let sts = surroundings.iter().find(|(name, _)| name == STS).map(|(_, value)| value.clone());
    let sts = sts.unwrap_or_default();
    // The hosts of Alibaba Cloud are where the sandbox is.
    let mut called = None;
    for (name, value) in &view.environment {
        let value = if view.files.contains_key(value) {
            format!("{here}{value}")
        } else if name == STS && value.ends_with(".aliyuncs.com") {
            called = Some(value);
            sts.clone()
        } else {
            value.clone()
        };
        command.env(name, value);
    }
    let output = command.stdin(Stdio::null()).output()?;
    let host = sts.rsplit('/').next().unwrap_or_default();
    let mut log = String::from_utf8_lossy(&output.stdout).into_owned();
    log.push_str(&String::from_utf8_lossy(&output.stderr));
    let code = output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX);
    let log = log.replace(&here, "");
    Ok(Ended::With(called.map_or(log.clone(), |called| log.replace(host, called)), code))
}

/// The program beside this one, or above it as tests are.
fn program() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let name = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
    own.ancestors().skip(1).take(2).map(|folder| folder.join(&name)).find(|path| path.is_file())
}

/// The variables that lead a container to the cloud, after what the namespace's annotation breaks.
fn egress(namespace: &Value, surroundings: &[(String, String)]) -> Vec<(String, String)> {
    let elsewhere = match text(namespace, EGRESS) {
        // Nobody listens on the first port.
        "blocked" => Some("https://127.0.0.1:1"),
        // The name is reserved and never resolves.
        "unresolved" => Some("https://sts.invalid"),
        _ => None,
    };
    let lead = |(name, value): &(String, String)| match elsewhere {
        Some(elsewhere) if name == STS => (name.clone(), elsewhere.to_owned()),
        _ => (name.clone(), value.clone()),
    };
    let wanted = [STS, "ALIBABA_CLOUD_IMDS_ENDPOINT", "RRSA_CLOUD_CA_FILE"];
    surroundings.iter().filter(|(name, _)| wanted.contains(&name.as_str())).map(lead).collect()
}

#[cfg(unix)]
fn protect(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn protect(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn containers_that_run_the_program_are_found_by_their_command() {
        let pod = json!({"spec": {
            "containers": [{"name": "app", "command": ["sleep"]}, {"name": "a", "command": ["/bin/rrsa-exec-credential"]}],
            "ephemeralContainers": [{"name": "b", "command": ["rrsa-exec-credential", "probe"]}],
        }});
        assert_eq!(containers(&pod), ["a", "b"]);
    }

    #[test]
    fn a_namespace_may_break_the_way_out() {
        let variables = [("ALIBABA_CLOUD_STS_ENDPOINT", "https://127.0.0.1:2"), ("KUBECONFIG", "x")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let sts = |namespace: Value| egress(&namespace, &variables)[0].1.clone();
        assert_eq!(sts(json!({})), "https://127.0.0.1:2");
        let broken = json!({"metadata": {"annotations": {"sandbox.rrsa/egress": "unresolved"}}});
        assert_eq!(sts(broken), "https://sts.invalid");
    }
}
