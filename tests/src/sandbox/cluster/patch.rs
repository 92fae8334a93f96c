//! Patches: JSON merge patch, strategic merge patch, JSON patch.

use serde_json::{Map, Value};

use super::failure::Failure;
use super::object::{fields, items};

/// JSON merge patch (RFC 7386): null takes away, lists are replaced.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    let target = fields(target);
    for (key, value) in patch {
        match value {
            Value::Null => drop(target.remove(key)),
            value => merge(target.entry(key).or_insert(Value::Null), value),
        }
    }
}

/// Kubernetes' strategic merge patch: lists whose items have a key are merged item by item.
pub(crate) fn strategic(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    let target = fields(target);
    if patch.get("$patch").and_then(Value::as_str) == Some("replace") {
        *target = patch.clone();
        target.remove("$patch");
        return;
    }
    if let Some(kept) = patch.get("$retainKeys").and_then(Value::as_array) {
        target.retain(|key, _| kept.iter().any(|one| one == key));
    }
    for (key, value) in patch {
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            let doomed = value.as_array().cloned().unwrap_or_default();
            items(target.entry(list).or_insert(Value::Null)).retain(|item| !doomed.contains(item));
            continue;
        }
        if key.starts_with('$') {
            continue;
        }
        match value {
            Value::Null => drop(target.remove(key)),
            Value::Array(patches) => strategic_list(target, key, patches),
            value if value.get("$patch").and_then(Value::as_str) == Some("delete") => {
                drop(target.remove(key));
            }
            value => strategic(target.entry(key).or_insert(Value::Null), value),
        }
    }
}

fn strategic_list(target: &mut Map<String, Value>, field: &str, patches: &[Value]) {
    let list = items(target.entry(field).or_insert(Value::Null));
    if field == "finalizers" {
        let new: Vec<Value> = patches.iter().filter(|item| !list.contains(item)).cloned().collect();
        list.extend(new);
        return;
    }
    let Some(key) = merge_key(field)
        .filter(|key| patches.iter().all(|patch| patch.get(key).is_some() || patch.get("$patch").is_some()))
    else {
        *list = patches.to_vec();
        return;
    };
    if patches.iter().any(|patch| patch["$patch"] == "replace") {
        list.clear();
    }
    for patch in patches {
        match patch.get("$patch").and_then(Value::as_str) {
            Some("replace") => {}
            Some("delete") => list.retain(|item| item[key] != patch[key]),
            _ => match list.iter_mut().find(|item| item[key] == patch[key]) {
                Some(item) => strategic(item, patch),
                None => list.push(patch.clone()),
            },
        }
    }
}

/// The field that tells a list's items apart.
fn merge_key(field: &str) -> Option<&'static str> {
    Some(match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets"
        | "secrets"
        | "webhooks" => "name",
        "volumeMounts" => "mountPath",
        "ports" => "containerPort",
        "conditions" | "addresses" => "type",
        "ownerReferences" => "uid",
        "hostAliases" => "ip",
        "topologySpreadConstraints" => "topologyKey",
        _ => return None,
    })
}

/// JSON patch (RFC 6902).
///
/// # Errors
/// 422 when an operation is unknown, a place does not exist or a test fails.
pub(crate) fn json(target: &mut Value, operations: &Value) -> Result<(), Failure> {
    let refused =
        |why: String| Failure::new(422, "Invalid", format!("the server rejected our request: {why}"));
    let operations = operations.as_array().ok_or_else(|| refused("a JSON patch is a list".to_owned()))?;
    for operation in operations {
        let text = |key: &str| operation.get(key).and_then(Value::as_str).unwrap_or_default();
        let missing = || {
            refused(format!("{} operation does not apply: doc is missing path: {}", text("op"), text("path")))
        };
        let value = match text("op") {
            "add" | "replace" | "test" => operation.get("value").cloned().ok_or_else(missing)?,
            "copy" => target.pointer(text("from")).cloned().ok_or_else(missing)?,
            "move" => take(target, text("from")).ok_or_else(missing)?,
            "remove" => {
                take(target, text("path")).ok_or_else(missing)?;
                continue;
            }
            other => return Err(refused(format!("unknown operation {other:?}"))),
        };
        match text("op") {
            "test" if target.pointer(text("path")) == Some(&value) => {}
            "test" => return Err(refused(format!("testing path {} failed", text("path")))),
            "replace" => *target.pointer_mut(text("path")).ok_or_else(missing)? = value,
            _ => put(target, text("path"), value).ok_or_else(missing)?,
        }
    }
    Ok(())
}

