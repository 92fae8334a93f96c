//! Names and connections, for saying at which step a host is lost: the machine's network, or answers in tests.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::{CertificateDer, ServerName};

use super::certificates;

/// Time for one step.
const PATIENCE: Duration = Duration::from_secs(3);

/// Looks names up and opens connections.
#[derive(Clone, Debug)]
pub struct Net(Inner);

#[derive(Clone, Debug)]
enum Inner {
    Real,
    Fake(Arc<Fake>),
}

#[derive(Debug)]
struct Fake {
    addresses: Result<Vec<SocketAddr>, io::ErrorKind>,
    connects: Result<(), io::ErrorKind>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Net {
    /// The network of this machine.
    #[must_use]
    pub fn real() -> Self {
        Self(Inner::Real)
    }

    /// A network on which every name has these addresses, and every connection ends so.
    #[must_use]
    pub fn fake(
        addresses: Result<Vec<SocketAddr>, io::ErrorKind>,
        connects: Result<(), io::ErrorKind>,
    ) -> Self {
        Self(Inner::Fake(Arc::new(Fake { addresses, connects, certificates: Vec::new() })))
    }

    /// The addresses of a host.
    ///
    /// # Errors
    /// As the resolver words them; `TimedOut` after three seconds.
    pub async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match &self.0 {
            Inner::Real => {
                let found = patiently(tokio::net::lookup_host((host, port))).await?;
                Ok(found.collect())
            }
            Inner::Fake(fake) => fake.addresses.clone().map_err(io::Error::from),
        }
    }

    /// Opens a connection and closes it.
    ///
    /// # Errors
    /// As the system words them; `TimedOut` after three seconds.
    pub async fn connect(&self, address: SocketAddr) -> io::Result<()> {
        match &self.0 {
            Inner::Real => patiently(tokio::net::TcpStream::connect(address)).await.map(drop),
            Inner::Fake(fake) => fake.connects.map_err(io::Error::from),
        }
    }

    /// The certificates that a host shows, its own first, trusted or not; nothing is said to it.
    ///
    /// # Errors
    /// As the system or TLS word them; `TimedOut` after three seconds.
    pub async fn certificates(&self, host: &str, port: u16) -> io::Result<Vec<CertificateDer<'static>>> {
        match &self.0 {
            Inner::Real => {
                let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
                patiently(async {
                    let stream = tokio::net::TcpStream::connect((host, port)).await?;
                    certificates::shown(name, stream).await
                })
                .await
            }
            Inner::Fake(fake) => Ok(fake.certificates.clone()),
        }
    }
}

async fn patiently<T>(step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(PATIENCE, step).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
