//! A pod as RRSA sees it. Values of variables that are not RRSA's are never taken.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
pub(super) use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Client;
use kube::api::{Api, ListParams};
use rrsa_shared::env_vars::{self, JAVA_OPTIONS, ROLE_SESSION_NAME};
use rrsa_shared::sts::KNOWN;
use serde::Deserialize as _;
use serde_json::Value;

use super::reason::why_not;
use crate::facts::{
    ContainerFacts, ContainerKind, Denial, EnvFact, EnvSource, FIELD, MountFacts, PodFacts, SHOWN_ENV,
    TokenProjection, VolumeFacts, VolumeKind, expanded, names_key_to_java,
};

/// The pod; `None` when it does not exist.
///
/// # Errors
/// As the API server gives them.
pub async fn pod(client: &Client, namespace: &str, name: &str) -> Result<Option<PodFacts>, kube::Error> {
    let found = Api::<core::Pod>::namespaced(client.clone(), namespace).get_opt(name).await?;
    Ok(found.as_ref().map(pod_facts))
}

/// The pods of a namespace, page by page.
///
/// # Errors
/// As the API server gives them.
pub async fn pods(
    client: &Client,
    namespace: &str,
    mut page: ListParams,
) -> Result<Vec<core::Pod>, kube::Error> {
    let api = Api::<core::Pod>::namespaced(client.clone(), namespace);
    let mut found = Vec::new();
    loop {
        let list = api.list(&page).await?;
        found.extend(list.items);
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(found),
        }
    }
}

/// The pod as the API server has it; `None` when it does not exist.
///
/// # Errors
/// Why it cannot be seen.
pub async fn raw_pod(client: &Client, namespace: &str, name: &str) -> Result<Option<core::Pod>, String> {
    let found = Api::<core::Pod>::namespaced(client.clone(), namespace).get_opt(name).await;
    found.map_err(|error| why_not(&error, &format!("get pods in {namespace}")))
}

/// The pod that an object as the API has it would make; `None` for a kind that makes none.
///
/// # Errors
/// An object that is not of the shape of its kind.
pub fn template(kind: &str, object: &Value) -> Result<Option<PodFacts>, serde_json::Error> {
    let Some(pod) = raw_template(kind, object)? else { return Ok(None) };
    let kind = kind.to_lowercase();
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let owner = (kind != "pod").then(|| format!("{kind}/{name}"));
    Ok(Some(PodFacts { name: name.to_owned(), owner, is_template: true, ..pod_facts(&pod) }))
}

/// The same as it stands there.
///
/// # Errors
/// As [`template`].
pub fn raw_template(kind: &str, object: &Value) -> Result<Option<core::Pod>, serde_json::Error> {
    let template = match kind.to_lowercase().as_str() {
        "pod" => object,
        "deployment" | "statefulset" | "daemonset" | "replicaset" | "job" => &object["spec"]["template"],
        "cronjob" => &object["spec"]["jobTemplate"]["spec"]["template"],
        "podtemplate" => &object["template"],
        // Kinds of others, such as CloneSet, Rollout and ScaledJob, have it somewhere in their spec.
        _ => match nested_template(&object["spec"], NESTED) {
            Some(template) => template,
            None => return Ok(None),
        },
    };
    match template {
        Value::Null => Ok(Some(core::Pod::default())),
        template => core::Pod::deserialize(template).map(Some),
    }
}

/// How deep in a spec a pod template is looked for.
const NESTED: u8 = 6;

/// The first pod template in what somebody else's kind says.
fn nested_template(value: &Value, depth: u8) -> Option<&Value> {
    // Some kinds let their containers have no name.
    let is_container = |one: &Value| one["name"].is_string() || one["image"].is_string();
    let containers = value["spec"]["containers"].as_array();
    if containers.is_some_and(|all| all.iter().all(is_container) && !all.is_empty()) {
        return Some(value);
    }
    let within = value.as_object().filter(|_| depth > 0)?;
    within.values().find_map(|inner| nested_template(inner, depth - 1))
}

