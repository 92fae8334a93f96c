//! One subject in sections, as kubectl describe does it.

use std::fmt::Write as _;

use rrsa_shared::env_vars;

use super::hanging;
use super::printable;
use super::style::Style;
use crate::facts::{
    ContainerFacts, ContainerKind, Facts, NamespaceFacts, Seen, ServiceAccountFacts, SubjectRef,
};
use crate::identity::{Choice, Client, choice, falls_to_node};
use crate::report::{LinkStatus, Report};
use crate::rules::Link;

/// The subject, its chain and what is wrong with it.
#[must_use]
pub fn describe(report: &Report, style: Style) -> String {
    let facts = &report.facts;
    let mut shown = String::new();
    let asked = facts.asked_as.as_ref().filter(|_| !matches!(facts.subject, SubjectRef::Template(_)));
    let asked = asked.map(|asked| format!(" ({asked})")).unwrap_or_default();
    line(&mut shown, 0, "Subject", &format!("{}{asked}", facts.subject));
    line(&mut shown, 0, "Namespace", &facts.namespace);
    let injection = facts
        .namespace_facts
        .map(|found| found.as_ref().and_then(NamespaceFacts::injection).unwrap_or("<none>").to_owned());
    known(&mut shown, 2, "Injection", &injection);
    line(&mut shown, 0, "ServiceAccount", &facts.service_account_name);
    let role = facts
        .service_account
        .map(|found| found.as_ref().and_then(ServiceAccountFacts::role_name).unwrap_or("<none>").to_owned());
    known(&mut shown, 2, "Role name", &role);
    known(&mut shown, 2, "Role", &facts.expected_role_arn);
    let pods = facts.pods_using.map(|count| format!("{}, RRSA has reached {}", count.total, count.wired));
    known(&mut shown, 2, "Pods", &pods);
    for workload in facts.workloads.iter().filter(|workload| !workload.like.is_wired()) {
        for pod in &workload.pods {
            let owner = pod.owner.clone().unwrap_or_else(|| format!("pod/{}", pod.name));
            line(&mut shown, 2, "Not reached", &owner);
        }
    }
    let _ = writeln!(shown, "Cluster:");
    known(&mut shown, 2, "Issuer", &facts.cluster.issuer);
    known(&mut shown, 2, "Id", &facts.cluster.cluster_id);
    known(&mut shown, 2, "Region", &facts.cluster.region);
    known(&mut shown, 2, "Account", &facts.cluster.account);
    known(&mut shown, 2, "OIDC provider", &facts.cluster.provider_arn);
    let webhook =
        facts.cluster.webhook.map(|found| found.as_ref().map_or("<none>".to_owned(), ToString::to_string));
    known(&mut shown, 2, "Webhook", &webhook);
    pod(&mut shown, facts);
    token(&mut shown, facts);
    let doubts = report.links.iter().filter(|link| link.status == LinkStatus::Unseen);
    // What is missing because nothing was tried, or nobody has an access key, is no news.
    let doubts: Vec<_> =
        doubts.filter(|doubt| doubt.link > Link::Provider && doubt.link < Link::Token).collect();
    if report.findings.is_empty() && doubts.is_empty() {
        line(&mut shown, 0, "Findings", "<none>");
    } else if report.findings.is_empty() {
        for (index, doubt) in doubts.iter().enumerate() {
            let name = if index == 0 { "Findings" } else { "" };
            let why = doubt.unseen.as_deref().unwrap_or("not seen");
            line(&mut shown, 0, name, &format!("? {}: {why}", doubt.link));
        }
    } else {
        let _ = writeln!(shown, "Findings:");
        for finding in &report.findings {
            shown.push_str(&super::check::one(finding, style));
        }
    }
    shown
}

fn pod(shown: &mut String, facts: &Facts) {
    let Some(pod) = &facts.pod else { return };
    if pod.is_template {
        let _ = writeln!(shown, "Pod template:");
    } else {
        let _ = writeln!(shown, "Pod:");
        line(shown, 2, "Name", &pod.name);
        line(shown, 2, "Phase", pod.phase.as_deref().unwrap_or("?"));
    }
    line(shown, 2, "Owner", pod.owner.as_deref().unwrap_or("<none>"));
    for projection in &pod.projections {
        let audience = projection.audience.as_deref().unwrap_or("the API server");
        let seconds = projection.expiration_seconds.unwrap_or(3600);
        line(shown, 2, "Token volume", &format!("{}, for {audience}, {seconds} s", projection.volume));
    }
    let own = pod.containers.iter().filter(|container| container.kind != ContainerKind::Ephemeral);
    for container in own {
        let _ = writeln!(shown, "  Container {}:", printable(&container.name));
        for name in crate::facts::RRSA_ENV {
            let value = match container.env.get(name) {
                None => "<none>".to_owned(),
                Some(_) => container.value(name).unwrap_or("from elsewhere").to_owned(),
            };
            line(shown, 4, name, &value);
        }
        if pod.is_template && !pod.is_wired() {
            line(shown, 4, "Acts as", "? the webhook has the last word, when the pod is made");
            continue;
        }
        let _ = writeln!(shown, "    Acts as:");
        for client in Client::ALL {
            line(shown, 6, client.name(), &acts_as(client, container));
        }
    }
}

fn acts_as(client: Client, container: &ContainerFacts) -> String {
    match choice(client, container) {
        Choice::StaticKey(name) => format!("the access key in {name}, not RRSA"),
        Choice::Rrsa { role, host } => {
            let role = role.unwrap_or_else(|| "a role that is not known".to_owned());
            let after = if falls_to_node(container) { "; the node's role when that fails" } else { "" };
            format!("{role}, by {host}{after}")
        }
        Choice::File(path) => format!("whatever stands in {path}, not RRSA"),
        Choice::NodeRole => "the node's role, not RRSA".to_owned(),
        Choice::Address => format!("whoever answers at {}, not RRSA", env_vars::CREDENTIALS_URI),
        Choice::Nothing => "nobody".to_owned(),
        Choice::Unknown(why) => format!("? {why}"),
    }
}

fn token(shown: &mut String, facts: &Facts) {
    let token = match facts.token.as_result() {
        Err(why) => return line(shown, 0, "Token", &format!("? {why}")),
        Ok(token) => token,
    };
    let _ = writeln!(shown, "Token:");
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "<none>".to_owned());
    line(shown, 2, "Issuer", &text(&token.claims.issuer));
    line(shown, 2, "Audience", &token.claims.audiences.join(", "));
    line(shown, 2, "Subject", &text(&token.claims.subject));
    if let (Some(from), Some(to)) = (token.claims.issued_at, token.claims.expires_at) {
        line(shown, 2, "Life", &format!("{} s, {} s left", to - from, to - token.seen_at));
    }
}

fn known(shown: &mut String, indent: usize, name: &str, fact: &Seen<String>) {
    match fact.as_result() {
        Ok(value) => line(shown, indent, name, value),
        Err(why) => line(shown, indent, name, &format!("? {why}")),
    }
}

fn line(shown: &mut String, indent: usize, name: &str, value: &str) {
    let head = format!("{:indent$}{name}:", "");
    let column = 22.max(head.chars().count() + 1);
    // What is to be copied whole has a line of its own where it would not fit beside its name.
    let one_word = !value.contains(' ') && value.chars().count() <= 80 - indent - 2;
    if one_word && column + value.chars().count() > 80 {
        let _ = writeln!(shown, "{head}\n{:>width$}{}", "", printable(value), width = indent + 2);
        return;
    }
    let _ = writeln!(shown, "{}", hanging(&format!("{head:<column$}"), column, &printable(value)));
}
