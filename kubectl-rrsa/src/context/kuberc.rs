//! kubectl's preferences say which credential plugins may run; a plugin of kubectl keeps to them.

use std::path::{Path, PathBuf};

use rrsa_shared::env_vars;
use rrsa_shared::ports::env::Env;
use serde::Deserialize;

use crate::error::Error;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Preference {
    credential_plugin_policy: Option<String>,
    credential_plugin_allowlist: Vec<Entry>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    command: Option<String>,
    name: Option<String>,
}

/// Refuses `command` when kubectl's preferences would.
pub(super) fn allow(command: &str, resolved: Option<&str>, env: &Env) -> Result<(), Error> {
    let Some((path, text)) = read(env)? else { return Ok(()) };
    let preference: Preference = serde_saphyr::from_str(&text).map_err(|error| {
        let place = error.location().map(|at| format!(" at line {}", at.line())).unwrap_or_default();
        Error::usage(format!("kubectl's preferences {} cannot be read{place}", path.display()))
            .hint("mend the file, or set KUBERC=off")
    })?;
    let listed = preference.credential_plugin_allowlist.iter().any(|entry| {
        let named = entry.command.as_deref().or(entry.name.as_deref());
        named == Some(command) || (named.is_some() && named == resolved)
    });
    let allowed = match preference.credential_plugin_policy.as_deref() {
        None | Some("" | "AllowAll") => true,
        Some("Allowlist") => listed,
        Some(_) => false,
    };
    if allowed {
        return Ok(());
    }
    let policy = preference.credential_plugin_policy.unwrap_or_default();
    Err(Error::usage(format!(
        "the credential plugin {command} may not run: policy {policy} in {}",
        path.display()
    ))
    .hint("add it to credentialPluginAllowlist there"))
}

fn read(env: &Env) -> Result<Option<(PathBuf, String)>, Error> {
    if env.var(env_vars::KUBECTL_KUBERC).is_some_and(|value| value.eq_ignore_ascii_case("false")) {
        return Ok(None);
    }
    let named = env.path(env_vars::KUBERC);
    if named.as_deref() == Some(Path::new("off")) {
        return Ok(None);
    }
    let explicit = named.is_some();
    let Some(path) = named.or_else(|| Some(env.home()?.join(".kube/kuberc"))) else {
        return Ok(None);
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !explicit => Ok(None),
        Err(error) => Err(Error::usage(format!("kubectl's preferences {} cannot be read", path.display()))
            .caused_by(error)
            .hint("mend KUBERC, or set KUBERC=off")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str, command: &str) -> Result<(), Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        allow(command, Some("/usr/bin/plugin"), &Env::fake([("KUBERC", file.path().to_str().unwrap())]))
    }

    #[test]
    fn the_policy_of_kubectl_binds_this_plugin_too() {
        let head = "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n";
        for (policy, command, allowed) in [
            ("", "plugin", true),
            ("credentialPluginPolicy: AllowAll", "plugin", true),
            ("credentialPluginPolicy: DenyAll", "plugin", false),
            ("credentialPluginPolicy: Novel", "plugin", false),
            ("credentialPluginPolicy: Allowlist", "plugin", false),
            (
                "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{command: plugin}]",
                "plugin",
                true,
            ),
            (
                "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{name: plugin}]",
                "plugin",
                true,
            ),
            (
                "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{command: /usr/bin/plugin}]",
                "plugin",
                true,
            ),
            (
                "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{command: other}]",
                "plugin",
                false,
            ),
        ] {
            assert_eq!(verdict(&format!("{head}{policy}\n"), command).is_ok(), allowed, "{policy}");
        }
    }

    #[test]
    fn preferences_can_be_turned_off_and_a_broken_file_is_named() {
        assert!(allow("plugin", None, &Env::fake([("KUBERC", "off")])).is_ok());
        assert!(
            allow("plugin", None, &Env::fake([("KUBERC", "/nowhere"), ("KUBECTL_KUBERC", "false")])).is_ok()
        );
        assert!(allow("plugin", None, &Env::fake([("KUBERC", "/nowhere")])).is_err());
        assert!(
            verdict("credentialPluginPolicy: [", "plugin").unwrap_err().message.contains("cannot be read")
        );
    }
}
