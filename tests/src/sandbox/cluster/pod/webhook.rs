//! The stand-in for ack-pod-identity-webhook: what it injects into a pod, and when.

use serde_json::{Value, json};

use crate::sandbox::cluster::object::{annotation, fill, items, label, text};
use crate::sandbox::world::{RRSA_AUDIENCE, World};

const INJECTION: &str = "pod-identity.alibabacloud.com/injection";
const ROLE_NAME: &str = "pod-identity.alibabacloud.com/role-name";
const EXPIRATION: &str = "pod-identity.alibabacloud.com/service-account-token-expiration";
const ONLY: &str = "pod-identity.alibabacloud.com/only-containers";
const SKIP: &str = "pod-identity.alibabacloud.com/skip-containers";
const OVERRIDE: &str = "pod-identity.alibabacloud.com/override-env";

const VOLUME: &str = "rrsa-oidc-token";
const MOUNT: &str = "/var/run/secrets/ack.alibabacloud.com/rrsa-tokens";

/// The version that is played; STS variables are injected from 0.4.0, `override-env` is read from 0.4.2.
pub(crate) const VERSION: &str = "v0.4.2";

/// What the webhook knows of the account and the cluster.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    account_id: String,
    provider_arn: String,
    region: String,
}

impl Webhook {
    /// The webhook of the world's cluster.
    pub(crate) fn new(world: &World) -> Self {
        Self {
            account_id: world.account_id.clone(),
            provider_arn: world.provider_arn(&world.cluster_provider_name()),
            region: world.region.clone(),
        }
    }

    /// Injects environment, volume and mounts into `pod`, if its namespace or its own label asks for that
    /// and its ServiceAccount names a role.
    pub(crate) fn mutate(&self, pod: &mut Value, namespace: &Value, account: &Value) {
        if label(namespace, INJECTION) != Some("on") && label(pod, INJECTION) != Some("on") {
            return;
        }
        let Some(role) = annotation(account, ROLE_NAME).filter(|role| is_role_name(role)) else { return };
        let replace = label(namespace, OVERRIDE) == Some("true") || annotation(pod, OVERRIDE) == Some("true");
        let seconds = annotation(pod, EXPIRATION).or(annotation(account, EXPIRATION));
        let seconds =
            seconds.and_then(|text| text.parse().ok()).filter(|seconds| (600..=43_200).contains(seconds));
        let seconds: i64 = seconds.unwrap_or(3600);
        let (only, skip) =
            (annotation(pod, ONLY).map(names), annotation(pod, SKIP).map(names).unwrap_or_default());
        let environment = self.environment(role);
        let mut injected = false;
        for list in ["initContainers", "containers"] {
            let Some(containers) = pod["spec"].get_mut(list).and_then(Value::as_array_mut) else { continue };
            for container in containers {
                let name = text(container, "/name");
                if skip.iter().any(|one| one == name)
                    || only.as_ref().is_some_and(|only| !only.iter().any(|one| one == name))
                {
                    continue;
                }
                inject(container, &environment, replace);
                injected = true;
            }
        }
        if !injected {
            return;
        }
        fill(pod, &["spec", "volumes"], json!([]));
        let volumes = items(&mut pod["spec"]["volumes"]);
        if !volumes.iter().any(|volume| volume["name"] == VOLUME) {
            let token = json!({"audience": RRSA_AUDIENCE, "expirationSeconds": seconds, "path": "token"});
            let sources = json!([{"serviceAccountToken": token}]);
            volumes.push(json!({"name": VOLUME, "projected": {"defaultMode": 420, "sources": sources}}));
        }
    }

    fn environment(&self, role: &str) -> Vec<(&'static str, String)> {
        vec![
            ("ALIBABA_CLOUD_ROLE_ARN", format!("acs:ram::{}:role/{role}", self.account_id)),
            ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", self.provider_arn.clone()),
            ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", format!("{MOUNT}/token")),
            ("ALIBABA_CLOUD_STS_ENDPOINT", format!("sts-vpc.{}.aliyuncs.com", self.region)),
            ("ALIBABA_CLOUD_STS_REGION", self.region.clone()),
            ("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED", "true".to_owned()),
        ]
    }
}

