//! Events that tell of pods which the webhook kept from being made.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Event;
use kube::Client;
use kube::api::{Api, ListParams};

use super::cluster::WEBHOOK;
use super::reason::why_not;
use crate::facts::Seen;

/// Events asked for at a time.
const PAGE: u32 = 500;
/// Words of the API server when it could not call a webhook.
const FAILED: &str = "failed calling webhook";

/// What events say of the webhook, by namespace: each once, such as `replicaset/demo-5d8f: … x509: …`.
pub type WebhookFailures = BTreeMap<String, Vec<String>>;

/// Pods of one namespace, or of all, that could not be made because the webhook was not reached.
pub async fn webhook_failures(client: &Client, namespace: Option<&str>) -> Seen<WebhookFailures> {
    let api: Api<Event> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let mut page = ListParams::default().fields("reason=FailedCreate").limit(PAGE);
    let mut failures = WebhookFailures::new();
    loop {
        let list = match api.list(&page).await {
            Ok(list) => list,
            Err(error) => {
                let place = namespace.unwrap_or("all namespaces");
                return Seen::unknown(why_not(&error, &format!("list events in {place}")));
            }
        };
        for event in &list.items {
            let Some(said) = failure(event) else { continue };
            let of = failures.entry(event.metadata.namespace.clone().unwrap_or_default()).or_default();
            if !of.contains(&said) {
                of.push(said);
            }
        }
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Seen::known(failures, "events"),
        }
    }
}

/// Whom an event is about and what it says, when it says that our webhook could not be called.
fn failure(event: &Event) -> Option<String> {
    let message = event.message.as_deref()?;
    let at = message.find(FAILED).filter(|_| message.contains(WEBHOOK))?;
    let about = &event.involved_object;
    let kind = about.kind.as_deref().unwrap_or("object").to_lowercase();
    Some(format!("{kind}/{}: {}", about.name.as_deref().unwrap_or("?"), &message[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(message: &str) -> Option<String> {
        let event = serde_json::json!({
            "metadata": {}, "message": message,
            "involvedObject": {"kind": "ReplicaSet", "name": "demo-1"},
        });
        failure(&serde_json::from_value(event).unwrap())
    }

    #[test]
    fn only_our_webhook_counts() {
        let ours = "Error creating: Internal error occurred: failed calling webhook \"ack-pod-identity-webhook.x\": x509: expired";
        assert_eq!(
            said(ours).as_deref(),
            Some("replicaset/demo-1: failed calling webhook \"ack-pod-identity-webhook.x\": x509: expired")
        );
        assert_eq!(said("Error creating: failed calling webhook \"other\": x509"), None);
        assert_eq!(said("Error creating: exceeded quota of ack-pod-identity-webhook"), None);
    }
}
