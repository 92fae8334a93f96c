//! The commands on a real API server, which mints the tokens; the cloud half of the sandbox stands in for STS.
//! Needs `KUBEBUILDER_ASSETS`, the folder that holds `etcd` and `kube-apiserver`.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::PrivateKey;
use rsa::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::stage::{Outcome, built, found, leave_out, path};

const ISSUER: &str =
    "https://oidc-ack-cn-hangzhou.oss-cn-hangzhou.aliyuncs.com/c0123456789abcdef0123456789abcdef";
/// The bearer token of the one administrator.
const TOKEN: &str = "administrator-of-the-story";

/// A process that ends with the story.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(program: &Path, arguments: &[String], log: &Path) -> Process {
    let log = std::fs::File::create(log).unwrap();
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    Process(command.spawn().unwrap())
}

struct ApiServer {
    url: String,
    client: reqwest::Client,
    folder: tempfile::TempDir,
    _processes: [Process; 2],
}

impl ApiServer {
    /// Starts etcd and the API server. It lets in whom the cloud half knows, and signs with `key`.
    async fn start(assets: &Path, folder: tempfile::TempDir, cloud: &CloudHalf, key: &PrivateKey) -> Self {
        let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        // A port that was free a moment ago; both programs want to be told one.
        let port = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (client_port, peer_port, secure_port) = (port(), port(), port());
        let store = format!("http://127.0.0.1:{client_port}");
        let etcd = start(
            &assets.join("etcd"),
            &[
                format!("--data-dir={}", file("etcd")),
                format!("--listen-client-urls={store}"),
                format!("--advertise-client-urls={store}"),
                format!("--listen-peer-urls=http://127.0.0.1:{peer_port}"),
            ],
            &folder.path().join("etcd.log"),
        );
        std::fs::write(file("webhook"), cloud.token_webhook().to_string()).unwrap();
        std::fs::write(file("sa.key"), key.to_pkcs8_pem(LineEnding::LF).unwrap().as_bytes()).unwrap();
        std::fs::write(file("tokens.csv"), format!("{TOKEN},administrator,1,system:masters\n")).unwrap();
        let server = start(
            &assets.join("kube-apiserver"),
            &[
                format!("--etcd-servers={store}"),
                format!("--secure-port={secure_port}"),
                "--bind-address=127.0.0.1".to_owned(),
                format!("--cert-dir={}", file("certificates")),
                "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
                "--authorization-mode=RBAC".to_owned(),
                format!("--token-auth-file={}", file("tokens.csv")),
                format!("--authentication-token-webhook-config-file={}", file("webhook")),
                "--authentication-token-webhook-version=v1".to_owned(),
                format!("--client-ca-file={}", cloud.folder.join("ca.crt").display()),
                // Nobody makes the default ServiceAccount of a namespace here.
                "--disable-admission-plugins=ServiceAccount".to_owned(),
                // As ACK has them while RRSA is on.
                format!("--service-account-issuer={ISSUER}"),
                format!("--service-account-jwks-uri={ISSUER}/openid/v1/jwks"),
                format!("--service-account-signing-key-file={}", file("sa.key")),
                format!("--service-account-key-file={}", file("sa.key")),
                format!("--api-audiences={ISSUER},https://kubernetes.default.svc"),
                "--service-account-max-token-expiration=12h".to_owned(),
            ],
            &folder.path().join("kube-apiserver.log"),
        );
        let authority = folder.path().join("certificates/apiserver.crt");
        let url = format!("https://127.0.0.1:{secure_port}");
        let client = ready(&url, &authority, folder.path()).await;
        Self { url, client, folder, _processes: [etcd, server] }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn get(&self, path: &str) -> String {
        let response = self.client.get(self.url.clone() + path).bearer_auth(TOKEN).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.text().await.unwrap()
    }

    /// Creates an object, and its status when it has one.
    async fn create(&self, object: &Value) {
        let kind = object["kind"].as_str().unwrap();
        let (group, plural) = match kind {
            "Deployment" => ("apis/apps/v1", "deployments"),
            "MutatingWebhookConfiguration" => {
                ("apis/admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations")
            }
            "ConfigMap" => ("api/v1", "configmaps"),
            "Namespace" => ("api/v1", "namespaces"),
            "Node" => ("api/v1", "nodes"),
            "Pod" => ("api/v1", "pods"),
            "ServiceAccount" => ("api/v1", "serviceaccounts"),
            other => panic!("where does a {other} go?"),
        };
        let namespace = match object["metadata"]["namespace"].as_str() {
            Some(name) => format!("/namespaces/{name}"),
            None => String::new(),
        };
        let collection = format!("{}/{group}{namespace}/{plural}", self.url);
        let request = self.client.post(&collection).bearer_auth(TOKEN);
        let body = object.to_string();
        let made = request.header("content-type", "application/json").body(body).send().await.unwrap();
        assert!(made.status().is_success(), "{kind}: {}", made.text().await.unwrap());
        if object.get("status").is_some() {
            let name = object["metadata"]["name"].as_str().unwrap();
            let request = self.client.patch(format!("{collection}/{name}/status")).bearer_auth(TOKEN);
            let patch = json!({"status": object["status"]}).to_string();
            let request = request.header("content-type", "application/merge-patch+json").body(patch);
            let made = request.send().await.unwrap();
            assert!(made.status().is_success(), "{kind}: {}", made.text().await.unwrap());
        }
    }

    fn kubeconfig(&self) -> PathBuf {
        let document = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "real",
            "clusters": [{"name": "real", "cluster": {
                "server": self.url, "certificate-authority": self.file("certificates/apiserver.crt"),
            }}],
            "users": [{"name": "real", "user": {"token": TOKEN}}],
            "contexts": [{"name": "real", "context": {"cluster": "real", "user": "real"}}],
        });
        let file = self.file("kubeconfig");
        std::fs::write(&file, document.to_string()).unwrap();
        file
    }
}

