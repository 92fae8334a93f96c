//! A healthy workload, and for each rule the one change that breaks exactly it.

use std::collections::BTreeMap;

use rrsa_shared::api::Fault;
use rrsa_shared::env_vars;
use rrsa_shared::oidc::TokenClaims;
use rrsa_shared::ports::http::TransportFault;
use rrsa_shared::proof::{NetworkFacts, Step};

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
        last_codes: Vec::new(),
        last_denial: None,
        java_key: None,
        name: "app".to_owned(),
        kind: ContainerKind::App,
        image: None,
        run_as_user: None,
        env: env.collect(),
        env_emptied: Vec::new(),
        env_from: Vec::new(),
        sources: Vec::new(),
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
            mode: None,
        }],
        containers: vec![container],
        ..PodFacts::default()
    };
    let source = TokenSource::Exec { container: "app".to_owned() };
    Facts {
        subject: SubjectRef::Pod("demo".to_owned()),
        pods_using: seen(PodCount { total: 1, wired: 1 }),
        workloads: Vec::new(),
        unscheduled: None,
        owners: BTreeMap::new(),
        beside: Vec::new(),
        pod: Some(pod),
        token: seen(TokenFacts {
            file: Some(TokenFile { path: FILE.to_owned(), mode: seen("644 0:0".to_owned()) }),
            ..healthy_token(source)
        }),
        ..healthy_service_account()
    }
}