/// The facts of a pod.
#[must_use]
pub fn pod_facts(pod: &core::Pod) -> PodFacts {
    let spec = pod.spec.as_ref();
    let init = spec.and_then(|spec| spec.init_containers.as_deref()).unwrap_or_default();
    let app = spec.map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let ephemeral = spec.and_then(|spec| spec.ephemeral_containers.as_deref()).unwrap_or_default();
    let user = spec.and_then(|spec| spec.security_context.as_ref()?.run_as_user);
    let own = |context: &Option<core::SecurityContext>| context.as_ref().and_then(|c| c.run_as_user).or(user);
    let containers = init
        .iter()
        .map(|c| (ContainerKind::Init, c))
        .chain(app.iter().map(|c| (ContainerKind::App, c)))
        .map(|(kind, c)| ContainerFacts {
            image: c.image.clone(),
            run_as_user: own(&c.security_context),
            last_codes: last_codes(pod, &c.name),
            last_denial: last_words(pod, &c.name).find_map(denial),
            java_key: java_key(&c.env, &c.command, &c.args),
            ..container(pod, kind, &c.name, &c.env, &c.env_from, &c.volume_mounts)
        })
        .chain(ephemeral.iter().map(|c| ContainerFacts {
            image: c.image.clone(),
            run_as_user: own(&c.security_context),
            ..container(pod, ContainerKind::Ephemeral, &c.name, &c.env, &c.env_from, &c.volume_mounts)
        }))
        .collect();
    PodFacts {
        name: pod.metadata.name.clone().unwrap_or_default(),
        uid: pod.metadata.uid.clone(),
        service_account: spec
            // The older field says the same.
            .and_then(|spec| spec.service_account_name.clone().or_else(|| spec.service_account.clone()))
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "default".to_owned()),
        phase: pod.status.as_ref().and_then(|status| status.phase.clone()),
        labels: pod.metadata.labels.clone().unwrap_or_default(),
        annotations: pod.metadata.annotations.clone().unwrap_or_default(),
        is_template: false,
        alike: 0,
        is_leaving: pod.metadata.deletion_timestamp.is_some(),
        owner: owner(pod),
        projections: spec.map(projections).unwrap_or_default(),
        created_at: pod.metadata.creation_timestamp.as_ref().map(|time| time.0.as_second()),
        is_static: pod
            .metadata
            .annotations
            .iter()
            .flatten()
            .any(|(key, _)| key == "kubernetes.io/config.mirror"),
        os: spec.and_then(|spec| {
            let selected = || spec.node_selector.as_ref()?.get("kubernetes.io/os").cloned();
            spec.os.as_ref().map(|os| os.name.clone()).or_else(selected)
        }),
        automount: spec.and_then(|spec| spec.automount_service_account_token),
        fs_group: spec.and_then(|spec| spec.security_context.as_ref()?.fs_group),
        volumes: spec.map(volumes).unwrap_or_default(),
        containers,
    }
}

fn owner(pod: &core::Pod) -> Option<String> {
    let owner =
        pod.metadata.owner_references.as_ref()?.iter().find(|owner| owner.controller == Some(true))?;
    let hash = pod.metadata.labels.as_ref().and_then(|labels| labels.get("pod-template-hash"));
    Some(maker(owner, hash.map(String::as_str)))
}

/// What a container said when it ended, now or the time before.
fn last_words<'a>(pod: &'a core::Pod, container: &str) -> impl Iterator<Item = &'a str> {
    let status = pod.status.as_ref();
    let all = status.and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    let states = all.iter().filter(move |one| one.name == container);
    let states = states.flat_map(|one| [&one.state, &one.last_state]);
    states.filter_map(|state| state.as_ref()?.terminated.as_ref()?.message.as_deref())
}

/// Codes with which services refuse a caller whose identity they took.
const DENIALS: [&str; 5] =
    ["Forbidden.RAM", "StatusForbidden", "ImplicitDeny", "ExplicitDeny", "AccessDenied"];

