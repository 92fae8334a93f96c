//! The sandbox within a process: started, asked, stopped.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use rustls::ServerConfig;
use serde_json::Value;

use super::clock::Clock;
use super::cloud::Cloud;
use super::cluster::{Cluster, ManifestError};
use super::control::{self, Controls};
use super::folder::Folder;
use super::issuer::Issuer;
use super::kubeconfig::{kubeconfig, user_kubeconfig};
use super::listeners::Listeners;
use super::minted::Minted;
use super::tls::Ca;
use super::variables::{Addresses, variables};
use super::world::{Jwks, World};

/// A file of Kubernetes objects.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// What errors call it: its path.
    pub file: String,
    /// Its YAML documents.
    pub yaml: String,
}

impl Manifest {
    /// The demo workload of the RRSA guide: namespace `rrsa-demo`, ServiceAccount `demo-sa`, pod `demo`.
    #[must_use]
    pub fn demo() -> Self {
        let yaml = include_str!("../../manifests/rrsa-demo.yaml").to_owned();
        Self { file: "rrsa-demo.yaml".to_owned(), yaml }
    }
}

/// What a sandbox plays.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// The world; [`World::default`] makes the demo healthy.
    pub world: World,
    /// What is loaded into the cluster, in order; the demo by default.
    pub manifests: Vec<Manifest>,
    /// Where every secret that is given out is recorded; several sandboxes may share one.
    pub minted: Minted,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self { world: World::default(), manifests: vec![Manifest::demo()], minted: Minted::new() }
    }
}

