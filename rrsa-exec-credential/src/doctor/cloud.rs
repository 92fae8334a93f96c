//! STS: whether it answers, how fast, and by which clock.

use rrsa_shared::api::{ApiClient, RetryPolicy};
use rrsa_shared::ports::clock::Clock;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::Files;
use rrsa_shared::ports::http::Request;
use rrsa_shared::ports::random::Random;
use rrsa_shared::sts::StsEndpointInputs;

use super::{Finding, Mark, finding};
use crate::cli::runtime;
use crate::error::{Error, exit};
use crate::obtain::{PATIENCE, USUAL_OFFSET, http};

/// Seconds of difference beyond which STS refuses what is signed.
const STS_WINDOW: i64 = 15 * 60;

/// The way to STS, and its clock beside ours.
pub(super) fn cloud(env: &Env, files: &Files, clock: &Clock) -> Vec<Finding> {
    const WHAT: &str = "sts";
    let client = || {
        let chosen = StsEndpointInputs::read(env, None)
            .choose()
            .map_err(|error| Error::new(exit::USAGE, format!("the endpoint cannot be decided: {error}")))?;
        Ok::<_, Error>(ApiClient {
            endpoint: chosen.endpoint,
            http: http(env, files)?,
            clock: clock.clone(),
            random: Random::real(),
            retry: RetryPolicy { deadline: PATIENCE, ..RetryPolicy::default() },
        })
    };
    let (sts, runtime) = match client().and_then(|client| Ok((client, runtime()?))) {
        Ok(both) => both,
        Err(error) => return vec![finding(Mark::Bad, WHAT, error.message)],
    };
    // Whatever it answers: it is there, and tells its time.
    let ask = sts.call(|_| Request::get(sts.endpoint.url("/")), |_| Ok(()));
    let asked = match runtime.block_on(async { tokio::time::timeout(PATIENCE, ask).await }) {
        Ok(asked) => asked,
        Err(_) => {
            let words = format!("{} does not answer within {} s", sts.endpoint.host(), PATIENCE.as_secs());
            return vec![finding(Mark::Unknown, WHAT, words)];
        }
    };
    let host = sts.endpoint.host();
    let Some(offset) = asked.clock_offset else {
        let words = match asked.result {
            Err(error) => format!("{host}: {error}"),
            Ok(()) => format!("{host} answers without telling its time"),
        };
        return vec![finding(Mark::Unknown, WHAT, words)];
    };
    let answers = finding(Mark::Good, WHAT, format!("{host} answers in {} ms", asked.took.as_millis()));
    let words = match offset {
        0 => "this machine's clock is that of STS".to_owned(),
        1.. => format!("this machine's clock is {offset} s behind that of STS"),
        _ => format!("this machine's clock is {} s ahead of that of STS", -offset),
    };
    let clocks =
        match offset.abs() {
            0..=USUAL_OFFSET => finding(Mark::Good, "clock", words),
            seconds if seconds < STS_WINDOW => finding(Mark::Doubtful, "clock", words)
                .next("set the clock: sessions end early or late by that"),
            _ => finding(Mark::Bad, "clock", words)
                .next("set the clock: STS refuses what is signed with this one"),
        };
    vec![answers, clocks]
}
