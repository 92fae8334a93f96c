//! The cluster as an OIDC issuer: each fact from the first place that tells it.

use futures_util::future::join;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::Client;
use kube::api::{Api, ListParams};
use rrsa_shared::arn::OidcProviderArn;
use rrsa_shared::env_vars;
use rrsa_shared::oidc::{Discovery, IssuerSite, JwkSet, discovery_url};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::pod::pod_facts;
use super::reason::why_not;
use crate::facts::{
    AdmissionFacts, Authority, ClusterFacts, DEFAULT_ISSUER, IssuerShape, PodFacts, Replicas, Requirement,
    Seen, Selector, WebhookDeployment, WebhookFacts,
};

const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";
const JWKS_PATH: &str = "/openid/v1/jwks";
/// The webhook's objects have no documented names; all that is known contains this.
pub(super) const WEBHOOK: &str = "ack-pod-identity-webhook";
/// Node labels that carry the region, in the order they are looked at.
const REGION_LABELS: [&str; 4] = [
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/region",
    "alibabacloud.com/ecs-region-id",
    "sigma.ali/ecs-region-id",
];

/// The issuer's keys, or why they could not be had.
pub type Keys = Seen<JwkSet>;

/// Everything that is known of the cluster, and its keys. `issuer_of_token` asks for a token and reads its
/// issuer; it is called only when the API server does not tell its issuer.
///
/// # Errors
/// When the API server cannot be reached or does not know the caller; a refusal of one call is a fact.
pub async fn cluster(
    client: &Client,
    site: &IssuerSite,
    server: &str,
    issuer_of_token: impl AsyncFnOnce() -> Seen<String>,
) -> Result<(ClusterFacts, Keys), kube::Error> {
    let version = match client.apiserver_version().await {
        Ok(info) => Seen::known(info.git_version, "API server, /version"),
        Err(kube::Error::Api(status)) if status.code != 401 => {
            Seen::unknown(why_not(&kube::Error::Api(status), "get /version"))
        }
        Err(error) => return Err(error),
    };
    let (discovery, jwks) = join(text(client, DISCOVERY_PATH), text(client, JWKS_PATH)).await;
    let (profile, (region, webhook)) = join(profile(client), join(region(client), webhook(client))).await;

    let discovery = discovery.and_then(|text| Discovery::parse(text.as_bytes()).map_err(|e| e.to_string()));
    let at_server = format!("API server, {DISCOVERY_PATH}");
    let issuer = match &discovery {
        Ok(document) => Seen::known(document.issuer.clone(), &at_server),
        Err(why) => match issuer_of_token().await {
            Seen::Unknown(also) => Seen::unknown(format!("{why}; {also}")),
            known => known,
        },
    };
    let discovery_url = issuer.map(|issuer| discovery_url(issuer));
    let (jwks_url, keys) = keys(site, &discovery, jwks, &issuer, &at_server).await;

    let shape = |pick: fn(IssuerShape<'_>) -> String, what: &str| match issuer.value() {
        Some(issuer) => match IssuerShape::read(issuer) {
            Some(shape) => Seen::known(pick(shape), "shape of the issuer"),
            None => Seen::unknown(format!("the issuer's address tells no {what}")),
        },
        None => Seen::unknown("the issuer is not known"),
    };
    let injected = match (&profile.0, &profile.1) {
        (Seen::Known { .. }, Seen::Known { .. }) => None,
        _ => injected_pod(client).await,
    };
    let of_provider = |pick: fn(OidcProviderArn) -> Option<String>| match &injected {
        None => Seen::unknown("no injected pod was seen"),
        Some(pod) => provider_of(pod).and_then(pick).map_or_else(
            || Seen::unknown("the injected pods do not tell"),
            |value| Seen::known(value, format!("injected pod {}", pod.name)),
        ),
    };
    let cluster_id = profile
        .0
        .or_else(|| shape(|s| s.cluster_id.to_owned(), "cluster id"))
        .or_else(|| of_provider(|arn| arn.cluster_id().map(str::to_owned)));
    let account = profile.1.or_else(|| of_provider(|arn| Some(arn.account)));
    let region = region.or_else(|| shape(|s| s.region.to_owned(), "region"));
    let rrsa_enabled = match issuer.as_result() {
        Err(why) => Seen::unknown(why),
        Ok(issuer) if issuer == DEFAULT_ISSUER => Seen::known(false, "the issuer is the cluster's own"),
        Ok(issuer) if IssuerShape::read(issuer).is_some() => Seen::known(true, "shape of the issuer"),
        Ok(issuer) => Seen::unknown(format!("the issuer {issuer} is not of the shape that RRSA gives")),
    };
    let provider_name = cluster_id.map(|id| format!("ack-rrsa-{id}"));
    let provider_arn = match (account.as_result(), cluster_id.as_result()) {
        (Ok(account), Ok(id)) => {
            Seen::known(OidcProviderArn::of_cluster(account, id).to_string(), "account and cluster id")
        }
        (Err(why), Ok(_)) => Seen::unknown(format!("the account is not known: {why}")),
        (_, Err(why)) => Seen::unknown(format!("the cluster id is not known: {why}")),
    };
    let key_ids = keys.map(JwkSet::key_ids);
    let facts = ClusterFacts {
        chosen_by: String::new(),
        server: server.to_owned(),
        version,
        issuer,
        discovery_url,
        jwks_url,
        key_ids,
        rrsa_enabled,
        cluster_id,
        region,
        account,
        provider_name,
        provider_arn,
        webhook,
        cloud: Seen::unknown("not asked"),
    };
    Ok((facts, keys))
}