/// The refusal of a service in a text. One of STS itself has codes of its own.
fn denial(text: &str) -> Option<Denial> {
    if text.contains("AuthenticationFail") {
        return None;
    }
    let code = DENIALS.into_iter().find(|code| text.contains(code))?;
    let field = |name: &str| {
        let (_, rest) = text.split_once(name)?;
        let value = rest.trim_start_matches(|c: char| "\\\": =>".contains(c));
        let end =
            value.find(|c: char| !(c.is_ascii_alphanumeric() || ":*_-".contains(c))).unwrap_or(value.len());
        (end > 0).then(|| value[..end].to_owned())
    };
    Some(Denial {
        code: code.to_owned(),
        action: field("AuthAction"),
        kind: field("NoPermissionType"),
        policy_type: field("PolicyType"),
    })
}

/// The codes of STS in what a container said when it ended.
fn last_codes(pod: &core::Pod, container: &str) -> Vec<String> {
    let mut codes: Vec<String> = Vec::new();
    for text in last_words(pod, container) {
        let found = KNOWN.iter().map(|known| known.code.trim_end_matches('.'));
        // Short codes are words that anybody may use.
        for code in found.filter(|code| code.contains('.') && text.contains(code)) {
            if !codes.iter().any(|known| known == code) {
                codes.push(code.to_owned());
            }
        }
    }
    codes
}

/// The controller of a pod, such as `deployment/demo` or `job/nightly-1`; with its group, as in
/// `statefulset.apps.kruise.io/demo`, where Kubernetes has a kind of that name too. A ReplicaSet's own owner is found by
/// dropping the template's hash.
pub(super) fn maker(owner: &OwnerReference, template_hash: Option<&str>) -> String {
    let OwnerReference { kind, name, api_version, .. } = owner;
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let own = match kind.as_str() {
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" => group.is_empty() || group == "apps",
        "Job" | "CronJob" => group.is_empty() || group == "batch",
        _ => true,
    };
    let deployment = template_hash.and_then(|hash| name.strip_suffix(hash)?.strip_suffix('-'));
    match (kind.to_lowercase(), deployment) {
        (kind, _) if !own => format!("{kind}.{group}/{name}"),
        (kind, Some(name)) if kind == "replicaset" => format!("deployment/{name}"),
        (kind, _) => format!("{kind}/{name}"),
    }
}

