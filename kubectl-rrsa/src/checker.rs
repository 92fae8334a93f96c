//! One subject of a check, from everything that can be asked to its facts.

use futures_util::future::join;
use rrsa_shared::arn::{self, RoleArn};
use rrsa_shared::env_vars;
use rrsa_shared::oidc::OidcToken;
use rrsa_shared::proof::{self, Plan};
use rrsa_shared::sts::{AccessKey, SessionName};

use crate::cli::Machine;
use crate::cloud::{Cloud, describe};
use crate::collect::inventory::{self, Inventory, Users};
use crate::collect::{self, Keys};
use crate::context::{self, KubeContext};
use crate::error::Error;
use crate::facts::{
    ClusterFacts, Facts, NamespaceFacts, PodFacts, Seen, ServiceAccountFacts, SubjectRef, TokenFacts,
    TokenProblem, TokenSource,
};
use crate::live::{self, Live};
use crate::subjects::Subject;

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
}

/// A ServiceAccount and what is around it.
struct Objects {
    namespace_facts: Seen<Option<NamespaceFacts>>,
    service_account: Seen<Option<ServiceAccountFacts>>,
    annotated: Seen<Vec<String>>,
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
        let (mut cluster, keys) = collect::cluster(&kube.client, &cloud.sts.http, &kube.server, issuer)
            .await
            .map_err(|error| context::explain(error, kube))?;
        let key = cloud.account.key().await;
        cluster.cloud = collect::cloud_cluster(&cloud.account, &key, &cluster.cluster_id).await;
        Ok(Self { machine, cloud, kube, wishes, key, cluster, keys, inventory: None })
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

    /// Everything that is known of one subject.
    ///
    /// # Errors
    /// When the subject does not exist, or the cluster cannot be reached.
    pub async fn collect(&self, subject: Subject) -> Result<Facts, Error> {
        let Subject { namespace, subject, asked_as } = subject;
        let (client, namespace, cluster) = (&self.kube.client, namespace.as_str(), &self.cluster);
        let live = self.wishes.live.unwrap_or(match &subject {
            SubjectRef::ServiceAccount(_) => Live::Token,
            SubjectRef::Pod(_) => Live::Exec,
        });
        let mut pod = match &subject {
            SubjectRef::ServiceAccount(_) => None,
            SubjectRef::Pod(name) => Some(self.pod(namespace, name).await?),
        };
        let account = match (&subject, &pod) {
            (SubjectRef::ServiceAccount(name), _) => name.clone(),
            (SubjectRef::Pod(_), pod) => {
                pod.as_ref().map(|pod| pod.service_account.clone()).unwrap_or_default()
            }
        };
        let Objects { namespace_facts, service_account, annotated, users } =
            self.objects(namespace, &account).await;
        let (token, usable) = match live {
            Live::None => (Seen::unknown("no live check was asked for (--live=none)"), None),
            Live::Token => match live::request(client, namespace, &account).await {
                Ok(raw) => {
                    let (facts, usable) =
                        proof::examine(&raw, TokenSource::TokenRequest, None, &self.keys, self.now());
                    (Seen::known(facts, "TokenRequest"), usable)
                }
                Err(why) => (Seen::unknown(why), None),
            },
            Live::Exec => match &mut pod {
                Some(pod) => self.read(namespace, pod).await,
                None => (Seen::unknown("there is no pod to read from"), None),
            },
        };
        let expected_role_arn = self.expected_role(&service_account, &users);
        let plan = self.plan((namespace, &account), pod.as_ref(), &expected_role_arn);
        let endpoint = describe(&self.cloud.sts.endpoint, &self.cloud.sts_origin);
        let exchange = async {
            match usable {
                Some(usable) => proof::exchange(&self.cloud.sts, &endpoint, &plan, usable).await,
                None => Seen::unknown(match token.value().and_then(|token| token.problem.as_ref()) {
                    Some(_) => "there is no token to exchange",
                    None => token.why_unknown().unwrap_or("there is no token to exchange"),
                }),
            }
        };
        let of_account = collect::account(&self.cloud.account, &self.key, &plan.role_arn, &plan.provider_arn);
        let owner = pod.as_ref().and_then(|pod| pod.owner.as_deref());
        let owner_labels = collect::owner_labels(client, namespace, owner);
        let (exchange, (account_facts, owner_labels)) = join(exchange, join(of_account, owner_labels)).await;
        Ok(Facts {
            subject,
            asked_as,
            namespace: namespace.to_owned(),
            cluster: cluster.clone(),
            namespace_facts,
            service_account_name: account,
            service_account,
            annotated_service_accounts: annotated,
            pods_using: users.map(|users| users.count.clone()),
            pod,
            expected_role_arn,
            token,
            exchange,
            owner_labels,
            role_in_use: plan.role_arn,
            provider_in_use: plan.provider_arn,
            account: account_facts,
        })
    }

