//! Reading and filling Kubernetes objects, which are plain JSON here.

use rand::Rng as _;
use serde_json::{Map, Value};

/// The text at a JSON pointer, empty when there is none.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The list at a JSON pointer, empty when there is none.
pub(crate) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// `metadata.name`.
pub(crate) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// `metadata.namespace`, empty for what lives in no namespace.
pub(crate) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

/// `metadata.uid`.
pub(crate) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// A label's value.
pub(crate) fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object["metadata"]["labels"].get(key)?.as_str()
}

/// An annotation's value.
pub(crate) fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object["metadata"]["annotations"].get(key)?.as_str()
}

/// Replaces whatever is no object by an empty one, and hands out its fields.
pub(crate) fn fields(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it was made an object")
}

/// Replaces whatever is no list by an empty one, and hands out its items.
pub(crate) fn items(value: &mut Value) -> &mut Vec<Value> {
    if !value.is_array() {
        *value = Value::Array(Vec::new());
    }
    value.as_array_mut().expect("it was made a list")
}

/// Sets a default: the field at `path` keeps its value if it has one.
pub(crate) fn fill(object: &mut Value, path: &[&str], value: impl Into<Value>) {
    let mut place = object;
    for key in path {
        place = fields(place).entry(*key).or_insert(Value::Null);
    }
    if place.is_null() {
        *place = value.into();
    }
}

/// Checks that what the API types as text is text: labels, annotations and names of ServiceAccounts. Returns
/// the place of the first that is not, and what stands there.
pub(crate) fn mistyped(object: &Value) -> Option<(String, &'static str)> {
    let maps = ["labels", "annotations"].into_iter().flat_map(|map| {
        let values = object["metadata"][map].as_object().into_iter().flatten();
        values.map(move |(_, value)| (format!("ObjectMeta.metadata.{map}"), value))
    });
    let account = object
        .pointer("/spec/serviceAccountName")
        .map(|value| ("PodSpec.spec.serviceAccountName".to_owned(), value));
    maps.chain(account).find_map(|(place, value)| {
        let found = match value {
            Value::String(_) | Value::Null => return None,
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        Some((place, found))
    })
}

/// A random UUID, version 4.
pub(crate) fn new_uid() -> String {
    let mut bytes = [0_u8; 16];
    rand::rng().fill_bytes(&mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// The random end of a generated name: five letters and digits that spell no word.
pub(crate) fn suffix() -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    (0..5).map(|_| char::from(ALPHABET[rand::random_range(0..ALPHABET.len())])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn filling_keeps_what_is_there_and_makes_the_way() {
        let mut object = json!({"spec": {"a": 1}});
        fill(&mut object, &["spec", "a"], 2);
        fill(&mut object, &["status", "b", "c"], "d");
        assert_eq!(object, json!({"spec": {"a": 1}, "status": {"b": {"c": "d"}}}));
    }

    #[test]
    fn a_label_that_is_no_text_is_found() {
        for (object, found) in [
            (json!({"metadata": {"labels": {"a": "on"}}}), None),
            (json!({"metadata": {"labels": {"a": true}}}), Some(("ObjectMeta.metadata.labels", "bool"))),
            (
                json!({"metadata": {"annotations": {"a": 1}}}),
                Some(("ObjectMeta.metadata.annotations", "number")),
            ),
            (
                json!({"spec": {"serviceAccountName": true}}),
                Some(("PodSpec.spec.serviceAccountName", "bool")),
            ),
        ] {
            let found = found.map(|(place, kind): (&str, &'static str)| (place.to_owned(), kind));
            assert_eq!(mistyped(&object), found, "{object}");
        }
    }

    #[test]
    fn uids_are_random_version_four() {
        let uid = new_uid();
        assert_eq!((uid.len(), &uid[14..15]), (36, "4"));
        assert_ne!(uid, new_uid());
    }
}
