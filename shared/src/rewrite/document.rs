//! Named entries of the lists of a YAML or JSON document, such as the users of a kubeconfig.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use super::{block, json};

/// One entry of a list: a map with a `name`.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key of the list at the top of the document.
    pub section: &'static str,
    /// Its `name`.
    pub name: String,
    pub(super) value: Value,
    pub(super) yaml: String,
    pub(super) json: String,
    pub(super) pretty_json: String,
}

impl Entry {
    /// The entry as it is written; `content` holds `name` too, and its fields keep their order.
    ///
    /// # Panics
    /// When `content` is nothing that JSON can say.
    #[must_use]
    pub fn new(section: &'static str, name: &str, content: &impl Serialize) -> Self {
        Self {
            section,
            name: name.to_owned(),
            value: serde_json::to_value(content).expect("it is JSON"),
            yaml: serde_saphyr::to_string(content).expect("what is JSON is YAML"),
            json: serde_json::to_string(content).expect("it is JSON"),
            pretty_json: serde_json::to_string_pretty(content).expect("it is JSON"),
        }
    }
}

/// Why a document is left as it is. Says nothing of what stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unclear {
    /// It cannot be read.
    NotADocument,
    /// It is written in a way that cannot be changed in one place only.
    Form(&'static str),
    /// Its last value is a text of several lines, which a line feed at its end would change.
    Unended,
}

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotADocument => f.write_str("it is not one document of YAML or JSON with named lists"),
            Self::Form(section) => {
                write!(f, "its {section} are written in a form that cannot be changed in one place only")
            }
            Self::Unended => f.write_str(
                "it does not end with a line feed, and its last value, a text of several lines, would get one: put one there",
            ),
        }
    }
}

impl std::error::Error for Unclear {}

