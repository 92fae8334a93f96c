//! The RRSA source: three variables and a token file, as the webhook puts them into a pod.

use std::path::Path;

use rrsa_shared::env_vars;
use rrsa_shared::oidc::OidcToken;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::Files;
use rrsa_shared::secret::Secret;
use rrsa_shared::sts::{AssumeRoleWithOidc, SessionName};

use crate::error::{Error, exit};

/// More than any token file holds, bytes.
pub(crate) const MAX_FILE: u64 = 64 * 1024;

/// The exchange that the environment asks for.
///
/// # Errors
/// Which variable is missing, or what is wrong with the token file.
pub(crate) fn rrsa(env: &Env, files: &Files) -> Result<AssumeRoleWithOidc, Error> {
    let variable = |name: &str| {
        env.var(name).ok_or_else(|| {
            Error::new(exit::USAGE, format!("RRSA is not configured: {name} is not set"))
                .hint("in the cluster: kubectl rrsa check pod/NAME says which link is broken")
        })
    };
    let (role_arn, provider_arn, file) = (
        variable(env_vars::ROLE_ARN)?,
        variable(env_vars::OIDC_PROVIDER_ARN)?,
        variable(env_vars::OIDC_TOKEN_FILE)?,
    );
    let broken =
        |why: String| Error::new(exit::REFUSED, format!("the token file {file} cannot be used: {why}"));
    let bytes = files.read_small(Path::new(&file), MAX_FILE).map_err(|error| broken(error.to_string()))?;
    let text = String::from_utf8(bytes).map(Secret::from).map_err(|_| broken("it is not text".to_owned()))?;
    let token = OidcToken::parse(text.expose()).map_err(|error| broken(error.to_string()))?;
    let session_name = match env.var(env_vars::ROLE_SESSION_NAME) {
        None => SessionName::of(&["rrsa-exec-credential"]),
        Some(name) => SessionName::parse(&name)
            .map_err(|error| Error::new(exit::USAGE, format!("{}: {error}", env_vars::ROLE_SESSION_NAME)))?,
    };
    Ok(AssumeRoleWithOidc {
        provider_arn,
        role_arn,
        token,
        session_name,
        duration_seconds: Some(900),
        policy: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(session: &str) -> Env {
        Env::fake([
            (env_vars::ROLE_ARN, "acs:ram::1:role/r"),
            (env_vars::OIDC_PROVIDER_ARN, "acs:ram::1:oidc-provider/p"),
            (env_vars::OIDC_TOKEN_FILE, "/token"),
            (env_vars::ROLE_SESSION_NAME, session),
        ])
    }

    #[test]
    fn the_environment_of_a_pod_is_an_exchange() {
        let call = rrsa(&env(""), &Files::fake([("/token", "a.b.c\n")])).unwrap();
        assert_eq!((call.role_arn.as_str(), call.token.expose()), ("acs:ram::1:role/r", "a.b.c"));
    }

    #[test]
    fn what_is_missing_or_broken_is_named() {
        let files = Files::fake([("/token", "hunter2")]);
        let unset = rrsa(&Env::fake::<&str, &str>([]), &files).unwrap_err();
        assert!(unset.message.contains("ALIBABA_CLOUD_ROLE_ARN is not set"), "{unset}");
        let malformed = rrsa(&env(""), &files).unwrap_err();
        assert!(
            malformed.message.contains("/token") && !malformed.message.contains("hunter2"),
            "{malformed}"
        );
        let missing = rrsa(&env(""), &Files::fake::<&str, &str>([])).unwrap_err();
        assert_eq!(missing.code, exit::REFUSED);
        let name = rrsa(&env("a b"), &Files::fake([("/token", "a.b.c")])).unwrap_err();
        assert!(name.message.contains("ALIBABA_CLOUD_ROLE_SESSION_NAME"), "{name}");
    }
}
