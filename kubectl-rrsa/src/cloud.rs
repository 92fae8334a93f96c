//! How the cloud is reached: the options that say where its APIs are, and the clients made of them.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use rrsa_shared::ack;
use rrsa_shared::api::{ApiClient, Endpoint, RetryPolicy};
use rrsa_shared::env_vars;
use rrsa_shared::oidc::IssuerSite;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::http::{Http, HttpOptions};
use rrsa_shared::ports::net::Net;
use rrsa_shared::ports::proxies::{Proxies, ProxyError};
use rrsa_shared::ram;
use rrsa_shared::source::{self, Answer, EcsRamRole};
use rrsa_shared::sts::{AccessKey, StsEndpointInputs, StsEndpointOrigin};

use crate::cli::Machine;
use crate::collect::IssuerReader;
use crate::error::Error;
use crate::facts::Seen;

/// Options that say where Alibaba Cloud's APIs are.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Alibaba Cloud options")]
pub struct CloudFlags {
    /// STS host or URL [env: ALIBABA_CLOUD_STS_ENDPOINT]
    #[arg(long, global = true, value_name = "HOST")]
    pub sts_endpoint: Option<String>,

    /// RAM host or URL, asked for the role when there is an access key [env: RRSA_RAM_ENDPOINT]
    #[arg(long, global = true, value_name = "HOST")]
    pub ram_endpoint: Option<String>,

    /// IMS host or URL, asked for the OIDC provider when there is an access key [env: RRSA_IMS_ENDPOINT]
    #[arg(long, global = true, value_name = "HOST")]
    pub ims_endpoint: Option<String>,

    /// ACK host or URL, asked for the cluster when there is an access key [env: RRSA_ACK_ENDPOINT]
    #[arg(long, global = true, value_name = "HOST")]
    pub ack_endpoint: Option<String>,

    /// Host or URL that the issuer's discovery document and keys are read from in its place [env: RRSA_ISSUER_ENDPOINT]
    #[arg(long, global = true, value_name = "HOST")]
    pub issuer_endpoint: Option<String>,

    /// URL of the instance metadata service, asked for the machine's access key [env: ALIBABA_CLOUD_IMDS_ENDPOINT]
    #[arg(long, global = true, value_name = "URL")]
    pub imds_endpoint: Option<String>,

    /// File of PEM certificates trusted for Alibaba Cloud's hosts besides the machine's own [env: RRSA_CLOUD_CA_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    pub cloud_certificate_authority: Option<PathBuf>,
}

/// The cloud's APIs, each with its host decided.
#[derive(Clone, Debug)]
pub struct Cloud {
    /// The STS client.
    pub sts: ApiClient,
    /// Why that host.
    pub sts_origin: StsEndpointOrigin,
    /// What issuers publish.
    pub issuers: IssuerReader,
    /// What needs an access key.
    pub account: Account,
}

/// The APIs that read the account, and where their key comes from.
#[derive(Clone, Debug)]
pub struct Account {
    /// RAM.
    pub ram: ApiClient,
    /// IMS.
    pub ims: ApiClient,
    /// ACK.
    pub ack: ApiClient,
    env: Env,
    machine: Option<EcsRamRole>,
}

impl Account {
    /// The key that signs: of the environment, else of the machine where that is asked for.
    pub async fn key(&self) -> Seen<AccessKey> {
        let mut answers = vec![source::environment(&self.env)];
        if let (Answer::Absent(_), Some(machine)) = (&answers[0], &self.machine) {
            answers.push(match metadata_http() {
                Ok(http) => machine.credentials(&http).await,
                Err(why) => Answer::Failed(why),
            });
        }
        let mut whys = Vec::new();
        for answer in answers {
            match answer {
                Answer::Found { key, from, .. } => return Seen::known(key, from),
                Answer::Absent(why) | Answer::Failed(why) | Answer::Busy(why) => whys.push(why),
            }
        }
        Seen::unknown(format!("no access key: {}", whys.join("; ")))
    }
}

