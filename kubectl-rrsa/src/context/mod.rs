//! TEMPORARY placeholder, to be overwritten.
use rrsa_shared::ports::env::Env;
use crate::error::Error;
#[derive(clap::Args, Clone, Debug)]
pub struct KubeFlags { #[arg(short, long, global = true)] pub namespace: Option<String>, #[arg(long, global = true)] pub context: Option<String> }
pub struct KubeContext { pub client: kube::Client, pub namespace: String, pub server: String }
pub async fn connect(flags: &KubeFlags, _env: &Env) -> Result<KubeContext, Error> {
    let config = kube::Config::infer().await.map_err(|e| Error::usage(e.to_string()))?;
    let server = config.cluster_url.to_string();
    let namespace = flags.namespace.clone().unwrap_or(config.default_namespace.clone());
    let client = kube::Client::try_from(config).map_err(|e| Error::usage(e.to_string()))?;
    Ok(KubeContext { client, namespace, server })
}
pub fn explain(error: kube::Error, _c: &KubeContext) -> Error { Error::could_not_tell("api").caused_by(error) }
