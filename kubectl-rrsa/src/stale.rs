//! Pods that lack RRSA, or have another role, only because they are older than what would inject it: the label, the annotation,
//! the webhook.

use std::collections::BTreeMap;

use kube::Client;
use kube::api::ListParams;
use rrsa_shared::arn::RoleArn;
use serde::Serialize;

use crate::collect::{self, why_not};
use crate::facts::{
    ClusterFacts, Facts, OwnerFacts, PodFacts, Rollout, Seen, ServiceAccountFacts, SubjectRef, is_forbidden,
};
use crate::rules::{
    Finding, Link, Owned, RULES, Severity, Verdict, blank, fold, once_admitted, restart, stays_out,
};
use crate::shell::addressed;

/// Pods asked for at a time.
const PAGE: u32 = 500;
/// The rule that the pod has the role of another time.
const ROLE_OF_BEFORE: &str = "RRSA-S06";
/// The rules that the pod was injected in another cluster, or another account.
const OF_ELSEWHERE: [&str; 2] = ["RRSA-P11", "RRSA-C13"];
/// Rules that say that a new pod in its place would be as it ought to be; so do those of [`OF_ELSEWHERE`] where they type a
/// restart.
const OLDER: [&str; 5] = ["RRSA-P01", "RRSA-W08", "RRSA-W09", "RRSA-P12", ROLE_OF_BEFORE];
/// Rules that what stands in a pod template decides as well.
const OF_TEMPLATE: [&str; 4] = ["RRSA-N01", "RRSA-N02", "RRSA-W05", "RRSA-P04"];
/// Links that decide whether a new pod would be injected.
const DECIDES: [&str; 14] = [
    "RRSA-W01", "RRSA-W02", "RRSA-W03", "RRSA-W05", "RRSA-W06", "RRSA-N01", "RRSA-N02", "RRSA-N03",
    "RRSA-P03", "RRSA-P22", "RRSA-S01", "RRSA-S02", "RRSA-S03", "RRSA-S04",
];

/// What to restart, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stale {
    /// Namespace.
    pub namespace: String,
    /// What made the pods, such as `deployment/demo`; nothing did when it is absent.
    pub owner: Option<String>,
    /// ServiceAccount of the pods.
    pub service_account: String,
    /// Names of the pods that lack RRSA, or have the role of before.
    pub pods: Vec<String>,
    /// The rule that says why the first of them does.
    pub rule: &'static str,
    /// Its title.
    pub why: &'static str,
    /// What to type, where one command does it.
    pub command: Option<String>,
}

/// What a pod without RRSA is.
enum Kind {
    Stale(Box<Finding>),
    /// A new pod would not be injected either.
    Broken,
    /// Not to be told: why.
    Unseen(String),
}

/// The stale pods of one ServiceAccount, by owner. `has_key`: whether a role's trust policy can be looked at.
///
/// # Errors
/// Why they cannot be told.
pub async fn of_service_account(
    client: &Client,
    cluster: &ClusterFacts,
    (namespace, account): (&str, &str),
    has_key: bool,
) -> Result<Vec<Stale>, String> {
    let namespace_facts = collect::namespace(client, namespace).await;
    let service_account = collect::service_account(client, namespace, account).await;
    let (mut stale, mut unseen): (Vec<Stale>, _) = (Vec::new(), None);
    let mut live = pods(client, namespace, account).await?;
    live.retain(|pod| !pod.is_over());
    let named = service_account.value().and_then(Option::as_ref).and_then(ServiceAccountFacts::role_name);
    let is_fine = |pod: &PodFacts| {
        let role = pod.role_arn().and_then(|arn| RoleArn::parse(arn).ok());
        pod.is_wired() && role.is_none_or(|role| Some(role.name.as_str()) == named) && pod.is_of(cluster)
    };
    live.retain(|pod| !is_fine(pod));
    let mut names: Vec<String> = live.iter().filter_map(|pod| pod.owner.clone()).collect();
    names.sort_unstable();
    names.dedup();
    let owners = collect::owners(client, namespace, names).await;
    let without = live.iter().any(|pod| !pod.is_wired());
    let failures = match without {
        true => collect::webhook_failures(client, Some(namespace)).await,
        false => Seen::unknown("not asked"),
    };
    // What may not be seen of them keeps nothing from being restarted.
    let failures = failures.value().and_then(|all| all.get(namespace)).cloned().unwrap_or_default();
    for pod in &mut live {
        let is_gone = |owner: &&mut String| matches!(owners.get(*owner).map(Seen::value), Some(Some(None)));
        if let Some(owner) = pod.owner.as_mut().filter(is_gone) {
            *owner = collect::without_deployment(owner, &pod.name);
        }
    }
    let owners: BTreeMap<_, _> =
        owners.into_iter().map(|(name, found)| (name, collect::still_there(found))).collect();
    for pod in live {
        let (owner, name) = (pod.owner.clone(), pod.name.clone());
        let made_by = owner.as_ref().and_then(|owner| owners.get(owner)).cloned();
        let of_namespace = Facts {
            cluster: cluster.clone(),
            namespace_facts: namespace_facts.clone(),
            service_account: service_account.clone(),
            webhook_failures: Seen::known(failures.clone(), "events"),
            ..blank(namespace)
        };
        match judge(of_namespace, pod, made_by) {
            Kind::Broken => {}
            Kind::Unseen(why) => unseen = unseen.or(Some(why)),
            Kind::Stale(finding) => {
                match stale
                    .iter_mut()
                    .find(|known| owner.is_some() && known.owner == owner && known.rule == finding.rule)
                {
                    Some(known) => known.pods.push(name),
                    None => stale.push(Stale {
                        namespace: namespace.to_owned(),
                        service_account: account.to_owned(),
                        pods: vec![name],
                        rule: finding.rule,
                        why: finding.title,
                        command: None,
                        owner,
                    }),
                }
            }
        }
    }
    for one in &mut stale {
        let rollout = |owner: &String| owners.get(owner).map(Rollout::of).unwrap_or_default();
        let owned = Owned {
            rollout: one.owner.as_ref().map(rollout).unwrap_or_default(),
            pods: one.pods.iter().map(String::as_str).collect(),
            more: 0,
        };
        one.command = restart(namespace, [(one.owner.as_deref(), owned)]);
        let role = service_account.value().and_then(Option::as_ref).and_then(ServiceAccountFacts::role_name);
        // What runs has a role that works, until the one that is named now lets it in.
        if let (ROLE_OF_BEFORE, Some(command), Some(role)) = (one.rule, &mut one.command, role) {
            let check = once_admitted(namespace, account, role);
            *command = match has_key {
                true => format!("{check} && {command}"),
                false => format!("# once role {role} lets it in ({check}, with an access key): {command}"),
            };
        }
        one.command = one.command.take().map(|command| addressed(&command, &cluster.chosen_by));
    }
    unseen.map_or(Ok(stale), Err)
}

