//! A client certificate of a cluster: what is asked for, and the way of a miss.

use rrsa_shared::ack::{ACK_HOST, DescribeClusterUserKubeconfig, ack_host};
use rrsa_shared::api::{ApiClient, ApiError, Endpoint, RetryPolicy};
use rrsa_shared::cache::Kept;
use rrsa_shared::env_vars;
use rrsa_shared::ports::clock::Clock;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::Files;
use rrsa_shared::ports::random::Random;
use rrsa_shared::secret::Secret;
use serde::Deserialize;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::cli::runtime;
use crate::error::{Error, exit};
use crate::issue::{Fetched, session};
use crate::obtain::{USUAL_OFFSET, by, http, refused};
use crate::wish::Wish;

/// Minutes that a certificate lives when nobody says otherwise: three hours.
pub(crate) const MINUTES: u16 = 180;

/// Which certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateWish {
    /// Id of the cluster.
    pub(crate) cluster_id: String,
    /// Its region, whose ACK is asked; the central one without it.
    pub(crate) region: Option<String>,
    /// Minutes that it lives, 15 to 4320.
    pub(crate) minutes: u16,
    /// Whether it is asked for with the API server's private address, for a cluster that has no other.
    pub(crate) private_address: bool,
}

#[derive(Deserialize)]
struct Kubeconfig {
    users: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    user: User,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    client_certificate_data: String,
    client_key_data: Secret,
}

/// Asks ACK with the credentials that `wish` describes.
///
/// # Errors
/// Which source is to blame, or what ACK refuses.
pub(crate) fn fetch(
    wanted: &CertificateWish,
    wish: &Wish,
    env: &Env,
    files: &Files,
    clock: &Clock,
    warn: &mut dyn FnMut(&str),
) -> Result<Fetched, Error> {
    let Fetched { kept: Kept::Session(key), witnesses, is_lasting, words, .. } =
        session(wish, env, files, clock, warn)?
    else {
        return Err(Error::new(exit::REFUSED, "a certificate is kept where a session ought to be"));
    };
    let endpoint = match env.var(env_vars::ACK_ENDPOINT) {
        None => {
            Endpoint::official(&wanted.region.as_ref().map_or_else(|| ACK_HOST.to_owned(), |r| ack_host(r)))
        }
        Some(text) => Endpoint::named(&text)
            .map_err(|error| Error::new(exit::USAGE, format!("{}: {error}", env_vars::ACK_ENDPOINT)))?,
    };
    let ack = ApiClient {
        endpoint,
        http: http(env, files)?,
        clock: clock.clone(),
        random: Random::real(),
        retry: RetryPolicy { deadline: crate::obtain::PATIENCE, ..RetryPolicy::default() },
    };
    let call = DescribeClusterUserKubeconfig {
        cluster_id: wanted.cluster_id.clone(),
        private_address: wanted.private_address,
        minutes: wanted.minutes,
    };
    let asked =
        ack.call(|stamp| call.request(&ack.endpoint, &key, stamp), DescribeClusterUserKubeconfig::read);
    let asked = runtime()?.block_on(asked);
    let api = "DescribeClusterUserKubeconfig";
    let given = asked.result.map_err(|error| {
        let may_not = matches!(&error, ApiError::Fault(fault) if fault.http_status == 403);
        let refused = refused(api, ack.endpoint.host(), &error.without(&key));
        if may_not { refused.hint(format!("whoever signs needs the RAM action cs:{api}")) } else { refused }
    })?;
    let odd = |why: &str| Error::new(exit::REFUSED, format!("{api} at {}: {why}", ack.endpoint.host()));
    let options = serde_saphyr::options! { with_snippet: false };
    let config: Kubeconfig = serde_saphyr::from_str_with_options(given.config.expose(), options)
        .map_err(|_| odd("its kubeconfig holds no client certificate"))?;
    let user = config.users.into_iter().next().ok_or_else(|| odd("its kubeconfig holds no user"))?.user;
    let pem = |data: &str| {
        let bytes = STANDARD.decode(data.trim()).ok()?;
        String::from_utf8(bytes).ok().filter(|text| text.contains("-----BEGIN "))
    };
    let (Some(certificate), Some(private_key)) =
        (pem(&user.client_certificate_data), pem(user.client_key_data.expose()).map(Secret::from))
    else {
        return Err(odd("its kubeconfig holds a certificate that is none"));
    };
    let own_end = clock.now().as_second() + i64::from(wanted.minutes) * 60;
    // Whoever reads when it ends looks at this machine's clock.
    let offset = asked.clock_offset.filter(|seconds| seconds.abs() > USUAL_OFFSET).unwrap_or_default();
    Ok(Fetched {
        kept: Kept::Certificate { certificate, private_key },
        expires: Some(given.expiration.map_or(own_end, |at| at.as_second() - offset)),
        words: format!(
            "client certificate of cluster {}, for {} minutes{}, at {}, by {}",
            wanted.cluster_id,
            wanted.minutes,
            if wanted.private_address { ", for its private address" } else { "" },
            ack.endpoint.host(),
            by(&words, &key),
        ),
        witnesses,
        is_lasting,
        clock_offset: None,
    })
}