/// Waits until the API server is ready, and gives the client that trusts it.
async fn ready(url: &str, authority: &Path, logs: &Path) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    for _ in 0..600 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let Ok(pem) = std::fs::read(authority) else { continue };
        let Ok(certificates) = reqwest::Certificate::from_pem_bundle(&pem) else { continue };
        let client = reqwest::Client::builder().no_proxy().tls_certs_only(certificates).build().unwrap();
        let answer = client.get(format!("{url}/readyz")).bearer_auth(TOKEN).send().await;
        if answer.is_ok_and(|response| response.status().is_success()) {
            return client;
        }
    }
    let log = std::fs::read_to_string(logs.join("kube-apiserver.log")).unwrap_or_default();
    panic!("the API server is not ready: {}", log.lines().rev().take(5).collect::<Vec<_>>().join("\n"));
}

/// The cloud half by itself, for the tokens of the API server.
struct CloudHalf {
    _process: Process,
    folder: PathBuf,
    minted: PathBuf,
}

impl CloudHalf {
    /// Starts it for tokens that `keys` verify, with its files in `folder`; the demo's role may have kubeconfigs.
    async fn start(folder: &Path, keys: &Value) -> Self {
        let file = |name: &str| folder.join(name);
        let (jwks, world) = (file("jwks.json"), file("world.yaml"));
        std::fs::write(&jwks, keys.to_string()).unwrap();
        std::fs::write(
            &world,
            "permissions: [{who: role/demo-role-for-rrsa, actions: ['cs:DescribeClusterUserKubeconfig']}]",
        )
        .unwrap();
        let (folder, minted, log) = (file("cloud"), file("minted"), file("cloud.log"));
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let process = start(
            &built("rrsa-sandbox"),
            &[
                "cloud".to_owned(),
                format!("--dir={}", text(&folder)),
                format!("--issuer={ISSUER}"),
                format!("--jwks={}", text(&jwks)),
                format!("--minted={}", text(&minted)),
                format!("--world={}", text(&world)),
            ],
            &log,
        );
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if std::fs::read_to_string(&log).is_ok_and(|text| text.contains("rrsa-sandbox is ready")) {
                return Self { _process: process, folder, minted };
            }
        }
        panic!("the cloud half does not start: {}", std::fs::read_to_string(log).unwrap_or_default());
    }

    /// A kubeconfig with which an API server finds the token webhook.
    fn token_webhook(&self) -> Value {
        let env = std::fs::read_to_string(self.folder.join("env.sh")).unwrap();
        let address = env.split("https://").nth(1).unwrap().split(['\'', '"', '\n']).next().unwrap();
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "webhook",
            "clusters": [{"name": "webhook", "cluster": {
                "server": format!("https://{address}/authenticate"),
                "certificate-authority": self.folder.join("ca.crt"),
            }}],
            "users": [{"name": "webhook"}],
            "contexts": [{"name": "webhook", "context": {"cluster": "webhook", "user": "webhook"}}],
        })
    }
}

