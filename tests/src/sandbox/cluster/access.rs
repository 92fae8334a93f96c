//! Who calls, and what they may do.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use http::HeaderMap;
use jiff::Timestamp;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::failure::Failure;
use crate::sandbox::minted::Minted;
use crate::sandbox::serve::PeerCertificate;
use crate::sandbox::world::ClusterUser;

/// The user of the kubeconfig's first context, who may do everything and act as anybody.
pub const ADMIN: &str = "sandbox-admin";

const ANONYMOUS: &str = "system:anonymous";

/// Somebody who makes requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct User {
    /// The name.
    pub(crate) name: String,
    /// The uid; ServiceAccounts have one.
    pub(crate) uid: String,
    /// The groups.
    pub(crate) groups: Vec<String>,
    /// Further facts, such as the pod that a token is bound to.
    pub(crate) extra: BTreeMap<String, Vec<String>>,
}

/// What somebody wants to do.
#[derive(Debug)]
pub(crate) enum Deed<'a> {
    /// Something to a resource.
    Resource {
        /// The verb.
        verb: &'a str,
        /// The API group.
        group: &'a str,
        /// The plural, with the subresource: `pods/exec`.
        resource: &'a str,
        /// The namespace, empty for all of them.
        namespace: &'a str,
        /// The object, empty for the collection.
        name: &'a str,
    },
    /// Something at a path.
    Path {
        /// The verb.
        verb: &'a str,
        /// The path.
        path: &'a str,
    },
}

/// Users, their tokens and their rules.
pub(crate) struct Access {
    tokens: BTreeMap<String, User>,
    minted: Mutex<BTreeMap<String, (User, Timestamp)>>,
    rules: Vec<ClusterUser>,
    signers: OnceLock<Signers>,
}

/// Who signed a bearer token that is none of the cluster's own, by ARN.
pub(crate) type Signers = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

impl Access {
    /// The administrator and every listed user, each with a token of its own.
    pub(crate) fn new(rules: &[ClusterUser], minted: &Minted) -> Self {
        let names = rules.iter().map(|user| user.user.as_str()).filter(|name| *name != ANONYMOUS);
        let tokens = [ADMIN].into_iter().chain(names).map(|name| {
            let token: String = (0..32).map(|_| format!("{:02x}", rand::random::<u8>())).collect();
            minted.record(&token);
            let group = (name == ADMIN).then(|| "system:masters".to_owned());
            (token, named(name, group.into_iter().collect(), String::new()))
        });
        Self {
            tokens: tokens.collect(),
            minted: Mutex::default(),
            rules: rules.to_vec(),
            signers: OnceLock::new(),
        }
    }

    /// Lets in whom RAM knows; the first word counts.
    pub(crate) fn trust(&self, signers: Signers) {
        let _ = self.signers.set(signers);
    }

    /// The users that have a token of their own: name and token, the administrator first.
    pub(crate) fn users(&self) -> Vec<(String, String)> {
        let mut users: Vec<(String, String)> =
            self.tokens.iter().map(|(token, user)| (user.name.clone(), token.clone())).collect();
        users.sort_by(|one, other| (one.0 != ADMIN, &one.0).cmp(&(other.0 != ADMIN, &other.0)));
        users
    }

    /// Lets a minted token in until it expires.
    pub(crate) fn admit(&self, token: &str, user: User, expires: Timestamp) {
        self.minted.lock().unwrap_or_else(PoisonError::into_inner).insert(token.to_owned(), (user, expires));
    }

