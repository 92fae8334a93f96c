//! Manifests in files, looked at without any cluster: what stands in them as facts, and why the rest is not known.

mod reading;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rrsa_shared::arn::{OidcProviderArn, RoleArn};
use rrsa_shared::env_vars;
use rrsa_shared::policy::Document;
use rrsa_shared::ram::Role;
use serde_json::Value;

use crate::collect;
use crate::error::Error;
use crate::facts::{
    AccountFacts, ClusterFacts, EnvData, EnvSource, Facts, NamespaceFacts, OURS, OwnerFacts, PodFacts,
    ROLE_NAME_ANNOTATION, Rollout, Seen, ServiceAccountFacts, SubjectRef,
};

use reading::{Object, strings, text};

/// Why nothing else is known.
const OFFLINE: &str = "only files were looked at";

/// A trust policy in a file.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    /// Name of the file.
    pub name: String,
    /// The policy.
    pub document: Document,
    /// Its text.
    pub text: String,
    /// ARN of the role that it is of, where the file says.
    pub role_arn: Option<String>,
}

/// What the command line adds to the files.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Namespace of objects that name none.
    pub namespace: Option<String>,
    /// ARN of the role.
    pub role_arn: Option<String>,
    /// ARN of the OIDC provider.
    pub oidc_provider_arn: Option<String>,
    /// The role's trust policy.
    pub policy: Option<PolicyFile>,
}

/// The objects of manifests.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    objects: Vec<Object>,
}

impl Manifests {
    /// Adds the objects of a file.
    ///
    /// # Errors
    /// A text that is no manifest, or none that the API server would take.
    pub fn add(&mut self, file: &str, content: &str) -> Result<(), Error> {
        self.objects.extend(reading::objects(file, content)?);
        Ok(())
    }

    /// What is known of each workload, of each ServiceAccount that names a role and that no workload uses, and of each namespace
    /// that says something about RRSA and in which neither stands; and how many
    /// workloads are left out because nothing connects them with RRSA, while others are connected.
    ///
    /// # Errors
    /// A workload that is not of the shape of its kind.
    pub fn facts(&self, given: &Given) -> Result<(Vec<Facts>, usize), Error> {
        let mut all = Vec::new();
        for object in &self.objects {
            if let Some(pod) = pod_of(object)? {
                all.push(self.of_pod(object, pod, given));
            }
        }
        // Beside those that RRSA is for, what has nothing to do with it is nobody's question.
        let before = all.len();
        let is_concerned = |facts: &Facts| facts.wants_rrsa() || facts.has_namesake();
        if all.iter().any(is_concerned) {
            all.retain(is_concerned);
        }
        let left_out = before - all.len();
        for object in self.objects.iter().filter(|object| object.value["kind"] == "ServiceAccount") {
            let (namespace, name) = (namespace(&object.value, given), text(&object.value, "/metadata/name"));
            let used = all.iter().any(|f| f.namespace == namespace && f.service_account_name == name);
            if !used && account_of(object).speaks_of_role() {
                all.push(self.base(SubjectRef::ServiceAccount(name.to_owned()), &namespace, name, given));
            }
        }
        for object in self.objects.iter().filter(|object| object.value["kind"] == "Namespace") {
            let name = text(&object.value, "/metadata/name");
            let [labels, annotations] = ["/metadata/labels", "/metadata/annotations"]
                .map(|pointer| strings(&object.value, pointer).into_keys());
            if labels.chain(annotations).any(|key| key.starts_with(OURS))
                && all.iter().all(|facts| facts.namespace != name)
            {
                let subject = SubjectRef::Namespace(name.to_owned());
                let of = self.base(subject, name, "", given);
                all.push(Facts { service_account: Seen::unknown(OFFLINE), ..of });
            }
        }
        Ok((all, left_out))
    }

