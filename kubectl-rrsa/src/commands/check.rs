//! `kubectl rrsa check`.

use std::cell::OnceCell;

use futures_util::future::join;
use rrsa_shared::arn::{self, RoleArn};
use rrsa_shared::env_vars;
use rrsa_shared::oidc::OidcToken;

use super::status::issuer_of_token;
use crate::cli::{Cli, Machine, Outcome};
use crate::cloud::Cloud;
use crate::collect::{self, Keys};
use crate::context::{self, KubeContext};
use crate::error::Error;
use crate::facts::{
    ClusterFacts, Facts, PodFacts, Seen, ServiceAccountFacts, SubjectRef, TokenFacts, TokenProblem,
    TokenSource,
};
use crate::live::{self, Live, Plan};
use crate::render::{self, Format, Style};
use crate::report::Report;

/// Check the chain of RRSA for a ServiceAccount or a pod, and prove it with a live AssumeRoleWithOIDC.
///
/// The chain: cluster, namespace, ServiceAccount, pod, token, exchange, identity. The report names the first
/// broken link and what to type. Exit codes: 0 healthy, 1 findings, 2 usage, 3 could not tell.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// sa/NAME or pod/NAME
    #[arg(value_name = "TYPE/NAME")]
    pub subject: String,

    /// Where the token of the live check comes from; token for a ServiceAccount, exec for a pod
    #[arg(long, value_enum)]
    pub live: Option<Live>,

    /// Container whose token is read with --live=exec; the first with RRSA's variables otherwise
    #[arg(short, long)]
    pub container: Option<String>,

    /// ARN of the role to assume, when the cluster does not tell it
    #[arg(long, value_name = "ARN")]
    pub role_arn: Option<String>,

    /// ARN of the OIDC provider, when the cluster does not tell it
    #[arg(long, value_name = "ARN")]
    pub oidc_provider_arn: Option<String>,

    /// Output format; a checklist for eyes without it
    #[arg(short, long, value_enum)]
    pub output: Option<Format>,
}

/// Collects, judges, shows.
///
/// # Errors
/// When the subject does not exist, the cluster cannot be reached, or an option is wrong.
pub async fn run(args: &Args, cli: &Cli, machine: &Machine) -> Result<Outcome, Error> {
    let subject = subject(&args.subject)?;
    let live = match (args.live, &subject) {
        (Some(Live::Exec), SubjectRef::ServiceAccount(_)) => {
            return Err(Error::usage(
                "--live=exec reads the token of a running pod, and a ServiceAccount has none",
            )
            .hint("name a pod: kubectl rrsa check pod/NAME"));
        }
        (Some(live), _) => live,
        (None, SubjectRef::ServiceAccount(_)) => Live::Token,
        (None, SubjectRef::Pod(_)) => Live::Exec,
    };
    let cloud = cli.cloud.resolve(&machine.env, &machine.files, &machine.clock, &machine.random)?;
    let kube = context::connect(&cli.kube, &machine.env).await?;
    let checker = Checker { args, machine, cloud: &cloud, kube: &kube, live };
    let report = Report::on(checker.collect(subject).await?);
    let text = match args.output {
        Some(format) => format.write(&report)?,
        None => render::check(&report, Style::for_stdout(&machine.env)),
    };
    Ok(Outcome { text, code: report.exit_code() })
}

/// Reads `sa/NAME` or `pod/NAME`, with kubectl's own longer and plural spellings of the types.
fn subject(text: &str) -> Result<SubjectRef, Error> {
    let wrong =
        |message: String| Error::usage(message).hint("kubectl rrsa check sa/NAME | pod/NAME [-n NAMESPACE]");
    let Some((kind, name)) = text.split_once('/') else {
        return Err(wrong(format!("\"{text}\" is not TYPE/NAME")));
    };
    let label = |label: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(inner)
    };
    if name.len() > 253 || !name.split('.').all(label) {
        return Err(wrong(format!("\"{name}\" cannot be the name of an object")));
    }
    match kind.to_lowercase().as_str() {
        "sa" | "serviceaccount" | "serviceaccounts" => Ok(SubjectRef::ServiceAccount(name.to_owned())),
        "po" | "pod" | "pods" => Ok(SubjectRef::Pod(name.to_owned())),
        _ => Err(wrong(format!("\"{kind}\" cannot be checked; sa and pod can"))),
    }
}