/// The address of the keys and the keys: from the API server, else from where the public finds them.
async fn keys(
    site: &IssuerSite,
    discovery: &Result<Discovery, String>,
    jwks: Result<String, String>,
    issuer: &Seen<String>,
    at_server: &str,
) -> (Seen<String>, Keys) {
    let parse = |text: String| JwkSet::parse(text.as_bytes()).map_err(|error| error.to_string());
    let (url, why) = match (discovery, jwks.and_then(parse)) {
        (Ok(document), Ok(keys)) => {
            let url = Seen::known(document.jwks_uri.clone(), at_server);
            return (url, Seen::known(keys, format!("API server, {JWKS_PATH}")));
        }
        (Ok(document), Err(why)) => (Seen::known(document.jwks_uri.clone(), at_server), why),
        (Err(why), _) => match issuer.value().filter(|issuer| *issuer != DEFAULT_ISSUER) {
            None => return (Seen::unknown(why.clone()), Seen::unknown(why.clone())),
            Some(issuer) => match site.discovery(issuer).await {
                Ok(document) => {
                    (Seen::known(document.jwks_uri, "discovery document of the issuer"), why.clone())
                }
                Err(error) => {
                    let both = format!("{why}; {error}");
                    return (Seen::unknown(both.clone()), Seen::unknown(both));
                }
            },
        },
    };
    let keys = match url.as_result() {
        Err(why) => Seen::unknown(why),
        Ok(address) => match site.keys(address).await {
            Ok(keys) => Seen::known(keys, address.as_str()),
            Err(error) => Seen::unknown(format!("{why}; {error}")),
        },
    };
    (url, keys)
}

async fn text(client: &Client, path: &str) -> Result<String, String> {
    let request = http::Request::get(path).body(Vec::new()).map_err(|error| error.to_string())?;
    client
        .request_text(request)
        .await
        .map_err(|error| why_not(&error, &format!("get on non-resource URL {path}")))
}

/// The issuer that the API server names; nothing where it does not.
pub async fn issuer_at_server(client: &Client) -> Option<String> {
    let document = text(client, DISCOVERY_PATH).await.ok()?;
    Discovery::parse(document.as_bytes()).ok().map(|document| document.issuer)
}

/// Cluster id and account of ConfigMap kube-system/ack-cluster-profile.
async fn profile(client: &Client) -> (Seen<String>, Seen<String>) {
    const NAME: &str = "ack-cluster-profile";
    let found = Api::<ConfigMap>::namespaced(client.clone(), "kube-system").get(NAME).await;
    let data = match found {
        Ok(map) => map.data.unwrap_or_default(),
        Err(error) => {
            let why = why_not(&error, "get configmaps/ack-cluster-profile in kube-system");
            return (Seen::unknown(&why), Seen::unknown(why));
        }
    };
    let entry = |key: &str| match data.get(key).filter(|value| !value.is_empty()) {
        Some(value) => Seen::known(value.clone(), format!("configmap kube-system/{NAME}, {key}")),
        None => Seen::unknown(format!("configmap kube-system/{NAME} has no {key}")),
    };
    (entry("clusterid"), entry("uid"))
}

