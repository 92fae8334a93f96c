//! The documentation of the world file, held against the model.

use std::collections::BTreeSet;

use serde::de::value::Error;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde_json::Value;

use super::file::{AccessKeyFile, WorldFile};
use super::shape::SCHEMA;
use super::*;
use crate::sandbox::cloud::api_names;

const GUIDE: &str = include_str!("../../../../docs/world.md");

/// A deserializer that yields nothing but the names of the fields that a struct asks for.
struct FieldNames<'a>(&'a mut BTreeSet<&'static str>);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("not a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.0.extend(fields);
        Err(Error::custom("only the names were wanted"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn fields<T: for<'de> Deserialize<'de>>() -> BTreeSet<&'static str> {
    let mut names = BTreeSet::new();
    assert!(T::deserialize(FieldNames(&mut names)).is_err() && !names.is_empty());
    names
}

fn model() -> Vec<(&'static str, BTreeSet<&'static str>)> {
    vec![
        ("World", fields::<WorldFile>()),
        ("OidcProvider", fields::<OidcProvider>()),
        ("Role", fields::<Role>()),
        ("AttachedPolicy", fields::<AttachedPolicy>()),
        ("AccessKey", fields::<AccessKeyFile>()),
        ("Permission", fields::<Permission>()),
        ("Fault", fields::<Fault>()),
        ("Cluster", fields::<ClusterWorld>()),
        ("ClusterFault", fields::<ClusterFault>()),
        ("ClusterUser", fields::<ClusterUser>()),
        ("ClusterRule", fields::<ClusterRule>()),
    ]
}

#[test]
fn the_schema_and_the_model_name_the_same_fields() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let definitions = schema["$defs"].as_object().unwrap();
    assert_eq!(definitions.len(), model().len());
    for (name, fields) in model() {
        let properties = definitions[name]["properties"].as_object().unwrap();
        let properties: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
        assert_eq!(properties, fields, "{name}");
        for required in definitions[name]["required"].as_array().into_iter().flatten() {
            assert!(fields.contains(required.as_str().unwrap()), "{name}: {required}");
        }
    }
}

#[test]
fn the_schema_names_the_apis_that_faults_may_concern() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let listed = schema.pointer("/$defs/Fault/properties/api/enum").unwrap().as_array().unwrap();
    let listed: BTreeSet<&str> = listed.iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(listed, api_names().chain(["*"]).collect());
}

#[test]
fn the_guide_explains_every_field() {
    for (name, fields) in model() {
        for field in fields {
            assert!(GUIDE.contains(&format!("`{field}`")), "{name}.{field}");
        }
    }
}

#[test]
fn the_guides_examples_are_worlds() {
    let examples: Vec<&str> =
        GUIDE.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!examples.is_empty());
    for example in examples {
        let world = World::parse(example).unwrap();
        assert_eq!(world.region, "eu-central-1");
    }
}
