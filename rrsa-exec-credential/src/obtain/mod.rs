//! From a source to credentials: the way of a miss. One source may need another; the chain stops at the first that is configured,
//! working or not.

mod answer;
mod means;
mod profile;
mod roles;

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use rrsa_shared::cache::{Kept, KeyInputs, Witness};
use rrsa_shared::env_vars;
use rrsa_shared::ports::clock::Clock;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::Files;
use rrsa_shared::ports::http::Http;
use rrsa_shared::source::{
    Answer, Config, EcsRamRole, Resolved, Spec, cli_profile, credentials_uri, environment, ini, metadata_url,
};

use crate::error::{Error, exit};
use crate::issue::Fetched;
use crate::output::Issued;
use crate::wish::{Places, Wish};

use answer::of_answer;
use means::metadata_http;
pub(crate) use means::{NOTHING, http};
use profile::Chosen;
use roles::SIGNED_OFFSET;
pub(crate) use roles::{USUAL_OFFSET, by, refused};

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

/// What to do next where nothing better is known.
const NEXT: &str =
    "rrsa-exec-credential doctor looks at what surrounds it; --source NAME asks another source";

/// What sources are asked with.
pub(crate) struct Seeker<'a> {
    pub(crate) env: &'a Env,
    pub(crate) files: &'a Files,
    pub(crate) clock: &'a Clock,
    pub(crate) places: &'a Places,
    sts_endpoint: Option<String>,
    current_profile: Option<String>,
    config: OnceCell<Config>,
    http: OnceCell<Http>,
    start: Duration,
    /// Time that commands took; it is not the cloud's.
    in_commands: Cell<Duration>,
    /// Time for the cloud, and for each command.
    patience: (Duration, Duration),
    /// What is read besides what every wish is told apart by.
    witnesses: RefCell<Vec<Witness>>,
    /// Token files that were read: they change all the time, and what one was refused for is not said of the next.
    tokens: RefCell<Vec<Witness>>,
    /// Whether somebody has written a token to this very process.
    was_told: Cell<bool>,
    /// A profile that asks for a source of this program, and the source.
    asks_again: RefCell<Option<(String, String)>>,
    /// Seconds by which STS's clock was seen to be ahead of this machine's.
    clock_offset: Cell<Option<i64>>,
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
            current_profile: wish.current_profile.clone(),
            config: OnceCell::new(),
            http: OnceCell::new(),
            start: clock.elapsed(),
            in_commands: Cell::default(),
            patience: (PATIENCE, COMMAND_PATIENCE),
            witnesses: RefCell::default(),
            tokens: RefCell::default(),
            was_told: Cell::default(),
            asks_again: RefCell::default(),
            clock_offset: Cell::default(),
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
        self.sought(wish).await.map_err(|mut error| {
            error.hint.get_or_insert_with(|| NEXT.to_owned());
            error
        })
    }

    async fn sought(&self, wish: &Wish) -> Result<Fetched, Error> {
        if let Some(error) = Wish::garbled(self.env) {
            return Err(error);
        }
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
        let Obtained { issued, words } = self.ask(&spec, 0).await.map_err(|trouble| {
            let mut looked_at = self.witnesses.take();
            looked_at.extend(self.tokens.take());
            let error = trouble.into_error(wish);
            // What was written to this very process nobody else has.
            if self.was_told.get() { error.only_here() } else { error.about(looked_at) }
        })?;
        let words = self.in_words(wish, words);
        let witnesses = self.witnesses.take();
        let clock_offset = self.clock_offset.get().filter(|seconds| seconds.abs() > SIGNED_OFFSET);
        let is_lasting = !self.was_told.get() && clock_offset.is_none();
        let kept = Kept::Session(issued.key);
        Ok(Fetched { kept, expires: issued.expires, words, witnesses, is_lasting, clock_offset })
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
            ) => (*duration_seconds, policy.as_ref()),
            _ => (None, None),
        };
        if let Some(seconds) = seconds {
            let _ = write!(words, ", for {seconds} s");
        }
        if let Some(policy) = policy {
            let mut text = KeyInputs::default();
            text.add("policy", Some(policy.as_bytes()));
            let _ = write!(words, ", with session policy {}", &text.finish().as_str()[..8]);
        }
        words
    }

    /// The source of that name, or the SDKs' chain.
    fn named(&self, name: Option<&str>) -> Result<Spec, Trouble> {
        match name {
            None => Ok(Spec::Default {}),
            Some(name) if self.places.config.is_none() => {
                let message =
                    format!("source {name} cannot be looked up: there is no home folder for config.toml");
                let hint = format!("set HOME, or {} to its path", env_vars::CONFIG_FILE);
                Err(Trouble::Failed(Error::new(exit::USAGE, message).hint(hint)))
            }
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

    fn ask<'s>(&'s self, spec: &'s Spec, depth: u8) -> Future<'s> {
        Box::pin(async move {
            match spec {
                // A source that names itself, by whatever way.
                _ if depth > 8 => Err(self.circle()),
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
                    let name = name.or_else(|| self.current_profile.clone());
                    let usual = || self.places.cli.as_ref().map(|path| path.display().to_string());
                    let place = file.clone().or_else(usual).unwrap_or_default();
                    let resolved = match cli_profile::resolve(&bytes, name.as_deref()) {
                        Resolved::Answer(Answer::Failed(why)) => {
                            Resolved::Answer(Answer::Failed(format!("{why}; see {place}")))
                        }
                        resolved => resolved,
                    };
                    let which = name
                        .map_or_else(|| "the current profile".to_owned(), |name| format!("profile {name:?}"));
                    let chosen = Chosen { words: format!("{which} of {place}"), file: PathBuf::from(place) };
                    self.resolved(resolved, &chosen, depth).await
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
                    // As the SDKs have it, one variable chooses in both files.
                    let chosen = profile.clone().or_else(|| self.env.var(env_vars::PROFILE));
                    let section = chosen.as_deref().unwrap_or("default");
                    let usual = || self.places.ini.clone().unwrap_or_default();
                    let place = Chosen {
                        words: format!("section [{section}] of the credentials file"),
                        file: file.as_ref().map_or_else(usual, PathBuf::from),
                    };
                    self.resolved(ini::resolve(&text, chosen.as_deref()), &place, depth).await
                }
                Spec::EcsRamRole { .. } if self.is_on(env_vars::ECS_METADATA_DISABLED) => {
                    let by = env_vars::ECS_METADATA_DISABLED;
                    Err(broken(&format!(
                        "the metadata service is not asked: {by} forbids it; unset it, or name another source"
                    )))
                }
                Spec::EcsRamRole { role } => {
                    let named = self.env.var(env_vars::IMDS_ENDPOINT);
                    let url = metadata_url(named.as_deref()).map_err(|error| broken(&error.to_string()))?;
                    let on =
                        |name| self.env.var(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
                    let role = role.clone().or_else(|| self.env.var(env_vars::ECS_METADATA));
                    let machine = EcsRamRole { url, role, allow_v1: !on(env_vars::IMDSV1_DISABLED) };
                    let http = metadata_http()?;
                    let asked = self.patiently(async || machine.credentials(&http).await);
                    self.told(self.in_time("the metadata service", asked).await?)
                }
                Spec::CredentialsUri { uri } => {
                    let said = || {
                        let uri = self.env.var(env_vars::CREDENTIALS_URI)?;
                        let witness = Witness::variable(env_vars::CREDENTIALS_URI, &uri);
                        self.witnesses.borrow_mut().push(witness);
                        Some(uri)
                    };
                    match uri.clone().or_else(said) {
                        None => Err(Trouble::Absent(format!("{} is not set", env_vars::CREDENTIALS_URI))),
                        Some(uri) => {
                            let http = self.http()?;
                            let asked = self.patiently(async || credentials_uri(http, &uri).await);
                            self.told(self.in_time("the credentials address", asked).await?)
                        }
                    }
                }
                // Only a profile of the CLI comes to one, which knows its file.
                Spec::External { .. } => Err(broken("a command stands in no file")),
                Spec::AssumeRole { source, .. } => {
                    let base = self.named(source.as_deref())?;
                    let base = self.ask(&base, depth + 1).await?;
                    self.assume(&base, spec).await
                }
            }
        })
    }

    /// That sources name each other in a circle, and which, as far as profiles have a part in it.
    fn circle(&self) -> Trouble {
        let what = "the sources name each other in a circle";
        match self.asks_again.borrow().as_ref() {
            None => broken(&format!("{what}, each as the source of the next")),
            Some((profile, source)) => {
                let message = format!(
                    "{what}: profile {profile} asks for source {source}, and that asks for profile {profile} again"
                );
                let hint = format!(
                    "let [source.{source}] name a profile or a source, or make another profile current: aliyun configure switch --profile NAME"
                );
                Trouble::Failed(Error::new(exit::REFUSED, message).hint(hint))
            }
        }
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

    /// Whether a variable is `1` or `true`, in letters of whatever size.
    fn is_on(&self, name: &str) -> bool {
        self.env.var(name).is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"))
    }
}

fn of_refusal(answer: Answer) -> Trouble {
    match answer {
        Answer::Absent(why) => Trouble::Absent(why),
        Answer::Failed(why) | Answer::Busy(why) => broken(&why),
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
