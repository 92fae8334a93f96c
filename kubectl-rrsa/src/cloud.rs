//! How the cloud is reached: the options that say where its APIs are, and the clients made of them.

use std::path::PathBuf;

use clap::Args;
use rrsa_shared::api::{ApiClient, Endpoint, RetryPolicy};
use rrsa_shared::env_vars;
use rrsa_shared::ports::clock::Clock;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::Files;
use rrsa_shared::ports::http::{Http, HttpOptions};
use rrsa_shared::ports::random::Random;
use rrsa_shared::sts::{StsEndpointInputs, StsEndpointOrigin};

use crate::error::Error;

/// Options that say where Alibaba Cloud's APIs are.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Alibaba Cloud options")]
pub struct CloudFlags {
    /// STS host or URL [env: ALIBABA_CLOUD_STS_ENDPOINT]
    #[arg(long, global = true, value_name = "HOST")]
    pub sts_endpoint: Option<String>,

    /// File of PEM certificates trusted for Alibaba Cloud's hosts besides the machine's own [env: RRSA_CLOUD_CA_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    pub cloud_certificate_authority: Option<PathBuf>,
}

/// Where STS is and how it is reached.
#[derive(Clone, Debug)]
pub struct Cloud {
    /// The STS client.
    pub sts: ApiClient,
    /// Why that host.
    pub sts_origin: StsEndpointOrigin,
}

impl CloudFlags {
    /// Decides every default once.
    ///
    /// # Errors
    /// An option or variable that names no host, or a certificate file that cannot be used.
    pub fn resolve(&self, env: &Env, files: &Files, clock: &Clock, random: &Random) -> Result<Cloud, Error> {
        let chosen = StsEndpointInputs::read(env, self.sts_endpoint.clone()).choose().map_err(|error| {
            Error::usage("the STS endpoint cannot be decided").caused_by(error).hint(format!(
                "name it with --sts-endpoint HOST, or set {} to the cluster's region",
                env_vars::STS_REGION
            ))
        })?;
        Ok(Cloud {
            sts: ApiClient {
                endpoint: chosen.endpoint,
                http: self.http(env, files)?,
                clock: clock.clone(),
                random: random.clone(),
                retry: RetryPolicy::default(),
            },
            sts_origin: chosen.origin,
        })
    }

    fn http(&self, env: &Env, files: &Files) -> Result<Http, Error> {
        let file = self
            .cloud_certificate_authority
            .clone()
            .or_else(|| env.var(env_vars::CLOUD_CA_FILE).map(PathBuf::from));
        let unusable = |file: &PathBuf| {
            Error::usage(format!("the certificate file {} cannot be used", file.display()))
                .hint("name a PEM file with --cloud-certificate-authority")
        };
        let extra_ca = match &file {
            Some(path) => Some(files.read(path).map_err(|error| unusable(path).caused_by(error))?),
            None => None,
        };
        Http::real(&HttpOptions { extra_ca, ..HttpOptions::default() }).map_err(|error| match &file {
            Some(path) => unusable(path).caused_by(error.message),
            None => Error::could_not_tell("no HTTP client").caused_by(error),
        })
    }
}

/// Names the STS host and why it was chosen.
#[must_use]
pub fn describe(endpoint: &Endpoint, origin: &StsEndpointOrigin) -> String {
    format!("{} ({origin})", endpoint.host())
}
