//! Facts and reports as bytes: for eyes, or as JSON and YAML.

mod bar;
mod change;
mod check;
mod columns;
mod describe;
mod junit;
mod list;
mod policy;
mod sarif;
mod status;
mod style;

pub use bar::Bar;
pub use change::{Ours, change};
pub use check::{check, checks};
pub use columns::Columns;
pub use describe::describe;
pub use junit::junit;
pub use list::List;
pub use policy::{beside, diff, effect_words};
pub use rrsa_shared::printable::printable;
use rrsa_shared::printable::{directs, printable_json};
pub use rrsa_shared::wrap::hanging;
pub use sarif::sarif;
pub use status::status;
pub use style::Style;

use clap::ValueEnum;
use serde::Serialize;

use crate::error::Error;

/// Output formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON document
    Json,
    /// One YAML document
    Yaml,
}

impl Format {
    /// The document.
    ///
    /// # Errors
    /// When a value cannot be written in this format, which would be a defect of ours.
    pub fn write(self, value: &impl Serialize) -> Result<String, Error> {
        let defect = |error: String| Error::could_not_tell("the result cannot be written").caused_by(error);
        match self {
            Self::Json => serde_json::to_string_pretty(value)
                .map(|text| printable_json(&text) + "\n")
                .map_err(|error| defect(error.to_string())),
            Self::Yaml => {
                let text = serde_saphyr::to_string(value).map_err(|error| defect(error.to_string()))?;
                // What would turn a terminal's writing round is escaped in JSON, which is YAML too.
                if text.contains(directs) { Self::Json.write(value) } else { Ok(text) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn no_format_turns_a_terminals_writing_round() {
        for format in [Format::Json, Format::Yaml] {
            let text = format.write(&["a\u{202e}b"]).unwrap();
            assert!(!text.contains('\u{202e}') && text.contains("\\u202e"), "{text}");
        }
        assert_eq!(Format::Yaml.write(&["a"]).unwrap().trim(), "- a");
    }
}
