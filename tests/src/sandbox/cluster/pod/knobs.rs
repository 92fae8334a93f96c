//! Annotations that only the sandbox understands: they break one pod on purpose.
//!
//! `docs/sandbox.md` lists them.

use serde_json::Value;

use crate::sandbox::cluster::failure::Failure;
use crate::sandbox::cluster::object;

/// What the annotations' keys begin with.
const PREFIX: &str = "sandbox.rrsa/";

/// What is wrong with a pod's projected tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum TokenKnob {
    /// Nothing.
    #[default]
    Valid,
    /// The file is not there.
    Absent,
    /// The file is empty.
    Empty,
    /// Its life is over.
    Expired,
    /// It says it was issued an hour from now.
    NotYetValid,
    /// Its last part is cut off.
    Malformed,
    /// A line break follows it.
    TrailingNewline,
    /// It was issued by somebody else, with a key of their own.
    ForeignIssuer,
    /// It was issued while RRSA was off.
    InClusterIssuer,
    /// Its key id is not among the published ones.
    UnknownKey,
    /// Its signature is not that of its claims.
    BadSignature,
    /// It is for another audience.
    WrongAudience,
    /// It is another ServiceAccount's.
    WrongSubject,
    /// The file holds this text.
    Text(String),
}

/// The knobs of one pod, each at rest unless its annotation turns it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Knobs {
    /// `sandbox.rrsa/token`.
    pub(crate) token: TokenKnob,
    /// `sandbox.rrsa/token-age`, seconds; such a token is never renewed.
    pub(crate) token_age: Option<i64>,
    /// `sandbox.rrsa/no-coreutils`: the image holds no programs.
    pub(crate) bare_image: bool,
    /// `sandbox.rrsa/phase`.
    pub(crate) phase: Option<String>,
    /// `sandbox.rrsa/image-user`: the user that the image names.
    pub(crate) image_user: Option<i64>,
    /// `sandbox.rrsa/admission: skip`: the webhook does not see the pod.
    pub(crate) unseen: bool,
}

impl Knobs {
    /// Reads the annotations of `pod`.
    ///
    /// # Errors
    /// 422 for an annotation of the sandbox that is not known, or that has no such value.
    pub(crate) fn read(pod: &Value) -> Result<Self, Failure> {
        let mut knobs = Self::default();
        let annotations = pod["metadata"]["annotations"].as_object().into_iter().flatten();
        for (key, value) in annotations.filter_map(|(key, value)| Some((key.strip_prefix(PREFIX)?, value))) {
            let value = value.as_str().unwrap_or_default();
            knobs.turn(key, value).ok_or_else(|| {
                let field = format!("metadata.annotations[{PREFIX}{key}]");
                let why = format!("Invalid value: {value:?}: the sandbox knows no such annotation or value");
                Failure::invalid("Pod", "", object::name(pod), &field, "FieldValueInvalid", &why)
            })?;
        }
        Ok(knobs)
    }

    fn turn(&mut self, key: &str, value: &str) -> Option<()> {
        match (key, value) {
            ("token", value) => self.token = TokenKnob::read(value)?,
            ("token-age", value) => self.token_age = Some(value.parse().ok()?),
            ("image-user", value) => self.image_user = Some(value.parse().ok().filter(|user| *user >= 0)?),
            ("no-coreutils", "true" | "false") => self.bare_image = value == "true",
            ("phase", "Pending" | "Running" | "Succeeded" | "Failed" | "Unknown") => {
                self.phase = Some(value.to_owned());
            }
            ("admission", "skip") => self.unseen = true,
            _ => return None,
        }
        Some(())
    }
}

impl TokenKnob {
    fn read(value: &str) -> Option<Self> {
        Some(match value {
            "valid" => Self::Valid,
            "absent" => Self::Absent,
            "empty" => Self::Empty,
            "expired" => Self::Expired,
            "not-yet-valid" => Self::NotYetValid,
            "malformed" => Self::Malformed,
            "trailing-newline" => Self::TrailingNewline,
            "foreign-issuer" => Self::ForeignIssuer,
            "in-cluster-issuer" => Self::InClusterIssuer,
            "unknown-key" => Self::UnknownKey,
            "bad-signature" => Self::BadSignature,
            "wrong-audience" => Self::WrongAudience,
            "wrong-subject" => Self::WrongSubject,
            other => Self::Text(other.strip_prefix("text:")?.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(key: &str, value: &str) -> Result<Knobs, Failure> {
        Knobs::read(&json!({"metadata": {"name": "x", "annotations": {key: value, "other/key": "y"}}}))
    }

    #[test]
    fn annotations_turn_knobs() {
        assert_eq!(Knobs::read(&json!({})).unwrap(), Knobs::default());
        assert_eq!(read("sandbox.rrsa/token", "text:a.b").unwrap().token, TokenKnob::Text("a.b".to_owned()));
        assert_eq!(read("sandbox.rrsa/token-age", "7200").unwrap().token_age, Some(7200));
        assert!(read("sandbox.rrsa/no-coreutils", "true").unwrap().bare_image);
    }

    #[test]
    fn a_slip_in_an_annotation_is_refused() {
        for (key, value) in
            [("token", "expird"), ("tokn", "expired"), ("token-age", "1h"), ("phase", "running")]
        {
            let failure = read(&format!("sandbox.rrsa/{key}"), value).unwrap_err();
            assert!(failure.code == 422 && failure.message.contains(key), "{failure:?}");
        }
    }
}