/// What made a pod, and what has made that: of a job with the number that a CronJob gives to each, the CronJob.
#[must_use]
pub fn lasting(owner: &str) -> String {
    match owner.strip_prefix("job/").and_then(|job| job.rsplit_once('-')) {
        Some((name, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
            format!("cronjob/{name}")
        }
        _ => owner.to_owned(),
    }
}

fn projections(spec: &core::PodSpec) -> Vec<TokenProjection> {
    let volumes = spec.volumes.as_deref().unwrap_or_default().iter();
    volumes
        .flat_map(|volume| {
            let sources = volume.projected.as_ref().and_then(|p| p.sources.as_deref()).unwrap_or_default();
            sources.iter().filter_map(|source| source.service_account_token.as_ref()).map(|token| {
                TokenProjection {
                    volume: volume.name.clone(),
                    audience: token.audience.clone().filter(|audience| !audience.is_empty()),
                    expiration_seconds: token.expiration_seconds,
                    path: token.path.clone(),
                    mode: volume.projected.as_ref().and_then(|projected| projected.default_mode),
                }
            })
        })
        .collect()
}

fn volumes(spec: &core::PodSpec) -> Vec<VolumeFacts> {
    let kind = |volume: &core::Volume| match volume {
        core::Volume { secret: Some(secret), .. } => {
            Some(VolumeKind::Secret(secret.secret_name.clone().unwrap_or_default()))
        }
        core::Volume { config_map: Some(map), .. } => Some(VolumeKind::ConfigMap(map.name.clone())),
        core::Volume { empty_dir: Some(_), .. } => Some(VolumeKind::EmptyDir),
        core::Volume { host_path: Some(_), .. } => Some(VolumeKind::HostPath),
        _ => None,
    };
    let all = spec.volumes.as_deref().unwrap_or_default().iter();
    all.filter_map(|volume| Some(VolumeFacts { name: volume.name.clone(), kind: kind(volume)? })).collect()
}

fn container(
    pod: &core::Pod,
    kind: ContainerKind,
    name: &str,
    env: &Option<Vec<core::EnvVar>>,
    env_from: &Option<Vec<core::EnvFromSource>>,
    mounts: &Option<Vec<core::VolumeMount>>,
) -> ContainerFacts {
    let env_from = env_from.as_deref().unwrap_or_default().iter().map(|source| {
        let (name, optional) = match (&source.config_map_ref, &source.secret_ref) {
            (Some(map), _) => (format!("configMap/{}", map.name), map.optional),
            (_, Some(secret)) => (format!("secret/{}", secret.name), secret.optional),
            _ => ("an unknown source".to_owned(), None),
        };
        let prefix = source.prefix.clone().unwrap_or_default();
        EnvSource { name, prefix, is_optional: optional == Some(true), ..EnvSource::default() }
    });
    let env_from: Vec<EnvSource> = env_from.collect();
    let (mut variables, mut emptied) = (BTreeMap::new(), Vec::new());
    // What the kubelet puts in place of $(NAME): variables that stand before.
    let mut known: BTreeMap<&str, Option<String>> = BTreeMap::new();
    for var in env.as_deref().unwrap_or_default() {
        // The last one of a name counts; an empty one is none to every SDK.
        let is_empty = var.value_from.is_none() && var.value.as_deref().unwrap_or_default().is_empty();
        emptied.retain(|name| *name != var.name);
        if is_empty {
            variables.remove(&var.name);
            emptied.extend(env_vars::decides(&var.name).then(|| var.name.clone()));
        } else {
            let fact = match (env_fact(pod, var, &known), env_from.first()) {
                // Who sets the rest of it is the one who sets its names.
                (EnvFact::Value(text), Some(source)) if names_others(&text) => {
                    EnvFact::From(EnvSource { text: Some(text), ..source.clone() })
                }
                (fact, _) => fact,
            };
            variables.insert(var.name.clone(), fact);
        }
        let value = var.value_from.is_none().then(|| var.value.as_deref().unwrap_or_default());
        known.insert(&var.name, value.and_then(|value| expanded(value, &known)));
    }
    let keyed = env.iter().flatten().filter_map(|var| {
        let source = var.value_from.as_ref().filter(|_| env_vars::decides(&var.name))?;
        let of_map = source.config_map_key_ref.as_ref().map(|map| ("configMap", &map.name, &map.key));
        let of_secret = source.secret_key_ref.as_ref().map(|secret| ("secret", &secret.name, &secret.key));
        let (kind, name, key) = of_map.or(of_secret)?;
        Some(format!("{}={kind}/{name}/{key}", var.name))
    });
    let keyed: Vec<String> = keyed.collect();
    let mounts = mounts.as_deref().unwrap_or_default().iter().map(|mount| MountFacts {
        volume: mount.name.clone(),
        path: mount.mount_path.clone(),
        sub_path: mount
            .sub_path
            .clone()
            .or_else(|| mount.sub_path_expr.clone())
            .filter(|path| !path.is_empty()),
    });
    ContainerFacts {
        name: name.to_owned(),
        kind,
        env: variables,
        env_emptied: emptied,
        sources: env_from.iter().map(EnvSource::to_string).chain(keyed).collect(),
        env_from,
        mounts: mounts.collect(),
        ..ContainerFacts::default()
    }
}

/// Whether a value has names in it that nobody has put a value in place of.
fn names_others(value: &str) -> bool {
    value.split_once("$(").is_some_and(|(_, rest)| rest.contains(')'))
}

/// Where a property of the Java machine names an access key, which goes before every variable.
fn java_key(
    env: &Option<Vec<core::EnvVar>>,
    command: &Option<Vec<String>>,
    arguments: &Option<Vec<String>>,
) -> Option<&'static str> {
    let options = env.iter().flatten().filter(|var| var.name == JAVA_OPTIONS);
    if options.filter_map(|var| var.value.as_deref()).any(names_key_to_java) {
        return Some(JAVA_OPTIONS);
    }
    let mut words = command.iter().flatten().chain(arguments.iter().flatten());
    words.any(|word| names_key_to_java(word)).then_some("its command")
}

