//! Kubernetes' protobuf: kubectl writes its requests in it since 1.31, for those kinds that its `create` and
//! `auth` commands send. Answers are JSON, which it reads as well.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// What every document begins with.
const MAGIC: &[u8] = b"k8s\0";

/// How a field's bytes are read.
enum Kind {
    Text,
    Texts,
    Number,
    Flag,
    Message(&'static [Field]),
    Messages(&'static [Field]),
    /// A map of texts.
    TextMap,
    /// A map of bytes, which JSON has in base64.
    BytesMap,
    /// Something that the system writes and a request need not bring.
    Ignored,
}

/// Number, name and kind.
type Field = (u64, &'static str, Kind);

const UNKNOWN: &[Field] = &[
    (1, "type", Kind::Message(&[(1, "apiVersion", Kind::Text), (2, "kind", Kind::Text)])),
    (2, "raw", Kind::Ignored),
    (3, "contentEncoding", Kind::Text),
    (4, "contentType", Kind::Text),
];

const METADATA: &[Field] = &[
    (1, "name", Kind::Text),
    (2, "generateName", Kind::Text),
    (3, "namespace", Kind::Text),
    (4, "selfLink", Kind::Ignored),
    (5, "uid", Kind::Text),
    (6, "resourceVersion", Kind::Text),
    (7, "generation", Kind::Ignored),
    (8, "creationTimestamp", Kind::Ignored),
    (9, "deletionTimestamp", Kind::Ignored),
    (10, "deletionGracePeriodSeconds", Kind::Ignored),
    (11, "labels", Kind::TextMap),
    (12, "annotations", Kind::TextMap),
    (14, "finalizers", Kind::Texts),
    (17, "managedFields", Kind::Ignored),
];

const REFERENCE: &[Field] = &[
    (1, "kind", Kind::Text),
    (2, "apiVersion", Kind::Text),
    (3, "name", Kind::Text),
    (4, "uid", Kind::Text),
];

const TOKEN_REQUEST: &[Field] = &[
    (1, "audiences", Kind::Texts),
    (3, "boundObjectRef", Kind::Message(REFERENCE)),
    (4, "expirationSeconds", Kind::Number),
];

const RESOURCE_ATTRIBUTES: &[Field] = &[
    (1, "namespace", Kind::Text),
    (2, "verb", Kind::Text),
    (3, "group", Kind::Text),
    (4, "version", Kind::Text),
    (5, "resource", Kind::Text),
    (6, "subresource", Kind::Text),
    (7, "name", Kind::Text),
];

const ACCESS_REVIEW: &[Field] = &[
    (1, "resourceAttributes", Kind::Message(RESOURCE_ATTRIBUTES)),
    (2, "nonResourceAttributes", Kind::Message(&[(1, "path", Kind::Text), (2, "verb", Kind::Text)])),
];

/// The fields of a kind, absent for kinds that nobody sends in this form.
fn fields(kind: &str) -> Option<&'static [Field]> {
    Some(match kind {
        "TokenRequest" => &[
            (1, "metadata", Kind::Message(METADATA)),
            (2, "spec", Kind::Message(TOKEN_REQUEST)),
            (3, "status", Kind::Ignored),
        ],
        "SelfSubjectAccessReview" => &[
            (1, "metadata", Kind::Message(METADATA)),
            (2, "spec", Kind::Message(ACCESS_REVIEW)),
            (3, "status", Kind::Ignored),
        ],
        "SelfSubjectReview" => &[(1, "metadata", Kind::Message(METADATA)), (2, "status", Kind::Ignored)],
        "Namespace" => &[
            (1, "metadata", Kind::Message(METADATA)),
            (2, "spec", Kind::Ignored),
            (3, "status", Kind::Ignored),
        ],
        "ServiceAccount" => &[
            (1, "metadata", Kind::Message(METADATA)),
            (2, "secrets", Kind::Messages(&[(3, "name", Kind::Text)])),
            (3, "imagePullSecrets", Kind::Messages(&[(1, "name", Kind::Text)])),
            (4, "automountServiceAccountToken", Kind::Flag),
        ],
        "ConfigMap" => &[
            (1, "metadata", Kind::Message(METADATA)),
            (2, "data", Kind::TextMap),
            (3, "binaryData", Kind::BytesMap),
            (4, "immutable", Kind::Flag),
        ],
        "Secret" => &[
            (1, "metadata", Kind::Message(METADATA)),
            (2, "data", Kind::BytesMap),
            (3, "type", Kind::Text),
            (4, "stringData", Kind::TextMap),
            (5, "immutable", Kind::Flag),
        ],
        _ => return None,
    })
}

/// Reads a document.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(document: &[u8]) -> Result<Value, String> {
    let envelope = document.strip_prefix(MAGIC).ok_or("it does not begin as a protobuf of Kubernetes")?;
    let outer = message(envelope, UNKNOWN)?;
    let kind = outer["type"]["kind"].as_str().unwrap_or_default();
    let fields = fields(kind).ok_or_else(|| format!("the sandbox reads no protobuf of kind {kind:?}"))?;
    let raw = parts(envelope)?.into_iter().find_map(|part| match part {
        (2, Wire::Bytes(bytes)) => Some(bytes),
        _ => None,
    });
    let mut object = message(raw.unwrap_or_default(), fields)?;
    object["kind"] = kind.into();
    object["apiVersion"] = outer["type"]["apiVersion"].clone();
    Ok(object)
}

/// A value as it stands on the wire.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn parts(mut bytes: &[u8]) -> Result<Vec<(u64, Wire<'_>)>, String> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let value = match tag & 7 {
            0 => Wire::Number(varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).map_err(|_| "a length is too large")?;
                let (value, rest) =
                    bytes.split_at_checked(length).ok_or("it ends in the midst of a field")?;
                bytes = rest;
                Wire::Bytes(value)
            }
            other => return Err(format!("it has a field of wire type {other}")),
        };
        parts.push((tag >> 3, value));
    }
    Ok(parts)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().ok_or("it ends in the midst of a number")?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("a number is too long".to_owned())
}