    fn of_pod(&self, object: &Object, mut facts: PodFacts, given: &Given) -> Facts {
        let namespace = namespace(&object.value, given);
        let account = facts.service_account.clone();
        let subject = match &facts.owner {
            Some(owner) => SubjectRef::Template(owner.clone()),
            None => SubjectRef::Pod(facts.name.clone()),
        };
        let mut all = self.base(subject, &namespace, &account, given);
        all.overriding().settle(&mut facts);
        let is_injected = all.overriding().injects(&facts);
        facts.take(is_injected, |source| self.source(&namespace, source, given));
        all.asked_as.clone_from(&facts.owner);
        let owner = OwnerFacts {
            labels: collect::own_labels(&object.value),
            rollout: Rollout::Replaces,
            template: facts.clone(),
        };
        all.owner = Seen::known(owner, &object.file);
        let variable = |name: &str| {
            let value = facts.containers.iter().find_map(|container| container.value(name))?;
            Some(Seen::known(value.to_owned(), format!("variable {name} in {}", object.file)))
        };
        if given.role_arn.is_none() {
            all.role_in_use = variable(env_vars::ROLE_ARN).unwrap_or(all.role_in_use);
        }
        if given.oidc_provider_arn.is_none() {
            all.provider_in_use = variable(env_vars::OIDC_PROVIDER_ARN).unwrap_or(all.provider_in_use);
        }
        let names_role =
            all.service_account.value().and_then(Option::as_ref).is_some_and(|a| a.role_name().is_some());
        // The policy is that of a role which somebody names; what names none is not held against it.
        if !names_role && !facts.is_wired() && given.role_arn.is_none() {
            all.account.role = Seen::unknown("nothing says that it uses that role");
        }
        all.pod = Some(facts);
        all
    }

    /// What a ConfigMap or a Secret sets that stands in the files as well.
    fn source(&self, of: &str, source: &EnvSource, given: &Given) -> EnvData {
        let (kind, name) = source.name.split_once('/').ok_or(None)?;
        let mut all = self.objects.iter().filter(|o| text(&o.value, "/kind").eq_ignore_ascii_case(kind));
        let found =
            all.find(|o| text(&o.value, "/metadata/name") == name && namespace(&o.value, given) == of);
        let found = &found.ok_or(None)?.value;
        let mut data = strings(found, "/data");
        if kind == "secret" {
            for value in data.values_mut() {
                // What is no base64 the API server refuses.
                let bytes = STANDARD.decode(value.as_bytes()).unwrap_or_default();
                *value = String::from_utf8_lossy(&bytes).into_owned();
            }
            data.extend(strings(found, "/stringData"));
        }
        Ok(Some(data))
    }

    fn base(&self, subject: SubjectRef, namespace: &str, account: &str, given: &Given) -> Facts {
        let service_account = self.service_account(namespace, account, given);
        let provider = provider(given);
        let cluster_account = provider.value().and_then(|arn| {
            Some(Seen::known(OidcProviderArn::parse(arn).ok()?.account, "the OIDC provider"))
        });
        let cluster_account = cluster_account.unwrap_or_else(|| Seen::unknown(OFFLINE));
        let named = service_account.value().and_then(Option::as_ref).and_then(ServiceAccountFacts::role_name);
        let expected = match (&given.role_arn, named, cluster_account.as_result()) {
            (Some(arn), ..) => Seen::known(arn.clone(), "--role-arn"),
            (None, Some(name), Ok(account)) => {
                let arn = RoleArn { account: account.clone(), name: name.to_owned() };
                Seen::known(arn.to_string(), "the ServiceAccount and the OIDC provider's account")
            }
            (None, Some(_), Err(why)) => Seen::unknown(why),
            (None, None, _) => Seen::unknown("no role is named"),
        };
        Facts {
            subject,
            offline: true,
            cluster: ClusterFacts {
                account: cluster_account,
                provider_arn: provider.clone(),
                ..ClusterFacts::unseen(OFFLINE)
            },
            namespace_facts: self.namespace(namespace),
            service_account_name: account.to_owned(),
            service_account,
            annotated_elsewhere: Seen::known(self.annotated_elsewhere(namespace, account, given), "files"),
            annotated_service_accounts: Seen::known(self.annotated(namespace, given), "files"),
            role_in_use: expected.clone(),
            account: AccountFacts { role: role(given, &expected), ..AccountFacts::unseen(OFFLINE) },
            expected_role_arn: expected,
            provider_in_use: provider,
            ..Facts::unseen(namespace, OFFLINE)
        }
    }

