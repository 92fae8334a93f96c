//! Manifests: files of YAML or JSON documents, loaded object by object.

use std::fmt;

use serde_json::Value;

use super::Cluster;
use super::object::{name, namespace, text};
use super::resource::Resource;

/// Why a manifest could not be loaded: the text names file, document and object.
#[derive(Debug, PartialEq, Eq)]
pub struct ManifestError(String);

impl fmt::Display for ManifestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for ManifestError {}

/// Loads the documents of `yaml` into `cluster`, in order. `file` is what errors call it.
pub(super) fn load(cluster: &Cluster, file: &str, yaml: &str) -> Result<(), ManifestError> {
    let documents = documents(file, yaml)?;
    let wanted = documents.into_iter().enumerate().filter(|(_, document)| !document.is_null());
    for (index, document) in wanted {
        let at = format!("{file}, document {}", index + 1);
        if text(&document, "/kind") != "List" {
            one(cluster, &at, document)?;
            continue;
        }
        for (index, item) in super::object::list(&document, "/items").iter().enumerate() {
            one(cluster, &format!("{at}, item {}", index + 1), item.clone())?;
        }
    }
    Ok(())
}

/// JSON is read as such: a crowd of objects is more than a YAML reader takes.
fn documents(file: &str, text: &str) -> Result<Vec<Value>, ManifestError> {
    let wrong = |kind, error: String| {
        ManifestError(format!("{file}: this is not {kind} that can be loaded: {error}"))
    };
    if text.trim_start().starts_with('{') && file.ends_with(".json") {
        let documents = serde_json::Deserializer::from_str(text).into_iter();
        return documents.collect::<Result<_, _>>().map_err(|error| wrong("JSON", error.to_string()));
    }
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| wrong("YAML", error.to_string()))
}

fn one(cluster: &Cluster, at: &str, mut object: Value) -> Result<(), ManifestError> {
    let (api_version, kind) = (text(&object, "/apiVersion").to_owned(), text(&object, "/kind").to_owned());
    let Some(resource) = Resource::of(&api_version, &kind) else {
        let what =
            if kind.is_empty() { "no object".to_owned() } else { format!("{kind} of {api_version:?}") };
        return Err(ManifestError(format!("{at}: {what} is something that the sandbox does not hold")));
    };
    if resource.namespaced && namespace(&object).is_empty() {
        object["metadata"]["namespace"] = "default".into();
    }
    let place = match namespace(&object) {
        namespace if resource.namespaced => format!("{kind} {namespace}/{}", name(&object)),
        _ => format!("{kind} {}", name(&object)),
    };
    cluster
        .restore(resource, object)
        .map_err(|failure| ManifestError(format!("{at}, {place}: {}", failure.message)))
}