    /// Who sends these headers: the holder of the certificate or the bearer of the token, or whom they act as.
    ///
    /// # Errors
    /// 401 for a token that is not known, 403 for somebody who may not act as others.
    pub(crate) fn identify(
        &self,
        headers: &HeaderMap,
        certificate: Option<&PeerCertificate>,
        now: Timestamp,
    ) -> Result<User, Failure> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = match header("authorization") {
            None if certificate.is_some() => {
                certificate.and_then(holder).ok_or_else(Failure::unauthorized)?
            }
            None => named(ANONYMOUS, vec!["system:unauthenticated".to_owned()], String::new()),
            Some(value) => {
                let token = value.split_once(' ').map(|(_, token)| token.trim()).unwrap_or_default();
                self.bearer(token, now).ok_or_else(Failure::unauthorized)?
            }
        };
        let Some(name) = header("impersonate-user") else {
            return match headers.keys().any(|key| key.as_str().starts_with("impersonate-")) {
                true => Err(Failure::bad_request("requested headers without impersonating a user")),
                false => Ok(bearer),
            };
        };
        self.allow(
            &bearer,
            &Deed::Resource { verb: "impersonate", group: "", resource: "users", namespace: "", name },
        )?;
        let groups = headers.get_all("impersonate-group").iter().filter_map(|value| value.to_str().ok());
        let uid = header("impersonate-uid").unwrap_or_default().to_owned();
        Ok(named(name, groups.map(str::to_owned).collect(), uid))
    }

    fn bearer(&self, token: &str, now: Timestamp) -> Option<User> {
        if let Some(user) = self.tokens.get(token) {
            return Some(user.clone());
        }
        let minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        match minted.get(token) {
            Some((user, expires)) => (now < *expires).then(|| user.clone()),
            None => {
                let arn = self.signers.get()?(token)?;
                Some(named(&arn, vec!["system:authenticated".to_owned()], String::new()))
            }
        }
    }

    /// Whether `user` may do `deed`.
    pub(crate) fn allows(&self, user: &User, deed: &Deed<'_>) -> bool {
        open_to_all(user, deed)
            || match self.rules.iter().find(|one| one.user == user.name) {
                Some(limited) => limited.rules.iter().any(|rule| match deed {
                    Deed::Resource { verb, resource, name, .. } => {
                        any(&rule.verbs, verb)
                            && any(&rule.resources, resource)
                            && (rule.resource_names.is_empty()
                                || rule.resource_names.iter().any(|one| one == name))
                    }
                    Deed::Path { verb, path } => any(&rule.verbs, verb) && any(&rule.non_resource_urls, path),
                }),
                None => user.name != ANONYMOUS,
            }
    }

    /// Refuses what `user` may not do, in the API server's words.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn allow(&self, user: &User, deed: &Deed<'_>) -> Result<(), Failure> {
        if self.allows(user, deed) {
            return Ok(());
        }
        let who = &user.name;
        let (verb, group, resource, namespace, name) = match deed {
            Deed::Resource { verb, group, resource, namespace, name } => {
                (verb, group, resource, namespace, name)
            }
            Deed::Path { verb, path } => {
                let message = format!("forbidden: User {who:?} cannot {verb} path {path:?}");
                return Err(Failure::new(403, "Forbidden", message));
            }
        };
        let plural = resource.split('/').next().unwrap_or_default();
        let qualified = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
        let what = if name.is_empty() { qualified } else { format!("{qualified} {name:?}") };
        let scope = match *namespace {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {namespace:?}"),
        };
        let message = format!(
            "{what} is forbidden: User {who:?} cannot {verb} resource {resource:?} in API group {group:?} {scope}"
        );
        let mut failure = Failure::new(403, "Forbidden", message);
        failure.details = serde_json::json!({"kind": plural});
        for (key, value) in [("name", name), ("group", group)] {
            if !value.is_empty() {
                failure.details[key] = (*value).into();
            }
        }
        Err(failure)
    }
}

/// What every cluster grants: health, and to the known discovery and questions about themselves.
fn open_to_all(user: &User, deed: &Deed<'_>) -> bool {
    let known = user.name != ANONYMOUS;
    match deed {
        Deed::Path { path: "/version" | "/version/" | "/livez" | "/readyz" | "/healthz", .. } => true,
        Deed::Path { path, .. } => {
            let below = |root: &str| {
                path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            known && ["/api", "/apis", "/openapi"].into_iter().any(below)
        }
        Deed::Resource { verb: "create", resource, .. } => {
            known && matches!(*resource, "selfsubjectaccessreviews" | "selfsubjectreviews")
        }
        Deed::Resource { .. } => false,
    }
}

/// Whether a list names `value`; `*` names all, `path/*` what stands below.
fn any(list: &[String], value: &str) -> bool {
    list.iter().any(|one| one == value || one.strip_suffix('*').is_some_and(|start| value.starts_with(start)))
}

/// A user with the groups that everybody of their kind is in.
fn named(name: &str, mut groups: Vec<String>, uid: String) -> User {
    let parts: Vec<&str> = name.split(':').collect();
    if let ["system", "serviceaccount", namespace, _] = parts.as_slice()
        && groups.is_empty()
    {
        groups = vec!["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")];
    }
    let authenticated = "system:authenticated".to_owned();
    if name != ANONYMOUS && !groups.contains(&authenticated) {
        groups.push(authenticated);
    }
    User { name: name.to_owned(), uid, groups, extra: BTreeMap::new() }
}

/// Whose a client certificate is: the common name is the user's, each organization a group.
fn holder(certificate: &PeerCertificate) -> Option<User> {
    let (_, certificate) = X509Certificate::from_der(&certificate.0).ok()?;
    let name = certificate.subject().iter_common_name().next()?.as_str().ok()?.to_owned();
    let groups = certificate.subject().iter_organization();
    let groups = groups.filter_map(|group| Some(group.as_str().ok()?.to_owned())).collect();
    Some(named(&name, groups, String::new()))
}

