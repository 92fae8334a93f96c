//! A healthy workload, and for each rule the one change that breaks exactly it.

use std::collections::BTreeMap;

use rrsa_shared::api::Fault;
use rrsa_shared::env_vars;
use rrsa_shared::oidc::TokenClaims;

use super::finding::Severity;
use super::{Finding, RULES};
use crate::facts::*;

const ISSUER: &str = "https://oidc-ack-cn-hangzhou.oss-cn-hangzhou.aliyuncs.com/c0123";
const ROLE: &str = "acs:ram::1234567890123456:role/demo-role-for-rrsa";
const PROVIDER: &str = "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0123";
const FILE: &str = "/var/run/secrets/ack.alibabacloud.com/rrsa-tokens/token";

/// The guide's demo pod on a healthy cluster, its own token exchanged.
fn healthy_pod() -> Facts {
    let env = [
        (env_vars::ROLE_ARN, ROLE),
        (env_vars::OIDC_PROVIDER_ARN, PROVIDER),
        (env_vars::OIDC_TOKEN_FILE, FILE),
    ];
    let env = env.into_iter().map(|(name, value)| (name.to_owned(), EnvFact::Value(value.to_owned())));
    let container = ContainerFacts {
        name: "app".to_owned(),
        kind: ContainerKind::App,
        env: env.collect(),
        env_from: Vec::new(),
        mounts: vec![MountFacts {
            volume: "rrsa-oidc-token".to_owned(),
            path: "/var/run/secrets/ack.alibabacloud.com/rrsa-tokens".to_owned(),
            sub_path: None,
        }],
    };
    let pod = PodFacts {
        name: "demo".to_owned(),
        service_account: "demo-sa".to_owned(),
        phase: Some("Running".to_owned()),
        projections: vec![TokenProjection {
            volume: "rrsa-oidc-token".to_owned(),
            audience: Some(AUDIENCE.to_owned()),
            expiration_seconds: Some(3600),
            path: "token".to_owned(),
        }],
        containers: vec![container],
        ..PodFacts::default()
    };
    let source = TokenSource::Exec { container: "app".to_owned() };
    Facts {
        subject: SubjectRef::Pod("demo".to_owned()),
        pods_using: seen(PodCount { total: 1, wired: 1 }),
        pod: Some(pod),
        token: seen(TokenFacts {
            file: Some(TokenFile { path: FILE.to_owned(), mode: seen("644 0:0".to_owned()) }),
            ..healthy_token(source)
        }),
        ..healthy_service_account()
    }
}

