//! Which kubeconfig counts, and what it says after the flags had their word.

use std::path::{Path, PathBuf};

use kube::config::{AuthInfo, Cluster, Kubeconfig, KubeconfigError};
use rrsa_shared::env_vars;
use rrsa_shared::ports::env::Env;

use super::flags::KubeFlags;
use crate::error::Error;

/// What the kubeconfig and the flags agree on.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    /// Files that were read.
    pub(super) files: Vec<PathBuf>,
    /// Name of the context, if there is one.
    pub(super) context: Option<String>,
    /// Name of the cluster.
    pub(super) cluster_name: Option<String>,
    /// Name of the user.
    pub(super) user_name: Option<String>,
    /// Namespace of the context.
    pub(super) namespace: Option<String>,
    /// The cluster.
    pub(super) cluster: Cluster,
    /// The user.
    pub(super) user: AuthInfo,
}

/// Reads what kubectl would read; `None` when there is nothing to read and no flag names a server.
pub(super) fn resolve(flags: &KubeFlags, env: &Env) -> Result<Option<Resolved>, Error> {
    let (config, files) = load(flags, env)?;
    if files.is_empty() && flags.server.is_none() {
        return Ok(None);
    }
    let context_name =
        flags.context.clone().or(config.current_context.clone()).filter(|name| !name.is_empty());
    let names = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let context = match &context_name {
        None => None,
        Some(name) => {
            let found =
                config.contexts.iter().find(|named| named.name == *name).and_then(|n| n.context.clone());
            Some(found.ok_or_else(|| {
                Error::usage(format!("there is no context \"{name}\" in {}", list(&files))).hint(format!(
                    "contexts there: {}",
                    names(config.contexts.iter().map(|c| c.name.as_str()).collect())
                ))
            })?)
        }
    };
    let cluster_name =
        flags.cluster.clone().or_else(|| context.as_ref().map(|context| context.cluster.clone()));
    let mut cluster = match &cluster_name {
        Some(name) => {
            let found =
                config.clusters.iter().find(|named| named.name == *name).and_then(|n| n.cluster.clone());
            match found {
                Some(cluster) => cluster,
                None if flags.server.is_some() && flags.cluster.is_none() => Cluster::default(),
                None => {
                    return Err(Error::usage(format!("there is no cluster \"{name}\" in {}", list(&files)))
                        .hint(format!(
                            "clusters there: {}",
                            names(config.clusters.iter().map(|c| c.name.as_str()).collect())
                        )));
                }
            }
        }
        None => Cluster::default(),
    };
    let user_name = flags.user.clone().or_else(|| context.as_ref().and_then(|context| context.user.clone()));
    let found = user_name.as_ref().and_then(|name| {
        config.auth_infos.iter().find(|named| named.name == *name).and_then(|named| named.auth_info.clone())
    });
    if let (Some(name), None) = (&flags.user, &found) {
        return Err(Error::usage(format!("there is no user \"{name}\" in {}", list(&files))).hint(format!(
            "users there: {}",
            names(config.auth_infos.iter().map(|user| user.name.as_str()).collect())
        )));
    }
    let mut user = found.unwrap_or_default();
    override_cluster(&mut cluster, flags);
    override_user(&mut user, flags)?;
    let namespace = context.and_then(|context| context.namespace).filter(|namespace| !namespace.is_empty());
    Ok(Some(Resolved { files, context: context_name, cluster_name, user_name, namespace, cluster, user }))
}

fn override_cluster(cluster: &mut Cluster, flags: &KubeFlags) {
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    if let Some(server) = &flags.server {
        cluster.server = Some(server.clone());
    }
    if let Some(file) = &flags.certificate_authority {
        cluster.certificate_authority = Some(text(file));
        cluster.certificate_authority_data = None;
    }
    if let Some(skip) = flags.insecure_skip_tls_verify {
        cluster.insecure_skip_tls_verify = Some(skip);
        if skip && flags.certificate_authority.is_none() {
            cluster.certificate_authority = None;
            cluster.certificate_authority_data = None;
        }
    }
    if let Some(name) = &flags.tls_server_name {
        cluster.tls_server_name = Some(name.clone());
    }
}

