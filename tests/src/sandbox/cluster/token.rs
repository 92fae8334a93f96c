//! ServiceAccount tokens: what the cluster's issuer says in them, and the TokenRequest that asks for one.

use std::sync::{Mutex, OnceLock, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::access::{Access, User};
use super::object::new_uid;
use crate::sandbox::issuer::Issuer;
use crate::sandbox::minted::Minted;
use crate::sandbox::world::IN_CLUSTER_ISSUER;

/// The shortest life of a token, seconds; TokenRequest refuses less.
pub(crate) const SHORTEST: i64 = 600;

/// What a token is asked to say.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    /// The ServiceAccount's namespace.
    pub(crate) namespace: String,
    /// The ServiceAccount's name.
    pub(crate) account: String,
    /// The ServiceAccount's uid.
    pub(crate) account_uid: String,
    /// The audiences; empty for the API server's own.
    pub(crate) audiences: Vec<String>,
    /// The life asked for, seconds.
    pub(crate) seconds: i64,
    /// What the token is bound to: kind in lower case, name and uid.
    pub(crate) bound: Vec<(&'static str, String, String)>,
}

/// A token, and what the one who asked is told about it.
#[derive(Clone)]
pub(crate) struct Token {
    /// The JSON Web Token.
    pub(crate) jwt: String,
    /// When it was issued.
    pub(crate) issued: Timestamp,
    /// When it expires.
    pub(crate) expires: Timestamp,
}

/// The API server's token issuer.
pub(crate) struct Tokens {
    issuer: Issuer,
    url: Mutex<String>,
    stranger: OnceLock<Issuer>,
    ceiling: i64,
    minted: Minted,
}

impl Tokens {
    /// Issues tokens as `url` with the key of `issuer`, none of them longer than `ceiling` seconds.
    pub(crate) fn new(issuer: Issuer, url: &str, ceiling: u32, minted: Minted) -> Self {
        let (url, ceiling) = (Mutex::new(url.to_owned()), i64::from(ceiling));
        Self { issuer, url, stranger: OnceLock::new(), ceiling, minted }
    }

    /// The `iss` of new tokens.
    pub(crate) fn url(&self) -> String {
        self.url.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the `iss` of tokens from now on.
    pub(crate) fn set_url(&self, url: &str) {
        url.clone_into(&mut self.url.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The longest life of a token, seconds.
    pub(crate) fn ceiling(&self) -> i64 {
        self.ceiling
    }

    /// The public keys.
    pub(crate) fn jwks(&self) -> Value {
        self.issuer.jwks()
    }

    /// The claims of a token that is issued at `issued`.
    pub(crate) fn claims(&self, grant: &Grant, issued: Timestamp) -> Value {
        let issued = issued.as_second();
        let audiences = match grant.audiences.as_slice() {
            [] => vec![IN_CLUSTER_ISSUER.to_owned()],
            named => named.to_vec(),
        };
        let mut kubernetes = json!({
            "namespace": grant.namespace,
            "serviceaccount": {"name": grant.account, "uid": grant.account_uid},
        });
        for (kind, name, uid) in &grant.bound {
            kubernetes[*kind] = json!({"name": name, "uid": uid});
        }
        json!({
            "aud": audiences,
            "exp": issued + grant.seconds.min(self.ceiling),
            "iat": issued,
            "iss": self.url(),
            "jti": new_uid(),
            "kubernetes.io": kubernetes,
            "nbf": issued,
            "sub": format!("system:serviceaccount:{}:{}", grant.namespace, grant.account),
        })
    }

    /// Signs claims with the cluster's key.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.record(self.issuer.sign(claims))
    }

    /// Signs claims with a key that nobody publishes, under a key id that nobody knows.
    pub(crate) fn sign_as_stranger(&self, claims: &Value) -> String {
        let stranger = self.stranger.get_or_init(|| Issuer::generate("https://stranger.example".to_owned()));
        self.record(stranger.sign(claims))
    }

    /// Remembers a token as a secret.
    pub(crate) fn record(&self, token: String) -> String {
        self.minted.record(&token);
        token
    }

    /// Mints a token at `now`; one for the API server lets its bearer in there.
    pub(crate) fn mint(&self, grant: &Grant, now: Timestamp, access: &Access) -> Token {
        let claims = self.claims(grant, now);
        let token = Token {
            jwt: self.sign(&claims),
            issued: second(&claims["iat"]),
            expires: second(&claims["exp"]),
        };
        if claims["aud"].as_array().is_some_and(|all| all.iter().any(|one| one == IN_CLUSTER_ISSUER)) {
            let mut user = User::service_account(&grant.namespace, &grant.account, &grant.account_uid);
            for (kind, name, uid) in &grant.bound {
                for (fact, value) in [("name", name), ("uid", uid)] {
                    user.extra
                        .insert(format!("authentication.kubernetes.io/{kind}-{fact}"), vec![value.clone()]);
                }
            }
            access.admit(&token.jwt, user, token.expires);
        }
        token
    }
}

impl Token {
    /// Whether a kubelet would have asked for the next one: less than a fifth of its life is left, or it is
    /// older than a day.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        let life = self.expires.duration_since(self.issued);
        self.expires.duration_since(now) < life / 5
            || now.duration_since(self.issued) > SignedDuration::from_hours(24)
    }
}

/// A NumericDate of whole seconds.
pub(crate) fn second(date: &Value) -> Timestamp {
    date.as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kubelet_renews_in_the_last_fifth_or_after_a_day() {
        let issued: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let at = |seconds| issued + SignedDuration::from_secs(seconds);
        let token = |life| Token { jwt: String::new(), issued, expires: at(life) };
        for (life, age, due) in
            [(3600, 2880, false), (3600, 2881, true), (600_000, 86_400, false), (600_000, 86_401, true)]
        {
            assert_eq!(token(life).is_due(at(age)), due, "{life} {age}");
        }
    }
}
