//! What happens to a pod before it is kept: ServiceAccount, webhook, defaults, validation.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::knobs::Knobs;
use super::webhook::Webhook;
use crate::sandbox::cluster::failure::Failure;
use crate::sandbox::cluster::object::{self, fill, items, list, suffix, text};
use crate::sandbox::cluster::resource::Resource;
use crate::sandbox::cluster::store::Store;
use crate::sandbox::cluster::token::SHORTEST;

const API_TOKEN_MOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Admits `pod` into its namespace.
///
/// # Errors
/// 403 when its ServiceAccount does not exist, 422 when a field is not valid.
pub(crate) fn admit(pod: &mut Value, store: &Store, webhook: Option<&Webhook>) -> Result<(), Failure> {
    let knobs = Knobs::read(pod)?;
    fill(pod, &["spec", "serviceAccountName"], "default");
    if text(pod, "/spec/serviceAccountName").is_empty() {
        pod["spec"]["serviceAccountName"] = "default".into();
    }
    let (namespace, name) =
        (object::namespace(pod).to_owned(), text(pod, "/spec/serviceAccountName").to_owned());
    pod["spec"]["serviceAccount"] = name.clone().into();
    let account = store.core("serviceaccounts", &namespace, &name).cloned().ok_or_else(|| {
        let why =
            format!("error looking up service account {namespace}/{name}: serviceaccount {name:?} not found");
        Failure::forbidden(Resource::core("pods"), object::name(pod), &why)
    })?;
    if !knobs.unseen {
        mount_api_token(pod, &account);
        if let Some(webhook) = webhook {
            let namespace = store.core("namespaces", "", &namespace).cloned().unwrap_or_default();
            webhook.mutate(pod, &namespace, &account);
        }
    }
    default(pod);
    validate(pod)
}

/// What the ServiceAccount admission plugin adds: the token for the API server.
fn mount_api_token(pod: &mut Value, account: &Value) {
    let wanted =
        pod["spec"].get("automountServiceAccountToken").or(account.get("automountServiceAccountToken"));
    if wanted == Some(&json!(false)) {
        return;
    }
    let volume = format!("kube-api-access-{}", suffix());
    let mut used = false;
    for group in ["initContainers", "containers"] {
        for container in pod["spec"].get_mut(group).and_then(Value::as_array_mut).into_iter().flatten() {
            fill(container, &["volumeMounts"], json!([]));
            let mounts = items(&mut container["volumeMounts"]);
            if !mounts.iter().any(|mount| mount["mountPath"] == API_TOKEN_MOUNT) {
                mounts.push(json!({"name": volume, "readOnly": true, "mountPath": API_TOKEN_MOUNT}));
                used = true;
            }
        }
    }
    if used {
        fill(pod, &["spec", "volumes"], json!([]));
        let root = json!({"key": "ca.crt", "path": "ca.crt"});
        let field = json!({"apiVersion": "v1", "fieldPath": "metadata.namespace"});
        items(&mut pod["spec"]["volumes"]).push(
            json!({"name": volume, "projected": {"defaultMode": 420, "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [root]}},
                {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
            ]}}),
        );
    }
}

