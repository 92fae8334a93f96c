//! Where an API is. A token goes to Alibaba Cloud's own hosts over https; to another host only when it was
//! named, and over plain http only to this machine.

use std::fmt;

/// The base URL of an API: `https://host[:port]`, or `http://` on loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    scheme: &'static str,
    authority: String,
}

/// Why a text is not an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointError {
    /// Plain http to another machine.
    PlainHttp(String),
    /// Not a host, `host:port` or URL of one; nothing may follow the host.
    NotAHost(String),
    /// Not a region id.
    Region(String),
    /// The VPC flag is set, and no region says which VPC host is meant. SDKs fall back to the public host
    /// without a word.
    VpcWithoutRegion,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PlainHttp(text) => {
                write!(f, "\"{text}\" is plain http to another machine; a token goes there over https only")
            }
            Self::NotAHost(text) => {
                write!(f, "\"{text}\" is not a host; expected HOST, HOST:PORT or https://HOST[:PORT]")
            }
            Self::Region(text) => write!(f, "\"{text}\" is not a region id such as cn-hangzhou"),
            Self::VpcWithoutRegion => {
                write!(
                    f,
                    "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED is true, but ALIBABA_CLOUD_STS_REGION is not set"
                )
            }
        }
    }
}

impl std::error::Error for EndpointError {}

impl Endpoint {
    /// One of Alibaba Cloud's own hosts.
    #[must_use]
    pub fn official(host: &str) -> Self {
        debug_assert!(host.ends_with(".aliyuncs.com"));
        Self { scheme: "https", authority: host.to_owned() }
    }

    /// A host that somebody named: `sts-vpc.cn-hangzhou.aliyuncs.com`, `127.0.0.1:8080`, `https://host/`.
    ///
    /// # Errors
    /// [`EndpointError::PlainHttp`], [`EndpointError::NotAHost`].
    pub fn named(text: &str) -> Result<Self, EndpointError> {
        let (scheme, rest) = match text.split_once("://") {
            None => ("https", text),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => ("https", rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => ("http", rest),
            Some(_) => return Err(EndpointError::NotAHost(without_user(text))),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest).to_ascii_lowercase();
        if !is_authority(&authority) {
            return Err(EndpointError::NotAHost(without_user(text)));
        }
        if scheme == "http" && !is_loopback(&authority) {
            return Err(EndpointError::PlainHttp(text.to_owned()));
        }
        Ok(Self { scheme, authority })
    }

    /// Host and port as they stand in a `Host` header.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.authority
    }

    /// Host, without brackets, and port.
    #[must_use]
    pub fn host_and_port(&self) -> (String, u16) {
        let usual = if self.scheme == "http" { 80 } else { 443 };
        let (host, port) = match self.authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().unwrap_or(usual)),
            _ => (self.authority.as_str(), usual),
        };
        (host.trim_matches(['[', ']']).to_owned(), port)
    }

    /// The absolute URL of `path_and_query`, which begins with `/`.
    #[must_use]
    pub fn url(&self, path_and_query: &str) -> String {
        format!("{}://{}{path_and_query}", self.scheme, self.authority)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

/// A text for an error: what stands before an `@` may be a password.
fn without_user(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"),
        None => text.to_owned(),
    }
}

/// Whether `url` is plain http to this machine.
#[must_use]
pub fn is_loopback_http(url: &str) -> bool {
    let rest = url.strip_prefix("http://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    is_authority(authority) && is_loopback(authority)
}

/// `host`, `host:port` or `[v6]:port`, without user information.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, port)) => {
            let valid = v6.parse::<std::net::Ipv6Addr>().is_ok();
            (if valid { "v6" } else { "" }, port)
        }
        None => text.find(':').map_or((text, ""), |at| text.split_at(at)),
    };
    let host_ok = !host.is_empty()
        && host.len() <= 253
        && host.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        });
    let port_ok = port.is_empty() || port.strip_prefix(':').is_some_and(|p| p.parse::<u16>().is_ok());
    host_ok && port_ok
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_endpoint_reads_as_host_or_url() {
        for (text, expected) in [
            ("sts.aliyuncs.com", "https://sts.aliyuncs.com"),
            ("https://sts.aliyuncs.com/", "https://sts.aliyuncs.com"),
            ("HTTPS://STS.aliyuncs.com:443", "https://sts.aliyuncs.com:443"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://localhost:1", "http://localhost:1"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
            ("127.0.0.1:8443", "https://127.0.0.1:8443"),
        ] {
            assert_eq!(Endpoint::named(text).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn plain_http_leaves_this_machine_for_nobody() {
        for text in ["http://sts.aliyuncs.com", "http://127.0.0.1.evil.com", "http://localhost.evil.com:80"] {
            assert_eq!(Endpoint::named(text), Err(EndpointError::PlainHttp(text.to_owned())));
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "https://",
            "ftp://h",
            "https://u:p@h",
            "h/path",
            "https://h?q",
            "h#f",
            "h:port",
            "h:99999",
            "a b",
            "[::1",
            "[nonsense]:1",
            "https://h//",
            ".",
            "a..b",
        ] {
            assert_eq!(Endpoint::named(text), Err(EndpointError::NotAHost(without_user(text))), "{text}");
        }
    }

    #[test]
    fn loopback_http_is_told_from_the_rest() {
        assert!(is_loopback_http("http://127.0.0.1:80/x?y"));
        assert!(!is_loopback_http("https://127.0.0.1/"));
        assert!(!is_loopback_http("http://127.0.0.1@evil.com/"));
    }
}
