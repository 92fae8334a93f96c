//! The cluster: its objects and everything that acts on them.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::Router;
use serde_json::{Value, json};

use super::access::{Access, Signers};
use super::failure::Failure;
use super::fault::Faults;
use super::manifest::{self, ManifestError};
use super::object::{self, fill, suffix, text};
use super::pod::kubelet::Kubelet;
use super::pod::webhook::Webhook;
use super::pod::{ProcessView, Source, admission, helper};
use super::resource::Resource;
use super::store::{Key, Store};
use super::token::Tokens;
use super::{api, patch, seed};
use crate::sandbox::clock::Clock;
use crate::sandbox::issuer::Issuer;
use crate::sandbox::minted::Minted;
use crate::sandbox::world::{IN_CLUSTER_ISSUER, World};

/// The cluster half of the sandbox.
pub struct Cluster {
    pub(super) access: Access,
    pub(super) clock: Clock,
    pub(super) faults: Faults,
    pub(super) tokens: Tokens,
    store: Mutex<Store>,
    kubelet: Mutex<Kubelet>,
    webhook: Option<Webhook>,
    ca: String,
    public_issuer: String,
    /// The variables that lead programs to the cloud; none before the sandbox is open.
    surroundings: OnceLock<Vec<(String, String)>>,
}

impl Cluster {
    /// The cluster of `world`, with what every cluster holds. Its tokens are signed by the key of `issuer`
    /// and say that they are the world's; `ca` is the certificate that its pods trust.
    ///
    /// # Panics
    /// Never: what every cluster holds is admitted.
    #[must_use]
    pub fn new(world: &World, clock: Clock, issuer: Issuer, minted: Minted, ca: &str) -> Arc<Self> {
        let cluster = Self {
            access: Access::new(&world.cluster.rbac, &minted),
            faults: Faults::new(&world.cluster.faults),
            tokens: Tokens::new(issuer, world.token_issuer(), world.cluster.token_ceiling_seconds, minted),
            store: Mutex::default(),
            kubelet: Mutex::default(),
            webhook: world.cluster.webhook.then(|| Webhook::new(world)),
            clock,
            ca: ca.to_owned(),
            public_issuer: world.issuer.clone(),
            surroundings: OnceLock::new(),
        };
        for object in seed::objects(world, &cluster.now()) {
            let resource = Resource::of(text(&object, "/apiVersion"), text(&object, "/kind"));
            let resource = resource.expect("the seed is of known resources");
            cluster.restore(resource, object).expect("the seed is admitted");
        }
        Arc::new(cluster)
    }

    /// Its API.
    pub fn router(self: &Arc<Self>) -> Router {
        api::router(Arc::clone(self))
    }

    /// Loads a manifest of YAML documents in order, each as `kubectl apply` would: what is there is merged
    /// with. Unlike a request, a manifest may bring `uid`, `creationTimestamp` and `status` along.
    /// `file` is what errors call it.
    ///
    /// # Errors
    /// The text is not YAML, or an object is not admitted.
    pub fn load(&self, file: &str, yaml: &str) -> Result<(), ManifestError> {
        manifest::load(self, file, yaml)
    }

    /// Lets in whom the RAM authenticator knows by a bearer token.
    pub(crate) fn trust(&self, signers: Signers) {
        self.access.trust(signers);
    }

    /// The users that have a bearer token of their own, and their tokens: the administrator first, then those
    /// that the world limits.
    #[must_use]
    pub fn users(&self) -> Vec<(String, String)> {
        self.access.users()
    }

