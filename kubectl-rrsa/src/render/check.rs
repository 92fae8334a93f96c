//! A report for eyes: the chain as a checklist, then what is wrong and what to type.

use std::fmt::Write as _;

use super::hanging;
use super::printable;
use super::style::Style;
use crate::facts::{ExchangeOutcome, Facts, PodFacts, SubjectRef, TokenSource};
use crate::report::{Conclusion, LinkReport, LinkStatus, Report};
use crate::rules::{Finding, Link, RULES, Severity};

/// Several reports, and how many of each kind there are.
#[must_use]
pub fn checks(reports: &[Report], style: Style) -> String {
    let many = reports.len() > 1;
    let mut shown: Vec<String> = Vec::new();
    let mut lines = String::new();
    for report in reports {
        // Of many, those that need nobody's eyes take a line.
        if many && report.conclusion == Conclusion::Healthy && report.findings.is_empty() {
            lines.push_str(&line(report, style));
            continue;
        }
        shown.extend((!lines.is_empty()).then(|| std::mem::take(&mut lines)));
        shown.push(check(report, style));
    }
    shown.extend((!lines.is_empty()).then_some(lines));
    if many {
        let count = |conclusion| reports.iter().filter(|report| report.conclusion == conclusion).count();
        let told = [
            (Conclusion::Healthy, "healthy"),
            (Conclusion::Clean, "clean"),
            (Conclusion::Broken, "broken"),
            (Conclusion::Unknown, "could not be told"),
        ];
        // Files are never healthy, and a cluster is never clean.
        let told = told.iter().filter(|(conclusion, _)| match conclusion {
            Conclusion::Clean => reports.iter().any(|report| report.facts.offline),
            Conclusion::Healthy | Conclusion::Unknown => reports.iter().any(|report| !report.facts.offline),
            Conclusion::Broken => true,
        });
        let told: Vec<_> = told.map(|(which, words)| format!("{} {words}", count(*which))).collect();
        shown.push(format!("{} checked: {}.\n", reports.len(), told.join(", ")));
    }
    shown.join("\n")
}

fn subject(facts: &Facts) -> String {
    // A template says itself whose it is.
    let asked = facts.asked_as.as_ref().filter(|_| !matches!(facts.subject, SubjectRef::Template(_)));
    let asked = asked.map(|asked| format!("{asked}: ")).unwrap_or_default();
    format!("{asked}{} in namespace {}", facts.subject, facts.namespace)
}

/// A healthy subject and its identity.
fn line(report: &Report, style: Style) -> String {
    let head = format!("{} ", style.good("✓"));
    let role = report.facts.role_in_use.value().map_or("", String::as_str);
    let words = format!("{}: {role}", subject(&report.facts));
    format!("{}\n", hanging(&head, 2, &printable(&words)))
}

/// The report.
#[must_use]
pub fn check(report: &Report, style: Style) -> String {
    let facts = &report.facts;
    let mut shown = format!("{}\n\n", style.strong(&printable(&subject(facts))));
    for link in &report.links {
        let mark = match link.status {
            LinkStatus::Good => style.good("✓"),
            LinkStatus::Warned => style.doubtful("!"),
            LinkStatus::Broken => style.bad("✗"),
            LinkStatus::Unseen => style.doubtful("?"),
            LinkStatus::NotAsked | LinkStatus::Follows => "-".to_owned(),
        };
        let head = format!("{mark} {:<15}", link.link.to_string());
        let _ = writeln!(shown, "{}", hanging(&head, 17, &printable(&words(report, link))));
    }
    for finding in &report.findings {
        shown.push('\n');
        shown.push_str(&one(finding, style));
    }
    if report.conclusion != Conclusion::Clean {
        shown.push_str(&grants(report, style));
    }
    shown.push('\n');
    let conclusion = match report.conclusion {
        Conclusion::Healthy => style.good(&filled(&format!("Healthy: {}.", printable(&identity(facts))))),
        Conclusion::Broken => {
            let first = report.findings.iter().find(|f| Some(f.rule) == report.first_broken);
            let first = first.map(|first| format!("{} ({}: {})", first.link, first.rule, first.title));
            let words = format!("Broken: the first broken link is {}.", first.unwrap_or_default());
            style.bad(&filled(&words))
        }
        Conclusion::Clean => match report.findings.iter().filter(|f| f.severity == Severity::Warning).count()
        {
            0 => style.good("Clean: nothing wrong stands in the files; nothing was tried."),
            1 => style
                .doubtful("Clean but for the warning: nothing else stands in the files; nothing was tried."),
            _ => style
                .doubtful("Clean but for the warnings: nothing else stands in the files; nothing was tried."),
        },
        Conclusion::Unknown if facts.was_granted() && facts.token_instead.is_some() => {
            // What does not run cannot be entered.
            let running = facts.pod.as_ref().is_some_and(PodFacts::is_running);
            let inside = if running { ", --live=ephemeral reads the pod's own" } else { "" };
            let words = format!(
                "Could not tell: the identity is proven, but by a token of the API server, for {}. --live=token takes that \
                 for an answer{inside}.",
                printable(facts.token_instead.as_deref().unwrap_or_default())
            );
            style.doubtful(&filled(&words))
        }
        Conclusion::Unknown => style.doubtful("Could not tell: nothing wrong was seen, but not enough was."),
    };
    let _ = writeln!(shown, "{conclusion}");
    shown
}

