//! Every rule, in the order of the chain.

use super::finding::{Finding, Link, Severity, Verdict};
use super::{
    behind, cluster, namespace, network, pod, policy_lint, provider, reach, role, sdk, service_account, sts,
    symptoms, token, trust_policy, variables, volume, webhook,
};
use crate::facts::Facts;

/// One rule of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// `RRSA-` and its number; stable.
    pub id: &'static str,
    /// The link it guards.
    pub link: Link,
    /// How bad it is when broken.
    pub severity: Severity,
    /// What is wrong when it is broken.
    pub title: &'static str,
    /// Whether it needs what only RAM, IMS or ACK can tell, and so an access key.
    pub needs_key: bool,
    /// The RAM action that it needs then.
    pub action: Option<&'static str>,
    /// Whether it needs what only a probe inside the cluster can tell.
    pub needs_probe: bool,
    /// Whether it needs what the issuer publishes, which may be out of reach from here and not from STS.
    pub needs_public: bool,
    /// Whether it needs events, which only tell of what has gone wrong.
    pub needs_events: bool,
    /// Judges the facts.
    pub judge: fn(&Facts) -> Verdict,
}

impl Rule {
    const fn with_key(mut self, action: &'static str) -> Self {
        self.needs_key = true;
        self.action = Some(action);
        self
    }

    const fn with_probe(mut self) -> Self {
        self.needs_probe = true;
        self
    }

    const fn with_public(mut self) -> Self {
        self.needs_public = true;
        self
    }

    const fn with_events(mut self) -> Self {
        self.needs_events = true;
        self
    }

    /// Whether what it could not see leaves no doubt about its link: it would only have added to what `holds`.
    #[must_use]
    pub fn is_extra(&self, holds: bool) -> bool {
        self.needs_probe || (holds && (self.needs_key || self.needs_public || self.needs_events))
    }

    /// Whether it judges what STS answered.
    #[must_use]
    pub fn reads_refusals(&self) -> bool {
        matches!(self.link, Link::Provider | Link::Exchange | Link::TrustPolicy)
    }

    /// The finding this rule makes of the facts, if it is broken.
    pub fn finding(&self, verdict: &Verdict) -> Option<Finding> {
        let Verdict::Broken(evidence) = verdict else { return None };
        let evidence = evidence.clone();
        Some(Finding {
            rule: self.id,
            link: self.link,
            severity: evidence.severity.unwrap_or(self.severity),
            title: self.title,
            expected: evidence.expected,
            seen: evidence.seen,
            place: evidence.place,
            remedy: evidence.remedy,
            command: evidence.command,
            symptoms: Vec::new(),
            fingerprint: String::new(),
            also: Vec::new(),
            others: evidence.others,
        })
    }
}

/// Folds what follows from something else under its cause.
#[must_use]
pub fn fold(findings: Vec<Finding>) -> Vec<Finding> {
    // Advice explains nothing, but for a mount that was never going to last.
    let broken: Vec<&'static str> =
        findings.iter().filter(|f| f.severity >= Severity::Warning).map(|f| f.rule).collect();
    let errors: Vec<&'static str> =
        findings.iter().filter(|f| f.severity >= Severity::Error).map(|f| f.rule).collect();
    let root = |rule: &'static str| {
        let mut root = rule;
        // The table has no circles; the bound is for the day when somebody draws one.
        for _ in 0..broken.len() {
            match symptoms::cause(root, &broken, &errors) {
                Some(cause) => root = cause,
                None => break,
            }
        }
        root
    };
    let (causes, followers): (Vec<_>, Vec<_>) = findings.into_iter().partition(|f| root(f.rule) == f.rule);
    let with_symptoms = causes.into_iter().map(|mut finding| {
        for follower in followers.iter().filter(|follower| root(follower.rule) == finding.rule) {
            // What followed from it follows too.
            for id in std::iter::once(&follower.rule).chain(&follower.symptoms) {
                if !finding.symptoms.contains(id) {
                    finding.symptoms.push(id);
                }
            }
        }
        finding
    });
    with_symptoms.collect()
}

const fn rule(
    id: &'static str,
    link: Link,
    severity: Severity,
    title: &'static str,
    judge: fn(&Facts) -> Verdict,
) -> Rule {
    Rule {
        id,
        link,
        severity,
        title,
        needs_key: false,
        action: None,
        needs_probe: false,
        needs_public: false,
        needs_events: false,
        judge,
    }
}

