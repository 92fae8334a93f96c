//! What stands in for a workload where the probe is run: an ephemeral container of its pod, or a pod beside it, as values.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use rrsa_shared::env_vars;

use super::probe::DEADLINE;
use crate::facts::{AUDIENCE, INJECTION_LABEL, PROBE, RRSA_ENV, SHOWN_ENV, WEBHOOK_VOLUME};

/// The user of a probe that copies nobody's.
const NOBODY: i64 = 65532;
/// Where the webhook mounts its volume.
const MOUNT_PATH: &str = "/var/run/secrets/ack.alibabacloud.com/rrsa-tokens";
/// Proxies that a workload may have.
const PROXY_ENV: [&str; 5] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY"];

/// What the probe is run with.
#[derive(Clone, Debug)]
pub struct ProbeOptions {
    /// Image that holds the program.
    pub image: String,
    /// Whether to ask for the instance metadata service.
    pub imds: bool,
    /// Makes names of containers and pods unlike each other.
    pub suffix: String,
}

impl ProbeOptions {
    pub(super) fn name(&self) -> String {
        format!("{PROBE}{}", self.suffix)
    }

    fn command(&self) -> Vec<String> {
        let words = ["rrsa-exec-credential", "probe"].into_iter().chain(self.imds.then_some("--imds"));
        words.map(str::to_owned).collect()
    }
}

/// The ephemeral container for a pod: the token volume, RRSA's variables and the user of the container it stands for.
///
/// # Errors
/// Why the pod cannot be stood in for.
pub(super) fn ephemeral_container(
    pod: &core::Pod,
    container: Option<&str>,
    options: &ProbeOptions,
) -> Result<core::EphemeralContainer, String> {
    let spec = pod.spec.as_ref().ok_or("the pod has no spec")?;
    let target = target(spec, container)?;
    let volumes = token_volumes(spec);
    let mounts: Vec<_> =
        target.volume_mounts.iter().flatten().filter(|m| volumes.contains(&m.name)).collect();
    if mounts.iter().any(|mount| mount.sub_path.is_some() || mount.sub_path_expr.is_some()) {
        return Err("the token is mounted with subPath, which an ephemeral container cannot do".to_owned());
    }
    let mounts: Vec<_> = mounts.into_iter().cloned().collect();
    let context = target.security_context.as_ref();
    let shared = spec.security_context.as_ref();
    let user = context.and_then(|c| c.run_as_user).or(shared.and_then(|c| c.run_as_user));
    let group = context.and_then(|c| c.run_as_group).or(shared.and_then(|c| c.run_as_group));
    Ok(core::EphemeralContainer {
        name: options.name(),
        image: Some(options.image.clone()),
        command: Some(options.command()),
        env: Some(copied(target)),
        // A proxy may come from there, or RRSA's variables; the program looks at nothing else.
        env_from: target.env_from.clone(),
        volume_mounts: Some(mounts),
        security_context: Some(confined(user, group)),
        ..core::EphemeralContainer::default()
    })
}

/// How a short-lived pod gets RRSA's variables and token.
#[derive(Clone, Debug)]
pub enum Wiring {
    /// The webhook puts them in, as it did for the workload.
    Webhook,
    /// As the workload's own pod has them.
    Like(Box<core::Pod>),
    /// By hand, for this role and this OIDC provider.
    ByHand {
        /// ARN of the role.
        role_arn: String,
        /// ARN of the OIDC provider.
        provider_arn: String,
    },
}