struct Checker<'a> {
    args: &'a Args,
    machine: &'a Machine,
    cloud: &'a Cloud,
    kube: &'a KubeContext,
    live: Live,
}

/// A token that was looked at, and itself when it can be exchanged.
type Examined = (Seen<TokenFacts>, Option<OidcToken>);

impl Checker<'_> {
    async fn collect(&self, subject: SubjectRef) -> Result<Facts, Error> {
        let (client, namespace) = (&self.kube.client, self.kube.namespace.as_str());
        let mut pod = match &subject {
            SubjectRef::ServiceAccount(_) => None,
            SubjectRef::Pod(name) => Some(self.pod(name).await?),
        };
        let account = match (&subject, &pod) {
            (SubjectRef::ServiceAccount(name), _) => name.clone(),
            (SubjectRef::Pod(_), pod) => {
                pod.as_ref().map(|pod| pod.service_account.clone()).unwrap_or_default()
            }
        };
        // With --live=token the token is wanted anyway, so that its issuer is known without a second one.
        let requested = OnceCell::new();
        if self.live == Live::Token {
            let _ = requested.set(live::request(client, namespace, &account).await);
        }
        let issuer = async || match requested.get() {
            Some(Ok(raw)) => {
                let none = Seen::unknown("not asked");
                let (facts, _) = live::examine(raw, TokenSource::TokenRequest, None, &none, self.now());
                facts.claims.issuer.map_or_else(
                    || Seen::unknown("the token of TokenRequest names no issuer"),
                    |issuer| Seen::known(issuer, format!("TokenRequest for {namespace}/{account}")),
                )
            }
            Some(Err(why)) => Seen::unknown(why),
            None if self.live == Live::None => Seen::unknown("TokenRequest was not tried (--live=none)"),
            None => issuer_of_token(self.kube, &account, self.now()).await,
        };
        let http = &self.cloud.sts.http;
        let (mut cluster, keys) = collect::cluster(client, http, &self.kube.server, issuer)
            .await
            .map_err(|error| context::explain(error, self.kube))?;
        let ((namespace_facts, service_account), (annotated, (pods_using, wired))) = join(
            join(
                collect::namespace(client, namespace),
                collect::service_account(client, namespace, &account),
            ),
            join(
                collect::annotated_service_accounts(client, namespace),
                collect::pods_using(client, namespace, &account),
            ),
        )
        .await;
        let (token, usable) = match self.live {
            Live::None => (Seen::unknown("no live check was asked for (--live=none)"), None),
            Live::Token => match requested.into_inner() {
                Some(Ok(raw)) => {
                    let (facts, usable) =
                        live::examine(&raw, TokenSource::TokenRequest, None, &keys, self.now());
                    (Seen::known(facts, "TokenRequest"), usable)
                }
                Some(Err(why)) => (Seen::unknown(why), None),
                None => (Seen::unknown("TokenRequest was not tried"), None),
            },
            Live::Exec => match &mut pod {
                Some(pod) => self.read(pod, &keys).await,
                None => (Seen::unknown("there is no pod to read from"), None),
            },
        };
        let expected_role_arn = self.expected_role(&service_account, &cluster, wired.as_ref());
        let plan = self.plan(&account, pod.as_ref(), &expected_role_arn, &cluster);
        let exchange = async {
            match usable {
                Some(usable) => live::exchange(self.cloud, &plan, usable).await,
                None => Seen::unknown(match token.value().and_then(|token| token.problem.as_ref()) {
                    Some(_) => "there is no token to exchange",
                    None => token.why_unknown().unwrap_or("there is no token to exchange"),
                }),
            }
        };
        let of_account = join(
            collect::account(&self.cloud.account, &plan.role_arn, &plan.provider_arn),
            collect::cloud_cluster(&self.cloud.account, &cluster.cluster_id),
        );
        let owner = pod.as_ref().and_then(|pod| pod.owner.as_deref());
        let owner_labels = collect::owner_labels(client, namespace, owner);
        let (exchange, ((account_facts, cloud_cluster), owner_labels)) =
            join(exchange, join(of_account, owner_labels)).await;
        cluster.cloud = cloud_cluster;
        Ok(Facts {
            subject,
            namespace: namespace.to_owned(),
            cluster,
            namespace_facts,
            service_account_name: account,
            service_account,
            annotated_service_accounts: annotated,
            pods_using,
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

    async fn pod(&self, name: &str) -> Result<PodFacts, Error> {
        let namespace = &self.kube.namespace;
        match collect::pod(&self.kube.client, namespace, name).await {
            Err(error) => Err(context::explain(error, self.kube)),
            Ok(Some(pod)) => Ok(pod),
            Ok(None) => Err(Error::usage(format!("there is no pod {name} in namespace {namespace}"))
                .hint(format!("kubectl get pods -n {namespace}"))),
        }
    }

    /// Reads the token in the running pod, and lets what the container really sees stand in the pod's facts.
    async fn read(&self, pod: &mut PodFacts, keys: &Keys) -> Examined {
        let namespace = &self.kube.namespace;
        let container = self.args.container.as_deref();
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
            let (facts, _) = live::examine(&empty, source.clone(), Some(read.file.clone()), keys, self.now());
            (Seen::known(TokenFacts { problem: Some(problem), ..facts }, &from), None)
        };
        match &read.text {
            Ok(raw) => {
                let (facts, usable) = live::examine(raw, source, Some(read.file), keys, self.now());
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
        cluster: &ClusterFacts,
        wired: Option<&PodFacts>,
    ) -> Seen<String> {
        if let Some(arn) = &self.args.role_arn {
            return Seen::known(arn.clone(), "--role-arn");
        }
        let named = account.value().and_then(Option::as_ref).and_then(ServiceAccountFacts::role_name);
        if let Some(name) = named.filter(|name| arn::is_role_name(name)) {
            return cluster
                .account
                .map(|account| RoleArn { account: account.clone(), name: name.to_owned() }.to_string());
        }
        let by_hand = wired.and_then(|pod| {
            let value = pod.app_containers().find_map(|container| container.value(env_vars::ROLE_ARN))?;
            Some(Seen::known(value.to_owned(), format!("pod {}", pod.name)))
        });
        by_hand.unwrap_or_else(|| match account.as_result() {
            Err(why) => Seen::unknown(why),
            Ok(None) => Seen::unknown("the ServiceAccount does not exist"),
            Ok(Some(_)) => Seen::unknown("the ServiceAccount names no role"),
        })
    }

    /// What the exchange sends: what the command line says, what the pod would send, what ought to be sent.
    fn plan(
        &self,
        account: &str,
        pod: Option<&PodFacts>,
        expected_role: &Seen<String>,
        cluster: &ClusterFacts,
    ) -> Plan {
        let of_pod = |name: &str| {
            let pod = pod?;
            let chosen = |facts: &&crate::facts::ContainerFacts| match &self.args.container {
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
            role_arn: choose(&self.args.role_arn, env_vars::ROLE_ARN, expected_role),
            provider_arn: choose(
                &self.args.oidc_provider_arn,
                env_vars::OIDC_PROVIDER_ARN,
                &cluster.provider_arn,
            ),
            subject: (self.kube.namespace.clone(), account.to_owned()),
        }
    }

    fn now(&self) -> i64 {
        self.machine.clock.now().as_second()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_spelt_as_kubectl_spells_them() {
        for text in ["sa/demo", "serviceaccount/demo", "ServiceAccounts/demo"] {
            assert_eq!(subject(text).unwrap(), SubjectRef::ServiceAccount("demo".to_owned()));
        }
        assert_eq!(subject("po/demo.1").unwrap(), SubjectRef::Pod("demo.1".to_owned()));
        for text in ["demo", "svc/demo", "sa/", "sa/a/b", "sa/Demo", "sa/-a", "pod/../x", "sa/a b"] {
            assert_eq!(subject(text).unwrap_err().exit_code(), 2, "{text}");
        }
    }
}
