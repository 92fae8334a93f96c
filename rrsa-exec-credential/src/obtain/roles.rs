//! Sessions of a role: by an OIDC token, or by other credentials.

use std::path::Path;

use rrsa_shared::api::ApiError;
use rrsa_shared::cache::Witness;
use rrsa_shared::env_vars;
use rrsa_shared::secret::Secret;
use rrsa_shared::source::{Exchange, Spec, token_in_file};
use rrsa_shared::sts::{AccessKey, AssumeRole, AssumeRoleWithOidc, KnownFault, Session, SessionName};

use super::{Obtained, Outcome, Seeker, Trouble, broken, of_refusal};
use crate::command;
use crate::error::{Error, exit};

/// Memory, files, and a network: EAGAIN, ENOMEM, ENFILE, EMFILE, ENETUNREACH.
const OWN_LACKS: [&str; 5] =
    ["os error 11)", "os error 12)", "os error 23)", "os error 24)", "os error 101)"];

/// Seconds of difference between two clocks that matter to nobody.
pub(crate) const USUAL_OFFSET: i64 = 60;
/// Seconds of difference up to which STS takes what was signed.
pub(super) const SIGNED_OFFSET: i64 = 15 * 60;
use crate::output::Issued;

/// What to do where a command asks this program.
pub(super) const OWN_CONTEXT: &str = "let it name a context whose user does not: kubectl --context NAME …";

impl Seeker<'_> {
    pub(super) async fn rrsa(&self, spec: &Spec) -> Outcome {
        let Spec::Rrsa {
            role_arn,
            oidc_provider_arn,
            token_file,
            token_env,
            token_command,
            session_name,
            duration_seconds,
            policy,
        } = spec
        else {
            return Err(broken("it is another source"));
        };
        // SDKs pass over a set that is not complete without a word, and take the node's role; here it is an error.
        let has_token = token_command.is_some() || token_env.is_some() || token_file.is_some();
        let parts = [
            (role_arn.is_some(), env_vars::ROLE_ARN),
            (oidc_provider_arn.is_some(), env_vars::OIDC_PROVIDER_ARN),
            (has_token, env_vars::OIDC_TOKEN_FILE),
        ];
        let is_set = |(said, name): &(bool, &str)| *said || self.env.var(name).is_some();
        match parts.iter().find(|part| !is_set(part)) {
            None => {}
            Some((_, name)) if parts.iter().any(is_set) => {
                return Err(broken(&format!("RRSA is configured in part: {name} is not set")));
            }
            Some((_, name)) => return Err(Trouble::Absent(format!("{name} is not set"))),
        }
        let exchange = Exchange {
            role_arn: role_arn.clone(),
            oidc_provider_arn: oidc_provider_arn.clone(),
            session_name: session_name.clone(),
            duration_seconds: *duration_seconds,
            policy: policy.clone(),
        };
        let token = match (token_command, token_env) {
            (Some(command), _) => self.token_of(command).await?,
            (None, Some(name)) => match self.env.var(name) {
                Some(token) => {
                    self.witnesses.borrow_mut().push(Witness::variable(name, &token));
                    Secret::new(token)
                }
                None if self.env.is_garbled(name) => {
                    return Err(broken(&format!("variable {name} is not text")));
                }
                None => return Err(broken(&format!("variable {name} holds no token"))),
            },
            (None, None) => {
                let named = token_file.clone().or_else(|| self.env.var(env_vars::OIDC_TOKEN_FILE));
                let file = named.as_deref().unwrap_or_default();
                let is_told = file == "-" || self.files.is_descriptor(Path::new(file));
                self.was_told.set(self.was_told.get() || is_told);
                let token = token_in_file(self.env, self.files, token_file.as_deref()).map_err(of_refusal)?;
                self.tokens.borrow_mut().push(Witness::file(file, token.expose().as_bytes()));
                // The token changes all the time; whose it is depends on which file the path leads to.
                self.witnesses.borrow_mut().extend(Witness::place(file, self.files).filter(|_| !is_told));
                token
            }
        };
        let call = exchange.call(self.env, &token).map_err(of_refusal)?;
        let sts = self.sts()?;
        let asked = sts.call(|stamp| call.request(&sts.endpoint, stamp), AssumeRoleWithOidc::read);
        let asked = self.in_time("STS", asked).await?;
        self.clock_offset.set(asked.clock_offset);
        let (role, session) = (&call.role_arn, call.session_name.as_str());
        let words = format!("RRSA, role {role}, session {session}, at {}", sts.endpoint.host());
        match asked.result {
            Ok((session, _)) => Ok(of_session(session, words, asked.clock_offset)),
            Err(ApiError::Fault(fault)) => {
                let fault = Box::new(fault.without(call.token.expose()));
                Err(Trouble::Failed(refused(
                    "AssumeRoleWithOIDC",
                    sts.endpoint.host(),
                    &ApiError::Fault(fault),
                )))
            }
            Err(error) => Err(Trouble::Failed(refused("AssumeRoleWithOIDC", sts.endpoint.host(), &error))),
        }
    }

    /// What a command prints, as a token.
    async fn token_of(&self, words: &[String]) -> Result<Secret, Trouble> {
        if self.env.var(env_vars::WITHIN_EXTERNAL).is_some() {
            let program = words.first().map_or("", String::as_str);
            let error = Error::new(
                exit::REFUSED,
                format!("token-command, {program}, {}, which would run it again", command::ITSELF),
            );
            return Err(Trouble::Failed(error.hint(OWN_CONTEXT)));
        }
        let printed = self.run("token-command", words).await?;
        let text = std::str::from_utf8(&printed).map_err(|_| broken("token-command printed no text"))?;
        Ok(Secret::new(text.trim()))
    }

    pub(super) async fn assume(&self, base: &Obtained, spec: &Spec) -> Outcome {
        let Spec::AssumeRole { role_arn, session_name, duration_seconds, external_id, policy, .. } = spec
        else {
            return Err(broken("it is another source"));
        };
        let said = session_name.clone().or_else(|| self.env.var(env_vars::ROLE_SESSION_NAME));
        let session_name = match said {
            None => SessionName::of(&["rrsa-exec-credential"]),
            Some(name) => SessionName::parse(&name)
                .map_err(|error| broken(&format!("the session name {name:?}: {error}")))?,
        };
        let call = AssumeRole {
            role_arn: role_arn.clone(),
            session_name,
            duration_seconds: *duration_seconds,
            policy: policy.clone(),
            external_id: external_id.clone(),
        };
        let (sts, key) = (self.sts()?, &base.issued.key);
        let asked = sts.call(|stamp| call.request(&sts.endpoint, key, stamp), AssumeRole::read);
        let asked = self.in_time("STS", asked).await?;
        self.clock_offset.set(asked.clock_offset);
        let (session, host) = (call.session_name.as_str(), sts.endpoint.host());
        let words = format!("role {role_arn}, session {session}, at {host}, by {}", by(&base.words, key));
        asked
            .result
            .map(|session| of_session(session, words, asked.clock_offset))
            .map_err(|error| Trouble::Failed(refused("AssumeRole", sts.endpoint.host(), &error.without(key))))
    }
}