/// The guide's ServiceAccount, nothing running yet, a requested token exchanged.
fn healthy_service_account() -> Facts {
    let annotations = BTreeMap::from([(ROLE_NAME_ANNOTATION.to_owned(), "demo-role-for-rrsa".to_owned())]);
    let labels = BTreeMap::from([(INJECTION_LABEL.to_owned(), "on".to_owned())]);
    Facts {
        subject: SubjectRef::ServiceAccount("demo-sa".to_owned()),
        namespace: "rrsa-demo".to_owned(),
        cluster: ClusterFacts {
            server: "https://api".to_owned(),
            version: seen("v1.36.2".to_owned()),
            issuer: seen(ISSUER.to_owned()),
            discovery_url: seen(format!("{ISSUER}/.well-known/openid-configuration")),
            jwks_url: seen(format!("{ISSUER}/jwks")),
            key_ids: seen(vec!["k1".to_owned()]),
            rrsa_enabled: seen(true),
            cluster_id: seen("c0123".to_owned()),
            region: seen("cn-hangzhou".to_owned()),
            account: seen("1234567890123456".to_owned()),
            provider_name: seen("ack-rrsa-c0123".to_owned()),
            provider_arn: seen(PROVIDER.to_owned()),
            webhook: seen(None),
            cloud: Seen::unknown("no access key"),
        },
        namespace_facts: seen(Some(NamespaceFacts {
            name: "rrsa-demo".to_owned(),
            labels,
            ..Default::default()
        })),
        service_account_name: "demo-sa".to_owned(),
        service_account: seen(Some(ServiceAccountFacts { name: "demo-sa".to_owned(), annotations })),
        annotated_service_accounts: seen(vec!["demo-sa".to_owned()]),
        pods_using: seen(PodCount::default()),
        pod: None,
        expected_role_arn: seen(ROLE.to_owned()),
        token: seen(healthy_token(TokenSource::TokenRequest)),
        exchange: seen(ExchangeFacts {
            endpoint: "sts.aliyuncs.com".to_owned(),
            role_arn: ROLE.to_owned(),
            provider_arn: PROVIDER.to_owned(),
            outcome: ExchangeOutcome::Granted {
                assumed_role_arn: None,
                expiration: "2024-01-02T04:04:05Z".to_owned(),
                request_id: None,
                identity: seen(IdentityFacts {
                    arn: "acs:ram::1234567890123456:assumed-role/demo-role-for-rrsa/s".to_owned(),
                    account: "1234567890123456".to_owned(),
                    request_id: None,
                    took_ms: 1,
                }),
            },
            took_ms: 1,
            attempts: 1,
            clock_offset_seconds: Some(0),
        }),
        account: AccountFacts {
            role: Seen::unknown("no access key"),
            provider: Seen::unknown("no access key"),
        },
    }
}

fn healthy_token(source: TokenSource) -> TokenFacts {
    TokenFacts {
        source,
        file: None,
        problem: None,
        algorithm: Some("RS256".to_owned()),
        key_id: Some("k1".to_owned()),
        claims: TokenClaims {
            issuer: Some(ISSUER.to_owned()),
            subject: Some("system:serviceaccount:rrsa-demo:demo-sa".to_owned()),
            audiences: vec![AUDIENCE.to_owned()],
            issued_at: Some(1000),
            not_before: Some(1000),
            expires_at: Some(4600),
            ..TokenClaims::default()
        },
        signature: seen(None),
        seen_at: 1100,
    }
}

fn seen<T>(value: T) -> Seen<T> {
    Seen::known(value, "fixture")
}

fn alter<T>(fact: &mut Seen<T>, change: impl FnOnce(&mut T)) {
    match fact {
        Seen::Known { value, .. } => change(value),
        Seen::Unknown(why) => panic!("the fixture has no value here: {why}"),
    }
}

fn container(facts: &mut Facts) -> &mut ContainerFacts {
    &mut facts.pod.as_mut().expect("a pod").containers[0]
}

fn projection(facts: &mut Facts) -> &mut TokenProjection {
    &mut facts.pod.as_mut().expect("a pod").projections[0]
}

fn set(facts: &mut Facts, name: &str, value: &str) {
    container(facts).env.insert(name.to_owned(), EnvFact::Value(value.to_owned()));
}

fn annotate(facts: &mut Facts, value: Option<&str>) {
    alter(&mut facts.service_account, |account| {
        let annotations = &mut account.as_mut().expect("an account").annotations;
        match value {
            Some(value) => annotations.insert(ROLE_NAME_ANNOTATION.to_owned(), value.to_owned()),
            None => annotations.remove(ROLE_NAME_ANNOTATION),
        };
    });
}

fn label(facts: &mut Facts, value: Option<&str>) {
    alter(&mut facts.namespace_facts, |namespace| {
        let labels = &mut namespace.as_mut().expect("a namespace").labels;
        match value {
            Some(value) => labels.insert(INJECTION_LABEL.to_owned(), value.to_owned()),
            None => labels.remove(INJECTION_LABEL),
        };
    });
}

