//! Sends a request until there is an answer worth having: jittered back-off for throttling, server trouble and
//! lost connections; no second try for a refusal.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::endpoint::Endpoint;
use super::fault::Fault;
use crate::ports::clock::Clock;
use crate::ports::http::{Http, Request, Response, TransportError, TransportFault};
use crate::ports::random::Random;
use crate::sts::AccessKey;

/// Time and nonce of one attempt. Each attempt has its own, so that a retry is not taken for a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When the attempt is made.
    pub time: Timestamp,
    /// 32 hexadecimal digits.
    pub nonce: String,
}

impl Stamp {
    /// The time as the APIs want it: `YYYY-MM-DDThh:mm:ssZ`.
    #[must_use]
    pub fn date(&self) -> String {
        crate::sign::date(self.time)
    }
}

/// How often and how long to try.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// Upper bound of the first wait; it doubles with each attempt, and each wait is a random part of its bound.
    pub first_wait: Duration,
    /// No attempt is begun later than this after the first.
    pub deadline: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 4, first_wait: Duration::from_millis(250), deadline: Duration::from_secs(15) }
    }
}

/// Why a call gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// The API refused.
    Fault(Box<Fault>),
    /// No answer.
    Transport(TransportError),
    /// An answer that the API does not give: a proxy's page, a redirect, a success without its fields.
    NotTheApi {
        /// HTTP status.
        status: u16,
        /// What is odd about it; never the body.
        reason: String,
    },
}

impl ApiError {
    /// The same without what signed the call, should the answer repeat it.
    #[must_use]
    pub fn without(self, key: &AccessKey) -> Self {
        match self {
            Self::Fault(fault) => {
                let secrets = [Some(&key.secret), key.security_token.as_ref()];
                let fault =
                    secrets.into_iter().flatten().fold(*fault, |f, secret| f.without(secret.expose()));
                Self::Fault(Box::new(fault))
            }
            other => other,
        }
    }

    /// Whether no answer that can be judged came back: the API had trouble, or is out of reach.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Fault(fault) => fault.is_retryable(),
            Self::Transport(error) => matches!(
                error.fault,
                TransportFault::Connect
                    | TransportFault::Timeout
                    | TransportFault::Body
                    | TransportFault::Dns
            ),
            Self::NotTheApi { status, .. } => matches!(status, 429 | 500 | 502 | 503 | 504),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::Transport(error) => error.fmt(f),
            Self::NotTheApi { status, reason } => write!(f, "HTTP {status}, but {reason}"),
        }
    }
}

impl std::error::Error for ApiError {}

/// A finished call.
#[derive(Clone, Debug)]
pub struct Call<T> {
    /// What came of it.
    pub result: Result<T, ApiError>,
    /// Attempts made.
    pub attempts: u32,
    /// Time from the first attempt to the last answer.
    pub took: Duration,
    /// Server's time minus ours in seconds, by the `Date` header of the last answer.
    pub clock_offset: Option<i64>,
}

/// One API of Alibaba Cloud, at one endpoint.
#[derive(Clone, Debug)]
pub struct ApiClient {
    /// Where it is.
    pub endpoint: Endpoint,
    /// The way there.
    pub http: Http,
    /// Time of day, and waits between attempts.
    pub clock: Clock,
    /// Nonces and jitter.
    pub random: Random,
    /// How often and how long to try.
    pub retry: RetryPolicy,
}

impl ApiClient {
    /// Sends what `request` makes of each attempt's stamp and reads the answer of HTTP 200 with `read`, which
    /// says what is missing when it cannot.
    pub async fn call<T>(
        &self,
        request: impl Fn(&Stamp) -> Request,
        read: impl Fn(&Response) -> Result<T, String>,
    ) -> Call<T> {
        let start = self.clock.elapsed();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let stamp = Stamp { time: self.clock.now(), nonce: self.random.nonce() };
            let answer = self.http.send(request(&stamp)).await;
            let clock_offset = answer.as_ref().ok().and_then(|answer| self.offset(answer));
            let result = answer.map_err(ApiError::Transport).and_then(|answer| judge(&answer, &read));
            let took = self.clock.elapsed().saturating_sub(start);
            let wait = self.retry.first_wait.saturating_mul(1 << (attempts - 1).min(16));
            let wait = wait.mul_f64(self.random.fraction());
            let again = result.as_ref().is_err_and(ApiError::is_retryable)
                && attempts < self.retry.attempts
                && took + wait < self.retry.deadline;
            if !again {
                return Call { result, attempts, took, clock_offset };
            }
            self.clock.sleep(wait).await;
        }
    }

    fn offset(&self, answer: &Response) -> Option<i64> {
        let date = rfc2822::DateTimeParser::new().parse_timestamp(answer.header("date")?).ok()?;
        Some(date.as_second() - self.clock.now().as_second())
    }
}

