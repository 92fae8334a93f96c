//! The environment of a container, as the kubelet makes it.

use serde_json::Value;

use super::volumes::content;
use crate::sandbox::cluster::object::{self, list, text};
use crate::sandbox::cluster::store::Store;

/// Variables in the order that they were set.
pub(crate) type Environment = Vec<(String, String)>;

/// The variables of `container` in `pod`.
///
/// # Errors
/// What is missing, in the kubelet's words; the container cannot be made then.
pub(crate) fn environment(container: &Value, pod: &Value, store: &Store) -> Result<Environment, String> {
    let mut variables = vec![
        ("PATH".to_owned(), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
        ("HOSTNAME".to_owned(), object::name(pod).to_owned()),
    ];
    for (name, value) in [
        ("KUBERNETES_SERVICE_HOST", "172.16.0.1"),
        ("KUBERNETES_SERVICE_PORT", "443"),
        ("KUBERNETES_SERVICE_PORT_HTTPS", "443"),
    ] {
        set(&mut variables, name, value.to_owned());
    }
    for source in list(container, "/envFrom") {
        for (kind, plural) in [("configMapRef", "configmaps"), ("secretRef", "secrets")] {
            let Some(reference) = source.get(kind) else { continue };
            let Some(found) = lookup(reference, plural, pod, store)? else { continue };
            for (key, value) in found["data"].as_object().into_iter().flatten() {
                let name = format!("{}{key}", text(source, "/prefix"));
                set(&mut variables, &name, string(value, plural));
            }
        }
    }
    for variable in list(container, "/env") {
        let value = match variable.get("valueFrom") {
            None => Some(expand(text(variable, "/value"), &variables)),
            Some(source) => referenced(source, pod, store)?,
        };
        if let Some(value) = value {
            set(&mut variables, text(variable, "/name"), value);
        }
    }
    Ok(variables)
}

fn set(variables: &mut Environment, name: &str, value: String) {
    match variables.iter_mut().find(|(one, _)| one == name) {
        Some(variable) => variable.1 = value,
        None => variables.push((name.to_owned(), value)),
    }
}

fn string(value: &Value, plural: &str) -> String {
    String::from_utf8_lossy(&content(value, plural == "secrets")).into_owned()
}

fn lookup<'a>(
    reference: &Value,
    plural: &str,
    pod: &Value,
    store: &'a Store,
) -> Result<Option<&'a Value>, String> {
    let name = text(reference, "/name");
    match store.core(plural, object::namespace(pod), name) {
        None if reference["optional"] != true => {
            Err(format!("{} {name:?} not found", plural.trim_end_matches('s')))
        }
        found => Ok(found),
    }
}

fn referenced(source: &Value, pod: &Value, store: &Store) -> Result<Option<String>, String> {
    if let Some(reference) = source.get("fieldRef") {
        let path = text(reference, "/fieldPath");
        return field(pod, path).map(Some).ok_or_else(|| format!("unsupported fieldPath: {path}"));
    }
    for (kind, plural) in [("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")] {
        let Some(reference) = source.get(kind) else { continue };
        let key = text(reference, "/key");
        let Some(found) = lookup(reference, plural, pod, store)? else { return Ok(None) };
        return match found["data"].get(key) {
            Some(value) => Ok(Some(string(value, plural))),
            None if reference["optional"] == true => Ok(None),
            None => {
                let kind = if plural == "secrets" { "Secret" } else { "ConfigMap" };
                let (namespace, name) = (object::namespace(pod), object::name(found));
                Err(format!("couldn't find key {key} in {kind} {namespace}/{name}"))
            }
        };
    }
    Err("the sandbox resolves fieldRef, configMapKeyRef and secretKeyRef only".to_owned())
}

/// The field of a pod that a `fieldPath` names.
pub(super) fn field(pod: &Value, path: &str) -> Option<String> {
    if let Some((list, key)) = path.strip_suffix("']").and_then(|path| path.split_once("['")) {
        let pointer = format!("/{}", list.replace('.', "/"));
        return Some(pod.pointer(&pointer)?.get(key).and_then(Value::as_str).unwrap_or_default().to_owned());
    }
    match path {
        "metadata.name"
        | "metadata.namespace"
        | "metadata.uid"
        | "spec.nodeName"
        | "spec.serviceAccountName"
        | "status.podIP"
        | "status.hostIP" => Some(text(pod, &format!("/{}", path.replace('.', "/"))).to_owned()),
        _ => None,
    }
}

/// Replaces `$(NAME)` of a known variable; `$$` stands for `$`.
fn expand(value: &str, variables: &Environment) -> String {
    let mut expanded = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let reference = after.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        rest = match reference {
            _ if after.starts_with('$') => {
                expanded.push('$');
                &after[1..]
            }
            Some((name, rest)) => {
                match variables.iter().find(|(one, _)| one == name) {
                    Some((_, value)) => expanded.push_str(value),
                    None => expanded.push_str(&format!("$({name})")),
                }
                rest
            }
            None => {
                expanded.push('$');
                after
            }
        };
    }
    expanded + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::cluster::resource::Resource;
    use crate::sandbox::cluster::store::Key;
    use serde_json::json;

    fn resolve(container: &Value) -> Result<String, String> {
        let mut store = Store::default();
        let config = json!({"metadata": {"name": "c", "namespace": "a"}, "data": {"key": "config"}});
        store.put(Key::new(Resource::core("configmaps"), "a", "c"), config);
        let secret = json!({"metadata": {"name": "s", "namespace": "a"}, "data": {"key": "c2VjcmV0"}});
        store.put(Key::new(Resource::core("secrets"), "a", "s"), secret);
        let pod = json!({"metadata": {"name": "p", "namespace": "a", "labels": {"x/y": "z"}}});
        let variables = environment(container, &pod, &store)?;
        let own = variables.iter().filter(|(name, _)| name.len() <= 4 && name != "PATH");
        Ok(own.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn variables_come_from_values_fields_and_keys() {
        for (container, expected) in [
            (
                json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)-$(C)-$$(A)"}]}),
                "A=1 B=1-$(C)-$(A)",
            ),
            (
                json!({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}),
                "A=p",
            ),
            (
                json!({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['x/y']"}}}]}),
                "A=z",
            ),
            (
                json!({"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "key"}}}]}),
                "A=config",
            ),
            (
                json!({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "key"}}}]}),
                "A=secret",
            ),
            (
                json!({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "x", "key": "key", "optional": true}}}]}),
                "",
            ),
            (
                json!({"envFrom": [{"secretRef": {"name": "s"}}], "env": [{"name": "key", "value": "own"}]}),
                "key=own",
            ),
            (json!({"envFrom": [{"prefix": "P", "configMapRef": {"name": "c"}}]}), "Pkey=config"),
        ] {
            assert_eq!(resolve(&container).unwrap(), expected, "{container}");
        }
    }

    #[test]
    fn what_is_missing_keeps_the_container_from_being_made() {
        for (source, words) in [
            (json!({"secretKeyRef": {"name": "x", "key": "k"}}), "secret \"x\" not found"),
            (json!({"configMapKeyRef": {"name": "c", "key": "k"}}), "couldn't find key k in ConfigMap a/c"),
            (json!({"fieldRef": {"fieldPath": "spec.x"}}), "unsupported fieldPath: spec.x"),
        ] {
            let container = json!({"env": [{"name": "A", "valueFrom": source}]});
            assert_eq!(resolve(&container).unwrap_err(), words);
        }
    }
}
