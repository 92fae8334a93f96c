//! The accept loop that both halves of the sandbox stand behind.

use std::sync::Arc;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Serves `router` over HTTP/1.1 with upgrades, in TLS when `tls` is given, until `shutdown` turns true
/// or its sender is gone. Open connections are cut when it returns.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<Arc<rustls::ServerConfig>>,
    mut shutdown: watch::Receiver<bool>,
) {
    let acceptor = tls.map(TlsAcceptor::from);
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => return,
            Some(_) = connections.join_next() => continue,
            // Accepting fails for one connection only (reset before it was taken).
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => continue,
            },
        };
        let (router, acceptor) = (router.clone(), acceptor.clone());
        connections.spawn(async move {
            match acceptor {
                None => converse(stream, router).await,
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        converse(stream, router).await;
                    }
                }
            }
        });
    }
}

/// One connection to its end; a client that hangs up is no error of the server.
async fn converse(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, router: Router) {
    let service = TowerToHyperService::new(router);
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await);
}
