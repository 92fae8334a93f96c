//! The helper that people leave switched on: `rrsa-exec-credential` in kubeconfigs, profiles and shells.

use std::process::Command;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::clients::{node, python};
use crate::stage::{Outcome, Stage, built, found};

const ROLE: &str = "acs:ram::1234567890123456:role/demo-role-for-rrsa";
const PROVIDER: &str = "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0123456789abcdef0123456789abcdef";
const CLUSTER: &str = "c0123456789abcdef0123456789abcdef";

/// This machine's time, Unix seconds.
#[expect(clippy::disallowed_methods, reason = "the programs under test look at this clock")]
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// A stage on which the demo's ServiceAccount has a token in a file.
pub(crate) struct Helper {
    pub(crate) stage: Stage,
    pub(crate) token: std::path::PathBuf,
}

impl Helper {
    pub(crate) async fn set(world: &str) -> Self {
        let stage = Stage::set(world, "").await;
        let token = stage.token_file("demo-sa", "sts.aliyuncs.com").await;
        Self { stage, token }
    }

    /// The helper with RRSA's three variables.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.stage.command(&built("rrsa-exec-credential"), arguments);
        command
            .env("ALIBABA_CLOUD_ROLE_ARN", ROLE)
            .env("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", PROVIDER)
            .env("ALIBABA_CLOUD_OIDC_TOKEN_FILE", &self.token);
        command
    }

    /// Runs the helper; its stdout may hold secrets, for that is what it is for.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Outcome {
        self.stage.hand_out(self.command(arguments)).await
    }

    /// Lets what is kept in plain files end in `seconds`, as if it had been given long ago.
    pub(crate) fn age(&self, seconds: i64) {
        let folder = self.stage.folder(".cache/rrsa-exec-credential");
        let entries = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
        for file in entries.filter(|path| path.extension().is_some_and(|end| end == "plain")) {
            let mut entry: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            let by = entry["expires"].as_i64().unwrap() - now() - seconds;
            for time in ["made", "expires"] {
                entry[time] = (entry[time].as_i64().unwrap() - by).into();
            }
            std::fs::write(&file, entry.to_string()).unwrap();
        }
    }

    fn calls(&self, api: &str) -> u64 {
        self.stage.sandbox.cloud().calls().get(api).copied().unwrap_or(0)
    }

    pub(crate) fn exchanges(&self) -> u64 {
        self.calls("AssumeRoleWithOIDC")
    }

    /// What it has kept goes away with the stage.
    pub(crate) async fn end(self) {
        let cleared = self.run(&["cache", "clear"]).await;
        assert_eq!(cleared.code, 0, "{cleared:?}");
        self.stage.sandbox.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_kept_in_the_keyring_and_asked_for_once() {
    let helper = Helper::set("").await;
    let first = helper.run(&["process"]).await;
    assert_eq!((first.code, first.stderr.as_str()), (0, ""), "{}", first.code);
    let session = first.json();
    assert_eq!(session["mode"], "StsToken");
    assert!(session["access_key_id"].as_str().unwrap().starts_with("STS."));
    let expiration = session["expiration"].as_str().unwrap();
    assert!(expiration.len() == 20 && expiration.ends_with('Z'), "{expiration}");
    let again = helper.run(&["process"]).await;
    assert_eq!(again.json(), session);
    assert_eq!(helper.exchanges(), 1);
    let listed = helper.stage.run(helper.command(&["cache", "list"])).await;
    assert!(
        listed.stdout.contains("RRSA, role acs:ram::1234567890123456:role/demo-role-for-rrsa"),
        "{listed:?}"
    );
    // Another identity, and a session that is not to be kept, are asked for by themselves.
    let mut other = helper.command(&["process"]);
    other.env("ALIBABA_CLOUD_ROLE_SESSION_NAME", "other");
    assert_ne!(helper.stage.hand_out(other).await.json(), session);
    let listed = helper.stage.run(helper.command(&["cache", "list"])).await.stdout;
    let listed = listed.split_whitespace().collect::<Vec<_>>().join(" ");
    for name in ["rrsa-exec-credential", "other"] {
        assert!(listed.contains(&format!("session {name}, at 127.0.0.1:")), "{listed}");
    }
    // What is said twice is refused, kept or not.
    let twice = helper.run(&["process", "--cache", "auto", "--cache", "auto"]).await;
    assert_eq!((twice.code, twice.stdout.as_str()), (2, ""), "{twice:?}");
    assert_eq!(helper.run(&["process", "--cache", "none"]).await.code, 0);
    assert_eq!(helper.exchanges(), 3);
    let forced = helper.run(&["process", "--force-refresh"]).await.json();
    assert_ne!(forced, session);
    assert_eq!(helper.run(&["process"]).await.json(), forced);
    assert_eq!(helper.exchanges(), 4);
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_cold_starts_ask_once_and_fifty_hits_ask_nobody() {
    for (store, runs) in [("kernel", 100), ("file", 40)] {
        let helper = Helper::set("").await;
        let arguments = ["process", "--cache", store];
        let all = join_all((0..runs).map(|_| helper.run(&arguments))).await;
        let first = all[0].json();
        for one in &all {
            assert_eq!((one.code, one.stderr.as_str()), (0, ""));
            assert_eq!(one.json(), first);
        }
        assert_eq!(helper.exchanges(), 1, "{store}");
        join_all((0..50).map(|_| helper.run(&arguments))).await;
        assert_eq!(helper.exchanges(), 1, "{store}");
        helper.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_lock_or_a_home_there_are_credentials_all_the_same() {
    let helper = Helper::set("").await;
    let mut homeless = helper.command(&["process"]);
    homeless.env_remove("HOME");
    assert_eq!(helper.stage.hand_out(homeless).await.code, 0);
    let folder = helper.stage.file("occupied", "not a folder");
    let mut occupied = helper.command(&["process", "--cache", "file"]);
    occupied.env("RRSA_CACHE_DIR", folder);
    let outcome = helper.stage.hand_out(occupied).await;
    assert_eq!(outcome.code, 0);
    assert!(
        outcome.stderr.starts_with("warning: credentials are asked for without a lock:"),
        "{}",
        outcome.stderr
    );
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_soon_serves_while_sts_is_away() {
    let helper = Helper::set("").await;
    let first = helper.run(&["process", "--cache", "file"]).await;
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert_eq!(helper.exchanges(), 1);
    helper.age(105);
    // Usable, not fresh: it is asked for again.
    let second = helper.run(&["process", "--cache", "file"]).await;
    assert_ne!(second.json()["sts_token"], first.json()["sts_token"]);
    assert_eq!(helper.exchanges(), 2);
    helper.age(105);
    helper.stage.sandbox.cloud().inject(
        serde_json::from_value(json!({
        "api": "AssumeRoleWithOIDC", "code": "InternalError"}))
        .unwrap(),
    );
    let third = helper.run(&["process", "--cache", "file"]).await;
    assert_eq!((third.code, &third.json()["sts_token"]), (0, &second.json()["sts_token"]));
    assert_eq!(third.stderr.lines().count(), 1, "{}", third.stderr);
    assert!(
        third.stderr.contains("the credentials at hand serve until a minute before they end"),
        "{}",
        third.stderr
    );
    helper.end().await;
}

/// When a session ends is said by the clock of whoever reads it, which is this machine's.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_makes_no_session_outlive_itself() {
    for offset in [-1200, 0, 600] {
        let helper = Helper::set(&format!("clock_offset_seconds: {offset}")).await;
        let outcome = helper.run(&["process"]).await;
        let ends: jiff::Timestamp = outcome.json()["expiration"].as_str().unwrap().parse().unwrap();
        let left = ends.as_second() - now();
        assert!((3540..=3660).contains(&left), "{offset}: {left}");
        // What is signed by such a clock is worth nothing, and is not kept for when it is set.
        let token = helper.run(&["token", "--cluster-id", "c1"]).await;
        let is_far = offset < -900;
        assert_eq!(token.code, if is_far { 1 } else { 0 }, "{offset}: {}", token.stderr);
        assert_eq!(token.stderr.contains("the local clock is 20 minutes ahead of STS's"), is_far);
        assert_eq!(helper.exchanges(), if is_far { 2 } else { 1 });
        // An address hands out what is signed elsewhere.
        let served = helper.run(&["serve", "--", "true"]).await;
        assert_eq!(served.code, 0, "{offset}: {}", served.stderr);
        helper.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_costs_one_call_however_often_kubectl_tries() {
    let helper = Helper::set("roles: []").await;
    for _ in 0..5 {
        let outcome = helper.run(&["token", "--cluster-id", CLUSTER]).await;
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
        assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("EntityNotExist.Role"), "{}", outcome.stderr);
    }
    assert_eq!(helper.exchanges(), 1);
    let forced = helper.run(&["token", "--cluster-id", CLUSTER, "--force-refresh"]).await;
    assert_eq!((forced.code, helper.exchanges()), (1, 2));
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_of_sts_ends_within_its_time_and_says_so_in_one_line() {
    for (fault, words) in [
        ("{api: AssumeRoleWithOIDC, code: Throttling.User}", "Throttling.User"),
        ("{api: AssumeRoleWithOIDC, code: InternalError}", "InternalError"),
        ("{api: AssumeRoleWithOIDC, latency_ms: 20000}", "no credentials after 5 s"),
    ] {
        let helper = Helper::set(&format!("faults: [{fault}]")).await;
        let start = tokio::time::Instant::now();
        let outcome = helper.run(&["token", "--cluster-id", CLUSTER]).await;
        assert!(start.elapsed().as_secs() < 12, "{fault}");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (3, ""), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(words) && outcome.stderr.lines().count() == 1, "{}", outcome.stderr);
        helper.end().await;
    }
}

/// A kubeconfig whose user is what the helper says to `arguments`; with a cluster extension, kubectl is to pass it on.
fn kubeconfig(helper: &Helper, version: &str, extension: &str, arguments: &str) -> std::path::PathBuf {
    let text = format!(
        "
apiVersion: v1
kind: Config
current-context: x
contexts: [{{name: x, context: {{cluster: x, user: x}}}}]
clusters:
- name: x
  cluster:
    server: {}
    certificate-authority: {}
    {extension}
users:
- name: x
  user:
    exec:
      apiVersion: client.authentication.k8s.io/{version}
      command: {}
      args: {arguments}
      interactiveMode: Never
      provideClusterInfo: {}
",
        helper.stage.sandbox.api_server().unwrap(),
        helper.stage.sandbox.ca_path().display(),
        built("rrsa-exec-credential").display(),
        !extension.is_empty(),
    );
    helper.stage.file("helper.kubeconfig", &text)
}

/// kubectl with the variables that the helper finds its source by.
fn kubectl_of(
    helper: &Helper,
    kubectl: &std::path::Path,
    config: &std::path::Path,
    arguments: &[&str],
) -> Command {
    let helpers = helper.command(&[]);
    let mut kubectl = helper.stage.command(kubectl, arguments);
    kubectl.envs(helpers.get_envs().filter_map(|(name, value)| Some((name, value?))));
    kubectl.env("KUBECONFIG", config);
    kubectl
}

/// The extension that names the cluster.
fn extension() -> String {
    format!(
        "extensions: [{{name: client.authentication.k8s.io/exec, extension: {{clusterId: {CLUSTER}, region: cn-hangzhou}}}}]"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_authenticates_with_the_token() {
    let Some(kubectl) = found("kubectl", "kubectl through the helper") else { return };
    let helper = Helper::set("").await;
    let named = format!("[token, --cluster-id, {CLUSTER}]");
    for (version, extension, arguments) in
        [("v1", "", named.as_str()), ("v1beta1", "", &named), ("v1", &extension(), "[token]")]
    {
        let config = kubeconfig(&helper, version, extension, arguments);
        let command = kubectl_of(&helper, &kubectl, &config, &["auth", "whoami", "-o", "json"]);
        let outcome = helper.stage.run(command).await;
        assert_eq!(outcome.code, 0, "{version} {outcome:?}");
        assert_eq!(outcome.json()["status"]["userInfo"]["username"], ROLE, "{version} {outcome:?}");
    }
    assert_eq!(helper.exchanges(), 1);
    helper.end().await;
}

/// What a real API server would ask about the same token.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_webhook_knows_whose_token_it_is() {
    let helper = Helper::set("").await;
    let answer = helper.run(&["token", "--cluster-id", CLUSTER]).await.json();
    let token = answer["status"]["token"].as_str().unwrap().to_owned();
    let other = helper.run(&["token", "--cluster-id", &CLUSTER.replace("c0", "c1")]).await.json();
    let ca = std::fs::read(helper.stage.sandbox.ca_path()).unwrap();
    let ca = reqwest::Certificate::from_pem_bundle(&ca).unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only(ca).build().unwrap();
    let url = format!("{}/authenticate", helper.stage.sandbox.cloud_endpoint());
    let review = async |token: &str, version: &str| {
        let review = json!({"apiVersion": version, "kind": "TokenReview", "spec": {"token": token}});
        let request = client.post(&url).header("content-type", "application/json").body(review.to_string());
        let text = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    for version in ["authentication.k8s.io/v1", "authentication.k8s.io/v1beta1"] {
        let known = review(&token, version).await;
        assert_eq!((&known["apiVersion"], &known["kind"]), (&json!(version), &json!("TokenReview")));
        assert_eq!(known["status"]["authenticated"], true);
        assert_eq!(known["status"]["user"]["username"], ROLE);
    }
    let mut forged = token;
    forged.truncate(forged.len() - 8);
    for stranger in [&forged, other["status"]["token"].as_str().unwrap(), "", "eyJ"] {
        let unknown = review(stranger, "authentication.k8s.io/v1").await;
        assert_eq!(unknown["status"], json!({"authenticated": false}));
    }
    helper.end().await;
}

const MAY_HAVE_KUBECONFIGS: &str =
    "permissions: [{who: role/demo-role-for-rrsa, actions: ['cs:DescribeClusterUserKubeconfig']}]";

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_authenticates_with_the_certificate() {
    let Some(kubectl) = found("kubectl", "kubectl with a client certificate") else { return };
    let helper = Helper::set(MAY_HAVE_KUBECONFIGS).await;
    let named = format!("[certificate, --cluster-id, {CLUSTER}]");
    for (version, extension, arguments) in
        [("v1", "", named.as_str()), ("v1beta1", "", &named), ("v1", &extension(), "[certificate]")]
    {
        let config = kubeconfig(&helper, version, extension, arguments);
        for _ in 0..2 {
            let command = kubectl_of(&helper, &kubectl, &config, &["auth", "whoami", "-o", "json"]);
            let outcome = helper.stage.run(command).await;
            assert_eq!(outcome.code, 0, "{version} {outcome:?}");
            let user = &outcome.json()["status"]["userInfo"];
            assert!(user["username"].as_str().unwrap().ends_with("-rrsa-exec-credential"), "{user}");
            assert!(user["groups"].as_array().unwrap().contains(&json!("system:users")), "{user}");
        }
    }
    // The extension names the region, and so another address to ask.
    assert_eq!((helper.exchanges(), helper.calls("DescribeClusterUserKubeconfig")), (1, 2));
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_kept_by_itself_and_refused_in_one_line() {
    let helper = Helper::set(MAY_HAVE_KUBECONFIGS).await;
    let wanted = ["certificate", "--cluster-id", CLUSTER];
    let first = helper.run(&wanted).await;
    assert_eq!((first.code, first.stderr.as_str()), (0, ""));
    let status = &first.json()["status"];
    assert!(status["clientCertificateData"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----\n"));
    assert!(status["clientKeyData"].as_str().unwrap().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    assert!(status["expirationTimestamp"].is_string(), "an end");
    let listed = helper.stage.run(helper.command(&["cache", "list"])).await;
    assert!(listed.stdout.contains(&format!("client certificate of cluster {CLUSTER}")), "{listed:?}");
    for store in ["file", "kernel"] {
        let stored = [&wanted[..], &["--cache", store]].concat();
        let one = helper.run(&stored).await.json();
        assert_eq!(helper.run(&stored).await.json(), one, "{store}");
    }
    let asked = helper.calls("DescribeClusterUserKubeconfig");
    let other = helper.run(&[&wanted[..], &["--duration-minutes", "15", "--private-address"]].concat()).await;
    assert_ne!(other.json()["status"], *status);
    let forced = helper.run(&[&wanted[..], &["--force-refresh"]].concat()).await;
    assert_ne!(forced.json()["status"], *status);
    assert_eq!(helper.calls("DescribeClusterUserKubeconfig"), asked + 2);
    for (arguments, code, words) in [
        (vec!["--cluster-id", "../x"], 2, "is not the id of a cluster"),
        (vec!["--cluster-id", CLUSTER, "--duration-minutes", "14"], 2, "15..=4320"),
        (vec!["--cluster-id", "c1"], 1, "ErrorClusterNotFound"),
    ] {
        let refused = helper.run(&[&["certificate"][..], &arguments].concat()).await;
        assert_eq!((refused.code, refused.stdout.as_str()), (code, ""), "{refused:?}");
        assert!(refused.stderr.contains(words), "{refused:?}");
    }
    helper.end().await;
    let helper = Helper::set("").await;
    for _ in 0..3 {
        let refused = helper.run(&wanted).await;
        assert_eq!((refused.code, refused.stderr.lines().count()), (1, 1), "{refused:?}");
        assert!(refused.stderr.contains("cs:DescribeClusterUserKubeconfig"), "{refused:?}");
    }
    assert_eq!(helper.calls("DescribeClusterUserKubeconfig"), 1);
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_clients_read_what_an_external_profile_prints() {
    let helper = Helper::set("").await;
    let (token, program) = (helper.token.display(), built("rrsa-exec-credential"));
    let source = format!(
        "[source.pod]\ntype = \"rrsa\"\nrole-arn = \"{ROLE}\"\noidc-provider-arn = \"{PROVIDER}\"\ntoken-file = \"{token}\"\n"
    );
    let config = helper.stage.file("config.toml", &source);
    helper.stage.folder(".aliyun");
    let command = format!("{} process --source pod", program.display());
    assert!(!command.contains(['"', '\'', '\\']));
    let profile = json!({"current": "rrsa", "profiles": [
        {"name": "rrsa", "mode": "External", "process_command": command, "region_id": "cn-hangzhou"}]});
    helper.stage.file(".aliyun/config.json", &profile.to_string());
    let clients =
        || [python(&helper.stage, &["chain"]), node(&helper.stage, &["chain"])].into_iter().flatten();
    // What they write back into the profile makes no other session of it.
    for mut command in clients().chain(clients()) {
        command.env("RRSA_CONFIG_FILE", &config).env("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
        let outcome = helper.stage.run(command).await;
        assert_eq!(outcome.code, 0, "a client failed");
        let answer = outcome.json();
        let provider = answer["provider"].as_str().unwrap();
        assert!(["external", "cli_profile"].iter().any(|name| provider.contains(name)), "{answer}");
        match answer["arn"].as_str() {
            Some(arn) => assert!(arn.ends_with("/demo-role-for-rrsa/rrsa-exec-credential"), "{answer}"),
            None => assert_eq!(answer["temporary"], true, "{answer}"),
        }
    }
    for written in ["", r#","sts_token":"x","access_key_secret":"x","sts_expiration":1"#] {
        let text = profile.to_string().replace(r#","name":"rrsa""#, &format!(r#"{written},"name":"rrsa""#));
        helper.stage.file(".aliyun/config.json", &text);
        let mut command = helper.stage.command(&program, &["process", "--source", "pod"]);
        command.env("RRSA_CONFIG_FILE", &config).env("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
        assert_eq!(helper.stage.hand_out(command).await.code, 0);
    }
    assert_eq!(helper.exchanges(), 1);
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_clients_read_what_an_address_hands_out() {
    let helper = Helper::set("").await;
    // The address is the last of their chains; what stands before it is not for them.
    helper.stage.folder(".aliyun");
    helper.stage.folder(".alibabacloud");
    helper.stage.file(
        ".aliyun/config.json",
        r#"{"current":"x","profiles":[{"name":"x","mode":"AK","access_key_id":"LTAIother","access_key_secret":"x","region_id":"cn-hangzhou"}]}"#,
    );
    for name in [".alibabacloud/credentials", ".alibabacloud/credentials.ini"] {
        let ini =
            "[default]\nenable = true\ntype = access_key\naccess_key_id = LTAIother\naccess_key_secret = x\n";
        helper.stage.file(name, ini);
    }
    let program = built("rrsa-exec-credential");
    for inner in [python(&helper.stage, &["chain"]), node(&helper.stage, &["chain"])].into_iter().flatten() {
        let arguments: Vec<_> = std::iter::once(inner.get_program()).chain(inner.get_args()).collect();
        let mut command = helper.stage.command(&program, &["serve", "--"]);
        command.args(arguments).envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
            .env("ALIBABA_CLOUD_ROLE_ARN", ROLE)
            .env("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", PROVIDER)
            .env("ALIBABA_CLOUD_OIDC_TOKEN_FILE", &helper.token)
            .env("ALIBABA_CLOUD_ECS_METADATA", "nobody");
        let outcome = helper.stage.run(command).await;
        assert_eq!(outcome.code, 0, "{outcome:?}");
        let answer = outcome.json();
        match answer["arn"].as_str() {
            Some(arn) => assert!(arn.ends_with("/demo-role-for-rrsa/rrsa-exec-credential"), "{answer}"),
            None => assert_eq!(answer["temporary"], true, "{answer}"),
        }
    }
    helper.end().await;
}

/// What `serve` answers to one request; status and body.
fn get(uri: &str, path: &str, host: &str) -> (u16, String) {
    use std::io::{Read as _, Write as _};
    let authority = uri.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let mut stream = std::net::TcpStream::connect(authority).unwrap();
    let host = if host.is_empty() { authority } else { host };
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_for_those_who_know_it_and_ends_with_a_signal() {
    use std::os::unix::fs::PermissionsExt as _;
    let helper = Helper::set("").await;
    let file = helper.stage.folder("").join("uri");
    let mut serving = helper.command(&["serve", "--uri-file", file.to_str().unwrap()]).spawn().unwrap();
    while !file.is_file() || std::fs::read_to_string(&file).unwrap().is_empty() {
        assert!(serving.try_wait().unwrap().is_none(), "it has ended");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let uri = std::fs::read_to_string(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let path = &uri[uri.rfind('/').unwrap()..];
    assert_eq!(path.len(), 33, "128 bits");
    let (status, body) = get(&uri, path, "");
    assert_eq!(status, 200);
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["Code"], "Success");
    for (path, host, expected) in [
        ("/", "", 404),
        ("/00000000000000000000000000000000", "", 404),
        (path, "evil.example", 403),
        (path, "evil.example:80", 403),
    ] {
        let (status, body) = get(&uri, path, host);
        assert_eq!(status, expected, "{path} {host}");
        assert!(!body.contains("STS."), "{body}");
    }
    // The address is in no argument and in no environment but the one that was wanted.
    let process = format!("/proc/{}", serving.id());
    for name in ["cmdline", "environ"] {
        let bytes = std::fs::read(format!("{process}/{name}")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains(&path[1..]), "{name}");
    }
    let taken = helper.run(&["serve", "--uri-file", file.to_str().unwrap()]).await;
    assert_eq!(taken.code, 2, "{taken:?}");
    let id = serving.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(serving.wait().unwrap().code(), Some(0));
    assert!(!file.exists());
    let status = helper.run(&["serve", "--", "sh", "-c", "exit 7"]).await;
    assert_eq!(status.code, 7, "{status:?}");
    helper.end().await;
}

/// One variable chooses the profile of the CLI and the section of the SDKs' file, as the SDKs have it.
#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_a_section_of_the_credentials_file_too() {
    let helper = Helper::set("").await;
    helper.stage.folder(".alibabacloud");
    let section = |name: &str, id: &str| {
        format!("[{name}]\nenable = true\ntype = access_key\naccess_key_id = {id}\naccess_key_secret = x\n")
    };
    let text = section("default", "LTAIbob") + &section("al", "LTAIalice");
    helper.stage.file(".alibabacloud/credentials", &text);
    for (profile, id) in [("", Some("LTAIbob")), ("al", Some("LTAIalice")), ("nope", None)] {
        let mut command = helper.stage.command(&built("rrsa-exec-credential"), &["process"]);
        command.env("ALIBABA_CLOUD_PROFILE", profile).env("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
        let outcome = helper.stage.hand_out(command).await;
        match id {
            Some(id) => assert_eq!(outcome.json()["access_key_id"], id, "{profile}"),
            None => assert!(outcome.code == 1 && outcome.stderr.contains("[nope]"), "{}", outcome.stderr),
        }
    }
    helper.end().await;
}

/// Who switches profiles in another terminal means what begins there.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_stays_with_the_profile_that_it_began_with() {
    let helper = Helper::set("").await;
    helper.stage.folder(".aliyun");
    let ends = jiff::Timestamp::from_second(now() + 100).unwrap();
    let profiles: Vec<_> = ["one", "other"]
        .map(|name| {
            let printed = json!({"mode": "StsToken", "access_key_id": format!("STS.{name}"),
                "access_key_secret": "s", "sts_token": "t", "expiration": ends.to_string()});
            let file = helper.stage.file(&format!("{name}.json"), &printed.to_string());
            json!({"name": name, "mode": "External", "process_command": format!("cat {}", file.display())})
        })
        .into();
    let choose = |current: &str| {
        let config = json!({"current": current, "profiles": profiles});
        helper.stage.file(".aliyun/config.json", &config.to_string())
    };
    choose("one");
    let file = helper.stage.folder("").join("uri");
    let words = ["serve", "--uri-file", file.to_str().unwrap(), "--cache", "none"];
    let mut serving = helper.stage.command(&built("rrsa-exec-credential"), &words).spawn().unwrap();
    while !file.is_file() || std::fs::read_to_string(&file).unwrap().is_empty() {
        assert!(serving.try_wait().unwrap().is_none(), "it has ended");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let uri = std::fs::read_to_string(&file).unwrap();
    let path = &uri[uri.rfind('/').unwrap()..];
    for current in ["one", "other"] {
        choose(current);
        // What ends so soon is asked for anew each time.
        let (status, body) = get(&uri, path, "");
        assert!(status == 200 && body.contains("STS.one"), "{status} {body}");
    }
    serving.kill().unwrap();
    serving.wait().unwrap();
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_holder_of_the_lock_holds_nobody_up() {
    let helper = Helper::set("faults: [{api: AssumeRoleWithOIDC, latency_ms: 3000, times: 1}]").await;
    let mut first = helper.command(&["process"]);
    let mut first = first.stdout(std::process::Stdio::null()).spawn().unwrap();
    while helper.exchanges() == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    first.kill().unwrap();
    first.wait().unwrap();
    let start = tokio::time::Instant::now();
    let second = helper.run(&["process"]).await;
    assert_eq!((second.code, second.stderr.as_str()), (0, ""));
    assert!(start.elapsed().as_secs() < 3);
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kubectl_asks_wrongly_is_said_on_stderr_alone() {
    let helper = Helper::set("").await;
    let alpha = r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1alpha1","spec":{}}"#;
    let named = |config: &str| {
        format!(
            r#"{{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{{"cluster":{{"config":{config}}}}}}}"#
        )
    };
    let (other, number) = (named("[\"of another program\"]"), named("{\"clusterId\":5.5}"));
    for (arguments, info, words) in [
        (&["token"][..], "", "no cluster was named"),
        (&["token"], other.as_str(), "no cluster was named"),
        (&["token"], &number, "\"5.5\" is not the id of a cluster"),
        (&["token", "--cluster-id", "../c1"], "", "\"../c1\" is not the id of a cluster"),
        (&["certificate", "--cluster-id", "a b"], "", "\"a b\" is not the id of a cluster"),
        (&["token", "--cluster-id", CLUSTER], alpha, "v1alpha1"),
        (&["token", "--cluster-id", CLUSTER], "{", "KUBERNETES_EXEC_INFO"),
        (&["token", "--cluster-id", CLUSTER, "--cache", "fast"], "", "expected one of auto, kernel,"),
        (&["process", "--source", "prod"], "", "no source is named \"prod\""),
    ] {
        let mut command = helper.command(arguments);
        if !info.is_empty() {
            command.env("KUBERNETES_EXEC_INFO", info);
        }
        let outcome = helper.stage.run(command).await;
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
        assert!(outcome.stderr.contains(words), "{words}: {outcome:?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    }
    // What another program wrote into the kubeconfig keeps nobody out.
    let mut command = helper.command(&["token", "--cluster-id", CLUSTER]);
    command.env("KUBERNETES_EXEC_INFO", &other);
    assert_eq!(helper.stage.hand_out(command).await.code, 0);
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_has_the_credentials_and_nothing_that_would_take_their_place() {
    let helper = Helper::set("").await;
    let script = "test \"$ALIBABA_CLOUD_ACCESS_KEY_ID\" != LTAI5tOther && \
        test -n \"$ALIBABA_CLOUD_SECURITY_TOKEN\" && \
        env | cut -d= -f1 | grep -E 'ROLE_ARN|OIDC|PROFILE|ALICLOUD|ACK_RAM'; exit 7";
    let mut command = helper.command(&["exec", "--", "sh", "-c", script]);
    command.env("ALICLOUD_ACCESS_KEY", "LTAI5tOther").env("ALIBABA_CLOUD_PROFILE", "other");
    command.env("ALICLOUD_ASSUME_ROLE_ARN", ROLE).env("ALICLOUD_ECS_ROLE_NAME", "other");
    command.env("ACK_RAM_TOOL_CREDENTIAL_TYPE", "imds");
    let outcome = helper.stage.run(command).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (7, "ALIBABA_CLOUD_IGNORE_PROFILE\n"), "{outcome:?}");
    let missing = helper.run(&["exec", "--", "/no/such/program"]).await;
    assert_eq!(missing.code, 127, "{missing:?}");
    assert_eq!(helper.run(&["exec"]).await.code, 2);
    // A set that is not complete is an error, where an SDK would take another identity.
    let mut half = helper.command(&["process"]);
    half.env_remove("ALIBABA_CLOUD_OIDC_PROVIDER_ARN");
    let half = helper.stage.run(half).await;
    assert_eq!(half.code, 1, "{half:?}");
    assert!(half.stderr.contains("in part: ALIBABA_CLOUD_OIDC_PROVIDER_ARN is not set"), "{half:?}");
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_named_in_a_file_and_taken_in_the_sdks_order() {
    let world = "
access_keys: [{id: LTAI5tStoryAccessKeyId, secret: story-access-key-secret, user: deployer}]
permissions: [{who: user/deployer, actions: ['sts:AssumeRole']}, {who: role/demo-role-for-rrsa, actions: ['sts:AssumeRole']}]
ecs_role: demo-role-for-rrsa
roles:
- name: demo-role-for-rrsa
  trust_policy: {Version: '1', Statement: [{Effect: Allow, Action: 'sts:AssumeRole', Principal: {Federated: ['acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0123456789abcdef0123456789abcdef']}, Condition: {StringEquals: {'oidc:sub': ['system:serviceaccount:rrsa-demo:demo-sa']}}}]}
- name: deploy
  trust_policy: {Version: '1', Statement: [{Effect: Allow, Action: 'sts:AssumeRole', Principal: {RAM: ['acs:ram::1234567890123456:root']}, Condition: {StringEquals: {'sts:ExternalId': ['x1']}}}]}
";
    let helper = Helper::set(world).await;
    let token = helper.token.display();
    let config = format!(
        "
[source.pod]
type = \"rrsa\"
role-arn = \"{ROLE}\"
oidc-provider-arn = \"{PROVIDER}\"
token-command = [\"cat\", \"{token}\"]

[source.deploy]
type = \"assume-role\"
source = \"pod\"
role-arn = \"acs:ram::1234567890123456:role/deploy\"
external-id = \"x1\"
session-name = \"story\"

[source.ak]
type = \"cli-profile\"
profile = \"ak\"

[source.ak-deploy]
type = \"cli-profile\"
profile = \"deploy\"

[source.ini]
type = \"ini\"

[source.machine]
type = \"ecs-ram-role\"

[source.circle]
type = \"assume-role\"
source = \"circle\"
role-arn = \"acs:ram::1234567890123456:role/deploy\"
"
    );
    let config = helper.stage.file("config.toml", &config);
    helper.stage.folder(".aliyun");
    helper.stage.folder(".alibabacloud");
    helper.stage.file(
        ".aliyun/config.json",
        r#"{"current":"ak","profiles":[
        {"name":"ak","mode":"AK","access_key_id":"LTAI5tStoryAccessKeyId","access_key_secret":"story-access-key-secret"},
        {"name":"deploy","mode":"ChainableRamRoleArn","source_profile":"ak","ram_role_arn":"acs:ram::1234567890123456:role/deploy","ram_session_name":"cli","external_id":"x1"}]}"#,
    );
    helper.stage.file(
        ".alibabacloud/credentials",
        "[default]\ntype = access_key\naccess_key_id = LTAI5tStoryAccessKeyId\naccess_key_secret = story-access-key-secret\n",
    );
    let whoami = async |arguments: &[&str], rrsa: bool| {
        let program = built("rrsa-exec-credential");
        let arguments = [&["whoami"][..], arguments].concat();
        let mut command =
            if rrsa { helper.command(&arguments) } else { helper.stage.command(&program, &arguments) };
        command.env("RRSA_CONFIG_FILE", &config).env_remove("ALIBABA_CLOUD_IMDS_ENDPOINT");
        if arguments.contains(&"machine") {
            command.env("ALIBABA_CLOUD_IMDS_ENDPOINT", helper.stage.sandbox.imds_endpoint());
        }
        helper.stage.run(command).await
    };
    let session = "acs:ram::1234567890123456:assumed-role";
    for (arguments, rrsa, arn) in [
        (&[][..], true, format!("{session}/demo-role-for-rrsa/rrsa-exec-credential")),
        (&[], false, "acs:ram::1234567890123456:user/deployer".to_owned()),
        (&["--source", "pod"], false, format!("{session}/demo-role-for-rrsa/rrsa-exec-credential")),
        (&["--source", "deploy"], false, format!("{session}/deploy/story")),
        (&["--source", "ak"], true, "acs:ram::1234567890123456:user/deployer".to_owned()),
        (&["--source", "ak-deploy"], false, format!("{session}/deploy/cli")),
        (&["--source", "ini"], false, "acs:ram::1234567890123456:user/deployer".to_owned()),
        (&["--source", "machine"], false, format!("{session}/demo-role-for-rrsa/ecs-instance")),
    ] {
        let outcome = whoami(arguments, rrsa).await;
        assert_eq!(outcome.code, 0, "{arguments:?} {outcome:?}");
        assert_eq!(outcome.json()["arn"], arn, "{arguments:?}");
    }
    let circle = whoami(&["--source", "circle"], false).await;
    assert_eq!(circle.code, 1, "{circle:?}");
    assert!(circle.stderr.contains("circle"), "{circle:?}");
    // A file that others may write to is not asked which command to run; nor does it stand in the way of anything else.
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o666)).unwrap();
    let open = whoami(&["--source", "pod", "--force-refresh"], false).await;
    assert_eq!(open.code, 2, "{open:?}");
    assert!(open.stderr.contains("others may write to"), "{open:?}");
    std::fs::write(&config, "[source.pod\nhunter2").unwrap();
    let broken = whoami(&["--source", "pod", "--force-refresh"], false).await;
    assert_eq!(broken.code, 2, "{broken:?}");
    assert!(!broken.stderr.contains("hunter2"), "{broken:?}");
    assert_eq!(whoami(&[], true).await.code, 0);
    for command in [&["cache", "list"][..], &["--version"], &["--help"]] {
        let mut fine = helper.stage.command(&built("rrsa-exec-credential"), command);
        fine.env("RRSA_CONFIG_FILE", &config);
        assert_eq!(helper.stage.run(fine).await.code, 0, "{command:?}");
    }
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_lies_in_a_folder_unless_it_was_asked_to() {
    let helper = Helper::set("").await;
    assert_eq!(helper.run(&["process"]).await.code, 0);
    let kept = |stage: &Stage| {
        let mut found = Vec::new();
        let mut folders = vec![stage.folder("")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else if entry.path().extension().is_none_or(|end| end != "token") {
                    found.push((entry.path(), std::fs::read(entry.path()).unwrap()));
                }
            }
        }
        found
    };
    let secrets = helper.stage.sandbox.minted().all();
    let holds = |bytes: &[u8]| {
        secrets.iter().any(|secret| bytes.windows(secret.len()).any(|window| window == secret.as_bytes()))
    };
    for (path, bytes) in kept(&helper.stage) {
        assert!(!holds(&bytes), "{}", path.display());
    }
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_is_broken_is_asked_for_again() {
    let helper = Helper::set("").await;
    let folder = helper.stage.folder("kept");
    let run = async || {
        let mut command = helper.command(&["process", "--cache", "file"]);
        command.env("RRSA_CACHE_DIR", &folder);
        helper.stage.hand_out(command).await
    };
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    let first = run().await.json();
    let file = std::fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.path());
    let file = file.into_iter().find(|path| path.extension().is_some_and(|end| end == "plain")).unwrap();
    let whole = std::fs::read(&file).unwrap();
    let later = String::from_utf8(whole.clone()).unwrap().replacen("\"v\":2,", "\"v\":9,\"more\":[{}],", 1);
    assert!(later.contains("more"));
    // A version side by side with this one may have written it.
    for broken in [&b""[..], b"{", &whole[..whole.len() / 2], b"\xff\xff", later.as_bytes()] {
        std::fs::write(&file, broken).unwrap();
        let outcome = run().await;
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
        assert_ne!(outcome.json(), first);
    }
    assert_eq!(helper.exchanges(), 6);
    std::fs::write(&file, &whole).unwrap();
    assert_eq!(run().await.json(), first);
    // What others may read is not ours.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let outcome: Value = run().await.json();
    assert_ne!(outcome, first);
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_may_name_a_command_but_not_this_program_and_not_for_ever() {
    let helper = Helper::set("").await;
    helper.stage.folder(".aliyun");
    let session = helper.run(&["process"]).await;
    helper.stage.file("session.json", &session.stdout);
    let (home, own) = (helper.stage.folder(""), built("rrsa-exec-credential"));
    let wrapper = helper.stage.file("wrapper", &format!("#!/bin/sh\nexec {} process\n", own.display()));
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let profile = |command: &str| {
        let config = json!({"current": "x", "profiles": [{"name": "x", "mode": "External", "process_command": command}]});
        helper.stage.file(".aliyun/config.json", &config.to_string())
    };
    let process = async |variables: &[(&str, &str)]| {
        let mut command = helper.stage.command(&own, &["process", "--cache", "none"]);
        command.envs(variables.iter().copied());
        helper.stage.hand_out(command).await
    };
    let file = profile(&format!("cat '{}/session.json'", home.display()));
    let given = process(&[]).await;
    assert_eq!((given.code, given.json()), (0, session.json()), "{}", given.stderr);
    let off = process(&[("ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS", "true")]).await;
    assert!(off.code == 1 && off.stderr.contains("says that none is run"), "{}", off.stderr);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let open = process(&[]).await;
    assert!(open.code == 1 && open.stderr.contains("others may write to"), "{}", open.stderr);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    // It does not ask itself, neither at once nor through another program.
    for command in [format!("{} process", own.display()), wrapper.display().to_string()] {
        profile(&command);
        let itself = process(&[]).await;
        assert_ne!(itself.code, 0, "{}", itself.stderr);
        assert_eq!((itself.stdout.as_str(), itself.stderr.lines().count()), ("", 1), "{}", itself.stderr);
    }
    for (command, words) in [
        ("echo hunter2", "did not print the JSON"),
        ("false", "it ended with exit status 1"),
        ("sh -c 'echo it is late >&2; exit 3'", "it ended with exit status 3: it is late"),
        // No more than a credential could be is read, and what it leaves running does not speak for it.
        ("yes", "it printed more than 1048576 bytes"),
        ("sh -c 'sleep 60 & echo x'", "did not print the JSON"),
        ("/no/such/program", "No such file"),
        ("echo 'x", "a quote does not end"),
    ] {
        profile(command);
        let failed = process(&[]).await;
        assert_eq!((failed.code, failed.stderr.lines().count()), (1, 1), "{}", failed.stderr);
        assert!(failed.stderr.contains(words) && !failed.stderr.contains("hunter2"), "{}", failed.stderr);
    }
    profile("sleep 60");
    let start = tokio::time::Instant::now();
    let hung = process(&[]).await;
    assert!(hung.code == 1 && hung.stderr.contains("did not end within 10 s"), "{}", hung.stderr);
    assert!(start.elapsed().as_secs() < 20);
    helper.end().await;
}

/// Every text that the system shows of running processes: their command lines and environments.
fn shown_of_processes() -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let processes = entries.filter(|path| {
        path.file_name().is_some_and(|name| name.as_encoded_bytes().iter().all(u8::is_ascii_digit))
    });
    let files = processes.flat_map(|path| ["cmdline", "environ"].map(|name| path.join(name)));
    files.filter_map(|path| Some((path.display().to_string(), std::fs::read(&path).ok()?))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_process_shows_a_secret_while_credentials_are_asked_for() {
    let helper = Helper::set("faults: [{api: AssumeRoleWithOIDC, latency_ms: 1500}]").await;
    let own = std::process::id().to_string();
    for arguments in [&["process"][..], &["token", "--cluster-id", CLUSTER], &["whoami"]] {
        let arguments = [arguments, &["--force-refresh"]].concat();
        let mut command = helper.command(&arguments);
        let mut asking = command.stdout(std::process::Stdio::null()).spawn().unwrap();
        let mut looks = 0;
        while asking.try_wait().unwrap().is_none() {
            let secrets = helper.stage.sandbox.minted().all();
            for (path, bytes) in shown_of_processes() {
                // The tester's own environment holds what other stories put there.
                if path.contains(&format!("/{own}/")) {
                    continue;
                }
                let found = secrets.iter().any(|secret| {
                    secret.len() > 20 && bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
                });
                assert!(!found, "{path}");
            }
            looks += 1;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert!(looks > 3, "{arguments:?} was over before anybody looked");
    }
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_leaves_an_answer_for_the_next() {
    let helper = Helper::set("").await;
    let arguments = ["process", "--cache", "file"];
    let first = helper.run(&arguments).await.json();
    // On a busy machine it takes longer to come to an end.
    for delay in (0..60).step_by(3).chain([125, 250, 500, 1000, 2000, 4000]) {
        if delay > 60 && helper.run(&arguments).await.json() != first {
            break;
        }
        let mut command = helper.command(&[&arguments[..], &["--force-refresh"]].concat());
        let mut asking =
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(delay)).await;
        let _ = asking.kill();
        asking.wait().unwrap();
        let next = helper.run(&arguments).await;
        assert_eq!((next.code, next.stderr.as_str()), (0, ""), "after {delay} ms");
        assert_eq!(next.json()["mode"], "StsToken");
    }
    assert_ne!(helper.run(&arguments).await.json(), first, "none of them came to its end");
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_can_be_written_there_are_credentials_or_one_clear_error() {
    let helper = Helper::set("").await;
    let mut sealed = helper.command(&["process", "--cache", "file"]);
    sealed.env("RRSA_CACHE_DIR", "/proc/none/of/it");
    let outcome = helper.stage.hand_out(sealed).await;
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.lines().all(|line| line.starts_with("warning: ")), "{}", outcome.stderr);
    // A limit on the size of files, which would end whoever does not expect it.
    let program = built("rrsa-exec-credential").display().to_string();
    let script = "ulimit -f 0; exec \"$@\"";
    let arguments = ["-c", script, "sh", &program, "process", "--cache", "file"];
    let mut limited = helper.stage.command(std::path::Path::new("/bin/sh"), &arguments);
    limited.envs(helper.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))));
    let outcome = helper.stage.hand_out(limited).await;
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("File too large"), "{}", outcome.stderr);
    // Where few files may be open there is one line, and nobody else is told so afterwards.
    let fresh = ["process", "--cache", "file", "--force-refresh"];
    let arguments = [&["-c", "ulimit -n 8; exec \"$@\"", "sh", &program][..], &fresh].concat();
    let mut limited = helper.stage.command(std::path::Path::new("/bin/sh"), &arguments);
    limited.envs(helper.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))));
    let outcome = helper.stage.hand_out(limited).await;
    assert_eq!((outcome.code, outcome.stderr.lines().count()), (3, 1), "{}", outcome.stderr);
    assert_eq!(helper.run(&fresh).await.code, 0);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = helper.command(&["process"]);
    let output = command.stdout(full).stderr(std::process::Stdio::piped()).output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), words.lines().count()), (Some(3), 1), "{words}");
    assert!(words.contains("cannot be written"), "{words}");
    helper.end().await;
}
