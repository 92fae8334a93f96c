//! RRSA itself: three variables and a token, as the webhook puts them into a pod, or as a file says.

use std::path::Path;
use std::time::Duration;

use super::Answer;
use crate::env_vars;
use crate::oidc::OidcToken;
use crate::ports::env::Env;
use crate::ports::files::Files;
use crate::secret::Secret;
use crate::sts::{AssumeRoleWithOidc, SessionName};

/// More than any token file holds, bytes.
pub const MAX_TOKEN_FILE: u64 = 64 * 1024;

/// How long a token may take that somebody writes to this process.
const STDIN_PATIENCE: Duration = Duration::from_secs(10);

/// What an exchange needs besides its token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// ARN of the role; the variable's without it.
    pub role_arn: Option<String>,
    /// ARN of the OIDC provider; the variable's without it.
    pub oidc_provider_arn: Option<String>,
    /// Name of the session; the variable's without it.
    pub session_name: Option<String>,
    /// Length of the session, seconds.
    pub duration_seconds: Option<u32>,
    /// Session policy.
    pub policy: Option<String>,
}

/// Why there is no exchange: a source that is not configured, or one that is broken.
pub(super) type Refusal = Answer;

/// The token of a file: the one named, or the variable's.
///
/// # Errors
/// [`Answer::Absent`] without a name; [`Answer::Failed`] for a file that is no token.
pub fn token_in_file(env: &Env, files: &Files, named: Option<&str>) -> Result<Secret, Refusal> {
    let Some(file) = named.map(str::to_owned).or_else(|| env.var(env_vars::OIDC_TOKEN_FILE)) else {
        return Err(Answer::Absent(format!("{} is not set", env_vars::OIDC_TOKEN_FILE)));
    };
    let broken = |why: String| Answer::Failed(format!("the token file {file} cannot be used: {why}"));
    let bytes = match file.as_str() {
        "-" => files.read_stdin_within(MAX_TOKEN_FILE, STDIN_PATIENCE),
        file => files.read_small(Path::new(file), MAX_TOKEN_FILE),
    };
    let bytes = bytes.map_err(|error| broken(error.to_string()))?;
    String::from_utf8(bytes).map(Secret::from).map_err(|_| broken("it is not text".to_owned()))
}

impl Exchange {
    /// The call that trades `token`, with what is not said here from the environment.
    ///
    /// # Errors
    /// Which variable is missing, or what is wrong with the token.
    pub fn call(&self, env: &Env, token: &Secret) -> Result<AssumeRoleWithOidc, Refusal> {
        let said = |said: &Option<String>, name: &str| {
            let found = said.clone().or_else(|| env.var(name));
            found.ok_or_else(|| Answer::Absent(format!("{name} is not set")))
        };
        let role_arn = said(&self.role_arn, env_vars::ROLE_ARN)?;
        let provider_arn = said(&self.oidc_provider_arn, env_vars::OIDC_PROVIDER_ARN)?;
        let session_name = match said(&self.session_name, env_vars::ROLE_SESSION_NAME) {
            Err(_) => SessionName::of(&["rrsa-exec-credential"]),
            Ok(name) => SessionName::parse(&name)
                .map_err(|error| Answer::Failed(format!("the session name {name:?}: {error}")))?,
        };
        let token = OidcToken::parse(token.expose())
            .map_err(|error| Answer::Failed(format!("the OIDC token cannot be used: {error}")))?;
        Ok(AssumeRoleWithOidc {
            provider_arn,
            role_arn,
            token,
            session_name,
            duration_seconds: self.duration_seconds,
            policy: self.policy.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env() -> Env {
        Env::fake([
            (env_vars::ROLE_ARN, "acs:ram::1:role/r"),
            (env_vars::OIDC_PROVIDER_ARN, "acs:ram::1:oidc-provider/p"),
            (env_vars::OIDC_TOKEN_FILE, "/token"),
        ])
    }

    #[test]
    fn the_environment_of_a_pod_is_an_exchange() {
        let token = token_in_file(&env(), &Files::fake([("/token", "a.b.c\n")]), None).unwrap();
        let call = Exchange::default().call(&env(), &token).unwrap();
        assert_eq!((call.role_arn.as_str(), call.token.expose()), ("acs:ram::1:role/r", "a.b.c"));
        let other = Exchange { role_arn: Some("acs:ram::1:role/q".to_owned()), ..Exchange::default() };
        assert_eq!(other.call(&env(), &token).unwrap().role_arn, "acs:ram::1:role/q");
    }

    #[test]
    fn what_is_missing_is_absent_and_what_is_broken_has_failed() {
        let files = Files::fake([("/token", "hunter2")]);
        let nothing = Env::fake::<&str, &str>([]);
        assert!(matches!(token_in_file(&nothing, &files, None), Err(Answer::Absent(_))));
        let Err(Answer::Failed(why)) = token_in_file(&env(), &Files::fake::<&str, &str>([]), None) else {
            panic!()
        };
        assert!(why.contains("/token"), "{why}");
        let token = token_in_file(&env(), &files, None).unwrap();
        let Err(Answer::Failed(why)) = Exchange::default().call(&env(), &token) else { panic!() };
        assert!(!why.contains("hunter2"), "{why}");
        assert!(matches!(Exchange::default().call(&nothing, &"a.b.c".into()), Err(Answer::Absent(_))));
        let named = Exchange { session_name: Some("a b".to_owned()), ..Exchange::default() };
        assert!(matches!(named.call(&env(), &"a.b.c".into()), Err(Answer::Failed(_))));
    }
}
