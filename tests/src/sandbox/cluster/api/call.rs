//! What a request asks for: verb, resource, namespace and name, read from method and path.

use http::{HeaderMap, Method, Uri};
use percent_encoding::percent_decode_str;

use crate::sandbox::cluster::failure::Failure;
use crate::sandbox::cluster::resource::Resource;

/// One request to the API server, without its body.
#[derive(Debug)]
pub(crate) struct Call {
    /// The path as it was sent.
    pub(crate) path: String,
    /// The verb that RBAC knows: `get`, `list`, `create`, `deletecollection` and so on.
    pub(crate) verb: &'static str,
    /// What the path names, absent for paths that name no resource.
    pub(crate) target: Option<Target>,
    query: Vec<(String, String)>,
    /// The headers.
    pub(crate) headers: HeaderMap,
}

/// A resource, and the object within.
#[derive(Debug)]
pub(crate) struct Target {
    /// The resource type.
    pub(crate) resource: &'static Resource,
    /// The namespace; absent for all of them, and for what lives in none.
    pub(crate) namespace: Option<String>,
    /// The object's name; absent for the collection.
    pub(crate) name: Option<String>,
    /// What stands behind the name, such as `exec`.
    pub(crate) subresource: Option<String>,
}

impl Target {
    /// The name, or 405 for the collection.
    pub(crate) fn name(&self) -> Result<&str, Failure> {
        self.name.as_deref().ok_or_else(Failure::method_not_allowed)
    }

    /// The namespace, empty for what lives in none.
    pub(crate) fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }

    /// `pods`, `pods/exec`: what rules and faults call it.
    pub(crate) fn full_name(&self) -> String {
        match &self.subresource {
            None => self.resource.plural.to_owned(),
            Some(subresource) => format!("{}/{subresource}", self.resource.plural),
        }
    }
}

impl Call {
    /// Reads method, path, query and headers.
    ///
    /// # Errors
    /// 404 when the path names a resource that does not exist, 405 for an unknown method.
    pub(crate) fn read(method: &Method, uri: &Uri, headers: HeaderMap) -> Result<Self, Failure> {
        let path = uri.path().to_owned();
        let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|error| Failure::bad_request(error.to_string()))?
            .0;
        let target = target(&path)?;
        let collection = target.as_ref().is_some_and(|target| target.name.is_none());
        let verb = match (method.as_str(), collection) {
            ("GET" | "HEAD", false) => "get",
            ("GET" | "HEAD", true) => "list",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", false) => "delete",
            ("DELETE", true) => "deletecollection",
            _ => return Err(Failure::method_not_allowed()),
        };
        let mut call = Self { path, verb, target, query, headers };
        if call.verb == "list" && call.flag("watch") {
            call.verb = "watch";
        }
        Ok(call)
    }

    /// The first value of a query parameter, empty when it is absent.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        let value = self.query.iter().find(|(key, _)| key == name);
        value.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// Every value of a query parameter.
    pub(crate) fn parameters<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a query parameter says yes.
    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.parameter(name), "true" | "1" | "t" | "T" | "TRUE" | "True")
    }

    /// Whether nothing shall be kept of what is done.
    pub(crate) fn dry_run(&self) -> bool {
        self.parameters("dryRun").any(|value| value == "All")
    }

    /// A header's value, empty when it is absent or no text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

fn target(path: &str) -> Result<Option<Target>, Failure> {
    let parts: Vec<String> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (group, version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return Ok(None),
    };
    if rest.is_empty() {
        return Ok(None);
    }
    // A namespace's own object stands where the objects within stand: what follows tells them apart.
    let (namespace, rest) = match rest {
        ["namespaces", namespace, inner @ ..] if !matches!(inner, [] | ["status" | "finalize", ..]) => {
            (Some((*namespace).to_owned()), inner)
        }
        _ => (None, rest),
    };
    let (plural, name, subresource) = match *rest {
        [plural] => (plural, None, None),
        [plural, name] => (plural, Some(name.to_owned()), None),
        [plural, name, subresource] => (plural, Some(name.to_owned()), Some(subresource.to_owned())),
        _ => return Err(Failure::no_such_path()),
    };
    let resource = Resource::at(group, version, plural).ok_or_else(Failure::no_such_path)?;
    let placed = namespace.is_some() || name.is_none();
    if resource.namespaced && !placed || !resource.namespaced && namespace.is_some() {
        return Err(Failure::no_such_path());
    }
    Ok(Some(Target { resource, namespace, name, subresource }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: Method, uri: &str) -> Result<Call, Failure> {
        Call::read(&method, &uri.parse().unwrap(), HeaderMap::new())
    }

    #[test]
    fn paths_name_what_is_asked_for() {
        for (method, uri, expected) in [
            (Method::GET, "/api/v1/pods?limit=5", "list pods - - "),
            (Method::GET, "/api/v1/pods?watch=1", "watch pods - - "),
            (Method::GET, "/api/v1/namespaces/a/pods", "list pods a - "),
            (Method::DELETE, "/api/v1/namespaces/a/pods/b", "delete pods a b "),
            (Method::GET, "/api/v1/namespaces/a", "get namespaces - a "),
            (Method::GET, "/api/v1/namespaces", "list namespaces - - "),
            (
                Method::POST,
                "/api/v1/namespaces/a/serviceaccounts/b/token",
                "create serviceaccounts a b token",
            ),
            (Method::PATCH, "/apis/apps/v1/namespaces/a/deployments/b", "patch deployments a b "),
            (
                Method::POST,
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                "create selfsubjectaccessreviews - - ",
            ),
        ] {
            let call = call(method, uri).unwrap();
            let target = call.target.unwrap();
            let shown = format!(
                "{} {} {} {} {}",
                call.verb,
                target.resource.plural,
                target.namespace.as_deref().unwrap_or("-"),
                target.name.as_deref().unwrap_or("-"),
                target.subresource.as_deref().unwrap_or_default(),
            );
            assert_eq!(shown, expected, "{uri}");
        }
    }

    #[test]
    fn what_the_server_does_not_serve_is_not_found() {
        for uri in [
            "/api/v1/widgets",
            "/api/v2/pods",
            "/api/v1/pods/x",
            "/api/v1/namespaces/a/nodes",
            "/api/v1/a/b/c/d",
        ] {
            assert_eq!(call(Method::GET, uri).unwrap_err().code, 404, "{uri}");
        }
        assert!(call(Method::GET, "/version").unwrap().target.is_none());
    }

    #[test]
    fn parameters_are_decoded_and_may_repeat() {
        let call = call(Method::GET, "/x?command=cat&command=%2Fetc%2Fa+b").unwrap();
        assert_eq!(call.parameters("command").collect::<Vec<_>>(), ["cat", "/etc/a b"]);
    }
}
