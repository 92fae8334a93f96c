//! From flags and files to a client.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use http::header::{HeaderValue, USER_AGENT};
use jiff::Timestamp;
use kube::client::ClientBuilder;
use kube::config::{AuthInfo, Cluster};
use kube::{Client, Config};
use rrsa_shared::env_vars;
use rrsa_shared::ports::clock::Clock;
use rrsa_shared::ports::env::Env;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tower::buffer::BufferLayer;
use tower::retry::RetryLayer;
use tower::timeout::TimeoutLayer;
use tower::util::option_layer;

use super::flags::{KubeFlags, without_user};
use super::kubeconfig::{Resolved, resolve};
use super::throttle::Patience;
use super::trace::TraceLayer;
use super::{exec_plugin, proxy};
use crate::cli;
use crate::error::Error;

/// Requests that may wait for the client at once.
const IN_FLIGHT: usize = 256;
/// Time for one answer, when --request-timeout does not say otherwise.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Where a pod finds its own namespace and token.
const IN_CLUSTER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// A client, and what it was made of.
#[derive(Clone)]
pub struct KubeContext {
    /// The client. One answer takes no longer than the request timeout; only a server that throttles is asked again.
    pub client: Client,
    /// The namespace commands work in.
    pub namespace: String,
    /// Address of the API server.
    pub server: String,
    /// Host and port of the proxy on the way to it, if there is one.
    pub proxy: Option<String>,
    /// Name of the kubeconfig user, if there is one.
    pub user: Option<String>,
    /// Where the configuration comes from.
    pub source: Source,
    /// The options by which it was chosen, as words of a shell.
    pub chosen_by: String,
}

/// Where a configuration comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// These files, in order.
    Kubeconfig(Vec<PathBuf>),
    /// The pod we run in.
    InCluster,
}

/// Decides as kubectl would where to connect and as whom; runs an exec plugin at most once.
///
/// # Errors
/// Usage errors for what is written wrong; an exec plugin that failed, in its own words.
pub async fn connect(flags: &KubeFlags, env: &Env) -> Result<KubeContext, Error> {
    match resolve(flags, env)? {
        Some(resolved) => from_kubeconfig(flags, env, resolved, Clock::real().now()).await,
        None => in_cluster(flags, env),
    }
}

async fn from_kubeconfig(
    flags: &KubeFlags,
    env: &Env,
    resolved: Resolved,
    now: Timestamp,
) -> Result<KubeContext, Error> {
    let Resolved { files, context, cluster_name, user_name, namespace, cluster, mut user } = resolved;
    let server = cluster.server.clone().filter(|server| !server.is_empty()).ok_or_else(|| {
        let cluster = cluster_name.or(context).unwrap_or_else(|| "the context".to_owned());
        Error::usage(format!("no server is set for {cluster}"))
            .hint("kubectl config view shows what is; --server names one")
    })?;
    let absolute = if server.contains("://") { server.clone() } else { format!("https://{server}") };
    let uri: http::Uri = absolute.parse().map_err(|error| {
        Error::usage(format!("the server \"{}\" is not an address", without_user(&server))).caused_by(error)
    })?;
    let mut config = Config::new(uri.clone());
    // Over plain http nothing secret is sent, so no plugin is run for it; kubectl does the same. Whom to impersonate
    // is no secret.
    config.auth_info = if uri.scheme_str() == Some("http") {
        AuthInfo {
            impersonate: user.impersonate,
            impersonate_uid: user.impersonate_uid,
            impersonate_groups: user.impersonate_groups,
            impersonate_user_extra: user.impersonate_user_extra,
            ..AuthInfo::default()
        }
    } else {
        exec_plugin::log_in(&mut user, &cluster, env, now, flags.request_timeout).await?;
        user
    };
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.tls_server_name = cluster.tls_server_name.clone();
    config.root_cert = authority(&cluster)?;
    config.proxy_url = proxy::choose(&uri, cluster.proxy_url.as_deref(), env)?;
    let namespace = flags.namespace.clone().or(namespace).unwrap_or_else(|| "default".to_owned());
    finish(flags, config, namespace, without_user(&absolute), user_name, Source::Kubeconfig(files))
}

