//! What to do when the API server asks for patience: it is asked again when it says so, a few times.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{Request, Response, StatusCode};
use kube::client::Body;
use tower::BoxError;
use tower::retry::Policy;

/// How often a request is sent again.
const TIMES: u8 = 4;
/// The longest wait that is worth it; kubectl's users would have stopped us by then.
const LONGEST: Duration = Duration::from_secs(10);

/// Waits as `Retry-After` says after 429, and after 503 that carries it; the API server has done nothing then.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience {
    tries: u8,
}

impl<R> Policy<Request<Body>, Response<R>, BoxError> for Patience {
    type Future = tokio::time::Sleep;

    fn retry(
        &mut self,
        _: &mut Request<Body>,
        result: &mut Result<Response<R>, BoxError>,
    ) -> Option<Self::Future> {
        let wait = asked_for(result.as_ref().ok()?).filter(|wait| *wait <= LONGEST && self.tries < TIMES)?;
        self.tries += 1;
        Some(tokio::time::sleep(wait))
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        let mut copy = Request::builder()
            .method(request.method().clone())
            .uri(request.uri().clone())
            .version(request.version())
            .body(request.body().try_clone()?)
            .ok()?;
        copy.headers_mut().clone_from(request.headers());
        copy.extensions_mut().clone_from(request.extensions());
        Some(copy)
    }
}

/// How long the server asks to wait; one second when it is throttling and does not say.
fn asked_for<R>(answer: &Response<R>) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    match (answer.status(), seconds) {
        (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, Some(seconds)) => {
            Some(Duration::from_secs(seconds))
        }
        (StatusCode::TOO_MANY_REQUESTS, None) => Some(Duration::from_secs(1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(status: u16, after: Option<&str>) -> Option<u64> {
        let mut answer = Response::builder().status(status);
        if let Some(after) = after {
            answer = answer.header(RETRY_AFTER, after);
        }
        asked_for(&answer.body(()).unwrap()).map(|wait| wait.as_secs())
    }

    #[test]
    fn only_a_server_that_asks_for_patience_gets_it() {
        assert_eq!(wait(429, Some("3")), Some(3));
        assert_eq!(wait(429, None), Some(1));
        assert_eq!(wait(503, Some("2")), Some(2));
        for (status, after) in [(503, None), (500, Some("1")), (403, Some("1")), (200, None)] {
            assert_eq!(wait(status, after), None, "{status}");
        }
    }

    #[tokio::test]
    async fn patience_ends() {
        let mut policy = Patience::default();
        let mut request = Request::new(Body::empty());
        let mut told = |after: &str| {
            let answer = Response::builder().status(429).header(RETRY_AFTER, after).body(()).unwrap();
            policy.retry(&mut request, &mut Ok(answer)).is_some()
        };
        assert!(!told("3600"), "nobody waits for an hour");
        assert_eq!((0..6).filter(|_| told("1")).count(), usize::from(TIMES));
    }
}
