//! Which pod stands for a workload.

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use serde_json::Value;

use super::kinds::Workload;
use super::{PAGE, Subject};
use crate::collect;
use crate::context::{self, KubeContext};
use crate::error::Error;
use crate::facts::{OwnerFacts, PodFacts, SubjectRef, WorkloadPod, may_replace};

/// The newest pod of a workload that its template of today has made; the template where there is none.
pub(super) async fn of_workload(
    kube: &KubeContext,
    workload: &Workload,
    object: &Value,
) -> Result<Subject, Error> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = text("/metadata/name");
    let namespace = match text("/metadata/namespace") {
        namespace if namespace.is_empty() => kube.namespace.clone(),
        namespace => namespace,
    };
    let asked_as = Some(format!("{}/{name}", workload.singular));
    let subject_of = |pod: PodFacts, beside| Subject {
        pod: Some(Box::new(pod.clone())),
        asked_as: asked_as.clone(),
        beside,
        ..Subject::of(namespace.clone(), SubjectRef::Pod(pod.name))
    };
    let made = collect::template(workload.kind, object).map_err(|error| {
        Error::could_not_tell(format!(
            "{} {name} in namespace {namespace} is not of the shape of its kind",
            workload.singular
        ))
        .caused_by(error)
    })?;
    let mut beside = Vec::new();
    if let Some(selector) = object.pointer("/spec/selector").and_then(selector) {
        let selected = ListParams::default().labels(&selector).limit(PAGE);
        let pods = collect::pods(&kube.client, &namespace, selected).await;
        let pods = pods.map_err(|error| context::explain(error, kube))?;
        let own = |pod: &&Pod| {
            let owners = pod.metadata.owner_references.iter().flatten();
            match workload.singular {
                // A Deployment owns its pods through a ReplicaSet, and is not named in them.
                "deployment" => collect::pod_facts(pod).owner == asked_as,
                _ => owners.into_iter().any(|owner| owner.kind == workload.kind && owner.name == name),
            }
        };
        let own: Vec<PodFacts> = pods.iter().filter(own).map(collect::pod_facts).collect();
        // A template that names a role may have it replaced by the webhook, as its namespace says.
        let replaces = match made.as_ref().is_some_and(PodFacts::names_rrsa) {
            true => may_replace(&collect::namespace(&kube.client, &namespace).await),
            false => false,
        };
        // What has ended is what a job was for, and of anything else nothing that runs.
        let stands = |pod: &&PodFacts| workload.singular == "job" || !pod.is_over();
        let chosen = of_today(&own, made.as_ref(), replaces).filter(stands);
        let others = own.iter().filter(|pod| !pod.is_over() && chosen.is_none_or(|one| one.name != pod.name));
        beside = others
            .filter_map(|pod| match is_behind(pod, chosen, made.as_ref(), replaces) {
                true => Some(kept_beside(pod, true)),
                // What the chosen one lacks this one lacks too.
                false => (!pod.is_wired()).then(|| kept_beside(pod, false)),
            })
            .collect();
        if let Some(pod) = chosen {
            return Ok(subject_of(pod.clone(), beside));
        }
    }
    if workload.singular == "cronjob" {
        let newest = newest_run(kube, &namespace, &name).await?;
        // What the CronJob makes now says more than a run of the time before.
        let replaces = match made.as_ref().is_some_and(PodFacts::names_rrsa) {
            true => may_replace(&collect::namespace(&kube.client, &namespace).await),
            false => false,
        };
        let is_of_before =
            |pod: &PodFacts| made.as_ref().is_some_and(|made| pod.is_of_before(made, replaces));
        match newest {
            Some(pod) if is_of_before(&pod) => beside.push(kept_beside(&pod, true)),
            Some(pod) => return Ok(subject_of(pod, beside)),
            None => {}
        }
    }
    let labels = collect::own_labels(object);
    let template =
        made.map(|template| Box::new(OwnerFacts { labels, rollout: collect::rollout(object), template }));
    let owner = format!("{}/{name}", workload.singular);
    let next_pod = collect::raw_template(workload.kind, object).ok().flatten().map(Box::new);
    let of = Subject::of(namespace.clone(), SubjectRef::Template(owner));
    Ok(Subject { asked_as: asked_as.clone(), template, next_pod, beside, ..of })
}

/// The newest running pod of a CronJob. Its pods are those of its jobs, which carry its name and a number.
async fn newest_run(kube: &KubeContext, namespace: &str, cronjob: &str) -> Result<Option<PodFacts>, Error> {
    let pods = collect::pods(&kube.client, namespace, ListParams::default().limit(PAGE)).await;
    let pods = pods.map_err(|error| context::explain(error, kube))?;
    let is_run = |pod: &PodFacts| {
        let job = pod.owner.as_deref().and_then(|owner| owner.strip_prefix("job/"));
        let number = job.and_then(|job| job.strip_prefix(cronjob)?.strip_prefix('-'));
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
            && pod.phase.as_deref() == Some("Running")
            && !pod.is_leaving
    };
    Ok(pods.iter().map(collect::pod_facts).filter(is_run).max_by_key(|pod| pod.created_at))
}

/// The newest pod of those that the template of today has made, or one that runs and is wired alike. What has ended stands
/// for a workload of which nothing lives.
fn of_today<'a>(pods: &'a [PodFacts], template: Option<&PodFacts>, replaces: bool) -> Option<&'a PodFacts> {
    let none_lives = pods.iter().all(PodFacts::is_over);
    let counts = |pod: &&PodFacts| {
        (none_lives || !pod.is_over())
            && !template.is_some_and(|template| pod.is_of_before(template, replaces))
    };
    let newest = pods.iter().filter(counts).max_by_key(|pod| (pod.created_at, pod.is_wired()))?;
    let wiring = newest.wiring();
    let alike = pods.iter().filter(counts).filter(|pod| pod.wiring() == wiring);
    alike.max_by_key(|pod| (pod.phase.as_deref() == Some("Running"), pod.created_at))
}

/// Whether a pod is only of the time before: of another template, or wired unlike the newest.
fn is_behind(pod: &PodFacts, chosen: Option<&PodFacts>, template: Option<&PodFacts>, replaces: bool) -> bool {
    let of_before = template.is_some_and(|template| pod.is_of_before(template, replaces));
    let unlike = |chosen: &PodFacts| chosen.is_wired() && chosen.wiring() != pod.wiring();
    !pod.is_over() && (of_before || chosen.is_some_and(unlike))
}

fn kept_beside(pod: &PodFacts, is_behind: bool) -> crate::facts::Workload {
    let one = WorkloadPod {
        owner: pod.owner.clone(),
        name: pod.name.clone(),
        created_at: pod.created_at,
        more: 0,
        is_behind,
    };
    crate::facts::Workload { like: pod.clone().likeness(), pods: vec![one] }
}

/// A label selector as a query wants it.
fn selector(selector: &Value) -> Option<String> {
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    let mut parts: Vec<String> =
        labels.filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect();
    for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = expression["key"].as_str()?;
        let values: Vec<&str> =
            expression["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        parts.push(match expression["operator"].as_str()? {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return None,
        });
    }
    (!parts.is_empty()).then(|| parts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_written_as_queries() {
        let json = serde_json::json!({"matchLabels": {"app": "demo"}, "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["a", "b"]}, {"key": "old", "operator": "DoesNotExist"},
        ]});
        assert_eq!(selector(&json).as_deref(), Some("app=demo,tier in (a,b),!old"));
        assert_eq!(selector(&serde_json::json!({})), None);
    }
}
