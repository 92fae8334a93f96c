//! The variables that every Alibaba Cloud SDK reads first.

use super::Answer;
use crate::env_vars::{ACCESS_KEY_ID, ACCESS_KEY_SECRET, SECURITY_TOKEN};
use crate::ports::env::Env;
use crate::sts::AccessKey;

/// The key in `ALIBABA_CLOUD_ACCESS_KEY_ID`, `_SECRET` and, for a temporary one, `ALIBABA_CLOUD_SECURITY_TOKEN`.
#[must_use]
pub fn environment(env: &Env) -> Answer {
    if let Some(name) =
        [ACCESS_KEY_ID, ACCESS_KEY_SECRET, SECURITY_TOKEN].iter().find(|name| env.is_garbled(name))
    {
        return Answer::Failed(format!("{name} is not text"));
    }
    match (env.var(ACCESS_KEY_ID), env.var(ACCESS_KEY_SECRET)) {
        (Some(id), Some(secret)) => Answer::Found {
            key: AccessKey {
                id,
                secret: secret.into(),
                security_token: env.var(SECURITY_TOKEN).map(Into::into),
            },
            expiration: None,
            from: format!("variable {ACCESS_KEY_ID}"),
        },
        (None, None) => Answer::Absent(format!("{ACCESS_KEY_ID} is not set")),
        (Some(_), None) => Answer::Failed(format!("{ACCESS_KEY_ID} is set, but {ACCESS_KEY_SECRET} is not")),
        (None, Some(_)) => Answer::Failed(format!("{ACCESS_KEY_SECRET} is set, but {ACCESS_KEY_ID} is not")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_key_is_a_failure_and_not_an_absence() {
        let answer = |pairs: &[(&str, &str)]| environment(&Env::fake(pairs.iter().copied()));
        assert!(matches!(answer(&[]), Answer::Absent(_)));
        assert!(matches!(answer(&[(ACCESS_KEY_ID, "a")]), Answer::Failed(_)));
        assert!(matches!(answer(&[(ACCESS_KEY_SECRET, "b")]), Answer::Failed(_)));
        let whole = [(ACCESS_KEY_ID, "a"), (ACCESS_KEY_SECRET, "hunter2"), (SECURITY_TOKEN, "hunter2")];
        let Answer::Found { key, .. } = answer(&whole) else { panic!() };
        assert!(key.security_token.is_some());
        assert!(!format!("{key:?}").contains("hunter2"));
    }
}