fn override_user(user: &mut AuthInfo, flags: &KubeFlags) -> Result<(), Error> {
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    if let Some(token) = &flags.token {
        *user = AuthInfo {
            token: Some(token.expose().to_owned().into()),
            client_certificate: user.client_certificate.take(),
            client_certificate_data: user.client_certificate_data.take(),
            client_key: user.client_key.take(),
            client_key_data: user.client_key_data.take(),
            impersonate: user.impersonate.take(),
            impersonate_uid: user.impersonate_uid.take(),
            impersonate_groups: user.impersonate_groups.take(),
            impersonate_user_extra: user.impersonate_user_extra.take(),
            ..AuthInfo::default()
        };
    }
    if let Some(file) = &flags.client_certificate {
        user.client_certificate = Some(text(file));
        user.client_certificate_data = None;
    }
    if let Some(file) = &flags.client_key {
        user.client_key = Some(text(file));
        user.client_key_data = None;
    }
    if flags.as_user.is_none()
        && user.impersonate.is_none()
        && (flags.as_uid.is_some() || !flags.as_group.is_empty())
    {
        return Err(Error::usage("--as-group and --as-uid need --as").hint("add --as=USER"));
    }
    if let Some(name) = &flags.as_user {
        user.impersonate = Some(name.clone());
    }
    if let Some(uid) = &flags.as_uid {
        user.impersonate_uid = Some(uid.clone());
    }
    if !flags.as_group.is_empty() {
        user.impersonate_groups = Some(flags.as_group.clone());
    }
    Ok(())
}

/// One file when it is named; else the list in KUBECONFIG, where missing files are skipped; else the one at home.
fn load(flags: &KubeFlags, env: &Env) -> Result<(Kubeconfig, Vec<PathBuf>), Error> {
    if let Some(path) = &flags.kubeconfig {
        let config = read(path)?.ok_or_else(|| {
            Error::usage(format!("there is no kubeconfig {}", path.display())).hint("mend --kubeconfig")
        })?;
        return Ok((config, vec![path.clone()]));
    }
    let candidates: Vec<PathBuf> = match env.os(env_vars::KUBECONFIG) {
        Some(list) => std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => env.home().map(|home| home.join(".kube/config")).into_iter().collect(),
    };
    let mut merged = Kubeconfig::default();
    let mut files = Vec::new();
    for path in candidates {
        if files.contains(&path) {
            continue;
        }
        let Some(config) = read(&path)? else { continue };
        merged = merged.merge(config).map_err(|error| {
            Error::usage(format!("{} does not fit the kubeconfig files before it", path.display()))
                .caused_by(error)
        })?;
        files.push(path);
    }
    Ok((merged, files))
}

/// One file; `None` when it does not exist.
fn read(path: &Path) -> Result<Option<Kubeconfig>, Error> {
    // An absolute path, for what is relative in the file is relative to its folder.
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match Kubeconfig::read_from(&absolute) {
        Ok(config) => Ok(Some(config)),
        Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(None)
        }
        Err(KubeconfigError::ReadConfig(error, _)) => {
            Err(Error::usage(format!("the kubeconfig {} cannot be read", path.display())).caused_by(error))
        }
        // The parser's own words quote the file, and the file holds credentials.
        Err(KubeconfigError::Parse(error)) => {
            let place = error.location().map(|at| format!("line {}, column {}", at.line(), at.column()));
            Err(Error::usage(format!("the kubeconfig {} is not valid YAML for one", path.display()))
                .caused_by(place.unwrap_or_else(|| "no place is known".to_owned()))
                .hint("kubectl config view says more"))
        }
        Err(error) => {
            Err(Error::usage(format!("the kubeconfig {} cannot be used", path.display())).caused_by(error))
        }
    }
}