/// The pod as it would be without injection: no variable, no volume, no token.
fn not_injected(facts: &mut Facts) {
    let pod = facts.pod.as_mut().expect("a pod");
    pod.projections.clear();
    pod.containers[0].env.clear();
    pod.containers[0].mounts.clear();
    facts.pods_using = seen(PodCount { total: 1, wired: 0 });
    facts.token = Seen::unknown("no container has any of RRSA's variables");
    facts.exchange = Seen::unknown("there is no token to exchange");
}

fn claims(facts: &mut Facts, change: impl FnOnce(&mut TokenClaims)) {
    alter(&mut facts.token, |token| change(&mut token.claims));
}

fn problem(facts: &mut Facts, problem: TokenProblem) {
    alter(&mut facts.token, |token| token.problem = Some(problem));
    facts.exchange = Seen::unknown("there is no token to exchange");
}

fn refuse(facts: &mut Facts, http_status: u16, code: &str, message: &str) {
    let fault = Fault {
        http_status,
        code: code.to_owned(),
        message: message.to_owned(),
        request_id: Some("3D57EAD2".to_owned()),
        host_id: None,
        recommend: None,
        access_denied: None,
    };
    alter(&mut facts.exchange, |exchange| exchange.outcome = ExchangeOutcome::Refused(fault));
}

type Case = (&'static str, &'static str, fn() -> Facts, fn(&mut Facts));