    fn namespace(&self, name: &str) -> Seen<Option<NamespaceFacts>> {
        let found = self
            .objects
            .iter()
            .find(|o| o.value["kind"] == "Namespace" && text(&o.value, "/metadata/name") == name);
        match found {
            Some(object) => Seen::known(
                Some(NamespaceFacts {
                    name: name.to_owned(),
                    labels: strings(&object.value, "/metadata/labels"),
                    annotations: strings(&object.value, "/metadata/annotations"),
                    labelled_at: None,
                }),
                &object.file,
            ),
            None => Seen::unknown(format!("no namespace {name} is in the files")),
        }
    }

    fn service_account(
        &self,
        namespace: &str,
        name: &str,
        given: &Given,
    ) -> Seen<Option<ServiceAccountFacts>> {
        let found =
            self.service_accounts(namespace, given).find(|o| text(&o.value, "/metadata/name") == name);
        match found {
            Some(object) => Seen::known(Some(account_of(object)), &object.file),
            // Every namespace has this one, and where others name roles it is seldom written down because it names none.
            None if name == "default" && !self.annotated(namespace, given).is_empty() => Seen::known(
                Some(ServiceAccountFacts { name: name.to_owned(), ..ServiceAccountFacts::default() }),
                "every namespace has it",
            ),
            None => Seen::unknown(format!("no ServiceAccount {namespace}/{name} is in the files")),
        }
    }

    fn annotated(&self, namespace: &str, given: &Given) -> Vec<String> {
        let accounts = self.service_accounts(namespace, given).map(account_of);
        accounts.filter(|account| account.role_name().is_some()).map(|account| account.name).collect()
    }

    /// Other namespaces of the files in which a ServiceAccount of the same name names a role, and the role. Every namespace
    /// has `default`.
    fn annotated_elsewhere(&self, of: &str, name: &str, given: &Given) -> BTreeMap<String, String> {
        let accounts = self.objects.iter().filter(|object| object.value["kind"] == "ServiceAccount");
        let others =
            accounts.filter(|object| name != "default" && text(&object.value, "/metadata/name") == name);
        let roles = others.filter_map(|object| {
            let role = account_of(object).role_name()?.to_owned();
            Some((namespace(&object.value, given), role))
        });
        roles.filter(|(namespace, _)| namespace != of).collect()
    }

    fn service_accounts<'a>(
        &'a self,
        namespace: &'a str,
        given: &'a Given,
    ) -> impl Iterator<Item = &'a Object> {
        let of = move |o: &&Object| {
            o.value["kind"] == "ServiceAccount" && self::namespace(&o.value, given) == namespace
        };
        self.objects.iter().filter(of)
    }
}

fn account_of(object: &Object) -> ServiceAccountFacts {
    ServiceAccountFacts {
        name: text(&object.value, "/metadata/name").to_owned(),
        annotations: strings(&object.value, "/metadata/annotations"),
        role_label: strings(&object.value, "/metadata/labels").remove(ROLE_NAME_ANNOTATION),
        annotated_at: None,
    }
}

/// The provider that is given, or the only one that the policy names.
fn provider(given: &Given) -> Seen<String> {
    if let Some(arn) = &given.oidc_provider_arn {
        return Seen::known(arn.clone(), "--oidc-provider-arn");
    }
    let statements = given.policy.iter().flat_map(|policy| &policy.document.statements);
    let federated = statements.flat_map(|statement| &statement.principal.federated);
    let mut named: Vec<&String> = federated.filter(|arn| OidcProviderArn::parse(arn).is_ok()).collect();
    named.dedup();
    match (named.as_slice(), &given.policy) {
        ([one], Some(policy)) => Seen::known((*one).clone(), &policy.name),
        _ => Seen::unknown(format!("{OFFLINE}; --oidc-provider-arn names the provider")),
    }
}