fn list(files: &[PathBuf]) -> String {
    if files.is_empty() {
        return "the kubeconfig (none was found)".to_owned();
    }
    files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "apiVersion: v1\nkind: Config\ncurrent-context: one\ncontexts: [{name: one, context: {cluster: c, user: u, namespace: ns}}]\nclusters: [{name: c, cluster: {server: 'https://one', certificate-authority: ca.crt}}]\nusers: [{name: u, user: {token: hunter2, exec: {command: bin/plugin}}}]\n";
    const TWO: &str = "apiVersion: v1\nkind: Config\ncurrent-context: two\ncontexts: [{name: two, context: {cluster: c, user: v}}]\nclusters: [{name: c, cluster: {server: 'https://two'}}, {name: d, cluster: {server: 'https://d'}}]\nusers: [{name: v, user: {}}]\n";

    fn folder() -> (tempfile::TempDir, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (one, two) = (path("one"), path("two"));
        std::fs::write(&one, ONE).unwrap();
        std::fs::write(&two, TWO).unwrap();
        (folder, one, two)
    }

    /// As `KUBECONFIG` lists them on this system.
    fn listed(paths: &[&str]) -> String {
        std::env::join_paths(paths).unwrap().into_string().unwrap()
    }

    fn from(list: &str, flags: &KubeFlags) -> Result<Option<Resolved>, Error> {
        resolve(flags, &Env::fake([("KUBECONFIG", list), ("HOME", "/nowhere")]))
    }

    #[test]
    fn missing_files_of_the_list_are_skipped_and_the_first_wins() {
        let (_folder, one, two) = folder();
        let found =
            from(&listed(&["/missing", "", &one, &two, &one]), &KubeFlags::default()).unwrap().unwrap();
        assert_eq!(found.files.len(), 2);
        assert_eq!((found.context.as_deref(), found.namespace.as_deref()), (Some("one"), Some("ns")));
        assert_eq!(found.cluster.server.as_deref(), Some("https://one"));
        let second = KubeFlags { context: Some("two".to_owned()), ..KubeFlags::default() };
        let found = from(&listed(&[&one, &two]), &second).unwrap().unwrap();
        assert_eq!(
            found.cluster.server.as_deref(),
            Some("https://one"),
            "the first definition of a name counts"
        );
    }

    #[test]
    fn relative_paths_are_relative_to_the_file_that_holds_them() {
        let (folder, one, _) = folder();
        let found = from(&one, &KubeFlags::default()).unwrap().unwrap();
        let inside = |name: &str| Some(folder.path().join(name).to_str().unwrap().to_owned());
        assert_eq!(found.cluster.certificate_authority, inside("ca.crt"));
        // As for kubectl, a command is a path where it holds the separator of the system.
        let command = if cfg!(windows) { Some("bin/plugin".to_owned()) } else { inside("bin/plugin") };
        assert_eq!(found.user.exec.unwrap().command, command);
    }

    #[test]
    fn nothing_to_read_is_no_error_here_but_a_named_file_that_is_missing_is() {
        assert!(from("/missing", &KubeFlags::default()).unwrap().is_none());
        let named = KubeFlags { kubeconfig: Some("/missing".into()), ..KubeFlags::default() };
        assert!(from("", &named).unwrap_err().message.contains("/missing"));
    }

    #[test]
    fn unknown_names_are_told_with_those_that_exist() {
        let (_folder, one, two) = folder();
        let list = listed(&[&one, &two]);
        for (flags, hint) in [
            (KubeFlags { context: Some("x".to_owned()), ..Default::default() }, "one, two"),
            (KubeFlags { cluster: Some("x".to_owned()), ..Default::default() }, "c, d"),
            (KubeFlags { user: Some("x".to_owned()), ..Default::default() }, "u, v"),
        ] {
            let error = from(&list, &flags).unwrap_err();
            assert!(error.hint.as_deref().is_some_and(|text| text.contains(hint)), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn flags_change_only_their_part() {
        let (_folder, one, two) = folder();
        let flags =
            KubeFlags { cluster: Some("d".to_owned()), as_user: Some("me".to_owned()), ..Default::default() };
        let found = from(&listed(&[&one, &two]), &flags).unwrap().unwrap();
        assert_eq!(
            (found.cluster.server.as_deref(), found.user_name.as_deref()),
            (Some("https://d"), Some("u"))
        );
        assert_eq!((found.namespace.as_deref(), found.user.impersonate.as_deref()), (Some("ns"), Some("me")));
        let token = KubeFlags { token: Some("t".into()), ..Default::default() };
        assert!(from(&one, &token).unwrap().unwrap().user.exec.is_none(), "a token wins over a plugin");
    }

    #[test]
    fn a_broken_file_is_named_with_its_place_and_never_quoted() {
        let (folder, ..) = folder();
        let path = folder.path().join("broken");
        std::fs::write(&path, "users:\n- name: u\n  user: {token: hunter2\n").unwrap();
        let error = from(path.to_str().unwrap(), &KubeFlags::default()).unwrap_err().to_string();
        assert!(error.contains("broken") && error.contains("line"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