fn env_fact(pod: &core::Pod, var: &core::EnvVar, known: &BTreeMap<&str, Option<String>>) -> EnvFact {
    // What must be there is set, whatever it says; and of what may not be there nobody knows.
    let may_lack = var.value_from.as_ref().is_some_and(|source| {
        let of_map = source.config_map_key_ref.as_ref().and_then(|map| map.optional);
        of_map.or(source.secret_key_ref.as_ref().and_then(|secret| secret.optional)) == Some(true)
    });
    let is_java = var.name == JAVA_OPTIONS && var.value_from.is_some();
    let is_told = SHOWN_ENV.contains(&var.name.as_str()) || is_java;
    if !(is_told || may_lack && env_vars::decides(&var.name)) {
        return EnvFact::Set;
    }
    match &var.value_from {
        None => match expanded(var.value.as_deref().unwrap_or_default(), known) {
            Some(value) => EnvFact::Value(value),
            None => from("other variables"),
        },
        Some(core::EnvVarSource { config_map_key_ref: Some(map), .. }) => {
            keyed(format!("configMap/{}", map.name), &map.key, map.optional)
        }
        Some(core::EnvVarSource { secret_key_ref: Some(secret), .. }) => {
            keyed(format!("secret/{}", secret.name), &secret.key, secret.optional)
        }
        Some(core::EnvVarSource { field_ref: Some(field), .. }) => {
            let known = field_of(pod, &field.field_path).filter(|value| !value.is_empty());
            match (known, NAME_FIELDS.contains(&field.field_path.as_str())) {
                (Some(value), _) => EnvFact::Value(value),
                // Of a template, which has none yet: STS takes every name as that of a session.
                (None, true) if var.name == ROLE_SESSION_NAME => EnvFact::Set,
                (None, _) => from(FIELD),
            }
        }
        Some(_) => from("elsewhere"),
    }
}

fn from(name: &str) -> EnvFact {
    EnvFact::From(EnvSource { name: name.to_owned(), ..EnvSource::default() })
}

fn keyed(name: String, key: &str, optional: Option<bool>) -> EnvFact {
    let is_optional = optional == Some(true);
    EnvFact::From(EnvSource { name, key: Some(key.to_owned()), is_optional, ..EnvSource::default() })
}

/// The fields of a pod that are names.
const NAME_FIELDS: [&str; 3] = ["metadata.name", "metadata.namespace", "spec.serviceAccountName"];