/// Who asks in words: of a key of one's own, which another may take the place of, with the end of its id.
pub(crate) fn by(words: &str, key: &AccessKey) -> String {
    const SHOWN: usize = 4;
    let hidden = key.id.len().saturating_sub(SHOWN);
    match key.id.get(hidden..).filter(|_| key.security_token.is_none() && hidden > SHOWN) {
        Some(end) => format!("{words} (…{end})"),
        None => words.to_owned(),
    }
}

/// The session, and when it ends by this machine's clock: `offset` is how many seconds STS's clock is ahead of it. Whoever
/// reads it looks at the same clock.
fn of_session(session: Session, words: String, offset: Option<i64>) -> Obtained {
    let offset = offset.filter(|seconds| seconds.abs() > USUAL_OFFSET).unwrap_or_default();
    let expires = session.expiration.as_second() - offset;
    Obtained { issued: Issued { key: session.key, expires: Some(expires) }, words }
}

/// A call that brought nothing.
pub(crate) fn refused(api: &str, host: &str, error: &ApiError) -> Error {
    let cause = match error {
        ApiError::Fault(fault) => KnownFault::of(fault).map(|known| known.cause),
        _ => None,
    };
    // The list is of STS's codes; others have some of them too.
    let is_sts = ["AssumeRole", "AssumeRoleWithOIDC", "GetCallerIdentity"].contains(&api);
    let cause = cause.filter(|cause| is_sts || !cause.contains("STS"));
    let judged = matches!(error, ApiError::Fault(_)) && !error.is_retryable();
    let code = if judged { exit::REFUSED } else { exit::NO_ANSWER };
    let shown = Error::new(code, format!("{api} at {host}: {error}"));
    // What only this process lacks is no answer for others.
    let is_own = matches!(error, ApiError::Transport(lost) if OWN_LACKS.iter().any(|lack| lost.message.contains(lack)));
    let shown = if is_own { shown } else { shown.costly() };
    match cause {
        Some(cause) if api == "AssumeRoleWithOIDC" => {
            shown.hint(format!("{cause}; kubectl rrsa check pod/NAME says which link is broken"))
        }
        Some(cause) => shown.hint(cause),
        None => shown,
    }
}
