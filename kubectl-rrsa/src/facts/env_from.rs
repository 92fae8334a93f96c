//! What a container takes its variables from by the lot: `envFrom`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use super::overriding::is_of_webhook;
use super::{ContainerFacts, EnvFact, PodFacts, SHOWN_ENV};

/// One source of variables, of which it is not known what it sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvSource {
    /// Kind and name, such as `secret/app`.
    pub name: String,
    /// What is put before each name.
    pub prefix: String,
    /// Whether the pod does without it where it is not there.
    pub is_optional: bool,
    /// Why it is not known what it sets, where that was asked for.
    pub why: Option<String>,
}

impl fmt::Display for EnvSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match self.prefix.as_str() {
            "" => Ok(()),
            prefix => write!(f, " with prefix {prefix}"),
        }
    }
}

impl Serialize for EnvSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl EnvSource {
    /// The ConfigMap that it is, by name.
    #[must_use]
    pub fn config_map(&self) -> Option<&str> {
        self.name.strip_prefix("configMap/")
    }
}

/// What a source sets; `None` inside where it is not there.
pub type EnvData = Result<Option<BTreeMap<String, String>>, Option<String>>;

impl PodFacts {
    /// Takes what sources set for what its containers set; `data` says what a source does, or why that is not known.
    /// `is_injected`: whether the webhook is yet to put its variables in, which go before.
    pub fn take(&mut self, is_injected: bool, data: impl Fn(&EnvSource) -> EnvData) {
        let skipped: Vec<bool> =
            self.containers.iter().map(|container| self.skips(&container.name)).collect();
        for (container, skipped) in self.containers.iter_mut().zip(skipped) {
            container.take(is_injected && !skipped, &data);
        }
    }
}

impl ContainerFacts {
    /// The sources in words.
    #[must_use]
    pub fn sources(&self) -> String {
        self.env_from.iter().map(EnvSource::to_string).collect::<Vec<_>>().join(", ")
    }

    fn take(&mut self, is_injected: bool, data: impl Fn(&EnvSource) -> EnvData) {
        let mut taken: BTreeMap<String, EnvFact> = BTreeMap::new();
        for source in std::mem::take(&mut self.env_from) {
            match data(&source) {
                // The last source of a name counts.
                Ok(Some(data)) => taken.extend(data.into_iter().map(|(key, value)| {
                    let name = format!("{}{key}", source.prefix);
                    let fact = self.fact(&name, value);
                    (name, fact)
                })),
                Ok(None) if source.is_optional => {}
                Ok(None) => {
                    let why = Some(format!("there is no {source}"));
                    self.env_from.push(EnvSource { why, ..source });
                }
                Err(why) => {
                    // It may set the same.
                    for fact in taken.values_mut().filter(|fact| matches!(fact, EnvFact::Value(_))) {
                        *fact = EnvFact::From(source.to_string());
                    }
                    self.env_from.push(EnvSource { why: why.or(source.why.clone()), ..source });
                }
            }
        }
        let is_nothing = |fact: &EnvFact| *fact == EnvFact::Value(String::new());
        taken.retain(|name, fact| !(is_nothing(fact) || is_injected && is_of_webhook(name)));
        for (name, fact) in taken {
            // What the container sets itself goes before.
            if !self.env_emptied.contains(&name) {
                self.env.entry(name).or_insert(fact);
            }
        }
    }

    fn fact(&mut self, name: &str, value: String) -> EnvFact {
        if name == "JAVA_TOOL_OPTIONS" && !self.env.contains_key(name) && names_key_to_java(&value) {
            self.java_key = Some("JAVA_TOOL_OPTIONS");
        }
        match value.is_empty() || SHOWN_ENV.contains(&name) {
            true => EnvFact::Value(value),
            false => EnvFact::Set,
        }
    }
}

/// Whether options of a Java machine name an access key, which goes before every variable.
#[must_use]
pub fn names_key_to_java(options: &str) -> bool {
    options.contains("-Dalibabacloud.accessKeyId=")
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use rrsa_shared::env_vars;

    use super::*;

    #[test]
    fn the_last_source_counts_and_the_container_itself_before_all() {
        let source = |name: &str| EnvSource { name: name.to_owned(), ..EnvSource::default() };
        let role = env_vars::ROLE_ARN;
        let data = |source: &EnvSource| match source.name.as_str() {
            "configMap/a" => Ok(Some(BTreeMap::from([(role.to_owned(), "a".to_owned())]))),
            "configMap/b" => {
                Ok(Some(BTreeMap::from([(role.to_owned(), "b".to_owned()), ("X".to_owned(), String::new())])))
            }
            "configMap/none" => Ok(None),
            _ => Err(None),
        };
        let take = |sources: &[EnvSource], injected: bool| {
            let mut container = ContainerFacts { env_from: sources.to_vec(), ..ContainerFacts::default() };
            container.take(injected, data);
            container
        };
        let (a, b) = (source("configMap/a"), source("configMap/b"));
        assert_eq!(take(&[a.clone(), b.clone()], false).value(role), Some("b"));
        assert_eq!(take(&[b.clone(), a.clone()], false).value(role), Some("a"));
        assert!(!take(from_ref(&b), false).env.contains_key("X"), "empty is none");
        assert_eq!(take(from_ref(&b), true).env.len(), 0, "the webhook sets it");
        let after = take(&[a.clone(), source("secret/s")], false);
        assert_eq!(after.env[role], EnvFact::From("secret/s".to_owned()));
        assert_eq!(after.env_from.len(), 1);
        assert_eq!(take(&[source("secret/s"), a.clone()], false).value(role), Some("a"));
        let prefixed = EnvSource { prefix: "MY_".to_owned(), ..a };
        assert!(take(&[prefixed], false).env.contains_key("MY_ALIBABA_CLOUD_ROLE_ARN"));
        let gone = take(&[source("configMap/none")], false);
        assert_eq!(gone.env_from[0].why.as_deref(), Some("there is no configMap/none"));
        let optional = EnvSource { is_optional: true, ..source("configMap/none") };
        assert!(take(&[optional], false).env_from.is_empty());
    }
}
