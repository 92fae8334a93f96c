//! `rrsa-exec-credential probe`: the chain from where the program runs, as one JSON document.

use std::path::Path;

use rrsa_shared::api::{ApiClient, Endpoint, RetryPolicy};
use rrsa_shared::env_vars;
use rrsa_shared::oidc::{IssuerSite, JwkSet, OidcToken, UnverifiedJwt};
use rrsa_shared::ports::clock::Clock;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::Files;
use rrsa_shared::ports::http::{Http, HttpOptions, Request};
use rrsa_shared::ports::net::Net;
use rrsa_shared::ports::proxies::Proxies;
use rrsa_shared::ports::random::Random;
use rrsa_shared::proof::{
    self, Plan, ProbeReport, SCHEMA, TokenFacts, TokenFile, TokenProblem, TokenSource, Way,
};
use rrsa_shared::secret::Secret;
use rrsa_shared::seen::Seen;
use rrsa_shared::source::{MAX_TOKEN_FILE, metadata_url};
use rrsa_shared::sts::{SessionName, StsEndpointInputs};

use crate::error::{Error, exit};
use crate::obtain;

/// Report on the chain from here, for kubectl rrsa check: token file, way to STS, exchange, identity; one JSON document
///
/// The exit code is 0 whenever there is a report, whatever it says.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// STS host or URL [env: ALIBABA_CLOUD_STS_ENDPOINT]
    #[arg(long, value_name = "HOST")]
    sts_endpoint: Option<String>,

    /// Also say whether the instance metadata service answers here
    #[arg(long)]
    imds: bool,
}

/// Prints the report.
pub(crate) async fn run(args: &Args, env: &Env, files: &Files, net: &Net) -> Result<String, Error> {
    let http = obtain::http(env, files)?;
    let clock = Clock::real();
    let sts = StsEndpointInputs::read(env, args.sts_endpoint.clone()).choose().map(|chosen| {
        let words = format!("{} ({})", chosen.endpoint.host(), chosen.origin);
        let client = ApiClient {
            endpoint: chosen.endpoint,
            http: http.clone(),
            clock: clock.clone(),
            random: Random::real(),
            retry: RetryPolicy::default(),
        };
        (client, words)
    });
    let instead = env.var(env_vars::ISSUER_ENDPOINT).and_then(|text| Endpoint::named(&text).ok());
    let site = IssuerSite { http: http.clone(), instead };
    let (token, usable) = token(env, files, &site, &clock).await;
    let (network, exchange) = match &sts {
        Err(error) => {
            let why = format!("the STS endpoint cannot be decided: {error}");
            (Seen::unknown(why.clone()), Seen::unknown(why))
        }
        Ok((client, words)) => {
            let proxies = Proxies::read(env).unwrap_or_default();
            let way = Way { net, http: &http, proxies: &proxies, clock: &clock };
            let network = Seen::known(way.to(&client.endpoint).await, words.clone());
            let exchange = match usable {
                Some(usable) => proof::exchange(client, words, &plan(env), usable).await,
                None => Seen::unknown(token.why_unknown().unwrap_or("there is no token to exchange")),
            };
            (network, exchange)
        }
    };
    let report = ProbeReport {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        variables: env_vars::SHOWN
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), env.var(name)?)))
            .collect(),
        user: user(files),
        token,
        network,
        exchange,
        metadata_service: if args.imds {
            metadata_service(env).await
        } else {
            Seen::unknown("not asked (--imds)")
        },
    };
    serde_json::to_string_pretty(&report)
        .map(|text| text + "\n")
        .map_err(|error| Error::new(exit::NO_ANSWER, error.to_string()))
}

/// The token file, and the token when it can be exchanged.
async fn token(
    env: &Env,
    files: &Files,
    site: &IssuerSite,
    clock: &Clock,
) -> (Seen<TokenFacts>, Option<OidcToken>) {
    let Some(path) = env.var(env_vars::OIDC_TOKEN_FILE) else {
        return (Seen::unknown(format!("{} is not set", env_vars::OIDC_TOKEN_FILE)), None);
    };
    let mode = match files.mode(Path::new(&path)) {
        Ok(Some(mode)) => Seen::known(mode, "file system"),
        Ok(None) => Seen::unknown("files have no mode here"),
        Err(error) => Seen::unknown(error.to_string()),
    };
    let now = clock.now().as_second();
    let file = Some(TokenFile { path: path.clone(), mode });
    let broken = |problem| {
        (Seen::known(proof::broken(problem, TokenSource::Probe, file.clone(), now), path.clone()), None)
    };
    let bytes = match files.read_small(Path::new(&path), MAX_TOKEN_FILE) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return broken(TokenProblem::Missing),
        Err(error) => return broken(TokenProblem::Unreadable(error.to_string())),
    };
    let Ok(text) = String::from_utf8(bytes).map(Secret::from) else {
        return broken(TokenProblem::Malformed("it is not text".to_owned()));
    };
    let keys = match OidcToken::parse(text.expose()) {
        Ok(token) => keys(site, &token).await,
        Err(_) => Seen::unknown("there is no token to verify"),
    };
    let (facts, usable) = proof::examine(&text, TokenSource::Probe, file.clone(), &keys, now);
    (Seen::known(facts, path), usable)
}