fn in_cluster(flags: &KubeFlags, env: &Env) -> Result<KubeContext, Error> {
    let token = Path::new(IN_CLUSTER).join("token");
    let host = env.var(env_vars::KUBERNETES_SERVICE_HOST).filter(|_| token.exists());
    let Some(host) = host else {
        return Err(Error::usage("no cluster to connect to").caused_by(
            "neither --kubeconfig, nor KUBECONFIG, nor ~/.kube/config names an existing file, and this is no pod",
        )
        .hint("name a file with --kubeconfig FILE"));
    };
    let port = env.var(env_vars::KUBERNETES_SERVICE_PORT).unwrap_or_else(|| "443".to_owned());
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let server = format!("https://{host}:{port}");
    let uri = server.parse().map_err(|error| {
        Error::usage(format!("the pod's API server \"{server}\" is not an address")).caused_by(error)
    })?;
    let mut config = Config::new(uri);
    config.auth_info.token_file = Some(token.to_string_lossy().into_owned());
    let cluster =
        Cluster { certificate_authority: Some(format!("{IN_CLUSTER}/ca.crt")), ..Cluster::default() };
    config.root_cert = authority(&cluster)?;
    config.auth_info.impersonate.clone_from(&flags.as_user);
    config.auth_info.impersonate_uid.clone_from(&flags.as_uid);
    config.auth_info.impersonate_groups = Some(flags.as_group.clone()).filter(|groups| !groups.is_empty());
    let own =
        std::fs::read_to_string(format!("{IN_CLUSTER}/namespace")).ok().map(|text| text.trim().to_owned());
    let namespace = flags.namespace.clone().or(own).unwrap_or_else(|| "default".to_owned());
    finish(flags, config, namespace, server, None, Source::InCluster)
}

fn finish(
    flags: &KubeFlags,
    mut config: Config,
    namespace: String,
    server: String,
    user: Option<String>,
    source: Source,
) -> Result<KubeContext, Error> {
    let proxy = config.proxy_url.as_ref().and_then(http::Uri::authority).map(|authority| {
        authority
            .port()
            .map_or_else(|| authority.host().to_owned(), |port| format!("{}:{port}", authority.host()))
    });
    let limit = flags.request_timeout.unwrap_or(REQUEST_TIMEOUT);
    let limit = Some(limit).filter(|limit| !limit.is_zero());
    config.default_retry = false;
    config.default_namespace.clone_from(&namespace);
    config.connect_timeout = Some(limit.map_or(CONNECT_TIMEOUT, |limit| limit.min(CONNECT_TIMEOUT)));
    // The layer bounds the wait for an answer to begin, the read timeout each silence within one.
    config.read_timeout = limit;
    config
        .headers
        .push((USER_AGENT, HeaderValue::from_static(concat!("kubectl-rrsa/", env!("CARGO_PKG_VERSION")))));
    let unusable = |error: kube::Error| {
        Error::usage("the credentials or certificates of the kubeconfig cannot be used").caused_by(error)
    };
    let builder = ClientBuilder::try_from(config).map_err(unusable)?;
    let trace = option_layer(flags.verbose.unwrap_or(false).then_some(TraceLayer(cli::say)));
    let limit = option_layer(limit.map(TimeoutLayer::new));
    // Each try has its own time and its own line of -v.
    let client = builder
        .with_layer(&limit)
        .with_layer(&trace)
        .with_layer(&BufferLayer::new(IN_FLIGHT))
        .with_layer(&RetryLayer::new(Patience::default()))
        .build();
    Ok(KubeContext { client, namespace, server, proxy, user, source, chosen_by: flags.chosen() })
}

