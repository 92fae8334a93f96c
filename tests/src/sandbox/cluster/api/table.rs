//! Tables: what kubectl prints, computed here as the API server does.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::shape::metadata;
use crate::sandbox::cluster::object::{list, name, text};
use crate::sandbox::cluster::resource::Resource;

/// What a table shows besides the objects themselves.
pub(crate) struct View<'a> {
    /// The time that ages are measured to.
    pub(crate) now: Timestamp,
    /// `includeObject`: `None`, `Metadata` (the default) or `Object`.
    pub(crate) include: &'a str,
}

type Column = (&'static str, &'static str, u8);

const NAME: Column = ("Name", "string", 0);
const AGE: Column = ("Age", "string", 0);

/// The columns of a resource: title, type and priority (1 for `-o wide` only).
fn columns(resource: &Resource) -> Vec<Column> {
    let wide = |title| (title, "string", 1);
    let plain = |title| (title, "string", 0);
    match resource.plural {
        "pods" => vec![
            NAME,
            plain("Ready"),
            plain("Status"),
            plain("Restarts"),
            AGE,
            wide("IP"),
            wide("Node"),
            wide("Nominated Node"),
            wide("Readiness Gates"),
        ],
        "serviceaccounts" => vec![NAME, ("Secrets", "integer", 0), AGE],
        "namespaces" => vec![NAME, plain("Status"), AGE],
        "nodes" => vec![
            NAME,
            plain("Status"),
            plain("Roles"),
            AGE,
            plain("Version"),
            wide("Internal-IP"),
            wide("External-IP"),
            wide("OS-Image"),
            wide("Kernel-Version"),
            wide("Container-Runtime"),
        ],
        "configmaps" => vec![NAME, ("Data", "integer", 0), AGE],
        "secrets" => vec![NAME, plain("Type"), ("Data", "integer", 0), AGE],
        "deployments" => vec![
            NAME,
            plain("Ready"),
            ("Up-to-date", "integer", 0),
            ("Available", "integer", 0),
            AGE,
            wide("Containers"),
            wide("Images"),
            wide("Selector"),
        ],
        "replicasets" => {
            let count = |title| (title, "integer", 0);
            let names = [wide("Containers"), wide("Images"), wide("Selector")];
            [vec![NAME, count("Desired"), count("Current"), count("Ready"), AGE], names.to_vec()].concat()
        }
        "events" => {
            vec![plain("Last Seen"), plain("Type"), plain("Reason"), plain("Object"), plain("Message")]
        }
        "mutatingwebhookconfigurations" => vec![NAME, ("Webhooks", "integer", 0), AGE],
        _ => vec![NAME, ("Created At", "date", 0)],
    }
}

fn cells(resource: &Resource, object: &Value, now: Timestamp) -> Vec<Value> {
    let age = age(text(object, "/metadata/creationTimestamp"), now);
    let name = name(object);
    let count = |pointer: &str| object.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let size =
        |pointer: &str| object.pointer(pointer).and_then(Value::as_object).map_or(0, serde_json::Map::len);
    let wide = || {
        let containers = list(object, "/spec/template/spec/containers");
        let joined = |key: &str| containers.iter().map(|one| text(one, key)).collect::<Vec<_>>().join(",");
        [joined("/name"), joined("/image"), labels(&object["spec"]["selector"]["matchLabels"])]
    };
    match resource.plural {
        "pods" => pod(object, age),
        "serviceaccounts" => vec![name.into(), list(object, "/secrets").len().into(), age.into()],
        "namespaces" => vec![name.into(), text(object, "/status/phase").into(), age.into()],
        "nodes" => node(object, age),
        "configmaps" => vec![name.into(), (size("/data") + size("/binaryData")).into(), age.into()],
        "secrets" => vec![name.into(), text(object, "/type").into(), size("/data").into(), age.into()],
        "deployments" => {
            let [containers, images, selector] = wide();
            let ready = format!("{}/{}", count("/status/readyReplicas"), count("/spec/replicas"));
            let [updated, available] =
                ["updatedReplicas", "availableReplicas"].map(|key| count(&format!("/status/{key}")));
            json_row(
                [json!(name), json!(ready), json!(updated), json!(available), json!(age)],
                [containers, images, selector],
            )
        }
        "replicasets" => {
            let [desired, current, ready] =
                ["/spec/replicas", "/status/replicas", "/status/readyReplicas"].map(count);
            json_row([json!(name), json!(desired), json!(current), json!(ready), json!(age)], wide())
        }
        "events" => {
            let last =
                ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
            let last = last.iter().map(|pointer| text(object, pointer)).find(|time| !time.is_empty());
            let involved = &object["involvedObject"];
            let target = format!("{}/{}", text(involved, "/kind").to_lowercase(), text(involved, "/name"));
            let seen = self::age(last.unwrap_or_default(), now);
            [&seen, text(object, "/type"), text(object, "/reason"), &target, text(object, "/message")]
                .map(Value::from)
                .to_vec()
        }
        "mutatingwebhookconfigurations" => {
            vec![name.into(), list(object, "/webhooks").len().into(), age.into()]
        }
        _ => vec![name.into(), text(object, "/metadata/creationTimestamp").into()],
    }
}

fn json_row<const N: usize, const M: usize>(plain: [Value; N], wide: [String; M]) -> Vec<Value> {
    plain.into_iter().chain(wide.into_iter().map(Value::from)).collect()
}

fn labels(labels: &Value) -> String {
    let pairs = labels.as_object().into_iter().flatten();
    let pairs: Vec<String> =
        pairs.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    or_none(&pairs.join(","))
}