/// The parent of a place, and the place's own key.
fn place<'a>(target: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let (parent, key) = path.rsplit_once('/')?;
    Some((target.pointer_mut(parent)?, key.replace("~1", "/").replace("~0", "~")))
}

fn take(target: &mut Value, path: &str) -> Option<Value> {
    let (parent, key) = place(target, path)?;
    match parent {
        Value::Object(fields) => fields.remove(&key),
        Value::Array(items) => {
            let index = key.parse().ok().filter(|index| *index < items.len())?;
            Some(items.remove(index))
        }
        _ => None,
    }
}

fn put(target: &mut Value, path: &str, value: Value) -> Option<()> {
    if path.is_empty() {
        *target = value;
        return Some(());
    }
    let (parent, key) = place(target, path)?;
    match parent {
        Value::Object(fields) => drop(fields.insert(key, value)),
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            let index = key.parse().ok().filter(|index| *index <= items.len())?;
            items.insert(index, value);
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn merge_patches_replace_lists_and_take_away_nulls() {
        let mut target = json!({"a": [1, 2], "b": {"c": 1, "d": 2}});
        merge(&mut target, &json!({"a": [3], "b": {"c": null, "e": {"f": 1}}}));
        assert_eq!(target, json!({"a": [3], "b": {"d": 2, "e": {"f": 1}}}));
    }

    #[test]
    fn strategic_patches_merge_lists_by_key() {
        for (target, patch, result) in [
            (
                json!({"containers": [{"name": "a", "image": "x", "env": [{"name": "E", "value": "1"}]}]}),
                json!({"$setElementOrder/containers": [{"name": "a"}],
                       "containers": [{"name": "a", "env": [{"name": "F", "value": "2"}]}, {"name": "b"}]}),
                json!({"containers": [
                    {"name": "a", "image": "x", "env": [{"name": "E", "value": "1"}, {"name": "F", "value": "2"}]},
                    {"name": "b"}]}),
            ),
            (
                json!({"volumes": [{"name": "a"}, {"name": "b"}]}),
                json!({"volumes": [{"name": "a", "$patch": "delete"}]}),
                json!({"volumes": [{"name": "b"}]}),
            ),
            (json!({"args": ["a"]}), json!({"args": ["b"]}), json!({"args": ["b"]})),
            (json!({"a": {"b": 1}}), json!({"a": {"$patch": "replace", "c": 2}}), json!({"a": {"c": 2}})),
            (json!({"a": {"b": 1, "c": 2}}), json!({"a": {"$retainKeys": ["c"]}}), json!({"a": {"c": 2}})),
            (json!({"a": 1, "b": 2}), json!({"a": null}), json!({"b": 2})),
        ] {
            let mut patched = target.clone();
            strategic(&mut patched, &patch);
            assert_eq!(patched, result, "{patch}");
        }
    }

    #[test]
    fn json_patches_apply_in_order_or_not_at_all() {
        let mut target = json!({"metadata": {"annotations": {"a/b": "1"}}, "list": [1, 3]});
        let patch = json!([
            {"op": "test", "path": "/metadata/annotations/a~1b", "value": "1"},
            {"op": "remove", "path": "/metadata/annotations/a~1b"},
            {"op": "add", "path": "/list/1", "value": 2},
            {"op": "add", "path": "/list/-", "value": 4},
            {"op": "replace", "path": "/list/0", "value": 0},
        ]);
        json(&mut target, &patch).unwrap();
        assert_eq!(target, json!({"metadata": {"annotations": {}}, "list": [0, 2, 3, 4]}));
        for wrong in [
            json!([{"op": "remove", "path": "/nowhere"}]),
            json!([{"op": "test", "path": "/list/0", "value": 9}]),
            json!([{"op": "shout", "path": "/list"}]),
            json!({}),
        ] {
            assert_eq!(json(&mut target.clone(), &wrong).unwrap_err().code, 422, "{wrong}");
        }
    }
}
