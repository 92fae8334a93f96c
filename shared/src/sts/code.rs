//! The refusals STS is known for. A code may be shared by several causes; then the message tells them apart.

use crate::api::Fault;

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is explained by its row in KNOWN")]
pub enum FaultKind {
    TrustPolicyRefused,
    ProviderNotRegistered,
    ProviderArnInvalid,
    AudienceNotMatch,
    TokenExpired,
    TokenInvalid,
    TokenSignatureInvalid,
    IssuerNotMatch,
    IssuerConfigurationBroken,
    IssuerTlsInvalid,
    IssuerFingerprintMismatch,
    RoleNotExist,
    InvalidDuration,
    InvalidSessionName,
    InvalidRoleArn,
    InvalidPolicy,
    InvalidParameter,
    NoPermission,
    Throttled,
    ServerTrouble,
    ClockOff,
    RequestSignatureInvalid,
    NonceReplayed,
    SecurityTokenMissing,
    SecurityTokenExpired,
    SecurityTokenInvalid,
    AccessKeyInactive,
    AccessKeyNotFound,
    /// A code this version does not know; the fault itself keeps its text.
    Unknown,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct KnownFault {
    /// `Code`, or how it begins.
    pub code: &'static str,
    /// Whether `code` is only how the code begins.
    pub prefix: bool,
    /// What the message contains, in lower case, when the code alone does not decide.
    pub message: Option<&'static str>,
    /// The HTTP status it comes with, where that is known.
    pub http_status: Option<u16>,
    /// What it means.
    pub kind: FaultKind,
    /// The cause, in our words.
    pub cause: &'static str,
    /// Whether the same request may succeed a moment later.
    pub retryable: bool,
}

const fn fault(code: &'static str, http_status: u16, kind: FaultKind, cause: &'static str) -> KnownFault {
    KnownFault {
        code,
        prefix: false,
        message: None,
        http_status: Some(http_status),
        kind,
        cause,
        retryable: false,
    }
}

impl KnownFault {
    const fn saying(mut self, message: &'static str) -> Self {
        self.message = Some(message);
        self
    }

    const fn any_status(mut self) -> Self {
        self.http_status = None;
        self
    }

    const fn prefix(mut self) -> Self {
        self.prefix = true;
        self
    }

