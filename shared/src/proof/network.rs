//! The way to STS, step by step: where a request would be lost, and how long each step takes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::api::Endpoint;
use crate::ports::clock::Clock;
use crate::ports::http::{Http, Request, TransportFault};
use crate::ports::net::Net;
use crate::ports::proxies::Proxies;

/// One step of the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step<T> {
    /// It was made.
    #[serde(rename_all = "camelCase")]
    Done {
        /// What came of it.
        value: T,
        /// Milliseconds.
        took_ms: u64,
    },
    /// It was not.
    #[serde(rename_all = "camelCase")]
    Failed {
        /// At which layer.
        fault: TransportFault,
        /// The layer's own words.
        why: String,
        /// Milliseconds.
        took_ms: u64,
    },
    /// It was not tried: why.
    Skipped(String),
}

impl<T> Step<T> {
    /// The layer and its words, when the step failed.
    #[must_use]
    pub fn failure(&self) -> Option<(TransportFault, &str)> {
        match self {
            Self::Failed { fault, why, .. } => Some((*fault, why)),
            _ => None,
        }
    }
}

/// The way to one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkFacts {
    /// The host, with its port where that is not the usual one.
    pub host: String,
    /// Host and port of the proxy that is used for it.
    pub proxy: Option<String>,
    /// The host's addresses.
    pub resolved: Step<Vec<String>>,
    /// The address that a connection was opened to.
    pub connected: Step<String>,
    /// The HTTP status of an answer: TLS is fine then.
    pub answered: Step<u16>,
    /// Certificates of authorities that the machine trusts.
    pub trusted_roots: usize,
}

/// What the steps are made with.
#[derive(Clone, Debug)]
pub struct Way<'a> {
    /// Names and connections.
    pub net: &'a Net,
    /// Requests, as the exchange sends them.
    pub http: &'a Http,
    /// The proxies that `http` uses.
    pub proxies: &'a Proxies,
    /// For how long each step takes.
    pub clock: &'a Clock,
}

impl Way<'_> {
    /// Goes the way to `endpoint`.
    pub async fn to(&self, endpoint: &Endpoint) -> NetworkFacts {
        let (host, port) = endpoint.host_and_port();
        let scheme = if endpoint.url("").starts_with("http://") { "http" } else { "https" };
        let proxy = self.proxies.of(scheme, &host, port).map(ToString::to_string);
        let (resolved, connected) = match &proxy {
            Some(proxy) => {
                let why = format!("proxy {proxy} does it");
                (Step::Skipped(why.clone()), Step::Skipped(why))
            }
            None => self.open(&host, port).await,
        };
        let answered = match (&resolved, &connected) {
            (Step::Failed { .. }, _) => Step::Skipped("the name does not resolve".to_owned()),
            (_, Step::Failed { .. }) => Step::Skipped("there is no connection".to_owned()),
            _ => {
                let start = self.clock.elapsed();
                match self.http.send(Request::get(endpoint.url("/"))).await {
                    Ok(answer) => Step::Done { value: answer.status, took_ms: self.since(start) },
                    Err(error) => {
                        Step::Failed { fault: error.fault, why: error.message, took_ms: self.since(start) }
                    }
                }
            }
        };
        let host = endpoint.host().to_owned();
        let trusted_roots = crate::ports::http::trusted_roots();
        NetworkFacts { host, proxy, resolved, connected, answered, trusted_roots }
    }

    async fn open(&self, host: &str, port: u16) -> (Step<Vec<String>>, Step<String>) {
        let start = self.clock.elapsed();
        let addresses = match self.net.resolve(host, port).await {
            Ok(addresses) if !addresses.is_empty() => addresses,
            result => {
                let why =
                    result.err().map_or_else(|| "it has no address".to_owned(), |error| error.to_string());
                let failed = Step::Failed { fault: TransportFault::Dns, why, took_ms: self.since(start) };
                return (failed, Step::Skipped("the name does not resolve".to_owned()));
            }
        };
        let shown = addresses.iter().map(|address| address.ip().to_string()).collect();
        let resolved = Step::Done { value: shown, took_ms: self.since(start) };
        let start = self.clock.elapsed();
        let mut lost = None;
        // A host may be reachable at its second address only; more than three is no news.
        for address in addresses.into_iter().take(3) {
            match self.net.connect(address).await {
                Ok(()) => {
                    let value = address.to_string();
                    return (resolved, Step::Done { value, took_ms: self.since(start) });
                }
                Err(error) => lost = Some((address, error)),
            }
        }
        let (fault, why) = match lost {
            Some((address, error)) if error.kind() == std::io::ErrorKind::TimedOut => {
                (TransportFault::Timeout, format!("no answer from {address}"))
            }
            Some((address, error)) => (TransportFault::Connect, format!("{address}: {error}")),
            None => (TransportFault::Connect, "no address".to_owned()),
        };
        (resolved, Step::Failed { fault, why, took_ms: self.since(start) })
    }

    fn since(&self, start: Duration) -> u64 {
        let took = self.clock.elapsed().saturating_sub(start);
        u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::ports::env::Env;
    use crate::ports::http::Response;

    async fn go(net: Net, proxies: Proxies) -> NetworkFacts {
        let http = Http::fake([Ok(Response { status: 400, headers: Vec::new(), body: Vec::new() })]);
        let way = Way { net: &net, http: &http, proxies: &proxies, clock: &Clock::real() };
        way.to(&Endpoint::official("sts.aliyuncs.com")).await
    }

    #[tokio::test]
    async fn the_step_at_which_a_host_is_lost_is_told() {
        let address = || Ok(vec!["192.0.2.1:443".parse().unwrap()]);
        let fine = go(Net::fake(address(), Ok(())), Proxies::none()).await;
        assert!(matches!(fine.answered, Step::Done { value: 400, .. }), "{fine:?}");
        let unnamed = go(Net::fake(Err(ErrorKind::NotFound), Ok(())), Proxies::none()).await;
        assert_eq!(unnamed.resolved.failure().unwrap().0, TransportFault::Dns);
        assert!(matches!(unnamed.answered, Step::Skipped(_)));
        let blocked = go(Net::fake(address(), Err(ErrorKind::TimedOut)), Proxies::none()).await;
        assert_eq!(blocked.connected.failure().unwrap().0, TransportFault::Timeout);
    }

    #[tokio::test]
    async fn a_proxy_looks_up_and_connects_itself() {
        let proxies = Proxies::read(&Env::fake([("HTTPS_PROXY", "http://me:hunter2@proxy:3128")])).unwrap();
        let through = go(Net::fake(Err(ErrorKind::NotFound), Ok(())), proxies).await;
        assert_eq!(through.proxy.as_deref(), Some("proxy:3128"));
        assert!(matches!(through.answered, Step::Done { .. }), "{through:?}");
    }
}
