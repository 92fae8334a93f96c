//! Alibaba Cloud resource names of the two kinds RRSA needs: RAM roles and OIDC providers.

use std::fmt;

/// `acs:ram::<account>:role/<name>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoleArn {
    /// Account id, digits.
    pub account: String,
    /// Role name, 1 to 64 of letters, digits, `.` and `-`.
    pub name: String,
}

/// `acs:ram::<account>:oidc-provider/<name>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OidcProviderArn {
    /// Account id, digits.
    pub account: String,
    /// Provider name; `ack-rrsa-<cluster id>` for the provider that RRSA makes.
    pub name: String,
}

/// Why a text is not the ARN it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArnError {
    /// The text is empty.
    Empty,
    /// A documentation placeholder such as `<role_arn>` was left in place.
    Placeholder,
    /// White space before, after or inside.
    WhiteSpace,
    /// Not of the shape `acs:ram::<account>:<type>/<name>`.
    Shape,
    /// The second field is not `ram`.
    Service(String),
    /// The account field is not digits.
    Account(String),
    /// The resource is of another type, such as `roles/` or `user/`.
    ResourceType {
        /// The type that was needed.
        expected: &'static str,
        /// The type that was found.
        found: String,
    },
    /// The ARN of a session (`role/<name>/<session>` or `assumed-role/…`), not of the role.
    Session,
    /// The name is empty or has characters RAM does not allow.
    Name(String),
}

impl fmt::Display for ArnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "it is empty"),
            Self::Placeholder => write!(f, "it is a placeholder that was never filled in"),
            Self::WhiteSpace => write!(f, "it contains white space"),
            Self::Shape => write!(f, "it is not of the shape acs:ram::<account>:<type>/<name>"),
            Self::Service(found) => write!(f, "its service is \"{found}\", not \"ram\""),
            Self::Account(found) => write!(f, "its account id \"{found}\" is not a number"),
            Self::ResourceType { expected, found } => {
                write!(f, "its resource type is \"{found}/\", not \"{expected}/\"")
            }
            Self::Session => write!(f, "it names a session of a role, not the role itself"),
            Self::Name(found) => write!(f, "the name \"{found}\" is not one RAM allows"),
        }
    }
}

impl std::error::Error for ArnError {}

impl RoleArn {
    /// Reads a role ARN.
    ///
    /// # Errors
    /// The first way in which `text` is not one.
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        let (account, name) = split(text, "role")?;
        if name.contains('/') {
            return Err(ArnError::Session);
        }
        if !is_role_name(&name) {
            return Err(ArnError::Name(name));
        }
        Ok(Self { account, name })
    }

    /// A text that is a role ARN, as an option takes it.
    ///
    /// # Errors
    /// As [`RoleArn::parse`].
    pub fn text(text: &str) -> Result<String, ArnError> {
        Self::parse(text).map(|arn| arn.to_string())
    }
}

impl OidcProviderArn {
    /// The provider that RRSA makes for a cluster.
    #[must_use]
    pub fn of_cluster(account: &str, cluster_id: &str) -> Self {
        Self { account: account.to_owned(), name: format!("ack-rrsa-{cluster_id}") }
    }

    /// Reads a provider ARN.
    ///
    /// # Errors
    /// The first way in which `text` is not one.
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        let (account, name) = split(text, "oidc-provider")?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if name.is_empty() || name.len() > 128 || !name.chars().all(allowed) {
            return Err(ArnError::Name(name));
        }
        Ok(Self { account, name })
    }

    /// The cluster this provider was made for, when its name is of the shape RRSA gives it.
    #[must_use]
    pub fn cluster_id(&self) -> Option<&str> {
        self.name.strip_prefix("ack-rrsa-").filter(|id| !id.is_empty())
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "acs:ram::{}:role/{}", self.account, self.name)
    }
}

impl fmt::Display for OidcProviderArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "acs:ram::{}:oidc-provider/{}", self.account, self.name)
    }
}

