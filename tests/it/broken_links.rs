//! The chain broken on purpose, one link at a time, through the built program: each file under
//! `tests/broken-links/` holds the cases of one link.

use std::path::Path;

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::Value;

use crate::stage::{Stage, built};

/// The access key of a checker who may read the account.
const KEY: &str = "
access_keys: [{id: LTAI5tStoryAccessKeyId, secret: story-access-key-secret, user: auditor}]
permissions: [{who: user/auditor, actions: ['ram:Get*', 'ram:List*', 'cs:Describe*']}]
";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The rule that must be the first broken link, or the only warning.
    rule: String,
    /// What is wrong, in words.
    says: String,
    /// The command line after `check`.
    check: String,
    /// The exit code.
    exit: i32,
    /// The world file.
    #[serde(default)]
    world: String,
    /// Whether the checker has an access key that may read the account.
    #[serde(default)]
    key: bool,
    /// Text of the demo manifest and what stands there instead.
    #[serde(default)]
    replace: Vec<(String, String)>,
    /// A whole manifest instead of the demo.
    #[serde(default)]
    manifest: String,
}

impl Case {
    async fn verdict(&self) -> Result<(), String> {
        let mut manifest = self.manifest.clone();
        if manifest.is_empty() {
            manifest = include_str!("../manifests/rrsa-demo.yaml").to_owned();
        }
        for (from, to) in &self.replace {
            if !manifest.contains(from.as_str()) {
                return Err(format!("the manifest does not hold {from:?}"));
            }
            manifest = manifest.replace(from.as_str(), to);
        }
        let world = if self.key { format!("{KEY}{}", self.world) } else { self.world.clone() };
        let stage = Stage::set(&world, &manifest).await;
        let mut arguments = vec!["check", "-o", "json", "-n", "rrsa-demo"];
        arguments.extend(self.check.split(' '));
        let mut command = stage.command(&built("kubectl-rrsa"), &arguments);
        if self.key {
            command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI5tStoryAccessKeyId");
            command.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "story-access-key-secret");
        }
        let outcome = stage.run(command).await;
        if outcome.code != self.exit {
            return Err(format!("exit {} instead of {}: {outcome:?}", outcome.code, self.exit));
        }
        let whole = outcome.report();
        // Of several subjects the first is looked at.
        let report = whole["items"].get(0).unwrap_or(&whole);
        let rules: Vec<_> = report["findings"].as_array().into_iter().flatten().map(|f| &f["rule"]).collect();
        let first = if self.exit == 1 {
            &report["firstBroken"]
        } else {
            rules.first().copied().unwrap_or(&Value::Null)
        };
        if *first != self.rule.as_str() {
            return Err(format!("first is {first} among {rules:?}, skipped {}", report["skipped"]));
        }
        stage.sandbox.stop().await;
        Ok(())
    }
}

async fn play(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("broken-links").join(file);
    let cases: Vec<Case> = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(!cases.is_empty());
    let verdicts = join_all(cases.iter().map(Case::verdict)).await;
    let wrong: Vec<_> = cases
        .iter()
        .zip(verdicts)
        .filter_map(|(case, verdict)| Some(format!("{} ({}): {}", case.rule, case.says, verdict.err()?)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_cluster_is_the_first_broken_link() {
    play("cluster.yaml").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_namespace_is_the_first_broken_link() {
    play("namespace.yaml").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_service_account_is_the_first_broken_link() {
    play("service-account.yaml").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_pod_is_the_first_broken_link() {
    play("pod.yaml").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_token_is_the_first_broken_link() {
    play("token.yaml").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_provider_is_the_first_broken_link() {
    play("provider.yaml").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_trust_policy_is_the_first_broken_link() {
    play("trust-policy.yaml").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_sts_is_the_first_broken_link() {
    play("sts.yaml").await;
}
