//! What every rule and every refusal of STS means, in English and Chinese; `en.yaml` and `zh.yaml` hold the texts.

use std::collections::BTreeMap;

use rrsa_shared::env_vars;
use rrsa_shared::ports::env::Env;
use rrsa_shared::sts::KNOWN;
use serde::{Deserialize, Serialize};

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Lang {
    /// English
    En,
    /// Simplified Chinese
    Zh,
}

impl Lang {
    /// The language of the environment: `LC_ALL`, `LC_MESSAGES`, `LANG`, the first that is set.
    #[must_use]
    pub fn of(env: &Env) -> Self {
        let named = [env_vars::LC_ALL, env_vars::LC_MESSAGES, env_vars::LANG]
            .into_iter()
            .find_map(|name| env.var(name));
        if named.is_some_and(|name| name.to_lowercase().starts_with("zh")) { Self::Zh } else { Self::En }
    }
}

/// The explanation of one rule or code.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// What is wrong, one line.
    pub title: String,
    /// What it means, and what is observed.
    pub means: String,
    /// How it is found out.
    pub seen: String,
    /// What mends it.
    pub mend: String,
}

/// All explanations of a language, by rule id or code.
///
/// # Panics
/// Never: a test reads both files.
#[must_use]
pub fn all(lang: Lang) -> BTreeMap<String, Words> {
    let text = match lang {
        Lang::En => include_str!("en.yaml"),
        Lang::Zh => include_str!("zh.yaml"),
    };
    serde_saphyr::from_str(text).expect("the texts are YAML")
}

/// The key of what somebody typed: a rule's id with or without `RRSA-`, in any case, or a code of STS, of which
/// the longest beginning that is known counts.
#[must_use]
pub fn find<'a>(words: &'a BTreeMap<String, Words>, typed: &str) -> Option<(&'a str, &'a Words)> {
    let upper = typed.trim().to_uppercase();
    let rule = if upper.starts_with("RRSA-") { upper } else { format!("RRSA-{upper}") };
    if let Some((key, words)) = words.get_key_value(&rule) {
        return Some((key, words));
    }
    let begins = |key: &str| {
        let (key, typed) = (key.to_lowercase(), typed.trim().to_lowercase());
        typed == key || typed.strip_prefix(&key).is_some_and(|rest| rest.starts_with('.'))
    };
    let codes = words.iter().filter(|(key, _)| !key.starts_with("RRSA-") && begins(key));
    codes.max_by_key(|(key, _)| key.len()).map(|(key, words)| (key.as_str(), words))
}

/// The codes of STS that are explained, in the order of its table, each once.
#[must_use]
pub fn codes() -> Vec<&'static str> {
    let mut codes: Vec<&str> = Vec::new();
    for known in KNOWN {
        let code = known.code.trim_end_matches('.');
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RULES;

    #[test]
    fn both_languages_explain_every_rule_and_every_code_and_nothing_else() {
        let (en, zh) = (all(Lang::En), all(Lang::Zh));
        assert!(en.keys().eq(zh.keys()));
        for rule in RULES {
            assert_eq!(en.get(rule.id).map(|words| words.title.as_str()), Some(rule.title), "{}", rule.id);
        }
        for code in codes() {
            assert!(en.contains_key(code), "{code}");
        }
        assert!(en.keys().all(|key| key.starts_with("RRSA-") || codes().contains(&key.as_str())));
    }

    #[test]
    fn no_text_is_missing_and_chinese_is_chinese() {
        for (lang, words) in [(Lang::En, all(Lang::En)), (Lang::Zh, all(Lang::Zh))] {
            for (key, words) in words {
                for text in [&words.title, &words.means, &words.seen, &words.mend] {
                    assert!(!text.trim().is_empty(), "{key}");
                    let chinese = text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
                    assert_eq!(chinese, lang == Lang::Zh, "{key}: {text}");
                }
            }
        }
    }

    #[test]
    fn what_is_typed_is_found_as_people_type_it() {
        let words = all(Lang::En);
        for (typed, key) in [
            ("RRSA-N01", Some("RRSA-N01")),
            ("n01", Some("RRSA-N01")),
            ("AuthenticationFail.NoPermission", Some("AuthenticationFail.NoPermission")),
            ("authenticationfail.nopermission", Some("AuthenticationFail.NoPermission")),
            ("Throttling.User", Some("Throttling")),
            ("InvalidParameter.PolicySize", Some("InvalidParameter")),
            ("N99", None),
            ("", None),
        ] {
            assert_eq!(find(&words, typed).map(|(key, _)| key), key, "{typed}");
        }
    }

    #[test]
    fn the_language_is_the_environments() {
        assert_eq!(Lang::of(&Env::fake([("LANG", "zh_CN.UTF-8")])), Lang::Zh);
        assert_eq!(Lang::of(&Env::fake([("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")])), Lang::En);
        assert_eq!(Lang::of(&Env::fake::<&str, &str>([])), Lang::En);
    }
}
