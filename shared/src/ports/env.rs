//! Environment variables: the process's own, or a map in tests.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use crate::env_vars;

/// Read access to environment variables.
#[derive(Clone, Debug)]
pub struct Env(Inner);

#[derive(Clone, Debug)]
enum Inner {
    Real,
    Fake(Arc<BTreeMap<String, String>>),
}

impl Env {
    /// The environment of this process.
    #[must_use]
    pub fn real() -> Self {
        Self(Inner::Real)
    }

    /// An environment that holds `pairs` and nothing else.
    pub fn fake<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(Inner::Fake(Arc::new(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect())))
    }

    /// The value of `name`; `None` when it is unset, empty or not UTF-8. An empty variable counts as unset,
    /// as it does for every Alibaba Cloud SDK.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<String> {
        let value = match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the adapter that owns the environment")]
            Inner::Real => std::env::var(name).ok(),
            Inner::Fake(map) => map.get(name).cloned(),
        };
        value.filter(|v| !v.is_empty())
    }

    /// The value of `name`, whether it is text or not; `None` when it is unset or empty. Paths need not be text.
    #[must_use]
    pub fn os(&self, name: &str) -> Option<OsString> {
        let value = match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the adapter that owns the environment")]
            Inner::Real => std::env::var_os(name),
            Inner::Fake(map) => map.get(name).map(OsString::from),
        };
        value.filter(|value| !value.is_empty())
    }

    /// The path in `name`.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.os(name).map(PathBuf::from)
    }

    /// The folders of `PATH`, as they are written there.
    #[must_use]
    pub fn folders(&self) -> Vec<PathBuf> {
        self.os(env_vars::PATH).map(|list| std::env::split_paths(&list).collect()).unwrap_or_default()
    }

    /// Whether `name` is set to what is no text.
    #[must_use]
    pub fn is_garbled(&self, name: &str) -> bool {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the adapter that owns the environment")]
            Inner::Real => matches!(std::env::var(name), Err(std::env::VarError::NotUnicode(_))),
            Inner::Fake(_) => false,
        }
    }

    /// The home directory: what `HOME` says, on Windows, where it is seldom set, what `USERPROFILE` says without it.
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        let profile = || self.path(env_vars::USERPROFILE).filter(|_| cfg!(windows));
        self.path(env_vars::HOME).or_else(profile)
    }
}