/// The key set that an API server publishes for a key; the key's id is the digest of its public half.
fn key_set(key: &PrivateKey) -> Value {
    let public = key.to_public_key().to_public_key_der().unwrap();
    json!({"keys": [{
        "use": "sig", "kty": "RSA", "alg": "RS256",
        "kid": URL_SAFE_NO_PAD.encode(Sha256::digest(public.as_bytes())),
        "n": URL_SAFE_NO_PAD.encode(key.n_bytes()),
        "e": URL_SAFE_NO_PAD.encode(key.e_bytes()),
    }]})
}

/// Runs `kubectl-rrsa` on the API server and the cloud half, as a shell with `env.sh` would.
async fn rrsa(server: &ApiServer, cloud: &CloudHalf, arguments: &[&str]) -> Outcome {
    run(server, cloud, &built("kubectl-rrsa"), &server.kubeconfig(), &[], arguments).await
}

/// Runs a program on them.
async fn run(
    server: &ApiServer,
    cloud: &CloudHalf,
    program: &Path,
    kubeconfig: &Path,
    variables: &[(&str, &str)],
    arguments: &[&str],
) -> Outcome {
    let mut command = Command::new("sh");
    command
        .args(["-c", ". \"$0\"; exec \"$@\""])
        .arg(cloud.folder.join("env.sh"))
        .arg(program)
        .args(arguments)
        .env_clear()
        .env("PATH", path())
        .env("HOME", server.folder.path())
        .env("KUBECONFIG", kubeconfig)
        .envs(variables.iter().copied())
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let outcome = Outcome {
        stdout: text(output.stdout),
        stderr: text(output.stderr),
        code: output.status.code().unwrap_or(-1),
    };
    let secrets = std::fs::read_to_string(&cloud.minted).unwrap_or_default();
    for secret in secrets.lines().chain([TOKEN]) {
        assert!(!outcome.stdout.contains(secret) && !outcome.stderr.contains(secret), "a secret is shown");
    }
    outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_check_are_right_on_a_real_api_server() {
    #[expect(clippy::disallowed_methods, reason = "the tester's own variable")]
    let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    let Some(assets) = assets.filter(|assets| assets.join("kube-apiserver").is_file()) else {
        leave_out("the real API server", "KUBEBUILDER_ASSETS names no folder with etcd and kube-apiserver");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let key = PrivateKey::new(&mut rand::rng(), 2048).unwrap();
    let keys = key_set(&key);
    let cloud = CloudHalf::start(folder.path(), &keys).await;
    let server = ApiServer::start(&assets, folder, &cloud, &key).await;
    let published: Value = serde_json::from_str(&server.get("/openid/v1/jwks").await).unwrap();
    assert_eq!(published, keys);
    let objects: Vec<Value> =
        serde_saphyr::from_multiple(include_str!("../manifests/real-cluster.yaml")).unwrap();
    for object in &objects {
        server.create(object).await;
    }

    let status = rrsa(&server, &cloud, &["status", "-o", "json"]).await;
    assert_eq!(status.code, 0, "{status:?}");
    let status = status.json();
    for (field, value, from) in [
        ("issuer", json!(ISSUER), "API server, /.well-known/openid-configuration"),
        (
            "jwksUrl",
            json!(format!("{ISSUER}/openid/v1/jwks")),
            "API server, /.well-known/openid-configuration",
        ),
        ("rrsaEnabled", json!(true), "shape of the issuer"),
        ("region", json!("cn-hangzhou"), "node label topology.kubernetes.io/region"),
        ("account", json!("1234567890123456"), "configmap kube-system/ack-cluster-profile, uid"),
        (
            "providerArn",
            json!("acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0123456789abcdef0123456789abcdef"),
            "account and cluster id",
        ),
    ] {
        assert_eq!(status[field], json!({"value": value, "from": from}), "{status:#}");
    }
    assert_eq!(status["webhook"]["value"]["name"], "ack-pod-identity-webhook");

    let check = ["check", "--live=token", "-n", "rrsa-demo", "-o", "json"];
    for subject in ["sa/demo-sa", "pod/demo"] {
        let healthy = rrsa(&server, &cloud, &[&check[..], &[subject]].concat()).await;
        assert_eq!(healthy.code, 0, "{subject}: {healthy:?}");
        let report = healthy.json();
        assert_eq!(report["findings"], json!([]), "{subject}: {report:#}");
    }

    // A token of another account, minted by the same API server, is not what the trust policy admits.
    let stranger = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
        "name": "stranger", "namespace": "rrsa-demo",
        "annotations": {"pod-identity.alibabacloud.com/role-name": "demo-role-for-rrsa"},
    }});
    server.create(&stranger).await;
    let refused = rrsa(&server, &cloud, &[&check[..], &["sa/stranger"]].concat()).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert_eq!(refused.json()["firstBroken"], "RRSA-X01");

    the_helper_lets_kubectl_in(&server, &cloud).await;
}