async fn region(client: &Client) -> Seen<String> {
    let nodes = match Api::<Node>::all(client.clone()).list(&ListParams::default().limit(5)).await {
        Ok(list) => list.items,
        Err(error) => return Seen::unknown(why_not(&error, "list nodes")),
    };
    let label = |node: &Node| {
        let labels = node.metadata.labels.as_ref()?;
        let (name, region) = REGION_LABELS.iter().find_map(|name| Some((name, labels.get(*name)?)))?;
        Some(Seen::known(region.clone(), format!("node label {name}")))
    };
    // providerID is `[alicloud://]<region>.<instance id>`.
    let provider_id = |node: &Node| {
        let id = node.spec.as_ref()?.provider_id.as_deref()?;
        let (region, instance) = id.strip_prefix("alicloud://").unwrap_or(id).split_once('.')?;
        (!region.is_empty() && !instance.is_empty() && !instance.contains('.'))
            .then(|| Seen::known(region.to_owned(), "providerID of a node"))
    };
    let found = nodes.iter().find_map(label).or_else(|| nodes.iter().find_map(provider_id));
    found.unwrap_or_else(|| Seen::unknown("no node tells its region"))
}

async fn webhook(client: &Client) -> Seen<Option<WebhookFacts>> {
    let all = ListParams::default();
    let configurations = Api::<MutatingWebhookConfiguration>::all(client.clone());
    let deployments = Api::<Deployment>::namespaced(client.clone(), "kube-system");
    let (configurations, deployments) = join(configurations.list(&all), deployments.list(&all)).await;
    let named = configurations.map(|list| {
        let mut named = list.items.into_iter().filter_map(|item| Some((item.metadata.name.clone()?, item)));
        named.find(|(name, _)| name.contains(WEBHOOK))
    });
    let running = deployments.map(|list| list.items.iter().find_map(webhook_deployment));
    let named = named.map_err(|error| why_not(&error, "list mutatingwebhookconfigurations"));
    let running = running.map_err(|error| why_not(&error, "list deployments in kube-system"));
    let (name, from) = match (&named, &running) {
        (Ok(Some((name, _))), _) => (name, format!("mutatingwebhookconfiguration {name}")),
        (_, Ok(Some((name, _)))) => (name, format!("deployment kube-system/{name}")),
        (Ok(None), _) => return Seen::known(None, "mutatingwebhookconfigurations of the cluster"),
        (Err(why), _) => return Seen::unknown(why),
    };
    let admission = match &named {
        Err(why) => Seen::unknown(why),
        Ok(None) => Seen::unknown("no mutatingwebhookconfiguration has its name"),
        Ok(Some((name, configuration))) => match admission(configuration) {
            Some(admission) => Seen::known(admission, &from),
            None => Seen::unknown(format!("mutatingwebhookconfiguration {name} has no webhook")),
        },
    };
    let (name, deployment) = match &running {
        Err(why) => (name, Seen::unknown(why)),
        Ok(None) => (name, Seen::known(None, "deployments of kube-system")),
        Ok(Some((name, deployment))) => {
            (name, Seen::known(Some(deployment.clone()), format!("deployment kube-system/{name}")))
        }
    };
    Seen::known(Some(WebhookFacts { name: name.clone(), deployment, admission }), from)
}

/// What the API server was told of the first webhook of a configuration.
fn admission(configuration: &MutatingWebhookConfiguration) -> Option<AdmissionFacts> {
    let webhook = configuration.webhooks.as_ref()?.first()?;
    let rules = webhook.rules.iter().flatten();
    let has = |list: &Option<Vec<String>>, what: &str| {
        list.iter().flatten().any(|item| item == what || item == "*")
    };
    let sees_pods =
        rules.into_iter().any(|rule| has(&rule.resources, "pods") && has(&rule.operations, "CREATE"));
    Some(AdmissionFacts {
        failure_policy: webhook.failure_policy.clone(),
        namespace_selector: selector(webhook.namespace_selector.as_ref()),
        object_selector: selector(webhook.object_selector.as_ref()),
        sees_pods,
        has_conditions: webhook.match_conditions.as_ref().is_some_and(|all| !all.is_empty()),
        service: webhook.client_config.service.as_ref().map(|s| format!("{}/{}", s.namespace, s.name)),
        ca: authority(webhook.client_config.ca_bundle.as_ref().map(|bundle| bundle.0.as_slice())),
    })
}

