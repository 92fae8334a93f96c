//! The kubelet's part: a pod gets a node, an address, files and running containers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::environment::{Environment, environment};
use super::helper::{self, Ended};
use super::knobs::Knobs;
use super::programs::View;
use super::volumes::{Source, Volumes};
use crate::sandbox::cluster::failure::Failure;
use crate::sandbox::cluster::object::{self, fill, list, text};

/// Where the node is.
pub(crate) const NODE_ADDRESS: &str = "192.168.0.10";

/// What the node holds of a pod that was started.
#[derive(Default)]
struct Started {
    volumes: Volumes,
    environments: BTreeMap<String, Environment>,
    image_user: i64,
    bare_image: bool,
}

/// The node's state: started pods by uid.
#[derive(Default)]
pub(crate) struct Kubelet {
    started: BTreeMap<String, Started>,
    /// What ended containers have printed, by uid of the pod and name.
    logs: BTreeMap<(String, String), String>,
    addresses: u16,
}

/// Why a pod does not run.
struct Trouble {
    reason: &'static str,
    message: String,
}

impl Kubelet {
    /// Starts `pod` and writes its status, as far as it does not carry one.
    ///
    /// # Errors
    /// 422 for an annotation of the sandbox that cannot be read.
    pub(crate) fn start(&mut self, pod: &mut Value, node: &str, source: &Source<'_>) -> Result<(), Failure> {
        let knobs = Knobs::read(pod)?;
        fill(pod, &["spec", "nodeName"], node);
        self.addresses += 1;
        let address = format!("172.20.{}.{}", self.addresses / 250, self.addresses % 250 + 2);
        let phase = knobs.phase.clone().unwrap_or_else(|| match text(pod, "/status/phase") {
            "" => "Running".to_owned(),
            phase => phase.to_owned(),
        });
        if phase != "Pending" {
            for (one, all, address) in
                [("podIP", "podIPs", address.as_str()), ("hostIP", "hostIPs", NODE_ADDRESS)]
            {
                fill(pod, &["status", one], address);
                fill(pod, &["status", all], json!([{"ip": pod["status"][one]}]));
            }
        }
        let trouble = match self.prepare(pod, &knobs, source) {
            Ok(started) => {
                self.started.insert(object::uid(pod).to_owned(), started);
                None
            }
            Err(trouble) => Some(trouble),
        };
        let phase = if trouble.is_some() { "Pending".to_owned() } else { phase };
        report(pod, &phase, trouble, &source.now.strftime("%FT%TZ").to_string());
        Ok(())
    }

    fn prepare(&self, pod: &Value, knobs: &Knobs, source: &Source<'_>) -> Result<Started, Trouble> {
        let volumes = Volumes::fill(pod, knobs, source)
            .map_err(|message| Trouble { reason: "ContainerCreating", message })?;
        let mut environments = BTreeMap::new();
        for container in containers(pod) {
            let variables = environment(container, pod, source.store)
                .map_err(|message| Trouble { reason: "CreateContainerConfigError", message })?;
            environments.insert(text(container, "/name").to_owned(), variables);
        }
        let image_user = knobs.image_user.unwrap_or(0);
        Ok(Started { volumes, environments, image_user, bare_image: knobs.bare_image })
    }

    /// Forgets a pod.
    pub(crate) fn forget(&mut self, uid: &str) {
        self.started.remove(uid);
        self.logs.retain(|(of, _), _| of != uid);
    }

    /// What a container has printed so far.
    pub(crate) fn log(&self, uid: &str, container: &str) -> String {
        self.logs.get(&(uid.to_owned(), container.to_owned())).cloned().unwrap_or_default()
    }

    /// Starts a container that was added to a running pod.
    pub(crate) fn add(&mut self, pod: &mut Value, container: &Value, source: &Source<'_>) {
        let name = text(container, "/name");
        if let (Some(started), Ok(variables)) =
            (self.started.get_mut(object::uid(pod)), environment(container, pod, source.store))
        {
            started.environments.insert(name.to_owned(), variables);
        }
        let now = source.now.strftime("%FT%TZ").to_string();
        let status = json!({"name": name, "image": text(container, "/image"), "imageID": "", "restartCount": 0,
            "ready": false, "lastState": {}, "state": {"running": {"startedAt": now}}});
        let all = &mut pod["status"]["ephemeralContainerStatuses"];
        match all.as_array_mut() {
            Some(all) => all.push(status),
            None => *all = json!([status]),
        }
    }

    /// Writes down how a container ended; a pod whose containers have all ended has ended itself.
    pub(crate) fn end(&mut self, pod: &mut Value, container: &str, ended: Ended, now: &str) {
        let state = match ended {
            Ended::Hangs => return,
            Ended::NotStarted(reason, message) => {
                json!({"waiting": {"reason": reason, "message": message}})
            }
            Ended::With(log, code) => {
                self.logs.insert((object::uid(pod).to_owned(), container.to_owned()), log);
                let reason = if code == 0 { "Completed" } else { "Error" };
                json!({"terminated": {"exitCode": code, "reason": reason, "startedAt": now, "finishedAt": now}})
            }
        };
        for group in ["containerStatuses", "ephemeralContainerStatuses"] {
            for status in pod["status"][group].as_array_mut().into_iter().flatten() {
                if status["name"] == container {
                    status["state"] = state.clone();
                    status["ready"] = false.into();
                }
            }
        }
        let codes = list(pod, "/status/containerStatuses").iter();
        let codes: Option<Vec<i64>> = codes
            .map(|status| status.pointer("/state/terminated/exitCode").and_then(Value::as_i64))
            .collect();
        if let Some(codes) = codes {
            let fine = codes.iter().all(|code| *code == 0);
            pod["status"]["phase"] = if fine { "Succeeded" } else { "Failed" }.into();
        }
    }

