//! Request bodies.

use serde_json::Value;

use super::call::Call;
use super::protobuf;
use crate::sandbox::cluster::failure::Failure;
use crate::sandbox::cluster::object::text;

/// The document in a request's body: JSON, or YAML and protobuf where kubectl sends them.
///
/// # Errors
/// 400 when it cannot be read, 415 when it is in another format.
pub(super) fn read(call: &Call, body: &[u8]) -> Result<Value, Failure> {
    let content_type = call.header("content-type").split(';').next().unwrap_or_default().trim();
    let unreadable =
        |why: String| Failure::bad_request(format!("the object provided is unrecognized: {why}"));
    match content_type {
        "application/yaml" | "application/apply-patch+yaml" => {
            serde_saphyr::from_slice(body).map_err(|error| unreadable(error.to_string()))
        }
        "application/vnd.kubernetes.protobuf" => protobuf::read(body).map_err(unreadable),
        ""
        | "application/json"
        | "application/json-patch+json"
        | "application/merge-patch+json"
        | "application/strategic-merge-patch+json" => {
            serde_json::from_slice(body).map_err(|error| unreadable(error.to_string()))
        }
        other => {
            let message = format!("the body of the request was in an unknown format: {other}");
            Err(Failure::new(415, "UnsupportedMediaType", message))
        }
    }
}

/// The document, which must be of this `apiVersion` and `kind`.
///
/// # Errors
/// 400 when it is of another, and as [`read`].
pub(super) fn of_kind(call: &Call, body: &[u8], api_version: &str, kind: &str) -> Result<Value, Failure> {
    let mut object = read(call, body)?;
    for (field, expected) in [("apiVersion", api_version), ("kind", kind)] {
        match text(&object, &format!("/{field}")) {
            found if found == expected => {}
            "" if object.is_object() => object[field] = expected.into(),
            found => {
                let message = format!(
                    "the {field} in the data ({found}) does not match the expected {field} ({expected})"
                );
                return Err(Failure::bad_request(message));
            }
        }
    }
    Ok(object)
}