/// Why the sandbox does not start.
#[derive(Debug)]
pub enum StartError {
    /// A manifest could not be loaded.
    Manifest(ManifestError),
    /// A port could not be had, or a file not be written.
    System(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest(error) => write!(formatter, "a manifest could not be loaded: {error}"),
            Self::System(error) => write!(formatter, "the sandbox could not be set up: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<ManifestError> for StartError {
    fn from(error: ManifestError) -> Self {
        Self::Manifest(error)
    }
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// What the issuers' documents are served with: a certificate that is trusted, unless the world says otherwise.
fn issuer_site(world: &World, ca: &Ca) -> (Arc<ServerConfig>, String) {
    let own = world.oidc_providers.iter().find(|provider| provider.issuer == world.issuer);
    match own.map(|provider| provider.jwks) {
        Some(Jwks::UntrustedCertificate) => Ca::generate().server(),
        _ => ca.server(),
    }
}

/// What both halves have in common.
struct Shared {
    clock: Clock,
    minted: Minted,
}

/// A running sandbox: its ports and files are gone when it is dropped.
pub struct Sandbox {
    clock: Clock,
    minted: Minted,
    cloud: Arc<Cloud>,
    cluster: Option<Arc<Cluster>>,
    api_server: Option<String>,
    cloud_endpoint: String,
    plain_endpoint: String,
    kubeconfig: String,
    variables: Vec<(String, String)>,
    folder: Folder,
    listeners: Listeners,
    own_folder: Option<tempfile::TempDir>,
}

impl Sandbox {
    /// Starts both halves, with their files in a temporary folder.
    ///
    /// # Errors
    /// A manifest cannot be loaded, or the system refuses a port or a file.
    pub async fn start(options: SandboxOptions) -> Result<Self, StartError> {
        let folder = tempfile::Builder::new().prefix("rrsa-sandbox-").tempdir()?;
        let mut sandbox = Self::start_in(folder.path(), options).await?;
        sandbox.own_folder = Some(folder);
        Ok(sandbox)
    }

    /// Starts both halves, with `kubeconfig` and `ca.crt` in the folder `dir`.
    ///
    /// # Errors
    /// As [`Sandbox::start`].
    pub async fn start_in(dir: &Path, options: SandboxOptions) -> Result<Self, StartError> {
        let SandboxOptions { world, manifests, minted } = options;
        let (clock, ca) = (Clock::new(world.clock_offset_seconds), Ca::generate());
        let issuer = Issuer::generate(world.issuer.clone());
        let keys = HashMap::from([(world.issuer.clone(), issuer.jwks())]);
        let cloud = Cloud::with_minted(&world, clock.clone(), keys, minted.clone());
        let cluster = Cluster::new(&world, clock.clone(), issuer, minted.clone(), ca.ca_pem());
        let ram = cloud.clone();
        cluster.trust(Box::new(move |bearer| ram.signer(bearer)));
        for manifest in &manifests {
            cluster.load(&manifest.file, &manifest.yaml)?;
        }
        let site = issuer_site(&world, &ca);
        Ok(Self::open(dir, ca, site, Shared { clock, minted }, cloud, Some(cluster)).await?)
    }

    /// Starts the cloud half alone, with `ca.crt` in the folder `dir`. `keys` holds the key set of each issuer
    /// whose tokens STS can verify.
    ///
    /// # Errors
    /// The system refuses a port or a file.
    pub async fn start_cloud(
        dir: &Path,
        world: &World,
        minted: Minted,
        keys: HashMap<String, Value>,
    ) -> Result<Self, StartError> {
        let shared = Shared { clock: Clock::new(world.clock_offset_seconds), minted };
        let cloud = Cloud::with_minted(world, shared.clock.clone(), keys, shared.minted.clone());
        let ca = Ca::generate();
        let site = issuer_site(world, &ca);
        Ok(Self::open(dir, ca, site, shared, cloud, None).await?)
    }

    async fn open(
        dir: &Path,
        ca: Ca,
        (site, fingerprint): (Arc<ServerConfig>, String),
        shared: Shared,
        cloud: Arc<Cloud>,
        cluster: Option<Arc<Cluster>>,
    ) -> io::Result<Self> {
        let mut folder = Folder::open(dir)?;
        let mut listeners = Listeners::new();
        let tls = ca.server_config();
        let url = |address| format!("https://{address}");
        let cloud_endpoint = url(listeners.add(cloud.router(), Some(tls.clone())).await?);
        let issuers = url(listeners.add(cloud.published(fingerprint), Some(site)).await?);
        let Shared { clock, minted } = shared;
        let controls = Controls {
            clock: clock.clone(),
            minted: minted.clone(),
            cloud: cloud.clone(),
            cluster: cluster.clone(),
        };
        let plain =
            Router::new().nest("/sandbox", control::router(controls)).fallback_service(cloud.router());
        let plain_endpoint = format!("http://{}", listeners.add(plain, None).await?);
        let ca_file = folder.write("ca.crt", ca.ca_pem())?;
        let (mut api_server, mut text, mut file) = (None, String::new(), None);
        if let Some(cluster) = &cluster {
            let server = url(listeners.add(cluster.router(), Some(ca.api_server_config())).await?);
            text = kubeconfig(&server, ca.ca_pem(), &cluster.users());
            file = Some(folder.write("kubeconfig", &text)?);
            api_server = Some(server);
        }
        // Where the cloud half stands alone it does not know the API server, which has to trust its authority.
        let server = api_server.clone().unwrap_or_else(|| "https://kubernetes.default.svc".to_owned());
        let (ca_pem, record) = (ca.ca_pem().to_owned(), minted.clone());
        cloud.hand_out(Box::new(move |user, end, private| {
            let certificate = ca.client(user, "system:users", end);
            // A line of it tells the whole, however its line ends are written.
            certificate.1.lines().filter(|line| !line.starts_with('-')).for_each(|line| record.record(line));
            // Both addresses are this machine's; the private one is told by its name.
            let server = if private { server.replace("127.0.0.1", "localhost") } else { server.clone() };
            user_kubeconfig(&server, &ca_pem, user, &certificate)
        }));
        let variables = variables(&Addresses {
            cloud: &cloud_endpoint,
            plain: &plain_endpoint,
            issuers: &issuers,
            folder: folder.path(),
            kubeconfig: file.as_deref(),
            ca: &ca_file,
        });
        if let Some(cluster) = &cluster {
            cluster.surround(&variables);
        }
        Ok(Self {
            clock,
            minted,
            cloud,
            cluster,
            api_server,
            cloud_endpoint,
            plain_endpoint,
            kubeconfig: text,
            variables,
            folder,
            listeners,
            own_folder: None,
        })
    }

    /// The URL of the Kubernetes API, absent when the cloud half stands alone.
    #[must_use]
    pub fn api_server(&self) -> Option<&str> {
        self.api_server.as_deref()
    }

    /// The objects of a core resource in a namespace, as they are now; none when the cloud half stands alone.
    #[must_use]
    pub fn objects(&self, plural: &str, namespace: &str) -> Vec<Value> {
        self.cluster.as_ref().map(|cluster| cluster.objects(plural, namespace)).unwrap_or_default()
    }

    /// The URL of the cloud's APIs, https.
    #[must_use]
    pub fn cloud_endpoint(&self) -> &str {
        &self.cloud_endpoint
    }

    /// The URL of the instance metadata service, plain http. The control API is below its `/sandbox`.
    #[must_use]
    pub fn imds_endpoint(&self) -> &str {
        &self.plain_endpoint
    }

    /// The kubeconfig, empty when the cloud half stands alone. It holds tokens.
    #[must_use]
    pub fn kubeconfig(&self) -> &str {
        &self.kubeconfig
    }

    /// The file that holds the kubeconfig.
    #[must_use]
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.folder.file("kubeconfig")
    }

    /// The file that holds the certificate of the authority to trust, PEM.
    #[must_use]
    pub fn ca_path(&self) -> PathBuf {
        self.folder.file("ca.crt")
    }

    /// The environment variables for a program that shall find the sandbox.
    #[must_use]
    pub fn env(&self) -> Vec<(String, String)> {
        self.variables.clone()
    }

    /// The clock of both halves.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The cloud half.
    #[must_use]
    pub fn cloud(&self) -> &Arc<Cloud> {
        &self.cloud
    }

    /// The cluster half, absent when the cloud half stands alone.
    #[must_use]
    pub fn cluster(&self) -> Option<&Arc<Cluster>> {
        self.cluster.as_ref()
    }

    /// Every secret that the sandbox gave out.
    #[must_use]
    pub fn minted(&self) -> &Minted {
        &self.minted
    }

    /// Writes a file beside the others; it goes away with them.
    pub(super) fn write(&mut self, name: &str, text: &str) -> io::Result<PathBuf> {
        self.folder.write(name, text)
    }

    /// Stops listening, cuts what is open, and takes the files away.
    pub async fn stop(self) {
        self.listeners.stop().await;
        self.folder.clear();
    }
}
