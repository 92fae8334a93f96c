//! What a source is, as a configuration file or a command line says it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// One source. Names and fields are those of `config.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Spec {
    /// The sources below, in the order of the official SDKs, as the environment and the usual files tell them.
    Default {},
    /// The variables of a key.
    Environment {},
    /// RRSA: an OIDC token exchanged for a role. What is left out comes from the webhook's variables.
    Rrsa {
        /// ARN of the role.
        role_arn: Option<String>,
        /// ARN of the OIDC provider.
        oidc_provider_arn: Option<String>,
        /// File of the token.
        token_file: Option<String>,
        /// Variable that holds the token.
        token_env: Option<String>,
        /// Command that prints the token, as a list of arguments.
        token_command: Option<Vec<String>>,
        /// Name of the session.
        session_name: Option<String>,
        /// Length of the session, seconds.
        duration_seconds: Option<u32>,
        /// Session policy.
        policy: Option<String>,
    },
    /// A profile of the Alibaba Cloud CLI.
    CliProfile {
        /// Its name; the current one without it.
        profile: Option<String>,
        /// The file; `~/.aliyun/config.json` without it.
        file: Option<String>,
    },
    /// A section of the SDKs' credentials file.
    Ini {
        /// Its name; `default` without it.
        profile: Option<String>,
        /// The file; `~/.alibabacloud/credentials` without it.
        file: Option<String>,
    },
    /// The RAM role of the machine.
    EcsRamRole {
        /// Its name; asked for without it.
        role: Option<String>,
    },
    /// An address that hands out credentials.
    CredentialsUri {
        /// The address; `ALIBABA_CLOUD_CREDENTIALS_URI` without it.
        uri: Option<String>,
    },
    /// A command of a profile of the CLI; only such a profile can say it.
    #[serde(skip)]
    External {
        /// Name of the profile.
        profile: String,
        /// The command as it stands there.
        command: String,
    },
    /// A role assumed with the key of another source.
    AssumeRole {
        /// Name of the other source; the default ones without it.
        source: Option<String>,
        /// ARN of the role.
        role_arn: String,
        /// Name of the session.
        session_name: Option<String>,
        /// Length of the session, seconds.
        duration_seconds: Option<u32>,
        /// What the role's trust policy asks for.
        external_id: Option<String>,
        /// Session policy.
        policy: Option<String>,
    },
}

impl Spec {
    /// Two fields that contradict each other.
    fn contradiction(&self) -> Option<String> {
        let Self::Rrsa { token_file, token_env, token_command, .. } = self else { return None };
        let all = [
            ("token-file", token_file.is_some()),
            ("token-env", token_env.is_some()),
            ("token-command", token_command.is_some()),
        ];
        let said: Vec<&str> = all.iter().filter(|(_, said)| *said).map(|(name, _)| *name).collect();
        (said.len() > 1).then(|| said.join(" and "))
    }
}

/// Sources by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// `[source.NAME]`.
    pub source: BTreeMap<String, Spec>,
}

/// A configuration that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads a file's text.
    ///
    /// # Errors
    /// Where it cannot be read, without quoting it.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let document: toml::Table = toml::from_str(text).map_err(|error| {
            let line =
                error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
            ConfigError(format!("line {line}: {}", error.message()))
        })?;
        let mut source = BTreeMap::new();
        for (key, value) in document {
            let tables = match value {
                toml::Value::Table(tables) if key == "source" => tables,
                _ => return Err(ConfigError(format!("{key:?} is not known; write [source.NAME]"))),
            };
            for (name, value) in tables {
                let spec: Spec = value.try_into().map_err(|error: toml::de::Error| {
                    ConfigError(format!("source {name}: {}", error.message()))
                })?;
                if let Some(two) = spec.contradiction() {
                    return Err(ConfigError(format!(
                        "source {name}: {two} say the same in two ways; leave one out"
                    )));
                }
                source.insert(name, spec);
            }
        }
        Ok(Self { source })
    }

    /// The source of that name.
    ///
    /// # Errors
    /// The names that there are.
    pub fn named(&self, name: &str) -> Result<&Spec, ConfigError> {
        self.source.get(name).ok_or_else(|| {
            let known: Vec<_> = self.source.keys().map(String::as_str).collect();
            ConfigError(match known.as_slice() {
                [] => format!("no source is named {name:?}, nor any other"),
                known => format!("no source is named {name:?}; there are {}", known.join(", ")),
            })
        })
    }

    /// Whether a source runs a command, which only a file that nobody else can write may say.
    #[must_use]
    pub fn runs_commands(&self) -> bool {
        self.source.values().any(|spec| matches!(spec, Spec::Rrsa { token_command: Some(_), .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_by_name() {
        let text = "
[source.ci]
type = \"rrsa\"
role-arn = \"acs:ram::1:role/ci\"
token-env = \"CI_TOKEN\"

[source.prod]
type = \"assume-role\"
source = \"ci\"
role-arn = \"acs:ram::2:role/deploy\"
external-id = \"x1\"
";
        let config = Config::parse(text).unwrap();
        assert!(
            matches!(config.named("ci").unwrap(), Spec::Rrsa { token_env: Some(name), .. } if name == "CI_TOKEN")
        );
        assert!(
            matches!(config.named("prod").unwrap(), Spec::AssumeRole { source: Some(name), .. } if name == "ci")
        );
        assert_eq!(
            config.named("x").unwrap_err().to_string(),
            "no source is named \"x\"; there are ci, prod"
        );
    }

    #[test]
    fn what_cannot_be_read_is_named_by_line_and_not_quoted() {
        let text = "[source.a]\ntype = \"rrsa\"\npolicie = \"hunter2\"\n";
        let error = Config::parse(text).unwrap_err().to_string();
        assert!(error.contains("policie") && !error.contains("hunter2"), "{error}");
        let broken = Config::parse("[source.a]\ntype = \"hunter2\n").unwrap_err().to_string();
        assert!(broken.starts_with("line 2") && !broken.contains("hunter2"), "{broken}");
    }
}
