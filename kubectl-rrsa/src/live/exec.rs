//! Reads RRSA's variables and token in a running container, with programs that most images have.

use std::time::Duration;

use futures_util::future::{join, join_all};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, AttachParams};
use kube::client::UpgradeConnectionError;
use rrsa_shared::env_vars::{self, JAVA_OPTIONS, NOTICED, STATIC_KEY_ALIASES};
use rrsa_shared::secret::Secret;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::collect::why_not;
use crate::facts::{EnvFact, PodFacts, RRSA_ENV, SHOWN_ENV, Seen, TokenFile, names_key_to_java};

/// More than any token; what a program prints beyond it is not read.
const MAX_OUTPUT: u64 = 64 * 1024;
/// Time for one program to run to its end.
const DEADLINE: Duration = Duration::from_secs(20);

/// What was read in a container.
#[derive(Debug)]
pub struct Container {
    /// Name.
    pub name: String,
    /// RRSA's variables as the container's processes see them.
    pub env: Vec<(&'static str, EnvFact)>,
    /// The file the token is in.
    pub file: TokenFile,
    /// What the file holds.
    pub text: Result<Secret, FileError>,
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileError {
    /// It does not exist.
    Missing,
    /// It may not be read: `cat`'s own words.
    Denied(String),
    /// The program could not be run there: why.
    NoWay(String),
}

/// The environment of a container that takes some of it from elsewhere.
#[derive(Debug)]
pub struct Environment {
    /// Name of the container.
    pub container: String,
    /// The variables that decide whom it acts as, and by which way; of most no more than that they are there.
    pub env: Vec<(String, EnvFact)>,
    /// See [`ContainerFacts::java_key`](crate::facts::ContainerFacts::java_key).
    pub java_key: Option<&'static str>,
}

/// Asks the running app containers that take variables from elsewhere for what these are. Those that cannot say are left out.
pub async fn environments(client: &Client, namespace: &str, pod: &PodFacts) -> Vec<Environment> {
    let unread = pod.app_containers().filter(|container| container.takes_from_elsewhere());
    let read = unread.map(async |container| {
        let (pods, name) = (Api::namespaced(client.clone(), namespace), container.name.as_str());
        let shell = Shell { pods, pod: &pod.name, container: name };
        let keys = join_all(STATIC_KEY_ALIASES.iter().map(|name| shell.is_set(name))).await;
        let keys: Option<Vec<bool>> = keys.into_iter().collect();
        let noticed = join_all(NOTICED.map(async |name| (name, shell.is_set(name).await))).await;
        let java = shell.variable(JAVA_OPTIONS).await;
        let names_key =
            |fact: &EnvFact| matches!(fact, EnvFact::Value(options) if names_key_to_java(options));
        let java_key = java.as_ref().is_some_and(|(_, fact)| names_key(fact)).then_some(JAVA_OPTIONS);
        let noticed =
            noticed.into_iter().filter(|(_, is_set)| *is_set == Some(true)).map(|(name, _)| name.to_owned());
        let noticed = noticed.chain(java.map(|(name, _)| name.to_owned())).map(|name| (name, EnvFact::Set));
        let shown = join_all(SHOWN_ENV.map(|name| shell.variable(name))).await;
        let ids: Vec<_> =
            STATIC_KEY_ALIASES.iter().zip(keys?).filter_map(|(name, set)| set.then_some(*name)).collect();
        let secrets = ids.iter().map(|id| env_vars::secret_of(id));
        let secrets = join_all(secrets.map(async |name| shell.is_there(&name).await.then_some(name))).await;
        let set = ids.iter().map(|id| (*id).to_owned()).chain(secrets.into_iter().flatten());
        let set = set.map(|name| (name, EnvFact::Set));
        let shown = shown.into_iter().flatten().map(|(name, fact)| (name.to_owned(), fact));
        let env = shown.chain(set).chain(noticed).collect();
        Some(Environment { container: name.to_owned(), env, java_key })
    });
    join_all(read).await.into_iter().flatten().collect()
}

/// Reads the token of `container`, or of the first app container that has one of RRSA's variables.
///
/// # Errors
/// Why there is nothing to read.
pub async fn read_pod(
    client: &Client,
    namespace: &str,
    pod: &PodFacts,
    container: Option<&str>,
) -> Result<Container, String> {
    let chosen = match container {
        Some(name) => pod.containers.iter().find(|c| c.name == name).ok_or_else(|| {
            let names: Vec<_> = pod.containers.iter().map(|c| c.name.as_str()).collect();
            format!("pod {} has no container {name}; it has {}", pod.name, names.join(", "))
        })?,
        None => pod
            .app_containers()
            .find(|c| c.has_rrsa_env())
            .or_else(|| pod.app_containers().find(|c| c.takes_from_elsewhere()))
            .or_else(|| pod.acting_containers().find(|c| c.has_rrsa_env()))
            .ok_or_else(|| format!("no container of pod {} has any of RRSA's variables", pod.name))?,
    };
    if let Some(phase) = pod.phase.as_deref().filter(|phase| *phase != "Running") {
        return Err(format!("pod {} is {phase}, not Running", pod.name));
    }
    let shell =
        Shell { pods: Api::namespaced(client.clone(), namespace), pod: &pod.name, container: &chosen.name };
    let env: Vec<_> =
        join_all(RRSA_ENV.map(|name| shell.variable(name))).await.into_iter().flatten().collect();
    let seen_live = env.iter().find_map(|(name, fact)| match fact {
        EnvFact::Value(value) if *name == env_vars::OIDC_TOKEN_FILE => Some(value.clone()),
        _ => None,
    });
    let path = seen_live
        .or_else(|| chosen.value(env_vars::OIDC_TOKEN_FILE).map(str::to_owned))
        .ok_or_else(|| format!("{} is not set in container {}", env_vars::OIDC_TOKEN_FILE, chosen.name))?;
    let (text, mode) = join(shell.cat(&path), shell.mode(&path)).await;
    Ok(Container { name: chosen.name.clone(), env, file: TokenFile { path, mode }, text })
}

struct Shell<'a> {
    pods: Api<Pod>,
    pod: &'a str,
    container: &'a str,
}

/// What a program did.
struct Output {
    stdout: Secret,
    stderr: String,
    success: bool,
}

impl Shell<'_> {
    /// One variable; nothing when it is unset, or when there is no way to ask.
    async fn variable(&self, name: &'static str) -> Option<(&'static str, EnvFact)> {
        let output = self.run(&["printenv", name]).await.ok().filter(|output| output.success)?;
        // The one that printenv adds; another is the value's own.
        let value = output.stdout.expose();
        let value = value.strip_suffix('\n').unwrap_or(value).to_owned();
        (!value.is_empty()).then_some((name, EnvFact::Value(value)))
    }

