//! The official Alibaba Cloud clients agree with the sandbox: what they send it accepts, what it refuses they
//! understand.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::stage::{Stage, leave_out};

const ROLE: &str = "acs:ram::1234567890123456:role/demo-role-for-rrsa";
const PROVIDER: &str = "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0123456789abcdef0123456789abcdef";

/// The folder that `tests/scripts/install-deps` fills.
fn dependencies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../.test-env")
}

fn client(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(file).to_str().unwrap().to_owned()
}

/// The Python client's command, unless it is not installed.
pub(crate) fn python(stage: &Stage, arguments: &[&str]) -> Option<Command> {
    let dependencies = dependencies();
    if !dependencies.join("python.ok").is_file() {
        leave_out("the Python clients", "they are not installed");
        return None;
    }
    let script = client("python_client.py");
    Some(stage.command(&dependencies.join("python/bin/python"), &[&[script.as_str()], arguments].concat()))
}

/// The Node client's command, unless it is not installed.
pub(crate) fn node(stage: &Stage, arguments: &[&str]) -> Option<Command> {
    let dependencies = dependencies();
    if !dependencies.join("node.ok").is_file() {
        leave_out("the Node client", "it is not installed");
        return None;
    }
    let script = client("node_client.cjs");
    let mut command = stage.command(Path::new("node"), &[&[script.as_str()], arguments].concat());
    command
        .env("NODE_PATH", dependencies.join("node/node_modules"))
        .env("NODE_EXTRA_CA_CERTS", stage.sandbox.ca_path());
    Some(command)
}

/// Runs a client with the variables that the webhook would set.
async fn answer(stage: &Stage, mut command: Command, token: &Path) -> Value {
    command
        .env("ALIBABA_CLOUD_ROLE_ARN", ROLE)
        .env("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", PROVIDER)
        .env("ALIBABA_CLOUD_OIDC_TOKEN_FILE", token);
    let outcome = stage.run(command).await;
    assert_eq!(outcome.code, 0, "a client failed");
    outcome.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn python_turns_the_rrsa_variables_into_credentials_and_an_identity() {
    let stage = Stage::demo().await;
    let token = stage.token_file("demo-sa", "sts.aliyuncs.com").await;
    let Some(command) = python(&stage, &["credentials"]) else { return };
    let answer = answer(&stage, command, &token).await;
    assert_eq!(answer["provider"], "oidc_role_arn");
    let arn = answer["arn"].as_str().unwrap();
    assert!(arn.starts_with("acs:ram::1234567890123456:assumed-role/demo-role-for-rrsa/"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn python_exchanges_a_token_and_signs_with_what_it_gets() {
    let stage = Stage::demo().await;
    let token = stage.token_file("demo-sa", "sts.aliyuncs.com").await;
    for (option, expected) in [
        ("", json!({"arn": "acs:ram::1234567890123456:assumed-role/demo-role-for-rrsa/python-client"})),
        ("--tampered", json!({"code": "SignatureDoesNotMatch", "error": "ClientException"})),
        ("--replayed", json!({"code": "SignatureNonceUsed", "error": "ClientException"})),
    ] {
        let Some(command) = python(&stage, &["exchange", option]) else { return };
        assert_eq!(answer(&stage, command, &token).await, expected, "{option}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn node_turns_the_rrsa_variables_into_credentials() {
    let stage = Stage::demo().await;
    let token = stage.token_file("demo-sa", "sts.aliyuncs.com").await;
    let Some(command) = node(&stage, &[]) else { return };
    let expected = json!({"provider": "oidc_role_arn", "complete": true, "temporary": true});
    assert_eq!(answer(&stage, command, &token).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_reads_the_code_of_a_refused_token() {
    let stage = Stage::demo().await;
    let audience = stage.token_file("demo-sa", "kubernetes.default.svc").await;
    refused(&stage, &audience, "AuthenticationFail.OIDCToken.AudienceNotMatch").await;
    let other = stage.token_file("default", "sts.aliyuncs.com").await;
    refused(&stage, &other, "AuthenticationFail.NoPermission").await;
    let expired = stage.token_file("demo-sa", "sts.aliyuncs.com").await;
    stage.sandbox.clock().advance(3601);
    refused(&stage, &expired, "AuthenticationFail.OIDCToken.Expired").await;
}

async fn refused(stage: &Stage, token: &Path, code: &str) {
    let commands = [python(stage, &["credentials"]), python(stage, &["exchange"]), node(stage, &[])]
        .into_iter()
        .flatten();
    for command in commands {
        assert_eq!(answer(stage, command, token).await["code"], code);
    }
}
