//! A fact that was seen, with where; or that was not, with why.

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// A value and where it was read, or the reason why it could not be.
///
/// As JSON `{"value": …, "from": "…"}` or `{"unknown": "…"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen<T> {
    /// It was seen.
    Known {
        /// What was seen.
        value: T,
        /// Where.
        from: String,
    },
    /// It could not be seen, and this is why; shown as `?`.
    Unknown(String),
}

impl<T> Seen<T> {
    /// A fact and where it was read.
    pub fn known(value: T, from: impl Into<String>) -> Self {
        Self::Known { value, from: from.into() }
    }

    /// A fact that could not be seen.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown(why.into())
    }

    /// The value, if it was seen.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// Where the value was seen, if it was.
    pub fn origin(&self) -> Option<&str> {
        match self {
            Self::Known { from, .. } => Some(from),
            Self::Unknown(_) => None,
        }
    }

    /// Why the value was not seen.
    pub fn why_unknown(&self) -> Option<&str> {
        match self {
            Self::Known { .. } => None,
            Self::Unknown(why) => Some(why),
        }
    }

    /// The value, or why it was not seen.
    pub fn as_result(&self) -> Result<&T, &str> {
        match self {
            Self::Known { value, .. } => Ok(value),
            Self::Unknown(why) => Err(why),
        }
    }

    /// A fact that follows from this one.
    pub fn map<U>(&self, derive: impl FnOnce(&T) -> U) -> Seen<U> {
        match self {
            Self::Known { value, from } => Seen::Known { value: derive(value), from: from.clone() },
            Self::Unknown(why) => Seen::Unknown(why.clone()),
        }
    }

    /// This fact, or what another place says; the reasons of both when neither knows.
    #[must_use]
    pub fn or_else(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Known { .. } => self,
            Self::Unknown(why) => match other() {
                Self::Unknown(also) if also != why => Self::Unknown(format!("{why}; {also}")),
                known_or_same => known_or_same,
            },
        }
    }
}

impl<T: Serialize> Serialize for Seen<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Known { value, from } => {
                map.serialize_entry("value", value)?;
                map.serialize_entry("from", from)?;
            }
            Self::Unknown(why) => map.serialize_entry("unknown", why)?,
        }
        map.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Seen<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Form<T> {
            Known { value: T, from: String },
            Unknown { unknown: String },
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Known { value, from } => Self::Known { value, from },
            Form::Unknown { unknown } => Self::Unknown(unknown),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;

    #[test]
    fn what_nobody_knows_keeps_every_reason() {
        let both = Seen::<u8>::unknown("no a").or_else(|| Seen::unknown("no b"));
        assert_eq!(both, Seen::unknown("no a; no b"));
        assert_eq!(both.or_else(|| Seen::known(1, "c")), Seen::known(1, "c"));
    }

    #[test]
    fn json_tells_known_from_unknown() {
        let json = |seen: &Seen<u8>| serde_json::to_string(seen).unwrap();
        assert_eq!(json(&Seen::known(1, "here")), r#"{"value":1,"from":"here"}"#);
        assert_eq!(json(&Seen::unknown("forbidden")), r#"{"unknown":"forbidden"}"#);
        for seen in [Seen::known(1, "here"), Seen::unknown("forbidden")] {
            assert_eq!(serde_json::from_str::<Seen<u8>>(&json(&seen)).unwrap(), seen);
        }
    }
}