    /// A ServiceAccount, its namespace, and its pods.
    async fn objects(&self, namespace: &str, account: &str) -> Objects {
        if let Some(inventory) = &self.inventory {
            return Objects {
                namespace_facts: inventory.stock().namespace(namespace),
                service_account: inventory.service_account(namespace, account),
                annotated: inventory.annotated(namespace),
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
        Objects { namespace_facts, service_account, annotated, users }
    }

    async fn pod(&self, namespace: &str, name: &str) -> Result<PodFacts, Error> {
        match collect::pod(&self.kube.client, namespace, name).await {
            Err(error) => Err(context::explain(error, self.kube)),
            Ok(Some(pod)) => Ok(pod),
            Ok(None) => Err(Error::usage(format!("there is no pod {name} in namespace {namespace}"))
                .hint(format!("kubectl get pods -n {namespace}"))),
        }
    }

    /// Reads the token in the running pod, and lets what the container really sees stand in the pod's facts.
    async fn read(&self, namespace: &str, pod: &mut PodFacts) -> Examined {
        let keys = &self.keys;
        let container = self.wishes.container.as_deref();
        let read = match live::read_pod(&self.kube.client, namespace, pod, container).await {
            Ok(read) => read,
            Err(why) => return (Seen::unknown(why), None),
        };
        if let Some(facts) = pod.containers.iter_mut().find(|facts| facts.name == read.name) {
            facts.env.extend(read.env.into_iter().map(|(name, fact)| (name.to_owned(), fact)));
        }
        let source = TokenSource::Exec { container: read.name.clone() };
        let from = format!("{} in container {}", read.file.path, read.name);
        let broken = |problem| {
            let empty = rrsa_shared::secret::Secret::default();
            let (facts, _) =
                proof::examine(&empty, source.clone(), Some(read.file.clone()), keys, self.now());
            (Seen::known(TokenFacts { problem: Some(problem), ..facts }, &from), None)
        };
        match &read.text {
            Ok(raw) => {
                let (facts, usable) = proof::examine(raw, source, Some(read.file), keys, self.now());
                (Seen::known(facts, from), usable)
            }
            Err(live::FileError::Missing) => broken(TokenProblem::Missing),
            Err(live::FileError::Denied(why)) => broken(TokenProblem::Unreadable(why.clone())),
            Err(live::FileError::NoWay(why)) => {
                (Seen::unknown(format!("{why}; try --live=token, which needs nothing in the image")), None)
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

    /// What the exchange sends: what the command line says, what the pod would send, what ought to be sent.
    fn plan(
        &self,
        (namespace, account): (&str, &str),
        pod: Option<&PodFacts>,
        expected_role: &Seen<String>,
    ) -> Plan {
        let of_pod = |name: &str| {
            let pod = pod?;
            let chosen = |facts: &&crate::facts::ContainerFacts| match &self.wishes.container {
                Some(name) => facts.name == *name,
                None => true,
            };
            let mut containers = pod.containers.iter().filter(chosen);
            let value = containers.find_map(|container| container.value(name))?;
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
        }
    }

    fn now(&self) -> i64 {
        self.machine.clock.now().as_second()
    }
}
