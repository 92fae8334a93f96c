//! The cloud: its world, its time, and what happened in it so far.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::Router;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::auth::Nonces;
use super::faults::Faults;
use super::imds::Tokens;
use super::issuers::Issuers;
use super::sessions::{Session, Sessions};
use super::{bearer, published, router};
use crate::sandbox::clock::Clock;
use crate::sandbox::minted::Minted;
use crate::sandbox::world::{Fault, Role, World};

/// The cloud half, shared by all its listeners.
pub struct Cloud {
    world: World,
    clock: Clock,
    born: Timestamp,
    minted: Minted,
    issuers: Issuers,
    faults: Faults,
    sessions: Sessions,
    nonces: Nonces,
    metadata_tokens: Tokens,
    calls: Mutex<BTreeMap<String, u64>>,
    issuer_fingerprint: OnceLock<String>,
    kubeconfigs: OnceLock<Kubeconfigs>,
}

/// Makes a kubeconfig for a user's name, with a certificate that is good until then; for the private address if so.
pub(crate) type Kubeconfigs = Box<dyn Fn(&str, Timestamp, bool) -> String + Send + Sync>;

impl Cloud {
    /// A cloud in which `world` holds and each issuer of `jwks` (its URL) has published that key set.
    #[must_use]
    pub fn new(world: &World, clock: Clock, jwks: HashMap<String, Value>) -> Arc<Self> {
        Self::with_minted(world, clock, jwks, Minted::new())
    }

    /// Like [`Cloud::new`], with a record of secrets that others share.
    #[must_use]
    pub fn with_minted(
        world: &World,
        clock: Clock,
        jwks: HashMap<String, Value>,
        minted: Minted,
    ) -> Arc<Self> {
        for key in &world.access_keys {
            minted.record(&key.secret);
        }
        Arc::new(Self {
            world: world.clone(),
            born: clock.now(),
            clock,
            minted,
            issuers: Issuers::new(jwks),
            faults: Faults::new(world.faults.clone()),
            sessions: Sessions::default(),
            nonces: Nonces::default(),
            metadata_tokens: Tokens::default(),
            calls: Mutex::default(),
            issuer_fingerprint: OnceLock::new(),
            kubeconfigs: OnceLock::new(),
        })
    }

    /// All services of the cloud; to be served in http and in https alike.
    pub fn router(self: &Arc<Self>) -> Router {
        router::router(Arc::clone(self))
    }

    /// What its issuers publish; to be served in TLS with a certificate of this SHA-1 fingerprint.
    pub fn published(self: &Arc<Self>, fingerprint: String) -> Router {
        // It is set once: a sandbox opens its listeners once.
        let _ = self.issuer_fingerprint.set(fingerprint);
        published::router(Arc::clone(self))
    }

    /// The ARN of whoever signed a bearer token for the RAM authenticator of this cluster.
    #[must_use]
    pub fn signer(&self, bearer: &str) -> Option<String> {
        bearer::signer(self, bearer)
    }

    /// Lets users of the cluster have kubeconfigs; the first word counts.
    pub(crate) fn hand_out(&self, kubeconfigs: Kubeconfigs) {
        let _ = self.kubeconfigs.set(kubeconfigs);
    }

    /// What makes kubeconfigs; none until somebody does.
    pub(super) fn kubeconfigs(&self) -> Option<&Kubeconfigs> {
        self.kubeconfigs.get()
    }

    /// The fingerprint of the certificate that its issuers show.
    pub(super) fn issuer_fingerprint(&self) -> Option<&str> {
        self.issuer_fingerprint.get().map(String::as_str)
    }

    /// Publishes the key set of the issuer at `url`, in the place of an earlier one.
    pub fn register_issuer(&self, url: impl Into<String>, jwks: Value) {
        self.issuers.publish(url.into(), jwks);
    }

    /// Adds a fault, tried after those that are there.
    pub fn inject(&self, fault: Fault) {
        self.faults.add(fault);
    }

    /// Every secret that the cloud knows or made: AccessKeySecrets and SecurityTokens.
    #[must_use]
    pub fn minted(&self) -> Vec<String> {
        self.minted.all()
    }

    /// How often each API was called, faults included; `imds` for the metadata service.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn count(&self, api: &str) {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(api.to_owned()).or_default() += 1;
    }

    pub(super) fn world(&self) -> &World {
        &self.world
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// When the cloud began, which is when everything in it was made.
    pub(super) fn born(&self) -> Timestamp {
        self.born
    }

    pub(super) fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    pub(super) fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(super) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    pub(super) fn nonces(&self) -> &Nonces {
        &self.nonces
    }

    pub(super) fn metadata_tokens(&self) -> &Tokens {
        &self.metadata_tokens
    }

    pub(super) fn role(&self, name: &str) -> Option<&Role> {
        self.world.roles.iter().find(|role| role.name == name)
    }

    /// Mints session credentials and records their secrets.
    pub(super) fn mint(&self, role: &str, session_name: &str, expires: Timestamp) -> (String, Session) {
        let (id, session) = self.sessions.mint(role, session_name, expires);
        self.minted.record(&session.secret);
        self.minted.record(&session.security_token);
        (id, session)
    }

    /// The 18-digit id of a role (`3…`) or a user (`2…`): the same in every run for the same name.
    pub(super) fn principal_id(&self, kind: &str, name: &str) -> String {
        let hash = Sha256::digest(format!("{}:{kind}/{name}", self.world.account_id));
        let number = hash.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let first = if kind == "role" { 3 } else { 2 };
        format!("{first}{:017}", number % 10_u64.pow(17))
    }
}