/// Rule, what was done, on which healthy workload, and the change.
const BREAKS: &[Case] = &[
    ("RRSA-C01", "RRSA is off", healthy_service_account, |f| {
        f.cluster.issuer = seen(DEFAULT_ISSUER.to_owned());
        claims(f, |c| c.issuer = Some(DEFAULT_ISSUER.to_owned()));
    }),
    ("RRSA-C02", "the token is of the time before RRSA", healthy_pod, |f| {
        claims(f, |c| c.issuer = Some(DEFAULT_ISSUER.to_owned()));
    }),
    ("RRSA-C10", "the token's key is not published", healthy_service_account, |f| {
        alter(&mut f.token, |t| {
            t.signature = seen(Some("the token's key k9 is not among those published".to_owned()));
        });
    }),
    ("RRSA-C10", "nothing is published", healthy_pod, |f| {
        alter(&mut f.token, |t| t.signature = seen(Some("the issuer publishes no key".to_owned())));
    }),
    ("RRSA-N01", "the namespace has no label", healthy_service_account, |f| label(f, None)),
    ("RRSA-N01", "neither namespace nor pod has a label", healthy_pod, |f| {
        not_injected(f);
        label(f, None);
    }),
    ("RRSA-N02", "the label says true", healthy_service_account, |f| label(f, Some("true"))),
    ("RRSA-N02", "the pod's label says enabled", healthy_pod, |f| {
        not_injected(f);
        f.pod.as_mut().expect("a pod").labels.insert(INJECTION_LABEL.to_owned(), "enabled".to_owned());
    }),
    ("RRSA-S01", "the ServiceAccount is gone", healthy_service_account, |f| f.service_account = seen(None)),
    ("RRSA-S02", "no annotation", healthy_service_account, |f| annotate(f, None)),
    ("RRSA-S02", "no annotation and a pod without injection", healthy_pod, |f| {
        not_injected(f);
        annotate(f, None);
        f.annotated_service_accounts = seen(Vec::new());
    }),
    ("RRSA-S04", "the annotation is an ARN", healthy_service_account, |f| annotate(f, Some(ROLE))),
    ("RRSA-S04", "the annotation has a space", healthy_service_account, |f| annotate(f, Some("demo role"))),
    ("RRSA-S06", "the annotation was changed later", healthy_pod, |f| annotate(f, Some("another-role"))),
    ("RRSA-P02", "the pod runs as default", healthy_pod, |f| {
        not_injected(f);
        f.pod.as_mut().expect("a pod").service_account = "default".to_owned();
        f.service_account_name = "default".to_owned();
        f.service_account =
            seen(Some(ServiceAccountFacts { name: "default".to_owned(), annotations: BTreeMap::new() }));
    }),
    ("RRSA-P02", "the pod runs as a misspelt account", healthy_pod, |f| {
        not_injected(f);
        f.service_account_name = "demosa".to_owned();
        f.service_account =
            seen(Some(ServiceAccountFacts { name: "demosa".to_owned(), annotations: BTreeMap::new() }));
    }),
    ("RRSA-P06", "the role variable is missing", healthy_pod, |f| {
        container(f).env.remove(env_vars::ROLE_ARN);
    }),
    ("RRSA-P06", "only the volume is there", healthy_pod, |f| container(f).env.clear()),
    ("RRSA-P09", "the role is a placeholder", healthy_pod, |f| set(f, env_vars::ROLE_ARN, "<role_arn>")),
    ("RRSA-P09", "the provider is a placeholder", healthy_pod, |f| {
        set(f, env_vars::OIDC_PROVIDER_ARN, "<oid_provider_arn>");
    }),
    ("RRSA-P11", "the provider is of another cluster", healthy_pod, |f| {
        set(f, env_vars::OIDC_PROVIDER_ARN, "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c9999");
    }),
    ("RRSA-P12", "the pod is older than the annotation", healthy_pod, not_injected),
    ("RRSA-P13", "the token is for the API server", healthy_pod, |f| projection(f).audience = None),
    ("RRSA-P13", "the audience is the VPC host", healthy_pod, |f| {
        projection(f).audience = Some("sts-vpc.cn-hangzhou.aliyuncs.com".to_owned());
    }),
    ("RRSA-P14", "the lifetime is a day", healthy_pod, |f| projection(f).expiration_seconds = Some(86_400)),
    ("RRSA-P14", "the lifetime is a minute", healthy_pod, |f| projection(f).expiration_seconds = Some(60)),
    ("RRSA-P15", "the volume is not mounted", healthy_pod, |f| container(f).mounts.clear()),
    ("RRSA-P16", "the variable points elsewhere", healthy_pod, |f| {
        set(f, env_vars::OIDC_TOKEN_FILE, "/var/run/secrets/tokens/token");
    }),
    ("RRSA-K02", "an access key is in the environment", healthy_pod, |f| {
        container(f).env.insert("ALICLOUD_ACCESS_KEY".to_owned(), EnvFact::Set);
    }),
    ("RRSA-T01", "the file is missing", healthy_pod, |f| problem(f, TokenProblem::Missing)),
    ("RRSA-T01", "the file is empty", healthy_pod, |f| problem(f, TokenProblem::Empty)),
    ("RRSA-T02", "the file holds something else", healthy_pod, |f| {
        problem(f, TokenProblem::Malformed("it has 1 part".to_owned()));
    }),
    ("RRSA-T02", "a line feed follows the token", healthy_pod, |f| {
        alter(&mut f.token, |t| t.problem = Some(TokenProblem::Surrounded));
    }),
    ("RRSA-T04", "the token has expired", healthy_pod, |f| alter(&mut f.token, |t| t.seen_at = 4600)),
    ("RRSA-T04", "the token is not being renewed", healthy_pod, |f| {
        alter(&mut f.token, |t| t.seen_at = 4100);
    }),
    ("RRSA-T06", "the token is for another audience", healthy_pod, |f| {
        claims(f, |c| c.audiences = vec!["https://kubernetes.default.svc".to_owned()]);
    }),
    ("RRSA-T07", "the token is of another cluster", healthy_pod, |f| {
        claims(f, |c| c.issuer = Some(format!("{ISSUER}/")));
    }),
    ("RRSA-T08", "the token is of another account", healthy_pod, |f| {
        claims(f, |c| c.subject = Some("system:serviceaccount:rrsa-demo:other".to_owned()));
    }),
    ("RRSA-X01", "the trust policy refuses", healthy_service_account, |f| {
        refuse(f, 401, "AuthenticationFail.NoPermission", "There is no permission");
    }),
    ("RRSA-X02", "no provider", healthy_service_account, |f| {
        refuse(f, 401, "AuthenticationFail.NoPermission", "No such OIDC Provider registered.");
    }),
    ("RRSA-X03", "a bad provider ARN", healthy_service_account, |f| {
        refuse(f, 401, "AuthenticationFail.NoPermission", "Parameter OIDCProviderArn is not valid");
    }),
    ("RRSA-X04", "no such client id", healthy_service_account, |f| {
        refuse(f, 401, "AuthenticationFail.OIDCToken.AudienceNotMatch", "");
    }),
    ("RRSA-X05", "expired for STS", healthy_service_account, |f| {
        refuse(f, 401, "AuthenticationFail.OIDCToken.Expired", "This JsonWebToken is expired.");
    }),
    ("RRSA-X06", "unreadable for STS", healthy_service_account, |f| {
        refuse(f, 401, "AuthenticationFail.OIDCToken.Invalid", "");
    }),
    ("RRSA-X07", "bad signature for STS", healthy_service_account, |f| {
        refuse(f, 401, "AuthenticationFail.OIDCToken.InvalidSignature", "");
    }),
    ("RRSA-X08", "another issuer for STS", healthy_service_account, |f| {
        refuse(f, 401, "AuthenticationFail.OIDCToken.IssuerNotMatch", "");
    }),
    ("RRSA-X09", "no keys for STS", healthy_service_account, |f| {
        refuse(f, 401, "AuthenticationFail.OIDCToken.IssuerConfigurationBroken", "the issuer is https://x");
    }),
    ("RRSA-X10", "TLS of the issuer", healthy_service_account, |f| {
        refuse(f, 401, "AuthenticationFail.OIDCToken.HttpsUrlInvalid", "");
    }),
    ("RRSA-X10", "fingerprint of the issuer", healthy_service_account, |f| {
        refuse(f, 401, "AuthenticationFail.OIDCToken.PublicKeyFingerprintMismatch", "");
    }),
    ("RRSA-X11", "no role", healthy_service_account, |f| refuse(f, 404, "EntityNotExist.Role", "")),
    ("RRSA-X14", "throttled", healthy_service_account, |f| refuse(f, 400, "Throttling.User", "")),
    ("RRSA-X15", "server trouble", healthy_service_account, |f| refuse(f, 500, "InternalError", "")),
    ("RRSA-X18", "another role answers", healthy_service_account, |f| {
        alter(&mut f.exchange, |e| e.role_arn = "acs:ram::1234567890123456:role/demo-role".to_owned());
    }),
];