/// A pod that runs the probe as `service_account`, where a pod `like` it would be scheduled.
#[must_use]
pub fn probe_pod(
    service_account: &str,
    like: Option<&core::Pod>,
    container: Option<&str>,
    wiring: &Wiring,
    options: &ProbeOptions,
) -> core::Pod {
    let spec = like.and_then(|pod| pod.spec.as_ref());
    let target = spec.and_then(|spec| target(spec, container).ok());
    let user = target.and_then(|container| {
        let shared = spec.and_then(|spec| spec.security_context.as_ref());
        let own = container.security_context.as_ref();
        own.and_then(|c| c.run_as_user).or(shared.and_then(|c| c.run_as_user))
    });
    // Restricted Pod Security lets nobody be root.
    let user = user.filter(|user| *user != 0).unwrap_or(NOBODY);
    let (env, volumes, mounts) = match wiring {
        Wiring::Webhook => (beside_rrsa(target), Vec::new(), Vec::new()),
        Wiring::Like(pod) => wiring_of(pod, container),
        Wiring::ByHand { role_arn, provider_arn } => by_hand(role_arn, provider_arn),
    };
    let mut labels = BTreeMap::from([
        ("app.kubernetes.io/name".to_owned(), "rrsa-probe".to_owned()),
        ("app.kubernetes.io/managed-by".to_owned(), "kubectl-rrsa".to_owned()),
    ]);
    // Nothing but injection: another label could make a Service send it traffic.
    let injection = like.and_then(|pod| pod.metadata.labels.as_ref()?.get(INJECTION_LABEL));
    labels.extend(injection.map(|value| (INJECTION_LABEL.to_owned(), value.clone())));
    let container = core::Container {
        name: "probe".to_owned(),
        image: Some(options.image.clone()),
        command: Some(options.command()),
        env: Some(env).filter(|env| !env.is_empty()),
        env_from: target.and_then(|target| target.env_from.clone()),
        volume_mounts: Some(mounts).filter(|mounts| !mounts.is_empty()),
        security_context: Some(confined(Some(user), None)),
        resources: Some(little()),
        ..core::Container::default()
    };
    core::Pod {
        metadata: ObjectMeta { name: Some(options.name()), labels: Some(labels), ..ObjectMeta::default() },
        spec: Some(core::PodSpec {
            service_account_name: Some(service_account.to_owned()),
            automount_service_account_token: Some(false),
            restart_policy: Some("Never".to_owned()),
            active_deadline_seconds: i64::try_from(DEADLINE.as_secs()).ok(),
            termination_grace_period_seconds: Some(0),
            node_selector: spec.and_then(|spec| spec.node_selector.clone()),
            // Affinity to other pods could keep it from every node.
            affinity: spec.and_then(|spec| spec.affinity.as_ref()?.node_affinity.clone()).map(
                |node_affinity| core::Affinity {
                    node_affinity: Some(node_affinity),
                    ..core::Affinity::default()
                },
            ),
            image_pull_secrets: spec.and_then(|spec| spec.image_pull_secrets.clone()),
            tolerations: spec.and_then(|spec| spec.tolerations.clone()),
            security_context: Some(core::PodSecurityContext {
                run_as_non_root: Some(true),
                // The group may read the token whatever its mode.
                fs_group: Some(user),
                seccomp_profile: Some(seccomp()),
                ..core::PodSecurityContext::default()
            }),
            volumes: Some(volumes).filter(|volumes| !volumes.is_empty()),
            containers: vec![container],
            ..core::PodSpec::default()
        }),
        status: None,
    }
}

/// The container that is stood in for: the named one, else the first with one of RRSA's variables, else the first.
fn target<'a>(spec: &'a core::PodSpec, name: Option<&str>) -> Result<&'a core::Container, String> {
    let init = spec.init_containers.iter().flatten();
    match name {
        Some(name) => spec
            .containers
            .iter()
            .chain(init)
            .find(|container| container.name == name)
            .ok_or_else(|| format!("the pod has no container {name}")),
        None => spec
            .containers
            .iter()
            .chain(init)
            .find(|container| has_variables(container))
            .or(spec.containers.first())
            .ok_or_else(|| "the pod has no container".to_owned()),
    }
}

fn has_variables(container: &core::Container) -> bool {
    container.env.iter().flatten().any(|variable| RRSA_ENV.contains(&variable.name.as_str()))
}

/// Names of the volumes that hold a projected ServiceAccount token.
fn token_volumes(spec: &core::PodSpec) -> Vec<String> {
    let holds = |volume: &&core::Volume| {
        let sources = volume.projected.as_ref().and_then(|projected| projected.sources.as_ref());
        sources
            .into_iter()
            .flatten()
            .any(|source| source.service_account_token.as_ref().is_some_and(|token| token.audience.is_some()))
    };
    spec.volumes.iter().flatten().filter(holds).map(|volume| volume.name.clone()).collect()
}

/// The variables that decide the exchange, and nothing else of the container's.
fn copied(container: &core::Container) -> Vec<core::EnvVar> {
    let all = || container.env.iter().flatten();
    let is_wanted = |name: &str| SHOWN_ENV.contains(&name) || PROXY_ENV.contains(&name);
    let mut names: Vec<&str> = all().map(|one| one.name.as_str()).filter(|name| is_wanted(name)).collect();
    // And what stands in their values as $(NAME), which is one that stands before.
    for variable in all().rev() {
        let value = variable.value.as_deref().unwrap_or_default();
        if names.contains(&variable.name.as_str()) {
            let within = all().filter(|one| value.contains(&format!("$({})", one.name)));
            names.extend(within.map(|one| one.name.as_str()));
        }
    }
    all().filter(|variable| names.contains(&variable.name.as_str())).cloned().collect()
}

/// The same without what the webhook sets.
fn beside_rrsa(container: Option<&core::Container>) -> Vec<core::EnvVar> {
    let all = container.map(copied).unwrap_or_default();
    all.into_iter().filter(|variable| !RRSA_ENV.contains(&variable.name.as_str())).collect()
}

type Parts = (Vec<core::EnvVar>, Vec<core::Volume>, Vec<core::VolumeMount>);

