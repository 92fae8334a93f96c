//! `rrsa-exec-credential whoami`: the exchange, then GetCallerIdentity.

use std::path::PathBuf;

use rrsa_shared::api::{ApiClient, ApiError, RetryPolicy};
use rrsa_shared::env_vars;
use rrsa_shared::ports::clock::Clock;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::Files;
use rrsa_shared::ports::http::{Http, HttpOptions};
use rrsa_shared::ports::proxies::{Proxies, ProxyError};
use rrsa_shared::ports::random::Random;
use rrsa_shared::sts::{AssumeRoleWithOidc, GetCallerIdentity, KnownFault, StsEndpointInputs};

use crate::error::{Error, exit};
use crate::source;

/// Print who the pod is for Alibaba Cloud: exchange the RRSA token, then ask GetCallerIdentity
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// STS host or URL [env: ALIBABA_CLOUD_STS_ENDPOINT]
    #[arg(long, value_name = "HOST")]
    sts_endpoint: Option<String>,
}

/// Prints the identity as JSON, and no secret.
pub(crate) async fn run(args: &Args, env: &Env, files: &Files) -> Result<String, Error> {
    let call = source::rrsa(env, files)?;
    let chosen = StsEndpointInputs::read(env, args.sts_endpoint.clone())
        .choose()
        .map_err(|error| Error::new(exit::USAGE, format!("the STS endpoint cannot be decided: {error}")))?;
    let sts = ApiClient {
        endpoint: chosen.endpoint,
        http: http(env, files)?,
        clock: Clock::real(),
        random: Random::real(),
        retry: RetryPolicy::default(),
    };
    let host = sts.endpoint.host();
    let exchanged = sts.call(|stamp| call.request(&sts.endpoint, stamp), AssumeRoleWithOidc::read).await;
    let (session, _) = exchanged.result.map_err(|error| match error {
        ApiError::Fault(fault) => {
            let fault = fault.without(call.token.expose());
            refused("AssumeRoleWithOIDC", host, &ApiError::Fault(Box::new(fault)))
        }
        error => refused("AssumeRoleWithOIDC", host, &error),
    })?;
    let asked = sts
        .call(|stamp| GetCallerIdentity.request(&sts.endpoint, &session.key, stamp), GetCallerIdentity::read)
        .await;
    let identity =
        asked.result.map_err(|error| refused("GetCallerIdentity", host, &error.without(&session.key)))?;
    serde_json::to_string_pretty(&identity)
        .map(|text| text + "\n")
        .map_err(|error| Error::new(exit::NO_ANSWER, error.to_string()))
}

/// The client for the cloud's APIs, as the environment asks for it.
pub(crate) fn http(env: &Env, files: &Files) -> Result<Http, Error> {
    let unusable = |why: String| Error::new(exit::USAGE, format!("{}: {why}", env_vars::CLOUD_CA_FILE));
    let extra_ca = match env.var(env_vars::CLOUD_CA_FILE).map(PathBuf::from) {
        Some(path) => Some(files.read(&path).map_err(|error| unusable(error.to_string()))?),
        None => None,
    };
    let proxies = Proxies::read(env)
        .map_err(|error| Error::new(exit::USAGE, error.to_string()).hint(ProxyError::HINT))?;
    Http::real(&HttpOptions { extra_ca, proxies, ..HttpOptions::default() })
        .map_err(|error| unusable(error.message))
}

fn refused(api: &str, host: &str, error: &ApiError) -> Error {
    let cause = match error {
        ApiError::Fault(fault) => KnownFault::of(fault).map(|known| known.cause),
        _ => None,
    };
    let judged = matches!(error, ApiError::Fault(_)) && !error.is_retryable();
    let code = if judged { exit::REFUSED } else { exit::NO_ANSWER };
    let shown = Error::new(code, format!("{api} at {host}: {error}"));
    match cause {
        Some(cause) => shown.hint(format!("{cause}; kubectl rrsa check pod/NAME says which link is broken")),
        None => shown,
    }
}