impl User {
    /// The ServiceAccount `name`, as its tokens show it.
    pub(crate) fn service_account(namespace: &str, name: &str, uid: &str) -> Self {
        named(&format!("system:serviceaccount:{namespace}:{name}"), Vec::new(), uid.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::world::World;

    fn access() -> Access {
        let world = World::parse(
            "cluster: {rbac: [{user: dev, rules: [\
               {verbs: [get, list], resources: [pods]}, \
               {verbs: [create], resources: [serviceaccounts/token], resource_names: [demo-sa]}, \
               {verbs: [get], non_resource_urls: [/openid/*]}]}]}",
        )
        .unwrap();
        Access::new(&world.cluster.rbac, &Minted::new())
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(key, value)| (key.parse().unwrap(), value.parse().unwrap()))
            .collect::<Vec<(http::HeaderName, http::HeaderValue)>>()
            .into_iter()
            .collect()
    }

    fn on<'a>(verb: &'a str, resource: &'a str, name: &'a str) -> Deed<'a> {
        Deed::Resource { verb, group: "", resource, namespace: "a", name }
    }

    #[test]
    fn a_token_tells_who_calls_and_an_admin_may_act_as_others() {
        let access = access();
        let now = Timestamp::UNIX_EPOCH;
        let users = access.users();
        assert_eq!((users[0].0.as_str(), users[1].0.as_str()), (ADMIN, "dev"));
        let bearer = |index: usize| format!("Bearer {}", users[index].1);
        let user = access.identify(&headers(&[("authorization", &bearer(1))]), None, now).unwrap();
        assert_eq!(user.name, "dev");
        let acting =
            [("authorization", bearer(0)), ("impersonate-user", "system:serviceaccount:a:b".to_owned())];
        let acting = acting.each_ref().map(|(key, value)| (*key, value.as_str()));
        let user = access.identify(&headers(&acting), None, now).unwrap();
        assert_eq!(user.groups[1], "system:serviceaccounts:a");
        let refused =
            access.identify(&headers(&[("authorization", &bearer(1)), ("impersonate-user", "x")]), None, now);
        assert_eq!(refused.unwrap_err().code, 403);
        let refused = access.identify(&headers(&[("authorization", "Bearer x")]), None, now);
        assert_eq!(refused.unwrap_err().code, 401);
    }

    #[test]
    fn minted_tokens_are_known_until_they_expire() {
        let access = access();
        let expires: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        access.admit("abc", User::service_account("a", "b", "u"), expires);
        let headers = headers(&[("authorization", "Bearer abc")]);
        let before = expires - jiff::SignedDuration::from_secs(1);
        assert_eq!(access.identify(&headers, None, before).unwrap().name, "system:serviceaccount:a:b");
        assert_eq!(access.identify(&headers, None, expires).unwrap_err().code, 401);
    }

    #[test]
    fn a_listed_user_may_do_what_the_rules_say() {
        let access = access();
        let dev = named("dev", Vec::new(), String::new());
        for (deed, allowed) in [
            (on("get", "pods", "x"), true),
            (on("delete", "pods", "x"), false),
            (on("get", "pods/exec", "x"), false),
            (on("create", "serviceaccounts/token", "demo-sa"), true),
            (on("create", "serviceaccounts/token", "other"), false),
            (on("create", "selfsubjectaccessreviews", ""), true),
            (Deed::Path { verb: "get", path: "/openid/v1/jwks" }, true),
            (Deed::Path { verb: "get", path: "/.well-known/openid-configuration" }, false),
            (Deed::Path { verb: "get", path: "/apis/apps/v1" }, true),
        ] {
            assert_eq!(access.allows(&dev, &deed), allowed, "{deed:?}");
        }
        let anonymous = named(ANONYMOUS, Vec::new(), String::new());
        assert!(access.allows(&anonymous, &Deed::Path { verb: "get", path: "/livez" }));
        assert!(!access.allows(&anonymous, &on("get", "pods", "x")));
    }

    #[test]
    fn refusals_read_as_the_api_server_words_them() {
        let access = access();
        let dev = named("dev", Vec::new(), String::new());
        let message = |deed: &Deed<'_>| access.allow(&dev, deed).unwrap_err().message;
        assert_eq!(
            message(&on("create", "pods/exec", "x")),
            "pods \"x\" is forbidden: User \"dev\" cannot create resource \"pods/exec\" in API group \"\" \
             in the namespace \"a\""
        );
        let everywhere =
            Deed::Resource { verb: "list", group: "apps", resource: "deployments", namespace: "", name: "" };
        assert_eq!(
            message(&everywhere),
            "deployments.apps is forbidden: User \"dev\" cannot list resource \"deployments\" in API group \"apps\" \
             at the cluster scope"
        );
        let path = Deed::Path { verb: "get", path: "/metrics" };
        assert_eq!(message(&path), "forbidden: User \"dev\" cannot get path \"/metrics\"");
    }
}
