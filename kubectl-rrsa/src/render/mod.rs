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
use rrsa_shared::printable::printable_json;
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
            Self::Yaml => serde_saphyr::to_string(value).map_err(|error| defect(error.to_string())),
        }
    }
}
