//! What must hold in a world beyond the shape of its fields.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use serde_json::Value;

use super::{Fault, Role, World, WorldError};
use crate::sandbox::cloud::{api_names, is_role_name};

/// Refuses worlds that the cloud could not be in, naming the place.
pub(super) fn check(world: &World) -> Result<(), WorldError> {
    digits(&world.account_id)?;
    for (place, text) in
        [("region", &world.region), ("cluster_id", &world.cluster_id), ("issuer", &world.issuer)]
    {
        filled(place, text)?;
    }
    unique("oidc_providers", "name", world.oidc_providers.iter().map(|provider| &provider.name))?;
    unique("roles", "name", world.roles.iter().map(|role| &role.name))?;
    unique("access_keys", "id", world.access_keys.iter().map(|key| &key.id))?;
    for (index, provider) in world.oidc_providers.iter().enumerate() {
        let place = format!("oidc_providers[{index}].issuance_limit_hours");
        within(&place, provider.issuance_limit_hours, 1..=168)?;
    }
    for (index, role) in world.roles.iter().enumerate() {
        self::role(&format!("roles[{index}]"), role)?;
    }
    for (index, permission) in world.permissions.iter().enumerate() {
        if !permission.who.starts_with("user/") && !permission.who.starts_with("role/") {
            let trouble = format!("{:?} is neither user/NAME nor role/NAME", permission.who);
            return Err(WorldError::at(format!("permissions[{index}].who"), trouble));
        }
    }
    for (index, fault) in world.faults.iter().enumerate() {
        self::fault(&format!("faults[{index}]"), fault)?;
    }
    match &world.ecs_role {
        Some(name) if !world.roles.iter().any(|role| role.name == *name) => {
            Err(WorldError::at("ecs_role", format!("no role is named {name:?}")))
        }
        _ => Ok(()),
    }
}

fn role(place: &str, role: &Role) -> Result<(), WorldError> {
    if !is_role_name(&role.name) {
        let trouble = format!("{:?} is not 1 to 64 letters, digits, '.' or '-'", role.name);
        return Err(WorldError::at(format!("{place}.name"), trouble));
    }
    within(&format!("{place}.max_session_duration"), role.max_session_duration, 3600..=43_200)?;
    let policy: Value = serde_json::from_str(&role.trust_policy_text())
        .map_err(|error| WorldError::at(format!("{place}.trust_policy"), error))?;
    if policy.get("Statement").is_none() {
        return Err(WorldError::at(
            format!("{place}.trust_policy"),
            "a policy is an object with a Statement",
        ));
    }
    Ok(())
}

/// Refuses a fault that would never do anything, or do what HTTP cannot say.
fn fault(place: &str, fault: &Fault) -> Result<(), WorldError> {
    if fault.api != "*" && !api_names().any(|name| name == fault.api) {
        let names: Vec<&str> = api_names().collect();
        let trouble = format!("{:?} is not one of {}, *", fault.api, names.join(", "));
        return Err(WorldError::at(format!("{place}.api"), trouble));
    }
    if fault.code.is_none() && fault.latency_ms == 0 {
        return Err(WorldError::at(place, "it has neither a code nor a latency_ms, so it does nothing"));
    }
    match fault.http_status {
        Some(status) => within(&format!("{place}.http_status"), u32::from(status), 400..=599),
        None => Ok(()),
    }
}

fn digits(account_id: &str) -> Result<(), WorldError> {
    if !account_id.is_empty() && account_id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    Err(WorldError::at("account_id", format!("{account_id:?} is not a number")))
}

fn filled(place: &str, text: &str) -> Result<(), WorldError> {
    if text.is_empty() { Err(WorldError::at(place, "it is empty")) } else { Ok(()) }
}

fn within(place: &str, value: u32, range: RangeInclusive<u32>) -> Result<(), WorldError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(WorldError::at(place, format!("{value} is not between {} and {}", range.start(), range.end())))
}

fn unique<'a>(list: &str, field: &str, names: impl Iterator<Item = &'a String>) -> Result<(), WorldError> {
    let mut seen = BTreeSet::new();
    for (index, name) in names.enumerate() {
        filled(&format!("{list}[{index}].{field}"), name)?;
        if !seen.insert(name) {
            return Err(WorldError::at(
                format!("{list}[{index}].{field}"),
                format!("{name:?} stands there twice"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_worlds_are_refused_at_their_place() {
        for (yaml, place) in [
            ("account_id: abc", "account_id"),
            ("region: ''", "region"),
            (
                "oidc_providers: [{name: a, issuer: b, issuance_limit_hours: 200}]",
                "oidc_providers[0].issuance_limit_hours",
            ),
            (
                "roles: [{name: a, trust_policy: {Statement: []}, max_session_duration: 60}]",
                "roles[0].max_session_duration",
            ),
            ("roles: [{name: a_b, trust_policy: {Statement: []}}]", "roles[0].name"),
            ("roles: [{name: a, trust_policy: '{'}]", "roles[0].trust_policy"),
            ("roles: [{name: a, trust_policy: {}}]", "roles[0].trust_policy"),
            ("access_keys: [{id: a}, {id: a}]", "access_keys[1].id"),
            ("permissions: [{who: someone, actions: []}]", "permissions[0].who"),
            ("faults: [{api: GetRol, code: NoPermission}]", "faults[0].api"),
            ("faults: [{api: GetRole}]", "faults[0]"),
            ("faults: [{api: GetRole, code: A, http_status: 200}]", "faults[0].http_status"),
            ("ecs_role: nobody", "ecs_role"),
        ] {
            let error = World::parse(yaml).unwrap_err().to_string();
            assert!(error.contains(&format!("usable: {place}: ")), "{yaml}: {error}");
        }
    }
}