fn judge<T>(answer: &Response, read: impl Fn(&Response) -> Result<T, String>) -> Result<T, ApiError> {
    let odd = |reason: String| ApiError::NotTheApi { status: answer.status, reason };
    if answer.status == 200 {
        return read(answer).map_err(odd);
    }
    if let Some(fault) = Fault::read(answer) {
        return Err(ApiError::Fault(Box::new(fault)));
    }
    Err(odd(match answer.status {
        300..=399 => "it is a redirect, and those are not followed".to_owned(),
        407 => "it is a proxy that asks for credentials".to_owned(),
        _ => "it is not an answer of the API; a proxy or another server may have given it".to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(answers: Vec<Result<Response, TransportError>>) -> ApiClient {
        ApiClient {
            endpoint: Endpoint::official("sts.aliyuncs.com"),
            http: Http::fake(answers),
            clock: Clock::fake("2024-01-02T03:04:05Z".parse().unwrap()),
            random: Random::fake(7),
            retry: RetryPolicy::default(),
        }
    }

    fn answer(status: u16, body: &str) -> Result<Response, TransportError> {
        let headers = vec![("date".to_owned(), "Tue, 02 Jan 2024 03:05:05 GMT".to_owned())];
        Ok(Response { status, headers, body: body.as_bytes().to_vec() })
    }

    async fn call(client: &ApiClient) -> Call<()> {
        let request = |stamp: &Stamp| Request::get(format!("https://h/?n={}", stamp.nonce));
        client.call(request, |_| Ok(())).await
    }

    #[tokio::test]
    async fn throttling_server_trouble_and_lost_connections_are_tried_again_with_a_new_nonce() {
        let lost = TransportError { fault: TransportFault::Connect, message: "reset".to_owned() };
        let client = client(vec![
            answer(400, r#"{"Code":"Throttling.User"}"#),
            answer(502, "<html>"),
            Err(lost),
            answer(200, "{}"),
        ]);
        let call = call(&client).await;
        assert_eq!((call.result.is_ok(), call.attempts), (true, 4));
        assert!(call.took > Duration::ZERO && call.took < Duration::from_secs(2), "{:?}", call.took);
        let mut urls: Vec<_> = client.http.sent().into_iter().map(|request| request.url).collect();
        urls.dedup();
        assert_eq!(urls.len(), 4, "each attempt has a nonce of its own");
    }

    #[tokio::test]
    async fn a_refusal_is_final() {
        let client = client(vec![answer(401, r#"{"Code":"AuthenticationFail.NoPermission"}"#)]);
        let call = call(&client).await;
        assert_eq!(call.attempts, 1);
        assert!(matches!(call.result, Err(ApiError::Fault(_))));
        assert_eq!(call.clock_offset, Some(60));
    }

    #[tokio::test]
    async fn tries_end() {
        let busy = || answer(500, r#"{"Code":"InternalError"}"#);
        let patient = client(vec![busy(), busy(), busy(), busy(), busy()]);
        assert_eq!(call(&patient).await.attempts, RetryPolicy::default().attempts);
        let mut hasty = client(vec![busy(), busy()]);
        hasty.retry.deadline = Duration::ZERO;
        assert_eq!(call(&hasty).await.attempts, 1);
    }

    #[tokio::test]
    async fn a_redirect_or_a_page_is_not_the_api() {
        for status in [302, 403, 407] {
            let call = call(&client(vec![answer(status, "<html>")])).await;
            assert!(matches!(call.result, Err(ApiError::NotTheApi { .. })), "{status}");
        }
    }
}
