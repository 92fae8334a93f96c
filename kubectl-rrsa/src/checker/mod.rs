//! One subject of a check, from everything that can be asked to its facts.

mod around;
mod proof;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join;
use rrsa_shared::sts::AccessKey;
use tokio::sync::OnceCell;

use crate::cli::Machine;
use crate::cloud::Cloud;
use crate::collect::inventory::{self, Inventory, Users};
use crate::collect::{self, Keys};
use crate::context::{self, KubeContext};
use crate::error::Error;
use crate::facts::{
    ClusterFacts, ExchangeFacts, ExchangeOutcome, Facts, IssuerFacts, Overriding, PodFacts, Seen, SubjectRef,
    Workload, may_replace,
};
use crate::live::{self, Interrupt, Live};
use crate::rules::means_a_role;
use crate::shell::addressed;
use crate::subjects::Subject;
use around::{Expected, Objects, untried_workloads};

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
    /// What RAM and IMS have said.
    answers: collect::Answers,
    /// Where containers take variables from.
    config_maps: collect::ConfigMaps,
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
    /// Session length to ask for, seconds; [`rrsa_shared::proof::Plan::SESSION_SECONDS`] without it.
    pub session_seconds: Option<u32>,
    /// Live checks begun in a second, at most; any number without it.
    pub rate: Option<u16>,
    /// What a probe inside the cluster is run with.
    pub probe: Option<ProbeWishes>,
}

impl Wishes {
    /// Whether somebody wants the program to end, where it cannot do so at once.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.interruption().is_some()
    }

    /// Why it is to end.
    #[must_use]
    pub fn interruption(&self) -> Option<&'static str> {
        self.probe.as_ref().and_then(|probe| probe.interrupt.has_come())
    }
}

