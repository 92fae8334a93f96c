//! Stored objects: get, list, create, update, patch, delete.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::body;
use super::call::{Call, Target};
use super::server::Answer;
use super::shape::Shape;
use super::table::View;
use crate::sandbox::cluster::Cluster;
use crate::sandbox::cluster::failure::Failure;
use crate::sandbox::cluster::object::{self, text};
use crate::sandbox::cluster::patch;
use crate::sandbox::cluster::selector::Selector;
use crate::sandbox::cluster::store::Key;

/// Answers a request for objects.
pub(super) fn answer(
    cluster: &Cluster,
    call: &Call,
    target: &Target,
    body: &[u8],
) -> Result<Answer, Failure> {
    if !target.resource.stored {
        return Err(Failure::method_not_allowed());
    }
    let shape = Shape::wanted(call.header("accept"))?;
    let view = View { now: cluster.clock.now(), include: call.parameter("includeObject") };
    let shaped = |object| shape.object(object, target.resource, &view);
    match call.verb {
        "get" => read(cluster, target).map(|object| Answer::ok(shaped(object))),
        "list" => {
            let (items, metadata) = page(cluster, call, target)?;
            Ok(Answer::ok(shape.list(items, metadata, target.resource, &view)))
        }
        "create" if target.name.is_none() => {
            create(cluster, call, target, body).map(|object| Answer::created(shaped(object)))
        }
        "update" => {
            let object = body::of_kind(call, body, &target.resource.api_version(), target.resource.kind)?;
            replace(cluster, call, target, object).map(|object| Answer::ok(shaped(object)))
        }
        "patch" => {
            let (object, new) = change(cluster, call, target, body)?;
            let object = shaped(object);
            Ok(if new { Answer::created(object) } else { Answer::ok(object) })
        }
        "delete" => delete(cluster, call, target, body).map(Answer::ok),
        _ => Err(Failure::method_not_allowed()),
    }
}

/// Adds ephemeral containers to a pod by its subresource; nothing else of the pod can be changed so.
pub(super) fn add_containers(
    cluster: &Cluster,
    call: &Call,
    target: &Target,
    body: &[u8],
) -> Result<Answer, Failure> {
    let current = read(cluster, target)?;
    if call.verb == "get" {
        return Ok(Answer::ok(current));
    }
    let mut next = current.clone();
    match (call.verb, call.header("content-type").split(';').next().unwrap_or_default().trim()) {
        ("patch", "application/json-patch+json") => patch::json(&mut next, &body::read(call, body)?)?,
        ("patch", "application/merge-patch+json") => patch::merge(&mut next, &body::read(call, body)?),
        ("patch", _) => patch::strategic(&mut next, &body::read(call, body)?),
        ("update", _) => next = body::of_kind(call, body, "v1", "Pod")?,
        _ => return Err(Failure::method_not_allowed()),
    }
    let (before, after) = (
        object::list(&current, "/spec/ephemeralContainers"),
        object::list(&next, "/spec/ephemeralContainers"),
    );
    let invalid = |why: &str| {
        let field = "spec.ephemeralContainers";
        Err(Failure::invalid("Pod", "", object::name(&current), field, "FieldValueForbidden", why))
    };
    if before.iter().any(|one| !after.contains(one)) {
        return invalid("Forbidden: existing ephemeral containers may not be changed or removed");
    }
    let new: Vec<Value> = after.iter().filter(|one| !before.contains(one)).cloned().collect();
    let mounts = new.iter().flat_map(|one| object::list(one, "/volumeMounts"));
    if mounts.into_iter().any(|mount| mount.get("subPath").is_some()) {
        return invalid("Forbidden: cannot be set for an Ephemeral Container");
    }
    let mut pod = current.clone();
    pod["spec"]["ephemeralContainers"] = after.into();
    Ok(Answer::ok(cluster.add_containers(&key(target)?, pod, &new)))
}

fn key(target: &Target) -> Result<Key, Failure> {
    Ok(Key::new(target.resource, target.namespace(), target.name()?))
}

fn read(cluster: &Cluster, target: &Target) -> Result<Value, Failure> {
    let found = cluster.store().find(&key(target)?).cloned();
    found.ok_or_else(|| Failure::not_found(target.resource, target.name.as_deref().unwrap_or_default()))
}

/// The objects that are selected, from `continue` on and no more than `limit`, and the list's metadata.
fn page(cluster: &Cluster, call: &Call, target: &Target) -> Result<(Vec<Value>, Value), Failure> {
    let resource = target.resource;
    let selector =
        Selector::parse(call.parameter("labelSelector"), call.parameter("fieldSelector"), resource)?;
    let limit = match call.parameter("limit") {
        "" | "0" => usize::MAX,
        text => text.parse().map_err(|_| Failure::bad_request(format!("the limit {text:?} is no number")))?,
    };
    let after = match call.parameter("continue") {
        "" => None,
        token => Some(decode(token).ok_or_else(|| Failure::bad_request("continue key is not valid"))?),
    };
    let store = cluster.store();
    let mut selected = store
        .list(resource, target.namespace.as_deref())
        .filter(|(key, object)| {
            after.as_ref().is_none_or(|(namespace, name)| (&key.namespace, &key.name) > (namespace, name))
                && selector.selects(object)
        })
        .peekable();
    let (mut items, mut last) = (Vec::new(), None);
    while let Some((key, object)) = selected.next_if(|_| items.len() < limit) {
        items.push(object.clone());
        last = Some(key);
    }
    let mut metadata = json!({"resourceVersion": store.version()});
    if let Some(last) = last.filter(|_| selected.peek().is_some()) {
        metadata["continue"] = encode(last).into();
        if selector.is_empty() {
            metadata["remainingItemCount"] = selected.count().into();
        }
    }
    Ok((items, metadata))
}