/// kubectl asks the helper, the API server asks the webhook, and both bearer and certificate are let in.
async fn the_helper_lets_kubectl_in(server: &ApiServer, cloud: &CloudHalf) {
    let Some(kubectl) = found("kubectl", "kubectl on the real API server") else { return };
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {"audiences": ["sts.aliyuncs.com"], "expirationSeconds": 3600}});
    let path = "/api/v1/namespaces/rrsa-demo/serviceaccounts/demo-sa/token";
    let made = server.client.post(server.url.clone() + path).bearer_auth(TOKEN);
    let made =
        made.header("content-type", "application/json").body(request.to_string()).send().await.unwrap();
    let answer: Value = serde_json::from_str(&made.text().await.unwrap()).unwrap();
    let token = server.file("projected-token");
    std::fs::write(&token, answer["status"]["token"].as_str().unwrap()).unwrap();
    let (token, role) = (token.to_str().unwrap(), "acs:ram::1234567890123456:role/demo-role-for-rrsa");
    let variables = [
        ("ALIBABA_CLOUD_ROLE_ARN", role),
        (
            "ALIBABA_CLOUD_OIDC_PROVIDER_ARN",
            "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0123456789abcdef0123456789abcdef",
        ),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", token),
    ];
    for (command, user) in [("token", role), ("certificate", "-rrsa-exec-credential")] {
        let mut config: Value =
            serde_json::from_str(&std::fs::read_to_string(server.kubeconfig()).unwrap()).unwrap();
        config["users"][0]["user"] = json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": built("rrsa-exec-credential"),
            "args": [command, "--cluster-id", "c0123456789abcdef0123456789abcdef", "--cache", "none"],
            "interactiveMode": "Never",
        }});
        let file = server.file(&format!("kubeconfig-{command}"));
        std::fs::write(&file, config.to_string()).unwrap();
        let whoami = ["auth", "whoami", "-o", "json"];
        let outcome = run(server, cloud, &kubectl, &file, &variables, &whoami).await;
        assert_eq!(outcome.code, 0, "{command}: {outcome:?}");
        let info = &outcome.json()["status"]["userInfo"];
        assert!(info["username"].as_str().unwrap().ends_with(user), "{command}: {info}");
    }
}