fn default(pod: &mut Value) {
    for (field, value) in [
        ("restartPolicy", json!("Always")),
        ("dnsPolicy", json!("ClusterFirst")),
        ("schedulerName", json!("default-scheduler")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("enableServiceLinks", json!(true)),
        ("securityContext", json!({})),
    ] {
        fill(pod, &["spec", field], value);
    }
    for group in ["initContainers", "containers"] {
        for container in pod["spec"].get_mut(group).and_then(Value::as_array_mut).into_iter().flatten() {
            fill(container, &["imagePullPolicy"], "IfNotPresent");
            fill(container, &["terminationMessagePath"], "/dev/termination-log");
            fill(container, &["terminationMessagePolicy"], "File");
            fill(container, &["resources"], json!({}));
        }
    }
    for volume in pod["spec"].get_mut("volumes").and_then(Value::as_array_mut).into_iter().flatten() {
        for kind in ["projected", "secret", "configMap", "downwardAPI"] {
            if volume.get(kind).is_some() {
                fill(volume, &[kind, "defaultMode"], 420);
            }
        }
        for source in
            volume.pointer_mut("/projected/sources").and_then(Value::as_array_mut).into_iter().flatten()
        {
            if source.get("serviceAccountToken").is_some() {
                fill(source, &["serviceAccountToken", "expirationSeconds"], 3600);
            }
        }
    }
}

fn validate(pod: &Value) -> Result<(), Failure> {
    let invalid = |field: String, cause: &str, why: &str| {
        Err(Failure::invalid("Pod", "", object::name(pod), &field, cause, why))
    };
    let volumes: BTreeSet<&str> =
        list(pod, "/spec/volumes").iter().map(|volume| text(volume, "/name")).collect();
    if list(pod, "/spec/containers").is_empty() {
        return invalid("spec.containers".to_owned(), "FieldValueRequired", "Required value");
    }
    let mut names = BTreeSet::new();
    for group in ["initContainers", "containers"] {
        for (index, container) in list(pod, &format!("/spec/{group}")).iter().enumerate() {
            let place = format!("spec.{group}[{index}]");
            for field in ["name", "image"] {
                if text(container, &format!("/{field}")).is_empty() {
                    return invalid(format!("{place}.{field}"), "FieldValueRequired", "Required value");
                }
            }
            let name = text(container, "/name");
            if !names.insert(name) {
                let why = format!("Duplicate value: {name:?}");
                return invalid(format!("{place}.name"), "FieldValueDuplicate", &why);
            }
            for (index, mount) in list(container, "/volumeMounts").iter().enumerate() {
                let volume = text(mount, "/name");
                if !volumes.contains(volume) {
                    let field = format!("{place}.volumeMounts[{index}].name");
                    return invalid(field, "FieldValueNotFound", &format!("Not found: {volume:?}"));
                }
            }
        }
    }
    for (number, volume) in list(pod, "/spec/volumes").iter().enumerate() {
        for (index, source) in list(volume, "/projected/sources").iter().enumerate() {
            let Some(seconds) = source.pointer("/serviceAccountToken/expirationSeconds") else { continue };
            if seconds.as_i64().is_none_or(|seconds| seconds < SHORTEST) {
                let field = format!(
                    "spec.volumes[{number}].projected.sources[{index}].serviceAccountToken.expirationSeconds"
                );
                let why =
                    format!("Invalid value: {seconds}: may not specify a duration less than 10 minutes");
                return invalid(field, "FieldValueInvalid", &why);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::cluster::store::Key;

    fn store() -> Store {
        let mut store = Store::default();
        let key = Key::new(Resource::core("serviceaccounts"), "a", "default");
        store.put(key, json!({"metadata": {"name": "default", "namespace": "a"}}));
        store
    }

    fn pod(spec: Value) -> Value {
        json!({"metadata": {"name": "p", "namespace": "a"}, "spec": spec})
    }

    #[test]
    fn a_pod_without_a_service_account_gets_the_default_one_and_its_api_token() {
        let mut pod = pod(json!({"containers": [{"name": "c", "image": "i"}]}));
        admit(&mut pod, &store(), None).unwrap();
        assert_eq!(pod["spec"]["serviceAccountName"], "default");
        let volume = pod["spec"]["containers"][0]["volumeMounts"][0]["name"].as_str().unwrap();
        assert!(volume.starts_with("kube-api-access-"), "{volume}");
        assert_eq!(pod["spec"]["volumes"][0]["name"], volume);
    }

    #[test]
    fn the_api_token_can_be_declined() {
        let mut pod =
            pod(json!({"automountServiceAccountToken": false, "containers": [{"name": "c", "image": "i"}]}));
        admit(&mut pod, &store(), None).unwrap();
        assert_eq!(pod["spec"].get("volumes"), None);
    }

    #[test]
    fn pods_that_cannot_be_are_refused_at_the_field() {
        let token = json!({"serviceAccountToken": {"path": "token", "expirationSeconds": 599}});
        for (spec, code, words) in [
            (
                json!({"serviceAccountName": "x", "containers": []}),
                403,
                "error looking up service account a/x",
            ),
            (json!({"containers": []}), 422, "spec.containers: Required value"),
            (json!({"containers": [{"name": "c"}]}), 422, "spec.containers[0].image: Required value"),
            (
                json!({"containers": [{"name": "c", "image": "i"}, {"name": "c", "image": "i"}]}),
                422,
                "spec.containers[1].name: Duplicate value: \"c\"",
            ),
            (
                json!({"containers": [{"name": "c", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]}),
                422,
                "volumeMounts[0].name: Not found: \"v\"",
            ),
            (
                json!({"containers": [{"name": "c", "image": "i"}],
                       "volumes": [{"name": "v", "projected": {"sources": [token]}}]}),
                422,
                "expirationSeconds: Invalid value: 599",
            ),
        ] {
            let failure = admit(&mut pod(spec), &store(), None).unwrap_err();
            assert_eq!(failure.code, code, "{}", failure.message);
            assert!(failure.message.contains(words), "{}", failure.message);
        }
    }
}
