//! The shape of a world file: `docs/world.schema.json` itself is what refuses the wrong ones.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use super::WorldError;

/// The schema, as it is published.
pub(super) const SCHEMA: &str = include_str!("../../../../docs/world.schema.json");

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    jsonschema::validator_for(&schema).expect("the schema is one")
});

/// Refuses what the schema refuses, naming the place.
pub(super) fn check(file: &Value) -> Result<(), WorldError> {
    VALIDATOR.validate(file).map_err(|error| {
        let place = place(&error.instance_path().to_string());
        // Keys hold secrets.
        let trouble =
            if place.starts_with("access_keys") { error.masked().to_string() } else { error.to_string() };
        WorldError::at(place, trouble)
    })
}

/// `roles[0].name` for the JSON pointer `/roles/0/name`.
fn place(pointer: &str) -> String {
    let mut place = String::new();
    for part in pointer.split('/').skip(1) {
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            place.push_str(&format!("[{part}]"));
        } else if place.is_empty() {
            place.push_str(part);
        } else {
            place.push_str(&format!(".{part}"));
        }
    }
    if place.is_empty() { "the whole".to_owned() } else { place }
}
