//! The SDKs' credentials file, `~/.alibabacloud/credentials`, as specs of the other sources.

use std::collections::BTreeMap;

use super::cli_profile::Resolved;
use super::{Answer, Spec};
use crate::secret::Secret;
use crate::sts::AccessKey;

/// What section `name`, or `default`, of the file's text comes to.
#[must_use]
pub fn resolve(text: &str, name: Option<&str>) -> Resolved {
    let wanted = name.unwrap_or("default");
    let failed = |why: &str| {
        Resolved::Answer(Answer::Failed(format!("section [{wanted}] of the credentials file: {why}")))
    };
    if !is_ini(text) {
        return failed("the file is not one of sections and fields");
    }
    let Some(section) = section(text, wanted) else {
        return match name {
            None => {
                Resolved::Answer(Answer::Absent("the credentials file has no section [default]".to_owned()))
            }
            Some(_) => failed("there is none"),
        };
    };
    let field =
        |name: &str| section.get(name).map(|text| text.expose().to_owned()).filter(|text| !text.is_empty());
    if field("enable").is_some_and(|value| value.eq_ignore_ascii_case("false")) {
        return Resolved::Answer(Answer::Absent(format!(
            "section [{wanted}] of the credentials file is not enabled"
        )));
    }
    let key = || {
        let (id, secret) = (field("access_key_id")?, section.get("access_key_secret")?.clone());
        // ack-ram-tool writes it under the second name.
        let token = ["sts_token", "security_token"].iter().find_map(|name| section.get(*name));
        let key = AccessKey { id, secret, security_token: token.cloned() };
        let from = format!("section [{wanted}] of the credentials file");
        Some(Resolved::Answer(Answer::Found { key, expiration: None, from }))
    };
    let incomplete = || failed("it is not complete");
    match field("type").as_deref().unwrap_or("access_key") {
        "access_key" | "sts" => key().unwrap_or_else(incomplete),
        "ecs_ram_role" => Resolved::Spec(Spec::EcsRamRole { role: field("role_name") }),
        "credentials_uri" => Resolved::Spec(Spec::CredentialsUri { uri: field("credentials_uri") }),
        "ram_role_arn" => match (key(), field("role_arn")) {
            (Some(base), Some(role_arn)) => {
                let role = Spec::AssumeRole {
                    source: None,
                    role_arn,
                    session_name: field("role_session_name"),
                    duration_seconds: None,
                    external_id: field("external_id"),
                    policy: field("policy"),
                };
                Resolved::Role(Box::new(base), role)
            }
            _ => incomplete(),
        },
        "oidc_role_arn" => Resolved::Spec(Spec::Rrsa {
            role_arn: field("role_arn"),
            oidc_provider_arn: field("oidc_provider_arn"),
            token_file: field("oidc_token_file_path"),
            token_env: None,
            token_command: None,
            session_name: field("role_session_name"),
            duration_seconds: None,
            policy: field("policy"),
        }),
        other => failed(&format!("type {other:?} is not one that can be used here")),
    }
}

/// Whether all that stands there are sections and fields in them.
fn is_ini(text: &str) -> bool {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    let mut inside = false;
    lines.into_iter().all(|line| match line.strip_prefix('[') {
        Some(rest) => {
            inside = true;
            rest.ends_with(']')
        }
        None => inside && line.contains('='),
    })
}

/// The fields of a section; `None` when there is none of that name.
fn section(text: &str, wanted: &str) -> Option<BTreeMap<String, Secret>> {
    let (mut found, mut inside) = (None, false);
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = name.trim() == wanted;
            if inside {
                found.get_or_insert_with(BTreeMap::new);
            }
        } else if let (true, Some(fields), Some((name, value))) = (inside, &mut found, line.split_once('='))
            && !line.starts_with(['#', ';'])
        {
            fields.insert(name.trim().to_owned(), Secret::new(value.trim()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "
[default]
enable = true
type = access_key
access_key_id = LTAI1   
access_key_secret = hunter2=
# access_key_id = other
[role]
type=ram_role_arn
access_key_id=LTAI1
access_key_secret=hunter2
role_arn=acs:ram::1:role/r
role_session_name=s1
[off]
enable=false
[half]
type=access_key
access_key_id=LTAI1
";

    #[test]
    fn a_section_comes_to_a_source() {
        let Resolved::Answer(Answer::Found { key, .. }) = resolve(FILE, None) else { panic!() };
        assert_eq!((key.id.as_str(), key.secret.expose()), ("LTAI1", "hunter2="));
        assert!(matches!(resolve(FILE, Some("role")), Resolved::Role(_, Spec::AssumeRole { .. })));
        assert!(matches!(resolve(FILE, Some("off")), Resolved::Answer(Answer::Absent(_))));
        assert!(matches!(resolve("", None), Resolved::Answer(Answer::Absent(_))));
        for text in ["garbage", "[default\nenable=true", "a = b\n[default]\n"] {
            assert!(matches!(resolve(text, None), Resolved::Answer(Answer::Failed(_))), "{text}");
        }
        for name in ["half", "none"] {
            let Resolved::Answer(Answer::Failed(why)) = resolve(FILE, Some(name)) else { panic!("{name}") };
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}
