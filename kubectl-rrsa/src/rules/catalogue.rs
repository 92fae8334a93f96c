//! Every rule, in the order of the chain.

use super::finding::{Finding, Link, Severity, Verdict};
use super::{cluster, namespace, pod, sdk, service_account, sts, token};
use crate::facts::Facts;

/// One rule of the catalogue.
#[derive(Clone, Copy)]
pub struct Rule {
    /// `RRSA-` and its number; stable.
    pub id: &'static str,
    /// The link it guards.
    pub link: Link,
    /// How bad it is when broken.
    pub severity: Severity,
    /// What is wrong when it is broken.
    pub title: &'static str,
    /// Judges the facts.
    pub judge: fn(&Facts) -> Verdict,
}

impl Rule {
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
        })
    }
}

const fn rule(
    id: &'static str,
    link: Link,
    severity: Severity,
    title: &'static str,
    judge: fn(&Facts) -> Verdict,
) -> Rule {
    Rule { id, link, severity, title, judge }
}

/// The catalogue.
pub const RULES: &[Rule] = {
    use Link::{Cluster, Exchange, Identity, Namespace, Pod, ServiceAccount, Token};
    use Severity::{Critical, Error, Warning};
    &[
        rule("RRSA-C01", Cluster, Critical, "RRSA is off for this cluster", cluster::c01),
        rule("RRSA-N01", Namespace, Error, "nothing asks the webhook to inject", namespace::n01),
        rule("RRSA-N02", Namespace, Error, "the injection label has another value than on", namespace::n02),
        rule("RRSA-S01", ServiceAccount, Error, "the ServiceAccount does not exist", service_account::s01),
        rule("RRSA-P02", ServiceAccount, Error, "the pod runs as the wrong ServiceAccount", pod::p02),
        rule("RRSA-S02", ServiceAccount, Error, "the ServiceAccount names no RAM role", service_account::s02),
        rule(
            "RRSA-S04",
            ServiceAccount,
            Error,
            "the role-name annotation is not a role name",
            service_account::s04,
        ),
        rule(
            "RRSA-S06",
            Pod,
            Error,
            "the pod has another role than its ServiceAccount names",
            service_account::s06,
        ),
        rule("RRSA-P12", Pod, Error, "the pod has no RRSA token volume", pod::p12),
        rule("RRSA-P06", Pod, Error, "RRSA's three variables are not complete", pod::p06),
        rule("RRSA-P09", Pod, Error, "a placeholder of the manual was never filled in", pod::p09),
        rule("RRSA-P11", Pod, Error, "the OIDC provider belongs to another cluster", pod::p11),
        rule("RRSA-P13", Pod, Error, "the token is projected for another audience", pod::p13),
        rule("RRSA-P14", Pod, Warning, "the token's lifetime is outside what RRSA gives", pod::p14),
        rule("RRSA-P15", Pod, Error, "the token volume is not mounted in this container", pod::p15),
        rule("RRSA-P16", Pod, Error, "the token file variable points elsewhere", pod::p16),
        rule("RRSA-K02", Pod, Error, "a static access key hides RRSA", sdk::k02),
        rule("RRSA-T01", Token, Error, "there is no token to read", token::t01),
        rule("RRSA-T02", Token, Error, "the token file holds something else than a token", token::t02),
        rule("RRSA-C02", Token, Error, "the pod is older than RRSA on this cluster", cluster::c02),
        rule("RRSA-T07", Token, Error, "the token is of another issuer", token::t07),
        rule("RRSA-T08", Token, Error, "the token is of another ServiceAccount", token::t08),
        rule("RRSA-T06", Token, Error, "the token is for another audience", token::t06),
        rule("RRSA-T04", Token, Error, "the token is not being refreshed", token::t04),
        rule("RRSA-C10", Token, Critical, "no key of the issuer signed the token", cluster::c10),
        rule("RRSA-X01", Exchange, Error, "the role's trust policy does not admit the token", sts::x01),
        rule("RRSA-X02", Exchange, Critical, "the OIDC provider does not exist in RAM", sts::x02),
        rule("RRSA-X03", Exchange, Error, "STS cannot read the OIDC provider ARN", sts::x03),
        rule(
            "RRSA-X04",
            Exchange,
            Error,
            "the token's audience is not one the OIDC provider takes",
            sts::x04,
        ),
        rule("RRSA-X05", Exchange, Error, "STS finds the token expired", sts::x05),
        rule("RRSA-X06", Exchange, Error, "STS cannot read the token", sts::x06),
        rule("RRSA-X07", Exchange, Critical, "STS finds the token's signature wrong", sts::x07),
        rule("RRSA-X08", Exchange, Critical, "the token's issuer is not the OIDC provider's", sts::x08),
        rule("RRSA-X09", Exchange, Critical, "STS cannot fetch the issuer's keys", sts::x09),
        rule("RRSA-X10", Exchange, Critical, "STS does not trust the issuer's TLS certificate", sts::x10),
        rule("RRSA-X11", Exchange, Error, "the RAM role does not exist", sts::x11),
        rule("RRSA-X14", Exchange, Warning, "STS is throttling this account", sts::x14),
        rule("RRSA-X15", Exchange, Warning, "STS has trouble on its side", sts::x15),
        rule("RRSA-X18", Identity, Error, "the session is of another role", sts::x18),
    ]
};
