//! The accept loop that both halves of the sandbox stand behind.

use std::sync::Arc;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// The certificate that the client of a connection has shown, DER; verified.
#[derive(Clone, Debug)]
pub struct PeerCertificate(pub Vec<u8>);

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
                        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                        let router = match shown {
                            Some(leaf) => router.layer(Extension(PeerCertificate(leaf.to_vec()))),
                            None => router,
                        };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::tls::Ca;
    use axum::routing::get;
    use rustls::RootCertStore;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, ServerName};
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;

    struct Running {
        address: SocketAddr,
        stop: watch::Sender<bool>,
        server: tokio::task::JoinHandle<()>,
    }

    async fn start(tls: Option<Arc<rustls::ServerConfig>>) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, shutdown) = watch::channel(false);
        let router = Router::new().route("/", get(|| async { "hello" }));
        Running { address, stop, server: tokio::spawn(serve(listener, router, tls, shutdown)) }
    }

    async fn fetch(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> String {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut text = String::new();
        // A server may leave out the TLS goodbye; what was read counts.
        let _ = stream.read_to_string(&mut text).await;
        text
    }

    fn trusting(ca: &Ca) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca.ca_pem().as_bytes()).unwrap()).unwrap();
        let config =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }

    #[tokio::test]
    async fn plain_connections_are_answered_until_the_shutdown() {
        let running = start(None).await;
        let text = fetch(TcpStream::connect(running.address).await.unwrap()).await;
        assert!(text.starts_with("HTTP/1.1 200 OK") && text.ends_with("hello"), "{text}");
        let idle = TcpStream::connect(running.address).await.unwrap();
        running.stop.send(true).unwrap();
        running.server.await.unwrap();
        drop(idle);
        assert!(TcpStream::connect(running.address).await.is_err());
    }

    #[tokio::test]
    async fn the_leaf_is_good_for_every_name_of_the_sandbox_and_no_other() {
        let ca = Ca::generate();
        let running = start(Some(ca.server_config())).await;
        for (name, is_good) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("::1", true),
            ("kubernetes.default.svc", true),
            ("sts.aliyuncs.com", false),
        ] {
            let stream = TcpStream::connect(running.address).await.unwrap();
            let server_name = ServerName::try_from(name).unwrap();
            match trusting(&ca).connect(server_name, stream).await {
                Ok(stream) => assert!(is_good && fetch(stream).await.ends_with("hello"), "{name}"),
                Err(error) => assert!(!is_good, "{name}: {error}"),
            }
        }
    }

    #[tokio::test]
    async fn nobody_trusts_the_leaf_of_another_authority() {
        let running = start(Some(Ca::generate().server_config())).await;
        let stream = TcpStream::connect(running.address).await.unwrap();
        let other = trusting(&Ca::generate());
        assert!(other.connect(ServerName::try_from("localhost").unwrap(), stream).await.is_err());
    }
}