fn pod(pod: &Value, age: String) -> Vec<Value> {
    let statuses = list(pod, "/status/containerStatuses");
    let ready = statuses.iter().filter(|status| status["ready"] == true).count();
    let restarts: u64 = statuses.iter().filter_map(|status| status["restartCount"].as_u64()).sum();
    let total = list(pod, "/spec/containers").len();
    let wide = ["/status/podIP", "/spec/nodeName", "/status/nominatedNodeName"]
        .map(|pointer| or_none(text(pod, pointer)));
    let gates = list(pod, "/spec/readinessGates").len();
    let gates = if gates == 0 { "<none>".to_owned() } else { format!("0/{gates}") };
    let plain =
        [name(pod).to_owned(), format!("{ready}/{total}"), pod_status(pod), restarts.to_string(), age];
    plain.into_iter().chain(wide).chain([gates]).map(Value::from).collect()
}

/// The phase, or what a container says in its place.
fn pod_status(pod: &Value) -> String {
    if pod["metadata"].get("deletionTimestamp").is_some_and(|time| !time.is_null()) {
        return "Terminating".to_owned();
    }
    let statuses = list(pod, "/status/containerStatuses");
    let reasons = statuses.iter().flat_map(|status| {
        ["/state/waiting/reason", "/state/terminated/reason"].map(|pointer| text(status, pointer))
    });
    let own = text(pod, "/status/reason");
    let phase = text(pod, "/status/phase");
    reasons.chain([own, phase]).find(|reason| !reason.is_empty()).unwrap_or("Unknown").to_owned()
}

fn node(node: &Value, age: String) -> Vec<Value> {
    let ready = list(node, "/status/conditions").iter().find(|condition| condition["type"] == "Ready");
    let status = match ready.map(|condition| text(condition, "/status")) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    let roles = node["metadata"]["labels"].as_object().into_iter().flatten();
    let roles: Vec<&str> =
        roles.filter_map(|(key, _)| key.strip_prefix("node-role.kubernetes.io/")).collect();
    let address = |kind: &str| {
        let found = list(node, "/status/addresses").iter().find(|address| address["type"] == kind);
        or_none(found.map(|address| text(address, "/address")).unwrap_or_default())
    };
    let info = |key: &str| or_none(text(node, &format!("/status/nodeInfo/{key}")));
    [
        name(node).to_owned(),
        status.to_owned(),
        or_none(&roles.join(",")),
        age,
        info("kubeletVersion"),
        address("InternalIP"),
        address("ExternalIP"),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
    .map(Value::from)
    .to_vec()
}

fn or_none(text: &str) -> String {
    if text.is_empty() { "<none>".to_owned() } else { text.to_owned() }
}

/// How long ago, in the one or two units that kubectl shows.
fn age(since: &str, now: Timestamp) -> String {
    let Ok(since) = since.parse::<Timestamp>() else { return "<unknown>".to_owned() };
    let seconds = now.duration_since(since).as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let pair = |big: i64, unit: &str, small: i64, rest: &str| match small {
        0 => format!("{big}{unit}"),
        _ => format!("{big}{unit}{small}{rest}"),
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => pair(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => pair(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => pair(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        _ => pair(days / 365, "y", days % 365, "d"),
    }
}

/// The table of `objects`; `list` is its metadata.
pub(super) fn table(
    resource: &Resource,
    objects: &[Value],
    list: Value,
    version: &str,
    view: &View<'_>,
) -> Value {
    let columns: Vec<Value> = columns(resource)
        .into_iter()
        .map(|(title, kind, priority)| {
            let format = if title == "Name" { "name" } else { "" };
            json!({"name": title, "type": kind, "format": format, "description": "", "priority": priority})
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let mut row = json!({"cells": cells(resource, object, view.now)});
            match view.include {
                "None" => {}
                "Object" => row["object"] = object.clone(),
                _ => row["object"] = metadata(object, version),
            }
            row
        })
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": list,
        "columnDefinitions": columns,
        "rows": rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_kubectl_prints_them() {
        let now: Timestamp = "2026-01-10T00:00:00Z".parse().unwrap();
        for (seconds, shown) in [
            (0, "0s"),
            (119, "119s"),
            (312, "5m12s"),
            (360, "6m"),
            (7200, "120m"),
            (11_100, "3h5m"),
            (36_000, "10h"),
            (273_600, "3d4h"),
            (864_000, "10d"),
            (70_000_000, "2y80d"),
            (-60, "<invalid>"),
        ] {
            let since = now.checked_sub(jiff::SignedDuration::from_secs(seconds)).unwrap();
            assert_eq!(age(&since.to_string(), now), shown);
        }
        assert_eq!(age("", now), "<unknown>");
    }

    #[test]
    fn every_row_has_a_cell_for_each_column() {
        for resource in crate::sandbox::cluster::resource::RESOURCES {
            let row = cells(resource, &json!({"metadata": {"name": "x"}}), Timestamp::UNIX_EPOCH);
            assert_eq!(row.len(), columns(resource).len(), "{}", resource.plural);
        }
    }

    #[test]
    fn a_waiting_container_speaks_for_its_pod() {
        let state = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        let pod = json!({"status": {"phase": "Running", "containerStatuses": [{"state": state}]}});
        assert_eq!(pod_status(&pod), "CrashLoopBackOff");
        assert_eq!(pod_status(&json!({"status": {"phase": "Running"}})), "Running");
    }
}
