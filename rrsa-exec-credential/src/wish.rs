//! What is asked for: whose credentials, how fresh, and kept where. The same for every command that hands them out.

use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use rrsa_shared::cache::{CacheKey, Folder, KeyInputs, MAX_CONFIGURATION, Mode, Stores};
use rrsa_shared::env_vars;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::Files;

use crate::certificate::CertificateWish;
use crate::error::{Error, exit};

/// Variables that select an identity, or where it is asked for.
const SELECTING: [&str; 22] = [
    env_vars::ACCESS_KEY_ID,
    env_vars::ACCESS_KEY_SECRET,
    env_vars::SECURITY_TOKEN,
    env_vars::ROLE_ARN,
    env_vars::OIDC_PROVIDER_ARN,
    env_vars::OIDC_TOKEN_FILE,
    env_vars::ROLE_SESSION_NAME,
    env_vars::STS_ENDPOINT,
    env_vars::STS_REGION,
    env_vars::VPC_ENDPOINT_ENABLED,
    env_vars::CLOUD_CA_FILE,
    env_vars::ACK_ENDPOINT,
    env_vars::ECS_METADATA,
    env_vars::ECS_METADATA_DISABLED,
    env_vars::IMDSV1_DISABLED,
    env_vars::IMDS_ENDPOINT,
    env_vars::PROFILE,
    env_vars::CLI_PROFILE_DISABLED,
    env_vars::CREDENTIALS_URI,
    env_vars::EXTERNAL_PROCESS_DISABLED,
    env_vars::WITHIN_EXTERNAL,
    env_vars::HOME,
];

/// Whose credentials are wanted, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Name of a source of `config.toml`; the SDKs' chain without it.
    pub(crate) source: Option<String>,
    /// Role to assume with what the source gives.
    pub(crate) role_arn: Option<String>,
    /// STS host or URL.
    pub(crate) sts_endpoint: Option<String>,
    /// Where sessions are kept; what the environment says without it.
    pub(crate) cache: Option<Mode>,
    /// Whether a kept session is passed over.
    pub(crate) force_refresh: bool,
    /// Profile of the CLI that stands for its current one, whichever that will be.
    pub(crate) current_profile: Option<String>,
}

/// The files that select an identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// Our own configuration.
    pub(crate) config: Option<PathBuf>,
    /// The CLI's.
    pub(crate) cli: Option<PathBuf>,
    /// The SDKs' credentials file.
    pub(crate) ini: Option<PathBuf>,
    /// Our folder for locks and sealed sessions.
    pub(crate) cache: Option<PathBuf>,
}

impl Places {
    /// Where the files are, as the environment says; nothing is looked at.
    pub(crate) fn of(env: &Env) -> Self {
        let named = |name: &str| env.path(name);
        // What is relative would be another folder in each directory.
        let absolute = |name: &str| named(name).filter(|path| path.is_absolute());
        let home = env.home().filter(|home| home.is_absolute());
        let below = |path: &str| home.as_ref().map(|home| home.join(path));
        // Without a home of its own a process has no folders either, whatever a user database says.
        let own = home.as_ref().and_then(|_| ProjectDirs::from("", "", "rrsa-exec-credential"));
        Self {
            config: named(env_vars::CONFIG_FILE)
                .or_else(|| own.as_ref().map(|own| own.config_dir().join("config.toml"))),
            cli: named(env_vars::CLI_CONFIG_FILE).or_else(|| below(".aliyun/config.json")),
            ini: named(env_vars::CREDENTIALS_FILE).or_else(|| below(".alibabacloud/credentials")),
            cache: absolute(env_vars::CACHE_DIR)
                .or_else(|| own.as_ref().map(|own| own.cache_dir().to_owned())),
        }
    }
}

impl Wish {
    /// The name of its entry: all that selects the identity, as bytes; nothing is parsed.
    pub(crate) fn key(
        &self,
        certificate: Option<&CertificateWish>,
        env: &Env,
        files: &Files,
        places: &Places,
    ) -> CacheKey {
        let mut inputs = KeyInputs::default();
        inputs.add("certificate", certificate.map(|wanted| wanted.cluster_id.as_bytes()));
        inputs.add(
            "minutes",
            certificate.map(|wanted| wanted.minutes.to_le_bytes()).as_ref().map(<[u8; 2]>::as_slice),
        );
        inputs.add("region", certificate.and_then(|wanted| wanted.region.as_ref()).map(String::as_bytes));
        inputs.add("private", certificate.filter(|wanted| wanted.private_address).map(|_| &b"true"[..]));
        let options =
            [("source", &self.source), ("role-arn", &self.role_arn), ("sts-endpoint", &self.sts_endpoint)];
        for (name, value) in options {
            inputs.add(name, value.as_ref().map(String::as_bytes));
        }
        if let Some(profile) = &self.current_profile {
            inputs.add("current profile", Some(profile.as_bytes()));
        }
        for name in SELECTING {
            // Of a source that is named it is known once it is asked whether it reads the address.
            if name == env_vars::CREDENTIALS_URI && self.source.is_some() {
                continue;
            }
            // What is no text is not what is not set.
            inputs.add(name, env.os(name).map(std::ffi::OsString::into_encoded_bytes).as_deref());
        }
        for (name, path) in [("config", &places.config), ("cli", &places.cli), ("ini", &places.ini)] {
            inputs.add(name, path.as_ref().map(|path| path.as_os_str().as_encoded_bytes()));
            // The CLI and the SDKs write there what they were given; what was read in it is looked at by itself.
            let read = path.as_ref().filter(|_| name != "cli");
            let bytes = read.and_then(|path| files.read_small(path, MAX_CONFIGURATION).ok());
            inputs.add("bytes", bytes.as_deref());
        }
        inputs.finish()
    }

