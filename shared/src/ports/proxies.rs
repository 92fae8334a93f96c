//! Whether and through which proxy a host is reached, by the environment, with `NO_PROXY` read as Go reads it. This
//! machine is never reached through a proxy: what is plain http on loopback must not leave it.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

use crate::env_vars;
use crate::ports::env::Env;

/// The proxies of the environment.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    https: Option<Proxy>,
    http: Option<Proxy>,
    exempt: String,
}

/// The address of a proxy. It may hold a password, so neither `Debug` nor `Display` shows more than host and port.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy(Url);

/// A text that is no address of a proxy. The text may hold a password, so it is not repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyError {
    /// Where the text stands, such as `HTTPS_PROXY`.
    pub place: String,
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proxy in {} is not an address", self.place)
    }
}

impl std::error::Error for ProxyError {}

impl ProxyError {
    /// How an address is written.
    pub const HINT: &'static str = "write it as http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT";
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.host_str().unwrap_or_default())?;
        self.0.port_or_known_default().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

impl Proxy {
    /// Reads the address of a proxy; without a scheme it is http. `place` is what an error calls it.
    ///
    /// # Errors
    /// A text that is no such address.
    pub fn parse(text: &str, place: &str) -> Result<Self, ProxyError> {
        let absolute = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let wrong = || ProxyError { place: place.to_owned() };
        let url: Url = absolute.parse().map_err(|_| wrong())?;
        let known = matches!(url.scheme(), "http" | "https" | "socks5");
        if known && url.host_str().is_some_and(|host| !host.is_empty()) {
            Ok(Self(url))
        } else {
            Err(wrong())
        }
    }

    /// The whole address, with its password.
    #[must_use]
    pub fn expose(&self) -> &Url {
        &self.0
    }
}

impl Proxies {
    /// `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in upper or lower case.
    ///
    /// # Errors
    /// A variable that is no address of a proxy.
    pub fn read(env: &Env) -> Result<Self, ProxyError> {
        let either = |name: &str| {
            let lower = name.to_lowercase();
            env.var(name)
                .map(|text| (name.to_owned(), text))
                .or_else(|| Some((lower.clone(), env.var(&lower)?)))
        };
        let proxy = |name| either(name).map(|(name, text)| Proxy::parse(&text, &name)).transpose();
        Ok(Self {
            https: proxy(env_vars::HTTPS_PROXY)?,
            http: proxy(env_vars::HTTP_PROXY)?,
            exempt: either(env_vars::NO_PROXY).map(|(_, text)| text).unwrap_or_default(),
        })
    }

    /// No proxy for anything.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The proxy for a host, if one is to be used. `host` may stand in brackets.
    #[must_use]
    pub fn of(&self, scheme: &str, host: &str, port: u16) -> Option<&Proxy> {
        let proxy = if scheme == "http" { &self.http } else { &self.https };
        proxy.as_ref().filter(|_| !is_exempt(host.trim_matches(['[', ']']), port, &self.exempt))
    }

    /// The proxy for a URL, if one is to be used.
    #[must_use]
    pub fn of_url(&self, url: &Url) -> Option<&Proxy> {
        self.of(url.scheme(), url.host_str()?, url.port_or_known_default()?)
    }
}

/// Whether `NO_PROXY` exempts a host: `*`, host names with their subdomains, `.suffix`, addresses, networks,
/// each with an optional port. This machine is never reached through a proxy.
fn is_exempt(host: &str, port: u16, no_proxy: &str) -> bool {
    let host = host.to_lowercase();
    let host = host.trim_end_matches('.');
    let address = host.parse::<IpAddr>().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    no_proxy.split(',').map(|entry| entry.trim().to_lowercase()).filter(|entry| !entry.is_empty()).any(
        |entry| {
            if entry == "*" {
                return true;
            }
            if let Some((network, bits)) = entry.split_once('/') {
                let parsed = network.parse::<IpAddr>().ok().zip(bits.parse::<u32>().ok());
                return parsed
                    .zip(address)
                    .is_some_and(|((network, bits), address)| contains(network, bits, address));
            }
            let (name, wanted) = split_port(&entry);
            if wanted.is_some_and(|wanted| wanted != port) {
                return false;
            }
            if let Ok(exempt) = name.trim_matches(['[', ']']).parse::<IpAddr>() {
                return address == Some(exempt);
            }
            let name = name.strip_prefix('*').unwrap_or(name).trim_end_matches('.');
            match name.strip_prefix('.') {
                Some(suffix) => host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.')),
                None => host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')),
            }
        },
    )
}