    /// Whether a variable is set and not empty; nothing when there is no way to ask. What it holds is dropped.
    async fn is_set(&self, name: &str) -> Option<bool> {
        let output = self.run(&["printenv", name]).await.ok()?;
        Some(output.success && !output.stdout.expose().trim().is_empty())
    }

    /// Whether a variable is there, as far as can be told; what it holds does not leave the container.
    async fn is_there(&self, name: &str) -> bool {
        let asked = self.timely(&["printenv", name], |parameters| parameters.stdout(false)).await;
        asked.map_or(true, |output| output.success)
    }

    async fn cat(&self, path: &str) -> Result<Secret, FileError> {
        // Where there is no cat there may still be head.
        let limit = MAX_OUTPUT.to_string();
        let output = match self.run(&["cat", path]).await {
            Ok(output) => output,
            Err(why) => self.run(&["head", "-c", &limit, path]).await.map_err(|_| FileError::NoWay(why))?,
        };
        if output.success {
            return Ok(output.stdout);
        }
        let words = output.stderr.trim().to_owned();
        if words.contains("No such file") {
            Err(FileError::Missing)
        } else if words.contains("Permission denied") {
            Err(FileError::Denied(words))
        } else {
            Err(FileError::NoWay(words))
        }
    }

    async fn mode(&self, path: &str) -> Seen<String> {
        match self.run(&["stat", "-L", "-c", "%a %u:%g", path]).await {
            Ok(output) if output.success => Seen::known(
                output.stdout.expose().trim().to_owned(),
                format!("stat in container {}", self.container),
            ),
            Ok(output) => Seen::unknown(output.stderr.trim()),
            Err(why) => Seen::unknown(why),
        }
    }

    async fn run(&self, argv: &[&str]) -> Result<Output, String> {
        self.timely(argv, |parameters| parameters).await
    }

    async fn timely(
        &self,
        argv: &[&str],
        how: impl FnOnce(AttachParams) -> AttachParams,
    ) -> Result<Output, String> {
        tokio::time::timeout(DEADLINE, self.exec(argv, how))
            .await
            .unwrap_or_else(|_| Err(format!("{} did not end within {} s", argv[0], DEADLINE.as_secs())))
    }

    async fn exec(
        &self,
        argv: &[&str],
        how: impl FnOnce(AttachParams) -> AttachParams,
    ) -> Result<Output, String> {
        let namespace = self.pods.namespace().unwrap_or_default();
        let parameters =
            how(AttachParams::default().stdin(false).stdout(true).stderr(true).container(self.container));
        let mut process = self.pods.exec(self.pod, argv.iter().copied(), &parameters).await.map_err(
            |error| match error {
                kube::Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(status))
                    if status == 403 =>
                {
                    format!("forbidden: needs create and get pods/exec in {namespace}")
                }
                kube::Error::UpgradeConnection(refused) => {
                    format!("the API server refused exec ({refused}); needs create and get pods/exec in {namespace}")
                }
                other => why_not(&other, &format!("create and get pods/exec in {namespace}")),
            },
        )?;
        let (stdout, stderr, status) = (process.stdout(), process.stderr(), process.take_status());
        let (stdout, stderr) = join(read(stdout), read(stderr)).await;
        let status = match status {
            Some(status) => status.await,
            None => None,
        };
        let status = status.ok_or_else(|| format!("{} ended without a status", argv[0]))?;
        let success = status.status.as_deref() == Some("Success");
        if !success && status.reason.as_deref() != Some("NonZeroExitCode") {
            let message = status.message.unwrap_or_default();
            return Err(format!(
                "{} cannot be run in container {}: {}",
                argv[0],
                self.container,
                message.trim()
            ));
        }
        Ok(Output { stdout: Secret::from(stdout), stderr, success })
    }
}

async fn read(stream: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        // What was read before a stream broke is still worth showing; the status tells the rest.
        let _ = stream.take(MAX_OUTPUT).read_to_end(&mut bytes).await;
    }
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