/// What would let more be seen, each reason once.
fn grants(report: &Report, style: Style) -> String {
    let mut shown = String::new();
    // RAM would say which condition of a trust policy does not fit; of another broken link it tells nothing new.
    let doubt = report.conclusion == Conclusion::Unknown && !report.facts.was_granted();
    let ram = doubt || report.facts.was_refused();
    for reason in ["RRSA-A01", "RRSA-A02"].into_iter().filter(|reason| *reason == "RRSA-A01" || ram) {
        let skipped = report.skipped.iter().filter(|skipped| skipped.because == Some(reason));
        let mut grants: Vec<&str> =
            skipped.flat_map(|skipped| skipped.grant.iter().map(String::as_str)).collect();
        grants.sort_unstable();
        grants.dedup();
        if grants.is_empty() {
            continue;
        }
        let what = match reason {
            "RRSA-A01" => "more can be seen with these permissions of the cluster (RBAC)",
            _ => "more can be seen with an access key that has these permissions (RAM)",
        };
        let _ = writeln!(shown, "\n{} {}", style.doubtful("?"), style.strong(&format!("{reason}: {what}")));
        if reason == "RRSA-A02" {
            let statement = format!("{{Effect: Allow, Resource: \"*\", Action: [{}]}}", grants.join(", "));
            let _ = writeln!(shown, "{}", hanging(&format!("    {:<10}", "grant"), 14, &statement));
            continue;
        }
        for grant in grants {
            let _ = writeln!(shown, "    {:<10}{}", "grant", printable(grant));
        }
    }
    shown
}

fn filled(text: &str) -> String {
    hanging("", 0, text)
}

pub(super) fn one(finding: &Finding, style: Style) -> String {
    let mark = match finding.severity {
        Severity::Info => "i".to_owned(),
        Severity::Warning => style.doubtful("!"),
        Severity::Error | Severity::Critical => style.bad("✗"),
    };
    let head = format!("{} {}: {}", finding.rule, finding.severity, finding.title);
    let mut shown = format!("{mark} {}\n", style.strong(&head));
    let rows = [
        ("expected", Some(&finding.expected)),
        ("seen", Some(&finding.seen)),
        ("where", Some(&finding.place)),
        ("mend", Some(&finding.remedy)),
        ("type", finding.command.as_ref()),
    ];
    for (name, text) in rows {
        if let Some(text) = text {
            let head = format!("    {name:<10}");
            // A command is copied as one line.
            let _ = match name {
                "type" => writeln!(shown, "{head}{}", printable(text)),
                _ => writeln!(shown, "{}", hanging(&head, 14, &printable(text))),
            };
            if name == "where" && !finding.also.is_empty() {
                let also: Vec<_> = finding.also.iter().map(|one| one.what.as_str()).collect();
                let _ = writeln!(shown, "{}", hanging("    also      ", 14, &printable(&also.join(", "))));
            }
        }
    }
    for symptom in &finding.symptoms {
        let title = RULES.iter().find(|rule| rule.id == *symptom).map_or("", |rule| rule.title);
        let _ = writeln!(shown, "    {:<10}{symptom}: {title}", "so also");
    }
    shown
}

/// One line on a link: what it says when it is good, why not otherwise.
fn words(report: &Report, link: &LinkReport) -> String {
    let bad = |f: &&Finding| f.link == link.link && f.severity > Severity::Info;
    // Of equals the first, as the verdict names it.
    if let Some(worst) = report.findings.iter().filter(bad).rev().max_by_key(|f| f.severity) {
        return format!("{} {}", worst.rule, worst.title);
    }
    if link.status == LinkStatus::Follows {
        let symptoms = RULES.iter().filter(|rule| rule.link == link.link);
        let cause = symptoms.filter_map(|rule| {
            report
                .findings
                .iter()
                .find(|finding| finding.symptoms.contains(&rule.id))
                .map(|finding| (rule, finding))
        });
        let mut cause =
            cause.map(|(rule, finding)| format!("{}, which follows from {}", rule.title, finding.rule));
        match (cause.next(), &link.unseen) {
            (Some(words), _) => return words,
            (None, Some(why)) if link.link == Link::Token => return why.clone(),
            _ if report.facts.was_refused() => return "STS refused; another link says why".to_owned(),
            _ => {}
        }
    }
    if link.status == LinkStatus::Unseen {
        return link.unseen.clone().unwrap_or_default();
    }
    let facts = &report.facts;
    match link.link {
        Link::Cluster => facts.cluster.issuer.value().map(|issuer| format!("issuer {issuer}")),
        Link::Provider => provider(facts),
        Link::Webhook => webhook(facts),
        Link::TrustPolicy => trust_policy(facts),
        Link::Namespace => {
            let namespace = facts.namespace_facts.value().and_then(Option::as_ref);
            let asks = namespace.is_some_and(|namespace| namespace.injection() == Some("on"));
            let on = |pod: &PodFacts| pod.injection() == Some("on");
            let asks_itself = || match &facts.pod {
                Some(pod) => on(pod).then_some("the pod's own label asks the webhook to inject"),
                None => {
                    let any = facts.workloads.iter().any(|workload| on(&workload.like));
                    any.then_some("labels of pods ask the webhook to inject")
                }
            };
            let wired = || facts.is_reached().then_some("the workload is wired, injected or by hand");
            asks.then_some("asks the webhook to inject")
                .or_else(wired)
                .or_else(asks_itself)
                .map(str::to_owned)
        }
        Link::ServiceAccount => account(facts),
        Link::Pod => pod(facts),
        Link::Token => token(facts),
        Link::Exchange => exchange(facts),
        Link::Identity => facts.exchange.value().map(|_| identity(facts)),
    }
    .unwrap_or_default()
}