    const fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    fn describes(&self, fault: &Fault) -> bool {
        let code = if self.prefix { fault.code.starts_with(self.code) } else { fault.code == self.code };
        code && self.message.is_none_or(|text| fault.message.to_lowercase().contains(text))
    }
}

const NO_PERMISSION: &str = "AuthenticationFail.NoPermission";

/// Every refusal with a known cause; the first row that describes a fault decides.
pub const KNOWN: &[KnownFault] = &[
    fault(
        NO_PERMISSION,
        401,
        FaultKind::ProviderNotRegistered,
        "no OIDC provider of that ARN exists in the account",
    )
    .saying("no such oidc provider"),
    fault(NO_PERMISSION, 401, FaultKind::ProviderArnInvalid, "the OIDC provider ARN is malformed")
        .saying("oidcproviderarn"),
    fault(
        NO_PERMISSION,
        401,
        FaultKind::TrustPolicyRefused,
        "the role's trust policy does not admit this token",
    ),
    fault(
        "AuthenticationFail.OIDCToken.AudienceNotMatch",
        401,
        FaultKind::AudienceNotMatch,
        "the token's audience is not among the client ids of the OIDC provider",
    ),
    fault(
        "AuthenticationFail.OIDCToken.Expired",
        401,
        FaultKind::TokenExpired,
        "the token has expired, or is older than the provider's issuance limit",
    ),
    fault(
        "AuthenticationFail.OIDCToken.HttpsUrlInvalid",
        401,
        FaultKind::IssuerTlsInvalid,
        "STS does not trust the certificate of the issuer's host",
    ),
    fault(
        "AuthenticationFail.OIDCToken.PublicKeyFingerprintMismatch",
        401,
        FaultKind::IssuerFingerprintMismatch,
        "the certificate of the issuer's host is not the one whose fingerprint the OIDC provider holds",
    )
    .any_status(),
    fault(
        "AuthenticationFail.OIDCToken.InvalidSignature",
        401,
        FaultKind::TokenSignatureInvalid,
        "the token is not signed with a key the issuer publishes",
    ),
    fault(
        "AuthenticationFail.OIDCToken.IssuerNotMatch",
        401,
        FaultKind::IssuerNotMatch,
        "the token's issuer is not the one the OIDC provider is for",
    ),
    fault(
        "AuthenticationFail.OIDCToken.IssuerConfigurationBroken",
        401,
        FaultKind::IssuerConfigurationBroken,
        "STS could not fetch the issuer's public keys",
    ),
    fault(
        "AuthenticationFail.OIDCToken.Invalid",
        401,
        FaultKind::TokenInvalid,
        "the token is empty or malformed, or signed with another algorithm than RS256",
    ),
    fault("EntityNotExist.Role", 404, FaultKind::RoleNotExist, "no RAM role of that ARN exists"),
    fault(
        "InvalidParameter.DurationSeconds",
        400,
        FaultKind::InvalidDuration,
        "the duration is below 900 s or above the role's maximum session duration",
    ),
    fault(
        "InvalidParameter.RoleSessionName",
        400,
        FaultKind::InvalidSessionName,
        "the session name is not 2 to 64 of letters, digits, '.', '@', '-', '_'",
    ),
    fault("InvalidParameter.RoleArn", 400, FaultKind::InvalidRoleArn, "the role ARN is malformed"),
    fault(
        "InvalidParameter.Policy",
        400,
        FaultKind::InvalidPolicy,
        "the session policy is malformed or too long",
    )
    .prefix(),
    fault("InvalidParameter.", 400, FaultKind::InvalidParameter, "a parameter is missing or malformed")
        .prefix(),
    fault("AuthenticationFail.ApiUsername", 403, FaultKind::NoPermission, "the caller is not known to STS"),
    fault("AuthenticationFail.ApiPassword", 403, FaultKind::NoPermission, "the caller's password is wrong"),
    fault("NoPermission", 403, FaultKind::NoPermission, "the caller may not make this call"),
    fault("Throttling", 400, FaultKind::Throttled, "too many requests from this account or to this API")
        .prefix()
        .any_status()
        .retryable(),
    fault("InternalError", 500, FaultKind::ServerTrouble, "STS failed on its side").retryable(),
    fault("ServiceUnavailable", 503, FaultKind::ServerTrouble, "STS is not available just now")
        .any_status()
        .retryable(),
    fault("InvalidTimeStamp.", 400, FaultKind::ClockOff, "the local clock is more than 15 minutes off")
        .prefix()
        .any_status(),
    fault("SignatureDoesNotMatch", 400, FaultKind::RequestSignatureInvalid, "the access key secret is wrong")
        .any_status(),
    fault(
        "ContentMD5NotMatched",
        400,
        FaultKind::RequestSignatureInvalid,
        "the request was changed on its way",
    )
    .any_status(),
    fault(
        "InvalidSignatureMethod",
        400,
        FaultKind::RequestSignatureInvalid,
        "the signature method is not supported",
    )
    .any_status(),
    fault("SignatureNonceUsed", 400, FaultKind::NonceReplayed, "the same request arrived twice").any_status(),
    fault(
        "MissingSecurityToken",
        400,
        FaultKind::SecurityTokenMissing,
        "a temporary key came without its token",
    )
    .any_status(),
    fault(
        "InvalidSecurityToken.Expired",
        400,
        FaultKind::SecurityTokenExpired,
        "the session credentials have expired",
    )
    .any_status(),
    fault(
        "InvalidSecurityToken.",
        400,
        FaultKind::SecurityTokenInvalid,
        "the security token is malformed or belongs to another access key",
    )
    .prefix()
    .any_status(),
    fault("InvalidAccessKeyId.Inactive", 400, FaultKind::AccessKeyInactive, "the access key is disabled")
        .any_status(),
    fault(
        "InvalidAccessKeyId.NotFound",
        404,
        FaultKind::AccessKeyNotFound,
        "no access key of that id exists",
    )
    .any_status(),
];

impl FaultKind {
    /// What `fault` means.
    #[must_use]
    pub fn of(fault: &Fault) -> Self {
        KnownFault::of(fault).map_or(Self::Unknown, |known| known.kind)
    }
}

impl KnownFault {
    /// The row that describes `fault`; `None` for a code this version does not know.
    #[must_use]
    pub fn of(fault: &Fault) -> Option<&'static Self> {
        KNOWN.iter().find(|known| known.describes(fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(code: &str, message: &str, http_status: u16) -> Fault {
        Fault {
            http_status,
            code: code.to_owned(),
            message: message.to_owned(),
            request_id: None,
            host_id: None,
            recommend: None,
            access_denied: None,
        }
    }

    #[test]
    fn one_code_with_three_causes_is_told_apart_by_its_message() {
        let kind = |message| FaultKind::of(&seen(NO_PERMISSION, message, 401));
        assert_eq!(kind("No such OIDC Provider registered."), FaultKind::ProviderNotRegistered);
        assert_eq!(kind("Parameter OIDCProviderArn is not valid"), FaultKind::ProviderArnInvalid);
        assert_eq!(kind("There is no permission"), FaultKind::TrustPolicyRefused);
        assert_eq!(kind("words of a later year"), FaultKind::TrustPolicyRefused);
    }

    #[test]
    fn every_row_can_be_reached_and_agrees_with_what_is_retried() {
        for row in KNOWN {
            let code = if row.prefix { format!("{}Xyz", row.code) } else { row.code.to_owned() };
            let fault = seen(&code, row.message.unwrap_or("words"), row.http_status.unwrap_or(400));
            let found = KnownFault::of(&fault).unwrap();
            assert_eq!((found.kind, found.cause), (row.kind, row.cause), "{code}");
            assert_eq!(fault.is_retryable(), row.retryable, "{code}");
        }
    }

    #[test]
    fn a_new_code_is_unknown() {
        assert_eq!(FaultKind::of(&seen("AuthenticationFail.Novel", "", 401)), FaultKind::Unknown);
        assert_eq!(FaultKind::of(&seen("EntityNotExist.Role2", "", 404)), FaultKind::Unknown);
    }
}