fn judge(of_namespace: Facts, pod: PodFacts, made_by: Option<Seen<OwnerFacts>>) -> Kind {
    let mut facts = Facts {
        subject: SubjectRef::Pod(pod.name.clone()),
        service_account_name: pod.service_account.clone(),
        pod: Some(pod),
        owner: made_by.unwrap_or_else(|| Seen::unknown("nothing made it")),
        ..of_namespace
    };
    facts.settle_owner();
    if stays_out(&facts) || would_fail(&facts) {
        return Kind::Broken;
    }
    // Of what is wired only the role and the cluster may be of another time.
    let is_wired = facts.is_wired();
    let of_wired = |id: &str| id == ROLE_OF_BEFORE || OF_ELSEWHERE.contains(&id);
    let rules = RULES.iter().filter(|rule| !is_wired || of_wired(rule.id));
    let verdicts: Vec<_> = rules.map(|rule| (rule, (rule.judge)(&facts))).collect();
    let unseen = verdicts.iter().find_map(|(rule, verdict)| match verdict {
        Verdict::Unseen(why) if DECIDES.contains(&rule.id) => Some(why.clone()),
        _ => None,
    });
    let findings = fold(verdicts.iter().filter_map(|(rule, verdict)| rule.finding(verdict)).collect());
    let first = findings.into_iter().find(|finding| finding.severity >= Severity::Error);
    // The pod template may have by now what its pod lacks.
    let hidden = facts.owner.why_unknown().filter(|why| is_forbidden(why)).map(str::to_owned);
    // What stands in the template no restart mends.
    let is_older = |one: &Finding| {
        OLDER.contains(&one.rule) || (OF_ELSEWHERE.contains(&one.rule) && one.command.is_some())
    };
    match (first, unseen) {
        (Some(finding), _) if !is_older(&finding) => match hidden {
            Some(why) if OF_TEMPLATE.contains(&finding.rule) => Kind::Unseen(why),
            _ => Kind::Broken,
        },
        (_, Some(why)) => Kind::Unseen(why),
        (Some(finding), None) => Kind::Stale(Box::new(finding)),
        (None, None) => Kind::Broken,
    }
}

/// Whether a new pod would be injected and not work: for what stands in the template that makes it.
fn would_fail(facts: &Facts) -> bool {
    let Some(made) = facts.owner.value().map(|owner| &owner.template) else { return false };
    let next = Facts { pod: Some(made.clone()), ..facts.clone() };
    let of_pods = RULES.iter().filter(|rule| rule.link == Link::Pod);
    let mut found = of_pods.filter_map(|rule| rule.finding(&(rule.judge)(&next)));
    found.any(|finding| finding.severity >= Severity::Error)
}

async fn pods(client: &Client, namespace: &str, account: &str) -> Result<Vec<PodFacts>, String> {
    let page = ListParams::default().fields(&format!("spec.serviceAccountName={account}")).limit(PAGE);
    let found = collect::pods(client, namespace, page).await;
    let found = found.map_err(|error| why_not(&error, &format!("list pods in {namespace}")))?;
    Ok(found.iter().map(collect::pod_facts).collect())
}
