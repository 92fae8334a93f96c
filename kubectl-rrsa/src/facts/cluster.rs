//! The cluster as an OIDC issuer.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::Seen;
use super::account::CloudCluster;

/// The issuer of a cluster on which RRSA is off.
pub const DEFAULT_ISSUER: &str = "https://kubernetes.default.svc";

/// What is known of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterFacts {
    /// The address of the API server.
    pub server: String,
    /// The options of kubectl by which it was chosen, as words of a shell; empty where there are none.
    #[serde(skip)]
    pub chosen_by: String,
    /// `gitVersion` of the API server.
    pub version: Seen<String>,
    /// The issuer that new tokens get.
    pub issuer: Seen<String>,
    /// Where the issuer publishes its discovery document.
    pub discovery_url: Seen<String>,
    /// Where the issuer publishes its keys.
    pub jwks_url: Seen<String>,
    /// The `kid`s it publishes.
    pub key_ids: Seen<Vec<String>>,
    /// Whether RRSA is on.
    pub rrsa_enabled: Seen<bool>,
    /// Cluster id, `c` and 32 digits or letters.
    pub cluster_id: Seen<String>,
    /// Region id.
    pub region: Seen<String>,
    /// Account id.
    pub account: Seen<String>,
    /// `ack-rrsa-<cluster id>`.
    pub provider_name: Seen<String>,
    /// ARN of the OIDC provider.
    pub provider_arn: Seen<String>,
    /// ack-pod-identity-webhook; `None` inside when it is not installed.
    pub webhook: Seen<Option<WebhookFacts>>,
    /// The cluster as ACK knows it.
    pub cloud: CloudCluster,
}

impl ClusterFacts {
    /// Nothing is known, and this is why.
    #[must_use]
    pub fn unseen(why: &str) -> Self {
        Self {
            server: String::new(),
            chosen_by: String::new(),
            version: Seen::unknown(why),
            issuer: Seen::unknown(why),
            discovery_url: Seen::unknown(why),
            jwks_url: Seen::unknown(why),
            key_ids: Seen::unknown(why),
            rrsa_enabled: Seen::unknown(why),
            cluster_id: Seen::unknown(why),
            region: Seen::unknown(why),
            account: Seen::unknown(why),
            provider_name: Seen::unknown(why),
            provider_arn: Seen::unknown(why),
            webhook: Seen::unknown(why),
            cloud: Seen::unknown(why),
        }
    }

    /// Whether the webhook was seen with all that decides what it does.
    #[must_use]
    pub fn webhook_is_seen(&self) -> bool {
        self.webhook.value().is_some_and(|webhook| {
            let known = |webhook: &WebhookFacts| {
                webhook.deployment.value().is_some() && webhook.admission.value().is_some()
            };
            webhook.as_ref().is_none_or(known)
        })
    }
}

/// How many pods of a deployment are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replicas {
    /// Ready.
    pub ready: i32,
    /// Wanted.
    pub wanted: i32,
}

/// What is known of ack-pod-identity-webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookFacts {
    /// Name of the Deployment, else of the MutatingWebhookConfiguration.
    pub name: String,
    /// What runs it; `None` inside when kube-system has no such Deployment, as where it is run for the user.
    pub deployment: Seen<Option<WebhookDeployment>>,
    /// What the API server was told of it.
    pub admission: Seen<AdmissionFacts>,
}

/// The Deployment of ack-pod-identity-webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookDeployment {
    /// Version, by the tag of its image.
    pub version: Option<String>,
    /// Its pods.
    pub replicas: Replicas,
    /// Since when it is available, Unix seconds.
    pub available_since: Option<i64>,
}

/// When the API server calls a webhook, and what it does when that fails.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AdmissionFacts {
    /// `failurePolicy`: `Fail` or `Ignore`.
    pub failure_policy: Option<String>,
    /// Which namespaces it sees.
    pub namespace_selector: Selector,
    /// Which pods it sees.
    pub object_selector: Selector,
    /// Whether its rules cover the creation of pods.
    pub sees_pods: bool,
    /// Whether it has conditions of its own (`matchConditions`), which are not evaluated here.
    pub has_conditions: bool,
    /// The service of the cluster that answers, `namespace/name`; none where it is called by a URL.
    pub service: Option<String>,
    /// What the API server trusts when it calls it (`caBundle`).
    pub ca: Authority,
}

/// What the API server trusts when it calls a webhook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Authority {
    /// No `caBundle`: what its own machine trusts.
    #[default]
    System,
    /// A `caBundle` that holds no certificate that can be read.
    Unreadable,
    /// A `caBundle` whose last certificate to expire does so then, Unix seconds.
    Until(i64),
}

/// A label selector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Selector(pub Vec<Requirement>);

