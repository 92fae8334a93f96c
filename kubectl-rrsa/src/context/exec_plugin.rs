//! A credential plugin of the kubeconfig, run once, with its own words when it fails and never with its output.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use kube::config::{AuthInfo, Cluster, ExecConfig, ExecInteractiveMode};
use rrsa_shared::ports::env::Env;
use serde::Deserialize;
use serde_json::{Value, json};

use super::kuberc;
use crate::error::Error;

/// A plugin that asks nobody anything has this long, when no --request-timeout says otherwise.
const DEADLINE: Duration = Duration::from_secs(60);
/// What kubectl itself accepts.
const VERSIONS: [&str; 2] = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];
/// How much of a failing plugin's words is repeated.
const MAX_WORDS: usize = 2000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential {
    api_version: Option<String>,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<Timestamp>,
}

/// Runs the plugin of `user`, if it has one and nothing else to log in with, and puts what it gave in its place.
pub(super) async fn log_in(
    user: &mut AuthInfo,
    cluster: &Cluster,
    env: &Env,
    now: Timestamp,
    request_timeout: Option<Duration>,
) -> Result<(), Error> {
    let Some(exec) = user.exec.take() else { return Ok(()) };
    let certificate = user.client_certificate.is_some() || user.client_certificate_data.is_some();
    if user.token.is_some() || user.token_file.is_some() || user.username.is_some() || certificate {
        return Ok(());
    }
    let command = exec.command.clone().filter(|command| !command.is_empty());
    let command = command.ok_or_else(|| Error::usage("the kubeconfig's exec plugin has no command"))?;
    let version = exec.api_version.clone().unwrap_or_default();
    if !VERSIONS.contains(&version.as_str()) {
        return Err(Error::usage(format!(
            "the exec plugin {command} is configured for API version \"{version}\""
        ))
        .hint(format!("apiVersion must be {}", VERSIONS.join(" or "))));
    }
    let resolved = look_up(&command, env);
    kuberc::allow(&command, resolved.as_ref().and_then(|path| path.to_str()), env)?;
    let Some(program) = resolved else {
        let missing = Error::usage(format!("the kubeconfig's exec plugin {command} was not found"));
        return Err(missing.hint(exec.install_hint.clone().map_or_else(
            || "install it, or put it on PATH".to_owned(),
            |hint| hint.split_whitespace().collect::<Vec<_>>().join(" "),
        )));
    };
    let stdout = run(&program, &command, &exec, &version, cluster, request_timeout).await?;
    let credential = parse(&stdout, &command)?;
    if credential.api_version.as_deref() != Some(version.as_str()) {
        let answered = credential.api_version.unwrap_or_default();
        return Err(Error::could_not_tell(format!(
            "the exec plugin {command} answered for another API version"
        ))
        .caused_by(format!("asked for {version}, got \"{answered}\"")));
    }
    let status = credential
        .status
        .ok_or_else(|| Error::could_not_tell(format!("the exec plugin {command} gave no status")))?;
    if status.expiration_timestamp.is_some_and(|expiration| expiration <= now) {
        return Err(Error::could_not_tell(format!(
            "the exec plugin {command} gave a credential that has expired"
        ))
        .hint("clear the plugin's cache, or compare this machine's clock"));
    }
    match (status.client_certificate_data, status.client_key_data) {
        (Some(certificate), Some(key)) => {
            use base64::Engine as _;
            let encode = |pem: String| base64::engine::general_purpose::STANDARD.encode(pem);
            user.client_certificate_data = Some(encode(certificate));
            user.client_key_data = Some(encode(key).into());
        }
        (None, None) if status.token.is_some() => {}
        (None, None) => {
            return Err(Error::could_not_tell(format!(
                "the exec plugin {command} gave neither token nor certificate"
            )));
        }
        _ => {
            return Err(Error::could_not_tell(format!(
                "the exec plugin {command} gave only one of certificate and key"
            )));
        }
    }
    user.token = status.token.map(Into::into);
    Ok(())
}