/// The certificates of the cluster's authority; `None` leaves it to the machine's own.
fn authority(cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, Error> {
    let unusable = |place: &str| Error::usage(format!("{place} holds no certificate authority in PEM"));
    let (place, pem) = match (&cluster.certificate_authority_data, &cluster.certificate_authority) {
        (Some(data), _) => {
            let place = "certificate-authority-data of the cluster".to_owned();
            let pem = base64::engine::general_purpose::STANDARD
                .decode(data.trim())
                .map_err(|error| unusable(&place).caused_by(error))?;
            (place, pem)
        }
        (None, Some(path)) => {
            let pem = std::fs::read(path).map_err(|error| {
                Error::usage(format!("the certificate authority {path} cannot be read")).caused_by(error)
            })?;
            (path.clone(), pem)
        }
        (None, None) => return Ok(None),
    };
    let certificates: Vec<Vec<u8>> = CertificateDer::pem_slice_iter(&pem)
        .map(|certificate| certificate.map(|der| der.to_vec()))
        .collect::<Result<_, _>>()
        .map_err(|error| unusable(&place).caused_by(error))?;
    if certificates.is_empty() { Err(unusable(&place)) } else { Ok(Some(certificates)) }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::explain;
    use super::*;

    /// Answers every request with `answer`, or never when there is none; counts them and keeps the last.
    fn server(answer: Option<&'static str>) -> (String, Arc<AtomicUsize>, Arc<std::sync::Mutex<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (count, last) = (Arc::new(AtomicUsize::new(0)), Arc::new(std::sync::Mutex::new(String::new())));
        let (counted, kept) = (count.clone(), last.clone());
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for mut stream in listener.incoming().flatten() {
                let mut buffer = [0; 4096];
                let read = stream.read(&mut buffer).unwrap_or(0);
                *kept.lock().unwrap() = String::from_utf8_lossy(&buffer[..read]).into_owned();
                counted.fetch_add(1, Ordering::SeqCst);
                match answer {
                    Some(answer) => drop(stream.write_all(answer.as_bytes())),
                    None => open.push(stream),
                }
            }
        });
        (url, count, last)
    }

    async fn to(url: &str, timeout: Duration) -> KubeContext {
        let flags = KubeFlags {
            server: Some(url.to_owned()),
            request_timeout: Some(timeout),
            token: Some("hunter2".into()),
            ..KubeFlags::default()
        };
        connect(&flags, &Env::fake([("HOME", "/nowhere"), ("KUBERC", "off")])).await.unwrap()
    }

    #[tokio::test]
    async fn a_server_that_is_always_busy_is_asked_once() {
        let busy = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let (url, count, _) = server(Some(busy));
        let kube = to(&url, Duration::from_secs(20)).await;
        let error = kube.client.apiserver_version().await.unwrap_err();
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert!(explain(error, &kube).to_string().contains("503"));
    }

    #[tokio::test]
    async fn a_server_that_never_answers_is_left_at_the_request_timeout() {
        let (url, ..) = server(None);
        let kube = to(&url, Duration::from_millis(300)).await;
        let clock = Clock::real();
        let error = kube.client.apiserver_version().await.unwrap_err();
        assert!(clock.elapsed() < Duration::from_secs(10), "{:?}", clock.elapsed());
        let shown = explain(error, &kube).to_string();
        assert!(shown.contains("did not answer in time") && shown.contains(&url), "{shown}");
    }

    #[tokio::test]
    async fn a_port_nobody_listens_on_is_told_as_that() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let kube = to(&format!("http://{free}"), Duration::from_secs(5)).await;
        let error = kube.client.apiserver_version().await.unwrap_err();
        assert!(explain(error, &kube).to_string().contains("nothing listens there"));
    }

    #[tokio::test]
    async fn a_request_names_this_program_and_no_secret_leaves_over_plain_http() {
        let version = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        let (url, _, last) = server(Some(version));
        let kube = to(&url, Duration::from_secs(5)).await;
        let _ = kube.client.apiserver_version().await;
        let sent = last.lock().unwrap().to_lowercase();
        assert!(sent.contains("user-agent: kubectl-rrsa/"), "{sent}");
        assert!(!sent.contains("authorization") && !sent.contains("hunter2"), "{sent}");
    }

    #[tokio::test]
    async fn without_any_configuration_the_error_says_where_was_looked() {
        let error = connect(&KubeFlags::default(), &Env::fake([("HOME", "/nowhere")])).await.err().unwrap();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("KUBECONFIG"), "{error}");
    }
}
