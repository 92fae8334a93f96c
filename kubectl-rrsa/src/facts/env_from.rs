//! What a container takes variables from: all of a source (`envFrom`), or one key of it (`valueFrom`).

use std::collections::BTreeMap;
use std::fmt;

use rrsa_shared::env_vars::JAVA_OPTIONS;
use serde::{Serialize, Serializer};

use super::overriding::is_of_webhook;
use super::{ContainerFacts, EnvFact, PodFacts, SHOWN_ENV};

/// A source of variables, of which it is not known what it sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvSource {
    /// Kind and name, such as `secret/app`.
    pub name: String,
    /// The key of it that is taken; all without it.
    pub key: Option<String>,
    /// What is put before each name.
    pub prefix: String,
    /// Whether the pod does without it where it is not there.
    pub is_optional: bool,
    /// A value with names in it, `$(NAME)`, that it may set.
    pub text: Option<String>,
    /// Why it is not known what it sets, where that was asked for.
    pub why: Option<String>,
}

/// The name of a source that is the pod itself.
pub const FIELD: &str = "a field of the pod";

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

impl EnvFact {
    /// Where it comes from, when it is not known.
    #[must_use]
    pub fn source(&self) -> Option<&EnvSource> {
        match self {
            Self::From(source) => Some(source),
            Self::Value(_) | Self::Set => None,
        }
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
    /// Where the value of a variable comes from, when it is not known.
    #[must_use]
    pub fn source_of(&self, name: &str) -> Option<&EnvSource> {
        self.env.get(name).and_then(EnvFact::source)
    }

    /// All sources of which it is not known what they set: those of everything, and those of single variables.
    pub fn unknown_sources(&self) -> impl Iterator<Item = &EnvSource> {
        self.env_from.iter().chain(self.env.values().filter_map(EnvFact::source))
    }

    /// Whether it is not known of some variable whether it is set, or to what.
    #[must_use]
    pub fn takes_from_elsewhere(&self) -> bool {
        self.unknown_sources().next().is_some()
    }

    /// All that [`takes_from_elsewhere`](Self::takes_from_elsewhere) is about, in words.
    #[must_use]
    pub fn from_elsewhere(&self) -> String {
        let mut all: Vec<_> = self.unknown_sources().map(EnvSource::to_string).collect();
        all.dedup();
        all.join(", ")
    }

    /// The sources of which it is not known what they set, in words.
    #[must_use]
    pub fn unread(&self) -> String {
        self.env_from.iter().map(EnvSource::to_string).collect::<Vec<_>>().join(", ")
    }

    fn take(&mut self, is_injected: bool, data: impl Fn(&EnvSource) -> EnvData) {
        let mut taken: BTreeMap<String, EnvFact> = BTreeMap::new();
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for source in std::mem::take(&mut self.env_from) {
            match data(&source) {
                // The last source of a name counts.
                Ok(Some(data)) => taken.extend(data.into_iter().map(|(key, value)| {
                    let name = format!("{}{key}", source.prefix);
                    values.insert(name.clone(), value.clone());
                    let fact = self.fact(&name, value);
                    (name, fact)
                })),
                Ok(None) if source.is_optional => {}
                Ok(None) => {
                    let why = Some(format!("there is no {source}"));
                    self.env_from.push(EnvSource { why, ..source });
                }
                Err(why) => {
                    let source = EnvSource { why: why.or(source.why.clone()), ..source };
                    // It may set the same.
                    for fact in taken.values_mut().filter(|fact| matches!(fact, EnvFact::Value(_))) {
                        *fact = EnvFact::From(source.clone());
                    }
                    self.env_from.push(source);
                }
            }
        }
        self.take_keys(&data);
        if self.env_from.is_empty() {
            self.take_names(&values);
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

    /// The variables whose value has names in it that sources set.
    fn take_names(&mut self, values: &BTreeMap<String, String>) {
        let known = values.iter().map(|(name, value)| (name.as_str(), Some(value.clone()))).collect();
        for fact in self.env.values_mut() {
            let EnvFact::From(EnvSource { text: Some(text), .. }) = fact else { continue };
            *fact = EnvFact::Value(expanded(text, &known).unwrap_or_default());
        }
        self.env.retain(|_, fact| *fact != EnvFact::Value(String::new()));
    }

    /// The variables whose value is one key of a source.
    fn take_keys(&mut self, data: impl Fn(&EnvSource) -> EnvData) {
        let sources = self.env.iter().filter_map(|(name, fact)| Some((name, fact.source()?)));
        let keyed =
            sources.filter_map(|(name, source)| Some((name.clone(), source.clone(), source.key.clone()?)));
        for (name, source, key) in keyed.collect::<Vec<_>>() {
            let (missing, why) = match data(&source) {
                Ok(Some(mut data)) => match data.remove(&key) {
                    Some(value) => {
                        self.env.remove(&name);
                        if !value.is_empty() {
                            let fact = self.fact(&name, value);
                            self.env.insert(name, fact);
                        }
                        continue;
                    }
                    None => (true, format!("{source} has no key {key}")),
                },
                Ok(None) => (true, format!("there is no {source}")),
                Err(Some(why)) => (false, why),
                Err(None) => continue,
            };
            if missing && source.is_optional {
                self.env.remove(&name);
            } else {
                self.env.insert(name, EnvFact::From(EnvSource { why: Some(why), ..source }));
            }
        }
    }

    fn fact(&mut self, name: &str, value: String) -> EnvFact {
        if name == JAVA_OPTIONS && !self.env.contains_key(name) && names_key_to_java(&value) {
            self.java_key = Some(JAVA_OPTIONS);
        }
        match value.is_empty() || SHOWN_ENV.contains(&name) {
            true => EnvFact::Value(value),
            false => EnvFact::Set,
        }
    }
}

/// A value with what the kubelet puts in place of `$(NAME)`; nothing where that is not known. `$$(NAME)` stays, with one
/// dollar, and so does the name of a variable that does not stand before.
#[must_use]
pub fn expanded(value: &str, known: &BTreeMap<&str, Option<String>>) -> Option<String> {
    let mut whole = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('$') {
        whole.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            whole.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            match known.get(name) {
                Some(value) => whole.push_str(value.as_ref()?),
                None => whole.push_str(&format!("$({name})")),
            }
            rest = after;
        } else {
            whole.push('$');
        }
    }
    whole.push_str(rest);
    Some(whole)
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
        assert_eq!(after.env[role], EnvFact::From(source("secret/s")));
        assert_eq!(after.env_from.len(), 1);
        assert_eq!(take(&[source("secret/s"), a.clone()], false).value(role), Some("a"));
        let prefixed = EnvSource { prefix: "MY_".to_owned(), ..a };
        assert!(take(&[prefixed], false).env.contains_key("MY_ALIBABA_CLOUD_ROLE_ARN"));
        let keyed = |name: &str, key: &str| EnvSource { key: Some(key.to_owned()), ..source(name) };
        let of_key = |from: EnvSource| {
            let mut container = ContainerFacts::default();
            container.env.insert("K".to_owned(), EnvFact::From(from));
            container.take(false, data);
            container.env.remove("K")
        };
        assert_eq!(of_key(keyed("configMap/a", role)), Some(EnvFact::Set));
        assert_eq!(of_key(keyed("configMap/b", "X")), None);
        let Some(EnvFact::From(lost)) = of_key(keyed("configMap/a", "Y")) else { panic!("it is known") };
        assert_eq!(lost.why.as_deref(), Some("configMap/a has no key Y"));
        let maybe = EnvSource { is_optional: true, ..keyed("configMap/none", "Y") };
        assert_eq!(of_key(maybe), None);
        let mut named = ContainerFacts { env_from: vec![source("configMap/a")], ..ContainerFacts::default() };
        let text = Some(format!("acs:$({role}):$(OTHER)"));
        named.env.insert("N".to_owned(), EnvFact::From(EnvSource { text, ..source("configMap/a") }));
        named.take(false, data);
        assert_eq!(named.value("N"), Some("acs:a:$(OTHER)"));
        let gone = take(&[source("configMap/none")], false);
        assert_eq!(gone.env_from[0].why.as_deref(), Some("there is no configMap/none"));
        let optional = EnvSource { is_optional: true, ..source("configMap/none") };
        assert!(take(&[optional], false).env_from.is_empty());
    }
}