/// The catalogue.
pub const RULES: &[Rule] = {
    use Link::{
        Cluster, Exchange, Identity, Namespace, Pod, Provider, ServiceAccount, Token, TrustPolicy, Webhook,
    };
    use Severity::{Critical, Error, Info, Warning};
    &[
        rule("RRSA-C01", Cluster, Critical, "RRSA is off for this cluster", cluster::c01),
        rule("RRSA-C03", Cluster, Warning, "the cluster is being changed right now", cluster::c03)
            .with_key("cs:DescribeClusterDetail"),
        rule("RRSA-C04", Cluster, Critical, "ACK knows another issuer than the cluster has", cluster::c04)
            .with_key("cs:DescribeClusterDetail"),
        rule("RRSA-A05", Cluster, Error, "the context is not a cluster of ACK", cluster::a05),
        rule("RRSA-C05", Cluster, Critical, "RRSA's issuer is not the first of several", cluster::c05)
            .with_key("cs:DescribeClusterDetail"),
        rule("RRSA-C07", Cluster, Error, "a virtual cluster issues the tokens", cluster::c07),
        rule("RRSA-C06", Cluster, Critical, "the API server is too old for RRSA", cluster::c06),
        rule(
            "RRSA-C08",
            Cluster,
            Critical,
            "the issuer's discovery document cannot be fetched",
            cluster::c08,
        )
        .with_public(),
        rule("RRSA-C09", Cluster, Critical, "the issuer's discovery document is wrong", cluster::c09)
            .with_public(),
        rule("RRSA-I06", Cluster, Critical, "the issuer's TLS certificate is not trusted", cluster::i06)
            .with_public(),
        rule("RRSA-I01", Provider, Critical, "RAM has no OIDC provider for the cluster", provider::i01)
            .with_key("ram:GetOIDCProvider"),
        rule("RRSA-I03", Provider, Critical, "the OIDC provider has another issuer", provider::i03)
            .with_key("ram:GetOIDCProvider"),
        rule(
            "RRSA-I04",
            Provider,
            Critical,
            "the OIDC provider does not take RRSA's audience",
            provider::i04,
        )
        .with_key("ram:GetOIDCProvider"),
        rule("RRSA-I05", Provider, Critical, "the provider's TLS fingerprint is out of date", provider::i05)
            .with_key("ram:GetOIDCProvider")
            .with_public(),
        rule("RRSA-I07", Provider, Error, "the token is older than the OIDC provider allows", provider::i07)
            .with_key("ram:GetOIDCProvider"),
        rule("RRSA-C12", Provider, Error, "the provider's name carries another cluster id", cluster::c12),
        rule("RRSA-X02", Provider, Critical, "the OIDC provider does not exist in RAM", sts::x02),
        rule(
            "RRSA-X04",
            Provider,
            Error,
            "the token's audience is not one the OIDC provider takes",
            sts::x04,
        ),
        rule("RRSA-X08", Provider, Critical, "the token's issuer is not the OIDC provider's", sts::x08),
        rule("RRSA-W01", Webhook, Error, "the webhook that injects RRSA is not installed", webhook::w01),
        rule("RRSA-W02", Webhook, Error, "the webhook that injects RRSA is not ready", webhook::w02),
        rule("RRSA-W03", Webhook, Error, "the API server cannot call the webhook", webhook::w03)
            .with_events(),
        rule(
            "RRSA-W04",
            Webhook,
            Warning,
            "either failure policy of the webhook has a drawback",
            webhook::w04,
        ),
        rule("RRSA-W05", Webhook, Error, "the webhook does not see this workload", webhook::w05),
        rule("RRSA-W06", Webhook, Error, "the webhook is too old for what is asked of it", webhook::w06),
        rule("RRSA-P03", Namespace, Error, "the injection label is not on the pod template", reach::p03),
        rule("RRSA-N03", Namespace, Error, "the injection label is an annotation", namespace::n03),
        rule("RRSA-N01", Namespace, Error, "nothing asks the webhook to inject", namespace::n01),
        rule("RRSA-N02", Namespace, Error, "the injection label has another value than on", namespace::n02),
        rule("RRSA-N04", Namespace, Warning, "override-env has another value than true", namespace::n04),
        rule("RRSA-S01", ServiceAccount, Error, "the ServiceAccount does not exist", service_account::s01),
        rule(
            "RRSA-S08",
            ServiceAccount,
            Error,
            "the annotation is in another namespace",
            service_account::s08,
        ),
        rule("RRSA-P02", ServiceAccount, Error, "the pod runs as the wrong ServiceAccount", reach::p02),
        rule(
            "RRSA-S03",
            ServiceAccount,
            Error,
            "the role is not named by the role-name annotation",
            service_account::s03,
        ),
        rule("RRSA-S02", ServiceAccount, Error, "the ServiceAccount names no RAM role", service_account::s02),
        rule(
            "RRSA-S04",
            ServiceAccount,
            Error,
            "the role-name annotation is not a role name",
            service_account::s04,
        ),
        rule("RRSA-S05", ServiceAccount, Error, "RAM has no such role", service_account::s05)
            .with_key("ram:GetRole"),
        rule(
            "RRSA-S07",
            ServiceAccount,
            Warning,
            "the token lifetime asked for is not given",
            service_account::s07,
        ),
        rule(
            "RRSA-S09",
            ServiceAccount,
            Warning,
            "the default ServiceAccount has a role",
            service_account::s09,
        ),
        rule(
            "RRSA-S11",
            ServiceAccount,
            Warning,
            "several ServiceAccounts share one role",
            service_account::s11,
        ),
        rule("RRSA-S10", ServiceAccount, Info, "no pod runs as the ServiceAccount", service_account::s10),
        rule("RRSA-P22", Pod, Error, "a static pod has no ServiceAccount token", reach::p22),
        rule("RRSA-P01", Pod, Error, "the pod is older than what would inject it", reach::p01),
        rule("RRSA-W08", Pod, Error, "the pod was made too soon after its ServiceAccount", webhook::w08),
        rule(
            "RRSA-S06",
            Pod,
            Error,
            "the pod has another role than its ServiceAccount names",
            service_account::s06,
        ),
        rule("RRSA-P07", Pod, Error, "the workload sets another role itself", variables::p07),
        rule("RRSA-P18", Pod, Warning, "the token file is a copy", volume::p18),
        rule("RRSA-P12", Pod, Error, "the pod has no RRSA token volume", reach::p12),
        rule("RRSA-P04", Pod, Warning, "a list of containers names none of the pod's", reach::p04),
        rule("RRSA-W07", Pod, Warning, "a container was not injected", webhook::w07),
        rule("RRSA-P05", Pod, Info, "a debug container lacks RRSA", pod::p05),
        rule("RRSA-P20", Pod, Info, "a debug container of another user cannot read the token", pod::p20),
        rule("RRSA-P21", Pod, Info, "automountServiceAccountToken is false", pod::p21),
        rule("RRSA-C11", Pod, Info, "RRSA caps token lifetimes at 12 hours", cluster::c11),
        rule("RRSA-P06", Pod, Error, "RRSA's three variables are not complete", variables::p06),
        rule("RRSA-P08", Pod, Info, "a variable of RRSA comes from elsewhere", variables::p08),
        rule("RRSA-P09", Pod, Error, "a placeholder of the manual was never filled in", variables::p09),
        rule("RRSA-P10", Pod, Error, "the role ARN cannot be read", variables::p10),
        rule("RRSA-I02", Pod, Error, "the OIDC provider ARN cannot be read", provider::i02),
        rule("RRSA-P11", Pod, Error, "the OIDC provider belongs to another cluster", variables::p11),
        rule(
            "RRSA-C13",
            Pod,
            Error,
            "role, OIDC provider and cluster are of different accounts",
            cluster::c13,
        ),
        rule("RRSA-P13", Pod, Error, "the token is projected for another audience", volume::p13),
        rule("RRSA-P14", Pod, Warning, "the token's lifetime is outside what RRSA gives", volume::p14),
        rule("RRSA-P15", Pod, Error, "the token volume is not mounted in this container", volume::p15),
        rule("RRSA-P16", Pod, Error, "the token file variable points elsewhere", volume::p16),
        rule("RRSA-P17", Pod, Warning, "the token is mounted so that it is never renewed", volume::p17),
        rule("RRSA-P19", Pod, Error, "a container may not read the token", volume::p19),
        rule("RRSA-P23", Pod, Warning, "the pod is for Windows", pod::p23),
        rule("RRSA-W09", Pod, Error, "the pod was made while the webhook was away", webhook::w09),
        rule("RRSA-W10", Pod, Info, "two mechanisms inject RRSA", webhook::w10),
        rule("RRSA-P24", Pod, Info, "the container's last words name an STS error", pod::p24),
        rule("RRSA-P25", Pod, Warning, "some pods are of the time before RRSA", behind::p25),
        rule("RRSA-K01", Pod, Error, "the SDK is too old for RRSA", sdk::k01),
        rule("RRSA-K02", Pod, Error, "a static access key hides RRSA", sdk::k02),
        rule("RRSA-K03", Pod, Warning, "a credentials file may hide RRSA", sdk::k03),
        rule(
            "RRSA-K05",
            Pod,
            Warning,
            "the STS host is chosen by a variable that SDKs do not read",
            sdk::k05,
        ),
        rule("RRSA-K09", Pod, Error, "the role session name is not one", sdk::k09),
        rule("RRSA-E03", Pod, Error, "the VPC host of STS is another region's", network::e03),
        rule("RRSA-E04", Pod, Warning, "the VPC host of STS is wanted without a region", network::e04),
        rule("RRSA-E05", Pod, Error, "the STS region is not a region", network::e05),
        rule("RRSA-E06", Pod, Warning, "a proxy comes between the pod and STS", network::e06),
        rule("RRSA-T01", Token, Error, "there is no token to read", token::t01),
        rule("RRSA-T02", Token, Error, "the token file holds something else than a token", token::t02),
        rule("RRSA-T11", Token, Error, "the token is longer than STS takes", token::t11),
        rule("RRSA-T03", Token, Critical, "the token is signed with another algorithm", token::t03),
        rule("RRSA-C02", Token, Error, "the pod is older than RRSA on this cluster", cluster::c02),
        rule("RRSA-T07", Token, Error, "the token is of another issuer", token::t07),
        rule("RRSA-T08", Token, Error, "the token is of another ServiceAccount", token::t08),
        rule("RRSA-T06", Token, Error, "the token is for another audience", token::t06),
        rule("RRSA-T05", Token, Error, "the token's life has not begun", token::t05),
        rule("RRSA-T04", Token, Error, "the token is not being refreshed", token::t04),
        rule("RRSA-T09", Token, Warning, "the token was made for another pod", token::t09),
        rule("RRSA-C10", Token, Critical, "the token's key is not among the issuer's keys", cluster::c10),
        rule("RRSA-T10", Token, Critical, "the token's signature is wrong", token::t10),
        rule("RRSA-A04", Exchange, Warning, "this machine's clock cannot be trusted", cluster::a04),
        rule("RRSA-E01", Exchange, Error, "STS has no address in the cluster", network::e01).with_probe(),
        rule("RRSA-E02", Exchange, Error, "the cluster lets nothing out to STS", network::e02).with_probe(),
        rule("RRSA-E07", Exchange, Error, "somebody else's certificate stands before STS", network::e07)
            .with_probe(),
        rule("RRSA-E08", Exchange, Error, "the image trusts no authority at all", network::e08).with_probe(),
        rule("RRSA-E09", Exchange, Warning, "a service mesh stands before STS", network::e09).with_probe(),
        rule("RRSA-E10", Exchange, Warning, "STS is far away", network::e10).with_probe(),
        rule("RRSA-E11", Exchange, Warning, "pods reach the node's metadata service", network::e11)
            .with_probe(),
        rule("RRSA-X03", Exchange, Error, "STS cannot read the OIDC provider ARN", sts::x03),
        rule("RRSA-X05", Exchange, Error, "STS finds the token expired", sts::x05),
        rule("RRSA-X06", Exchange, Error, "STS cannot read the token", sts::x06),
        rule("RRSA-X07", Exchange, Critical, "STS finds the token's signature wrong", sts::x07),
        rule("RRSA-X09", Exchange, Critical, "STS cannot fetch the issuer's keys", sts::x09),
        rule("RRSA-X10", Exchange, Critical, "STS does not trust the issuer's TLS certificate", sts::x10),
        rule("RRSA-X12", Exchange, Error, "the session's length is not one the role gives", sts::x12),
        rule("RRSA-X13", Exchange, Error, "STS cannot read a parameter", sts::x13),
        rule("RRSA-X14", Exchange, Warning, "STS is throttling this account", sts::x14),
        rule("RRSA-X15", Exchange, Warning, "STS has trouble on its side", sts::x15),
        rule("RRSA-X16", Exchange, Error, "this machine's clock is off", sts::x16),
        rule("RRSA-X17", Exchange, Error, "something else answers in place of STS", sts::x17),
        rule("RRSA-X11", TrustPolicy, Error, "the RAM role does not exist", sts::x11),
        rule("RRSA-R12", TrustPolicy, Error, "the trust policy denies the token", trust_policy::r12)
            .with_key("ram:GetRole"),
        rule("RRSA-R11", TrustPolicy, Error, "the trust policy names no OIDC provider", trust_policy::r11)
            .with_key("ram:GetRole"),
        rule(
            "RRSA-R02",
            TrustPolicy,
            Error,
            "the trust policy names another cluster's provider",
            trust_policy::r02,
        )
        .with_key("ram:GetRole"),
        rule(
            "RRSA-R01",
            TrustPolicy,
            Error,
            "no statement is about the cluster's provider",
            trust_policy::r01,
        )
        .with_key("ram:GetRole"),
        rule("RRSA-R10", TrustPolicy, Error, "the statement allows another action", trust_policy::r10)
            .with_key("ram:GetRole"),
        rule(
            "RRSA-R09",
            TrustPolicy,
            Error,
            "a condition is on a key that RAM does not know",
            trust_policy::r09,
        )
        .with_key("ram:GetRole"),
        rule(
            "RRSA-R06",
            TrustPolicy,
            Error,
            "a pattern stands where patterns are not read",
            trust_policy::r06,
        )
        .with_key("ram:GetRole"),
        rule("RRSA-R03", TrustPolicy, Error, "the trust policy wants another issuer", trust_policy::r03)
            .with_key("ram:GetRole"),
        rule("RRSA-R04", TrustPolicy, Error, "the trust policy wants another audience", trust_policy::r04)
            .with_key("ram:GetRole"),
        rule(
            "RRSA-R05",
            TrustPolicy,
            Error,
            "the trust policy wants another ServiceAccount",
            trust_policy::r05,
        )
        .with_key("ram:GetRole"),
        rule(
            "RRSA-R13",
            TrustPolicy,
            Warning,
            "the trust policy asks what cannot be seen here",
            trust_policy::r13,
        )
        .with_key("ram:GetRole"),
        rule(
            "RRSA-R20",
            TrustPolicy,
            Warning,
            "the trust policy was changed a moment ago",
            trust_policy::r20,
        )
        .with_key("ram:GetRole"),
        rule(
            "RRSA-R16",
            TrustPolicy,
            Error,
            "the session asked for is not one that the role gives",
            role::r16,
        )
        .with_key("ram:GetRole"),
        rule("RRSA-X01", TrustPolicy, Error, "the role's trust policy does not admit the token", sts::x01),
        rule(
            "RRSA-R07",
            TrustPolicy,
            Warning,
            "the trust policy lets in more than one namespace",
            policy_lint::r07,
        )
        .with_key("ram:GetRole"),
        rule(
            "RRSA-R08",
            TrustPolicy,
            Warning,
            "the trust policy lets in every ServiceAccount",
            policy_lint::r08,
        )
        .with_key("ram:GetRole"),
        rule("RRSA-R14", TrustPolicy, Warning, "a negative condition has several values", policy_lint::r14)
            .with_key("ram:GetRole"),
        rule("RRSA-R15", TrustPolicy, Warning, "one statement mixes several clusters", policy_lint::r15)
            .with_key("ram:GetRole"),
        rule("RRSA-R17", TrustPolicy, Warning, "the trust policy is of an unknown version", policy_lint::r17)
            .with_key("ram:GetRole"),
        rule("RRSA-R22", TrustPolicy, Warning, "a whole account may assume the role", policy_lint::r22)
            .with_key("ram:GetRole"),
        rule(
            "RRSA-R21",
            TrustPolicy,
            Warning,
            "the trust policy names clusters that are gone",
            trust_policy::r21,
        )
        .with_key("ram:ListOIDCProviders"),
        rule("RRSA-R18", TrustPolicy, Warning, "the role has no permission policy", role::r18)
            .with_key("ram:ListPoliciesForRole"),
        rule("RRSA-X18", Identity, Error, "the session is of another role", sts::x18),
        rule("RRSA-K04", Identity, Warning, "another identity takes RRSA's place", sdk::k04),
        rule("RRSA-X19", Identity, Info, "the identity is fine, the permissions are not", sts::x19),
        rule("RRSA-R19", Identity, Info, "an attached policy does not allow the action", sts::r19),
    ]
};