async fn run(
    program: &Path,
    command: &str,
    exec: &ExecConfig,
    version: &str,
    cluster: &Cluster,
    request_timeout: Option<Duration>,
) -> Result<Vec<u8>, Error> {
    let failed =
        |cause: String| Error::could_not_tell(format!("the exec plugin {command} failed")).caused_by(cause);
    let terminal = std::io::stdin().is_terminal();
    let interactive = match exec.interactive_mode {
        Some(ExecInteractiveMode::Never) => false,
        Some(ExecInteractiveMode::Always) if !terminal => {
            return Err(failed("it must talk to a person, and standard input is not a terminal".to_owned()));
        }
        Some(ExecInteractiveMode::Always | ExecInteractiveMode::IfAvailable) | None => terminal,
    };
    let mut child = tokio::process::Command::new(program);
    child
        .args(exec.args.as_deref().unwrap_or_default())
        .env("KUBERNETES_EXEC_INFO", exec_info(exec, version, cluster, interactive)?)
        .stdin(if interactive { Stdio::inherit() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(if interactive { Stdio::inherit() } else { Stdio::piped() })
        .kill_on_drop(true);
    for pair in exec.env.as_deref().unwrap_or_default() {
        if let (Some(name), Some(value)) = (pair.get("name"), pair.get("value")) {
            child.env(name, value);
        }
    }
    let ended = async {
        let child = child.spawn().map_err(|error| failed(error.to_string()))?;
        child.wait_with_output().await.map_err(|error| failed(error.to_string()))
    };
    let output = if interactive {
        ended.await?
    } else {
        let deadline = request_timeout.filter(|limit| !limit.is_zero()).unwrap_or(DEADLINE);
        tokio::time::timeout(deadline, ended).await.map_err(|_| {
            failed(format!("it did not end within {} s and was stopped", deadline.as_secs_f32()))
                .hint("run it by hand to see what it waits for")
        })??
    };
    let words = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        // A warning of a plugin that worked still belongs to the user.
        let _ = std::io::stderr().write_all(words.as_bytes());
        return Ok(output.stdout);
    }
    let words = words.trim();
    let tail = words.char_indices().rev().nth(MAX_WORDS).map_or(words, |(at, _)| &words[at..]);
    Err(failed(match (tail.is_empty(), output.status) {
        (true, status) => format!("{status}, without a word"),
        (false, status) => format!("{status}: {tail}"),
    }))
}

fn exec_info(
    exec: &ExecConfig,
    version: &str,
    cluster: &Cluster,
    interactive: bool,
) -> Result<String, Error> {
    let mut spec = json!({ "interactive": interactive });
    if exec.provide_cluster_info {
        let authority = match (&cluster.certificate_authority_data, &cluster.certificate_authority) {
            (Some(data), _) => Some(data.clone()),
            (None, Some(path)) => {
                use base64::Engine as _;
                let bytes = std::fs::read(path).map_err(|error| {
                    Error::usage(format!("the certificate authority {path} cannot be read")).caused_by(error)
                })?;
                Some(base64::engine::general_purpose::STANDARD.encode(bytes))
            }
            (None, None) => None,
        };
        let extension =
            cluster.extensions.iter().flatten().find(|e| e.name == "client.authentication.k8s.io/exec");
        let mut info = serde_json::Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                info.insert(name.to_owned(), value);
            }
        };
        put("server", cluster.server.clone().map(Value::from));
        put("tls-server-name", cluster.tls_server_name.clone().map(Value::from));
        put(
            "insecure-skip-tls-verify",
            cluster.insecure_skip_tls_verify.filter(|skip| *skip).map(Value::from),
        );
        put("certificate-authority-data", authority.map(Value::from));
        put("proxy-url", cluster.proxy_url.clone().map(Value::from));
        put("disable-compression", cluster.disable_compression.filter(|off| *off).map(Value::from));
        put("config", extension.map(|extension| extension.extension.clone()));
        spec["cluster"] = Value::Object(info);
    }
    Ok(json!({ "kind": "ExecCredential", "apiVersion": version, "spec": spec }).to_string())
}

/// JSON, or YAML as kubectl takes it too. The parser's own words may quote the output, so they are not repeated.
fn parse(stdout: &[u8], command: &str) -> Result<Credential, Error> {
    let text = std::str::from_utf8(stdout).unwrap_or_default();
    serde_json::from_str(text).ok().or_else(|| serde_saphyr::from_str(text).ok()).ok_or_else(|| {
        Error::could_not_tell(format!("the exec plugin {command} did not print an ExecCredential"))
            .caused_by(format!("{} bytes on standard output that are not one", stdout.len()))
            .hint("run it by hand; nothing but the ExecCredential may be on its standard output")
    })
}

