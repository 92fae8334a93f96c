//! What a pod template sets and the webhook will put its own in the place of: nobody will see it. (ack-pod-identity-webhook,
//! 0.4.2 or later.)

use rrsa_shared::arn::is_role_name;
use rrsa_shared::env_vars;

use super::{
    ContainerFacts, Facts, NamespaceFacts, OVERRIDE_ENV, PodFacts, RRSA_ENV, Seen, ServiceAccountFacts,
    WebhookFacts,
};

/// The first version of the webhook that replaces variables.
pub const OVERRIDES: [u32; 3] = [0, 4, 2];
/// The variables that it sets besides RRSA's three.
const OF_STS: [&str; 3] = [env_vars::STS_ENDPOINT, env_vars::STS_REGION, env_vars::VPC_ENDPOINT_ENABLED];

/// What decides whether it does, as far as it is seen.
#[derive(Clone, Copy)]
pub struct Overriding<'a> {
    namespace: Option<&'a NamespaceFacts>,
    account: Option<&'a ServiceAccountFacts>,
    webhook: Option<&'a WebhookFacts>,
}

impl<'a> Overriding<'a> {
    /// Of what is known of a workload's surroundings.
    #[must_use]
    pub fn of(
        namespace: &'a Seen<Option<NamespaceFacts>>,
        account: &'a Seen<Option<ServiceAccountFacts>>,
        webhook: &'a Seen<Option<WebhookFacts>>,
    ) -> Self {
        Self {
            namespace: namespace.value().and_then(Option::as_ref),
            account: account.value().and_then(Option::as_ref),
            webhook: webhook.value().and_then(Option::as_ref),
        }
    }

    /// Whether the webhook will put its variables into pods of a template, as far as is known.
    #[must_use]
    pub fn injects(self, template: &PodFacts) -> bool {
        let asked = template.injection().or_else(|| self.namespace?.injection());
        let role = self.account.and_then(ServiceAccountFacts::role_name);
        template.is_template && asked == Some("on") && role.is_some_and(is_role_name)
    }

    /// Takes out of a pod template what the webhook will replace, as far as is known.
    pub fn settle(self, template: &mut PodFacts) {
        let by_namespace =
            |label: &str| self.namespace.and_then(|namespace| namespace.labels.get(label).cloned());
        let overrides =
            template.annotations.get(OVERRIDE_ENV).cloned().or_else(|| by_namespace(OVERRIDE_ENV));
        let deployment = self.webhook.and_then(|webhook| webhook.deployment.value()?.as_ref());
        let is_old =
            deployment.and_then(|found| found.version_numbers()).is_some_and(|version| version < OVERRIDES);
        if !self.injects(template) || overrides.as_deref() != Some("true") || is_old {
            return;
        }
        let skipped: Vec<String> =
            template.containers.iter().filter(|c| template.skips(&c.name)).map(|c| c.name.clone()).collect();
        for container in template.containers.iter_mut().filter(|container| !skipped.contains(&container.name))
        {
            forget(container);
        }
    }
}

/// Whether a namespace lets the webhook replace variables; one that is not seen may.
#[must_use]
pub fn may_replace(namespace: &Seen<Option<NamespaceFacts>>) -> bool {
    let label = |found: &NamespaceFacts| found.labels.get(OVERRIDE_ENV).is_some_and(|value| value == "true");
    namespace.value().is_none_or(|found| found.as_ref().is_some_and(label))
}

impl Facts {
    /// Takes out of the templates that stand for workloads what the webhook will replace.
    pub fn settle_templates(&mut self) {
        let mut workloads = std::mem::take(&mut self.workloads);
        for workload in &mut workloads {
            self.overriding().settle(&mut workload.like);
        }
        self.workloads = workloads;
    }

    /// The same of the template that would make the next pod.
    pub fn settle_owner(&mut self) {
        let mut owner = self.owner.clone();
        if let Seen::Known { value, .. } = &mut owner {
            self.overriding().settle(&mut value.template);
        }
        self.owner = owner;
    }

    /// What decides whether the webhook replaces variables.
    #[must_use]
    pub fn overriding(&self) -> Overriding<'_> {
        Overriding::of(&self.namespace_facts, &self.service_account, &self.cluster.webhook)
    }
}

/// Whether the webhook sets a variable of that name.
pub(super) fn is_of_webhook(name: &str) -> bool {
    RRSA_ENV.iter().chain(&OF_STS).any(|one| *one == name)
}

fn forget(container: &mut ContainerFacts) {
    for name in RRSA_ENV.iter().chain(&OF_STS) {
        container.env.remove(*name);
        container.env_emptied.retain(|emptied| emptied != name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{EnvFact, INJECTION_LABEL, ROLE_NAME_ANNOTATION, SKIP_CONTAINERS_ANNOTATION};

    #[test]
    fn only_what_will_be_replaced_is_taken_out() {
        let texts =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let account = ServiceAccountFacts {
            annotations: texts(&[(ROLE_NAME_ANNOTATION, "r")]),
            ..ServiceAccountFacts::default()
        };
        let left = |labels: &[(&str, &str)], annotations: &[(&str, &str)], is_template: bool| {
            let namespace = NamespaceFacts { labels: texts(labels), ..NamespaceFacts::default() };
            let set = |name: &str| ContainerFacts {
                name: name.to_owned(),
                env: [(env_vars::ROLE_ARN, "x"), ("OTHER", "y")]
                    .map(|(name, value)| (name.to_owned(), EnvFact::Value(value.to_owned())))
                    .into(),
                ..ContainerFacts::default()
            };
            let mut pod = PodFacts {
                containers: vec![set("app"), set("own")],
                annotations: texts(annotations),
                is_template,
                ..PodFacts::default()
            };
            let overriding =
                Overriding { namespace: Some(&namespace), account: Some(&account), webhook: None };
            overriding.settle(&mut pod);
            pod.containers.iter().map(|container| container.env.len()).collect::<Vec<_>>()
        };
        let (on, yes) = ((INJECTION_LABEL, "on"), (OVERRIDE_ENV, "true"));
        assert_eq!(left(&[on], &[yes], true), [1, 1]);
        assert_eq!(left(&[on, yes], &[], true), [1, 1]);
        assert_eq!(left(&[on], &[yes, (SKIP_CONTAINERS_ANNOTATION, "own")], true), [1, 2]);
        for (labels, annotations, is_template) in [
            (&[on][..], &[][..], true),
            (&[], &[yes], true),
            (&[on, yes], &[(OVERRIDE_ENV, "false")], true),
            (&[on], &[(OVERRIDE_ENV, "on")], true),
            (&[on, yes], &[], false),
        ] {
            assert_eq!(left(labels, annotations, is_template), [2, 2], "{labels:?} {annotations:?}");
        }
    }
}