/// What is near a broken rule and healthy all the same.
type Near = (&'static str, fn() -> Facts, fn(&mut Facts));
const NEAR: &[Near] = &[
    ("a pod", healthy_pod, |_| {}),
    ("a ServiceAccount", healthy_service_account, |_| {}),
    ("an unlabelled namespace with a pod wired by hand", healthy_pod, |f| label(f, None)),
    ("an account without annotation and a pod wired by hand", healthy_pod, |f| annotate(f, None)),
    ("an account without annotation, used by a wired pod", healthy_service_account, |f| {
        annotate(f, None);
        f.pods_using = seen(PodCount { total: 2, wired: 1 });
    }),
    ("a token about to be renewed", healthy_pod, |f| alter(&mut f.token, |t| t.seen_at = 3900)),
    ("a second audience", healthy_pod, |f| claims(f, |c| c.audiences.push("other".to_owned()))),
    ("the longest lifetime", healthy_pod, |f| projection(f).expiration_seconds = Some(43_200)),
    ("the shortest lifetime", healthy_pod, |f| projection(f).expiration_seconds = Some(600)),
    ("a subPath mount of the token itself", healthy_pod, |f| {
        let mount = &mut container(f).mounts[0];
        mount.path = FILE.to_owned();
        mount.sub_path = Some("token".to_owned());
    }),
    ("a volume of another name", healthy_pod, |f| {
        projection(f).volume = "oidc".to_owned();
        container(f).mounts[0].volume = "oidc".to_owned();
    }),
    ("an access key in an init container", healthy_pod, |f| {
        let env = BTreeMap::from([("ALIBABA_CLOUD_ACCESS_KEY_ID".to_owned(), EnvFact::Set)]);
        let init =
            ContainerFacts { name: "init".to_owned(), kind: ContainerKind::Init, env, ..Default::default() };
        f.pod.as_mut().expect("a pod").containers.insert(0, init);
    }),
];

fn findings(facts: &Facts) -> Vec<Finding> {
    RULES.iter().filter_map(|rule| rule.finding(&(rule.judge)(facts))).collect()
}

#[test]
fn each_fixture_breaks_exactly_the_rule_it_names() {
    for (rule, what, healthy, change) in BREAKS {
        let mut facts = healthy();
        change(&mut facts);
        let found: Vec<_> = findings(&facts).into_iter().map(|finding| finding.rule).collect();
        assert_eq!(found, [*rule], "{what}");
    }
}

#[test]
fn each_rule_has_a_fixture() {
    for rule in RULES {
        assert!(BREAKS.iter().any(|(id, ..)| *id == rule.id), "{} has no fixture", rule.id);
    }
}

#[test]
fn what_is_near_a_broken_rule_is_healthy() {
    for (what, healthy, change) in NEAR {
        let mut facts = healthy();
        change(&mut facts);
        assert_eq!(findings(&facts), [], "{what}");
        let report = crate::report::Report::on(facts);
        assert_eq!(report.exit_code(), 0, "{what}: {:?}", report.skipped);
    }
}

#[test]
fn a_finding_says_what_was_seen_where_and_what_to_do() {
    for (rule, what, healthy, change) in BREAKS {
        let mut facts = healthy();
        change(&mut facts);
        for finding in findings(&facts) {
            for text in [&finding.expected, &finding.seen, &finding.place, &finding.remedy] {
                assert!(!text.trim().is_empty(), "{rule} {what}: {finding:?}");
            }
        }
        let report = crate::report::Report::on(facts);
        let severe = report.findings.iter().any(|finding| finding.severity >= Severity::Error);
        assert_eq!(report.exit_code() == 1, severe, "{rule} {what}");
    }
}

#[test]
fn what_is_not_seen_is_never_good() {
    let mut facts = healthy_pod();
    facts.cluster.issuer = Seen::unknown("forbidden");
    facts.cluster.cluster_id = Seen::unknown("forbidden");
    facts.namespace_facts = Seen::unknown("forbidden");
    facts.service_account = Seen::unknown("forbidden");
    facts.token = Seen::unknown("no way");
    facts.exchange = Seen::unknown("no way");
    let report = crate::report::Report::on(facts);
    assert_eq!((report.findings.len(), report.exit_code()), (0, 3));
    for link in report.links {
        use crate::rules::Link;
        let proven = matches!(link.link, Link::Namespace);
        assert_eq!(link.status == crate::report::LinkStatus::Good, proven, "{}", link.link);
    }
}

#[test]
fn a_refusal_with_an_unknown_code_is_neither_good_nor_blamed_on_a_rule() {
    let mut facts = healthy_service_account();
    refuse(&mut facts, 401, "AuthenticationFail.Novel", "words of a later year");
    let report = crate::report::Report::on(facts);
    assert_eq!((report.findings.len(), report.exit_code()), (0, 3));
    let exchange =
        report.links.iter().find(|link| link.link == crate::rules::Link::Exchange).expect("the link");
    assert_eq!(exchange.status, crate::report::LinkStatus::Unseen);
    assert!(exchange.unseen.as_deref().is_some_and(|why| why.contains("Novel")));
}
