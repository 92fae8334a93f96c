//! Through which proxy the API server is reached: the kubeconfig's own, else the environment's.

use http::Uri;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::proxies::{Proxies, Proxy, ProxyError};

use crate::error::Error;

/// The proxy for `server`, if one is to be used.
pub(super) fn choose(server: &Uri, of_cluster: Option<&str>, env: &Env) -> Result<Option<Uri>, Error> {
    let wrong = |error: ProxyError| Error::usage(error.to_string()).hint(ProxyError::HINT);
    if let Some(text) = of_cluster.filter(|text| !text.is_empty()) {
        return uri(&Proxy::parse(text, "proxy-url of the cluster").map_err(wrong)?).map(Some);
    }
    let scheme = server.scheme_str().unwrap_or("https");
    let port = server.port_u16().unwrap_or(if scheme == "http" { 80 } else { 443 });
    let proxies = Proxies::read(env).map_err(wrong)?;
    proxies.of(scheme, server.host().unwrap_or_default(), port).map(uri).transpose()
}

fn uri(proxy: &Proxy) -> Result<Uri, Error> {
    let parsed = proxy.expose().as_str().parse();
    parsed.map_err(|_| Error::usage(format!("the proxy {proxy} is not an address")).hint(ProxyError::HINT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kubeconfigs_proxy_wins_over_the_environments() {
        let server: Uri = "https://api".parse().unwrap();
        let env = Env::fake([("HTTPS_PROXY", "http://other:1"), ("NO_PROXY", "*")]);
        let own = choose(&server, Some("socks5://own:1080"), &env).unwrap().unwrap();
        assert_eq!(own.host(), Some("own"));
        assert_eq!(choose(&server, None, &env).unwrap(), None);
        let error = choose(&server, Some("ftp://me:hunter2@own"), &env).unwrap_err().to_string();
        assert!(error.contains("proxy-url") && !error.contains("hunter2"), "{error}");
    }
}
