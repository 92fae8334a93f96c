//! HTTP: requests and responses as values, sent by reqwest or answered by a fake.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};

use super::proxies::Proxies;

/// The largest answer that is read, in bytes; nothing we ask for comes near it.
pub const MAX_BODY: usize = 1024 * 1024;

/// Methods in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are the methods of HTTP")]
pub enum Method {
    Get,
    Post,
    Put,
}

impl Method {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// A request. Header values and body may hold secrets, so `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Absolute URL with its query.
    pub url: String,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// Body, empty for none.
    pub body: Vec<u8>,
}

impl Request {
    /// A GET without headers.
    pub fn get(url: impl Into<String>) -> Self {
        Self { method: Method::Get, url: url.into(), headers: Vec::new(), body: Vec::new() }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("headers", &names)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}

/// A response of any status. The body may hold credentials, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Header names, lower-case, and values.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of header `name` (lower-case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish_non_exhaustive()
    }
}

/// Where on the way a request was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TransportFault {
    /// The host's name does not resolve.
    Dns,
    /// No connection: refused, unreachable, reset.
    Connect,
    /// The server's certificate was not accepted, or TLS failed otherwise.
    Tls,
    /// No connection or no answer in time.
    Timeout,
    /// The request could not be made: bad URL or bad client configuration.
    Request,
    /// The answer broke off, or was larger than [`MAX_BODY`].
    Body,
}

/// A request that got no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportError {
    /// Where it was lost.
    pub fault: TransportFault,
    /// The layer's own words; never a URL query or a body.
    pub message: String,
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.fault {
            TransportFault::Dns => "the host name does not resolve",
            TransportFault::Connect => "no connection",
            TransportFault::Tls => "TLS failed",
            TransportFault::Timeout => "no answer in time",
            TransportFault::Request => "the request could not be sent",
            TransportFault::Body => "the answer broke off",
        };
        write!(f, "{what}: {}", self.message)
    }
}

impl std::error::Error for TransportError {}

/// How the real client behaves.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Time to connect, TLS included.
    pub connect_timeout: Duration,
    /// Time for the whole request once it is begun.
    pub total_timeout: Duration,
    /// PEM certificates trusted besides the machine's own.
    pub extra_ca: Option<Vec<u8>>,
    /// Through which proxies.
    pub proxies: Proxies,
    /// Where each request is told in a line, without headers, body and query.
    pub trace: Option<fn(&str)>,
}

impl Default for HttpOptions {
    /// 5 s to connect and 10 s in all, the official SDKs' own figures.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(10),
            extra_ca: None,
            proxies: Proxies::none(),
            trace: None,
        }
    }
}

/// Sends requests. Follows no redirect.
#[derive(Clone, Debug)]
pub struct Http(Inner);

#[derive(Clone, Debug)]
enum Inner {
    Real(Box<Real>),
    Fake(Arc<Fake>),
}

#[derive(Clone, Debug)]
struct Real {
    client: reqwest::Client,
    proxies: Proxies,
    trace: Option<fn(&str)>,
}

#[derive(Debug)]
struct Fake {
    answers: Mutex<VecDeque<Result<Response, TransportError>>>,
    sent: Mutex<Vec<Request>>,
}