    /// The issuer of tokens that are minted now.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.tokens.url()
    }

    /// Turns RRSA on or off: decides the issuer of tokens that are minted from now on. Pods keep theirs until
    /// they are made anew or the kubelet renews them.
    pub fn set_rrsa_enabled(&self, enabled: bool) {
        self.tokens.set_url(if enabled { &self.public_issuer } else { IN_CLUSTER_ISSUER });
    }

    /// The objects of a core resource in a namespace.
    #[must_use]
    pub fn objects(&self, plural: &str, namespace: &str) -> Vec<Value> {
        let store = self.store();
        store.list(Resource::core(plural), Some(namespace)).map(|(_, object)| object.clone()).collect()
    }

    /// Tells where the cloud is; later calls change nothing.
    pub fn surround(&self, variables: &[(String, String)]) {
        let _ = self.surroundings.set(variables.to_vec());
    }

    /// Adds ephemeral containers to a running pod, and starts them.
    pub(super) fn add_containers(&self, key: &Key, mut pod: Value, new: &[Value]) -> Value {
        let mut store = self.store();
        let source = self.source(&store);
        new.iter().for_each(|container| self.kubelet().add(&mut pod, container, &source));
        store.put(key.clone(), pod)
    }

    /// What a container has printed.
    pub(super) fn log(&self, pod: &Value, container: &str) -> String {
        self.kubelet().log(object::uid(pod), container)
    }

    /// Runs the helper in those containers of a pod that are to run it and have not, each on a thread of its own.
    pub(super) fn run_helpers(self: &Arc<Self>, key: &Key) {
        let Some(pod) = self.store().find(key).cloned() else { return };
        let namespace = self.store().core("namespaces", "", &key.namespace).cloned().unwrap_or_default();
        for name in helper::containers(&pod) {
            let all = ["/spec/containers", "/spec/ephemeralContainers"];
            let found =
                all.iter().flat_map(|group| object::list(&pod, group)).find(|one| one["name"] == *name);
            let (Some(container), Ok(Some(view))) = (found.cloned(), self.enter(&pod, &name)) else {
                continue;
            };
            let (cluster, key, namespace) = (Arc::clone(self), key.clone(), namespace.clone());
            std::thread::spawn(move || {
                let surroundings = cluster.surroundings.get().cloned().unwrap_or_default();
                let ended = helper::run(&container, &view, &namespace, &surroundings);
                let now = cluster.now();
                let mut store = cluster.store();
                // The pod may have been taken away meanwhile.
                if let Some(mut pod) = store.find(&key).cloned() {
                    cluster.kubelet().end(&mut pod, &name, ended, &now);
                    store.put(key, pod);
                }
            });
        }
    }

    /// The objects.
    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kubelet(&self) -> MutexGuard<'_, Kubelet> {
        self.kubelet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> String {
        self.clock.now().strftime("%FT%TZ").to_string()
    }

    /// Admits and keeps a new object.
    ///
    /// # Errors
    /// It exists, its namespace does not, or it is not admitted.
    pub(super) fn create(
        &self,
        resource: &Resource,
        mut object: Value,
        dry_run: bool,
    ) -> Result<Value, Failure> {
        if let Some(mistyped) = object::mistyped(&object) {
            return Err(Failure::mistyped(resource, mistyped));
        }
        self.name(resource, &mut object)?;
        let (namespace, name) = (object::namespace(&object).to_owned(), object::name(&object).to_owned());
        let key = Key::new(resource, &namespace, &name);
        let mut store = self.store();
        if resource.namespaced && store.core("namespaces", "", &namespace).is_none() {
            return Err(Failure::not_found(Resource::core("namespaces"), &namespace));
        }
        if store.find(&key).is_some() {
            return Err(Failure::already_exists(resource, &name));
        }
        fill(&mut object, &["apiVersion"], resource.api_version());
        fill(&mut object, &["kind"], resource.kind);
        fill(&mut object, &["metadata", "uid"], object::new_uid());
        fill(&mut object, &["metadata", "creationTimestamp"], self.now());
        match resource.plural {
            "pods" => {
                admission::admit(&mut object, &store, self.webhook.as_ref())?;
                if !dry_run {
                    let source = self.source(&store);
                    self.kubelet().start(&mut object, seed::NODE, &source)?;
                }
            }
            "namespaces" => {
                fill(&mut object, &["metadata", "labels", "kubernetes.io/metadata.name"], name.as_str());
                fill(&mut object, &["status", "phase"], "Active");
            }
            "deployments" | "replicasets" | "statefulsets" => fill(&mut object, &["spec", "replicas"], 1),
            "secrets" => {
                fill(&mut object, &["type"], "Opaque");
                encode(&mut object);
            }
            _ => {}
        }
        if dry_run {
            return Ok(object);
        }
        let kept = store.put(key, object);
        drop(store);
        if resource.plural == "namespaces" {
            self.furnish(&name);
        }
        Ok(kept)
    }

    /// Checks the name, or makes one up.
    fn name(&self, resource: &Resource, object: &mut Value) -> Result<(), Failure> {
        let invalid = |name: &str, why: &str| {
            Err(Failure::invalid(
                resource.kind,
                resource.group,
                name,
                "metadata.name",
                "FieldValueInvalid",
                why,
            ))
        };
        let name = match (object::name(object), text(object, "/metadata/generateName")) {
            ("", "") => return invalid("", "Required value: name or generateName is required"),
            ("", prefix) => format!("{prefix}{}", suffix()),
            (name, _) => name.to_owned(),
        };
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let ends = [name.bytes().next(), name.bytes().last()];
        if name.len() > 253
            || !name.bytes().all(|byte| letters(byte) || matches!(byte, b'-' | b'.'))
            || !ends.into_iter().flatten().all(letters)
        {
            let why = format!(
                "Invalid value: {name:?}: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
            );
            return invalid(&name, &why);
        }
        object["metadata"]["name"] = name.into();
        Ok(())
    }

    /// What controllers put into a new namespace.
    fn furnish(&self, namespace: &str) {
        let metadata = |name: &str| json!({"name": name, "namespace": namespace});
        let account = json!({"metadata": metadata("default")});
        let root = json!({"metadata": metadata("kube-root-ca.crt"), "data": {"ca.crt": self.ca}});
        for (plural, object) in [("serviceaccounts", account), ("configmaps", root)] {
            // The namespace is new: the names are free unless somebody was quicker, whose object stays.
            drop(self.create(Resource::core(plural), object, false));
        }
    }

    /// Loads an object of a manifest: makes it, or merges it with the one that is there.
    pub(super) fn restore(&self, resource: &Resource, object: Value) -> Result<(), Failure> {
        let key = Key::new(resource, object::namespace(&object), object::name(&object));
        let current = self.store().find(&key).cloned();
        match current {
            None => self.create(resource, object, false).map(drop),
            Some(_) if resource.plural == "pods" => {
                Err(Failure::already_exists(resource, object::name(&object)))
            }
            Some(mut merged) => {
                patch::merge(&mut merged, &object);
                self.store().put(key, merged);
                Ok(())
            }
        }
    }

    /// Takes an object away, and what goes with it.
    pub(super) fn delete(&self, key: &Key) {
        let mut store = self.store();
        let removed = store.remove(key);
        let mut gone: Vec<String> = removed.iter().map(|object| object::uid(object).to_owned()).collect();
        if removed.is_some_and(|object| object["kind"] == "Namespace") {
            gone.extend(store.empty(&key.name));
        }
        let mut kubelet = self.kubelet();
        gone.iter().for_each(|uid| kubelet.forget(uid));
    }

    /// What a process in a container sees.
    pub(super) fn enter(&self, pod: &Value, container: &str) -> Result<Option<ProcessView>, Failure> {
        let store = self.store();
        let source = self.source(&store);
        self.kubelet().enter(pod, container, &source)
    }

    fn source<'a>(&'a self, store: &'a Store) -> Source<'a> {
        Source { store, tokens: &self.tokens, access: &self.access, now: self.clock.now() }
    }
}

/// Encodes `stringData` of a Secret into its `data`.
fn encode(secret: &mut Value) {
    use base64::Engine as _;
    let Some(Value::Object(plain)) = object::fields(secret).remove("stringData") else { return };
    for (key, value) in plain {
        let value = base64::engine::general_purpose::STANDARD.encode(value.as_str().unwrap_or_default());
        object::fields(&mut secret["data"]).insert(key, value.into());
    }
}
