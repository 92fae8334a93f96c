//! From a source to credentials: the way of a miss. One source may need another; the chain stops at the first that is configured,
//! working or not.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt::Write as _;
use std::pin::Pin;
use std::time::Duration;

use rrsa_shared::api::{ApiClient, ApiError, RetryPolicy};
use rrsa_shared::cache::{Kept, MAX_CONFIGURATION, Witness};
use rrsa_shared::env_vars;
use rrsa_shared::ports::clock::Clock;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::Files;
use rrsa_shared::ports::http::{Http, HttpOptions};
use rrsa_shared::ports::proxies::{Proxies, ProxyError};
use rrsa_shared::ports::random::Random;
use rrsa_shared::secret::Secret;
use rrsa_shared::source::{
    Answer, Config, EcsRamRole, Exchange, Resolved, Spec, cli_profile, credentials_uri, environment,
    external, ini, metadata_url, token_in_file,
};
use rrsa_shared::sts::{
    AccessKey, AssumeRole, AssumeRoleWithOidc, KnownFault, Session, SessionName, StsEndpointInputs,
};

use zeroize::Zeroizing;

use crate::command;
use crate::error::{Error, exit};
use crate::issue::Fetched;
use crate::output::Issued;
use crate::wish::{Places, Wish};

/// Everything that is asked of the cloud takes no longer than this.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// A command that is run for a token or for credentials takes no longer than this.
const COMMAND_PATIENCE: Duration = Duration::from_secs(10);

/// Credentials, and where they came from in words.
#[derive(Debug)]
struct Obtained {
    issued: Issued,
    words: String,
}

/// Why there are none.
#[derive(Debug)]
enum Trouble {
    /// The source is not configured.
    Absent(String),
    /// It is, and it does not work.
    Failed(Error),
}

type Outcome = Result<Obtained, Trouble>;
type Future<'a> = Pin<Box<dyn std::future::Future<Output = Outcome> + 'a>>;

/// What sources are asked with.
pub(crate) struct Seeker<'a> {
    pub(crate) env: &'a Env,
    pub(crate) files: &'a Files,
    pub(crate) clock: &'a Clock,
    pub(crate) places: &'a Places,
    sts_endpoint: Option<String>,
    config: OnceCell<Config>,
    http: OnceCell<Http>,
    start: Duration,
    /// Time that commands took; it is not the cloud's.
    in_commands: Cell<Duration>,
    /// Time for the cloud, and for each command.
    patience: (Duration, Duration),
    /// What is read besides what every wish is told apart by.
    witnesses: RefCell<Vec<Witness>>,
    /// Whether somebody has written a token to this very process.
    was_told: Cell<bool>,
}

impl<'a> Seeker<'a> {
    pub(crate) fn new(
        env: &'a Env,
        files: &'a Files,
        clock: &'a Clock,
        places: &'a Places,
        wish: &Wish,
    ) -> Self {
        Self {
            env,
            files,
            clock,
            places,
            sts_endpoint: wish.sts_endpoint.clone(),
            config: OnceCell::new(),
            http: OnceCell::new(),
            start: clock.elapsed(),
            in_commands: Cell::default(),
            patience: (PATIENCE, COMMAND_PATIENCE),
            witnesses: RefCell::default(),
            was_told: Cell::default(),
        }
    }

    /// The same with less patience.
    pub(crate) fn within(self, patience: Duration) -> Self {
        Self { patience: (patience, patience), ..self }
    }

    /// The credentials that are wished for.
    ///
    /// # Errors
    /// Which source is to blame, and for what.
    pub(crate) async fn obtain(&self, wish: &Wish) -> Result<Fetched, Error> {
        let spec = match &wish.role_arn {
            Some(role_arn) => Spec::AssumeRole {
                source: wish.source.clone(),
                role_arn: role_arn.clone(),
                session_name: None,
                duration_seconds: None,
                external_id: None,
                policy: None,
            },
            None => self.named(wish.source.as_deref()).map_err(|trouble| trouble.into_error(wish))?,
        };
        let Obtained { issued, words } =
            self.ask(&spec, 0).await.map_err(|trouble| trouble.into_error(wish))?;
        let words = self.in_words(wish, words);
        let witnesses = self.witnesses.take();
        let is_lasting = !self.was_told.get();
        Ok(Fetched { kept: Kept::Session(issued.key), expires: issued.expires, words, witnesses, is_lasting })
    }