/// A client for the metadata service: next door, so no proxy and no patience.
fn metadata_http() -> Result<Http, String> {
    let second = Duration::from_secs(1);
    let options = HttpOptions {
        connect_timeout: second,
        total_timeout: second,
        extra_ca: None,
        proxies: Proxies::none(),
        trace: None,
    };
    Http::real(&options).map_err(|error| error.to_string())
}

impl CloudFlags {
    /// Decides every default once.
    ///
    /// # Errors
    /// An option or variable that names no host, or a certificate file that cannot be used.
    pub fn resolve(&self, machine: &Machine) -> Result<Cloud, Error> {
        let Machine { env, clock, random, .. } = machine;
        let chosen = StsEndpointInputs::read(env, self.sts_endpoint.clone()).choose().map_err(|error| {
            Error::usage("the STS endpoint cannot be decided").caused_by(error).hint(format!(
                "name it with --sts-endpoint HOST, or set {} to the cluster's region",
                env_vars::STS_REGION
            ))
        })?;
        let http = self.http(machine)?;
        let client = |endpoint| ApiClient {
            endpoint,
            http: http.clone(),
            clock: clock.clone(),
            random: random.clone(),
            retry: RetryPolicy::default(),
        };
        let named = |api: &str, option: &Option<String>, variable: &str| {
            let text = option.clone().or_else(|| env.var(variable));
            text.map(|text| Endpoint::named(&text)).transpose().map_err(|error| {
                Error::usage(format!("the {api} endpoint cannot be decided"))
                    .caused_by(error)
                    .hint(format!("name a host with --{}-endpoint or {variable}", api.to_lowercase()))
            })
        };
        let api = |name: &str, option: &Option<String>, variable: &str, official: &str| {
            let endpoint = named(name, option, variable)?;
            Ok::<_, Error>(client(endpoint.unwrap_or_else(|| Endpoint::official(official))))
        };
        let instead = named("issuer", &self.issuer_endpoint, env_vars::ISSUER_ENDPOINT)?;
        let issuers = IssuerReader {
            site: IssuerSite { http: http.clone(), instead },
            net: Net::real(),
            proxies: Self::proxies(env)?,
        };
        let machine = EcsRamRole::read(env, self.imds_endpoint.as_deref()).map_err(|error| {
            Error::usage("the address of the instance metadata service cannot be decided")
                .caused_by(error)
                .hint(format!("name a URL with --imds-endpoint or {}", env_vars::IMDS_ENDPOINT))
        })?;
        Ok(Cloud {
            sts: client(chosen.endpoint),
            sts_origin: chosen.origin,
            issuers,
            account: Account {
                ram: api("RAM", &self.ram_endpoint, env_vars::RAM_ENDPOINT, ram::RAM_HOST)?,
                ims: api("IMS", &self.ims_endpoint, env_vars::IMS_ENDPOINT, ram::IMS_HOST)?,
                ack: api("ACK", &self.ack_endpoint, env_vars::ACK_ENDPOINT, ack::ACK_HOST)?,
                env: env.clone(),
                machine,
            },
        })
    }

    fn proxies(env: &Env) -> Result<Proxies, Error> {
        Proxies::read(env).map_err(|error| Error::usage(error.to_string()).hint(ProxyError::HINT))
    }

    fn http(&self, machine: &Machine) -> Result<Http, Error> {
        let Machine { env, files, .. } = machine;
        let file = self.cloud_certificate_authority.clone().or_else(|| env.path(env_vars::CLOUD_CA_FILE));
        let unusable = |file: &PathBuf| {
            Error::usage(format!("the certificate file {} cannot be used", file.display()))
                .hint("name a PEM file with --cloud-certificate-authority")
        };
        let extra_ca = match &file {
            Some(path) => Some(files.read(path).map_err(|error| unusable(path).caused_by(error))?),
            None => None,
        };
        let proxies = Self::proxies(env)?;
        Http::real(&HttpOptions { extra_ca, proxies, trace: machine.trace, ..HttpOptions::default() })
            .map_err(|error| match &file {
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
