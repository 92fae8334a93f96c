//! The cluster's facts for eyes: one a line, with where each was read.

use std::fmt::Write as _;

use rrsa_shared::ack::ClusterDetail;

use super::hanging;
use super::printable;
use super::style::Style;
use crate::facts::{ClusterFacts, Seen, WebhookFacts};

/// The facts, aligned; what could not be seen is `?` with the reason.
#[must_use]
pub fn status(facts: &ClusterFacts, style: Style) -> String {
    let text = |seen: &Seen<String>| seen.clone();
    let rows: [(&str, Seen<String>); 14] = [
        ("RRSA", facts.rrsa_enabled.map(|on| if *on { "on" } else { "off" }.to_owned())),
        ("Issuer", text(&facts.issuer)),
        ("Discovery URL", text(&facts.discovery_url)),
        ("JWKS URL", text(&facts.jwks_url)),
        ("Key ids", facts.key_ids.map(|ids| ids.join(", "))),
        ("Provider", text(&facts.provider_name)),
        ("Provider ARN", text(&facts.provider_arn)),
        ("Cluster id", text(&facts.cluster_id)),
        ("Region", text(&facts.region)),
        ("Account", text(&facts.account)),
        ("Webhook", facts.webhook.map(webhook)),
        ("In the cloud", facts.cloud.map(cloud)),
        ("API server", Seen::known(facts.server.clone(), "kubeconfig")),
        ("Version", text(&facts.version)),
    ];
    let mut shown = String::new();
    for (name, seen) in rows {
        let line = match &seen {
            Seen::Known { value, from } => format!("{}  ({})", printable(value), printable(from)),
            Seen::Unknown(why) => format!("{}  ({})", style.doubtful("?"), printable(why)),
        };
        let _ = writeln!(shown, "{}", hanging(&format!("{:<15}", format!("{name}:")), 15, &line));
    }
    shown
}

fn webhook(facts: &Option<WebhookFacts>) -> String {
    facts.as_ref().map_or_else(|| "not installed".to_owned(), WebhookFacts::to_string)
}

fn cloud(detail: &Option<ClusterDetail>) -> String {
    let Some(detail) = detail else { return "the account has no cluster of this id".to_owned() };
    let state = detail.state.as_deref().unwrap_or("state not told");
    let rrsa = match &detail.rrsa {
        None => "RRSA not told".to_owned(),
        Some(rrsa) if !rrsa.enabled => "RRSA off".to_owned(),
        Some(rrsa) => format!("RRSA on, issuer {}", rrsa.first_issuer().unwrap_or("not told")),
    };
    format!("{state}, {rrsa}")
}