/// The keys that the token's issuer publishes, as they are seen from here.
async fn keys(site: &IssuerSite, token: &OidcToken) -> Seen<JwkSet> {
    let Some(issuer) = UnverifiedJwt::read(token).ok().and_then(|jwt| jwt.claims.issuer) else {
        return Seen::unknown("the token names no issuer");
    };
    let fetched = async {
        let discovery = site.discovery(&issuer).await?;
        site.keys(&discovery.jwks_uri).await.map(|keys| (keys, discovery.jwks_uri))
    };
    match fetched.await {
        Ok((keys, url)) => Seen::known(keys, url),
        Err(error) => Seen::unknown(format!("the issuer's keys cannot be fetched from here: {error}")),
    }
}

fn plan(env: &Env) -> Plan {
    let variable = |name: &str| match env.var(name) {
        Some(value) => Seen::known(value, format!("variable {name}")),
        None => Seen::unknown(format!("{name} is not set")),
    };
    Plan {
        role_arn: variable(env_vars::ROLE_ARN),
        provider_arn: variable(env_vars::OIDC_PROVIDER_ARN),
        session_name: SessionName::of(&["rrsa-probe"]),
        session_seconds: Plan::SESSION_SECONDS,
    }
}

/// User and group, as `/proc` tells where there is one.
fn user(files: &Files) -> Seen<String> {
    match files.mode(Path::new("/proc/self")) {
        Ok(Some(mode)) => {
            Seen::known(mode.split(' ').next_back().unwrap_or_default().to_owned(), "/proc/self")
        }
        _ => Seen::unknown("there is no /proc"),
    }
}

/// Any answer will do: the service is there.
async fn metadata_service(env: &Env) -> Seen<bool> {
    let url = match metadata_url(env.var(env_vars::IMDS_ENDPOINT).as_deref()) {
        Ok(url) => url,
        Err(error) => return Seen::unknown(error.to_string()),
    };
    let second = std::time::Duration::from_secs(1);
    let options = HttpOptions {
        connect_timeout: second,
        total_timeout: second,
        extra_ca: None,
        proxies: Proxies::none(),
        trace: None,
    };
    match Http::real(&options) {
        Ok(http) => Seen::known(http.send(Request::get(format!("{url}/latest/"))).await.is_ok(), url),
        Err(error) => Seen::unknown(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn report(pairs: &[(&str, &str)], files: &[(&str, &str)]) -> ProbeReport {
        let net = Net::fake(Err(std::io::ErrorKind::NotFound), Ok(()));
        let env = Env::fake(pairs.iter().copied());
        let files = Files::fake(files.iter().copied());
        let args = Args { sts_endpoint: None, imds: false };
        ProbeReport::parse(&run(&args, &env, &files, &net).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn what_is_missing_is_told_and_not_guessed() {
        let bare = report(&[], &[]).await;
        assert!(bare.token.why_unknown().unwrap().contains("ALIBABA_CLOUD_OIDC_TOKEN_FILE is not set"));
        assert!(bare.exchange.why_unknown().is_some());
        assert!(bare.network.value().unwrap().resolved.failure().is_some());
        assert!(bare.metadata_service.why_unknown().is_some());
        let missing = report(&[(env_vars::OIDC_TOKEN_FILE, "/t")], &[]).await;
        assert_eq!(missing.token.value().unwrap().problem, Some(TokenProblem::Missing));
    }

    #[tokio::test]
    async fn no_secret_is_reported() {
        let pairs = [(env_vars::OIDC_TOKEN_FILE, "/t"), (env_vars::ACCESS_KEY_SECRET, "hunter2")];
        let report = report(&pairs, &[("/t", "hunter2.hunter2.hunter2")]).await;
        let text = serde_json::to_string(&report).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        assert!(matches!(report.token.value().unwrap().problem, Some(TokenProblem::Malformed(_))));
    }
}