fn look_up(command: &str, env: &Env) -> Option<PathBuf> {
    let is_file = |path: &PathBuf| path.is_file();
    if command.contains(std::path::MAIN_SEPARATOR) {
        return Some(PathBuf::from(command)).filter(is_file);
    }
    let names = if cfg!(windows) {
        vec![command.to_owned(), format!("{command}.exe")]
    } else {
        vec![command.to_owned()]
    };
    let folders = env.folders();
    let mut found = folders.iter().flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    found.find(is_file)
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    struct Plugin {
        folder: tempfile::TempDir,
        exec: ExecConfig,
    }

    impl Plugin {
        fn new(script: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("plugin");
            // Written under another name first: a file that is being written cannot be executed.
            let draft = folder.path().join("draft");
            std::fs::write(&draft, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o755)).unwrap();
            std::fs::rename(&draft, &path).unwrap();
            let exec: ExecConfig = serde_json::from_value(json!({
                "apiVersion": VERSIONS[0], "command": path, "interactiveMode": "Never"
            }))
            .unwrap();
            Self { folder, exec }
        }

        async fn log_in(&self) -> Result<AuthInfo, Error> {
            self.log_in_within(None).await
        }

        async fn log_in_within(&self, limit: Option<Duration>) -> Result<AuthInfo, Error> {
            let mut user = AuthInfo { exec: Some(self.exec.clone()), ..AuthInfo::default() };
            let cluster = Cluster { server: Some("https://api".to_owned()), ..Cluster::default() };
            let env = Env::fake([("KUBERC", "off"), ("PATH", "/usr/bin:/bin")]);
            log_in(&mut user, &cluster, &env, "2024-01-02T03:04:05Z".parse().unwrap(), limit).await?;
            Ok(user)
        }
    }

    fn answer(status: &str) -> String {
        format!(
            "echo '{{\"kind\":\"ExecCredential\",\"apiVersion\":\"{}\",\"status\":{status}}}'",
            VERSIONS[0]
        )
    }

    #[tokio::test]
    async fn a_plugin_is_run_once_and_what_it_gave_replaces_it() {
        let plugin = Plugin::new(&format!("echo x >> $(dirname $0)/runs; {}", answer(r#"{"token":"t"}"#)));
        let user = plugin.log_in().await.unwrap();
        assert!(user.exec.is_none() && user.token.is_some());
        assert_eq!(std::fs::read_to_string(plugin.folder.path().join("runs")).unwrap(), "x\n");
    }

    #[tokio::test]
    async fn the_plugin_is_told_version_interactivity_and_the_cluster_when_it_asks() {
        let mut plugin = Plugin::new(&format!(
            "printf %s \"$KUBERNETES_EXEC_INFO\" > $(dirname $0)/info; {}",
            answer(r#"{"token":"t"}"#)
        ));
        plugin.exec.provide_cluster_info = true;
        plugin.log_in().await.unwrap();
        let info: Value =
            serde_json::from_str(&std::fs::read_to_string(plugin.folder.path().join("info")).unwrap())
                .unwrap();
        assert_eq!(info["apiVersion"], VERSIONS[0]);
        assert_eq!(info["spec"]["interactive"], false);
        assert_eq!(info["spec"]["cluster"]["server"], "https://api");
    }

    #[tokio::test]
    async fn a_failing_plugin_is_heard_and_its_output_is_not_repeated() {
        let plugin = Plugin::new("echo hunter2; echo 'session ended, run corp-login' >&2; exit 3");
        let error = plugin.log_in().await.unwrap_err().to_string();
        assert!(error.contains("session ended, run corp-login") && error.contains('3'), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[tokio::test]
    async fn a_plugin_that_hangs_is_stopped() {
        let plugin = Plugin::new("sleep 600");
        let error = plugin.log_in_within(Some(Duration::from_millis(200))).await.unwrap_err().to_string();
        assert!(error.contains("did not end"), "{error}");
    }

    #[tokio::test]
    async fn what_no_plugin_may_answer_is_refused_without_being_quoted() {
        for (script, words) in [
            ("echo 'hunter2 {'".to_owned(), "did not print an ExecCredential"),
            (answer("null"), "no status"),
            (answer("{}"), "neither token nor certificate"),
            (answer(r#"{"clientKeyData":"hunter2"}"#), "only one of certificate and key"),
            (answer(r#"{"token":"hunter2","expirationTimestamp":"2024-01-02T03:04:05Z"}"#), "has expired"),
            (answer(r#"{"token":"hunter2"}"#).replace("/v1", "/v1beta1"), "another API version"),
        ] {
            let error = Plugin::new(&script).log_in().await.unwrap_err().to_string();
            assert!(error.contains(words) && !error.contains("hunter2"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_plugin_that_is_not_there_is_named_with_the_advice_of_the_kubeconfig() {
        let mut plugin = Plugin::new("");
        plugin.exec.command = Some("corp-login-plugin".to_owned());
        plugin.exec.install_hint = Some("Get it from\n  the intranet".to_owned());
        let error = plugin.log_in().await.unwrap_err();
        assert!(error.message.contains("corp-login-plugin"), "{error}");
        assert_eq!(error.hint.as_deref(), Some("Get it from the intranet"));
    }
}