fn provider(facts: &Facts) -> Option<String> {
    let proof = match facts.account.provider.value() {
        Some(Some(_)) => "IMS has it",
        _ if facts.provider_is_proven() => "STS took it",
        _ => return None,
    };
    facts.provider_in_use.value().map(|arn| format!("{arn}, {proof}"))
}

fn webhook(facts: &Facts) -> Option<String> {
    Some(match facts.cluster.webhook.as_result() {
        Err(_) if facts.is_wired() => "not looked at, and not needed: the workload is wired".to_owned(),
        Err(_) => return None,
        Ok(found) => match found {
            None => "not installed, and not needed here".to_owned(),
            Some(webhook) if facts.is_reached() && !webhook.answers(facts.looked_at) => {
                format!("{webhook}, and not needed here")
            }
            Some(webhook) => webhook.to_string(),
        },
    })
}

fn trust_policy(facts: &Facts) -> Option<String> {
    // The one that comes nearest is meant.
    if facts.offline && facts.provider_in_use.value().is_none() {
        return Some(
            "a provider of the policy is let in; --oidc-provider-arn says which is the cluster's".to_owned(),
        );
    }
    let role = facts.role_in_use.value()?;
    match facts.account.role.value() {
        _ if facts.was_granted() => Some(format!("{role} admits it")),
        Some(Some(_)) => Some(format!("{role} would admit it")),
        _ => None,
    }
}

fn account(facts: &Facts) -> Option<String> {
    let account = facts.service_account.value()?.as_ref()?;
    let role = account.role_name().map_or_else(|| "names no role".to_owned(), |role| format!("role {role}"));
    Some(format!("{}: {role}", account.name))
}

fn pod(facts: &Facts) -> Option<String> {
    let Some(pod) = &facts.pod else {
        let count = facts.pods_using.value()?;
        let pods = if count.total == 1 {
            "1 pod uses it".to_owned()
        } else {
            format!("{} pods use it", count.total)
        };
        return Some(format!("{pods}, RRSA has reached {}", count.wired));
    };
    if pod.is_template && !pod.is_wired() {
        let words = match facts.workloads.is_empty() {
            true => "there is no pod; nothing in the template is in the way",
            false => "no pod is of this template; nothing in it is in the way",
        };
        return Some(words.to_owned());
    }
    let with = pod.app_containers().filter(|container| container.has_rrsa_env()).count();
    let volume = pod.rrsa_projection().map_or("no token volume", |projection| projection.volume.as_str());
    Some(format!("{volume}, variables in {with} of {} containers", pod.app_containers().count()))
}

fn token(facts: &Facts) -> Option<String> {
    let token = facts.token.value()?;
    let from = match &token.source {
        TokenSource::TokenRequest => "TokenRequest".to_owned(),
        TokenSource::Exec { container } => format!("file in container {container}"),
        TokenSource::Probe => "file, read by the probe in the pod".to_owned(),
        TokenSource::Beside => "file, read by the probe in a pod of its own".to_owned(),
    };
    let mode = token.file.as_ref().and_then(|file| file.mode.value());
    let mode = mode.map(|mode| format!(", mode {mode}")).unwrap_or_default();
    let left = token
        .claims
        .expires_at
        .map(|at| format!(", {} s left", at - facts.seen_at(token)))
        .unwrap_or_default();
    let signed = match token.signature.value() {
        Some(None) => ", signed by a published key",
        _ => "",
    };
    Some(format!("{from}{mode}{left}{signed}"))
}

fn exchange(facts: &Facts) -> Option<String> {
    let exchange = facts.exchange.value()?;
    let tries =
        if exchange.attempts > 1 { format!(", {} attempts", exchange.attempts) } else { String::new() };
    Some(format!("AssumeRoleWithOIDC at {}, {} ms{tries}", exchange.endpoint, exchange.took_ms))
}

fn identity(facts: &Facts) -> String {
    match facts.exchange.value().map(|exchange| &exchange.outcome) {
        Some(ExchangeOutcome::Granted { identity, .. }) => match identity.value() {
            Some(identity) => format!("{}, {} ms", identity.arn, identity.took_ms),
            None => identity.why_unknown().unwrap_or_default().to_owned(),
        },
        _ => "no session".to_owned(),
    }
}