/// The place to go on from.
fn encode(key: &Key) -> String {
    URL_SAFE_NO_PAD.encode(json!([key.namespace, key.name]).to_string())
}

fn decode(token: &str) -> Option<(String, String)> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()
}

fn create(cluster: &Cluster, call: &Call, target: &Target, body: &[u8]) -> Result<Value, Failure> {
    let mut object = body::of_kind(call, body, &target.resource.api_version(), target.resource.kind)?;
    place(&mut object, target)?;
    // What the system writes, a request does not.
    object::fields(&mut object).remove("status");
    for field in ["uid", "creationTimestamp", "resourceVersion", "managedFields"] {
        object::fields(&mut object["metadata"]).remove(field);
    }
    cluster.create(target.resource, object, call.dry_run())
}

/// Makes sure that `object` says the namespace that the path says.
fn place(object: &mut Value, target: &Target) -> Result<(), Failure> {
    let (said, meant) = (text(object, "/metadata/namespace").to_owned(), target.namespace());
    if !said.is_empty() && said != meant {
        return Err(Failure::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    object::fields(object).entry("metadata").or_insert_with(|| json!({}));
    if target.resource.namespaced {
        object["metadata"]["namespace"] = meant.into();
    }
    Ok(())
}

/// Replaces an object by `next`, which keeps what a request cannot change.
fn replace(cluster: &Cluster, call: &Call, target: &Target, mut next: Value) -> Result<Value, Failure> {
    let (resource, name) = (target.resource, target.name()?);
    let current = read(cluster, target)?;
    place(&mut next, target)?;
    if let Some(mistyped) = object::mistyped(&next) {
        return Err(Failure::mistyped(resource, mistyped));
    }
    if object::name(&next) != name {
        return Err(Failure::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({name})",
            object::name(&next),
        )));
    }
    let wanted = text(&next, "/metadata/resourceVersion");
    if !wanted.is_empty() && wanted != text(&current, "/metadata/resourceVersion") {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        return Err(Failure::conflict(resource, name, why));
    }
    for field in ["uid", "creationTimestamp", "resourceVersion"] {
        next["metadata"][field] = current["metadata"][field].clone();
    }
    match current.get("status") {
        Some(status) => next["status"] = status.clone(),
        None => drop(object::fields(&mut next).remove("status")),
    }
    if resource.plural == "pods" && images_aside(&current) != images_aside(&next) {
        let why = "Forbidden: pod updates may not change fields other than `spec.containers[*].image`";
        return Err(Failure::invalid("Pod", "", name, "spec", "FieldValueForbidden", why));
    }
    if next == current || call.dry_run() {
        return Ok(next);
    }
    Ok(cluster.store().put(key(target)?, next))
}

/// A pod's specification without what may change.
fn images_aside(pod: &Value) -> Value {
    let mut spec = pod["spec"].clone();
    for group in ["containers", "initContainers"] {
        for container in spec.get_mut(group).and_then(Value::as_array_mut).into_iter().flatten() {
            object::fields(container).remove("image");
        }
    }
    spec
}

/// Patches an object; apply makes it when it is not there. Tells whether it did.
fn change(cluster: &Cluster, call: &Call, target: &Target, body: &[u8]) -> Result<(Value, bool), Failure> {
    let patch = body::read(call, body)?;
    let content_type = call.header("content-type").split(';').next().unwrap_or_default().trim();
    let apply = content_type == "application/apply-patch+yaml";
    if apply && cluster.store().find(&key(target)?).is_none() {
        return create(cluster, call, target, patch.to_string().as_bytes()).map(|object| (object, true));
    }
    let mut object = read(cluster, target)?;
    match content_type {
        "application/json-patch+json" => patch::json(&mut object, &patch)?,
        "application/merge-patch+json" => patch::merge(&mut object, &patch),
        _ => patch::strategic(&mut object, &patch),
    }
    replace(cluster, call, target, object).map(|object| (object, false))
}

fn delete(cluster: &Cluster, call: &Call, target: &Target, body: &[u8]) -> Result<Value, Failure> {
    let (resource, name) = (target.resource, target.name()?);
    let current = read(cluster, target)?;
    let options = if body.is_empty() { Value::Null } else { body::read(call, body)? };
    for (pointer, field) in [("uid", "UID"), ("resourceVersion", "resourceVersion")] {
        let wanted = text(&options, &format!("/preconditions/{pointer}"));
        let found = text(&current, &format!("/metadata/{pointer}"));
        if !wanted.is_empty() && wanted != found {
            let why = format!(
                "Precondition failed: {field} in precondition: {wanted}, {field} in object meta: {found}"
            );
            return Err(Failure::conflict(resource, name, &why));
        }
    }
    let dry = call.dry_run() || options["dryRun"].as_array().is_some_and(|all| !all.is_empty());
    if !dry {
        cluster.delete(&key(target)?);
    }
    let mut details = json!({"name": name, "kind": resource.plural, "uid": object::uid(&current)});
    if !resource.group.is_empty() {
        details["group"] = resource.group.into();
    }
    Ok(json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}))
}
