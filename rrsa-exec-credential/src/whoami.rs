//! `rrsa-exec-credential whoami`: the credentials, then GetCallerIdentity.

use rrsa_shared::api::{ApiClient, RetryPolicy};
use rrsa_shared::ports::clock::Clock;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::Files;
use rrsa_shared::ports::random::Random;
use rrsa_shared::sts::{GetCallerIdentity, StsEndpointInputs};

use crate::cli::{WishArgs, runtime};
use crate::error::{Error, exit};
use crate::obtain::{http, refused};
use crate::{issue, output};

/// Print who the credentials are for Alibaba Cloud: in a pod, who the pod is
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    wish: WishArgs,
}

/// Prints the identity as JSON, and no secret.
pub(crate) fn run(
    args: &Args,
    env: &Env,
    files: &Files,
    clock: &Clock,
    warn: &mut dyn FnMut(&str),
) -> Result<String, Error> {
    let wish = args.wish.wish();
    let output::Issued { key, .. } = issue::issue(&wish, env, files, clock, warn)?;
    let chosen = StsEndpointInputs::read(env, wish.sts_endpoint)
        .choose()
        .map_err(|error| Error::new(exit::USAGE, format!("the STS endpoint cannot be decided: {error}")))?;
    let sts = ApiClient {
        endpoint: chosen.endpoint,
        http: http(env, files)?,
        clock: clock.clone(),
        random: Random::real(),
        retry: RetryPolicy::default(),
    };
    let runtime = runtime()?;
    let asked = runtime.block_on(
        sts.call(|stamp| GetCallerIdentity.request(&sts.endpoint, &key, stamp), GetCallerIdentity::read),
    );
    let identity = asked
        .result
        .map_err(|error| refused("GetCallerIdentity", sts.endpoint.host(), &error.without(&key)))?;
    serde_json::to_string_pretty(&identity)
        .map(|text| text + "\n")
        .map_err(|error| Error::new(exit::NO_ANSWER, error.to_string()))
}
