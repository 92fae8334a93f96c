//! One subject of a check, from everything that can be asked to its facts.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join;
use rrsa_shared::arn::{self, RoleArn};
use rrsa_shared::env_vars;
use rrsa_shared::oidc::OidcToken;
use rrsa_shared::proof::{self, Plan, ProbeReport};
use rrsa_shared::sts::{AccessKey, SessionName};
use tokio::sync::OnceCell;

use crate::cli::{self, Machine};
use crate::cloud::{Cloud, describe};
use crate::collect::inventory::{self, Inventory, Users};
use crate::collect::{self, Keys};
use crate::context::{self, KubeContext};
use crate::error::Error;
use crate::facts::{
    ClusterFacts, ContainerFacts, ExchangeFacts, ExchangeOutcome, Facts, IssuerFacts, NamespaceFacts,
    PodFacts, Seen, ServiceAccountFacts, SubjectRef, TokenFacts, TokenProblem, TokenSource, VantageFacts,
};
use crate::live::{self, Live, ProbeOptions, Wiring};
use crate::skipped::UNREAD_FILE;
use crate::subjects::Subject;

/// Of how many workloads of one ServiceAccount it is asked how they replace their pods.
const ASKED_OWNERS: usize = 20;

/// What is the same for every subject of one run.
pub struct Checker<'a> {
    /// The machine.
    machine: &'a Machine,
    /// The cloud's APIs.
    cloud: &'a Cloud,
    /// The connection.
    kube: &'a KubeContext,
    /// What the command line asks for.
    wishes: &'a Wishes,
    key: Seen<AccessKey>,
    cluster: ClusterFacts,
    keys: Keys,
    /// What the issuer publishes; read once, when the first subject needs it.
    published: OnceCell<Seen<IssuerFacts>>,
    /// When the next live check may begin.
    next_live: Mutex<Duration>,
    /// What many subjects share; without it each is asked for by itself.
    inventory: Option<Inventory>,
}

/// What the command line asks of a check.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Where the token comes from; `None` leaves it to the subject.
    pub live: Option<Live>,
    /// Container whose token is read.
    pub container: Option<String>,
    /// Role to assume.
    pub role_arn: Option<String>,
    /// OIDC provider to name.
    pub oidc_provider_arn: Option<String>,
    /// Session length to ask for, seconds; [`Plan::SESSION_SECONDS`] without it.
    pub session_seconds: Option<u32>,
    /// Live checks begun in a second, at most; any number without it.
    pub rate: Option<u16>,
    /// What a probe inside the cluster is run with.
    pub probe: Option<ProbeWishes>,
}

/// What the command line says of the probe.
#[derive(Clone, Debug)]
pub struct ProbeWishes {
    /// Image that holds it.
    pub image: String,
    /// Whether it asks for the instance metadata service.
    pub imds: bool,
}

/// What came of the live check.
struct Proof {
    token: Seen<TokenFacts>,
    /// See [`Facts::token_instead`].
    instead: Option<String>,
    exchange: Seen<ExchangeFacts>,
    vantage: Seen<VantageFacts>,
}

/// A ServiceAccount and what is around it.
struct Objects {
    namespace_facts: Seen<Option<NamespaceFacts>>,
    service_account: Seen<Option<ServiceAccountFacts>>,
    annotated: Seen<Vec<String>>,
    same_role: Seen<Vec<String>>,
    users: Seen<Users>,
}

/// A token that was looked at, and itself when it can be exchanged.
type Examined = (Seen<TokenFacts>, Option<OidcToken>);