    /// Where the credentials came from, with what tells them from others of the same role.
    fn in_words(&self, wish: &Wish, mut words: String) -> String {
        if let Some(name) = &wish.source {
            words = format!("source {name}: {words}");
        }
        let spec = wish.source.as_ref().and_then(|name| self.config().ok()?.named(name).ok());
        let (seconds, policy) = match spec {
            Some(
                Spec::Rrsa { duration_seconds, policy, .. }
                | Spec::AssumeRole { duration_seconds, policy, .. },
            ) => (*duration_seconds, policy.is_some()),
            _ => (None, false),
        };
        if let Some(seconds) = seconds {
            let _ = write!(words, ", for {seconds} s");
        }
        if policy {
            words.push_str(", with a session policy");
        }
        if let Some(endpoint) = &self.sts_endpoint {
            let _ = write!(words, ", at {}", endpoint.rsplit('@').next().unwrap_or_default());
        }
        words
    }

    /// What the cloud answers while its time lasts.
    async fn in_time<T>(
        &self,
        whom: &str,
        asked: impl std::future::Future<Output = T>,
    ) -> Result<T, Trouble> {
        let taken = self.clock.elapsed().saturating_sub(self.start).saturating_sub(self.in_commands.get());
        let (patience, _) = self.patience;
        tokio::time::timeout(patience.saturating_sub(taken), asked).await.map_err(|_| {
            let message = format!("no credentials after {} s: {whom} did not answer", patience.as_secs());
            let hint = format!("look at the way to {whom}: proxy, VPC host, region");
            Trouble::Failed(Error::new(exit::NO_ANSWER, message).hint(hint).costly())
        })
    }

    /// The source of that name, or the SDKs' chain.
    fn named(&self, name: Option<&str>) -> Result<Spec, Trouble> {
        match name {
            None => Ok(Spec::Default {}),
            Some(name) => {
                let broken = |error: rrsa_shared::source::ConfigError| {
                    let place = self
                        .places
                        .config
                        .as_ref()
                        .map_or("config.toml".to_owned(), |p| p.display().to_string());
                    Trouble::Failed(
                        Error::new(exit::USAGE, format!("{place}: {error}"))
                            .hint("write [source.NAME] with its type there"),
                    )
                };
                self.config()?.named(name).cloned().map_err(broken)
            }
        }
    }

