//! `-v`: every request to the API server, in one line each, without headers and bodies.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tower::{Layer, Service};

use super::flags::without_user;

/// Wraps a client so that it tells what it asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct TraceLayer(pub(super) fn(&str));

/// A client that tells what it asks.
#[derive(Clone, Debug)]
pub(super) struct Trace<S> {
    inner: S,
    tell: fn(&str),
}

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;

    fn layer(&self, inner: S) -> Trace<S> {
        Trace { inner, tell: self.0 }
    }
}

impl<S, B, R> Service<http::Request<B>> for Trace<S>
where
    S: Service<http::Request<B>, Response = http::Response<R>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let address = without_user(&request.uri().to_string());
        let (asked, tell) = (format!("{} {address}", request.method()), self.tell);
        // Time for eyes only: nothing is decided by it.
        #[expect(clippy::disallowed_methods, reason = "how long a request took is shown and nothing else")]
        let start = Instant::now();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            let status = answer
                .as_ref()
                .map_or_else(|_| "no answer".to_owned(), |answer| answer.status().as_u16().to_string());
            tell(&format!("{asked} {status} {} ms", start.elapsed().as_millis()));
            answer
        })
    }
}