impl<'a> Checker<'a> {
    /// Looks at the cluster. `witness` is whose token tells the issuer when the API server does not: namespace and
    /// ServiceAccount.
    ///
    /// # Errors
    /// When the cluster cannot be reached.
    pub async fn open(
        machine: &'a Machine,
        cloud: &'a Cloud,
        kube: &'a KubeContext,
        wishes: &'a Wishes,
        witness: (&str, &str),
    ) -> Result<Self, Error> {
        let now = machine.clock.now().as_second();
        let issuer = async || match wishes.live {
            Some(Live::None) => Seen::unknown("TokenRequest was not tried (--live=none)"),
            _ => live::issuer(&kube.client, witness.0, witness.1, now).await,
        };
        let (mut cluster, keys) = collect::cluster(&kube.client, &cloud.issuers.site, &kube.server, issuer)
            .await
            .map_err(|error| context::explain(error, kube))?;
        let key = cloud.account.key().await;
        cluster.cloud = collect::cloud_cluster(&cloud.account, &key, &cluster.cluster_id).await;
        Ok(Self {
            machine,
            cloud,
            kube,
            wishes,
            key,
            cluster,
            keys,
            published: OnceCell::new(),
            next_live: Mutex::new(Duration::ZERO),
            inventory: None,
        })
    }

    /// What is known of the cluster.
    #[must_use]
    pub fn cluster(&self) -> &ClusterFacts {
        &self.cluster
    }

    /// What signs calls that need an access key.
    #[must_use]
    pub fn key(&self) -> &Seen<AccessKey> {
        &self.key
    }

