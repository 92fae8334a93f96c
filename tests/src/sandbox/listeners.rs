//! The loopback ports that the sandbox listens on.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::serve::serve;

/// Servers on ports of 127.0.0.1 that the system chose; they stop when this is dropped.
pub(super) struct Listeners {
    shutdown: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Listeners {
    /// None yet.
    pub(super) fn new() -> Self {
        Self { shutdown: watch::channel(false).0, tasks: Vec::new() }
    }

    /// Serves `router` on a port of its own, in TLS when `tls` is given.
    ///
    /// # Errors
    /// The system has no port to give.
    pub(super) async fn add(
        &mut self,
        router: Router,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        self.tasks.push(tokio::spawn(serve(listener, router, tls, self.shutdown.subscribe())));
        Ok(address)
    }

    /// Stops listening, and returns when the last connection is closed.
    pub(super) async fn stop(self) {
        self.shutdown.send_replace(true);
        for task in self.tasks {
            // A server that panicked has stopped as well.
            drop(task.await);
        }
    }
}
