//! `rrsa-sandbox serve` and `rrsa-sandbox cloud`: a sandbox that a shell points its programs to.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;

use super::cli::Trouble;
use super::embedded::{Sandbox, SandboxOptions};
use super::minted::Minted;
use super::signals::Signals;
use super::variables::shell;
use super::world::World;

/// Keeps both halves up until a signal comes.
pub(super) async fn serve(dir: &Path, options: SandboxOptions) -> Result<ExitCode, Trouble> {
    let signals = Signals::catch().map_err(Trouble::new)?;
    attend(Sandbox::start_in(dir, options).await.map_err(Trouble::new)?, signals).await
}

/// Keeps the cloud half up until a signal comes, for tokens of `issuer` that `keys` verify.
pub(super) async fn serve_cloud(
    dir: &Path,
    world: World,
    minted: Minted,
    issuer: &str,
    keys: Value,
) -> Result<ExitCode, Trouble> {
    let signals = Signals::catch().map_err(Trouble::new)?;
    let world = issued_by(world, issuer);
    let keys = HashMap::from([(issuer.to_owned(), keys)]);
    attend(Sandbox::start_cloud(dir, &world, minted, keys).await.map_err(Trouble::new)?, signals).await
}

/// Writes `env.sh`, says that all is ready, and waits for a signal.
async fn attend(mut sandbox: Sandbox, mut signals: Signals) -> Result<ExitCode, Trouble> {
    let path = sandbox.write("env.sh", &shell(&sandbox.env())).map_err(Trouble::new)?;
    writeln!(io::stdout(), "rrsa-sandbox is ready: . {}", path.display()).map_err(Trouble::new)?;
    io::stdout().flush().map_err(Trouble::new)?;
    signals.next().await;
    sandbox.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// The key set in `text`, absent when it holds no RSA key with a `kid`.
pub(super) fn key_set(text: &str) -> Option<Value> {
    let keys: Value = serde_json::from_str(text).ok()?;
    let usable = |key: &Value| key["kty"] == "RSA" && key["kid"].is_string() && key["n"].is_string();
    keys["keys"].as_array()?.iter().any(usable).then_some(keys)
}

/// The world with `issuer` wherever its own issuer stood.
fn issued_by(mut world: World, issuer: &str) -> World {
    let own = std::mem::replace(&mut world.issuer, issuer.to_owned());
    for provider in world.oidc_providers.iter_mut().filter(|provider| provider.issuer == own) {
        issuer.clone_into(&mut provider.issuer);
    }
    for role in &mut world.roles {
        replace(&mut role.trust_policy, &own, issuer);
    }
    world
}

/// Replaces every text that is `old`.
fn replace(value: &mut Value, old: &str, new: &str) {
    match value {
        Value::String(text) if text == old => new.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, old, new)),
        Value::Object(fields) => fields.values_mut().for_each(|item| replace(item, old, new)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_issuer_takes_the_place_of_the_worlds_own() {
        let world = issued_by(World::default(), "https://issuer.example");
        assert_eq!(world.oidc_providers[0].issuer, "https://issuer.example");
        let condition = &world.roles[0].trust_policy["Statement"][0]["Condition"]["StringEquals"];
        assert_eq!(condition["oidc:iss"][0], "https://issuer.example");
    }

    #[test]
    fn issuers_that_the_file_names_stay() {
        let file = "oidc_providers: [{name: a, issuer: https://other.example}]";
        let world = issued_by(World::parse(file).unwrap(), "https://issuer.example");
        assert_eq!(world.oidc_providers[0].issuer, "https://other.example");
    }

    #[test]
    fn a_key_set_has_keys() {
        assert!(key_set(r#"{"keys": [{"kty": "RSA", "kid": "a", "n": "AQ", "e": "AQAB"}]}"#).is_some());
        for text in
            ["", "{}", "[]", r#"{"keys": {}}"#, r#"{"keys": []}"#, r#"{"keys": [{"kty": "EC", "kid": "a"}]}"#]
        {
            assert!(key_set(text).is_none(), "{text}");
        }
    }
}
