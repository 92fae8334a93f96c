//! The live check of one subject: whose token, exchanged where, and by what the workload says.

use std::sync::PoisonError;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use rrsa_shared::env_vars;
use rrsa_shared::oidc::OidcToken;
use rrsa_shared::proof::{self, Plan, ProbeReport};
use rrsa_shared::sts::SessionName;

use super::Checker;
use super::around::Expected;
use crate::cli;
use crate::cloud::describe;
use crate::collect;
use crate::facts::{
    ContainerFacts, EnvFact, ExchangeFacts, ExchangeOutcome, PodFacts, Seen, TokenFacts, TokenProblem,
    TokenSource, VantageFacts,
};
use crate::live::{self, Live, ProbeOptions, Wiring};
use crate::shell::addressed;
use crate::skipped::UNREAD_FILE;
/// What came of the live check.
pub(super) struct Proof {
    pub(super) token: Seen<TokenFacts>,
    /// See [`Facts::token_instead`].
    pub(super) instead: Option<String>,
    pub(super) exchange: Seen<ExchangeFacts>,
    pub(super) vantage: Seen<VantageFacts>,
}

/// A token that was looked at, and itself when it can be exchanged.
type Examined = (Seen<TokenFacts>, Option<OidcToken>);

impl Checker<'_> {
    /// Waits until one more live check may begin.
    pub(super) async fn wait_for_turn(&self) {
        let Some(rate) = self.wishes.rate else { return };
        let now = self.machine.clock.elapsed();
        let begin = {
            let mut next = self.next_live.lock().unwrap_or_else(PoisonError::into_inner);
            let begin = now.max(*next);
            *next = begin + Duration::from_secs(1) / u32::from(rate);
            begin
        };
        if let Some(wait) = begin.checked_sub(now).filter(|wait| !wait.is_zero()) {
            self.machine.clock.sleep(wait).await;
        }
    }

    /// The live check.
    pub(super) async fn prove(
        &self,
        live: Live,
        whose: (&str, &str),
        (pod, next_pod): (&mut Option<PodFacts>, Option<Box<Pod>>),
        expected: &Expected,
        injects: bool,
    ) -> Proof {
        let mut instead = None;
        let examined = match live {
            Live::None => (Seen::unknown("no live check was asked for (--live=none)"), None),
            Live::Exec => match pod {
                Some(pod) if !pod.is_template => self.read(whose, pod, &mut instead).await,
                _ => (Seen::unknown("there is no pod to read from"), None),
            },
            Live::Ephemeral | Live::Pod => {
                return match self.probe(live, whose, (pod.as_ref(), next_pod), expected, injects).await {
                    Ok((mut report, place)) => {
                        if let (Live::Pod, Seen::Known { value: token, .. }) = (live, &mut report.token) {
                            token.source = TokenSource::Beside;
                        }
                        self.told(report, place, whose, pod, expected).await
                    }
                    Err(why) => {
                        let why = format!("no probe: {why}");
                        let (token, exchange) = (Seen::unknown(&why), Seen::unknown(&why));
                        Proof { token, instead: None, exchange, vantage: Seen::unknown(why) }
                    }
                };
            }
            Live::Token | Live::Auto => self.request(whose, "TokenRequest").await,
        };
        let plan = self.plan(whose, pod.as_ref(), expected);
        let exchange = self.exchange(&plan, &examined.0, examined.1).await;
        let vantage =
            Seen::unknown("nothing was run inside the cluster (--live=ephemeral or --live=pod does)");
        Proof { token: examined.0, instead, exchange, vantage }
    }

    /// A token by TokenRequest.
    async fn request(&self, (namespace, account): (&str, &str), from: &str) -> Examined {
        match live::request(&self.kube.client, namespace, account).await {
            Ok(raw) => {
                let source = TokenSource::TokenRequest;
                let (facts, usable) = proof::examine(&raw, source, None, &self.keys, self.now());
                (Seen::known(facts, from), usable)
            }
            Err(why) => (Seen::unknown(why), None),
        }
    }

    /// The exchange from this machine.
    async fn exchange(
        &self,
        plan: &Plan,
        token: &Seen<TokenFacts>,
        usable: Option<OidcToken>,
    ) -> Seen<ExchangeFacts> {
        let endpoint = describe(&self.cloud.sts.endpoint, &self.cloud.sts_origin);
        match usable {
            Some(usable) => proof::exchange(&self.cloud.sts, &endpoint, plan, usable).await,
            None => Seen::unknown(match token.value().and_then(|token| token.problem.as_ref()) {
                Some(_) => "there is no token to exchange",
                None => token.why_unknown().unwrap_or("there is no token to exchange"),
            }),
        }
    }

    /// Runs the probe inside the cluster; its report, and where it ran.
    async fn probe(
        &self,
        live: Live,
        (namespace, account): (&str, &str),
        (pod, next_pod): (Option<&PodFacts>, Option<Box<Pod>>),
        expected: &Expected,
        injects: bool,
    ) -> Result<(ProbeReport, String), String> {
        let wishes = self.wishes.probe.as_ref().ok_or("no image was named for it (--probe-image)")?;
        let suffix = self.machine.random.nonce().chars().take(5).collect();
        let options = ProbeOptions { image: wishes.image.clone(), imds: wishes.imds, suffix };
        let client = &self.kube.client;
        if live == Live::Ephemeral {
            let pod = pod.filter(|pod| !pod.is_template).ok_or("an ephemeral container needs a pod")?;
            if !pod.is_running() {
                let phase = pod.phase.as_deref().unwrap_or("not Running");
                return Err(format!("an ephemeral container needs a pod that runs, and this one is {phase}"));
            }
            let container = self.wishes.container.as_deref();
            let report =
                live::in_pod(client, namespace, &pod.name, container, &options, &wishes.interrupt).await?;
            return Ok((report, format!("an ephemeral container of pod {}", pod.name)));
        }
        let like = match pod {
            Some(pod) if !pod.is_template => collect::raw_pod(client, namespace, &pod.name).await?,
            _ => next_pod.map(|pod| *pod),
        };
        let wiring = match (&like, expected.role.as_result(), expected.provider.as_result()) {
            // A container that was chosen may be wired unlike what the webhook would do.
            _ if injects && self.wishes.container.is_none() => Wiring::Webhook,
            (Some(like), ..) if pod.is_some_and(PodFacts::is_wired) => Wiring::Like(Box::new(like.clone())),
            _ if injects => Wiring::Webhook,
            (_, Ok(role), Ok(provider)) => {
                Wiring::ByHand { role_arn: role.clone(), provider_arn: provider.clone() }
            }
            (_, Err(why), _) | (_, _, Err(why)) => return Err(why.to_owned()),
        };
        let container = self.wishes.container.as_deref();
        let wanted = live::probe_pod(account, like.as_ref(), container, &wiring, &options);
        let live::Beside { report, left } = live::beside(client, namespace, &wanted, &wishes.interrupt).await;
        if let Some(left) = left {
            cli::say(&format!("warning: {}", addressed(&left, &self.kube.chosen_by)));
        }
        Ok((report?, "a pod of its own".to_owned()))
    }

    /// What the probe's report tells, and how it looks from here when it tells of trouble.
    async fn told(
        &self,
        report: ProbeReport,
        place: String,
        whose: (&str, &str),
        pod: &mut Option<PodFacts>,
        expected: &Expected,
    ) -> Proof {
        let granted = report
            .exchange
            .value()
            .is_some_and(|exchange| matches!(exchange.outcome, ExchangeOutcome::Granted { .. }));
        let from_here = if granted {
            Seen::unknown("not tried: it was granted inside the cluster")
        } else {
            let (token, usable) = self.request(whose, "TokenRequest").await;
            self.exchange(&self.plan(whose, pod.as_ref(), expected), &token, usable).await
        };
        let vantage = VantageFacts {
            network: report.network,
            metadata_service: report.metadata_service,
            from_here,
            place: place.clone(),
        };
        Proof {
            token: report.token,
            instead: None,
            exchange: report.exchange,
            vantage: Seen::known(vantage, place),
        }
    }

    /// Reads the token in the running pod, and lets what the container really sees stand in the pod's facts. `instead`
    /// is told when another token stands in.
    async fn read(&self, whose: (&str, &str), pod: &mut PodFacts, instead: &mut Option<String>) -> Examined {
        let namespace = whose.0;
        let keys = &self.keys;
        let container = self.wishes.container.as_deref();
        let read = match live::read_pod(&self.kube.client, namespace, pod, container).await {
            Ok(read) => read,
            Err(why) => return (Seen::unknown(why), None),
        };
        let told = live::environments(&self.kube.client, namespace, pod).await;
        let env = read.env.into_iter().map(|(name, fact)| (name.to_owned(), fact)).collect();
        let own = live::Environment { container: read.name.clone(), env, java_key: None };
        for facts in &mut pod.containers {
            // What it takes from elsewhere is what it says now, and what it does not say is not set.
            if told.iter().any(|told| told.container == facts.name) {
                facts.env_from.clear();
                facts.env.retain(|_, fact| !matches!(fact, EnvFact::From(_)));
            }
            for told in told.iter().chain([&own]).filter(|told| told.container == facts.name) {
                facts.env.extend(told.env.iter().cloned());
                facts.java_key = facts.java_key.or(told.java_key);
            }
        }
        let source = TokenSource::Exec { container: read.name.clone() };
        let from = format!("{} in container {}", read.file.path, read.name);
        let broken = |problem| {
            let facts = proof::broken(problem, source.clone(), Some(read.file.clone()), self.now());
            (Seen::known(facts, &from), None)
        };
        match &read.text {
            Ok(raw) => {
                let (facts, usable) = proof::examine(raw, source, Some(read.file), keys, self.now());
                (Seen::known(facts, from), usable)
            }
            Err(live::FileError::Missing) => broken(TokenProblem::Missing),
            Err(live::FileError::Denied(why)) => broken(TokenProblem::Unreadable(why.clone())),
            // An image without a program that reads files: the identity can be proved all the same.
            Err(live::FileError::NoWay(why)) => {
                *instead = Some(format!("{UNREAD_FILE}: {why}"));
                match self.request(whose, "TokenRequest").await {
                    (Seen::Unknown(also), usable) => (Seen::unknown(format!("{why}; {also}")), usable),
                    known => known,
                }
            }
        }
    }

    /// The container whose variables the exchange goes by.
    fn speaker<'p>(&self, pod: &'p PodFacts) -> Option<&'p ContainerFacts> {
        match &self.wishes.container {
            Some(name) => pod.containers.iter().find(|container| container.name == *name),
            None => {
                let wired = |container: &&ContainerFacts| container.has_rrsa_env();
                pod.app_containers().find(wired).or_else(|| pod.acting_containers().find(wired))
            }
        }
    }

    /// What another container names than the one that is tried, when nobody has chosen that one.
    pub(super) fn untried(&self, pod: &PodFacts) -> Option<String> {
        let speaker = self.speaker(pod).filter(|_| self.wishes.container.is_none())?;
        let others = pod.acting_containers().filter(|container| container.name != speaker.name);
        others.filter(|container| container.has_rrsa_env()).find_map(|container| {
            let names = [env_vars::ROLE_ARN, env_vars::OIDC_PROVIDER_ARN];
            let differs =
                |name: &&&str| container.value(name).is_some_and(|value| speaker.value(name) != Some(value));
            let name = names.iter().find(differs)?;
            Some(format!(
                "container {} has another {name} than {}, and was not tried: -c {} tries it",
                container.name, speaker.name, container.name
            ))
        })
    }

    /// What the exchange sends: what the command line says, what the pod would send, what ought to be sent.
    pub(super) fn plan(
        &self,
        (namespace, account): (&str, &str),
        pod: Option<&PodFacts>,
        expected: &Expected,
    ) -> Plan {
        let of_pod = |name: &str| {
            let pod = pod?;
            let value = self.speaker(pod)?.value(name)?;
            Some(Seen::known(value.to_owned(), format!("variable {name} of pod {}", pod.name)))
        };
        let choose = |option: &Option<String>, variable: &str, otherwise: &Seen<String>| match option {
            Some(arn) => Seen::known(arn.clone(), "command line"),
            None => of_pod(variable).unwrap_or_else(|| otherwise.clone()),
        };
        Plan {
            role_arn: choose(&self.wishes.role_arn, env_vars::ROLE_ARN, &expected.role),
            provider_arn: choose(
                &self.wishes.oidc_provider_arn,
                env_vars::OIDC_PROVIDER_ARN,
                &expected.provider,
            ),
            session_name: SessionName::of(&["kubectl-rrsa", namespace, account]),
            session_seconds: self.wishes.session_seconds.unwrap_or(Plan::SESSION_SECONDS),
        }
    }
}