fn role(given: &Given, arn: &Seen<String>) -> Seen<Option<Role>> {
    let other = |policy: &PolicyFile| match (&policy.role_arn, arn.value()) {
        (Some(own), Some(named)) => own != named,
        _ => false,
    };
    match &given.policy {
        Some(policy) if other(policy) => {
            let own = policy.role_arn.as_deref().unwrap_or_default();
            Seen::unknown(format!("{} is of {own}, which is not the role that is named", policy.name))
        }
        Some(policy) => Seen::known(
            Some(Role {
                arn: arn.value().cloned().unwrap_or_else(|| policy.name.clone()),
                trust_policy: policy.text.clone(),
                max_session_duration: None,
                update_date: None,
            }),
            &policy.name,
        ),
        None => Seen::unknown(format!("{OFFLINE}; --policy names the role's trust policy")),
    }
}

/// The pod that a workload makes; `None` for an object that makes none.
fn pod_of(object: &Object) -> Result<Option<PodFacts>, Error> {
    let kind = text(&object.value, "/kind");
    collect::template(kind, &object.value).map_err(|error| {
        let name = text(&object.value, "/metadata/name");
        Error::usage(format!("{kind} {name} in {} is not of the shape of its kind", object.file))
            .caused_by(error)
    })
}

fn namespace(value: &Value, given: &Given) -> String {
    match text(value, "/metadata/namespace") {
        "" => given.namespace.clone().unwrap_or_else(|| "default".to_owned()),
        named => named.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Conclusion, Report};

    const DEMO: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: a, labels: {pod-identity.alibabacloud.com/injection: 'on'}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: s, namespace: a, annotations: {pod-identity.alibabacloud.com/role-name: r}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d, namespace: a}