/// One of [`NAME_FIELDS`], a label or an annotation.
fn field_of(pod: &core::Pod, path: &str) -> Option<String> {
    if let Some((map, key)) = path.strip_suffix("']").and_then(|path| path.split_once("['")) {
        let map = match map {
            "metadata.labels" => &pod.metadata.labels,
            "metadata.annotations" => &pod.metadata.annotations,
            _ => &None,
        };
        return map.as_ref()?.get(key).cloned();
    }
    match path {
        "metadata.name" => pod.metadata.name.clone(),
        "metadata.namespace" => pod.metadata.namespace.clone(),
        "spec.serviceAccountName" => pod.spec.as_ref()?.service_account_name.clone(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: Value) -> PodFacts {
        pod_facts(&serde_json::from_value(json).unwrap())
    }

    #[test]
    fn an_empty_pod_has_facts_too() {
        assert_eq!(read(serde_json::json!({})).service_account, "default");
    }

    #[test]
    fn values_that_are_not_rrsas_are_not_taken() {
        let facts = read(serde_json::json!({"spec": {"containers": [{"name": "app", "env": [
            {"name": "PASSWORD", "value": "hunter2"},
            {"name": "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "value": "hunter2"},
            {"name": "ALIBABA_CLOUD_ROLE_ARN", "value": "acs:ram::1:role/r"},
            {"name": "ALIBABA_CLOUD_OIDC_TOKEN_FILE", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}},
        ]}]}}));
        assert!(!format!("{facts:?}").contains("hunter2"));
        let env = &facts.containers[0].env;
        assert_eq!(env["PASSWORD"], EnvFact::Set);
        assert_eq!(env["ALIBABA_CLOUD_ROLE_ARN"], EnvFact::Value("acs:ram::1:role/r".to_owned()));
        assert_eq!(
            env["ALIBABA_CLOUD_OIDC_TOKEN_FILE"],
            EnvFact::From(EnvSource {
                name: "configMap/m".to_owned(),
                key: Some("k".to_owned()),
                ..EnvSource::default()
            })
        );
    }

    #[test]
    fn variables_are_put_in_place_of_their_names_as_the_kubelet_does_it() {
        let facts = read(serde_json::json!({"spec": {"containers": [{"name": "app", "env": [
            {"name": "ACC", "value": "1"},
            {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "m", "key": "k"}}},
            {"name": "ALIBABA_CLOUD_ROLE_ARN", "value": "acs:ram::$(ACC):role/$$(ACC)$(LATER)"},
            {"name": "ALIBABA_CLOUD_OIDC_TOKEN_FILE", "value": "/$(SECRET)"},
            {"name": "LATER", "value": "x"},
        ]}]}}));
        let env = &facts.containers[0].env;
        assert_eq!(
            env["ALIBABA_CLOUD_ROLE_ARN"],
            EnvFact::Value("acs:ram::1:role/$(ACC)$(LATER)".to_owned())
        );
        assert_eq!(
            env["ALIBABA_CLOUD_OIDC_TOKEN_FILE"],
            EnvFact::From(EnvSource { name: "other variables".to_owned(), ..EnvSource::default() })
        );
    }

    #[test]
    fn a_key_among_the_properties_of_java_is_seen_and_not_taken() {
        for (container, place) in [
            (
                serde_json::json!({"env": [{"name": "JAVA_TOOL_OPTIONS", "value": "-Xmx1g -Dalibabacloud.accessKeyId=hunter2"}]}),
                Some("JAVA_TOOL_OPTIONS"),
            ),
            (
                serde_json::json!({"command": ["java", "-Dalibabacloud.accessKeyId=hunter2"]}),
                Some("its command"),
            ),
            (serde_json::json!({"args": ["java", "-Xmx1g"]}), None),
        ] {
            let mut container = container;
            container["name"] = "app".into();
            let facts = read(serde_json::json!({"spec": {"containers": [container]}}));
            assert_eq!(facts.containers[0].java_key, place);
            assert!(!format!("{facts:?}").contains("hunter2"));
        }
    }

    #[test]
    fn a_refusal_of_a_service_is_read_and_one_of_sts_is_not() {
        let detail = r#"oss: {"Code":"AccessDenied","AccessDeniedDetail":{"AuthAction":"oss:GetObject",
            "NoPermissionType":"ImplicitDeny","PolicyType":"AccountLevelIdentityBasedPolicy"}} hunter2"#;
        let denied = denial(detail).unwrap();
        assert_eq!((denied.code.as_str(), denied.action.as_deref()), ("ImplicitDeny", Some("oss:GetObject")));
        assert_eq!(denied.policy_type.as_deref(), Some("AccountLevelIdentityBasedPolicy"));
        assert_eq!(denial("ErrorCode: Forbidden.RAM").unwrap().action, None);
        assert_eq!(denial("AuthenticationFail.NoPermission ImplicitDeny"), None);
        assert_eq!(denial("all is well"), None);
    }

    #[test]
    fn a_pod_of_a_deployment_names_what_to_restart() {
        let facts = read(serde_json::json!({"metadata": {
        "labels": {"pod-template-hash": "5d8f"},
        "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "demo-5d8f", "uid": "u", "controller": true}
        ]}}));
        assert_eq!(facts.owner.as_deref(), Some("deployment/demo"));
    }

    #[test]
    fn the_jobs_of_one_cronjob_are_one_workload() {
        assert_eq!(lasting("job/nightly-28999000"), "cronjob/nightly");
        assert_eq!(lasting("job/once"), "job/once");
        assert_eq!(lasting("deployment/demo-2"), "deployment/demo-2");
    }
}