    fn config(&self) -> Result<&Config, Trouble> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let Some(path) = &self.places.config else { return Ok(self.config.get_or_init(Config::default)) };
        let broken =
            |why: String| Trouble::Failed(Error::new(exit::USAGE, format!("{}: {why}", path.display())));
        let config = match self.files.read_small(path, MAX_CONFIGURATION) {
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound
                    && self.env.var(env_vars::CONFIG_FILE).is_none() =>
            {
                Config::default()
            }
            Err(error) => return Err(broken(error.to_string())),
            Ok(bytes) => {
                let text = String::from_utf8(bytes).map_err(|_| broken("it is not text".to_owned()))?;
                let config = Config::parse(&text).map_err(|error| broken(error.to_string()))?;
                if config.runs_commands() && !self.files.is_mine_alone(path).unwrap_or(false) {
                    return Err(broken(
                        "it names a command, and others may write to it or own it; chmod 600 it, or take token-command out"
                            .to_owned(),
                    ));
                }
                config
            }
        };
        Ok(self.config.get_or_init(|| config))
    }

    fn ask<'s>(&'s self, spec: &'s Spec, depth: u8) -> Future<'s> {
        Box::pin(async move {
            match spec {
                // A source that names itself, by whatever way.
                _ if depth > 8 => {
                    Err(broken("the sources name each other in a circle, each as the source of the next"))
                }
                Spec::Default {} => self.chain(depth).await,
                Spec::Environment {} => of_answer(environment(self.env)),
                Spec::Rrsa { .. } => self.rrsa(spec).await,
                Spec::CliProfile { profile, file } => {
                    let what = "the CLI's configuration";
                    let by = env_vars::CLI_CONFIG_FILE;
                    let bytes = match self.file(file.as_deref(), self.places.cli.as_ref(), by, what)? {
                        Ok(bytes) => bytes,
                        Err(why) => return Err(Trouble::Absent(why)),
                    };
                    let name = profile.clone().or_else(|| self.env.var(env_vars::PROFILE));
                    self.resolved(cli_profile::resolve(&bytes, name.as_deref()), depth).await
                }
                Spec::Ini { profile, file } => {
                    let bytes = match self.file(
                        file.as_deref(),
                        self.places.ini.as_ref(),
                        env_vars::CREDENTIALS_FILE,
                        "the credentials file",
                    )? {
                        Ok(bytes) => bytes,
                        Err(why) => return Err(Trouble::Absent(why)),
                    };
                    let text =
                        String::from_utf8(bytes).map_err(|_| broken("the credentials file is not text"))?;
                    self.resolved(ini::resolve(&text, profile.as_deref()), depth).await
                }
                Spec::EcsRamRole { role } => {
                    let named = self.env.var(env_vars::IMDS_ENDPOINT);
                    let url = metadata_url(named.as_deref()).map_err(|error| broken(&error.to_string()))?;
                    let on =
                        |name| self.env.var(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
                    let role = role.clone().or_else(|| self.env.var(env_vars::ECS_METADATA));
                    let machine = EcsRamRole { url, role, allow_v1: !on(env_vars::IMDSV1_DISABLED) };
                    self.told(
                        self.in_time("the metadata service", machine.credentials(&metadata_http()?)).await?,
                    )
                }
                Spec::CredentialsUri { uri } => {
                    match uri.clone().or_else(|| self.env.var(env_vars::CREDENTIALS_URI)) {
                        None => Err(Trouble::Absent(format!("{} is not set", env_vars::CREDENTIALS_URI))),
                        Some(uri) => {
                            let asked = credentials_uri(self.http()?, &uri);
                            self.told(self.in_time("the credentials address", asked).await?)
                        }
                    }
                }
                Spec::External { profile, command } => self.external(profile, command).await,
                Spec::AssumeRole { source, .. } => {
                    let base = self.named(source.as_deref())?;
                    let base = self.ask(&base, depth + 1).await?;
                    self.assume(&base, spec).await
                }
            }
        })
    }

    /// The SDKs' chain.
    async fn chain(&self, depth: u8) -> Outcome {
        let on = |name| self.env.var(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let mut specs = vec![
            Spec::Environment {},
            Spec::Rrsa {
                role_arn: None,
                oidc_provider_arn: None,
                token_file: None,
                token_env: None,
                token_command: None,
                session_name: None,
                duration_seconds: None,
                policy: None,
            },
        ];
        if !on(env_vars::CLI_PROFILE_DISABLED) {
            specs.push(Spec::CliProfile { profile: None, file: None });
        }
        specs.push(Spec::Ini { profile: None, file: None });
        // On a machine that is none of the cloud's nobody answers there, and the wait is long.
        // One that is configured wrongly says so itself.
        if !matches!(EcsRamRole::read(self.env, None), Ok(None)) {
            specs.push(Spec::EcsRamRole { role: None });
        }
        specs.push(Spec::CredentialsUri { uri: None });
        let mut whys = String::new();
        for spec in &specs {
            match self.ask(spec, depth + 1).await {
                Err(Trouble::Absent(why)) => {
                    let _ = write!(whys, "{}{why}", if whys.is_empty() { "" } else { "; " });
                }
                outcome => return outcome,
            }
        }
        Err(Trouble::Absent(whys))
    }

    async fn rrsa(&self, spec: &Spec) -> Outcome {
        let Spec::Rrsa {
            role_arn,
            oidc_provider_arn,
            token_file,
            token_env,
            token_command,
            session_name,
            duration_seconds,
            policy,
        } = spec
        else {
            return Err(broken("it is another source"));
        };
        // SDKs pass over a set that is not complete without a word, and take the node's role; here it is an error.
        let has_token = token_command.is_some() || token_env.is_some() || token_file.is_some();
        let parts = [
            (role_arn.is_some(), env_vars::ROLE_ARN),
            (oidc_provider_arn.is_some(), env_vars::OIDC_PROVIDER_ARN),
            (has_token, env_vars::OIDC_TOKEN_FILE),
        ];
        let is_set = |(said, name): &(bool, &str)| *said || self.env.var(name).is_some();
        match parts.iter().find(|part| !is_set(part)) {
            None => {}
            Some((_, name)) if parts.iter().any(is_set) => {
                return Err(broken(&format!("RRSA is configured in part: {name} is not set")));
            }
            Some((_, name)) => return Err(Trouble::Absent(format!("{name} is not set"))),
        }
        let exchange = Exchange {
            role_arn: role_arn.clone(),
            oidc_provider_arn: oidc_provider_arn.clone(),
            session_name: session_name.clone(),
            duration_seconds: *duration_seconds,
            policy: policy.clone(),
        };
        let token = match (token_command, token_env) {
            (Some(command), _) => self.token_of(command).await?,
            (None, Some(name)) => match self.env.var(name) {
                Some(token) => {
                    self.witnesses.borrow_mut().push(Witness::variable(name, &token));
                    Secret::new(token)
                }
                None => return Err(broken(&format!("variable {name} holds no token"))),
            },
            (None, None) => {
                let named = token_file.clone().or_else(|| self.env.var(env_vars::OIDC_TOKEN_FILE));
                self.was_told.set(self.was_told.get() || named.as_deref() == Some("-"));
                token_in_file(self.env, self.files, token_file.as_deref()).map_err(of_refusal)?
            }
        };
        let call = exchange.call(self.env, &token).map_err(of_refusal)?;
        let sts = self.sts()?;
        let asked = sts.call(|stamp| call.request(&sts.endpoint, stamp), AssumeRoleWithOidc::read);
        let asked = self.in_time("STS", asked).await?;
        let words = format!("RRSA, role {}", call.role_arn);
        match asked.result {
            Ok((session, _)) => Ok(of_session(session, words)),
            Err(ApiError::Fault(fault)) => {
                let fault = Box::new(fault.without(call.token.expose()));
                Err(Trouble::Failed(refused(
                    "AssumeRoleWithOIDC",
                    sts.endpoint.host(),
                    &ApiError::Fault(fault),
                )))
            }
            Err(error) => Err(Trouble::Failed(refused("AssumeRoleWithOIDC", sts.endpoint.host(), &error))),
        }
    }

    /// What a command prints, as a token.
    async fn token_of(&self, command: &[String]) -> Result<Secret, Trouble> {
        let printed = self.run("token-command", command).await?;
        let text = std::str::from_utf8(&printed).map_err(|_| broken("token-command printed no text"))?;
        Ok(Secret::new(text.trim()))
    }

    /// What the command of a profile prints.
    async fn external(&self, profile: &str, command: &str) -> Outcome {
        let what = format!("process_command of profile {profile}");
        let is_on = |name| self.env.var(name).is_some_and(|value| value == "1" || value == "true");
        let words =
            external::words(command).ok_or_else(|| broken(&format!("{what}: a quote does not end")))?;
        // It would ask this very program, for the same, and so on.
        if external::is_ours(&words) || is_on(env_vars::WITHIN_EXTERNAL) {
            return Err(Trouble::Absent(format!("{what} asks this program itself")));
        }
        if is_on(env_vars::EXTERNAL_PROCESS_DISABLED) {
            return Err(broken(&format!(
                "{what}: {} says that none is run",
                env_vars::EXTERNAL_PROCESS_DISABLED
            )));
        }
        if let Some(path) =
            self.places.cli.as_ref().filter(|path| !self.files.is_mine_alone(path).unwrap_or(true))
        {
            let why = format!("{what}: others may write to {} or own it; chmod 600 it", path.display());
            return Err(broken(&why));
        }
        self.told(external::printed(&self.run(&what, &words).await?, profile))
    }

    /// Runs a command as it stands, without a shell, and gives what it prints.
    async fn run(&self, what: &str, command: &[String]) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let [program, arguments @ ..] = command else { return Err(broken(&format!("{what} is empty"))) };
        let (_, patience) = self.patience;
        let start = self.clock.elapsed();
        let printed = command::printed(program, arguments, patience).await;
        let took = self.clock.elapsed().saturating_sub(start);
        self.in_commands.set(self.in_commands.get() + took);
        printed.map_err(|why| {
            let error = Error::new(exit::REFUSED, format!("{what}, {program}: {why}"));
            Trouble::Failed(error.hint("run that command by hand, and mend what it complains of").costly())
        })
    }

    /// What somebody else gave, if it is worth anything.
    fn told(&self, answer: Answer) -> Outcome {
        let Answer::Found { key, expiration, from } = &answer else { return of_answer(answer) };
        let parts = [
            Some(key.id.as_str()),
            Some(key.secret.expose()),
            key.security_token.as_ref().map(Secret::expose),
        ];
        for part in parts.into_iter().flatten() {
            if part.is_empty() {
                return Err(broken(&format!("{from}: the key that it gave is not complete")));
            }
            if !part.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(broken(&format!(
                    "{from}: the key that it gave holds what no key does, such as a line feed"
                )));
            }
        }
        match expiration.filter(|at| *at <= self.clock.now()) {
            Some(at) => Err(broken(&format!("{from}: what it gave has ended already, at {at}"))),
            None => of_answer(answer),
        }
    }

    async fn assume(&self, base: &Obtained, spec: &Spec) -> Outcome {
        let Spec::AssumeRole { role_arn, session_name, duration_seconds, external_id, policy, .. } = spec
        else {
            return Err(broken("it is another source"));
        };
        let said = session_name.clone().or_else(|| self.env.var(env_vars::ROLE_SESSION_NAME));
        let session_name = match said {
            None => SessionName::of(&["rrsa-exec-credential"]),
            Some(name) => SessionName::parse(&name)
                .map_err(|error| broken(&format!("the session name {name:?}: {error}")))?,
        };
        let call = AssumeRole {
            role_arn: role_arn.clone(),
            session_name,
            duration_seconds: *duration_seconds,
            policy: policy.clone(),
            external_id: external_id.clone(),
        };
        let (sts, key) = (self.sts()?, &base.issued.key);
        let asked = sts.call(|stamp| call.request(&sts.endpoint, key, stamp), AssumeRole::read);
        let asked = self.in_time("STS", asked).await?;
        let words = format!("role {role_arn}, by {}", base.words);
        asked
            .result
            .map(|session| of_session(session, words))
            .map_err(|error| Trouble::Failed(refused("AssumeRole", sts.endpoint.host(), &error.without(key))))
    }

    fn resolved(&self, resolved: Resolved, depth: u8) -> Future<'_> {
        Box::pin(async move {
            match resolved {
                Resolved::Answer(answer) => of_answer(answer),
                Resolved::Spec(spec) => self.ask(&spec, depth + 1).await,
                Resolved::Role(base, role) => {
                    let base = self.resolved(*base, depth + 1).await?;
                    self.assume(&base, &role).await
                }
            }
        })
    }

    /// The bytes of a file that may not be there; it must when it was named.
    fn file(
        &self,
        named: Option<&str>,
        usual: Option<&std::path::PathBuf>,
        by: &str,
        what: &str,
    ) -> Result<Result<Vec<u8>, String>, Trouble> {
        let path = match (named, usual) {
            (Some(named), _) => std::path::PathBuf::from(named),
            (None, Some(usual)) => usual.clone(),
            (None, None) => return Ok(Err(format!("there is no home folder for {what}"))),
        };
        match self.files.read_small(&path, MAX_CONFIGURATION) {
            Ok(bytes) => {
                // Of the usual ones the name of the entry tells.
                if let Some(named) = named {
                    self.witnesses.borrow_mut().push(Witness::file(named, &bytes));
                }
                Ok(Ok(bytes))
            }
            // One that a variable names is meant to be there.
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound
                    && named.is_none()
                    && self.env.var(by).is_none() =>
            {
                Ok(Err(format!("there is no {}", path.display())))
            }
            Err(error) => Err(broken(&format!("{what}, {}: {error}", path.display()))),
        }
    }

    fn sts(&self) -> Result<ApiClient, Trouble> {
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

    fn http(&self) -> Result<&Http, Trouble> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let made = http(self.env, self.files).map_err(Trouble::Failed)?;
        Ok(self.http.get_or_init(|| made))
    }
}

