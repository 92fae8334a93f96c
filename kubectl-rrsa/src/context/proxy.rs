//! Whether and through which proxy the API server is reached: the kubeconfig's own, else the environment's,
//! with `NO_PROXY` read as Go reads it.

use std::net::IpAddr;

use http::Uri;
use rrsa_shared::ports::env::Env;

use crate::error::Error;

/// The proxy for `server`, if one is to be used.
pub(super) fn choose(server: &Uri, of_cluster: Option<&str>, env: &Env) -> Result<Option<Uri>, Error> {
    if let Some(text) = of_cluster.filter(|text| !text.is_empty()) {
        return parse(text, "proxy-url of the cluster").map(Some);
    }
    let names = if server.scheme_str() == Some("http") {
        ["HTTP_PROXY", "http_proxy"]
    } else {
        ["HTTPS_PROXY", "https_proxy"]
    };
    let Some((name, text)) = names.iter().find_map(|name| Some((*name, env.var(name)?))) else {
        return Ok(None);
    };
    let no_proxy = env.var("NO_PROXY").or_else(|| env.var("no_proxy")).unwrap_or_default();
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']);
    let port = server.port_u16().unwrap_or(if server.scheme_str() == Some("http") { 80 } else { 443 });
    if is_exempt(host, port, &no_proxy) { Ok(None) } else { parse(&text, name).map(Some) }
}

fn parse(text: &str, place: &str) -> Result<Uri, Error> {
    let absolute = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    // The text may hold a password, so the error does not repeat it.
    let wrong = || {
        Error::usage(format!("the proxy in {place} is not an address"))
            .hint("write it as http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT")
    };
    let uri: Uri = absolute.parse().map_err(|_| wrong())?;
    let known = matches!(uri.scheme_str(), Some("http" | "https" | "socks5"));
    if known && uri.host().is_some_and(|host| !host.is_empty()) { Ok(uri) } else { Err(wrong()) }
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

    fn chosen(server: &str, pairs: &[(&str, &str)]) -> Option<String> {
        let server = server.parse().unwrap();
        choose(&server, None, &Env::fake(pairs.iter().copied())).unwrap().map(|uri| uri.to_string())
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
    fn the_api_server_decides_and_not_the_proxys_own_name() {
        let proxy = ("HTTPS_PROXY", "http://proxy.corp:3128");
        assert_eq!(chosen("https://api.example.com", &[proxy]).as_deref(), Some("http://proxy.corp:3128/"));
        assert!(chosen("https://api.example.com", &[proxy, ("NO_PROXY", "proxy.corp")]).is_some());
        assert_eq!(chosen("https://api.example.com", &[proxy, ("NO_PROXY", "api.example.com")]), None);
        assert_eq!(chosen("http://api.example.com", &[proxy]), None);
        assert_eq!(
            chosen("https://api.example.com", &[("https_proxy", "proxy:1"), ("no_proxy", "x")]).as_deref(),
            Some("http://proxy:1/")
        );
    }

    #[test]
    fn the_kubeconfigs_proxy_wins_and_a_bad_one_is_named_without_its_password() {
        let server: Uri = "https://api".parse().unwrap();
        let env = Env::fake([("HTTPS_PROXY", "http://other:1"), ("NO_PROXY", "*")]);
        let own = choose(&server, Some("socks5://own:1080"), &env).unwrap().unwrap();
        assert_eq!(own.host(), Some("own"));
        let error = choose(&server, Some("ftp://me:hunter2@own"), &env).unwrap_err().to_string();
        assert!(error.contains("proxy-url") && !error.contains("hunter2"), "{error}");
    }
}