    /// What a process in `container` of `pod` sees; absent when the image holds no programs.
    ///
    /// # Errors
    /// 500 when the container does not run.
    pub(crate) fn enter(
        &mut self,
        pod: &Value,
        container: &str,
        source: &Source<'_>,
    ) -> Result<Option<View>, Failure> {
        let stopped = || {
            let message = format!("unable to upgrade connection: container not found ({container:?})");
            Failure::new(500, "InternalError", message)
        };
        let either = |of: &str, added: &str| list(pod, of).iter().chain(list(pod, added));
        let running = either("/status/containerStatuses", "/status/ephemeralContainerStatuses")
            .any(|status| status["name"] == container && status.pointer("/state/running").is_some());
        let specification =
            either("/spec/containers", "/spec/ephemeralContainers").find(|one| one["name"] == container);
        let specification = specification.filter(|_| running).ok_or_else(stopped)?;
        let started = self.started.get_mut(object::uid(pod)).ok_or_else(stopped)?;
        started.volumes.renew(source);
        let helps = helper::containers(pod).iter().any(|one| one == container);
        if started.bare_image && !helps {
            return Ok(None);
        }
        let context = |field: &str| {
            let own = specification.pointer(&format!("/securityContext/{field}"));
            own.or(pod.pointer(&format!("/spec/securityContext/{field}"))).and_then(Value::as_i64)
        };
        let mut groups = vec![context("runAsGroup").unwrap_or(0)];
        groups.extend(pod.pointer("/spec/securityContext/fsGroup").and_then(Value::as_i64));
        let supplementary = list(pod, "/spec/securityContext/supplementalGroups");
        groups.extend(supplementary.iter().filter_map(Value::as_i64));
        Ok(Some(View {
            environment: started.environments.get(container).cloned().unwrap_or_default(),
            files: started.volumes.seen_by(specification),
            user: context("runAsUser").unwrap_or(started.image_user),
            groups,
        }))
    }
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    list(pod, "/spec/initContainers").iter().chain(list(pod, "/spec/containers"))
}

/// Writes the status of a pod that is in `phase`.
fn report(pod: &mut Value, phase: &str, trouble: Option<Trouble>, now: &str) {
    let (reason, message) = match &trouble {
        Some(trouble) => (trouble.reason, trouble.message.as_str()),
        None => ("ContainerCreating", ""),
    };
    let statuses = |group: &str| -> Vec<Value> {
        let list = list(pod, &format!("/spec/{group}"));
        list.iter()
            .map(|container| container_status(container, group, phase, (reason, message), now))
            .collect()
    };
    let (init, main) = (statuses("initContainers"), statuses("containers"));
    let ready = if phase == "Running" { "True" } else { "False" };
    let conditions: Vec<Value> = [("PodScheduled", "True"), ("Initialized", "True"), ("ContainersReady", ready), ("Ready", ready)]
        .iter()
        .map(|(kind, status)| {
            json!({"type": kind, "status": status, "lastProbeTime": null, "lastTransitionTime": now})
        })
        .collect();
    if trouble.is_some() {
        pod["status"]["phase"] = "Pending".into();
    }
    fill(pod, &["status", "phase"], phase);
    fill(pod, &["status", "qosClass"], "BestEffort");
    fill(pod, &["status", "startTime"], now);
    fill(pod, &["status", "conditions"], conditions);
    fill(pod, &["status", "containerStatuses"], main);
    if !init.is_empty() {
        fill(pod, &["status", "initContainerStatuses"], init);
    }
}

fn container_status(container: &Value, group: &str, phase: &str, waiting: (&str, &str), now: &str) -> Value {
    let ended = |code: u8, reason: &str| json!({"terminated": {"exitCode": code, "reason": reason, "startedAt": now, "finishedAt": now}});
    let state = match phase {
        "Pending" => match waiting {
            (reason, "") => json!({"waiting": {"reason": reason}}),
            (reason, message) => json!({"waiting": {"reason": reason, "message": message}}),
        },
        "Running" if group == "containers" => json!({"running": {"startedAt": now}}),
        "Failed" if group == "containers" => ended(1, "Error"),
        _ => ended(0, "Completed"),
    };
    let image = text(container, "/image");
    let mut status = json!({
        "name": text(container, "/name"), "image": image, "imageID": "", "restartCount": 0, "lastState": {},
        "ready": phase == "Running", "started": phase == "Running" && group == "containers", "state": state,
    });
    if phase != "Pending" {
        status["containerID"] = format!("containerd://{}", object::new_uid().replace('-', "")).into();
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_that_is_given_is_kept() {
        let mut pod = json!({
            "spec": {"containers": [{"name": "a"}]},
            "status": {"phase": "Running", "startTime": "2020-01-01T00:00:00Z"},
        });
        report(&mut pod, "Running", None, "2026-01-01T00:00:00Z");
        assert_eq!(pod["status"]["startTime"], "2020-01-01T00:00:00Z");
        assert_eq!(pod["status"]["containerStatuses"][0]["ready"], true);
    }

    #[test]
    fn a_pod_whose_container_cannot_be_made_waits_and_says_why() {
        let mut pod = json!({"spec": {"containers": [{"name": "a"}]}});
        let trouble =
            Trouble { reason: "CreateContainerConfigError", message: "secret \"x\" not found".to_owned() };
        report(&mut pod, "Pending", Some(trouble), "2026-01-01T00:00:00Z");
        assert_eq!(pod["status"]["phase"], "Pending");
        let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
        assert_eq!(
            *waiting,
            json!({"reason": "CreateContainerConfigError", "message": "secret \"x\" not found"})
        );
    }
}