/// The document's text with `entries` in place of those of the same name, or after the last ones, and the text `current` says at
/// the key of that name. An empty text becomes a document that begins with `head`.
///
/// The result has been read again: it says what was meant, and nothing else has changed.
///
/// # Errors
/// What stands in the way; nothing is guessed.
pub fn put(
    text: &str,
    head: &str,
    entries: &[Entry],
    current: Option<(&'static str, &str)>,
) -> Result<String, Unclear> {
    let is_json = text.trim_start().starts_with('{');
    let mut changed = if text.trim().is_empty() { head.to_owned() } else { text.to_owned() };
    let mut meant = parse(&changed)?;
    if !is_json && !changed.ends_with('\n') && block::ends_in_text(&changed) {
        return Err(Unclear::Unended);
    }
    for entry in entries {
        changed = if is_json {
            json::put(&changed, entry).ok_or(Unclear::Form(entry.section))?
        } else {
            block::put(&changed, entry).ok_or(Unclear::Form(entry.section))?
        };
        let list = meant.as_object_mut().ok_or(Unclear::NotADocument)?.entry(entry.section);
        let list = list.or_insert_with(|| json!([]));
        if list.is_null() {
            *list = json!([]);
        }
        let list = list.as_array_mut().ok_or(Unclear::NotADocument)?;
        match list.iter_mut().find(|one| one["name"] == entry.name.as_str()) {
            Some(one) => one.clone_from(&entry.value),
            None => list.push(entry.value.clone()),
        }
    }
    if let Some((key, value)) = current {
        changed = if is_json {
            json::set(&changed, key, value).ok_or(Unclear::Form(key))?
        } else {
            block::set(&changed, key, value)
        };
        meant[key] = json!(value);
    }
    for section in entries.iter().map(|entry| entry.section).chain(current.map(|(key, _)| key)) {
        if parse(&changed).ok().as_ref() != Some(&meant) {
            return Err(Unclear::Form(section));
        }
    }
    Ok(changed)
}

/// What a document says; nothing for a text that is none.
#[must_use]
pub fn read(text: &str) -> Value {
    parse(text).unwrap_or_default()
}

fn parse(text: &str) -> Result<Value, Unclear> {
    let options = serde_saphyr::options! { with_snippet: false };
    let value: Value =
        serde_saphyr::from_str_with_options(text, options).map_err(|_| Unclear::NotADocument)?;
    if value.is_object() { Ok(value) } else { Err(Unclear::NotADocument) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "apiVersion: v1\nkind: Config\n";

    fn user(name: &str, command: &str) -> Entry {
        #[derive(Serialize)]
        struct Named<'a> {
            name: &'a str,
            user: Value,
        }
        Entry::new(
            "users",
            name,
            &Named { name, user: json!({"exec": {"command": command, "args": ["a: b", "on"]}}) },
        )
    }

    const YAML: &str = "# mine
apiVersion: v1
kind: Config
users:   # people
# the first
- name: one
  user:
    token: abc # do not touch
    extra: |
      - name: two
      users:
- user: {password: x}
  name: two   # the second
# about contexts
contexts:
- {name: c, context: {cluster: c, user: one}}
current-context: c # the one
unknown: [1, 2]
";

    #[test]
    fn a_new_entry_stands_behind_the_others_and_nothing_else_moves() {
        let changed = put(YAML, HEAD, &[user("three", "x")], None).unwrap();
        for line in YAML.lines() {
            assert!(changed.lines().any(|one| one == line), "{line}\n{changed}");
        }
        let (three, about) =
            (changed.find("name: three").unwrap(), changed.find("# about contexts").unwrap());
        assert!(changed.find("name: two   #").unwrap() < three && three < about, "{changed}");
    }

    #[test]
    fn an_entry_of_the_same_name_is_replaced_alone() {
        let changed = put(YAML, HEAD, &[user("one", "x")], Some(("current-context", "d"))).unwrap();
        assert!(!changed.contains("do not touch") && changed.contains("# the first"), "{changed}");
        assert!(
            changed.contains("name: two   # the second") && changed.contains("# about contexts"),
            "{changed}"
        );
        assert!(
            changed.contains("current-context: d\n") && !changed.contains("current-context: c"),
            "{changed}"
        );
        assert_eq!(put(&changed, HEAD, &[user("one", "x")], None).unwrap(), changed, "twice is once");
    }

    #[test]
    fn lists_that_are_empty_missing_or_indented_are_filled() {
        for text in [
            "",
            "users: []\n",
            "users:\n",
            "users: null",
            "kind: Config",
            "users:\n  - name: a\n    user: {}\n\n\ncontexts: []\n",
        ] {
            let changed = put(text, HEAD, &[user("x", "y")], Some(("current-context", "x"))).unwrap();
            assert_eq!(read(&changed)["current-context"], "x", "{text:?} {changed}");
        }
    }

    #[test]
    fn json_keeps_its_order_its_indent_and_its_numbers() {
        let text = "{\n    \"kind\": \"Config\",\n    \"z\": 1.50,\n    \"users\": [\n        {\"name\": \"one\", \"user\": {}}\n    ],\n    \"a\": {}\n}\n";
        let changed = put(text, HEAD, &[user("two", "x")], Some(("current-context", "c"))).unwrap();
        assert!(
            changed
                .contains("    \"z\": 1.50,\n    \"users\": [\n        {\"name\": \"one\", \"user\": {}},\n"),
            "{changed}"
        );
        assert!(changed.find("\"users\"").unwrap() < changed.find("\"a\"").unwrap(), "{changed}");
        assert!(changed.contains("\n            \"name\": \"two\","), "{changed}");
        let again = put(&changed, HEAD, &[user("two", "x")], None).unwrap();
        assert_eq!(again, changed, "twice is once");
    }

    #[test]
    fn what_is_unclear_is_left_alone() {
        for text in [
            "users: {a: b}\n",
            "users: &u\n- name: a\ncontexts: *u\n",
            "- a\n",
            "users: [\n",
            "a: 1\n---\nb: 2\n",
            "users: x\n",
        ] {
            assert!(put(text, HEAD, &[user("x", "y")], None).is_err(), "{text:?}");
        }
        // A list within brackets has no line of its own to stand in.
        assert_eq!(
            put("users: [{name: a}]\n", HEAD, &[user("x", "y")], None).unwrap_err(),
            Unclear::Form("users")
        );
    }
}