impl Http {
    /// A client on the machine's network.
    ///
    /// # Errors
    /// [`TransportFault::Request`] when `extra_ca` holds no certificate that can be read.
    pub fn real(options: &HttpOptions) -> Result<Self, TransportError> {
        let proxies = options.proxies.clone();
        let through = reqwest::Proxy::custom(move |url| Some(proxies.of_url(url)?.expose().clone()));
        let client = reqwest::Client::builder()
            .no_proxy()
            .proxy(through)
            .tls_backend_preconfigured(tls_config(options.extra_ca.as_deref())?)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(options.connect_timeout)
            .timeout(options.total_timeout)
            .user_agent(concat!("rrsa/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| lost(&error))?;
        let proxies = options.proxies.clone();
        Ok(Self(Inner::Real(Box::new(Real { client, proxies, trace: options.trace }))))
    }

    /// Answers requests with `answers`, in order, and keeps what was sent.
    #[must_use]
    pub fn fake(answers: impl IntoIterator<Item = Result<Response, TransportError>>) -> Self {
        let answers = Mutex::new(answers.into_iter().collect());
        Self(Inner::Fake(Arc::new(Fake { answers, sent: Mutex::default() })))
    }

    /// What a fake was sent so far; empty for the real client.
    #[must_use]
    pub fn sent(&self) -> Vec<Request> {
        match &self.0 {
            Inner::Real(..) => Vec::new(),
            Inner::Fake(fake) => fake.sent.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Sends one request.
    ///
    /// # Errors
    /// When no whole answer came back. A refusal by the server is an answer.
    pub async fn send(&self, request: Request) -> Result<Response, TransportError> {
        match &self.0 {
            Inner::Real(real) => {
                let Real { client, proxies, trace } = &**real;
                let asked = trace.map(|tell| (tell, told(&request)));
                let proxy = request.url.parse().ok().and_then(|url| proxies.of_url(&url));
                let answer = send(client, request).await;
                if let Some((tell, asked)) = asked {
                    let status = answer.as_ref().map_or_else(ToString::to_string, |a| a.status.to_string());
                    tell(&format!("{asked} {status}"));
                }
                answer.map_err(|error| match proxy {
                    Some(proxy) => TransportError {
                        message: format!("through proxy {proxy}: {}", error.message),
                        ..error
                    },
                    None => error,
                })
            }
            Inner::Fake(fake) => {
                fake.sent.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                let next = fake.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                next.unwrap_or_else(|| {
                    let message = "the fake has no answer left".to_owned();
                    Err(TransportError { fault: TransportFault::Connect, message })
                })
            }
        }
    }
}

/// Method and address of a request; of its query only the action, for the rest may sign or identify.
fn told(request: &Request) -> String {
    let (address, query) = request.url.split_once('?').unwrap_or((&request.url, ""));
    let action = query.split('&').find(|part| part.starts_with("Action="));
    let header = request.headers.iter().find(|(name, _)| name == "x-acs-action");
    let action = action.map(str::to_owned).or_else(|| Some(format!("Action={}", header?.1)));
    let action = action.map(|action| format!("?{action}")).unwrap_or_default();
    format!("{} {address}{action}", request.method.as_str())
}

async fn send(client: &reqwest::Client, request: Request) -> Result<Response, TransportError> {
    let method = match request.method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
    };
    let mut builder = client.request(method, &request.url).body(request.body);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    let mut answer = builder.send().await.map_err(|error| lost(&error))?;
    let status = answer.status().as_u16();
    let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = answer.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| lost(&error))? {
        if body.len() + chunk.len() > MAX_BODY {
            let message = format!("it is larger than {MAX_BODY} bytes");
            return Err(TransportError { fault: TransportFault::Body, message });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response { status, headers, body })
}

/// Sorts a reqwest error by its chain of causes; the URL is left out because it may carry what was asked.
fn lost(error: &reqwest::Error) -> TransportError {
    let mut tls = false;
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
        // rustls errors come wrapped in io errors, even in several, and `source` skips the wrapped value.
        let mut wrapped: &dyn std::error::Error = innermost;
        while let Some(inner) = wrapped.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            wrapped = inner;
        }
        tls |= wrapped.is::<rustls::Error>();
    }
    let fault = if error.is_timeout() {
        TransportFault::Timeout
    } else if tls {
        TransportFault::Tls
    } else if error.is_dns() {
        TransportFault::Dns
    } else if error.is_connect() {
        TransportFault::Connect
    } else if error.is_builder() {
        TransportFault::Request
    } else if error.is_body() || error.is_decode() {
        TransportFault::Body
    } else {
        TransportFault::Connect
    };
    TransportError { fault, message: innermost.to_string() }
}

/// How many certificates of authorities this machine trusts. An image without them trusts nobody.
#[must_use]
pub fn trusted_roots() -> usize {
    rustls_native_certs::load_native_certs().certs.len()
}

fn tls_config(extra_ca: Option<&[u8]>) -> Result<rustls::ClientConfig, TransportError> {
    let refuse = |message: String| TransportError { fault: TransportFault::Request, message };
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(pem) = extra_ca {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|error| refuse(format!("the CA file is not PEM: {error}")))?;
        let (added, _) = roots.add_parsable_certificates(certificates);
        if added == 0 {
            return Err(refuse("the CA file holds no certificate".to_owned()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refuse(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_a_request_shows_no_header_value_and_no_body() {
        let request = Request {
            method: Method::Post,
            url: "https://sts.aliyuncs.com/".to_owned(),
            headers: vec![("authorization".to_owned(), "hunter2".to_owned())],
            body: b"OIDCToken=hunter2".to_vec(),
        };
        assert!(!format!("{request:?}").contains("hunter2"));
    }

    #[test]
    fn a_request_is_told_without_what_signs_it() {
        let request =
            Request::get("https://sts/?AccessKeyId=hunter2&Action=GetCallerIdentity&Signature=hunter2");
        assert_eq!(told(&request), "GET https://sts/?Action=GetCallerIdentity");
    }

    #[test]
    fn a_ca_file_without_a_certificate_is_refused() {
        let options = HttpOptions { extra_ca: Some(b"nothing here".to_vec()), ..HttpOptions::default() };
        let error = Http::real(&options).unwrap_err();
        assert_eq!(error.fault, TransportFault::Request);
        assert!(error.message.contains("no certificate"), "{error}");
    }

    #[tokio::test]
    async fn a_port_nobody_listens_on_is_a_connect_fault() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let http = Http::real(&HttpOptions::default()).unwrap();
        let error = http.send(Request::get(format!("http://{free}/?OIDCToken=hunter2"))).await.unwrap_err();
        assert_eq!(error.fault, TransportFault::Connect);
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
