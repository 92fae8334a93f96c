//! Profiles of the Alibaba Cloud CLI, `~/.aliyun/config.json`, as specs of the other sources.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Answer, Spec};
use crate::secret::Secret;
use crate::sts::AccessKey;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    current: String,
    #[serde(default)]
    profiles: Vec<Profile>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Profile {
    name: String,
    mode: String,
    access_key_id: String,
    access_key_secret: Secret,
    sts_token: Secret,
    ram_role_name: String,
    ram_role_arn: String,
    ram_session_name: String,
    external_id: String,
    source_profile: String,
    expired_seconds: u32,
    credentials_uri: String,
    oidc_provider_arn: String,
    oidc_token_file: String,
    policy: String,
    process_command: String,
}

/// Whether a field of a profile holds a secret, or what goes with one. A profile of mode `External` has no use for it.
#[must_use]
pub fn is_secret_field(name: &str) -> bool {
    const TELLING: [&str; 6] = ["token", "secret", "password", "access_key", "private_key", "sts_expiration"];
    let name = name.to_ascii_lowercase();
    // The path of a token's file is none.
    TELLING.iter().any(|part| name.contains(part)) && !name.ends_with("_file")
}

/// What of the file's bytes only its user changes: the CLI and the SDKs write into a profile what its
/// command has printed. A file that is not of the CLI's shape is taken as it is.
#[must_use]
#[cold]
#[inline(never)]
pub fn lasting(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let whole = || Zeroizing::new(bytes.to_vec());
    let Ok(mut file) = serde_json::from_slice::<serde_json::Value>(bytes) else { return whole() };
    let profiles = file.get_mut("profiles").and_then(serde_json::Value::as_array_mut);
    for profile in profiles.into_iter().flatten().filter(|profile| is_written_back(profile)) {
        if let Some(fields) = profile.as_object_mut() {
            fields.retain(|name, _| !is_secret_field(name));
        }
    }
    serde_json::to_vec(&file).map_or_else(|_| whole(), Zeroizing::new)
}

/// Whether what a command printed may stand in a profile: in its own, or in one that stands on it.
fn is_written_back(profile: &serde_json::Value) -> bool {
    ["External", "ChainableRamRoleArn"].iter().any(|mode| profile["mode"] == *mode)
}

/// What a profile comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// An answer at once.
    Answer(Answer),
    /// Another source.
    Spec(Spec),
    /// A role to be assumed with what another profile comes to.
    Role(Box<Resolved>, Spec),
}

/// The name of the current profile.
#[must_use]
pub fn current(bytes: &[u8]) -> Option<String> {
    let File { current, profiles } = serde_json::from_slice(bytes).ok()?;
    let name = if current.is_empty() { "default".to_owned() } else { current };
    profiles.iter().any(|profile| profile.name == name).then_some(name)
}

/// What profile `name`, or the current one, of the file's bytes comes to.
#[must_use]
pub fn resolve(bytes: &[u8], name: Option<&str>) -> Resolved {
    let failed = |why: String| Resolved::Answer(Answer::Failed(format!("the CLI's configuration: {why}")));
    // serde's words may quote a secret.
    let file = match serde_json::from_slice::<File>(bytes) {
        Ok(file) => file,
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            return failed(format!("it is not the JSON of the CLI (line {line}, column {column})"));
        }
    };
    let name = name.map_or(file.current.as_str(), |name| name);
    let mut seen: Vec<&str> = Vec::new();
    let mut roles: Vec<Spec> = Vec::new();
    let mut next = if name.is_empty() { "default" } else { name };
    let base = loop {
        if seen.contains(&next) {
            return failed(format!("its profiles name each other in a circle: {}", seen.join(", ")));
        }
        seen.push(next);
        let Some(profile) = file.profiles.iter().find(|profile| profile.name == next) else {
            return if seen.len() == 1 && file.profiles.is_empty() {
                Resolved::Answer(Answer::Absent("the CLI has no profile".to_owned()))
            } else {
                let names: Vec<_> = file.profiles.iter().map(|profile| profile.name.as_str()).collect();
                failed(format!("there is no profile {next:?} in it; it has {}", names.join(", ")))
            };
        };
        match profile.mode.as_str() {
            "ChainableRamRoleArn" => {
                match role(profile) {
                    Ok(role) => roles.push(role),
                    Err(why) => return failed(why),
                }
                next = &profile.source_profile;
            }
            _ => match one(profile) {
                Ok(resolved) => break resolved,
                Err(why) => return failed(format!("profile {:?}: {why}", profile.name)),
            },
        }
    };
    roles.into_iter().rev().fold(base, |base, role| Resolved::Role(Box::new(base), role))
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn role(profile: &Profile) -> Result<Spec, String> {
    Ok(Spec::AssumeRole {
        source: None,
        role_arn: some(&profile.ram_role_arn)
            .ok_or(format!("profile {:?} has no ram_role_arn", profile.name))?,
        session_name: some(&profile.ram_session_name),
        duration_seconds: Some(profile.expired_seconds).filter(|seconds| *seconds > 0),
        external_id: some(&profile.external_id),
        policy: some(&profile.policy),
    })
}