fn inject(container: &mut Value, environment: &[(&str, String)], replace: bool) {
    fill(container, &["env"], json!([]));
    let env = items(&mut container["env"]);
    for (name, value) in environment {
        let variable = json!({"name": name, "value": value});
        match env.iter_mut().find(|one| one["name"] == *name) {
            Some(present) if replace => *present = variable,
            Some(_) => {}
            None => env.push(variable),
        }
    }
    fill(container, &["volumeMounts"], json!([]));
    let mounts = items(&mut container["volumeMounts"]);
    if !mounts.iter().any(|mount| mount["mountPath"] == MOUNT) {
        mounts.push(json!({"name": VOLUME, "mountPath": MOUNT, "readOnly": true}));
    }
}

fn names(list: &str) -> Vec<String> {
    list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// Whether RAM could have a role of this name; an ARN is none.
fn is_role_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON: &str = r#"{"labels": {"pod-identity.alibabacloud.com/injection": "on"}}"#;

    /// The pod of `metadata` after the webhook: which of its containers `a` and `b` know their role.
    fn injected(namespace: &str, role: &str, metadata: &str) -> (Value, Vec<String>) {
        let object = |metadata: &str| json!({"metadata": serde_json::from_str::<Value>(metadata).unwrap()});
        let mut pod = object(metadata);
        let env = json!([{"name": "ALIBABA_CLOUD_ROLE_ARN", "value": "mine"}]);
        pod["spec"] = json!({"containers": [{"name": "a"}, {"name": "b", "env": env}]});
        let account = json!({"metadata": {"annotations": {ROLE_NAME: role}}});
        Webhook::new(&World::default()).mutate(&mut pod, &object(namespace), &account);
        let roles = pod["spec"]["containers"].as_array().unwrap().iter();
        let roles =
            roles.map(|one| text(one, "/env/0/value").rsplit('/').next().unwrap().to_owned()).collect();
        (pod, roles)
    }

    #[test]
    fn labels_and_annotations_decide_what_is_injected() {
        let pod = |key: &str, value: &str| format!(r#"{{"annotations": {{"{key}": "{value}"}}}}"#);
        for (namespace, role, metadata, roles) in [
            (ON, "r", "{}".to_owned(), ["r", "mine"]),
            ("{}", "r", "{}".to_owned(), ["", "mine"]),
            (
                &ON.replace("on", "true").replace("injectitrue", "injection"),
                "r",
                "{}".to_owned(),
                ["", "mine"],
            ),
            ("{}", "r", ON.to_owned(), ["r", "mine"]),
            (ON, "acs:ram::1:role/r", "{}".to_owned(), ["", "mine"]),
            (ON, "", "{}".to_owned(), ["", "mine"]),
            (ON, "r", pod(OVERRIDE, "true"), ["r", "r"]),
            (ON, "r", pod(OVERRIDE, "on"), ["r", "mine"]),
            (ON, "r", pod(SKIP, "a"), ["", "mine"]),
            (ON, "r", pod(ONLY, "b, c"), ["", "mine"]),
        ] {
            assert_eq!(injected(namespace, role, &metadata).1, roles, "{namespace} {role} {metadata}");
        }
    }

    #[test]
    fn one_volume_serves_every_container() {
        let (pod, _) = injected(ON, "r", "{}");
        assert_eq!(pod["spec"]["volumes"].as_array().unwrap().len(), 1);
        let token = &pod["spec"]["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"];
        assert_eq!(
            *token,
            json!({"audience": "sts.aliyuncs.com", "expirationSeconds": 3600, "path": "token"})
        );
        for container in pod["spec"]["containers"].as_array().unwrap() {
            assert_eq!(
                container["volumeMounts"],
                json!([{"name": VOLUME, "mountPath": MOUNT, "readOnly": true}])
            );
        }
    }

    #[test]
    fn a_pod_without_a_selected_container_gets_no_volume() {
        let metadata = format!(r#"{{"annotations": {{"{SKIP}": "a,b"}}}}"#);
        assert_eq!(injected(ON, "r", &metadata).0["spec"].get("volumes"), None);
    }

    #[test]
    fn the_token_lives_as_long_as_the_annotation_says_if_that_is_allowed() {
        for (annotation, seconds) in [("7200", 7200), ("599", 3600), ("43201", 3600), ("soon", 3600)] {
            let metadata = format!(r#"{{"annotations": {{"{EXPIRATION}": "{annotation}"}}}}"#);
            let pod = injected(ON, "r", &metadata).0;
            let token = &pod["spec"]["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"];
            assert_eq!(token["expirationSeconds"], seconds, "{annotation}");
        }
    }
}