    /// Asks once for what many ServiceAccounts share: those of one namespace, or of all.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn take_stock(&mut self, namespace: Option<&str>) -> Result<(), Error> {
        let taken = Inventory::take(&self.kube.client, namespace).await;
        self.inventory = Some(taken.map_err(|error| context::explain(error, self.kube))?);
        Ok(())
    }

    /// ServiceAccounts that name no role and whose pods have one all the same, where stock was taken.
    pub fn wired_by_hand(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.inventory.iter().flat_map(|inventory| inventory.wired_by_hand());
        all.map(|(namespace, name)| (namespace.as_str(), name.as_str()))
    }

    /// Everything that is known of one subject.
    ///
    /// # Errors
    /// When the subject does not exist, or the cluster cannot be reached.
    pub async fn collect(&self, subject: Subject) -> Result<Facts, Error> {
        let Subject { namespace, subject, asked_as, template } = subject;
        let (client, namespace, cluster) = (&self.kube.client, namespace.as_str(), &self.cluster);
        let mut pod = match &subject {
            SubjectRef::ServiceAccount(_) => None,
            SubjectRef::Pod(name) => Some(self.pod(namespace, name).await?),
            SubjectRef::Template(_) => template.as_ref().map(|owner| owner.template.clone()),
        };
        if let (Some(name), Some(pod)) = (&self.wishes.container, &pod)
            && pod.containers.iter().all(|container| container.name != *name)
        {
            let names: Vec<_> = pod.containers.iter().map(|container| container.name.as_str()).collect();
            return Err(Error::usage(format!("pod {} has no container {name}", pod.name))
                .hint(format!("it has {}", names.join(", "))));
        }
        let (live, instead) = match (self.wishes.live, &pod) {
            (None | Some(Live::Auto), Some(pod)) if pod.is_template => (Live::Token, None),
            (None | Some(Live::Auto), Some(pod)) if pod.is_running() => (Live::Exec, None),
            // What has ended, or not begun, has no file to read.
            (None | Some(Live::Auto), Some(pod)) => {
                let phase = pod.phase.as_deref().unwrap_or("not Running");
                (Live::Token, Some(format!("the pod is {phase}, so its own token was not read")))
            }
            (None | Some(Live::Auto), None) => (Live::Token, None),
            (Some(live), _) => (live, None),
        };
        let account = match (&subject, &pod) {
            (SubjectRef::ServiceAccount(name), _) => name.clone(),
            (_, pod) => pod.as_ref().map(|pod| pod.service_account.clone()).unwrap_or_default(),
        };
        let Objects { namespace_facts, service_account, annotated, same_role, users } =
            self.objects(namespace, &account).await;
        if let Some(None) = namespace_facts.value() {
            return Err(
                Error::usage(format!("there is no namespace {namespace}")).hint("kubectl get namespaces")
            );
        }
        let names_none =
            service_account.value().and_then(Option::as_ref).is_some_and(|a| a.role_name().is_none());
        let annotated_elsewhere = match names_none && account != "default" {
            true => inventory::annotated_elsewhere(client, namespace, &account).await,
            false => Seen::unknown("it names a role, or is not one to ask for"),
        };
        let expected_role_arn = self.expected_role(&service_account, &users);
        let injects = self.injects(&namespace_facts, &service_account, pod.as_ref());
        let whose = (namespace, account.as_str());
        if live != Live::None {
            self.wait_for_turn().await;
        }
        let proof = self.prove(live, whose, &mut pod, &expected_role_arn, injects).await;
        let plan = self.plan(whose, pod.as_ref(), &expected_role_arn);
        let untried = pod.as_ref().and_then(|pod| self.untried(pod));
        let of_account = collect::account(&self.cloud.account, &self.key, &plan.role_arn, &plan.provider_arn);
        let owner = pod.as_ref().and_then(|pod| pod.owner.as_deref());
        let owner = async {
            match template {
                Some(template) => Seen::known(Some(*template), owner.unwrap_or_default()),
                None => collect::owner(client, namespace, owner).await,
            }
        };
        let (account_facts, owner) = join(of_account, owner).await;
        let owner = match owner {
            Seen::Known { value: Some(facts), from } => Seen::known(facts, from),
            Seen::Known { value: None, .. } => {
                // A ReplicaSet with a template's hash whose Deployment is none is somebody else's.
                if let Some(owner) = pod.as_mut().and_then(|pod| pod.owner.as_mut())
                    && let Some(name) = owner.strip_prefix("deployment/")
                {
                    *owner = format!("replicaset/{name}");
                }
                Seen::unknown("what made the pod is not there any more")
            }
            Seen::Unknown(why) => Seen::Unknown(why),
        };
        let rollouts = match users.value().filter(|_| pod.is_none()) {
            Some(users) => {
                let other = |(arn, owner)| (expected_role_arn.value() != Some(arn)).then_some(owner);
                let roles = users.count.roles.iter().filter_map(other);
                let owners = users.count.stale.iter().chain(roles).take(ASKED_OWNERS);
                collect::rollouts(client, namespace, owners.cloned()).await
            }
            None => BTreeMap::new(),
        };
        let reliant = match users.value().filter(|_| pod.is_none() && !injects) {
            Some(users) => {
                let made = users.workloads.iter().flat_map(|workload| workload.pods.keys());
                collect::unwired(client, namespace, made.take(ASKED_OWNERS).cloned()).await
            }
            None => Vec::new(),
        };
        let published = self.published(&proof.exchange).await;
        let webhook_failures = self.webhook_failures(namespace, injects, pod.as_ref(), &users).await;
        Ok(Facts {
            subject,
            asked_as,
            offline: false,
            looked_at: self.now(),
            namespace: namespace.to_owned(),
            cluster: cluster.clone(),
            published,
            webhook_failures,
            namespace_facts,
            service_account_name: account,
            service_account,
            annotated_service_accounts: annotated,
            annotated_elsewhere,
            same_role,
            pods_using: users.map(|users| users.count.clone()),
            workloads: match (&pod, users.value()) {
                (None, Some(users)) => users.workloads.clone(),
                _ => Vec::new(),
            },
            reliant,
            pod,
            expected_role_arn,
            token: proof.token,
            token_instead: proof.instead.or(instead),
            untried,
            session_seconds: plan.session_seconds,
            exchange: proof.exchange,
            vantage: proof.vantage,
            owner,
            rollouts,
            role_in_use: plan.role_arn,
            provider_in_use: plan.provider_arn,
            account: account_facts,
        })
    }

    /// What the issuer publishes, unless STS has just read it.
    async fn published(&self, exchange: &Seen<ExchangeFacts>) -> Seen<IssuerFacts> {
        let granted = |e: &ExchangeFacts| matches!(e.outcome, ExchangeOutcome::Granted { .. });
        if exchange.value().is_some_and(granted) {
            return Seen::unknown("not asked: STS has just read it");
        }
        match self.cluster.issuer.as_result() {
            Ok(issuer) => self.published.get_or_init(|| self.cloud.issuers.read(issuer)).await.clone(),
            Err(why) => Seen::unknown(why),
        }
    }

    /// What events say of the webhook, where a pod ought to have been injected and none was.
    async fn webhook_failures(
        &self,
        namespace: &str,
        injects: bool,
        pod: Option<&PodFacts>,
        users: &Seen<Users>,
    ) -> Seen<Vec<String>> {
        let wired = match pod {
            Some(pod) => pod.is_wired(),
            None => users.value().is_some_and(|users| users.count.has_reached_all()),
        };
        match &self.inventory {
            _ if wired || !injects => {
                Seen::unknown("not asked: nothing is amiss, or the webhook has no part in it")
            }
            Some(inventory) => inventory.webhook_failures(namespace),
            None => {
                let all = collect::webhook_failures(&self.kube.client, Some(namespace)).await;
                all.map(|all| all.get(namespace).cloned().unwrap_or_default())
            }
        }
    }

    /// Waits until one more live check may begin.
    async fn wait_for_turn(&self) {
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

    /// Whether the webhook puts what RRSA needs into new pods of the ServiceAccount.
    fn injects(
        &self,
        namespace: &Seen<Option<NamespaceFacts>>,
        account: &Seen<Option<ServiceAccountFacts>>,
        pod: Option<&PodFacts>,
    ) -> bool {
        let installed = self.cluster.webhook.value().is_some_and(Option::is_some);
        let namespace = namespace.value().and_then(Option::as_ref).and_then(NamespaceFacts::injection);
        let asked = namespace == Some("on") || pod.and_then(PodFacts::injection) == Some("on");
        let role = account.value().and_then(Option::as_ref).and_then(ServiceAccountFacts::role_name);
        installed && asked && role.is_some()
    }

    /// The live check.
    async fn prove(
        &self,
        live: Live,
        whose: (&str, &str),
        pod: &mut Option<PodFacts>,
        expected_role: &Seen<String>,
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
                return match self.probe(live, whose, pod.as_ref(), expected_role, injects).await {
                    Ok((mut report, place)) => {
                        if let (Live::Pod, Seen::Known { value: token, .. }) = (live, &mut report.token) {
                            token.source = TokenSource::Beside;
                        }
                        self.told(report, place, whose, pod, expected_role).await
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
        let plan = self.plan(whose, pod.as_ref(), expected_role);
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
        pod: Option<&PodFacts>,
        expected_role: &Seen<String>,
        injects: bool,
    ) -> Result<(ProbeReport, String), String> {
        let wishes = self.wishes.probe.as_ref().ok_or("no image was named for it (--probe-image)")?;
        let suffix = self.machine.random.nonce().chars().take(5).collect();
        let options = ProbeOptions { image: wishes.image.clone(), imds: wishes.imds, suffix };
        let client = &self.kube.client;
        if live == Live::Ephemeral {
            let pod = pod.filter(|pod| !pod.is_template).ok_or("an ephemeral container needs a pod")?;
            let container = self.wishes.container.as_deref();
            let report = live::in_pod(client, namespace, &pod.name, container, &options).await?;
            return Ok((report, format!("an ephemeral container of pod {}", pod.name)));
        }
        let like = match pod {
            Some(pod) if !pod.is_template => collect::raw_pod(client, namespace, &pod.name).await?,
            _ => None,
        };
        let provider = &self.cluster.provider_arn;
        let wiring = match (&like, expected_role.as_result(), provider.as_result()) {
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
        let live::Beside { report, left } = live::beside(client, namespace, &wanted).await;
        if let Some(left) = left {
            cli::say(&format!("warning: {left}"));
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
        expected_role: &Seen<String>,
    ) -> Proof {
        let granted = report
            .exchange
            .value()
            .is_some_and(|exchange| matches!(exchange.outcome, ExchangeOutcome::Granted { .. }));
        let from_here = if granted {
            Seen::unknown("not tried: it was granted inside the cluster")
        } else {
            let (token, usable) = self.request(whose, "TokenRequest").await;
            self.exchange(&self.plan(whose, pod.as_ref(), expected_role), &token, usable).await
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

    /// A ServiceAccount, its namespace, and its pods.
    async fn objects(&self, namespace: &str, account: &str) -> Objects {
        if let Some(inventory) = &self.inventory {
            return Objects {
                namespace_facts: inventory.stock().namespace(namespace),
                service_account: inventory.service_account(namespace, account),
                annotated: inventory.annotated(namespace),
                same_role: inventory.same_role(namespace, account),
                users: inventory.stock().pods_using(namespace, account),
            };
        }
        let client = &self.kube.client;
        let ((namespace_facts, service_account), (annotated, users)) = join(
            join(collect::namespace(client, namespace), collect::service_account(client, namespace, account)),
            join(
                collect::annotated_service_accounts(client, namespace),
                inventory::pods_using(client, namespace, account),
            ),
        )
        .await;
        let same_role = annotated.map(|all| {
            let role = all.get(account);
            let others = all.iter().filter(|(name, of)| *name != account && Some(*of) == role);
            others.map(|(name, _)| format!("{namespace}/{name}")).collect()
        });
        let annotated = annotated.map(|all| all.keys().cloned().collect());
        Objects { namespace_facts, service_account, annotated, same_role, users }
    }

    async fn pod(&self, namespace: &str, name: &str) -> Result<PodFacts, Error> {
        match collect::pod(&self.kube.client, namespace, name).await {
            Err(error) => Err(context::explain(error, self.kube)),
            Ok(Some(pod)) => Ok(pod),
            Ok(None) => Err(Error::usage(format!("there is no pod {name} in namespace {namespace}"))
                .hint(format!("kubectl get pods -n {namespace}"))),
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
        let own = live::Environment { container: read.name.clone(), env };
        for facts in &mut pod.containers {
            for told in told.iter().chain([&own]).filter(|told| told.container == facts.name) {
                facts.env.extend(told.env.iter().cloned());
            }
            if told.iter().any(|told| told.container == facts.name) {
                facts.env_from.clear();
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

    /// The role the workload ought to use: as told on the command line, by the ServiceAccount, or by a pod of it.
    fn expected_role(
        &self,
        account: &Seen<Option<ServiceAccountFacts>>,
        users: &Seen<Users>,
    ) -> Seen<String> {
        if let Some(arn) = &self.wishes.role_arn {
            return Seen::known(arn.clone(), "--role-arn");
        }
        let named = account.value().and_then(Option::as_ref).and_then(ServiceAccountFacts::role_name);
        if let Some(name) = named.filter(|name| arn::is_role_name(name)) {
            return self
                .cluster
                .account
                .map(|account| RoleArn { account: account.clone(), name: name.to_owned() }.to_string());
        }
        let by_hand = users.value().and_then(|users| users.role.as_ref());
        let by_hand = by_hand.map(|(arn, pod)| Seen::known(arn.clone(), format!("pod {pod}")));
        by_hand.unwrap_or_else(|| match account.as_result() {
            Err(why) => Seen::unknown(why),
            Ok(None) => Seen::unknown("the ServiceAccount does not exist"),
            Ok(Some(_)) => Seen::unknown("the ServiceAccount names no role"),
        })
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
    fn untried(&self, pod: &PodFacts) -> Option<String> {
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
    fn plan(
        &self,
        (namespace, account): (&str, &str),
        pod: Option<&PodFacts>,
        expected_role: &Seen<String>,
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
            role_arn: choose(&self.wishes.role_arn, env_vars::ROLE_ARN, expected_role),
            provider_arn: choose(
                &self.wishes.oidc_provider_arn,
                env_vars::OIDC_PROVIDER_ARN,
                &self.cluster.provider_arn,
            ),
            session_name: SessionName::of(&["kubectl-rrsa", namespace, account]),
            session_seconds: self.wishes.session_seconds.unwrap_or(Plan::SESSION_SECONDS),
        }
    }

    fn now(&self) -> i64 {
        self.machine.clock.now().as_second()
    }
}
