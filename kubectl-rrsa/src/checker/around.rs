//! A ServiceAccount and what is around it: its namespace, its pods, what makes them.

use std::collections::BTreeMap;

use futures_util::future::join;
use rrsa_shared::arn::{self, RoleArn};
use rrsa_shared::env_vars;
use rrsa_shared::proof::Plan;

use super::Checker;
use crate::collect;
use crate::collect::inventory::{self, Users};
use crate::facts::{
    AUDIENCE, NamespaceFacts, Overriding, OwnerFacts, PodFacts, Seen, ServiceAccountFacts, Workload,
    WorkloadPod,
};
use crate::rules::means_a_role;
use crate::shell::{addressed, word};
use crate::subjects::Wanted;

/// Of how many workloads of one ServiceAccount it is asked how they replace their pods.
const ASKED_OWNERS: usize = 20;

/// What a workload ought to name.
pub(super) struct Expected {
    pub(super) role: Seen<String>,
    pub(super) provider: Seen<String>,
}

/// A ServiceAccount and what is around it.
pub(super) struct Objects {
    pub(super) namespace_facts: Seen<Option<NamespaceFacts>>,
    pub(super) service_account: Seen<Option<ServiceAccountFacts>>,
    pub(super) annotated: Seen<Vec<String>>,
    pub(super) same_role: Seen<Vec<String>>,
    pub(super) users: Seen<Users>,
}

