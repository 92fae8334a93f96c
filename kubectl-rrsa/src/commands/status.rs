//! `kubectl rrsa status`.

use crate::cli::{Cli, Machine, Outcome};
use crate::collect;
use crate::context;
use crate::error::{Error, exit};
use crate::live;
use crate::render::{self, Format, Style};

/// Show the cluster as an OIDC issuer: issuer, provider ARN, webhook, and where each was read from.
///
/// What your permissions hide is shown as ? with what it needs. When the API server does not tell its issuer,
/// a token is asked for (TokenRequest for the ServiceAccount `default` of the namespace), read and dropped.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Output format; text for eyes without it
    #[arg(short, long, value_enum)]
    pub output: Option<Format>,
}

/// Collects the cluster's facts and shows them.
///
/// # Errors
/// When the cluster cannot be reached, or an option is wrong.
pub async fn run(args: &Args, cli: &Cli, machine: &Machine) -> Result<Outcome, Error> {
    let cloud = cli.cloud.resolve(machine)?;
    let kube = context::connect(&cli.kube, &machine.env).await?;
    let now = machine.clock.now().as_second();
    let issuer = async || live::issuer(&kube.client, &kube.namespace, "default", now).await;
    let (mut facts, _) = collect::cluster(&kube.client, &cloud.issuers.site, &kube.server, issuer)
        .await
        .map_err(|error| context::explain(error, &kube))?;
    facts.cloud = collect::cloud_cluster(&cloud.account, &cloud.account.key().await, &facts.cluster_id).await;
    let text = match args.output {
        Some(format) => format.write(&facts)?,
        None => render::status(&facts, Style::for_stdout(&machine.env)),
    };
    Ok(Outcome { text, code: exit::HEALTHY })
}