/// Whether `name` can be the name of a RAM role: 1 to 64 of letters, digits, `.` and `-`.
#[must_use]
pub fn is_role_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
}

/// Whether `text` can be the id of a cluster: letters and digits, 64 at most. (ACK gives `c` and 32 of them.)
#[must_use]
pub fn is_cluster_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Whether `text` still holds a placeholder of a manual, such as `<role_arn>` or `${ROLE_ARN}`.
#[must_use]
pub fn is_placeholder(text: &str) -> bool {
    let bracketed = text.find('<').is_some_and(|open| text[open..].contains('>'));
    bracketed || text.contains("${") || text.contains("{{")
}

fn split(text: &str, expected: &'static str) -> Result<(String, String), ArnError> {
    if text.is_empty() {
        return Err(ArnError::Empty);
    }
    if is_placeholder(text) {
        return Err(ArnError::Placeholder);
    }
    if text.contains(char::is_whitespace) {
        return Err(ArnError::WhiteSpace);
    }
    let fields: Vec<&str> = text.splitn(5, ':').collect();
    let ["acs", service, "", account, resource] = fields[..] else {
        return Err(ArnError::Shape);
    };
    if service != "ram" {
        return Err(ArnError::Service(service.to_owned()));
    }
    if account.is_empty() || !account.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ArnError::Account(account.to_owned()));
    }
    match resource.split_once('/') {
        Some((kind, name)) if kind == expected => Ok((account.to_owned(), name.to_owned())),
        Some(("assumed-role", _)) => Err(ArnError::Session),
        Some((kind, _)) => Err(ArnError::ResourceType { expected, found: kind.to_owned() }),
        None => Err(ArnError::Shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_arn_reads_and_prints_back() {
        let text = "acs:ram::1234567890123456:role/demo-role-for-rrsa";
        let arn = RoleArn::parse(text).unwrap();
        assert_eq!((arn.account.as_str(), arn.name.as_str()), ("1234567890123456", "demo-role-for-rrsa"));
        assert_eq!(arn.to_string(), text);
    }

    #[test]
    fn a_provider_arn_knows_its_cluster() {
        let arn = OidcProviderArn::parse("acs:ram::1:oidc-provider/ack-rrsa-c0ffee").unwrap();
        assert_eq!(arn.cluster_id(), Some("c0ffee"));
        assert_eq!(arn, OidcProviderArn::of_cluster("1", "c0ffee"));
        assert_eq!(OidcProviderArn::parse("acs:ram::1:oidc-provider/github").unwrap().cluster_id(), None);
    }

    #[test]
    fn each_way_to_be_wrong_is_named() {
        let type_of = |found: &str| ArnError::ResourceType { expected: "role", found: found.to_owned() };
        for (text, expected) in [
            ("", ArnError::Empty),
            ("<role_arn>", ArnError::Placeholder),
            ("acs:ram::1:role/${ROLE}", ArnError::Placeholder),
            ("acs:ram::1:role/demo ", ArnError::WhiteSpace),
            ("demo-role", ArnError::Shape),
            ("arn:aws:iam::1:role/demo", ArnError::Shape),
            ("acs:ram::1:demo", ArnError::Shape),
            ("acs:sts::1:role/demo", ArnError::Service("sts".to_owned())),
            ("acs:ram::me:role/demo", ArnError::Account("me".to_owned())),
            ("acs:ram:::role/demo", ArnError::Account(String::new())),
            ("acs:ram::1:roles/demo", type_of("roles")),
            ("acs:ram::1:user/demo", type_of("user")),
            ("acs:ram::1:role/demo/session", ArnError::Session),
            ("acs:ram::1:assumed-role/demo/session", ArnError::Session),
            ("acs:ram::1:role/", ArnError::Name(String::new())),
            ("acs:ram::1:role/dé", ArnError::Name("dé".to_owned())),
        ] {
            assert_eq!(RoleArn::parse(text), Err(expected), "{text:?}");
        }
    }
}