/// The client for the cloud's APIs, as the environment asks for it.
pub(crate) fn http(env: &Env, files: &Files) -> Result<Http, Error> {
    let path = env.var(env_vars::CLOUD_CA_FILE).map(std::path::PathBuf::from);
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
fn metadata_http() -> Result<Http, Trouble> {
    let second = Duration::from_secs(1);
    let options = HttpOptions {
        connect_timeout: second,
        total_timeout: second,
        proxies: Proxies::none(),
        ..HttpOptions::default()
    };
    Http::real(&options).map_err(|error| broken(&error.message))
}

fn of_session(session: Session, words: String) -> Obtained {
    Obtained { issued: Issued { key: session.key, expires: Some(session.expiration.as_second()) }, words }
}

fn of_answer(answer: Answer) -> Outcome {
    match answer {
        Answer::Found { key, expiration, from } => {
            let key: AccessKey = key;
            Ok(Obtained { issued: Issued { key, expires: expiration.map(|at| at.as_second()) }, words: from })
        }
        Answer::Absent(why) => Err(Trouble::Absent(why)),
        Answer::Failed(why) => Err(broken(&why)),
    }
}

fn of_refusal(answer: Answer) -> Trouble {
    match answer {
        Answer::Absent(why) => Trouble::Absent(why),
        Answer::Failed(why) => broken(&why),
        Answer::Found { .. } => broken("it answered where it ought to have asked"),
    }
}

fn broken(why: &str) -> Trouble {
    Trouble::Failed(Error::new(exit::REFUSED, why))
}

impl Trouble {
    fn into_error(self, wish: &Wish) -> Error {
        match (self, &wish.source) {
            (Self::Failed(error), _) => error,
            (Self::Absent(why), None) => {
                Error::new(exit::USAGE, format!("no credentials are configured: {why}"))
                    .hint("set RRSA's three variables, or name a source with --source")
            }
            (Self::Absent(why), Some(name)) => {
                Error::new(exit::USAGE, format!("source {name} has no credentials: {why}"))
                    .hint("give it what it lacks, or name another with --source")
            }
        }
    }
}

/// A call that brought nothing.
pub(crate) fn refused(api: &str, host: &str, error: &ApiError) -> Error {
    let cause = match error {
        ApiError::Fault(fault) => KnownFault::of(fault).map(|known| known.cause),
        _ => None,
    };
    let judged = matches!(error, ApiError::Fault(_)) && !error.is_retryable();
    let code = if judged { exit::REFUSED } else { exit::NO_ANSWER };
    let shown = Error::new(code, format!("{api} at {host}: {error}")).costly();
    match cause {
        Some(cause) if api == "AssumeRoleWithOIDC" => {
            shown.hint(format!("{cause}; kubectl rrsa check pod/NAME says which link is broken"))
        }
        Some(cause) => shown.hint(cause),
        None => shown,
    }
}
