//! What sources are asked with: the configuration, files, commands, time, the ways to the cloud.

use std::path::PathBuf;
use std::time::Duration;

use rrsa_shared::api::{ApiClient, RetryPolicy};
use rrsa_shared::cache::{MAX_CONFIGURATION, Witness};
use rrsa_shared::env_vars;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::Files;
use rrsa_shared::ports::http::{Http, HttpOptions};
use rrsa_shared::ports::proxies::{Proxies, ProxyError};
use rrsa_shared::ports::random::Random;
use rrsa_shared::source::Config;
use rrsa_shared::sts::StsEndpointInputs;
use zeroize::Zeroizing;

use super::roles::OWN_CONTEXT;
use super::{PATIENCE, Seeker, Trouble, broken};
use crate::command;
use crate::error::{Error, exit};

/// The file that is always empty.
pub(crate) const NOTHING: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

impl Seeker<'_> {
    /// What the cloud answers while its time lasts.
    pub(super) async fn in_time<T>(&self, whom: &str, asked: impl Future<Output = T>) -> Result<T, Trouble> {
        let taken = self.clock.elapsed().saturating_sub(self.start).saturating_sub(self.in_commands.get());
        let (patience, _) = self.patience;
        tokio::time::timeout(patience.saturating_sub(taken), asked).await.map_err(|_| {
            let message = format!("no credentials after {} s: {whom} did not answer", patience.as_secs());
            let hint = format!("look at the way to {whom}: proxy, VPC host, region");
            Trouble::Failed(Error::new(exit::NO_ANSWER, message).hint(hint).costly())
        })
    }

    pub(super) fn config(&self) -> Result<&Config, Trouble> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let Some(path) = &self.places.config else { return Ok(self.config.get_or_init(Config::default)) };
        let broken =
            |why: String| Trouble::Failed(Error::new(exit::USAGE, format!("{}: {why}", path.display())));
        let config = match self.files.read_small(path, MAX_CONFIGURATION) {
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound
                    && self.env.os(env_vars::CONFIG_FILE).is_none() =>
            {
                Config::default()
            }
            Err(error) => return Err(broken(error.to_string())),
            Ok(bytes) => {
                let text = String::from_utf8(bytes).map_err(|_| broken("it is not text".to_owned()))?;
                let config = Config::parse(&text).map_err(|error| broken(error.to_string()))?;
                if let (true, Some(why)) = (config.runs_commands(), self.files.exposed(path)) {
                    return Err(broken(format!(
                        "it names a command, which is not run: {why}; or take token-command out"
                    )));
                }
                config
            }
        };
        Ok(self.config.get_or_init(|| config))
    }

    /// Runs a command as it stands, without a shell, and gives what it prints.
    pub(super) async fn run(&self, what: &str, command: &[String]) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let [program, arguments @ ..] = command else { return Err(broken(&format!("{what} is empty"))) };
        // Elsewhere, or with another PATH, it may be another program.
        self.witnesses.borrow_mut().push(Witness::program(program, self.env, self.files));
        let (_, patience) = self.patience;
        let start = self.clock.elapsed();
        let printed = command::printed(program, arguments, patience).await;
        let took = self.clock.elapsed().saturating_sub(start);
        self.in_commands.set(self.in_commands.get() + took);
        printed.map_err(|why| {
            let command::Failure { ended, said } = why;
            let is_ours = said.as_ref().is_some_and(|said| said.contains(command::ITSELF));
            let hint =
                if is_ours { OWN_CONTEXT } else { "run that command by hand, and mend what it complains of" };
            let error = Error::new(exit::REFUSED, format!("{what}, {program}: {ended}"));
            // Its own words are for whoever looks now, and not for a file.
            Trouble::Failed(error.said(said).hint(hint).costly())
        })
    }

    /// The bytes of a file that may not be there; it must when it was named.
    pub(super) fn file(
        &self,
        named: Option<&str>,
        usual: Option<&PathBuf>,
        by: &str,
        what: &str,
    ) -> Result<Result<Vec<u8>, String>, Trouble> {
        let path = match (named, usual) {
            (Some(named), _) => PathBuf::from(named),
            (None, Some(usual)) => usual.clone(),
            (None, None) => return Ok(Err(format!("there is no home folder for {what}"))),
        };
        // The way to say that there is none.
        if path.as_os_str() == NOTHING {
            return Ok(Err(format!("{what} is {NOTHING}")));
        }
        let is_of_cli = by == env_vars::CLI_CONFIG_FILE;
        let saw = |witness| self.witnesses.borrow_mut().push(witness);
        match self.files.read_small(&path, MAX_CONFIGURATION) {
            Ok(bytes) => {
                match named {
                    _ if is_of_cli => saw(Witness::profiles(&path, &bytes)),
                    Some(named) => saw(Witness::file(named, &bytes)),
                    // Of the usual one the name of the entry tells.
                    None => {}
                }
                Ok(Ok(bytes))
            }
            // One that a variable names is meant to be there.
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound
                    && named.is_none()
                    && self.env.os(by).is_none() =>
            {
                if is_of_cli {
                    saw(Witness::absence(&path));
                }
                Ok(Err(format!("there is no {}", path.display())))
            }
            Err(error) => Err(broken(&format!("{what}, {}: {error}", path.display()))),
        }
    }

    pub(super) fn sts(&self) -> Result<ApiClient, Trouble> {
        let chosen =
            StsEndpointInputs::read(self.env, self.sts_endpoint.clone()).choose().map_err(|error| {
                Trouble::Failed(Error::new(
                    exit::USAGE,
                    format!("the STS endpoint cannot be decided: {error}"),
                ))
            })?;
        Ok(ApiClient {
            endpoint: chosen.endpoint,
            http: self.http()?.clone(),
            clock: self.clock.clone(),
            random: Random::real(),
            retry: RetryPolicy { attempts: 4, first_wait: Duration::from_millis(200), deadline: PATIENCE },
        })
    }

    pub(super) fn http(&self) -> Result<&Http, Trouble> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let made = http(self.env, self.files).map_err(Trouble::Failed)?;
        Ok(self.http.get_or_init(|| made))
    }
}

/// The client for the cloud's APIs, as the environment asks for it.
pub(crate) fn http(env: &Env, files: &Files) -> Result<Http, Error> {
    let path = env.path(env_vars::CLOUD_CA_FILE);
    let named = path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let unusable =
        |why: String| Error::new(exit::USAGE, format!("{} {named}: {why}", env_vars::CLOUD_CA_FILE));
    let extra_ca = match &path {
        Some(path) => {
            let read = files.read_small(path, MAX_CONFIGURATION);
            Some(read.map_err(|error| unusable(error.to_string()))?)
        }
        None => None,
    };
    let proxies = Proxies::read(env)
        .map_err(|error| Error::new(exit::USAGE, error.to_string()).hint(ProxyError::HINT))?;
    let options = HttpOptions { extra_ca, proxies, ..HttpOptions::default() };
    Http::real(&options).map_err(|error| unusable(error.message))
}

/// A client for the metadata service: next door, so no proxy and no patience.
pub(super) fn metadata_http() -> Result<Http, Trouble> {
    let second = Duration::from_secs(1);
    let options = HttpOptions {
        connect_timeout: second,
        total_timeout: second,
        proxies: Proxies::none(),
        ..HttpOptions::default()
    };
    Http::real(&options).map_err(|error| broken(&error.message))
}