fn split_port(entry: &str) -> (&str, Option<u16>) {
    // More than one colon without brackets is an IPv6 address.
    let brackets = entry.starts_with('[');
    if !brackets && entry.matches(':').count() > 1 {
        return (entry, None);
    }
    match entry.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

fn contains(network: IpAddr, bits: u32, address: IpAddr) -> bool {
    let same = |a: u128, b: u128, width: u32| bits <= width && (bits == 0 || (a ^ b) >> (width - bits) == 0);
    match (network, address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same(u32::from(a).into(), u32::from(b).into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => same(a.into(), b.into(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(url: &str, pairs: &[(&str, &str)]) -> Option<String> {
        let proxies = Proxies::read(&Env::fake(pairs.iter().copied())).unwrap();
        proxies.of_url(&url.parse().unwrap()).map(ToString::to_string)
    }

    #[test]
    fn no_proxy_is_read_as_go_reads_it() {
        for (host, port, no_proxy, exempt) in [
            ("api.example.com", 443, "", false),
            ("api.example.com", 443, "*", true),
            ("api.example.com", 443, "example.com", true),
            ("api.example.com", 443, ".example.com", true),
            ("api.example.com", 443, "*.example.com", true),
            ("example.com", 443, "example.com", true),
            ("example.com", 443, ".example.com", false),
            ("example.com", 443, "*.example.com", false),
            ("notexample.com", 443, "example.com", false),
            ("API.Example.com", 443, "api.EXAMPLE.com", true),
            ("api.example.com.", 443, "api.example.com", true),
            ("api.example.com", 443, "api", false),
            ("api.example.com", 443, "a,,b, example.com ,", true),
            ("api.example.com", 443, ",", false),
            ("api.example.com", 6443, "example.com:6443", true),
            ("api.example.com", 6443, "example.com:443", false),
            ("api.example.com", 443, "http://example.com", false),
            ("10.1.2.3", 6443, "10.1.2.3", true),
            ("10.1.2.3", 6443, "10.1.2.4", false),
            ("10.1.2.3", 6443, "10.1.2.3:6443", true),
            ("10.1.2.3", 6443, "10.1.2.3:443", false),
            ("10.1.2.3", 6443, "10.0.0.0/8", true),
            ("11.1.2.3", 6443, "10.0.0.0/8", false),
            ("10.1.2.3", 6443, "0.0.0.0/0", true),
            ("10.1.2.3", 6443, "10.0.0.0/99", false),
            ("10.1.2.3", 6443, "10.0.0.0/x", false),
            ("api.example.com", 443, "10.0.0.0/8", false),
            ("fd00::1", 6443, "fd00::/8", true),
            ("fd00::1", 6443, "fd00::1", true),
            ("fd00::1", 6443, "[fd00::1]:6443", true),
            ("fd00::1", 6443, "[fd00::1]:443", false),
            ("localhost", 6443, "", true),
            ("127.0.0.1", 6443, "", true),
            ("::1", 6443, "", true),
        ] {
            assert_eq!(is_exempt(host, port, no_proxy), exempt, "{host}:{port} with {no_proxy:?}");
        }
    }

    #[test]
    fn the_host_decides_and_not_the_proxys_own_name() {
        let proxy = ("HTTPS_PROXY", "http://proxy.corp:3128");
        assert_eq!(chosen("https://api.example.com", &[proxy]).as_deref(), Some("proxy.corp:3128"));
        assert!(chosen("https://api.example.com", &[proxy, ("NO_PROXY", "proxy.corp")]).is_some());
        assert_eq!(chosen("https://api.example.com", &[proxy, ("NO_PROXY", "api.example.com")]), None);
        assert_eq!(chosen("http://api.example.com", &[proxy]), None);
        assert_eq!(
            chosen("https://api.example.com", &[("https_proxy", "proxy:1"), ("no_proxy", "x")]).as_deref(),
            Some("proxy:1")
        );
    }

    #[test]
    fn what_is_on_this_machine_stays_on_it() {
        let proxies = [("HTTP_PROXY", "http://proxy:1"), ("HTTPS_PROXY", "http://proxy:1")];
        for url in ["http://127.0.0.1:8080", "http://localhost:1", "https://[::1]:1", "http://127.9.9.9"] {
            assert_eq!(chosen(url, &proxies), None, "{url}");
        }
    }

    #[test]
    fn a_bad_proxy_is_named_without_its_password() {
        for text in ["ftp://me:hunter2@own", "http://me:hunter2@b ad:1", "::::x"] {
            let error = Proxies::read(&Env::fake([("https_proxy", text)])).unwrap_err().to_string();
            assert!(error.contains("https_proxy") && !error.contains("hunter2"), "{error}");
        }
        let proxy = Proxy::parse("http://me:hunter2@own:3128", "x").unwrap();
        assert_eq!(format!("{proxy:?} {proxy}"), "Proxy(own:3128) own:3128");
    }
}