fn one(profile: &Profile) -> Result<Resolved, String> {
    let key = |token: bool| {
        let id = some(&profile.access_key_id).ok_or("it has no access_key_id")?;
        if profile.access_key_secret.expose().is_empty() || (token && profile.sts_token.expose().is_empty()) {
            return Err("its key is not complete");
        }
        let security_token = token.then(|| profile.sts_token.clone());
        let key = AccessKey { id, secret: profile.access_key_secret.clone(), security_token };
        let from = format!("profile {} of the CLI", profile.name);
        Ok(Resolved::Answer(Answer::Found { key, expiration: None, from }))
    };
    Ok(match profile.mode.as_str() {
        "AK" => key(false)?,
        "StsToken" => key(true)?,
        "RamRoleArn" => {
            Resolved::Role(Box::new(key(!profile.sts_token.expose().is_empty())?), role(profile)?)
        }
        "EcsRamRole" => Resolved::Spec(Spec::EcsRamRole { role: some(&profile.ram_role_name) }),
        "OIDC" => Resolved::Spec(Spec::Rrsa {
            role_arn: some(&profile.ram_role_arn),
            oidc_provider_arn: some(&profile.oidc_provider_arn),
            token_file: some(&profile.oidc_token_file),
            token_env: None,
            token_command: None,
            session_name: some(&profile.ram_session_name),
            duration_seconds: Some(profile.expired_seconds).filter(|seconds| *seconds > 0),
            policy: some(&profile.policy),
        }),
        "CredentialsURI" => Resolved::Spec(Spec::CredentialsUri { uri: some(&profile.credentials_uri) }),
        "External" => Resolved::Spec(Spec::External {
            profile: profile.name.clone(),
            command: some(&profile.process_command).ok_or("it has no process_command")?,
        }),
        other => return Err(format!("mode {other:?} is not one that can be used here")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"current":"ak","profiles":[
        {"name":"ak","mode":"AK","access_key_id":"LTAI1","access_key_secret":"hunter2"},
        {"name":"half","mode":"AK","access_key_id":"LTAI1"},
        {"name":"role","mode":"RamRoleArn","access_key_id":"LTAI1","access_key_secret":"hunter2","ram_role_arn":"acs:ram::1:role/r","ram_session_name":"s1","expired_seconds":900},
        {"name":"two","mode":"ChainableRamRoleArn","source_profile":"role","ram_role_arn":"acs:ram::2:role/q","external_id":"x1"},
        {"name":"oidc","mode":"OIDC","ram_role_arn":"acs:ram::1:role/r"},
        {"name":"a","mode":"ChainableRamRoleArn","source_profile":"b","ram_role_arn":"acs:ram::1:role/r"},
        {"name":"b","mode":"ChainableRamRoleArn","source_profile":"a","ram_role_arn":"acs:ram::1:role/r"},
        {"name":"ext","mode":"External","process_command":"x"},
        {"name":"sso","mode":"CloudSSO"}]}"#;

    fn of(name: Option<&str>) -> Resolved {
        resolve(FILE.as_bytes(), name)
    }

    #[test]
    fn each_mode_comes_to_a_source() {
        assert!(matches!(of(None), Resolved::Answer(Answer::Found { key, .. }) if key.id == "LTAI1"));
        assert!(matches!(
            of(Some("role")),
            Resolved::Role(_, Spec::AssumeRole { duration_seconds: Some(900), .. })
        ));
        let Resolved::Role(base, Spec::AssumeRole { external_id, .. }) = of(Some("two")) else { panic!() };
        assert_eq!(external_id.as_deref(), Some("x1"));
        assert!(matches!(*base, Resolved::Role(..)));
        assert!(matches!(of(Some("ext")), Resolved::Spec(Spec::External { command, .. }) if command == "x"));
        assert!(matches!(of(Some("oidc")), Resolved::Spec(Spec::Rrsa { token_file: None, .. })));
    }

    #[test]
    fn what_is_broken_is_named_without_a_secret() {
        for (name, words) in [
            ("half", "not complete"),
            ("a", "circle"),
            ("none", "no profile \"none\" in it"),
            ("sso", "CloudSSO"),
        ] {
            let Resolved::Answer(Answer::Failed(why)) = of(Some(name)) else { panic!("{name}") };
            assert!(why.contains(words) && !why.contains("hunter2"), "{why}");
        }
        assert!(matches!(resolve(b"{\"profiles\":[]}", None), Resolved::Answer(Answer::Absent(_))));
        assert!(matches!(
            resolve(b"{\"profiles\":[{\"access_key_secret\":1}]}", None),
            Resolved::Answer(Answer::Failed(_))
        ));
    }
}