    /// A variable that selects an identity and is no text, where it ought to be.
    pub(crate) fn garbled(env: &Env) -> Option<Error> {
        let is_path = |name: &str| [env_vars::HOME, env_vars::CLOUD_CA_FILE].contains(&name);
        let name = SELECTING.iter().find(|name| !is_path(name) && env.is_garbled(name))?;
        Some(Error::new(exit::USAGE, format!("{name} is not text")).hint("set it anew, or unset it"))
    }

    /// The stores that it may be kept in.
    pub(crate) fn stores(&self, env: &Env, places: &Places) -> Stores {
        let said = || env.var(env_vars::CACHE).and_then(|text| Mode::parse(&text));
        let mode = self.cache.or_else(said).unwrap_or_default();
        Stores::new(mode, places.cache.clone().map(Folder::at))
    }

    /// What is wrong with the cache that the environment names.
    pub(crate) fn unknown_cache(&self, env: &Env) -> Option<Error> {
        if self.cache.is_none() && env.is_garbled(env_vars::CACHE) {
            return Some(
                Error::new(exit::USAGE, format!("{} is not text", env_vars::CACHE)).hint("unset it"),
            );
        }
        let store = env.var(env_vars::CACHE).filter(|_| self.cache.is_none());
        if let Some(named) = store.filter(|named| Mode::parse(named).is_none()) {
            let names: Vec<_> = Mode::ALL.iter().map(|(name, _)| *name).collect();
            let message = format!("{}: there is no cache {named:?}", env_vars::CACHE);
            return Some(
                Error::new(exit::USAGE, message).hint(format!("write one of: {}", names.join(", "))),
            );
        }
        None
    }

    /// What is wrong with the folder that the environment names, which is not used then.
    pub(crate) fn unused_folder(env: &Env) -> Option<String> {
        let folder = env.var(env_vars::CACHE_DIR).filter(|named| !Path::new(named).is_absolute())?;
        let name = env_vars::CACHE_DIR;
        Some(format!("{name} is not used: {folder:?} would be another folder in each directory"))
    }

    /// Whether the environment's own key answers it, before any other source and without a session.
    pub(crate) fn takes_environment(&self) -> bool {
        self.source.is_none() && self.role_arn.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_selects_the_identity_selects_the_entry() {
        let places = Places { config: Some("/c".into()), ..Places::default() };
        let none = Files::fake::<&str, &str>([]);
        let bare = Env::fake::<&str, &str>([]);
        let base = Wish::default().key(None, &bare, &none, &places);
        let mut all = vec![base.clone()];
        for name in SELECTING {
            all.push(Wish::default().key(None, &Env::fake([(name, "x")]), &none, &places));
        }
        all.push(Wish::default().key(None, &bare, &Files::fake([("/c", "")]), &places));
        all.push(Wish::default().key(None, &bare, &Files::fake([("/c", "[source.a]")]), &places));
        for change in [
            Wish { source: Some("x".to_owned()), ..Wish::default() },
            Wish { role_arn: Some("x".to_owned()), ..Wish::default() },
            Wish { sts_endpoint: Some("x".to_owned()), ..Wish::default() },
            Wish { current_profile: Some("x".to_owned()), ..Wish::default() },
        ] {
            all.push(change.key(None, &bare, &none, &places));
        }
        for (id, region, minutes, private_address) in [
            ("c1", None, 180, false),
            ("c2", None, 180, false),
            ("c1", Some("cn-beijing"), 180, false),
            ("c1", None, 60, false),
            ("c1", None, 180, true),
        ] {
            let (cluster_id, region) = (id.to_owned(), region.map(str::to_owned));
            let wanted = CertificateWish { cluster_id, region, minutes, private_address };
            all.push(Wish::default().key(Some(&wanted), &bare, &none, &places));
        }
        let mut names = all.clone();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all.len());
        let forced = Wish { force_refresh: true, cache: Some(Mode::None), ..Wish::default() };
        assert_eq!(forced.key(None, &bare, &none, &places), base, "how it is kept does not say whose it is");
    }
}