/// What the command line says of the probe.
#[derive(Clone, Debug)]
pub struct ProbeWishes {
    /// Image that holds it.
    pub image: String,
    /// Whether it asks for the instance metadata service.
    pub imds: bool,
    /// That it is to end before it is done.
    pub interrupt: Interrupt,
}

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
        cluster.chosen_by.clone_from(&kube.chosen_by);
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
            answers: collect::Answers::default(),
            config_maps: collect::ConfigMaps::default(),
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
        let taken = Inventory::take(&self.kube.client, namespace, means_a_role).await;
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
        if self.wishes.is_interrupted() {
            return Err(Error::could_not_tell("not begun any more"));
        }
        let Subject { namespace, subject, asked_as, pod, template, next_pod, mut beside } = subject;
        let (client, namespace, cluster) = (&self.kube.client, namespace.as_str(), &self.cluster);
        let mut pod = match (&subject, pod) {
            (SubjectRef::ServiceAccount(_) | SubjectRef::Namespace(_), _) => None,
            (SubjectRef::Pod(_), Some(pod)) => Some(*pod),
            (SubjectRef::Pod(name), None) => Some(self.pod(namespace, name).await?),
            (SubjectRef::Template(_), _) => template.as_ref().map(|owner| owner.template.clone()),
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
        let Objects { namespace_facts, service_account, annotated, same_role, mut users } =
            self.objects(namespace, &account).await;
        if let Some(None) = namespace_facts.value() {
            return Err(
                Error::absent(format!("there is no namespace {namespace}")).hint("kubectl get namespaces")
            );
        }
        let names_none =
            service_account.value().and_then(Option::as_ref).is_some_and(|a| a.role_name().is_none());
        let annotated_elsewhere = match names_none && account != "default" {
            true => inventory::annotated_elsewhere(client, namespace, &account).await,
            false => Seen::unknown("it names a role, or is not one to ask for"),
        };
        let overriding = Overriding::of(&namespace_facts, &service_account, &cluster.webhook);
        let of_others = match &mut users {
            Seen::Known { value, .. } => value.workloads.as_mut_slice(),
            Seen::Unknown(_) => &mut [],
        };
        for Workload { like, pods } in of_others {
            overriding.settle(like);
            let began = pods.iter().filter_map(|pod| pod.created_at).min();
            self.take_config_maps(namespace, like, began, overriding).await;
        }
        for Workload { like, pods } in &mut beside {
            let began = pods.iter().filter_map(|pod| pod.created_at).min();
            self.take_config_maps(namespace, like, began, overriding).await;
        }
        if let Some(pod) = &mut pod {
            overriding.settle(pod);
            // What runs is asked itself first.
            if live != Live::Exec {
                self.take_config_maps(namespace, pod, pod.created_at, overriding).await;
            }
        }
        // Pods that are wired by hand may have a provider that somebody has made for them.
        let own = users.value().filter(|_| pod.is_none()).and_then(Users::provider);
        let expected = Expected {
            role: self.expected_role(namespace, &service_account, &users),
            provider: own.unwrap_or_else(|| cluster.provider_arn.clone()),
        };
        let injects = self.injects(&namespace_facts, &service_account, pod.as_ref());
        let whose = (namespace, account.as_str());
        if live != Live::None {
            self.wait_for_turn().await;
        }
        let proof = self.prove(live, whose, (&mut pod, next_pod), &expected, injects).await;
        if let Some(pod) = &mut pod {
            self.take_config_maps(namespace, pod, pod.created_at, overriding).await;
        }
        let plan = self.plan(whose, pod.as_ref(), &expected);
        let untried = match (&pod, users.value()) {
            (Some(pod), _) => self.untried(pod),
            (None, Some(users)) => untried_workloads(namespace, &users.workloads, &plan)
                .map(|why| addressed(&why, &cluster.chosen_by)),
            (None, None) => None,
        };
        let of_account = collect::account(
            &self.cloud.account,
            &self.key,
            &self.answers,
            &plan.role_arn,
            &plan.provider_arn,
        );
        let owner = pod.as_ref().and_then(|pod| pod.owner.as_deref());
        let owner = async {
            match template {
                Some(template) => Seen::known(Some(*template), owner.unwrap_or_default()),
                None => collect::owner(client, namespace, owner).await,
            }
        };
        let (account_facts, mut owner) = join(of_account, owner).await;
        if let Seen::Known { value: Some(made), .. } = &mut owner {
            self.take_config_maps(namespace, &mut made.template, None, overriding).await;
        }
        if let (Some(None), Some(pod)) = (owner.value(), &mut pod) {
            let gone = pod.owner.clone();
            let one = (&pod.name, &mut pod.owner);
            let others = beside.iter_mut().flat_map(|workload| &mut workload.pods);
            let all = std::iter::once(one).chain(others.map(|pod| (&pod.name, &mut pod.owner)));
            for (name, owner) in all.filter(|(_, owner)| **owner == gone) {
                *owner = owner.as_deref().map(|owner| collect::without_deployment(owner, name));
            }
        }
        let owner = collect::still_there(owner);
        let (workloads, owners) = match (&pod, users.value()) {
            (None, Some(users)) => {
                let replaces = may_replace(&namespace_facts);
                self.workloads(whose, users, (injects, replaces), &expected.role, overriding).await
            }
            _ => (beside, BTreeMap::new()),
        };
        let lacking = workloads.iter().filter(|_| pod.is_some()).flat_map(Workload::each);
        let beside = lacking.filter(|(_, is_behind)| !is_behind).map(|(pod, _)| pod).collect();
        let published = self.published(&proof.exchange).await;
        let webhook_failures = self.webhook_failures(namespace, injects, pod.as_ref(), &users).await;
        let mut facts = Facts {
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
            unscheduled: users.value().filter(|_| pod.is_none()).and_then(|users| users.unscheduled.clone()),
            workloads,
            owners,
            beside,
            pod,
            expected_role_arn: expected.role,
            token: proof.token,
            token_instead: proof.instead.or(instead),
            untried,
            session_seconds: plan.session_seconds,
            exchange: proof.exchange,
            vantage: proof.vantage,
            owner,
            role_in_use: plan.role_arn,
            provider_in_use: plan.provider_arn,
            account: account_facts,
        };
        facts.settle_templates();
        Ok(facts)
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

    async fn pod(&self, namespace: &str, name: &str) -> Result<PodFacts, Error> {
        match collect::pod(&self.kube.client, namespace, name).await {
            Err(error) => Err(context::explain(error, self.kube)),
            Ok(Some(pod)) => Ok(pod),
            Ok(None) => Err(Error::absent(format!("there is no pod {name} in namespace {namespace}"))
                .hint(format!("kubectl get pods -n {namespace}"))),
        }
    }

    fn now(&self) -> i64 {
        self.machine.clock.now().as_second()
    }
}