spec: {template: {spec: {serviceAccountName: s, containers: [{name: c, image: i}]}}}
";

    fn reports(yaml: &str, given: &Given) -> Vec<(Conclusion, Vec<&'static str>)> {
        let mut manifests = Manifests::default();
        manifests.add("m.yaml", yaml).unwrap();
        let reports = manifests.facts(given).unwrap().0.into_iter().map(Report::on);
        reports.map(|r| (r.conclusion, r.findings.into_iter().map(|f| f.rule).collect())).collect()
    }

    #[test]
    fn what_the_webhook_will_inject_is_nothing_to_complain_of() {
        assert_eq!(reports(DEMO, &Given::default()), [(Conclusion::Clean, vec![])]);
    }

    #[test]
    fn what_stands_in_the_file_is_judged() {
        for (from, to, rule) in [
            (": 'on'", ": true", "RRSA-N02"),
            ("labels: {pod-identity.alibabacloud.com/injection: 'on'}", "labels: {}", "RRSA-N01"),
            ("role-name: r", "role-name: acs:ram::1:role/r", "RRSA-S04"),
            ("role-name: r", "role-arn: r", "RRSA-S03"),
            ("name: s, namespace: a, annotations", "name: s, namespace: a, labels", "RRSA-S03"),
            ("serviceAccountName: s, ", "", "RRSA-P02"),
            // A kind of somebody else's has its pod template where the usual ones have it.
            ("kind: Deployment", "kind: CloneSet", ""),
            (
                "Deployment\nmetadata: {name: d, namespace: a}\nspec: {template: {spec: {serviceAccountName: s,",
                "Rollout\nmetadata: {name: d, namespace: a}\nspec: {template: {spec: {",
                "RRSA-P02",
            ),
        ] {
            let yaml = DEMO.replacen(from, to, 1);
            assert_ne!(yaml, DEMO);
            let expected = match rule {
                "" => (Conclusion::Clean, vec![]),
                rule => (Conclusion::Broken, vec![rule]),
            };
            assert_eq!(reports(&yaml, &Given::default())[0], expected, "{to}");
        }
        // It may be elsewhere, and may be misspelt.
        let near = DEMO.replacen("serviceAccountName: s", "serviceAccountName: sx", 1);
        assert_eq!(reports(&near, &Given::default())[0], (Conclusion::Clean, vec!["RRSA-P02"]));
        // A bare on is read as true.
        let labels = "template: {metadata: {labels: {pod-identity.alibabacloud.com/injection: on, n: 1}}, ";
        let bare = DEMO.replacen("template: {", labels, 1).replacen("injection: 'on'", "n: x", 1);
        assert_eq!(reports(&bare, &Given::default())[0], (Conclusion::Broken, vec!["RRSA-N02"]));
        let alone = bare.replacen("kind: Namespace", "kind: Other", 1);
        assert_eq!(reports(&alone, &Given::default())[0], (Conclusion::Clean, vec!["RRSA-N02"]));
        let annotation = alone.replacen("{labels: {pod-identity", "{annotations: {pod-identity", 1);
        assert_eq!(reports(&annotation, &Given::default())[0], (Conclusion::Clean, vec!["RRSA-N03"]));
        // A value that a chart has left out.
        let unset = DEMO.replacen("role-name: r", "role-name: ", 1);
        assert_eq!(reports(&unset, &Given::default())[0], (Conclusion::Broken, vec!["RRSA-S04"]));
        // Another namespace has one of that name with a role: nobody says that this one is to have it.
        let namesake = DEMO.replacen("name: s, namespace: a", "name: s, namespace: b", 1)
            + "---\nkind: ServiceAccount\nmetadata: {name: s, namespace: a}\n";
        assert_eq!(reports(&namesake, &Given::default())[0], (Conclusion::Clean, vec!["RRSA-S08"]));
    }

    #[test]
    fn a_container_that_the_webhook_is_to_skip_mounts_the_token_itself() {
        let with = |mounts: &str| {
            let skipping =
                "template: {metadata: {annotations: {pod-identity.alibabacloud.com/skip-containers: own}},";
            let own = format!(
                "containers: [{{name: own, image: i, env: [
                  {{name: ALIBABA_CLOUD_ROLE_ARN, value: 'acs:ram::1:role/r'}},
                  {{name: ALIBABA_CLOUD_OIDC_PROVIDER_ARN, value: 'acs:ram::1:oidc-provider/ack-rrsa-c1'}},
                  {{name: ALIBABA_CLOUD_OIDC_TOKEN_FILE, value: /var/run/secrets/ack.alibabacloud.com/rrsa-tokens/token}}],
                  volumeMounts: {mounts}}}, "
            );
            let yaml = DEMO.replacen("template: {", skipping, 1).replacen("containers: [", &own, 1);
            reports(&yaml, &Given::default()).remove(0)
        };
        assert_eq!(with("[]"), (Conclusion::Broken, vec!["RRSA-P15"]));
        let mount = "[{name: rrsa-oidc-token, mountPath: /var/run/secrets/ack.alibabacloud.com/rrsa-tokens}]";
        assert_eq!(with(mount), (Conclusion::Clean, vec![]));
    }

    #[test]
    fn a_policy_in_a_file_is_held_against_the_service_account() {
        let given = |subject: &str| {
            let text = format!(
                r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":"sts:AssumeRole",
                "Principal":{{"Federated":["acs:ram::1234567890123456:oidc-provider/ack-rrsa-c1"]}},
                "Condition":{{"StringEquals":{{"oidc:iss":"https://oidc-ack-cn-hangzhou.oss-cn-hangzhou.aliyuncs.com/c1","oidc:aud":"sts.aliyuncs.com",
                "oidc:sub":"{subject}"}}}}}}]}}"#
            );
            let document = Document::parse(&text).unwrap();
            Given {
                policy: Some(PolicyFile { name: "p".to_owned(), document, text, role_arn: None }),
                ..Given::default()
            }
        };
        assert_eq!(reports(DEMO, &given("system:serviceaccount:a:s")), [(Conclusion::Clean, vec![])]);
        let other = given("system:serviceaccount:b:s");
        assert_eq!(reports(DEMO, &other), [(Conclusion::Broken, vec!["RRSA-R05"])]);
    }

    /// Which issuer is the cluster's the name of its provider tells, whichever of several it is.
    #[test]
    fn an_issuer_that_cannot_be_the_providers_is_found() {
        let statement = |cluster: &str, issuer: &str, namespace: &str| {
            format!(
                r#"{{"Effect":"Allow","Action":"sts:AssumeRole",
                "Principal":{{"Federated":["acs:ram::1234567890123456:oidc-provider/ack-rrsa-{cluster}"]}},
                "Condition":{{"StringEquals":{{"oidc:iss":"{issuer}","oidc:aud":"sts.aliyuncs.com",
                "oidc:sub":"system:serviceaccount:{namespace}:s"}}}}}}"#
            )
        };
        let issuer =
            |cluster: &str| format!("https://oidc-ack-cn-beijing.oss-cn-beijing.aliyuncs.com/{cluster}");
        for (statements, rules) in [
            (statement("c1", &issuer("c1"), "a"), vec![]),
            (statement("c1", &issuer("c2"), "a"), vec!["RRSA-R03"]),
            (statement("c1", &issuer("c1/"), "a"), vec!["RRSA-R03"]),
            (statement("c1", "<ISSUER>", "a"), vec!["RRSA-R03"]),
            (statement("c1", &issuer("c1").replace("https", "http"), "a"), vec!["RRSA-R03"]),
            (statement("c1", &issuer("c1").to_uppercase(), "a"), vec!["RRSA-R03"]),
            (statement("*", &issuer("c1"), "a"), vec!["RRSA-R13"]),
            (statement("<CLUSTER_ID>", &issuer("c1"), "a"), vec!["RRSA-R01"]),
            ([statement("c1", &issuer("c1"), "b"), statement("c2", &issuer("c2"), "a")].join(","), vec![]),
        ] {
            let text = format!(r#"{{"Version":"1","Statement":[{statements}]}}"#);
            let document = Document::parse(&text).unwrap();
            let policy = Some(PolicyFile { name: "p".to_owned(), document, text, role_arn: None });
            assert_eq!(reports(DEMO, &Given { policy, ..Given::default() })[0].1, rules, "{statements}");
        }
    }

    /// A policy that asks for no issuer, or names no provider, is as wrong as it is.
    #[test]
    fn a_policy_is_judged_whatever_it_leaves_out() {
        let provider = "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c1";
        let federated = format!(r#""Principal":{{"Federated":["{provider}"]}}"#);
        for (rest, rules) in [
            (String::new(), vec!["RRSA-R01"]),
            (
                r#","Action":"sts:AssumeRole","Principal":{"Service":["ecs.aliyuncs.com"]}"#.to_owned(),
                vec!["RRSA-R01"],
            ),
            (format!(r#","Action":"sts:AssumeRole","Principal":{{"RAM":["{provider}"]}}"#), vec!["RRSA-R11"]),
            (format!(r#","Action":"sts:AssumeRole",{federated}"#), vec!["RRSA-R08"]),
            (
                format!(
                    r#","Action":"sts:AssumeRole",{federated},"Condition":{{"StringEquals":{{"sub":"x"}}}}"#
                ),
                vec!["RRSA-R09"],
            ),
            (
                format!(
                    r#","Action":"sts:AssumeRole",{federated},"Condition":{{"StringLike":{{"oidc:sub":"system:serviceaccount:*"}}}}"#
                ),
                vec!["RRSA-R07"],
            ),
        ] {
            let text = format!(r#"{{"Version":"1","Statement":[{{"Effect":"Allow"{rest}}}]}}"#);
            let document = Document::parse(&text).unwrap();
            let policy = Some(PolicyFile { name: "p".to_owned(), document, text, role_arn: None });
            assert_eq!(reports(DEMO, &Given { policy, ..Given::default() })[0].1, rules, "{rest}");
        }
    }

    #[test]
    fn a_config_map_of_the_files_is_what_a_container_takes_from_it() {
        let with = DEMO.replace("image: i}", "image: i, envFrom: [{configMapRef: {name: m}}]}");
        let map = "
---
apiVersion: v1
kind: ConfigMap
metadata: {name: m, namespace: a}
data: {ALIBABA_CLOUD_ACCESS_KEY_ID: x, ALIBABA_CLOUD_ACCESS_KEY_SECRET: x}
";
        assert_eq!(reports(&with, &Given::default())[0], (Conclusion::Clean, vec![]));
        let both = format!("{with}{map}");
        assert_eq!(reports(&both, &Given::default())[0], (Conclusion::Broken, vec!["RRSA-K02"]));
        let secret = both.replace("configMapRef", "secretRef").replace("kind: ConfigMap", "kind: Secret");
        for secret in [secret.replace("\ndata: {", "\nstringData: {"), secret.replace(": x", ": eA==")] {
            assert_eq!(reports(&secret, &Given::default())[0], (Conclusion::Broken, vec!["RRSA-K02"]));
        }
    }

    #[test]
    fn what_rrsa_does_not_concern_is_not_broken() {
        let nginx = "
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: nginx, namespace: a}
spec: {template: {spec: {containers: [{name: c, image: i}]}}}
";
        assert_eq!(reports(nginx, &Given::default()), [(Conclusion::Clean, vec![])]);
        let beside = format!("{DEMO}{nginx}");
        assert_eq!(reports(&beside, &Given::default()), [(Conclusion::Clean, vec![])]);
    }

    #[test]
    fn a_list_says_of_what_kind_its_items_are_and_a_namespace_may_stand_alone() {
        let label = r#""pod-identity.alibabacloud.com/injection": "true""#;
        let name = r#"{"pod-identity.alibabacloud.com/role-name": "no role"}"#;
        for (text, rule) in [
            (
                format!(
                    "{{kind: ServiceAccountList, items: [{{metadata: {{name: a, annotations: {name}}}}}]}}"
                ),
                "RRSA-S04",
            ),
            (format!("{{kind: Namespace, metadata: {{name: a, labels: {{{label}}}}}}}"), "RRSA-N02"),
            (
                format!(
                    "{{kind: Service, metadata: {{name: a}}, spec: {{template: {{metadata: {{annotations: {{{label}}}}}, spec: {{containers: [{{image: i}}]}}}}}}}}"
                ),
                "RRSA-N03",
            ),
        ] {
            let found = reports(&text, &Given::default());
            assert_eq!((found.len(), &found[0].1[..]), (1, &[rule][..]), "{text}");
        }
        assert!(reports("{kind: Namespace, metadata: {name: a}}", &Given::default()).is_empty());
    }

    #[test]
    fn a_list_is_taken_apart_and_what_is_no_manifest_is_said() {
        let list = "{kind: List, items: [{kind: Pod, metadata: {name: p}, spec: {containers: []}}]}";
        assert_eq!(reports(list, &Given::default()).len(), 1);
        let error = Manifests::default().add("m", "a: [").unwrap_err();
        assert!(error.message.contains("m is no manifest"), "{error}");
        let bare = r#"{kind: Pod, metadata: {name: p, annotations: {pod-identity.alibabacloud.com/override-env: true}}}"#;
        let error = Manifests::default().add("m", bare).unwrap_err();
        assert!(error.message.contains("override-env of Pod p in m is no text"), "{error}");
        let mut odd = Manifests::default();
        odd.add("m", "{kind: Pod, metadata: {name: p}, spec: {containers: 5}}").unwrap();
        assert!(odd.facts(&Given::default()).unwrap_err().message.contains("Pod p in m"));
    }
}