/// Reads a message. What is empty is left out, as JSON leaves it out.
fn message(bytes: &[u8], fields: &[Field]) -> Result<Value, String> {
    let mut object = Map::new();
    for (number, value) in parts(bytes)? {
        let field = fields.iter().find(|(one, ..)| *one == number);
        let (_, name, kind) = field.ok_or_else(|| format!("the sandbox does not know its field {number}"))?;
        let place = object.entry(*name).or_insert(Value::Null);
        match (kind, value) {
            (Kind::Ignored, _) => {}
            (Kind::Number, Wire::Number(number)) => *place = number.cast_signed().into(),
            (Kind::Flag, Wire::Number(number)) => *place = (number != 0).into(),
            (Kind::Text, Wire::Bytes([])) => {}
            (Kind::Text, Wire::Bytes(bytes)) => *place = text(bytes)?.into(),
            (Kind::Texts, Wire::Bytes(bytes)) => push(place, text(bytes)?.into()),
            (Kind::Message(fields), Wire::Bytes(bytes)) => *place = message(bytes, fields)?,
            (Kind::Messages(fields), Wire::Bytes(bytes)) => push(place, message(bytes, fields)?),
            (Kind::TextMap, Wire::Bytes(bytes)) => {
                let (key, value) = entry(bytes)?;
                insert(place, key, text(value)?);
            }
            (Kind::BytesMap, Wire::Bytes(bytes)) => {
                let (key, value) = entry(bytes)?;
                insert(place, key, STANDARD.encode(value));
            }
            _ => return Err(format!("its field {name} is of another type")),
        }
    }
    object.retain(|_, value| !value.is_null());
    Ok(Value::Object(object))
}

fn text(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "a text is not UTF-8".to_owned())
}

fn entry(bytes: &[u8]) -> Result<(String, &[u8]), String> {
    let (mut key, mut value): (&[u8], &[u8]) = (&[], &[]);
    for part in parts(bytes)? {
        match part {
            (1, Wire::Bytes(bytes)) => key = bytes,
            (2, Wire::Bytes(bytes)) => value = bytes,
            _ => return Err("a map has an entry that is none".to_owned()),
        }
    }
    Ok((text(key)?, value))
}

fn push(place: &mut Value, item: Value) {
    match place {
        Value::Array(items) => items.push(item),
        other => *other = json!([item]),
    }
}

fn insert(place: &mut Value, key: String, value: String) {
    match place {
        Value::Object(fields) => drop(fields.insert(key, value.into())),
        other => *other = json!({key: value}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One length-delimited field.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    fn document(kind: &str, raw: &[u8]) -> Vec<u8> {
        let kind = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &kind), field(2, raw)].concat()
    }

    #[test]
    fn a_token_request_is_read() {
        let spec = [field(1, b"sts.aliyuncs.com"), field(1, b"b"), vec![4 << 3, 0x90, 0x1c]].concat();
        let metadata = [field(1, b""), field(12, &[field(1, b"k"), field(2, b"v")].concat())].concat();
        let raw = [field(1, &metadata), field(2, &spec), field(3, b"")].concat();
        let expected = json!({
            "apiVersion": "v1", "kind": "TokenRequest",
            "metadata": {"annotations": {"k": "v"}},
            "spec": {"audiences": ["sts.aliyuncs.com", "b"], "expirationSeconds": 3600},
        });
        assert_eq!(read(&document("TokenRequest", &raw)).unwrap(), expected);
    }

    #[test]
    fn what_cannot_be_read_is_not_guessed_at() {
        for (document, words) in [
            (b"{}".to_vec(), "does not begin"),
            (document("Pod", b""), "no protobuf of kind \"Pod\""),
            (document("Namespace", &field(9, b"")), "field 9"),
            (document("Namespace", &[0x0a, 5, 1]), "midst"),
            (document("Namespace", &[0x0d]), "wire type 5"),
            (document("Namespace", &[0xff; 11]), "too long"),
        ] {
            let error = read(&document).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