fn wiring_of(pod: &core::Pod, container: Option<&str>) -> Parts {
    let Some(spec) = pod.spec.as_ref() else { return Parts::default() };
    let Ok(container) = target(spec, container) else { return Parts::default() };
    let names = token_volumes(spec);
    (
        copied(container),
        spec.volumes.iter().flatten().filter(|volume| names.contains(&volume.name)).cloned().collect(),
        container
            .volume_mounts
            .iter()
            .flatten()
            .filter(|mount| names.contains(&mount.name))
            .cloned()
            .collect(),
    )
}

fn by_hand(role_arn: &str, provider_arn: &str) -> Parts {
    let variable = |name: &str, value: &str| core::EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        ..core::EnvVar::default()
    };
    let token = core::VolumeProjection {
        service_account_token: Some(core::ServiceAccountTokenProjection {
            audience: Some(AUDIENCE.to_owned()),
            expiration_seconds: Some(3600),
            path: "token".to_owned(),
            ..core::ServiceAccountTokenProjection::default()
        }),
        ..core::VolumeProjection::default()
    };
    let volume = core::Volume {
        name: WEBHOOK_VOLUME.to_owned(),
        projected: Some(core::ProjectedVolumeSource {
            sources: Some(vec![token]),
            ..core::ProjectedVolumeSource::default()
        }),
        ..core::Volume::default()
    };
    let mount = core::VolumeMount {
        name: WEBHOOK_VOLUME.to_owned(),
        mount_path: MOUNT_PATH.to_owned(),
        read_only: Some(true),
        ..core::VolumeMount::default()
    };
    let env = vec![
        variable(env_vars::ROLE_ARN, role_arn),
        variable(env_vars::OIDC_PROVIDER_ARN, provider_arn),
        variable(env_vars::OIDC_TOKEN_FILE, &format!("{MOUNT_PATH}/token")),
    ];
    (env, vec![volume], vec![mount])
}

/// What the probe needs, said so that quotas let it in.
fn little() -> core::ResourceRequirements {
    let of = |pairs: [(&str, &str); 2]| {
        Some(pairs.map(|(name, amount)| (name.to_owned(), Quantity(amount.to_owned()))).into())
    };
    core::ResourceRequirements {
        requests: of([("cpu", "10m"), ("memory", "16Mi")]),
        limits: of([("cpu", "100m"), ("memory", "64Mi")]),
        ..core::ResourceRequirements::default()
    }
}