/// The guide's ServiceAccount, nothing running yet, a requested token exchanged.
pub(super) fn healthy_service_account() -> Facts {
    let annotations = BTreeMap::from([(ROLE_NAME_ANNOTATION.to_owned(), "demo-role-for-rrsa".to_owned())]);
    let labels = BTreeMap::from([(INJECTION_LABEL.to_owned(), "on".to_owned())]);
    Facts {
        subject: SubjectRef::ServiceAccount("demo-sa".to_owned()),
        asked_as: None,
        offline: false,
        looked_at: 1100,
        namespace: "rrsa-demo".to_owned(),
        cluster: ClusterFacts {
            chosen_by: String::new(),
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
            webhook: seen(Some(WebhookFacts {
                name: "ack-pod-identity-webhook".to_owned(),
                deployment: seen(Some(WebhookDeployment {
                    version: Some("v0.4.2".to_owned()),
                    replicas: Replicas { ready: 2, wanted: 2 },
                    available_since: Some(500),
                })),
                admission: seen(AdmissionFacts { sees_pods: true, ..AdmissionFacts::default() }),
            })),
            cloud: Seen::unknown("no access key"),
        },
        namespace_facts: seen(Some(NamespaceFacts {
            name: "rrsa-demo".to_owned(),
            labels,
            ..Default::default()
        })),
        service_account_name: "demo-sa".to_owned(),
        service_account: seen(Some(ServiceAccountFacts {
            name: "demo-sa".to_owned(),
            annotations,
            role_label: None,
            annotated_at: None,
        })),
        annotated_service_accounts: seen(vec!["demo-sa".to_owned()]),
        annotated_elsewhere: Seen::unknown("it names a role"),
        same_role: seen(Vec::new()),
        published: Seen::unknown("STS has just read it"),
        webhook_failures: Seen::unknown("nothing is amiss"),
        session_seconds: 900,
        pods_using: seen(PodCount { total: 1, wired: 1 }),
        workloads: Vec::new(),
        unscheduled: None,
        owners: BTreeMap::new(),
        beside: Vec::new(),
        pod: None,
        expected_role_arn: seen(ROLE.to_owned()),
        token: seen(healthy_token(TokenSource::TokenRequest)),
        token_instead: None,
        untried: None,
        vantage: Seen::unknown("nothing was run inside the cluster"),
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
        owner: Seen::unknown("nothing made the pod"),
        role_in_use: seen(ROLE.to_owned()),
        provider_in_use: seen(PROVIDER.to_owned()),
        account: AccountFacts::unseen("no access key"),
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

/// The cluster as one that has nothing of Alibaba Cloud.
fn elsewhere(facts: &mut Facts, issuer: &str) {
    facts.cluster.issuer = seen(issuer.to_owned());
    claims(facts, |c| c.issuer = Some(issuer.to_owned()));
    facts.cluster.cluster_id = Seen::unknown("no such configmap");
    facts.cluster.region = Seen::unknown("no node tells its region");
    facts.cluster.webhook = seen(None);
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

/// The ServiceAccount's one pod, as it would be without injection.
fn unwired(facts: &mut Facts) {
    facts.pods_using = seen(PodCount { total: 1, wired: 0 });
}

/// Lets a pod run as the ServiceAccount: one that RRSA has not reached, if it is not changed; made by nobody for no owner.
fn runs(facts: &mut Facts, owner: &str, change: impl FnOnce(&mut PodFacts)) {
    let mut pod = PodFacts { is_template: false, ..template() };
    change(&mut pod);
    facts.workloads.push(Workload { like: pod.likeness(), pods: vec![one_of(owner)] });
}

fn one_of(owner: &str) -> WorkloadPod {
    WorkloadPod {
        name: format!("{}-1", owner.replace('/', "-")),
        owner: (!owner.is_empty()).then(|| owner.to_owned()),
        ..WorkloadPod::default()
    }
}

/// A pod template that the webhook will inject.
fn healthy_template() -> Facts {
    let mut facts = healthy_pod();
    not_injected(&mut facts);
    facts.pod.as_mut().expect("a pod").is_template = true;
    facts
}

/// The pod that a Deployment would make, before the webhook has seen it.
fn template() -> PodFacts {
    PodFacts {
        name: "demo".to_owned(),
        service_account: "demo-sa".to_owned(),
        is_template: true,
        owner: Some("deployment/demo".to_owned()),
        containers: vec![ContainerFacts { name: "app".to_owned(), ..Default::default() }],
        ..Default::default()
    }
}

fn webhook(facts: &mut Facts, change: impl FnOnce(&mut WebhookFacts)) {
    alter(&mut facts.cluster.webhook, |webhook| change(webhook.as_mut().expect("a webhook")));
}

fn deployment(facts: &mut Facts, change: impl FnOnce(&mut WebhookDeployment)) {
    webhook(facts, |webhook| alter(&mut webhook.deployment, |d| change(d.as_mut().expect("a deployment"))));
}

fn admission(facts: &mut Facts, change: impl FnOnce(&mut AdmissionFacts)) {
    webhook(facts, |webhook| alter(&mut webhook.admission, change));
}

fn account_annotation(facts: &mut Facts, key: &str, value: &str) {
    alter(&mut facts.service_account, |account| {
        account.as_mut().expect("an account").annotations.insert(key.to_owned(), value.to_owned());
    });
}

fn pod_annotation(facts: &mut Facts, key: &str, value: &str) {
    facts.pod.as_mut().expect("a pod").annotations.insert(key.to_owned(), value.to_owned());
}

/// RAM and IMS are asked, STS refuses, and the statement of the guide is changed by `change`.
fn with_policy(facts: &mut Facts, change: impl FnOnce(&mut serde_json::Value)) {
    let mut policy = serde_json::json!({"Version": "1", "Statement": [{
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Federated": [PROVIDER]},
        "Condition": {"StringEquals": {
            "oidc:iss": [ISSUER],
            "oidc:aud": [AUDIENCE],
            "oidc:sub": ["system:serviceaccount:rrsa-demo:demo-sa"],
        }},
    }]});
    change(&mut policy);
    facts.account.role = seen(Some(rrsa_shared::ram::Role {
        arn: ROLE.to_owned(),
        trust_policy: policy.to_string(),
        max_session_duration: Some(3600),
        update_date: None,
    }));
}

/// The policy, and the refusal that goes with it.
fn refused_by(facts: &mut Facts, change: impl FnOnce(&mut serde_json::Value)) {
    with_policy(facts, change);
    refuse(facts, 401, "AuthenticationFail.NoPermission", "There is no permission");
}

fn with_provider(facts: &mut Facts, change: impl FnOnce(&mut rrsa_shared::ram::OidcProvider)) {
    let mut provider = rrsa_shared::ram::OidcProvider {
        arn: PROVIDER.to_owned(),
        issuer_url: ISSUER.to_owned(),
        client_ids: vec![AUDIENCE.to_owned()],
        fingerprints: Vec::new(),
        issuance_limit_hours: Some(12),
    };
    change(&mut provider);
    facts.account.provider = seen(Some(provider));
}

fn with_cloud(facts: &mut Facts, state: &str, issuer: &str) {
    facts.cluster.cloud = seen(Some(rrsa_shared::ack::ClusterDetail {
        cluster_id: "c0123".to_owned(),
        region: Some("cn-hangzhou".to_owned()),
        state: Some(state.to_owned()),
        rrsa: Some(rrsa_shared::ack::RrsaConfig {
            enabled: true,
            issuer: issuer.to_owned(),
            ..Default::default()
        }),
    }));
}

/// A probe ran in the cluster, and found the way to STS as `change` makes it.
fn with_probe(facts: &mut Facts, change: impl FnOnce(&mut NetworkFacts)) {
    let mut network = NetworkFacts {
        host: "sts.cn-hangzhou.aliyuncs.com".to_owned(),
        proxy: None,
        resolved: Step::Done { value: vec!["203.0.113.1".to_owned()], took_ms: 1 },
        connected: Step::Done { value: "203.0.113.1:443".to_owned(), took_ms: 2 },
        answered: Step::Done { value: 400, took_ms: 20 },
        trusted_roots: 140,
    };
    change(&mut network);
    facts.vantage = seen(VantageFacts {
        place: "a pod of its own".to_owned(),
        network: seen(network),
        metadata_service: Seen::unknown("not asked (--imds)"),
        from_here: Seen::unknown("not tried"),
    });
}

/// The issuer's public documents were read because STS gave no session, and are what they are after `change`.
fn with_published(facts: &mut Facts, change: impl FnOnce(&mut IssuerFacts)) {
    let mut issuer = IssuerFacts {
        discovery_url: format!("{ISSUER}/.well-known/openid-configuration"),
        discovery: Published::Document { issuer: ISSUER.to_owned(), jwks_uri: format!("{ISSUER}/jwks") },
        key_ids: seen(vec!["k1".to_owned()]),
        fingerprints: seen(vec!["aa".to_owned()]),
    };
    change(&mut issuer);
    facts.published = seen(issuer);
    facts.exchange = match std::mem::replace(&mut facts.exchange, Seen::unknown("")) {
        Seen::Known { value, from } => Seen::Known {
            value: ExchangeFacts {
                outcome: ExchangeOutcome::Lost(Loss::NoAnswer("no answer".to_owned())),
                ..value
            },
            from,
        },
        unknown => unknown,
    };
}

/// A container that somebody added to the running pod.
fn debug_container(facts: &mut Facts, change: impl FnOnce(&mut ContainerFacts)) {
    let kind = ContainerKind::Ephemeral;
    let mut container = ContainerFacts { name: "debug".to_owned(), kind, ..Default::default() };
    change(&mut container);
    facts.pod.as_mut().expect("a pod").containers.push(container);
}

/// The container's last words are the refusal of a service.
fn deny(facts: &mut Facts, action: Option<&str>) {
    container(facts).last_denial = Some(Denial {
        code: "Forbidden.RAM".to_owned(),
        action: action.map(str::to_owned),
        kind: action.map(|_| "ImplicitDeny".to_owned()),
        policy_type: None,
    });
}

fn failed<T>(fault: TransportFault, why: &str) -> Step<T> {
    Step::Failed { fault, why: why.to_owned(), took_ms: 3000 }
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
            t.key_id = Some("k9".to_owned());
            t.signature = seen(Some("the token's key k9 is not among those published".to_owned()));
        });
        f.exchange = Seen::unknown("no answer");
    }),
    ("RRSA-C10", "nothing is published", healthy_pod, |f| {
        alter(&mut f.token, |t| t.signature = seen(Some("the issuer publishes no key".to_owned())));
        f.cluster.key_ids = seen(Vec::new());
        f.exchange = Seen::unknown("no answer");
    }),
    ("RRSA-C10", "the public does not have the key yet", healthy_pod, |f| {
        with_published(f, |issuer| issuer.key_ids = seen(vec!["k0".to_owned()]));
        refuse(f, 401, "AuthenticationFail.OIDCToken.InvalidSignature", "");
    }),
    ("RRSA-T10", "the token was changed on its way", healthy_pod, |f| {
        alter(&mut f.token, |t| {
            t.signature = seen(Some("the published key did not sign this token".to_owned()));
        });
        refuse(f, 401, "AuthenticationFail.OIDCToken.InvalidSignature", "");
    }),
    ("RRSA-C08", "the issuer's document is not public", healthy_service_account, |f| {
        with_published(f, |issuer| issuer.discovery = Published::Status(403));
        refuse(f, 401, "AuthenticationFail.OIDCToken.IssuerConfigurationBroken", "");
    }),
    ("RRSA-C09", "the issuer's document names another issuer", healthy_service_account, |f| {
        with_published(f, |issuer| {
            issuer.discovery =
                Published::Document { issuer: format!("{ISSUER}/"), jwks_uri: format!("{ISSUER}/jwks") };
        });
    }),
    ("RRSA-C09", "keys over plain http", healthy_service_account, |f| {
        with_published(f, |issuer| {
            issuer.discovery =
                Published::Document { issuer: ISSUER.to_owned(), jwks_uri: "http://keys".to_owned() };
        });
    }),
    ("RRSA-I05", "the issuer's certificate was renewed", healthy_service_account, |f| {
        with_published(f, |issuer| issuer.fingerprints = seen(vec!["aa".to_owned()]));
        with_provider(f, |provider| provider.fingerprints = vec!["BB".to_owned()]);
        refuse(f, 401, "AuthenticationFail.OIDCToken.PublicKeyFingerprintMismatch", "");
    }),
    ("RRSA-I06", "the issuer's certificate has expired", healthy_service_account, |f| {
        with_published(f, |issuer| {
            issuer.discovery =
                Published::NoAnswer { fault: TransportFault::Tls, why: "certificate expired".to_owned() };
        });
        refuse(f, 401, "AuthenticationFail.OIDCToken.HttpsUrlInvalid", "");
    }),
    ("RRSA-W03", "the webhook's authority has expired", healthy_pod, |f| {
        not_injected(f);
        admission(f, |a| a.ca = Authority::Until(1000));
    }),
    ("RRSA-W03", "the caBundle is none", healthy_pod, |f| {
        not_injected(f);
        admission(f, |a| a.ca = Authority::Unreadable);
    }),
    ("RRSA-W03", "events tell of failed calls", healthy_service_account, |f| {
        unwired(f);
        f.webhook_failures = seen(vec!["replicaset/demo-1: failed calling webhook: x509".to_owned()]);
    }),
    ("RRSA-S11", "another ServiceAccount names the same role", healthy_service_account, |f| {
        f.same_role = seen(vec!["other/billing".to_owned()]);
    }),
    ("RRSA-P05", "a debug container", healthy_pod, |f| debug_container(f, |_| {})),
    ("RRSA-P20", "a debug container of another user", healthy_pod, |f| {
        container(f).run_as_user = Some(1000);
        debug_container(f, |c| c.run_as_user = Some(2000));
        let app = container(f).clone();
        let debug = f.pod.as_mut().expect("a pod").containers.last_mut().expect("a container");
        (debug.env, debug.mounts) = (app.env, app.mounts);
    }),
    ("RRSA-P21", "automount is off and nothing is proved", healthy_pod, |f| {
        f.pod.as_mut().expect("a pod").automount = Some(false);
        f.exchange = Seen::unknown("no live check");
    }),
    ("RRSA-C11", "another token of a day", healthy_pod, |f| {
        f.pod.as_mut().expect("a pod").projections.push(TokenProjection {
            volume: "vault".to_owned(),
            audience: Some("vault".to_owned()),
            expiration_seconds: Some(86_400),
            path: "token".to_owned(),
            mode: None,
        });
    }),
    ("RRSA-K01", "an old command line", healthy_pod, |f| {
        container(f).image = Some("registry.example/tools/aliyun-cli:v3.0.205".to_owned());
    }),
    ("RRSA-K04", "a refusal that no rule knows, and the node's role behind it", healthy_pod, |f| {
        refuse(f, 401, "AuthenticationFail.Novel", "words of a later year");
    }),
    ("RRSA-X19", "a service said no", healthy_pod, |f| deny(f, None)),
    ("RRSA-R19", "a service said which action", healthy_pod, |f| deny(f, Some("oss:GetObject"))),
    ("RRSA-R16", "a session longer than the role gives", healthy_service_account, |f| {
        with_policy(f, |_| {});
        f.session_seconds = 7200;
        refuse(f, 400, "InvalidParameter.DurationSeconds", "");
    }),
    ("RRSA-R16", "a session shorter than STS gives", healthy_service_account, |f| {
        f.session_seconds = 600;
        f.exchange = Seen::unknown("no answer");
    }),
    ("RRSA-N01", "the namespace has no label", healthy_service_account, |f| {
        unwired(f);
        label(f, None);
    }),
    ("RRSA-N01", "neither namespace nor pod has a label", healthy_pod, |f| {
        not_injected(f);
        label(f, None);
    }),
    ("RRSA-N02", "the label says true", healthy_service_account, |f| {
        unwired(f);
        label(f, Some("true"));
    }),
    ("RRSA-N02", "the pod's label says enabled", healthy_pod, |f| {
        not_injected(f);
        f.pod.as_mut().expect("a pod").labels.insert(INJECTION_LABEL.to_owned(), "enabled".to_owned());
    }),
    ("RRSA-S01", "the ServiceAccount is gone", healthy_service_account, |f| f.service_account = seen(None)),
    ("RRSA-S02", "no annotation", healthy_service_account, |f| {
        unwired(f);
        annotate(f, None);
    }),
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
            seen(Some(ServiceAccountFacts { name: "default".to_owned(), ..Default::default() }));
    }),
    ("RRSA-P02", "the pod runs as the account that its template named before", healthy_pod, |f| {
        not_injected(f);
        let pod = f.pod.as_mut().expect("a pod");
        "former".clone_into(&mut pod.service_account);
        pod.owner = Some("statefulset/demo".to_owned());
        f.owner = seen(OwnerFacts { template: template(), ..OwnerFacts::default() });
        f.service_account_name = "former".to_owned();
        f.service_account =
            seen(Some(ServiceAccountFacts { name: "former".to_owned(), ..Default::default() }));
    }),
    ("RRSA-P02", "the pod runs as a misspelt account", healthy_pod, |f| {
        not_injected(f);
        f.service_account_name = "demosa".to_owned();
        f.service_account =
            seen(Some(ServiceAccountFacts { name: "demosa".to_owned(), ..Default::default() }));
    }),
    ("RRSA-P06", "the role variable is missing", healthy_pod, |f| {
        container(f).env.remove(env_vars::ROLE_ARN);
    }),
    ("RRSA-P06", "only the volume is there", healthy_pod, |f| container(f).env.clear()),
    ("RRSA-P06", "a volume that nobody mounts", healthy_pod, |f| {
        label(f, None);
        container(f).env.clear();
        container(f).mounts.clear();
    }),
    ("RRSA-N01", "a workload that sets the role itself and waits for the rest", healthy_pod, |f| {
        not_injected(f);
        set(f, env_vars::ROLE_ARN, ROLE);
        label(f, None);
    }),
    ("RRSA-W01", "the same without the webhook", healthy_pod, |f| {
        not_injected(f);
        set(f, env_vars::ROLE_ARN, ROLE);
        f.cluster.webhook = seen(None);
    }),
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
    ("RRSA-K02", "a key that may be another program's, and that the CLI would take", healthy_pod, |f| {
        for name in ["ACCESS_KEY_ID", "ACCESS_KEY_SECRET"] {
            container(f).env.insert(name.to_owned(), EnvFact::Set);
        }
    }),
    ("RRSA-K02", "a key in an init container of a template", healthy_template, |f| {
        let mut init =
            ContainerFacts { name: "first".to_owned(), kind: ContainerKind::Init, ..Default::default() };
        for name in [env_vars::ACCESS_KEY_ID, env_vars::ACCESS_KEY_SECRET] {
            init.env.insert(name.to_owned(), EnvFact::Set);
        }
        f.pod.as_mut().expect("a template").containers.push(init);
    }),
    ("RRSA-P06", "a template that sets a variable to nothing", healthy_template, |f| {
        container(f).env_emptied = vec![env_vars::ROLE_ARN.to_owned()];
    }),
    ("RRSA-P16", "a template that names another token file", healthy_template, |f| {
        set(f, env_vars::OIDC_TOKEN_FILE, "/tmp/token");
    }),
    ("RRSA-P16", "a pod that waits for the webhook and names another token file", healthy_pod, |f| {
        not_injected(f);
        set(f, env_vars::OIDC_TOKEN_FILE, "/tmp/token");
    }),
    ("RRSA-P18", "a copy of the token where the webhook injects", healthy_template, |f| {
        let volume = VolumeFacts { name: "copy".to_owned(), kind: VolumeKind::EmptyDir };
        f.pod.as_mut().expect("a pod").volumes.push(volume);
        let path = "/copy".to_owned();
        container(f).mounts.push(MountFacts { volume: "copy".to_owned(), path, sub_path: None });
        set(f, env_vars::OIDC_TOKEN_FILE, "/copy/token");
    }),
    (
        "RRSA-P15",
        "a container of a template that the webhook skips, without the mount",
        healthy_template,
        |f| {
            let mut own = healthy_pod().pod.expect("a pod").containers.remove(0);
            "own".clone_into(&mut own.name);
            own.mounts.clear();
            f.pod.as_mut().expect("a pod").containers.push(own);
            pod_annotation(f, SKIP_CONTAINERS_ANNOTATION, "own");
        },
    ),
    ("RRSA-P12", "a template that is wired by hand without the volume", healthy_template, |f| {
        label(f, None);
        let wired = healthy_pod().pod.expect("a pod");
        container(f).env = wired.containers[0].env.clone();
    }),
    ("RRSA-R13", "STS lets this machine in, and the pod may ask from elsewhere", healthy_pod, |f| {
        with_policy(f, |p| {
            p["Statement"][0]["Condition"]["IpAddress"]["acs:SourceIp"] = "203.0.113.0/24".into();
        });
    }),
    ("RRSA-K02", "an access key of the CLI is in its environment", healthy_pod, |f| {
        container(f).image = Some("registry.example/aliyun-cli:3.0.300".to_owned());
        for name in ["ALICLOUD_ACCESS_KEY", "ALICLOUD_SECRET_KEY"] {
            container(f).env.insert(name.to_owned(), EnvFact::Set);
        }
    }),
    ("RRSA-K02", "an access key that no SDK reads is a warning", healthy_pod, |f| {
        for name in ["ALICLOUD_ACCESS_KEY", "ALICLOUD_SECRET_KEY"] {
            container(f).env.insert(name.to_owned(), EnvFact::Set);
        }
    }),
    ("RRSA-P06", "an init container with two of the variables", healthy_pod, |f| {
        let mut init = container(f).clone();
        init.kind = ContainerKind::Init;
        init.name = "init".to_owned();
        init.env.remove(env_vars::ROLE_ARN);
        f.pod.as_mut().expect("a pod").containers.insert(0, init);
    }),
    ("RRSA-P04", "all pods leave every container out", healthy_service_account, |f| {
        runs(f, "deployment/demo", |pod| {
            pod.annotations.insert(ONLY_CONTAINERS_ANNOTATION.to_owned(), "nosuch".to_owned());
        });
    }),
    ("RRSA-S06", "pods of the role before", healthy_service_account, |f| {
        runs(f, "deployment/demo", |pod| {
            *pod = healthy_pod().pod.expect("a pod");
            let old = EnvFact::Value("acs:ram::1234567890123456:role/old".to_owned());
            pod.containers[0].env.insert(env_vars::ROLE_ARN.to_owned(), old);
        });
    }),
    ("RRSA-P07", "a workload that sets the role before itself", healthy_service_account, |f| {
        let mut own = healthy_pod().pod.expect("a pod");
        let old = EnvFact::Value("acs:ram::1234567890123456:role/old".to_owned());
        own.containers[0].env.insert(env_vars::ROLE_ARN.to_owned(), old);
        let template = PodFacts { is_template: true, ..own.clone() };
        f.owners.insert(
            "deployment/demo".to_owned(),
            Seen::known(OwnerFacts { template, ..OwnerFacts::default() }, "it"),
        );
        runs(f, "deployment/demo", |pod| *pod = own.clone());
    }),
    ("RRSA-P13", "the API server's own token", healthy_pod, |f| {
        let own = projection(f);
        own.audience = None;
        own.volume = "kube-api-access-x".to_owned();
        container(f).mounts[0].volume = "kube-api-access-x".to_owned();
    }),
    ("RRSA-P12", "variables by hand and no volume", healthy_pod, |f| {
        label(f, None);
        f.pod.as_mut().expect("a pod").projections.clear();
        container(f).mounts.clear();
        f.token = Seen::unknown("no volume");
        f.exchange = Seen::unknown("there is no token to exchange");
    }),
    ("RRSA-C13", "the second container's role is of another account", healthy_pod, |f| {
        let mut second = container(f).clone();
        second.name = "second".to_owned();
        let other = EnvFact::Value("acs:ram::9999999999999999:role/demo-role-for-rrsa".to_owned());
        second.env.insert(env_vars::ROLE_ARN.to_owned(), other);
        f.pod.as_mut().expect("a pod").containers.push(second);
    }),
    ("RRSA-P13", "a template that names the API server's own token", healthy_service_account, |f| {
        f.pod = Some(template());
        set(f, env_vars::ROLE_ARN, ROLE);
        set(f, env_vars::OIDC_TOKEN_FILE, "/var/run/secrets/kubernetes.io/serviceaccount/token");
    }),
    ("RRSA-S01", "a ServiceAccount of nearly that name", healthy_pod, |f| {
        not_injected(f);
        f.service_account_name = "demo-sb".to_owned();
        f.service_account = seen(None);
    }),
    ("RRSA-I07", "a token of yesterday is T04's", healthy_pod, |f| {
        with_provider(f, |p| p.issuance_limit_hours = Some(1));
        claims(f, |c| c.issued_at = Some(1100 - 4000));
        alter(&mut f.token, |t| t.claims.expires_at = Some(20_000));
        refuse(f, 401, "AuthenticationFail.OIDCToken.Expired", "");
    }),
    ("RRSA-K03", "a key among the properties of Java", healthy_pod, |f| {
        container(f).java_key = Some("JAVA_TOOL_OPTIONS");
    }),
    ("RRSA-E03", "what the webhook sets, but for another region's named host", healthy_pod, |f| {
        set(f, env_vars::STS_ENDPOINT, "sts-vpc.cn-beijing.aliyuncs.com");
        set(f, env_vars::STS_REGION, "cn-hangzhou");
        set(f, env_vars::VPC_ENDPOINT_ENABLED, "true");
    }),
    ("RRSA-W05", "a selector on the label that only the pod has", healthy_pod, |f| {
        not_injected(f);
        label(f, None);
        f.pod.as_mut().expect("a pod").labels.insert(INJECTION_LABEL.to_owned(), "on".to_owned());
        admission(f, |a| {
            a.namespace_selector = Selector(vec![Requirement {
                key: INJECTION_LABEL.to_owned(),
                operator: "In".to_owned(),
                values: vec!["on".to_owned()],
            }]);
        });
    }),
    ("RRSA-K02", "the id of an access key alone", healthy_pod, |f| {
        container(f).env.insert("ALIBABA_CLOUD_ACCESS_KEY_ID".to_owned(), EnvFact::Set);
    }),
    ("RRSA-K02", "an access key in an init container", healthy_pod, |f| {
        let mut init = container(f).clone();
        init.kind = ContainerKind::Init;
        init.name = "init".to_owned();
        for name in ["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"] {
            init.env.insert(name.to_owned(), EnvFact::Set);
        }
        f.pod.as_mut().expect("a pod").containers.insert(0, init);
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
    ("RRSA-C03", "the cluster is updating", healthy_service_account, |f| with_cloud(f, "updating", ISSUER)),
    ("RRSA-C04", "a slash too many in ACK", healthy_service_account, |f| {
        with_cloud(f, "running", &format!("{ISSUER}/"));
    }),
    ("RRSA-C06", "an old API server", healthy_service_account, |f| {
        f.cluster.version = seen("v1.20.11-aliyun.1".to_owned());
        f.cluster.rrsa_enabled = Seen::unknown("the issuer is not of the shape");
    }),
    ("RRSA-C13", "a role of another account", healthy_pod, |f| {
        f.role_in_use = seen("acs:ram::9999999999999999:role/demo-role-for-rrsa".to_owned());
    }),
    ("RRSA-I01", "IMS has no provider", healthy_service_account, |f| {
        f.account.provider = seen(None);
        refuse(f, 401, "AuthenticationFail.NoPermission", "No such OIDC Provider registered.");
    }),
    ("RRSA-I02", "the provider ARN has another type", healthy_pod, |f| {
        set(f, env_vars::OIDC_PROVIDER_ARN, "acs:ram::1234567890123456:oidcprovider/ack-rrsa-c0123");
    }),
    ("RRSA-I03", "the provider has a slash too many", healthy_service_account, |f| {
        with_provider(f, |p| p.issuer_url.push('/'));
        refuse(f, 401, "AuthenticationFail.OIDCToken.IssuerNotMatch", "");
    }),
    ("RRSA-I04", "no client id", healthy_service_account, |f| {
        with_provider(f, |p| p.client_ids.clear());
        refuse(f, 401, "AuthenticationFail.OIDCToken.AudienceNotMatch", "");
    }),
    ("RRSA-I07", "a token of yesterday", healthy_service_account, |f| {
        with_provider(f, |p| p.issuance_limit_hours = Some(1));
        claims(f, |c| c.issued_at = Some(1100 - 4000));
        alter(&mut f.token, |t| t.claims.expires_at = Some(20_000));
        refuse(f, 401, "AuthenticationFail.OIDCToken.Expired", "");
    }),
    ("RRSA-W01", "no webhook", healthy_pod, |f| {
        not_injected(f);
        f.cluster.webhook = seen(None);
    }),
    ("RRSA-W02", "no pod of the webhook is ready", healthy_pod, |f| {
        not_injected(f);
        deployment(f, |d| d.replicas = Replicas { ready: 0, wanted: 2 });
    }),
    ("RRSA-W05", "the selector leaves the namespace out", healthy_pod, |f| {
        not_injected(f);
        admission(f, |a| {
            a.namespace_selector = Selector(vec![Requirement {
                key: "kubernetes.io/metadata.name".to_owned(),
                operator: "NotIn".to_owned(),
                values: vec!["rrsa-demo".to_owned()],
            }]);
        });
    }),
    ("RRSA-W06", "a pod's label for an old webhook", healthy_pod, |f| {
        not_injected(f);
        label(f, None);
        f.pod.as_mut().expect("a pod").labels.insert(INJECTION_LABEL.to_owned(), "on".to_owned());
        deployment(f, |d| d.version = Some("v0.1.1".to_owned()));
    }),
    ("RRSA-W07", "a container that was added later", healthy_pod, |f| {
        let late = ContainerFacts { name: "late".to_owned(), ..Default::default() };
        f.pod.as_mut().expect("a pod").containers.push(late);
    }),
    ("RRSA-W08", "pod and account made together", healthy_pod, |f| {
        not_injected(f);
        f.pod.as_mut().expect("a pod").created_at = Some(1002);
        alter(&mut f.service_account, |account| {
            account.as_mut().expect("an account").annotated_at = Some(1000);
        });
    }),
    ("RRSA-N03", "an annotation in place of the label", healthy_pod, |f| {
        not_injected(f);
        label(f, None);
        alter(&mut f.namespace_facts, |namespace| {
            let annotations = &mut namespace.as_mut().expect("a namespace").annotations;
            annotations.insert(INJECTION_LABEL.to_owned(), "on".to_owned());
        });
    }),
    ("RRSA-N04", "override-env says on", healthy_pod, |f| pod_annotation(f, OVERRIDE_ENV, "on")),
    ("RRSA-S03", "an underscore in the key", healthy_service_account, |f| {
        unwired(f);
        annotate(f, None);
        account_annotation(f, "pod-identity.alibabacloud.com/role_name", "demo-role-for-rrsa");
    }),
    ("RRSA-S03", "a label", healthy_service_account, |f| {
        unwired(f);
        annotate(f, None);
        alter(&mut f.service_account, |account| {
            account.as_mut().expect("an account").role_label = Some("demo-role-for-rrsa".to_owned());
        });
    }),
    ("RRSA-S03", "another cloud's key", healthy_pod, |f| {
        not_injected(f);
        annotate(f, None);
        f.annotated_service_accounts = seen(Vec::new());
        account_annotation(f, "eks.amazonaws.com/role-arn", "arn:aws:iam::1:role/r");
    }),
    ("RRSA-S05", "RAM has no such role", healthy_service_account, |f| {
        f.account.role = seen(None);
        refuse(f, 404, "EntityNotExist.Role", "");
    }),
    ("RRSA-S07", "a lifetime with a unit", healthy_service_account, |f| {
        account_annotation(f, EXPIRATION_ANNOTATION, "1h");
    }),
    ("RRSA-S09", "the default account has the role", healthy_service_account, |f| {
        alter(&mut f.service_account, |account| {
            account.as_mut().expect("an account").name = "default".to_owned();
        });
    }),
    ("RRSA-S10", "no pod uses it", healthy_service_account, |f| f.pods_using = seen(PodCount::default())),
    ("RRSA-P01", "the label came later", healthy_pod, |f| {
        not_injected(f);
        f.pod.as_mut().expect("a pod").created_at = Some(1000);
        alter(&mut f.namespace_facts, |namespace| {
            namespace.as_mut().expect("a namespace").labelled_at = Some(1500);
        });
    }),
    ("RRSA-P03", "the label is on the Deployment", healthy_pod, |f| {
        not_injected(f);
        label(f, None);
        f.pod.as_mut().expect("a pod").owner = Some("deployment/demo".to_owned());
        let labels = BTreeMap::from([(INJECTION_LABEL.to_owned(), "on".to_owned())]);
        f.owner = seen(OwnerFacts { labels, ..OwnerFacts::default() });
    }),
    ("RRSA-P04", "no container is left to inject", healthy_pod, |f| {
        not_injected(f);
        pod_annotation(f, ONLY_CONTAINERS_ANNOTATION, "sidecar");
        f.pod.as_mut().expect("a pod").created_at = Some(100);
    }),
    ("RRSA-P04", "a container that is not there", healthy_pod, |f| {
        pod_annotation(f, SKIP_CONTAINERS_ANNOTATION, "sidecar");
    }),
    ("RRSA-P07", "the workload's own role", healthy_pod, |f| {
        set(f, env_vars::ROLE_ARN, "acs:ram::1234567890123456:role/mine");
        let template = f.pod.clone().expect("a pod");
        f.owner = seen(OwnerFacts { template, ..OwnerFacts::default() });
    }),
    ("RRSA-P07", "the role of a template", healthy_service_account, |f| {
        f.pod = Some(template());
        let mine = EnvFact::Value("acs:ram::1234567890123456:role/mine".to_owned());
        container(f).env.insert(env_vars::ROLE_ARN.to_owned(), mine);
    }),
    ("RRSA-P07", "the role of a bare pod, younger than the annotation", healthy_pod, |f| {
        f.owner = Seen::unknown("nothing made the pod");
        set(f, env_vars::ROLE_ARN, "acs:ram::1234567890123456:role/mine");
        f.pod.as_mut().expect("a pod").created_at = Some(2000);
        alter(&mut f.service_account, |account| {
            account.as_mut().expect("an account").annotated_at = Some(1000);
        });
    }),
    ("RRSA-P08", "the role comes from a ConfigMap", healthy_pod, |f| {
        container(f).env.insert(
            env_vars::ROLE_ARN.to_owned(),
            EnvFact::From(EnvSource { name: "configMap/app".to_owned(), ..EnvSource::default() }),
        );
    }),
    ("RRSA-P10", "roles instead of role", healthy_pod, |f| {
        set(f, env_vars::ROLE_ARN, "acs:ram::1234567890123456:roles/demo-role-for-rrsa");
    }),
    ("RRSA-P17", "the token alone is mounted", healthy_pod, |f| {
        let mount = &mut container(f).mounts[0];
        mount.path = FILE.to_owned();
        mount.sub_path = Some("token".to_owned());
    }),
    ("RRSA-P18", "the token is in a Secret", healthy_pod, |f| {
        let pod = f.pod.as_mut().expect("a pod");
        pod.projections.clear();
        let kind = VolumeKind::Secret("token-copy".to_owned());
        pod.volumes.push(VolumeFacts { name: "rrsa-oidc-token".to_owned(), kind });
    }),
    ("RRSA-P19", "two users and a private file", healthy_pod, |f| {
        projection(f).mode = Some(0o400);
        container(f).run_as_user = Some(1000);
        let mut second = container(f).clone();
        second.name = "second".to_owned();
        second.run_as_user = Some(2000);
        f.pod.as_mut().expect("a pod").containers.push(second);
    }),
    ("RRSA-P22", "a static pod", healthy_pod, |f| {
        not_injected(f);
        f.pod.as_mut().expect("a pod").is_static = true;
    }),
    ("RRSA-P23", "a pod for Windows", healthy_pod, |f| {
        f.pod.as_mut().expect("a pod").os = Some("windows".to_owned());
    }),
    ("RRSA-P12", "no pod of the ServiceAccount was injected", healthy_service_account, |f| {
        runs(f, "deployment/old", |_| {});
        runs(f, "", |_| {});
    }),
    ("RRSA-P12", "one workload of two was not restarted", healthy_service_account, |f| {
        runs(f, "deployment/new", |pod| *pod = healthy_pod().pod.expect("a pod"));
        runs(f, "deployment/old", |_| {});
    }),
    ("RRSA-N01", "one workload of two has neither label", healthy_service_account, |f| {
        label(f, None);
        runs(f, "deployment/by-hand", |pod| *pod = healthy_pod().pod.expect("a pod"));
        runs(f, "deployment/new", |_| {});
        runs(f, "deployment/newer", |_| {});
    }),
    ("RRSA-P12", "a workload that asks for itself was not restarted", healthy_service_account, |f| {
        label(f, None);
        runs(f, "deployment/old", |pod| {
            pod.labels.insert(INJECTION_LABEL.to_owned(), "on".to_owned());
        });
    }),
    ("RRSA-N02", "a workload that refuses", healthy_service_account, |f| {
        runs(f, "deployment/off", |pod| {
            pod.labels.insert(INJECTION_LABEL.to_owned(), "off".to_owned());
        });
    }),
    ("RRSA-P22", "a static pod beside one that is injected", healthy_service_account, |f| {
        runs(f, "deployment/new", |pod| *pod = healthy_pod().pod.expect("a pod"));
        runs(f, "node/n", |pod| pod.is_static = true);
    }),
    ("RRSA-W01", "the webhook is gone, and one workload is newer than that", healthy_service_account, |f| {
        f.cluster.webhook = seen(None);
        runs(f, "deployment/old", |pod| *pod = healthy_pod().pod.expect("a pod"));
        runs(f, "deployment/new", |_| {});
    }),
    ("RRSA-P25", "a rollout stopped half way", healthy_service_account, |f| {
        runs(f, "deployment/half", |pod| *pod = healthy_pod().pod.expect("a pod"));
        runs(f, "deployment/half", |_| {});
        f.workloads[1].pods[0].is_behind = true;
    }),
    ("RRSA-P25", "pods of before that have RRSA and do not work", healthy_service_account, |f| {
        runs(f, "deployment/half", |pod| {
            *pod = healthy_pod().pod.expect("a pod");
            pod.projections[0].audience = Some("other".to_owned());
        });
        f.workloads[0].pods[0].is_behind = true;
    }),
    ("RRSA-P25", "pods of the ServiceAccount that was before", healthy_pod, |f| {
        let mut like = template().likeness();
        like.service_account = "default".to_owned();
        f.workloads = vec![Workload { like, pods: vec![one_of("deployment/demo")] }];
        f.workloads[0].pods[0].is_behind = true;
    }),
    ("RRSA-P25", "nothing runs as the ServiceAccount of today", healthy_template, |f| {
        let mut like = healthy_pod().pod.expect("a pod");
        "former-sa".clone_into(&mut like.service_account);
        f.workloads = vec![Workload { like, pods: vec![one_of("deployment/demo")] }];
        f.workloads[0].pods[0].is_behind = true;
    }),
    ("RRSA-P25", "a container of an older pod that RRSA has not reached", healthy_service_account, |f| {
        for _ in 0..2 {
            runs(f, "deployment/half", |pod| *pod = healthy_pod().pod.expect("a pod"));
        }
        let late = ContainerFacts { name: "late".to_owned(), ..Default::default() };
        f.workloads[1].like.containers.push(late);
        f.workloads[1].pods[0].is_behind = true;
    }),
    ("RRSA-P16", "a path that fits nowhere", healthy_pod, |f| set(f, env_vars::OIDC_TOKEN_FILE, "foo/bar")),
    ("RRSA-E05", "the VPC host of a region that nobody knows", healthy_pod, |f| {
        set(f, env_vars::STS_REGION, "cn-foobar");
        set(f, env_vars::VPC_ENDPOINT_ENABLED, "true");
    }),
    ("RRSA-P25", "pods of a template that is no more", healthy_pod, |f| {
        let like = template().likeness();
        f.workloads = vec![Workload { like, pods: vec![one_of("deployment/demo")] }];
        f.workloads[0].pods[0].is_behind = true;
    }),
    ("RRSA-K03", "a profile is mounted", healthy_pod, |f| {
        let path = "/root/.aliyun".to_owned();
        container(f).mounts.push(MountFacts { volume: "profile".to_owned(), path, sub_path: None });
    }),
    ("RRSA-K05", "an endpoint alone", healthy_pod, |f| {
        set(f, env_vars::STS_ENDPOINT, "sts-vpc.cn-hangzhou.aliyuncs.com");
    }),
    ("RRSA-K09", "a session name with a space", healthy_pod, |f| {
        set(f, env_vars::ROLE_SESSION_NAME, "my app");
    }),
    ("RRSA-E04", "the VPC flag alone", healthy_pod, |f| set(f, env_vars::VPC_ENDPOINT_ENABLED, "true")),
    ("RRSA-E05", "a region in capitals", healthy_pod, |f| set(f, env_vars::STS_REGION, "CN-HANGZHOU")),
    ("RRSA-E05", "a zone for a region", healthy_pod, |f| set(f, env_vars::STS_REGION, "cn-beijing-b")),
    ("RRSA-E05", "a region that nobody knows is a warning", healthy_pod, |f| {
        set(f, env_vars::STS_REGION, "cn-foobar");
    }),
    ("RRSA-W06", "a webhook too old to replace variables", healthy_pod, |f| {
        deployment(f, |d| d.version = Some("v0.4.1".to_owned()));
        let pod = f.pod.as_mut().expect("a pod");
        pod.annotations.insert(OVERRIDE_ENV.to_owned(), "true".to_owned());
        pod.is_template = true;
        set(f, env_vars::ROLE_ARN, "acs:ram::1234567890123456:role/other");
    }),
    ("RRSA-E05", "a number behind a region that has none", healthy_pod, |f| {
        set(f, env_vars::STS_REGION, "cn-hangzhou1");
    }),
    ("RRSA-E05", "a misspelt region", healthy_pod, |f| set(f, env_vars::STS_REGION, "cn-hangzou")),
    ("RRSA-E06", "a proxy for everything", healthy_pod, |f| {
        set(f, env_vars::STS_REGION, "cn-hangzhou");
        set(f, env_vars::VPC_ENDPOINT_ENABLED, "true");
        container(f).env.insert("HTTPS_PROXY".to_owned(), EnvFact::Set);
        set(f, "NO_PROXY", "localhost,127.0.0.1");
    }),
    ("RRSA-T03", "signed with a shared secret", healthy_pod, |f| {
        alter(&mut f.token, |t| t.algorithm = Some("HS256".to_owned()));
    }),
    ("RRSA-T05", "issued in an hour", healthy_pod, |f| {
        claims(f, |c| {
            c.issued_at = Some(4700);
            c.not_before = Some(4700);
            c.expires_at = Some(8300);
        });
    }),
    ("RRSA-T09", "the token of the pod before", healthy_pod, |f| {
        f.pod.as_mut().expect("a pod").uid = Some("new".to_owned());
        claims(f, |c| c.pod_uid = Some("old".to_owned()));
    }),
    ("RRSA-T11", "a book in the file", healthy_pod, |f| problem(f, TokenProblem::TooLong(30_000))),
    ("RRSA-X12", "too long a session", healthy_service_account, |f| {
        refuse(f, 400, "InvalidParameter.DurationSeconds", "");
    }),
    ("RRSA-X13", "a role ARN STS cannot read", healthy_service_account, |f| {
        refuse(f, 400, "InvalidParameter.RoleArn", "");
    }),
    ("RRSA-X16", "a clock that is off", healthy_service_account, |f| {
        refuse(f, 400, "InvalidTimeStamp.Expired", "");
    }),
    ("RRSA-X17", "a captive page", healthy_service_account, |f| {
        alter(&mut f.exchange, |e| {
            e.outcome =
                ExchangeOutcome::Lost(Loss::NotSts("HTTP 502, but it is no answer of the API".to_owned()));
        });
    }),
    ("RRSA-R01", "no statement", healthy_service_account, |f| {
        refused_by(f, |p| p["Statement"] = serde_json::json!([]));
    }),
    ("RRSA-R01", "an ECS role", healthy_service_account, |f| {
        refused_by(f, |p| {
            p["Statement"][0]["Principal"] = serde_json::json!({"Service": ["ecs.aliyuncs.com"]});
        });
    }),
    (
        "RRSA-R01",
        "RRSA's provider of this cluster, where the token comes by another",
        healthy_service_account,
        |f| {
            refused_by(f, |_| {});
            f.provider_in_use = seen("acs:ram::1234567890123456:oidc-provider/by-hand".to_owned());
        },
    ),
    ("RRSA-R02", "another cluster's provider", healthy_service_account, |f| {
        refused_by(f, |p| {
            p["Statement"][0]["Principal"]["Federated"] =
                "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c9999".into();
        });
    }),
    ("RRSA-R03", "a slash too many", healthy_service_account, |f| {
        refused_by(f, |p| {
            p["Statement"][0]["Condition"]["StringEquals"]["oidc:iss"] = format!("{ISSUER}/").into();
        });
    }),
    ("RRSA-R04", "the VPC host as audience", healthy_service_account, |f| {
        refused_by(f, |p| p["Statement"][0]["Condition"]["StringEquals"]["oidc:aud"] = "sts-vpc".into());
    }),
    ("RRSA-R05", "another ServiceAccount", healthy_service_account, |f| {
        refused_by(f, |p| {
            p["Statement"][0]["Condition"]["StringEquals"]["oidc:sub"] =
                "system:serviceaccount:rrsa-demo:demo".into();
        });
    }),
    ("RRSA-R06", "a star that is taken literally", healthy_service_account, |f| {
        refused_by(f, |p| {
            p["Statement"][0]["Condition"]["StringEquals"]["oidc:sub"] =
                "system:serviceaccount:rrsa-demo:*".into();
        });
    }),
    ("RRSA-R07", "everybody by pattern", healthy_service_account, |f| {
        with_policy(f, |p| {
            p["Statement"][0]["Condition"] =
                serde_json::json!({"StringLike": {"oidc:sub": "system:serviceaccount:*"}});
        });
    }),
    ("RRSA-R08", "no subject", healthy_service_account, |f| {
        with_policy(f, |p| {
            p["Statement"][0]["Condition"] = serde_json::json!({"StringEquals": {"oidc:aud": AUDIENCE}});
        });
    }),
    ("RRSA-R09", "another cloud's key", healthy_service_account, |f| {
        refused_by(f, |p| {
            p["Statement"][0]["Condition"]["StringEquals"]["oidc:subject"] =
                "system:serviceaccount:rrsa-demo:demo-sa".into();
        });
    }),
    ("RRSA-R10", "the API's name as action", healthy_service_account, |f| {
        refused_by(f, |p| p["Statement"][0]["Action"] = "sts:AssumeRoleWithOIDC".into());
    }),
    ("RRSA-R11", "the provider under RAM", healthy_service_account, |f| {
        refused_by(f, |p| p["Statement"][0]["Principal"] = serde_json::json!({"RAM": [PROVIDER]}));
    }),
    ("RRSA-R12", "a Deny", healthy_service_account, |f| {
        refused_by(f, |p| {
            let mut deny = p["Statement"][0].clone();
            deny["Effect"] = "Deny".into();
            p["Statement"].as_array_mut().expect("statements").push(deny);
        });
    }),
    ("RRSA-R13", "a condition on the address", healthy_service_account, |f| {
        refused_by(f, |p| {
            p["Statement"][0]["Condition"]["IpAddress"] = serde_json::json!({"acs:SourceIp": "10.0.0.0/8"});
        });
    }),
    ("RRSA-R13", "an operator in small letters", healthy_service_account, |f| {
        refused_by(f, |p| {
            let condition = p["Statement"][0]["Condition"]["StringEquals"].take();
            p["Statement"][0]["Condition"] = serde_json::json!({"stringequals": condition});
        });
    }),
    ("RRSA-R14", "not this and not that", healthy_service_account, |f| {
        with_policy(f, |p| {
            p["Statement"][0]["Condition"]["StringNotEquals"] = serde_json::json!({"oidc:sub": ["a", "b"]});
        });
    }),
    ("RRSA-R15", "two clusters in one statement", healthy_service_account, |f| {
        with_policy(f, |p| {
            let statement = &mut p["Statement"][0];
            statement["Principal"]["Federated"] =
                serde_json::json!([PROVIDER, "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c9999"]);
            statement["Condition"]["StringEquals"]["oidc:iss"] = serde_json::json!([ISSUER, "https://other"]);
        });
    }),
    ("RRSA-R17", "a version of another cloud", healthy_service_account, |f| {
        with_policy(f, |p| p["Version"] = "2012-10-17".into());
    }),
    ("RRSA-R22", "the account's root", healthy_service_account, |f| {
        with_policy(f, |p| {
            let root = serde_json::json!({"Effect": "Allow", "Action": "sts:AssumeRole",
                "Principal": {"RAM": ["acs:ram::1234567890123456:root"]}});
            p["Statement"].as_array_mut().expect("statements").push(root);
        });
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
    ("RRSA-A04", "a clock that is behind", healthy_service_account, |f| {
        alter(&mut f.exchange, |exchange| exchange.clock_offset_seconds = Some(300));
    }),
    ("RRSA-A05", "some other Kubernetes", healthy_service_account, |f| {
        let issuer = "https://issuer.example".to_owned();
        f.cluster.issuer = seen(issuer.clone());
        claims(f, |c| c.issuer = Some(issuer));
        f.cluster.cluster_id = Seen::unknown("no such configmap");
        f.cluster.webhook = seen(None);
    }),
    ("RRSA-A05", "a cluster that kubeadm has made", healthy_service_account, |f| {
        elsewhere(f, "https://kubernetes.default.svc.cluster.local");
    }),
    ("RRSA-A05", "a cluster of another cloud with the usual issuer", healthy_service_account, |f| {
        elsewhere(f, DEFAULT_ISSUER);
    }),
    ("RRSA-C05", "another issuer before RRSA's", healthy_service_account, |f| {
        with_cloud(f, "running", &format!("{DEFAULT_ISSUER},{ISSUER}"));
        f.cluster.issuer = seen(DEFAULT_ISSUER.to_owned());
        claims(f, |c| c.issuer = Some(DEFAULT_ISSUER.to_owned()));
    }),
    ("RRSA-C07", "a cluster within the cluster", healthy_service_account, |f| {
        let issuer = "https://kubernetes.default.svc.cluster.local".to_owned();
        f.cluster.issuer = seen(issuer.clone());
        claims(f, |c| c.issuer = Some(issuer));
    }),
    ("RRSA-C12", "the provider of another cluster", healthy_service_account, |f| {
        f.provider_in_use = seen("acs:ram::1234567890123456:oidc-provider/ack-rrsa-c9876".to_owned());
    }),
    ("RRSA-W04", "one replica that blocks all", healthy_pod, |f| {
        deployment(f, |d| d.replicas = Replicas { ready: 1, wanted: 1 });
        admission(f, |a| a.failure_policy = Some("Fail".to_owned()));
    }),
    ("RRSA-W06", "a host of STS that an old webhook does not set", healthy_pod, |f| {
        account_annotation(f, "pod-identity.alibabacloud.com/inject-sts-endpoint", "on");
        deployment(f, |d| d.version = Some("v0.2.1".to_owned()));
    }),
    ("RRSA-W09", "born while the webhook was away", healthy_pod, |f| {
        not_injected(f);
        f.pod.as_mut().expect("a pod").created_at = Some(100);
    }),
    ("RRSA-W10", "two tokens for STS", healthy_pod, |f| {
        let mut second = projection(f).clone();
        second.volume = "ossfs-token".to_owned();
        f.pod.as_mut().expect("a pod").projections.push(second);
    }),
    ("RRSA-P24", "last words of STS", healthy_pod, |f| {
        container(f).last_codes = vec!["AuthenticationFail.NoPermission".to_owned()];
    }),
    ("RRSA-S08", "the annotation is in another namespace", healthy_service_account, |f| {
        unwired(f);
        annotate(f, None);
        f.annotated_elsewhere = seen(BTreeMap::from([("prod".to_owned(), "demo".to_owned())]));
    }),
    ("RRSA-R18", "a role that may do nothing", healthy_service_account, |f| {
        f.account.policies = seen(Vec::new());
    }),
    ("RRSA-R20", "a policy of this minute", healthy_service_account, |f| {
        refused_by(f, |_| {});
        alter(&mut f.account.role, |role| {
            role.as_mut().expect("a role").update_date = jiff::Timestamp::from_second(1090).ok();
        });
    }),
    ("RRSA-R21", "a provider that is gone", healthy_service_account, |f| {
        with_policy(f, |p| {
            let gone = "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c9999";
            p["Statement"][0]["Principal"]["Federated"] = serde_json::json!([PROVIDER, gone]);
        });
        f.account.providers = seen(vec![PROVIDER.to_owned()]);
    }),
    ("RRSA-E01", "no address", healthy_pod, |f| {
        with_probe(f, |n| n.resolved = failed(TransportFault::Dns, "Name or service not known"));
    }),
    ("RRSA-E02", "no connection", healthy_pod, |f| {
        with_probe(f, |n| n.connected = failed(TransportFault::Timeout, "no answer from 203.0.113.1:443"));
    }),
    ("RRSA-E03", "the VPC host of another region", healthy_pod, |f| {
        set(f, env_vars::STS_REGION, "eu-central-1");
        set(f, env_vars::VPC_ENDPOINT_ENABLED, "true");
    }),
    ("RRSA-E03", "the named VPC host of another region", healthy_pod, |f| {
        set(f, env_vars::STS_ENDPOINT, "sts-vpc.eu-central-1.aliyuncs.com");
        set(f, env_vars::STS_REGION, "cn-hangzhou");
    }),
    ("RRSA-E07", "a certificate nobody trusts", healthy_pod, |f| {
        with_probe(f, |n| n.answered = failed(TransportFault::Tls, "UnknownIssuer"));
    }),
    ("RRSA-E08", "an image without authorities", healthy_pod, |f| {
        with_probe(f, |n| {
            n.answered = failed(TransportFault::Tls, "UnknownIssuer");
            n.trusted_roots = 0;
        });
    }),
    ("RRSA-E09", "a mesh that lets only its own registry through", healthy_pod, |f| {
        let sidecar = ContainerFacts { name: "istio-proxy".to_owned(), ..Default::default() };
        f.pod.as_mut().expect("a pod").containers.push(sidecar);
        pod_annotation(f, SKIP_CONTAINERS_ANNOTATION, "istio-proxy");
        with_probe(f, |n| n.answered = Step::Done { value: 502, took_ms: 3 });
    }),
    ("RRSA-E10", "an answer from far away", healthy_pod, |f| {
        with_probe(f, |n| n.answered = Step::Done { value: 400, took_ms: 1400 });
    }),
    ("RRSA-E11", "the metadata service answers", healthy_pod, |f| {
        with_probe(f, |_| {});
        alter(&mut f.vantage, |vantage| vantage.metadata_service = seen(true));
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
    ("pods that have all ended", healthy_service_account, |f| {
        f.pods_using = seen(PodCount { total: 2, wired: 0 });
    }),
    ("an account without annotation and a pod wired by hand", healthy_pod, |f| annotate(f, None)),
    ("an account without annotation, used by a wired pod", healthy_service_account, |f| {
        annotate(f, None);
        f.pods_using = seen(PodCount { total: 2, wired: 1 });
    }),
    ("a path with more slashes than it needs", healthy_pod, |f| {
        set(f, env_vars::OIDC_TOKEN_FILE, &FILE.replace("/ack", "//./x/../ack"));
    }),
    ("pods of before that work as well", healthy_service_account, |f| {
        runs(f, "deployment/half", |pod| *pod = healthy_pod().pod.expect("a pod"));
        f.workloads[0].pods[0].is_behind = true;
    }),
    ("a path from where the program is, as it was read", healthy_pod, |f| {
        set(f, env_vars::OIDC_TOKEN_FILE, "rrsa-tokens/token");
    }),
    ("half a key of another program", healthy_pod, |f| {
        container(f).env.insert("ACCESS_KEY_ID".to_owned(), EnvFact::Set);
    }),
    ("a label of the pod beside the namespace's", healthy_pod, |f| {
        let labels = &mut f.pod.as_mut().expect("a pod").labels;
        labels.insert(INJECTION_LABEL.to_owned(), "true".to_owned());
    }),
    ("a folder of the token's volume", healthy_pod, |f| {
        projection(f).path = "dir/token".to_owned();
        container(f).mounts.push(MountFacts {
            volume: "rrsa-oidc-token".to_owned(),
            path: "/tokens/".to_owned(),
            sub_path: None,
        });
        set(f, env_vars::OIDC_TOKEN_FILE, "/tokens/dir/token");
    }),
    ("a template that sets one variable and leaves the rest to the webhook", healthy_service_account, |f| {
        f.pod = Some(template());
        container(f).env.insert(env_vars::ROLE_ARN.to_owned(), EnvFact::Value(ROLE.to_owned()));
    }),
    (
        "a template that brings the volume and leaves the variables to the webhook",
        healthy_service_account,
        |f| {
            let wired = healthy_pod().pod.expect("a pod");
            f.pod = Some(PodFacts { is_template: true, ..wired });
            container(f).env.clear();
        },
    ),
    ("a template that mounts the volume where the webhook does not", healthy_service_account, |f| {
        let wired = healthy_pod().pod.expect("a pod");
        f.pod = Some(PodFacts { is_template: true, ..wired });
        container(f).mounts[0].path = "/other".to_owned();
    }),
    ("a template whose own role the webhook will replace", healthy_service_account, |f| {
        f.pod = Some(template());
        pod_annotation(f, OVERRIDE_ENV, "true");
        let mine = EnvFact::Value("acs:ram::1234567890123456:role/mine".to_owned());
        container(f).env.insert(env_vars::ROLE_ARN.to_owned(), mine);
    }),
    ("another order of issuers in ACK, and tokens of RRSA's", healthy_service_account, |f| {
        with_cloud(f, "running", &format!("{DEFAULT_ISSUER},{ISSUER}"));
    }),
    ("two tokens in one volume, the second for STS", healthy_pod, |f| {
        let vault = TokenProjection {
            audience: Some("vault".to_owned()),
            path: "v".to_owned(),
            ..projection(f).clone()
        };
        f.pod.as_mut().expect("a pod").projections.insert(0, vault);
    }),
    ("a volume for each of two containers", healthy_pod, |f| {
        let mut second = container(f).clone();
        second.name = "second".to_owned();
        second.mounts[0] = MountFacts { volume: "own".to_owned(), path: "/own".to_owned(), sub_path: None };
        second.env.insert(env_vars::OIDC_TOKEN_FILE.to_owned(), EnvFact::Value("/own/token".to_owned()));
        let own = TokenProjection { volume: "own".to_owned(), ..projection(f).clone() };
        let pod = f.pod.as_mut().expect("a pod");
        pod.containers.push(second);
        pod.projections.push(own);
    }),
    ("an access key of a sidecar that RRSA is not for", healthy_pod, |f| {
        let env = ["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"];
        let env = env.map(|name| (name.to_owned(), EnvFact::Set)).into();
        let sidecar = ContainerFacts { name: "proxy".to_owned(), env, ..Default::default() };
        f.pod.as_mut().expect("a pod").containers.push(sidecar);
        pod_annotation(f, SKIP_CONTAINERS_ANNOTATION, "proxy");
    }),
    ("the cluster's own region, of a later year", healthy_pod, |f| {
        f.cluster.region = seen("ap-southeast-9".to_owned());
        set(f, env_vars::STS_REGION, "ap-southeast-9");
    }),
    ("a token about to be renewed", healthy_pod, |f| alter(&mut f.token, |t| t.seen_at = 3900)),
    ("a second audience", healthy_pod, |f| claims(f, |c| c.audiences.push("other".to_owned()))),
    ("the longest lifetime", healthy_pod, |f| projection(f).expiration_seconds = Some(43_200)),
    ("the shortest lifetime", healthy_pod, |f| projection(f).expiration_seconds = Some(600)),
    ("several containers, all with the token", healthy_pod, |f| {
        let mut second = container(f).clone();
        second.name = "second".to_owned();
        f.pod.as_mut().expect("a pod").containers.push(second);
    }),
    ("a sidecar that the annotation leaves out", healthy_pod, |f| {
        let sidecar = ContainerFacts { name: "proxy".to_owned(), ..Default::default() };
        f.pod.as_mut().expect("a pod").containers.push(sidecar);
        pod_annotation(f, SKIP_CONTAINERS_ANNOTATION, "proxy");
    }),
    ("a webhook that is away, and a pod that is wired", healthy_pod, |f| f.cluster.webhook = seen(None)),
    ("the least and the most of a lifetime", healthy_service_account, |f| {
        account_annotation(f, EXPIRATION_ANNOTATION, "43200");
    }),
    ("override-env that says true", healthy_pod, |f| pod_annotation(f, OVERRIDE_ENV, "true")),
    ("mode 0400 and one user in all containers", healthy_pod, |f| {
        projection(f).mode = Some(0o400);
        container(f).run_as_user = Some(1000);
    }),
    ("mode 0600 and a group", healthy_pod, |f| {
        projection(f).mode = Some(0o600);
        f.pod.as_mut().expect("a pod").fs_group = Some(2000);
    }),
    ("what the webhook sets since 0.4.0", healthy_pod, |f| {
        set(f, env_vars::STS_ENDPOINT, "sts-vpc.cn-hangzhou.aliyuncs.com");
        set(f, env_vars::STS_REGION, "cn-hangzhou");
        set(f, env_vars::VPC_ENDPOINT_ENABLED, "true");
    }),
    ("a proxy that leaves STS alone", healthy_pod, |f| {
        set(f, env_vars::STS_REGION, "cn-hangzhou");
        set(f, env_vars::VPC_ENDPOINT_ENABLED, "true");
        container(f).env.insert("HTTPS_PROXY".to_owned(), EnvFact::Set);
        set(f, "NO_PROXY", "localhost,.aliyuncs.com");
    }),
    ("a probe that found the way", healthy_pod, |f| with_probe(f, |_| {})),
    ("a probe that went through a proxy", healthy_pod, |f| {
        with_probe(f, |n| {
            n.proxy = Some("proxy:3128".to_owned());
            n.resolved = Step::Skipped("proxy".to_owned());
            n.connected = Step::Skipped("proxy".to_owned());
        });
    }),
    ("a session name", healthy_pod, |f| set(f, env_vars::ROLE_SESSION_NAME, "app@prod-1")),
    ("an annotation written before the pod was made", healthy_pod, |f| {
        f.pod.as_mut().expect("a pod").created_at = Some(2000);
        alter(&mut f.service_account, |account| {
            account.as_mut().expect("an account").annotated_at = Some(1000);
        });
    }),
    ("a trust policy of the guide", healthy_service_account, |f| with_policy(f, |_| {})),
    ("a pattern within one namespace", healthy_service_account, |f| {
        with_policy(f, |p| {
            p["Statement"][0]["Condition"]["StringEquals"]["oidc:sub"].take();
            p["Statement"][0]["Condition"] = serde_json::json!({
                "StringEquals": {"oidc:iss": ISSUER, "oidc:aud": AUDIENCE},
                "StringLike": {"oidc:sub": "system:serviceaccount:rrsa-demo:demo-*"},
            });
        });
    }),
    ("a provider as ACK makes it", healthy_service_account, |f| with_provider(f, |_| {})),
    ("ACK and the cluster agree", healthy_service_account, |f| {
        with_cloud(f, "running", &format!("{ISSUER},{DEFAULT_ISSUER}"));
    }),
    ("the same ServiceAccount in another namespace", healthy_service_account, |f| {
        f.same_role = seen(vec!["staging/demo-sa".to_owned()]);
    }),
    ("a webhook whose authority is good for a day", healthy_pod, |f| {
        admission(f, |a| a.ca = Authority::Until(90_000));
    }),
    ("a new command line, and an image without a version", healthy_pod, |f| {
        container(f).image = Some("aliyun-cli:3.0.206".to_owned());
        debug_container(f, |c| c.image = Some("aliyun-cli:latest".to_owned()));
        let app = container(f).clone();
        let debug = f.pod.as_mut().expect("a pod").containers.last_mut().expect("a container");
        (debug.env, debug.mounts) = (app.env, app.mounts);
    }),
    ("automount is off and the identity is proved", healthy_pod, |f| {
        f.pod.as_mut().expect("a pod").automount = Some(false);
    }),
    ("a token of twelve hours", healthy_pod, |f| projection(f).expiration_seconds = Some(43_200)),
    ("the longest session that the role gives", healthy_service_account, |f| {
        with_policy(f, |_| {});
        f.session_seconds = 3600;
    }),
    ("a fingerprint with colons and capitals", healthy_service_account, |f| {
        with_provider(f, |provider| provider.fingerprints = vec!["A:A".to_owned()]);
    }),
    ("a container that may not fall to the node's role", healthy_pod, |f| {
        set(f, env_vars::ECS_METADATA_DISABLED, "true");
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
        // Nothing asks the webhook: the pod is wired by hand.
        label(f, None);
    }),
];

fn findings(facts: &Facts) -> Vec<Finding> {
    crate::report::Report::on(facts.clone()).findings
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

/// Of a ServiceAccount, the pods that run as it are looked at too, one of each thing that makes some.
#[test]
fn a_service_account_is_as_well_as_the_pods_that_run_as_it() {
    let like = |change: &dyn Fn(&mut Facts)| {
        let mut facts = healthy_pod();
        change(&mut facts);
        facts.pod.expect("a pod").likeness()
    };
    let with = |like: PodFacts, owners: &[&str]| {
        let pods = owners.iter().map(|owner| one_of(owner)).collect();
        let mut facts = healthy_service_account();
        facts.workloads = vec![Workload { like, pods }];
        crate::report::Report::on(facts)
    };
    let healthy = with(like(&|_| {}), &["deployment/a", "deployment/b"]);
    assert_eq!((healthy.findings.as_slice(), healthy.exit_code()), (&[][..], 0), "{:?}", healthy.skipped);

    let astray = like(&|f| set(f, env_vars::OIDC_TOKEN_FILE, "/var/run/elsewhere"));
    let report = with(astray.clone(), &["deployment/a", "", "deployment/b"]);
    let [found] = report.findings.as_slice() else { panic!("{:?}", report.findings) };
    let place =
        format!("variable {}, container app of pod rrsa-demo/deployment-a-1", env_vars::OIDC_TOKEN_FILE);
    assert_eq!((found.rule, found.place.as_str()), ("RRSA-P16", place.as_str()));
    let also: Vec<_> = found.also.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(also, ["pod/-1", "deployment/b"]);
    assert_eq!((report.exit_code(), report.first_broken), (1, Some("RRSA-P16")));
    // Alone it is the same trouble that it is beside others.
    let alone = with(astray, &["deployment/b"]);
    assert_eq!(alone.findings[0].fingerprint, found.also[1].fingerprint);

    let from_elsewhere = like(&|f| {
        let from = EnvFact::From(EnvSource { name: "configMap/app".to_owned(), ..EnvSource::default() });
        container(f).env.insert(env_vars::ROLE_ARN.to_owned(), from);
    });
    let report = with(from_elsewhere, &["deployment/a"]);
    assert_eq!((report.findings.len(), report.exit_code()), (0, 3));
}

/// Two tokens of one volume are both of it; and whose a trouble is does not change with whether a pod runs.
#[test]
fn what_a_template_makes_is_of_it_and_has_its_trouble() {
    let mut pod = healthy_pod().pod.expect("a pod");
    let volume = pod.projections[0].volume.clone();
    pod.projections.push(TokenProjection {
        volume,
        audience: Some("vault".to_owned()),
        path: "vault".to_owned(),
        ..TokenProjection::default()
    });
    assert!(!pod.is_of_before(&pod.clone(), false));
    let mut other = pod.clone();
    other.projections[0].audience = Some("another".to_owned());
    assert!(other.is_of_before(&pod, false));

    for rule in ["RRSA-N01", "RRSA-K02"] {
        let told = |is_template: bool| {
            let mut facts = healthy_pod();
            let pod = facts.pod.as_mut().expect("a pod");
            pod.owner = Some("deployment/demo".to_owned());
            pod.is_template = is_template;
            pod.name = if is_template { "demo" } else { "demo-5d8f-x2x2x" }.to_owned();
            if rule == "RRSA-N01" {
                not_injected(&mut facts);
                label(&mut facts, None);
            } else {
                set(&mut facts, "ALIBABA_CLOUD_ACCESS_KEY_ID", "x");
                set(&mut facts, "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "x");
            }
            let found = crate::report::Report::on(facts).findings;
            found.into_iter().find(|finding| finding.rule == rule).expect("the finding").fingerprint
        };
        assert_eq!(told(true), told(false), "{rule}");
    }
}

/// Every pod has a volume of its own name for the API server, and an image, and times; two of one template are alike.
#[test]
fn pods_of_one_template_are_wired_alike() {
    let pod = |own: &str| {
        let mut pod = healthy_pod().pod.expect("a pod");
        let volume = format!("kube-api-access-{own}");
        let path = "/var/run/secrets/kubernetes.io/serviceaccount".to_owned();
        pod.projections.push(TokenProjection { volume: volume.clone(), ..TokenProjection::default() });
        pod.containers[0].mounts.push(MountFacts { volume, path, sub_path: None });
        pod.containers[0].image = Some(format!("app:{own}"));
        PodFacts { name: format!("demo-{own}"), created_at: Some(own.len() as i64), ..pod }
    };
    assert_eq!(pod("x7k2p").wiring(), pod("b").wiring());
    assert_eq!(pod("x7k2p").likeness().projections, pod("b").likeness().projections);
    let mut other = pod("b");
    other.projections[0].audience = Some("another".to_owned());
    assert_ne!(pod("x7k2p").wiring(), other.wiring());
}

/// That a pod of it is injected does not say what the ServiceAccount says today.
#[test]
fn a_service_account_that_may_not_be_read_is_not_healthy() {
    for healthy in [healthy_service_account, healthy_pod] {
        let mut facts = healthy();
        facts.service_account = Seen::unknown("forbidden: needs get serviceaccounts in rrsa-demo");
        assert_eq!(crate::report::Report::on(facts).exit_code(), 3);
    }
}

/// Half of the webhook does not say what the webhook does.
#[test]
fn a_webhook_of_which_a_part_may_not_be_seen_leaves_doubt() {
    let forbidden = || "forbidden: needs list deployments in kube-system".to_owned();
    for (without_pods, code) in [(true, 3), (false, 0)] {
        for part in 0..2 {
            let mut facts = healthy_service_account();
            if without_pods {
                facts.pods_using = seen(PodCount::default());
            }
            webhook(&mut facts, |webhook| match part {
                0 => webhook.deployment = Seen::unknown(forbidden()),
                _ => webhook.admission = Seen::unknown(forbidden()),
            });
            let report = crate::report::Report::on(facts);
            // What is wired needs it no more, but it is not good for that.
            assert_eq!(report.exit_code(), code, "{part}");
            let link = report.links.iter().find(|one| one.link == super::Link::Webhook).expect("the link");
            assert_ne!(link.status, crate::report::LinkStatus::Good, "{part}");
        }
    }
}

/// The same of a ServiceAccount: all that runs as it was injected, and the next pod would not be.
#[test]
fn what_runs_as_it_and_would_not_be_injected_again_is_a_warning() {
    for (reliant, labelled, rules) in
        [(true, None, &["RRSA-N01"][..]), (true, Some("on"), &[]), (false, None, &[])]
    {
        let mut facts = healthy_service_account();
        label(&mut facts, None);
        for owner in ["deployment/a", "deployment/b"] {
            runs(&mut facts, owner, |pod| {
                *pod = healthy_pod().pod.expect("a pod");
                pod.labels.extend(labelled.map(|value| (INJECTION_LABEL.to_owned(), value.to_owned())));
            });
            let template = if reliant { template() } else { healthy_pod().pod.expect("a pod") };
            facts.owners.insert(
                owner.to_owned(),
                Seen::known(OwnerFacts { template, ..OwnerFacts::default() }, "it"),
            );
        }
        let report = crate::report::Report::on(facts);
        let found: Vec<_> = report.findings.iter().map(|finding| finding.rule).collect();
        assert_eq!((found.as_slice(), report.exit_code()), (rules, 0));
    }
}

/// Of containers that name other roles one was tried.
#[test]
fn a_container_that_was_not_tried_leaves_doubt() {
    let mut facts = healthy_pod();
    facts.untried = Some("container b has another role".to_owned());
    let report = crate::report::Report::on(facts);
    assert_eq!((report.findings.len(), report.exit_code()), (0, 3));
}

/// What the webhook has put into a pod it will have to put into the next.
#[test]
fn what_runs_and_would_not_be_injected_again_is_a_warning() {
    for rule in ["RRSA-N01", "RRSA-S02", "RRSA-W01"] {
        let change = |facts: &mut Facts| match rule {
            "RRSA-N01" => label(facts, None),
            "RRSA-S02" => annotate(facts, None),
            _ => facts.cluster.webhook = seen(None),
        };
        let mut facts = healthy_pod();
        facts.owner = seen(OwnerFacts { template: template(), ..OwnerFacts::default() });
        change(&mut facts);
        let report = crate::report::Report::on(facts.clone());
        let found: Vec<_> = report.findings.iter().map(|finding| (finding.rule, finding.severity)).collect();
        assert_eq!((found.as_slice(), report.exit_code()), (&[(rule, Severity::Warning)][..], 0));
        assert!(!report.findings[0].command.as_deref().is_some_and(|command| command.contains("restart")));
        // What wires itself does not need it.
        facts.owner =
            seen(OwnerFacts { template: facts.pod.clone().expect("a pod"), ..OwnerFacts::default() });
        assert_eq!(findings(&facts), [], "{rule}");
        // What may not be seen is no doubt about what runs.
        facts.owner = seen(OwnerFacts { template: template(), ..OwnerFacts::default() });
        facts.namespace_facts = Seen::unknown("forbidden");
        facts.service_account = Seen::unknown("forbidden");
        facts.cluster.webhook = Seen::unknown("forbidden");
        assert_eq!(findings(&facts), [], "{rule}");
    }
}

/// One cause makes one finding.
#[test]
fn what_is_named_wrongly_does_not_exist_either() {
    let mut facts = healthy_pod();
    facts.owner = Seen::unknown("nothing made the pod");
    set(&mut facts, env_vars::ROLE_ARN, "acs:ram::1234567890123456:role/none");
    facts.account.role = seen(None);
    refuse(&mut facts, 404, "EntityNotExist.Role", "none");
    let found = findings(&facts);
    assert_eq!(found.iter().map(|finding| finding.rule).collect::<Vec<_>>(), ["RRSA-S06"]);
    // What stands in a bare pod stays there when it is made again from itself.
    assert_eq!(found[0].command, None);
}

/// What a workload takes from a ConfigMap may be an access key.
#[test]
fn variables_that_nobody_has_read_leave_doubt() {
    let mut facts = healthy_pod();
    container(&mut facts).env_from.push(EnvSource { name: "secret/app".to_owned(), ..EnvSource::default() });
    let report = crate::report::Report::on(facts);
    assert_eq!((report.findings.len(), report.exit_code()), (0, 3));
}

/// What a pod would have is no answer for one that is there.
#[test]
fn a_token_that_stands_in_proves_the_identity_and_not_the_pod() {
    let mut facts = healthy_pod();
    facts.token = seen(healthy_token(TokenSource::TokenRequest));
    facts.token_instead = Some("the pod is Pending".to_owned());
    let report = crate::report::Report::on(facts);
    assert_eq!((report.findings.len(), report.exit_code()), (0, 3));
    let status = |link| report.links.iter().find(|one| one.link == link).expect("the link").status;
    assert_eq!(status(super::Link::Token), crate::report::LinkStatus::Unseen);
    assert_eq!(status(super::Link::Identity), crate::report::LinkStatus::Good);
}

/// Nobody has seen a provider that STS refuses before it says why, nor has an identity who has no session.
#[test]
fn what_a_refusal_leaves_open_is_not_ticked() {
    for (code, provider) in [
        ("AuthenticationFail.NoPermission", crate::report::LinkStatus::Good),
        ("AuthenticationFail.OIDCToken.Expired", crate::report::LinkStatus::Unseen),
        ("AuthenticationFail.OIDCToken.AudienceNotMatch", crate::report::LinkStatus::Broken),
    ] {
        let mut facts = healthy_pod();
        refuse(&mut facts, 401, code, "");
        let report = crate::report::Report::on(facts);
        let status = |link| report.links.iter().find(|one| one.link == link).expect("the link").status;
        assert_eq!(status(super::Link::Provider), provider, "{code}");
        assert_ne!(status(super::Link::Identity), crate::report::LinkStatus::Good, "{code}");
    }
}

/// Two conditions that do not fit are two things to mend.
#[test]
fn each_condition_that_differs_is_a_finding() {
    let mut facts = healthy_service_account();
    refused_by(&mut facts, |p| {
        p["Statement"][0]["Condition"]["StringEquals"]["oidc:aud"] = "sts-vpc".into();
        p["Statement"][0]["Condition"]["StringEquals"]["oidc:sub"] = "system:serviceaccount:a:b".into();
    });
    let found: Vec<_> = findings(&facts).into_iter().map(|finding| finding.rule).collect();
    assert_eq!(found, ["RRSA-R04", "RRSA-R05"]);
}

#[test]
fn what_is_not_seen_is_never_good() {
    let mut facts = healthy_pod();
    facts.cluster.issuer = Seen::unknown("forbidden");
    facts.cluster.cluster_id = Seen::unknown("forbidden");
    facts.cluster.version = Seen::unknown("forbidden");
    facts.namespace_facts = Seen::unknown("forbidden");
    facts.service_account = Seen::unknown("forbidden");
    facts.token = Seen::unknown("no way");
    facts.exchange = Seen::unknown("no way");
    let report = crate::report::Report::on(facts);
    assert_eq!((report.findings.len(), report.exit_code()), (0, 3));
    for link in report.links {
        use crate::rules::Link;
        // The pod needs no webhook, as it is wired, and this one was seen.
        let proven = link.link == Link::Webhook;
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

/// What a webhook of another cluster put into a pod, as before a restore, a restart mends; what stands in the template it does
/// not.
#[test]
fn what_was_injected_elsewhere_is_injected_anew() {
    let other = "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c9999";
    for (stands_in_template, command) in
        [(false, Some("kubectl rollout restart deployment/demo -n rrsa-demo")), (true, None)]
    {
        let mut facts = healthy_pod();
        set(&mut facts, env_vars::OIDC_PROVIDER_ARN, other);
        facts.pod.as_mut().expect("a pod").owner = Some("deployment/demo".to_owned());
        let mut template = template();
        if stands_in_template {
            let name = env_vars::OIDC_PROVIDER_ARN.to_owned();
            template.containers[0].env.insert(name, EnvFact::Value(other.to_owned()));
        }
        facts.owner = seen(OwnerFacts { template, ..OwnerFacts::default() });
        let found = findings(&facts);
        let found = found.iter().find(|finding| finding.rule == "RRSA-P11").expect("the finding");
        assert_eq!(found.command.as_deref(), command);
    }
}