impl Checker<'_> {
    /// Pods that run as a ServiceAccount, and what of their owners matters. Where stock was taken of many: of those that RRSA has
    /// not reached, or that have another role; of all, where the webhook would not inject the next pod.
    pub(super) async fn workloads(
        &self,
        (namespace, account): (&str, &str),
        users: &Users,
        (injects, replaces): (bool, bool),
        expected_role: &Seen<String>,
        overriding: Overriding<'_>,
    ) -> (Vec<Workload>, BTreeMap<String, Seen<OwnerFacts>>) {
        let matters = |like: &PodFacts| {
            let role = like.role_arn();
            let has_key = like.acting_containers().any(|container| {
                env_vars::STATIC_KEY_ALIASES.iter().any(|name| container.env.contains_key(*name))
            });
            let is_for_sts =
                like.rrsa_projection().is_some_and(|one| one.audience.as_deref() == Some(AUDIENCE));
            !injects
                || self.inventory.is_none()
                || !like.is_wired()
                || has_key
                || !is_for_sts
                || role.is_some() && role != expected_role.value().map(String::as_str)
                || !like.is_of(&self.cluster)
        };
        let pods = users.workloads.iter().filter(|workload| matters(&workload.like)).flat_map(|w| &w.pods);
        let mut names: Vec<String> = pods.filter_map(|pod| pod.owner.clone()).collect();
        names.sort_unstable();
        names.dedup();
        names.truncate(ASKED_OWNERS);
        let found = collect::owners(&self.kube.client, namespace, names).await;
        let mut workloads = users.workloads.clone();
        for pod in workloads.iter_mut().flat_map(|workload| &mut workload.pods) {
            let is_gone =
                |owner: &&mut String| matches!(found.get(*owner).map(Seen::value), Some(Some(None)));
            if let Some(owner) = pod.owner.as_mut().filter(is_gone) {
                *owner = collect::without_deployment(owner, &pod.name);
            }
        }
        let mut owners: BTreeMap<_, _> =
            found.into_iter().map(|(name, found)| (name, collect::still_there(found))).collect();
        for owner in owners.values_mut() {
            let Seen::Known { value: made, .. } = owner else { continue };
            self.take_config_maps(namespace, &mut made.template, None, overriding).await;
            inventory::hold_against(&mut workloads, &made.template, account, replaces);
        }
        let cronjobs = users.cronjobs.clone().into_iter();
        owners.extend(cronjobs.map(|(name, facts)| (name, Seen::known(facts, "cronjobs"))));
        (workloads, owners)
    }

    /// Lets what a pod takes from ConfigMaps stand in its facts. `began`: when it did, nothing of a template.
    pub(super) async fn take_config_maps(
        &self,
        namespace: &str,
        pod: &mut PodFacts,
        began: Option<i64>,
        overriding: Overriding<'_>,
    ) {
        let is_injected = overriding.injects(pod);
        self.config_maps.settle(&self.kube.client, namespace, pod, began, is_injected).await;
    }

    /// What events say of the webhook, where a pod ought to have been injected and none was.
    pub(super) async fn webhook_failures(
        &self,
        namespace: &str,
        injects: bool,
        pod: Option<&PodFacts>,
        users: &Seen<Users>,
    ) -> Seen<Vec<String>> {
        let wired = match pod {
            Some(pod) => pod.is_wired(),
            None => users.value().is_some_and(|users| users.count.wired == users.count.total),
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

    /// Whether the webhook puts what RRSA needs into new pods of the ServiceAccount.
    pub(super) fn injects(
        &self,
        namespace: &Seen<Option<NamespaceFacts>>,
        account: &Seen<Option<ServiceAccountFacts>>,
        pod: Option<&PodFacts>,
    ) -> bool {
        let webhook = self.cluster.webhook.value().and_then(Option::as_ref);
        let answers = webhook.is_some_and(|webhook| webhook.answers(self.now()));
        let namespace = namespace.value().and_then(Option::as_ref).and_then(NamespaceFacts::injection);
        let asked = namespace == Some("on") || pod.and_then(PodFacts::injection) == Some("on");
        let role = account.value().and_then(Option::as_ref).and_then(ServiceAccountFacts::role_name);
        answers && asked && role.is_some()
    }

    /// A ServiceAccount, its namespace, and its pods.
    pub(super) async fn objects(&self, namespace: &str, account: &str) -> Objects {
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
        let names_none = |found: &ServiceAccountFacts| !means_a_role(found);
        let users = match service_account.value().and_then(Option::as_ref).is_some_and(names_none) {
            true => users.map(|users| users.clone().wired_only()),
            false => users,
        };
        Objects { namespace_facts, service_account, annotated, same_role, users }
    }

    /// The role the workload ought to use: as told on the command line, by the ServiceAccount, or by a pod of it.
    pub(super) fn expected_role(
        &self,
        namespace: &str,
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
        let by_hand = users.value().and_then(Users::role);
        let by_hand = by_hand.map(|(arn, pod)| Seen::known(arn.to_owned(), format!("pod {pod}")));
        by_hand.unwrap_or_else(|| match account.as_result() {
            Err(why) => Seen::unknown(why),
            Ok(None) => Seen::unknown("the ServiceAccount does not exist"),
            Ok(Some(_)) if named.is_some() => Seen::unknown("the ServiceAccount names what is no role"),
            Ok(Some(_)) => {
                let elsewhere = users.value().and_then(|users| named_elsewhere(&users.workloads));
                let why = elsewhere.map(|(owner, from)| {
                    let check = format!("kubectl rrsa check {owner} -n {}", word(namespace));
                    let check = addressed(&check, &self.cluster.chosen_by);
                    format!(", and {owner} takes its variables from {from}: {check} looks in a container")
                });
                Seen::unknown(format!("the ServiceAccount names no role{}", why.unwrap_or_default()))
            }
        })
    }
}

/// A workload that RRSA has reached, with variables that come from where nobody has looked, and from where.
fn named_elsewhere(workloads: &[Workload]) -> Option<(String, String)> {
    workloads.iter().filter(|workload| workload.like.is_wired()).find_map(|workload| {
        let container =
            workload.like.acting_containers().find(|container| container.takes_from_elsewhere())?;
        let pod = workload.pods.first()?;
        let owner = pod
            .owner
            .clone()
            .filter(|owner| owner.split_once('/').is_some_and(|(kind, _)| Wanted::knows(kind)));
        Some((owner.unwrap_or_else(|| format!("pod/{}", pod.name)), container.from_elsewhere()))
    })
}

/// Workloads of the ServiceAccount that name something that was not tried.
pub(super) fn untried_workloads(namespace: &str, workloads: &[Workload], plan: &Plan) -> Option<String> {
    let tried = [
        (env_vars::ROLE_ARN, plan.role_arn.value()?),
        (env_vars::OIDC_PROVIDER_ARN, plan.provider_arn.value()?),
    ];
    let names_other = |workload: &&Workload| {
        let containers = || workload.like.acting_containers();
        tried.iter().any(|(name, tried)| {
            containers().any(|container| container.value(name).is_some_and(|value| value != tried.as_str()))
        })
    };
    let pods = workloads.iter().filter(names_other).flat_map(|workload| &workload.pods);
    let name = |pod: &WorkloadPod| pod.owner.clone().unwrap_or_else(|| format!("pod/{}", pod.name));
    let names: Vec<String> = pods.filter(|pod| !pod.is_behind).map(name).collect();
    let first = names.first()?;
    let asked = first.split_once('/').filter(|(kind, _)| Wanted::knows(kind)).map(|_| first.as_str());
    let asked = asked.unwrap_or("pods");
    Some(format!(
        "another role or provider is named by {}, and was not tried: kubectl rrsa check {asked} -n {namespace} does",
        names.join(", ")
    ))
}