/// What restricted Pod Security asks of a container.
fn confined(user: Option<i64>, group: Option<i64>) -> core::SecurityContext {
    core::SecurityContext {
        run_as_user: user,
        run_as_group: group,
        run_as_non_root: user.map(|user| user != 0),
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(core::Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
        seccomp_profile: Some(seccomp()),
        ..core::SecurityContext::default()
    }
}

fn seccomp() -> core::SeccompProfile {
    core::SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn options() -> ProbeOptions {
        ProbeOptions { image: "probe:1".to_owned(), imds: true, suffix: "abcde".to_owned() }
    }

    fn pod(mount: serde_json::Value) -> core::Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "demo", "labels": {
                "app": "demo", "pod-identity.alibabacloud.com/injection": "on"}},
            "spec": {
                "nodeSelector": {"disk": "ssd"},
                "tolerations": [{"key": "k", "operator": "Exists"}],
                "imagePullSecrets": [{"name": "acr"}],
                "affinity": {"nodeAffinity": {}, "podAntiAffinity": {}},
                "securityContext": {"runAsUser": 1000},
                "containers": [
                    {"name": "side"},
                    {"name": "app", "env": [
                        {"name": "ALIBABA_CLOUD_ROLE_ARN", "value": "acs:ram::1:role/r"},
                        {"name": "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "value": "hunter2"},
                        {"name": "HTTPS_PROXY", "value": "http://p:1"}],
                     "volumeMounts": [{"name": "data", "mountPath": "/d"}, mount]},
                ],
                "volumes": [{"name": "data", "emptyDir": {}},
                    {"name": "rrsa-oidc-token", "projected": {"sources": [
                        {"serviceAccountToken": {"audience": "sts.aliyuncs.com", "path": "token"}}]}}],
            },
        }))
        .unwrap()
    }

    #[test]
    fn an_ephemeral_container_gets_what_the_exchange_needs_and_no_more() {
        let mount = json!({"name": "rrsa-oidc-token", "mountPath": "/t"});
        let added = ephemeral_container(&pod(mount), None, &options()).unwrap();
        let names: Vec<_> = added.env.iter().flatten().map(|variable| variable.name.as_str()).collect();
        assert_eq!(names, ["ALIBABA_CLOUD_ROLE_ARN", "HTTPS_PROXY"]);
        let mounts: Vec<_> = added.volume_mounts.iter().flatten().map(|m| m.name.as_str()).collect();
        assert_eq!(mounts, ["rrsa-oidc-token"]);
        assert_eq!(added.command.unwrap(), ["rrsa-exec-credential", "probe", "--imds"]);
        let context = added.security_context.unwrap();
        assert_eq!((context.run_as_user, context.run_as_non_root), (Some(1000), Some(true)));
        assert_eq!(context.capabilities.unwrap().drop.unwrap(), ["ALL"]);
    }

    #[test]
    fn a_mount_that_cannot_be_copied_is_said_before_anything_is_added() {
        let mut of_names = pod(json!({"name": "rrsa-oidc-token", "mountPath": "/t"}));
        of_names.spec.as_mut().unwrap().containers[1].env = serde_json::from_value(json!([
            {"name": "HOST", "value": "p"}, {"name": "AT", "value": "$(HOST):1"}, {"name": "OTHER", "value": "x"},
            {"name": "HTTPS_PROXY", "value": "http://$(AT)"}]))
        .unwrap();
        let added = ephemeral_container(&of_names, Some("app"), &options()).unwrap();
        let names: Vec<_> = added.env.iter().flatten().map(|variable| variable.name.as_str()).collect();
        assert_eq!(names, ["HOST", "AT", "HTTPS_PROXY"], "with what stands in their values");
        let mount = json!({"name": "rrsa-oidc-token", "mountPath": "/t", "subPath": "token"});
        let why = ephemeral_container(&pod(mount), None, &options()).unwrap_err();
        assert!(why.contains("subPath"), "{why}");
        let mut pod = pod(json!({"name": "x", "mountPath": "/x"}));
        let side = json!([{"name": "side-car", "restartPolicy": "Always", "envFrom": [{"secretRef": {"name": "s"}}]}]);
        pod.spec.as_mut().unwrap().init_containers = serde_json::from_value(side).unwrap();
        assert!(ephemeral_container(&pod, Some("no"), &options()).unwrap_err().contains("no container no"));
        let of_side = ephemeral_container(&pod, Some("side-car"), &options()).unwrap();
        assert_eq!(of_side.env_from.map(|sources| sources.len()), Some(1));
    }

    #[test]
    fn a_short_lived_pod_meets_restricted_pod_security_and_gets_no_traffic() {
        let like = pod(json!({"name": "rrsa-oidc-token", "mountPath": "/t"}));
        let made = probe_pod("demo-sa", Some(&like), None, &Wiring::Webhook, &options());
        let labels = made.metadata.labels.clone().unwrap();
        assert!(!labels.contains_key("app") && labels[INJECTION_LABEL] == "on");
        let spec = made.spec.unwrap();
        assert_eq!(spec.node_selector, like.spec.as_ref().unwrap().node_selector);
        assert_eq!(spec.tolerations, like.spec.as_ref().unwrap().tolerations);
        assert_eq!(spec.image_pull_secrets.unwrap()[0].name, "acr");
        let affinity = spec.affinity.unwrap();
        assert!(affinity.node_affinity.is_some() && affinity.pod_anti_affinity.is_none());
        assert!(spec.containers[0].resources.as_ref().unwrap().limits.is_some());
        assert_eq!(spec.security_context.unwrap().run_as_non_root, Some(true));
        assert!(spec.volumes.is_none());
        let names: Vec<_> = spec.containers[0].env.iter().flatten().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["HTTPS_PROXY"], "its way out, and what the webhook does not set");
        let context = spec.containers[0].security_context.clone().unwrap();
        assert_eq!((context.run_as_user, context.allow_privilege_escalation), (Some(1000), Some(false)));
    }

    #[test]
    fn without_the_webhook_the_pod_is_wired_as_the_workload_or_by_hand() {
        let like = pod(json!({"name": "rrsa-oidc-token", "mountPath": "/t"}));
        let wiring = Wiring::Like(Box::new(like.clone()));
        let spec = probe_pod("demo-sa", Some(&like), None, &wiring, &options()).spec.unwrap();
        assert_eq!(spec.volumes.unwrap()[0].name, "rrsa-oidc-token");
        assert_eq!(spec.containers[0].volume_mounts.clone().unwrap()[0].mount_path, "/t");
        let wiring = Wiring::ByHand { role_arn: "r".to_owned(), provider_arn: "p".to_owned() };
        let spec = probe_pod("demo-sa", None, None, &wiring, &options()).spec.unwrap();
        let env = spec.containers[0].env.clone().unwrap();
        assert_eq!(env[2].value.as_deref(), Some("/var/run/secrets/ack.alibabacloud.com/rrsa-tokens/token"));
        assert_eq!(spec.containers[0].security_context.clone().unwrap().run_as_user, Some(NOBODY));
    }
}
