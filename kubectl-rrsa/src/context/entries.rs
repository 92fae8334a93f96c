//! What a kubeconfig says of a cluster, and which file new entries go to.

use std::path::PathBuf;

use kube::config::Cluster;
use rrsa_shared::env_vars;
use rrsa_shared::ports::env::Env;

use super::flags::KubeFlags;
use super::kubeconfig::resolve;
use crate::error::Error;

/// The cluster that the flags and the kubeconfig choose; `None` when they choose none.
///
/// # Errors
/// As [`super::connect`], for what is written wrong.
pub fn cluster(flags: &KubeFlags, env: &Env) -> Result<Option<Cluster>, Error> {
    Ok(resolve(flags, env)?.map(|resolved| resolved.cluster).filter(|cluster| cluster.server.is_some()))
}

/// The file that kubectl would write a new entry to: the one that is named, else the first of `KUBECONFIG` that exists, else its
/// last, else the one at home.
///
/// # Errors
/// When there is no home either.
pub fn file(flags: &KubeFlags, env: &Env) -> Result<PathBuf, Error> {
    if let Some(path) = &flags.kubeconfig {
        return Ok(path.clone());
    }
    let listed: Vec<PathBuf> = env
        .os(env_vars::KUBECONFIG)
        .map(|list| std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect())
        .unwrap_or_default();
    let chosen = listed.iter().find(|path| path.is_file()).or(listed.last()).cloned();
    chosen
        .or_else(|| env.home().map(|home| home.join(".kube/config")))
        .ok_or_else(|| Error::usage("there is no file to write to").hint("name one with --kubeconfig FILE"))
}