/// What the API server is to trust of the webhook.
fn authority(bundle: Option<&[u8]>) -> Authority {
    let Some(pem) = bundle.filter(|pem| !pem.is_empty()) else { return Authority::System };
    let mut last = None;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let Ok(certificate) = certificate else { return Authority::Unreadable };
        let Ok((_, read)) = X509Certificate::from_der(&certificate) else { return Authority::Unreadable };
        // While one of several is good, calls may be.
        last = last.max(Some(read.validity().not_after.timestamp()));
    }
    last.map_or(Authority::Unreadable, Authority::Until)
}

fn selector(selector: Option<&LabelSelector>) -> Selector {
    let labels = selector.and_then(|s| s.match_labels.as_ref()).into_iter().flatten();
    let equal = labels.map(|(key, value)| Requirement {
        key: key.clone(),
        operator: "In".to_owned(),
        values: vec![value.clone()],
    });
    let expressions = selector.and_then(|s| s.match_expressions.as_ref()).into_iter().flatten();
    let other = expressions.map(|expression| Requirement {
        key: expression.key.clone(),
        operator: expression.operator.clone(),
        values: expression.values.clone().unwrap_or_default(),
    });
    Selector(equal.chain(other).collect())
}

/// The Deployment of the webhook, with its name.
fn webhook_deployment(deployment: &Deployment) -> Option<(String, WebhookDeployment)> {
    let name = deployment.metadata.name.as_deref()?;
    let spec = &deployment.spec;
    let images = spec.template.spec.as_ref().map(|pod| pod.containers.as_slice()).unwrap_or_default();
    let image = images.iter().filter_map(|c| c.image.as_deref()).find(|image| image.contains(WEBHOOK));
    if image.is_none() && !name.contains(WEBHOOK) {
        return None;
    }
    // What stands behind an @ is a digest.
    let image = image.and_then(|image| image.split('@').next());
    let tag = image.and_then(|image| image.rsplit_once(':')).map(|(_, tag)| tag.to_owned());
    let ready = deployment.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
    let facts = WebhookDeployment {
        version: tag.filter(|tag| !tag.contains('/')),
        replicas: Replicas { ready, wanted: spec.replicas.unwrap_or(1) },
        available_since: available_since(deployment),
    };
    Some((name.to_owned(), facts))
}

fn available_since(deployment: &Deployment) -> Option<i64> {
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    let available = conditions
        .iter()
        .find(|c| c.type_.as_deref() == Some("Available") && c.status.as_deref() == Some("True"))?;
    available.last_transition_time.as_ref().map(|time| time.0.as_second())
}

/// A pod of the whole cluster, or else of nobody, that carries RRSA's variables.
async fn injected_pod(client: &Client) -> Option<PodFacts> {
    let api = Api::<Pod>::all(client.clone());
    let list = api.list(&ListParams::default().limit(500)).await.ok()?;
    list.items.iter().map(pod_facts).find(|pod| provider_of(pod).is_some())
}

fn provider_of(pod: &PodFacts) -> Option<OidcProviderArn> {
    let mut arns = pod.containers.iter().filter_map(|container| container.value(env_vars::OIDC_PROVIDER_ARN));
    arns.find_map(|arn| OidcProviderArn::parse(arn).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(until: i32) -> String {
        let mut params = rcgen::CertificateParams::default();
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
    }

    #[test]
    fn a_bundle_is_good_as_long_as_its_last_certificate() {
        let bundle = certificate(2001) + &certificate(2002);
        assert_eq!(authority(Some(bundle.as_bytes())), Authority::Until(1_009_843_200));
        assert_eq!(authority(None), Authority::System);
        assert_eq!(authority(Some(b"")), Authority::System);
        let garbage = "-----BEGIN CERTIFICATE-----\naGk=\n-----END CERTIFICATE-----\n";
        for unreadable in ["hunter2", garbage] {
            assert_eq!(authority(Some(unreadable.as_bytes())), Authority::Unreadable);
        }
    }
}
