//! JSON whose members keep their order, and whose values keep their bytes, but for those that are meant.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Entry;

/// An object.
#[derive(Default)]
struct Object(Vec<(String, Box<RawValue>)>);

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Object(members))
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

impl Object {
    fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|member| member.0 == name).map(|member| &*member.1)
    }

    fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    fn set(&mut self, name: &str, value: Box<RawValue>) {
        match self.0.iter_mut().find(|member| member.0 == name) {
            Some(member) => member.1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }
}

/// How a text is laid out: the step of its indent, or one line. Values that are kept bring their own.
struct Layout(Option<String>);

impl Layout {
    fn of(text: &str) -> Self {
        let line = text.lines().skip(1).find(|line| line.trim_start().starts_with('"'));
        let indent = line.map(|line| line[..line.len() - line.trim_start().len()].to_owned());
        Self(indent.filter(|indent| !indent.is_empty()))
    }

    /// Items between brackets, which stand `depth` steps in.
    fn between(&self, [open, close]: [char; 2], items: &[String], depth: usize) -> String {
        match &self.0 {
            _ if items.is_empty() => format!("{open}{close}"),
            None => format!("{open}{}{close}", items.join(",")),
            Some(step) => {
                let (inner, outer) = (step.repeat(depth + 1), step.repeat(depth));
                let items = items.join(&format!(",\n{inner}"));
                format!("{open}\n{inner}{items}\n{outer}{close}")
            }
        }
    }

    fn object(&self, object: &Object, depth: usize) -> String {
        let colon = if self.0.is_some() { ": " } else { ":" };
        let member = |(name, value): &(String, Box<RawValue>)| {
            format!("{}{colon}{}", Value::from(name.as_str()), value.get())
        };
        self.between(['{', '}'], &object.0.iter().map(member).collect::<Vec<_>>(), depth)
    }

    fn list(&self, list: &[Box<RawValue>], depth: usize) -> String {
        let items: Vec<_> = list.iter().map(|one| one.get().to_owned()).collect();
        self.between(['[', ']'], &items, depth)
    }

    /// An entry, `depth` steps in. No text within it has a line end of its own.
    fn entry(&self, entry: &Entry, depth: usize) -> String {
        let Some(step) = &self.0 else { return entry.json.clone() };
        let line = |line: &str| {
            let steps = (line.len() - line.trim_start().len()) / 2;
            format!("{}{}", step.repeat(steps + depth), line.trim_start())
        };
        let lines: Vec<_> = entry.pretty_json.lines().map(line).collect();
        lines.join("\n").trim_start().to_owned()
    }

    /// The whole text again, with the line end that it had.
    fn finish(&self, object: &Object, text: &str) -> String {
        let shown = self.object(object, 0);
        if text.ends_with('\n') { shown + "\n" } else { shown }
    }
}

/// The text with `entry` in its list.
pub(super) fn put(text: &str, entry: &Entry) -> Option<String> {
    let entry_text = RawValue::from_string(Layout::of(text).entry(entry, 2)).ok()?;
    edit_list(text, entry.section, |list| {
        let name =
            |one: &RawValue| serde_json::from_str::<Object>(one.get()).ok().and_then(|one| one.text("name"));
        match list.iter_mut().find(|one| name(one).as_deref() == Some(&entry.name)) {
            Some(one) => *one = entry_text,
            None => list.push(entry_text),
        }
    })
}

/// The text with the text `value` at `key`.
pub(super) fn set(text: &str, key: &str, value: &str) -> Option<String> {
    let mut object: Object = serde_json::from_str(text).ok()?;
    object.set(key, RawValue::from_string(Value::from(value).to_string()).ok()?);
    Some(Layout::of(text).finish(&object, text))
}

/// The text with the list at `key` changed by `change`, its items as they are written; a list that is missing is made. `None` for
/// a text or a list that is none.
pub fn edit_list(text: &str, key: &str, change: impl FnOnce(&mut Vec<Box<RawValue>>)) -> Option<String> {
    let mut object: Object = serde_json::from_str(text).ok()?;
    let mut list: Vec<Box<RawValue>> = match object.get(key).map(RawValue::get) {
        None | Some("null") => Vec::new(),
        Some(list) => serde_json::from_str(list).ok()?,
    };
    change(&mut list);
    let layout = Layout::of(text);
    object.set(key, RawValue::from_string(layout.list(&list, 1)).ok()?);
    Some(layout.finish(&object, text))
}

/// An object of a list of `text` without the members of these names; the rest as it was written. `None` for what is no object.
#[must_use]
pub fn remove_members(text: &str, object: &RawValue, names: &[&str]) -> Option<Box<RawValue>> {
    let mut object: Object = serde_json::from_str(object.get()).ok()?;
    object.0.retain(|member| !names.contains(&member.0.as_str()));
    RawValue::from_string(Layout::of(text).object(&object, 2)).ok()
}