/// One requirement of a label selector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Requirement {
    /// Key of the label.
    pub key: String,
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`.
    pub operator: String,
    /// Values, for `In` and `NotIn`.
    pub values: Vec<String>,
}

impl Selector {
    /// The first requirement that `labels` do not meet.
    #[must_use]
    pub fn unmet(&self, labels: &BTreeMap<String, String>) -> Option<&Requirement> {
        self.0.iter().find(|requirement| {
            let value = labels.get(&requirement.key);
            let listed = value.is_some_and(|value| requirement.values.contains(value));
            match requirement.operator.as_str() {
                "In" => !listed,
                "NotIn" => listed,
                "Exists" => value.is_none(),
                "DoesNotExist" => value.is_some(),
                _ => false,
            }
        })
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.key, self.operator)?;
        if self.values.is_empty() { Ok(()) } else { write!(f, " {}", self.values.join(", ")) }
    }
}

impl WebhookDeployment {
    /// Its version as numbers, for comparing.
    #[must_use]
    pub fn version_numbers(&self) -> Option<[u32; 3]> {
        let text = self.version.as_deref()?.trim_start_matches('v');
        let text = text.split(['-', '+']).next()?;
        let mut numbers = text.split('.').map(|part| part.parse().ok());
        Some([numbers.next()??, numbers.next()??, numbers.next().flatten().unwrap_or(0)])
    }
}

impl WebhookFacts {
    /// Whether, as far as is known, somebody answers for it at that time and the API server believes it.
    #[must_use]
    pub fn answers(&self, at: i64) -> bool {
        let is_away = |running: &WebhookDeployment| running.replicas.ready == 0;
        let is_believed = |admission: &AdmissionFacts| match admission.ca {
            Authority::Unreadable => false,
            Authority::Until(until) => until > at,
            _ => true,
        };
        !self.deployment.value().and_then(Option::as_ref).is_some_and(is_away)
            && self.admission.value().is_none_or(is_believed)
    }
}

impl fmt::Display for WebhookFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match self.deployment.as_result() {
            Err(why) => write!(f, ", pods ? ({why})"),
            Ok(None) => Ok(()),
            Ok(Some(WebhookDeployment { version, replicas: Replicas { ready, wanted }, .. })) => {
                if let Some(version) = version {
                    write!(f, " {version}")?;
                }
                write!(f, ", {ready} of {wanted} ready")
            }
        }
    }
}

/// What the issuer's address tells: `https://oidc-ack-<region>.oss-<region>.aliyuncs.com/<cluster id>`. The
/// shape holds for public regions; it is a hint and never required.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerShape<'a> {
    /// Region id.
    pub region: &'a str,
    /// Cluster id.
    pub cluster_id: &'a str,
}

impl<'a> IssuerShape<'a> {
    /// Reads an issuer of the shape RRSA gives it.
    #[must_use]
    pub fn read(issuer: &'a str) -> Option<Self> {
        let rest = issuer.strip_prefix("https://oidc-ack-")?;
        let (host, cluster_id) = rest.split_once('/')?;
        let (region, _) = host.split_once(".oss-")?;
        let plain = !cluster_id.is_empty() && cluster_id.bytes().all(|b| b.is_ascii_alphanumeric());
        plain.then_some(Self { region, cluster_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_names_the_first_requirement_that_is_not_met() {
        let requirement = |key: &str, operator: &str, values: &[&str]| Requirement {
            key: key.to_owned(),
            operator: operator.to_owned(),
            values: values.iter().map(|&value| value.to_owned()).collect(),
        };
        let labels = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
        for (requirement, met) in [
            (requirement("a", "In", &["1", "2"]), true),
            (requirement("a", "In", &["2"]), false),
            (requirement("b", "In", &["1"]), false),
            (requirement("b", "NotIn", &["1"]), true),
            (requirement("a", "NotIn", &["1"]), false),
            (requirement("a", "Exists", &[]), true),
            (requirement("a", "DoesNotExist", &[]), false),
        ] {
            assert_eq!(Selector(vec![requirement.clone()]).unmet(&labels).is_none(), met, "{requirement}");
        }
    }

    #[test]
    fn versions_are_read_from_tags() {
        let version = |tag: &str| {
            let (version, replicas) = (Some(tag.to_owned()), Replicas { ready: 1, wanted: 1 });
            WebhookDeployment { version, replicas, available_since: None }.version_numbers()
        };
        assert_eq!(version("v0.4.2"), Some([0, 4, 2]));
        assert_eq!(version("0.2.0-aliyun.1"), Some([0, 2, 0]));
        assert_eq!(version("latest"), None);
    }

    #[test]
    fn region_and_cluster_are_read_from_an_issuer_of_the_usual_shape_only() {
        let issuer = "https://oidc-ack-cn-hangzhou.oss-cn-hangzhou.aliyuncs.com/c0123";
        assert_eq!(
            IssuerShape::read(issuer),
            Some(IssuerShape { region: "cn-hangzhou", cluster_id: "c0123" })
        );
        for other in ["https://kubernetes.default.svc", "https://oidc-ack-x.oss-x.aliyuncs.com/", "oidc-ack-"]
        {
            assert_eq!(IssuerShape::read(other), None, "{other}");
        }
    }
}
