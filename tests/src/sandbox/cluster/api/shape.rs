//! Which shape of an object the caller wants: whole, its metadata only, or a table.

use serde_json::{Value, json};

use super::table;
use crate::sandbox::cluster::failure::Failure;
use crate::sandbox::cluster::object;
use crate::sandbox::cluster::resource::Resource;

/// A shape that the `Accept` header asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As it is kept.
    Whole,
    /// `PartialObjectMetadata`, of this version of meta.k8s.io.
    Metadata(&'static str),
    /// `Table`, of this version of meta.k8s.io.
    Table(&'static str),
}

impl Shape {
    /// The first media type in `accept` that the server can answer in.
    ///
    /// # Errors
    /// 406 when there is none.
    pub(crate) fn wanted(accept: &str) -> Result<Self, Failure> {
        if accept.trim().is_empty() {
            return Ok(Self::Whole);
        }
        accept.split(',').find_map(Self::of_media_type).ok_or_else(|| {
            let message = "only the following media types are accepted: application/json";
            Failure::new(406, "NotAcceptable", message)
        })
    }

    fn of_media_type(media_type: &str) -> Option<Self> {
        let mut parts = media_type.split(';').map(str::trim);
        if !matches!(parts.next()?, "application/json" | "application/*" | "*/*") {
            return None;
        }
        let (mut kind, mut group, mut version) = ("", "", "");
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            match key {
                "as" => kind = value,
                "g" => group = value,
                "v" => version = value,
                _ => {}
            }
        }
        let version = match version {
            "v1" => "v1",
            "v1beta1" => "v1beta1",
            _ => "",
        };
        match (kind, group, version) {
            ("", ..) => Some(Self::Whole),
            ("Table", "meta.k8s.io", "v1" | "v1beta1") => Some(Self::Table(version)),
            ("PartialObjectMetadata" | "PartialObjectMetadataList", "meta.k8s.io", "v1" | "v1beta1") => {
                Some(Self::Metadata(version))
            }
            _ => None,
        }
    }

    /// One object in this shape.
    pub(crate) fn object(self, value: Value, resource: &Resource, view: &table::View<'_>) -> Value {
        match self {
            Self::Whole => value,
            Self::Metadata(version) => metadata(&value, version),
            Self::Table(version) => {
                let list = json!({"resourceVersion": value["metadata"]["resourceVersion"]});
                table::table(resource, &[value], list, version, view)
            }
        }
    }

    /// A list of objects in this shape; `list` is its metadata.
    pub(crate) fn list(
        self,
        mut items: Vec<Value>,
        list: Value,
        resource: &Resource,
        view: &table::View<'_>,
    ) -> Value {
        match self {
            Self::Whole => {
                // The list's kind tells that of its items, which therefore do not carry it.
                for item in items.iter_mut().map(object::fields) {
                    item.remove("kind");
                    item.remove("apiVersion");
                }
                let (kind, api_version) = (format!("{}List", resource.kind), resource.api_version());
                json!({"kind": kind, "apiVersion": api_version, "metadata": list, "items": items})
            }
            Self::Metadata(version) => {
                let items: Vec<Value> = items.iter().map(|item| metadata(item, version)).collect();
                let api_version = format!("meta.k8s.io/{version}");
                json!({"kind": "PartialObjectMetadataList", "apiVersion": api_version, "metadata": list, "items": items})
            }
            Self::Table(version) => table::table(resource, &items, list, version, view),
        }
    }
}

/// An object's metadata, in the shape that is made for it.
pub(super) fn metadata(object: &Value, version: &str) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": object["metadata"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_shape_wins() {
        for (accept, shape) in [
            ("", Ok(Shape::Whole)),
            ("*/*", Ok(Shape::Whole)),
            ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", Ok(Shape::Table("v1"))),
            ("application/json;as=Table;g=meta.k8s.io;v=v1beta1", Ok(Shape::Table("v1beta1"))),
            ("application/json;as=Table;v=v9;g=meta.k8s.io, application/json", Ok(Shape::Whole)),
            ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", Ok(Shape::Metadata("v1"))),
            ("application/vnd.kubernetes.protobuf,application/json", Ok(Shape::Whole)),
            (
                "application/json;as=APIGroupDiscoveryList;v=v2;g=apidiscovery.k8s.io,application/json",
                Ok(Shape::Whole),
            ),
            ("application/vnd.kubernetes.protobuf", Err(406)),
        ] {
            assert_eq!(Shape::wanted(accept).map_err(|failure| failure.code), shape, "{accept}");
        }
    }
}
