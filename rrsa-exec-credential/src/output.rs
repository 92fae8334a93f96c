//! Credentials in the words of those who ask: an ExecCredential for kubectl, the External JSON for SDKs and the CLI.

use jiff::{SignedDuration, Timestamp};
use rrsa_shared::ack::bearer;
use rrsa_shared::secret::Secret;
use rrsa_shared::sign::Credentials;
use rrsa_shared::sign::date;
use rrsa_shared::sts::AccessKey;
use serde_json::json;

use crate::error::{Error, exit};
use crate::exec_info::ExecInfo;

/// What the cluster's audit log shows.
const USER_AGENT: &str = concat!("rrsa-exec-credential/", env!("CARGO_PKG_VERSION"));
/// STS takes a signed call for 15 minutes; five are left for clocks that differ.
const BEARER_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// client-go uses a token until its very end.
const SPARE: SignedDuration = SignedDuration::from_secs(60);

/// Credentials that are handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issued {
    /// What signs.
    pub(crate) key: AccessKey,
    /// When it ends, Unix seconds; `None` for a key that does not.
    pub(crate) expires: Option<i64>,
}

/// An ExecCredential with a bearer token for the ACK RAM authenticator of `cluster_id`.
///
/// # Errors
/// A security token too large for it.
pub(crate) fn exec_credential(
    issued: &Issued,
    info: &ExecInfo,
    cluster_id: &str,
    now: Timestamp,
) -> Result<Secret, Error> {
    let credentials = Credentials {
        access_key_id: &issued.key.id,
        access_key_secret: issued.key.secret.expose(),
        security_token: issued.key.security_token.as_ref().map(Secret::expose),
    };
    let token = bearer(cluster_id, credentials, USER_AGENT, now).map_err(|error| {
        Error::new(exit::REFUSED, error.to_string())
            .hint("use a source without a session policy, or rrsa-exec-credential certificate")
    })?;
    let own = now.saturating_add(BEARER_LIFE).unwrap_or(now);
    let end = issued.expires.and_then(|at| Timestamp::from_second(at).ok());
    // Of what ends sooner than that the end itself is told: kubectl would ask again for every request.
    let session = end.map(|end| end.checked_sub(SPARE).ok().filter(|early| *early > now).unwrap_or(end));
    let until = session.map_or(own, |session| session.min(own));
    let credential = json!({
        "kind": "ExecCredential",
        "apiVersion": info.api_version,
        "status": {"token": token.expose(), "expirationTimestamp": date(until)},
    });
    Ok(Secret::new(format!("{credential}\n")))
}

/// A client certificate that is handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// The certificates, PEM.
    pub(crate) certificate: String,
    /// The private key, PEM.
    pub(crate) private_key: Secret,
    /// When it ends, Unix seconds.
    pub(crate) expires: Option<i64>,
}

/// An ExecCredential with a client certificate.
pub(crate) fn exec_certificate(given: &Certificate, info: &ExecInfo) -> Secret {
    let end = given.expires.and_then(|at| Timestamp::from_second(at).ok()?.checked_sub(SPARE).ok());
    let credential = json!({
        "kind": "ExecCredential",
        "apiVersion": info.api_version,
        "status": {
            "clientCertificateData": given.certificate,
            "clientKeyData": given.private_key.expose(),
            "expirationTimestamp": end.map(date),
        },
    });
    Secret::new(format!("{credential}\n"))
}

/// The JSON of an `External` profile.
pub(crate) fn external(issued: &Issued) -> Secret {
    let mut external = json!({
        "mode": if issued.key.security_token.is_some() { "StsToken" } else { "AK" },
        "access_key_id": issued.key.id,
        "access_key_secret": issued.key.secret.expose(),
    });
    if let Some(token) = &issued.key.security_token {
        external["sts_token"] = token.expose().into();
    }
    if let Some(at) = issued.expires.and_then(|at| Timestamp::from_second(at).ok()) {
        external["expiration"] = date(at).into();
    }
    Secret::new(format!("{external}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issued(token: Option<&str>, expires: Option<i64>) -> Issued {
        let key = AccessKey {
            id: "testid".to_owned(),
            secret: "testsecret".into(),
            security_token: token.map(Secret::from),
        };
        Issued { key, expires }
    }

    fn status(issued: &Issued) -> serde_json::Value {
        let info = ExecInfo {
            api_version: "client.authentication.k8s.io/v1".to_owned(),
            cluster_id: None,
            region: None,
        };
        let now = "2024-01-02T03:04:05.678Z".parse().unwrap();
        let text = exec_credential(issued, &info, "c1", now).unwrap();
        serde_json::from_str::<serde_json::Value>(text.expose()).unwrap()["status"].clone()
    }

    #[test]
    fn the_token_ends_before_the_signature_and_before_the_session() {
        assert_eq!(status(&issued(None, None))["expirationTimestamp"], "2024-01-02T03:14:05Z");
        let session: Timestamp = "2024-01-02T03:09:05Z".parse().unwrap();
        let short = issued(Some("CAIS"), Some(session.as_second()));
        assert_eq!(status(&short)["expirationTimestamp"], "2024-01-02T03:08:05Z");
        assert!(status(&short)["token"].as_str().unwrap().starts_with("k8s-ack-v2."));
    }

    #[test]
    fn a_security_token_too_large_for_the_authenticator_is_refused() {
        let large = issued(Some(&"x".repeat(3000)), None);
        let info = ExecInfo {
            api_version: "client.authentication.k8s.io/v1".to_owned(),
            cluster_id: None,
            region: None,
        };
        let error = exec_credential(&large, &info, "c1", Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(error.message.contains("4096") && !error.message.contains("xxx"), "{error}");
    }

    #[test]
    fn the_external_json_has_its_mode_and_date() {
        let text = external(&issued(Some("CAIS"), Some(1_704_164_645)));
        let value: serde_json::Value = serde_json::from_str(text.expose()).unwrap();
        assert_eq!(
            (&value["mode"], &value["expiration"]),
            (&json!("StsToken"), &json!("2024-01-02T03:04:05Z"))
        );
        let text = external(&issued(None, None));
        let value: serde_json::Value = serde_json::from_str(text.expose()).unwrap();
        assert_eq!(
            value,
            json!({"mode": "AK", "access_key_id": "testid", "access_key_secret": "testsecret"})
        );
    }
}
