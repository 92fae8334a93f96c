//! What the API server says about itself: version, groups, resources, schemas.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::sandbox::cluster::resource::{RESOURCES, Resource};

/// `/version`.
pub(super) fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "gitVersion": "v1.36.2-aliyun.1", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.26.0", "compiler": "gc", "platform": "linux/amd64",
    })
}

/// The document at `path`, if it is one of discovery's.
pub(super) fn document(path: &str, address: &str) -> Option<Value> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        ["version"] => Some(version()),
        ["api"] => Some(json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
        })),
        ["api", version] => resources("", version),
        ["apis"] => {
            let groups: Vec<Value> = groups().into_iter().map(group).collect();
            Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        ["apis", name] => {
            let mut document = group(groups().into_iter().find(|(group, _)| group == name)?);
            document["kind"] = "APIGroup".into();
            document["apiVersion"] = "v1".into();
            Some(document)
        }
        ["apis", group, version] => resources(group, version),
        ["openapi", "v3"] => Some(schemas()),
        ["openapi", "v3", "api", version] => schema("", version),
        ["openapi", "v3", "apis", group, version] => schema(group, version),
        _ => None,
    }
}

fn groups() -> BTreeMap<&'static str, &'static str> {
    RESOURCES.iter().filter(|one| !one.group.is_empty()).map(|one| (one.group, one.version)).collect()
}

fn group((name, version): (&str, &str)) -> Value {
    let version = json!({"groupVersion": format!("{name}/{version}"), "version": version});
    json!({"name": name, "versions": [version], "preferredVersion": version})
}

fn members(group: &str, version: &str) -> Vec<&'static Resource> {
    RESOURCES.iter().filter(|one| one.group == group && one.version == version).collect()
}

fn resources(group: &str, version: &str) -> Option<Value> {
    let members = members(group, version);
    let group_version = members.first()?.api_version();
    let mut resources = Vec::new();
    for member in members {
        let mut entry = json!({
            "name": member.plural, "singularName": member.singular, "namespaced": member.namespaced,
            "kind": member.kind, "verbs": member.verbs(),
        });
        if matches!(member.kind, "Pod" | "DaemonSet" | "Deployment" | "ReplicaSet" | "StatefulSet") {
            entry["categories"] = json!(["all"]);
        }
        if !member.short.is_empty() {
            entry["shortNames"] = json!(member.short);
        }
        resources.push(entry);
        for (name, kind, verb) in member.subresources {
            resources.push(json!({
                "name": format!("{}/{name}", member.plural), "singularName": "",
                "namespaced": member.namespaced, "kind": kind, "verbs": [verb],
            }));
        }
    }
    Some(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources,
    }))
}

/// The list of schema documents. kubectl reads them to learn that the server checks fields itself.
fn schemas() -> Value {
    let paths: Map<String, Value> = RESOURCES
        .iter()
        .map(|one| {
            let prefix = if one.group.is_empty() { "api" } else { "apis" };
            let path = format!("{prefix}/{}", one.api_version());
            let document = json!({"serverRelativeURL": format!("/openapi/v3/{path}")});
            (path, document)
        })
        .collect();
    json!({"paths": paths})
}

fn schema(group: &str, version: &str) -> Option<Value> {
    let members = members(group, version);
    let group_version = members.first()?.api_version();
    let prefix = if group.is_empty() { "/api" } else { "/apis" };
    let paths: Map<String, Value> = members
        .into_iter()
        .map(|member| {
            let within = if member.namespaced { "/namespaces/{namespace}" } else { "" };
            let path = format!("{prefix}/{group_version}{within}/{}/{{name}}", member.plural);
            let operation = json!({
                "operationId": format!("patch{}", member.kind),
                "parameters": [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}],
                "responses": {"200": {"description": "OK"}},
                "x-kubernetes-action": "patch",
                "x-kubernetes-group-version-kind":
                    {"group": member.group, "version": member.version, "kind": member.kind},
            });
            (path, json!({"patch": operation}))
        })
        .collect();
    Some(json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.36.2"},
        "paths": paths, "components": {"schemas": {}},
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_version_that_is_listed_can_be_read() {
        let address = "127.0.0.1:1";
        let groups = document("/apis", address).unwrap();
        let listed = groups["groups"].as_array().unwrap();
        assert!(listed.len() >= 3);
        for group in listed {
            let version = group["preferredVersion"]["groupVersion"].as_str().unwrap();
            let resources = document(&format!("/apis/{version}"), address).unwrap();
            assert_eq!(resources["groupVersion"], version);
        }
        for document in schemas()["paths"].as_object().unwrap().values() {
            let url = document["serverRelativeURL"].as_str().unwrap();
            assert!(!self::document(url, address).unwrap()["paths"].as_object().unwrap().is_empty(), "{url}");
        }
    }

    #[test]
    fn what_is_not_there_has_no_document() {
        for path in ["/api/v2", "/apis/x.io", "/apis/apps/v2", "/elsewhere", "/openapi/v3/api/v2"] {
            assert_eq!(document(path, ""), None, "{path}");
        }
    }
}
