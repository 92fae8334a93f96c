//! A refused call: the code, its HTTP status and the body that carries it.

use serde_json::{Value, json};

/// What an API answers instead of a result.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    /// `AccessDeniedDetail`, where a policy refused.
    pub(super) detail: Option<Value>,
}

impl Refusal {
    /// The refusal with this code, its documented status and usual message. A code that the table does not
    /// know gets status 400.
    pub(super) fn new(code: &str) -> Self {
        let known = KNOWN.iter().find(|(known, ..)| *known == code);
        let (status, message) =
            known.map_or((400, "The request was refused."), |(_, status, message)| (*status, *message));
        Self { status, code: code.to_owned(), message: message.to_owned(), detail: None }
    }

    pub(super) fn message(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }

    /// A parameter that must be there and is not.
    pub(super) fn missing(parameter: &str) -> Self {
        Self::new("MissingParameter")
            .message(format!("The parameter {parameter} is mandatory and was not given."))
    }

    /// Adds which action a policy of this type denied; explicitly or by not allowing it.
    pub(super) fn denied(self, action: &str, policy_type: &str, explicitly: bool) -> Self {
        let denial = if explicitly { "ExplicitDeny" } else { "ImplicitDeny" };
        let detail = json!({"AuthAction": action, "NoPermissionType": denial, "PolicyType": policy_type});
        Self { detail: Some(detail), ..self }
    }

    pub(super) fn body(&self, request_id: &str, host: &str) -> Value {
        let mut body = json!({
            "RequestId": request_id,
            "HostId": host,
            "Code": self.code,
            "Message": self.message,
            "Recommend": format!("https://api.aliyun.com/troubleshoot?q={}&requestId={request_id}", self.code),
        });
        if let Some(detail) = &self.detail {
            body["AccessDeniedDetail"] = detail.clone();
        }
        body
    }
}

/// Code, HTTP status, usual message.
const KNOWN: &[(&str, u16, &str)] = &[
    ("AuthenticationFail.ApiPassword", 403, "The password of the API user is not right."),
    ("AuthenticationFail.ApiUsername", 403, "The API user is not known."),
    ("AuthenticationFail.NoPermission", 401, "There is no permission"),
    (
        "AuthenticationFail.OIDCToken.AudienceNotMatch",
        401,
        "No audience of the token is a client id of the provider.",
    ),
    ("AuthenticationFail.OIDCToken.Expired", 401, "This JsonWebToken is expired."),
    (
        "AuthenticationFail.OIDCToken.HttpsUrlInvalid",
        401,
        "The HTTPS certificate chain of the issuer is not trusted.",
    ),
    ("AuthenticationFail.OIDCToken.Invalid", 401, "This JsonWebToken is not valid."),
    (
        "AuthenticationFail.OIDCToken.InvalidSignature",
        401,
        "The signature of this JsonWebToken does not verify.",
    ),
    (
        "AuthenticationFail.OIDCToken.IssuerConfigurationBroken",
        401,
        "Get public keys from OIDC Provider failed",
    ),
    (
        "AuthenticationFail.OIDCToken.IssuerNotMatch",
        401,
        "The issuer of the token is not the issuer of the provider.",
    ),
    (
        "AuthenticationFail.OIDCToken.PublicKeyFingerprintMismatch",
        401,
        "The certificate of the issuer has none of the provider's fingerprints.",
    ),
    ("ContentMD5NotMatched", 400, "The body is not the one that was hashed."),
    ("EntityNotExist.OIDCProvider", 404, "The OIDC provider does not exist."),
    ("EntityNotExist.Role", 404, "The role not exists"),
    ("ErrorClusterNotFound", 404, "The cluster does not exist."),
    ("InternalError", 500, "The request failed for an unknown reason."),
    ("InvalidAccessKeyId.Inactive", 400, "The access key is disabled."),
    ("InvalidAccessKeyId.NotFound", 404, "The access key is not found."),
    ("InvalidParameter", 400, "The specified parameter \"Action or Version\" is not valid."),
    ("InvalidParameter.ContentType", 400, "The body is neither empty nor a form."),
    ("InvalidParameter.DurationSeconds", 400, "DurationSeconds is out of range."),
    ("InvalidParameter.ExternalId", 400, "ExternalId has a wrong length or character."),
    ("InvalidParameter.Format", 400, "The format is not supported: JSON is."),
    ("InvalidParameter.OIDCProviderName", 400, "OIDCProviderName is not valid."),
    ("InvalidParameter.PolicyGrammar", 400, "Policy is not a policy document."),
    ("InvalidParameter.PolicySize", 400, "Policy is longer than 2048 characters."),
    ("InvalidParameter.RoleArn", 400, "RoleArn is not the ARN of a role."),
    ("InvalidParameter.RoleName", 400, "RoleName has a wrong length or character."),
    ("InvalidParameter.RoleSessionName", 400, "RoleSessionName has a wrong length or character."),
    ("InvalidSecurityToken.Expired", 400, "The security token has expired."),
    ("InvalidSecurityToken.Malformed", 400, "The security token is malformed."),
    (
        "InvalidSecurityToken.MismatchWithAccessKey",
        400,
        "The security token does not belong to the access key.",
    ),
    ("InvalidSignatureMethod", 400, "The signature method is not supported."),
    ("InvalidTimeStamp.Expired", 400, "The time stamp is too far from the server's time."),
    ("InvalidTimeStamp.Format", 400, "The time stamp is not of the form 2006-01-02T15:04:05Z."),
    ("MissingParameter", 400, "A mandatory parameter was not given."),
    ("MissingSecurityToken", 400, "The access key needs a security token."),
    ("NoPermission", 403, "The caller is not authorised for this action."),
    ("ServiceUnavailable", 503, "The service is unavailable for the moment."),
    ("SignatureDoesNotMatch", 400, "The signature is not the one that the server computes."),
    ("SignatureNonceUsed", 400, "The signature nonce was used before."),
    ("Throttling", 400, "Request was denied due to request throttling."),
    ("Throttling.Api", 400, "Request was denied due to api flow control."),
    ("Throttling.User", 400, "Request was denied due to user flow control."),
    ("UnsupportedHTTPMethod", 405, "The HTTP method is neither GET nor POST."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_codes_have_their_documented_status() {
        for (code, status) in [
            ("AuthenticationFail.NoPermission", 401),
            ("EntityNotExist.Role", 404),
            ("InvalidParameter.RoleArn", 400),
            ("NoPermission", 403),
            ("InternalError", 500),
            ("Never.Heard.Of", 400),
        ] {
            assert_eq!(Refusal::new(code).status, status, "{code}");
        }
    }

    #[test]
    fn every_code_stands_once_and_in_order() {
        assert!(KNOWN.is_sorted_by(|(one, ..), (other, ..)| one < other));
    }
}
