//! The objects of a file, as the API server would take them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::Error;
use crate::facts::{INJECTION_LABEL, OURS};

/// Kinds of which it is known where their labels and annotations stand.
const KNOWN_KINDS: [&str; 9] = [
    "Namespace",
    "ServiceAccount",
    "Pod",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Job",
    "CronJob",
];

/// One object and the file it stands in.
#[derive(Clone, Debug)]
pub(super) struct Object {
    /// Its name.
    pub(super) file: String,
    pub(super) value: Value,
}

/// The objects of a file, YAML or JSON; lists are taken apart.
///
/// # Errors
/// A text that is neither, and one that the API server would refuse for how it says something about RRSA.
pub(super) fn objects(file: &str, content: &str) -> Result<Vec<Object>, Error> {
    let options = serde_saphyr::options! { with_snippet: false };
    let documents: Vec<Value> =
        serde_saphyr::from_multiple_with_options(content, options).map_err(|error| {
            Error::usage(format!("{file} is no manifest"))
                .caused_by(error)
                .hint("name a file of YAML or JSON")
        })?;
    let mut all = Vec::new();
    for document in documents.into_iter().filter(|document| !document.is_null()) {
        let of_list = document["kind"].as_str().and_then(|kind| kind.strip_suffix("List"));
        let objects = match (of_list, document.get("items").and_then(Value::as_array)) {
            (Some(kind), Some(items)) => items.iter().map(|item| of_kind(item.clone(), kind)).collect(),
            _ => vec![document],
        };
        for mut value in objects {
            let (kind, object) = (text(&value, "/kind"), text(&value, "/metadata/name"));
            if KNOWN_KINDS.contains(&kind)
                && let Some((what, name, bare)) = unquoted(&value)
            {
                return Err(Error::usage(format!(
                    "{what} {name} of {kind} {object} in {file} is no text, and the API server refuses it"
                ))
                .hint(format!("put it in quotes: {name}: \"{bare}\"")));
            }
            in_quotes(&mut value);
            all.push(Object { file: file.to_owned(), value });
        }
    }
    Ok(all)
}

/// An item of a list, whose kind the list says where the item does not.
fn of_kind(mut item: Value, kind: &str) -> Value {
    if let Some(fields) = item.as_object_mut().filter(|fields| !fields.contains_key("kind")) {
        fields.insert("kind".to_owned(), kind.into());
    }
    item
}

/// The first label or annotation of RRSA that YAML reads as something else than text. Of the injection label a rule tells.
fn unquoted(value: &Value) -> Option<(&'static str, &str, &Value)> {
    let Value::Object(fields) = value else {
        return value.as_array().into_iter().flatten().find_map(unquoted);
    };
    let of = |what: &'static str, name| {
        let texts = fields.get(name).and_then(Value::as_object).into_iter().flatten();
        let mut ours = texts.filter(|(key, _)| key.starts_with(OURS) && *key != INJECTION_LABEL);
        let bare = ours.find(|(_, value)| value.is_boolean() || value.is_number())?;
        Some((what, bare.0.as_str(), bare.1))
    };
    let found = of("annotation", "annotations").or_else(|| of("label", "labels"));
    found.or_else(|| fields.values().find_map(unquoted))
}

/// Labels and annotations as texts. What YAML has read as something else is what the API server would refuse; it is shown as it
/// stands there.
fn in_quotes(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(in_quotes),
        Value::Object(fields) => {
            for (name, field) in fields {
                let texts =
                    field.as_object_mut().filter(|_| ["labels", "annotations"].contains(&name.as_str()));
                for text in texts.into_iter().flatten().map(|(_, text)| text) {
                    if text.is_boolean() || text.is_number() {
                        *text = Value::String(text.to_string());
                    }
                    // The API server takes nothing for an empty text.
                    if text.is_null() {
                        *text = Value::String(String::new());
                    }
                }
                in_quotes(field);
            }
        }
        _ => {}
    }
}

/// A text of the object, empty where it is none.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Labels or annotations.
pub(super) fn strings(value: &Value, pointer: &str) -> BTreeMap<String, String> {
    let pairs = value.pointer(pointer).and_then(Value::as_object).into_iter().flatten();
    pairs
        .map(|(key, value)| (key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect()
}
