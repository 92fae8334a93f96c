//! Runs `rrsa-exec-credential probe` inside the cluster, where the workload stands: in an ephemeral container of its
//! own pod, or in a short-lived pod beside it. That pod is taken away
//! however the probe ends.

use std::cell::Cell;
use std::time::Duration;

use k8s_openapi::api::core::v1 as core;
use kube::Client;
use kube::api::{Api, DeleteParams, LogParams, Patch, PatchParams, PostParams};
use rrsa_shared::proof::ProbeReport;

use super::Interrupt;
use super::stand_in::{ProbeOptions, ephemeral_container};
use crate::collect::why_not;
use crate::facts::{FORBIDDEN, is_forbidden};

/// Time for the image to be pulled and the probe to end.
pub(super) const DEADLINE: Duration = Duration::from_secs(90);
/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// How often a pod is asked to go.
const DELETE_TRIES: u8 = 4;

/// Runs the probe in an ephemeral container of a running pod, which stays in the pod's spec until the pod ends.
///
/// # Errors
/// Why there is no report.
pub async fn in_pod(
    client: &Client,
    namespace: &str,
    pod: &str,
    container: Option<&str>,
    options: &ProbeOptions,
    interrupt: &Interrupt,
) -> Result<ProbeReport, String> {
    let pods = Api::<core::Pod>::namespaced(client.clone(), namespace);
    let found = pods.get(pod).await.map_err(|error| why_not(&error, &format!("get pods in {namespace}")))?;
    let added = ephemeral_container(&found, container, options)?;
    let patch = serde_json::json!({"spec": {"ephemeralContainers": [added]}});
    pods.patch_ephemeral_containers(pod, &PatchParams::default(), &Patch::Strategic(patch)).await.map_err(
        |error| {
            let why = why_not(&error, &format!("patch pods/ephemeralcontainers in {namespace}"));
            let log = format!("{FORBIDDEN}get pods/log in {namespace}");
            if is_forbidden(&why) { format!("{why}; {log}") } else { why }
        },
    )?;
    let name = options.name();
    tokio::select! {
        ended = tokio::time::timeout(DEADLINE, wait(&pods, pod, &name, namespace)) => {
            ended.unwrap_or_else(|_| Err(late()))?;
        }
        why = interrupt.wait() => return Err(why.to_owned()),
    }
    report(&pods, pod, &name, namespace).await
}

/// What came of a probe in a pod of its own.
#[derive(Debug)]
pub struct Beside {
    /// Its report, or why there is none.
    pub report: Result<ProbeReport, String>,
    /// What to say of the pod when it could not be taken away.
    pub left: Option<String>,
}

/// Runs the probe in a pod of its own, and takes the pod away.
pub async fn beside(client: &Client, namespace: &str, wanted: &core::Pod, interrupt: &Interrupt) -> Beside {
    let pods = Api::<core::Pod>::namespaced(client.clone(), namespace);
    let name = wanted.metadata.name.clone().unwrap_or_default();
    // What was refused was not made; any other failure may have lost the answer only.
    let refused = Cell::new(false);
    let run = async {
        pods.create(&PostParams::default(), wanted).await.map_err(|error| {
            refused.set(matches!(&error, kube::Error::Api(status) if status.code < 500));
            let log = format!("{FORBIDDEN}get pods/log in {namespace}");
            let why = why_not(&error, &format!("create, get and delete pods in {namespace}"));
            if is_forbidden(&why) { format!("{why}; {log}") } else { why }
        })?;
        wait(&pods, &name, "probe", namespace).await?;
        report(&pods, &name, "probe", namespace).await
    };
    let report = tokio::select! {
        result = tokio::time::timeout(DEADLINE, run) => result.unwrap_or_else(|_| Err(late())),
        why = interrupt.wait() => Err(why.to_owned()),
    };
    if refused.get() {
        return Beside { report, left: None };
    }
    // The pod may exist even when its creation seems to have failed: the answer may have been lost.
    let left = delete(&pods, &name).await.err().map(|error| {
        let left = why_not(&error, &format!("delete pods in {namespace}"));
        format!("the probe's pod is left ({left}): kubectl delete pod {name} -n {namespace}")
    });
    Beside { report, left }
}

/// Takes a pod away; an API server that has trouble of its own, or does not answer, is asked a few times.
async fn delete(pods: &Api<core::Pod>, name: &str) -> Result<(), kube::Error> {
    let now = DeleteParams::default().grace_period(0);
    let mut tries = 0;
    loop {
        tries += 1;
        match pods.delete(name, &now).await {
            Ok(_) => return Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(()),
            Err(error @ kube::Error::Api(_)) if !is_trouble(&error) => return Err(error),
            // Where no answer came it may be gone, and the next one says so.
            Err(_) if tries < DELETE_TRIES => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(error),
        }
    }
}

/// Whether the API server has trouble of its own.
fn is_trouble(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code >= 500)
}

fn late() -> String {
    format!("the probe did not end within {} s", DEADLINE.as_secs())
}

/// Waits until a container has ended.
async fn wait(pods: &Api<core::Pod>, pod: &str, container: &str, namespace: &str) -> Result<(), String> {
    loop {
        let found = pods.get(pod).await;
        let found = found.map_err(|error| why_not(&error, &format!("get pods in {namespace}")))?;
        let status = found.status.unwrap_or_default();
        let all =
            status.container_statuses.iter().chain(status.ephemeral_container_statuses.iter()).flatten();
        let state = all.into_iter().find(|status| status.name == container).and_then(|s| s.state.clone());
        match state {
            Some(core::ContainerState { terminated: Some(_), .. }) => return Ok(()),
            Some(core::ContainerState { waiting: Some(waiting), .. }) => {
                let reason = waiting.reason.unwrap_or_default();
                if reason.contains("Err") || reason.contains("BackOff") || reason.contains("Invalid") {
                    let message = waiting.message.unwrap_or_default();
                    return Err(format!("the probe's container does not start: {reason} {message}"));
                }
            }
            _ => {}
        }
        if matches!(status.phase.as_deref(), Some("Failed")) {
            let why = status.message.or(status.reason).unwrap_or_else(|| "Failed".to_owned());
            return Err(format!("the probe's pod failed: {why}"));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn report(
    pods: &Api<core::Pod>,
    pod: &str,
    container: &str,
    namespace: &str,
) -> Result<ProbeReport, String> {
    let wanted = LogParams { container: Some(container.to_owned()), ..LogParams::default() };
    let log = pods.logs(pod, &wanted).await;
    let log = log.map_err(|error| why_not(&error, &format!("get pods/log in {namespace}")))?;
    ProbeReport::parse(&log).map_err(|error| {
        let said: String = log.trim().chars().take(200).collect();
        format!("{error}; it printed {said:?}")
    })
}
