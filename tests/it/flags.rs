//! kubectl's options, files and variables mean to us what they mean to kubectl.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::stage::{Stage, built};

/// A server of HTTP/1.1 that keeps what it was asked, answers it as `answer` says, and hangs up.
struct Recorder {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    fn start(answer: impl Fn(TcpStream, &str) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = asked.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (mut head, mut byte) = (Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                    head.push(byte[0]);
                }
                let head = String::from_utf8(head).unwrap();
                kept.lock().unwrap().push(head.clone());
                answer(stream, &head);
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// The address of the sandbox's API server, `HOST:PORT`.
fn api_server(stage: &Stage) -> String {
    stage.sandbox.api_server().unwrap().strip_prefix("https://").unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn options_are_taken_before_and_after_the_command() {
    let stage = Stage::demo().await;
    let kubeconfig = stage.sandbox.kubeconfig_path();
    let kubeconfig = kubeconfig.to_str().unwrap();
    for line in [
        vec!["-n", "rrsa-demo", "check", "sa/demo-sa"],
        vec!["check", "-nrrsa-demo", "sa/demo-sa", "--context", "sandbox"],
        vec!["--kubeconfig", kubeconfig, "check", "sa/demo-sa", "--namespace=rrsa-demo"],
        vec![
            "check",
            "sa/demo-sa",
            "--namespace",
            "rrsa-demo",
            "--cluster",
            "sandbox",
            "--request-timeout=20s",
        ],
    ] {
        let outcome = stage.rrsa(&line).await;
        assert_eq!(outcome.code, 0, "{line:?}: {outcome:?}");
    }
    for line in
        [vec!["check", "sa/demo-sa", "--context", "nobody"], vec!["check", "sa/demo-sa", "--user", "nobody"]]
    {
        let outcome = stage.rrsa(&line).await;
        assert_eq!(outcome.code, 2, "{line:?}: {outcome:?}");
        assert!(outcome.stderr.contains("nobody"), "{outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_typed_goes_to_the_cluster_that_was_asked() {
    let stage = Stage::demo().await;
    for (line, expected) in [
        ("check sa/nobody -n rrsa-demo", "kubectl create serviceaccount nobody -n rrsa-demo"),
        (
            "check sa/nobody -n rrsa-demo --context sandbox --user sandbox-admin",
            "kubectl --context sandbox --user sandbox-admin create serviceaccount nobody -n rrsa-demo",
        ),
        (
            "check pod/nope -n rrsa-demo --context sandbox",
            "hint: kubectl --context sandbox get pods -n rrsa-demo",
        ),
        ("check sa/x svc/x --cluster sandbox", "hint: kubectl rrsa --cluster sandbox check sa/NAME"),
    ] {
        let outcome = stage.rrsa(&line.split(' ').collect::<Vec<_>>()).await;
        assert!((outcome.stdout.clone() + &outcome.stderr).contains(expected), "{line}: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_wrong_is_named_with_what_to_type() {
    let stage = Stage::demo().await;
    for (line, words) in [
        (vec!["check"], "kubectl rrsa check sa/NAME"),
        (vec!["check", "demo-sa"], "kubectl rrsa check sa/NAME | pod/NAME"),
        (vec!["check", "svc/demo"], "sa, pod, deploy"),
        (vec!["check", "sa/Demo"], "\"Demo\" cannot be the name of an object"),
        (vec!["check", "sa/demo-sa", "--live=exec"], "kubectl rrsa check pod/NAME"),
        (vec!["check", "sa/demo-sa", "-o", "xml"], "json, yaml"),
        (vec!["chek"], "check"),
        (vec!["status", "--request-timeout", "soon"], "soon"),
        (vec!["check", "pod/nope", "-n", "rrsa-demo"], "kubectl get pods -n rrsa-demo"),
        (vec!["status", "--kubeconfig", "/no/such/file"], "/no/such/file"),
    ] {
        let outcome = stage.rrsa(&line).await;
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{line:?}: {outcome:?}");
        assert!(outcome.stderr.contains(words), "{line:?}: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_kubeconfigs_may_name_files_that_are_not_there() {
    let stage = Stage::demo().await;
    let list = format!("/no/such/file:{}", stage.sandbox.kubeconfig_path().display());
    let mut command = stage.command(&built("kubectl-rrsa"), &["status"]);
    command.env("KUBECONFIG", list);
    let outcome = stage.run(command).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
}

/// The sandbox's kubeconfig, its user logging in through a plugin that runs `script`.
async fn with_plugin(stage: &Stage, script: &str, arguments: &[&str]) -> crate::stage::Outcome {
    let plugin = stage.file("plugin", script);
    let mut document: serde_json::Value = serde_json::from_str(stage.sandbox.kubeconfig()).unwrap();
    document["users"][0]["user"] = json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never",
        "command": "sh", "args": [plugin], "installHint": "get it at example.com",
    }});
    let file = stage.file("kubeconfig", &document.to_string());
    stage.rrsa(&[&["--kubeconfig", file.to_str().unwrap()], arguments].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exec_plugin_runs_once() {
    let stage = Stage::demo().await;
    let document: serde_json::Value = serde_json::from_str(stage.sandbox.kubeconfig()).unwrap();
    let token = stage.file("administrator", document["users"][0]["user"]["token"].as_str().unwrap());
    let runs = stage.file("runs", "");
    let script = format!(
        "echo run >> '{}'\nprintf '{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\
         \"status\":{{\"token\":\"%s\"}}}}' \"$(cat '{}')\"\n",
        runs.display(),
        token.display()
    );
    let outcome = with_plugin(&stage, &script, &["check", "pod/demo", "-n", "rrsa-demo"]).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(std::fs::read_to_string(runs).unwrap(), "run\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exec_plugin_that_fails_is_quoted() {
    let stage = Stage::demo().await;
    let script = "echo 'your login has expired, type example login' >&2; exit 3";
    let outcome = with_plugin(&stage, script, &["status"]).await;
    assert_eq!(outcome.code, 3, "{outcome:?}");
    assert!(outcome.stderr.contains("your login has expired, type example login"), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_never_answers_is_given_up_in_time() {
    let stage = Stage::demo().await;
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", silent.local_addr().unwrap());
    let outcome = stage.rrsa(&["status", "--server", &url, "--request-timeout", "1s"]).await;
    assert_eq!(outcome.code, 3, "{outcome:?}");
    assert!(outcome.stderr.contains("--request-timeout"), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_impersonated_goes_into_every_request_and_no_secret_over_plain_http() {
    let stage = Stage::demo().await;
    let recorder = Recorder::start(|mut stream, _| {
        drop(stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"));
    });
    let who = ["--as", "jane", "--as-group", "dev", "--as-group", "ops", "--as-uid", "u-1"];
    stage.rrsa(&[&["status", "--server", &recorder.url], &who[..]].concat()).await;
    let asked = recorder.asked();
    assert!(!asked.is_empty());
    for head in asked {
        let head = head.to_lowercase();
        for line in [
            "impersonate-user: jane",
            "impersonate-group: dev",
            "impersonate-group: ops",
            "impersonate-uid: u-1",
        ] {
            assert!(head.contains(line), "{line}\n{head}");
        }
        assert!(!head.contains("authorization:"), "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_used_unless_no_proxy_names_the_host() {
    let stage = Stage::demo().await;
    let address = api_server(&stage);
    let proxy = Recorder::start(move |stream, _| {
        let upstream = TcpStream::connect(&address).unwrap();
        tunnel(stream, upstream);
    });
    let status = |no_proxy: &str| {
        let server = ["--server", "https://api.example.invalid:6443", "--tls-server-name", "localhost"];
        let mut command = stage.command(&built("kubectl-rrsa"), &[&["status"], &server[..]].concat());
        command.env("HTTPS_PROXY", &proxy.url).env("NO_PROXY", no_proxy).env("no_proxy", no_proxy);
        command
    };
    let through = stage.run(status("127.0.0.1")).await;
    assert_eq!(through.code, 0, "{through:?}");
    let asked = proxy.asked();
    assert!(asked.iter().all(|head| head.starts_with("CONNECT api.example.invalid:6443 ")), "{asked:?}");
    assert!(!asked.is_empty());
    let direct = stage.run(status("127.0.0.1,.example.invalid")).await;
    assert_eq!(direct.code, 3, "the host does not exist: {direct:?}");
    assert_eq!(proxy.asked().len(), asked.len(), "the proxy was not asked");
}

/// Says that the tunnel stands, and carries both ways until one side ends.
fn tunnel(mut client: TcpStream, mut upstream: TcpStream) {
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    let (mut from_client, mut to_upstream) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
    std::thread::spawn(move || drop(std::io::copy(&mut from_client, &mut to_upstream)));
    std::thread::spawn(move || drop(std::io::copy(&mut upstream, &mut client)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_is_refused_unless_told_otherwise() {
    let stage = Stage::demo().await;
    let other = Stage::demo().await;
    let server = stage.sandbox.api_server().unwrap();
    let authority = other.sandbox.ca_path();
    let authority = authority.to_str().unwrap();
    let mistrusted = stage.rrsa(&["status", "--server", server, "--certificate-authority", authority]).await;
    assert_eq!(mistrusted.code, 3, "{mistrusted:?}");
    assert!(mistrusted.stderr.contains("--certificate-authority"), "{mistrusted:?}");
    let blind = stage.rrsa(&["status", "--server", server, "--insecure-skip-tls-verify"]).await;
    assert_eq!(blind.code, 0, "{blind:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_behind_a_certificate_that_is_not_trusted_is_could_not_tell() {
    let stage = Stage::demo().await;
    let other = Stage::demo().await;
    let mut command = stage.command(&built("kubectl-rrsa"), &["check", "sa/demo-sa", "-n", "rrsa-demo"]);
    command.env("RRSA_CLOUD_CA_FILE", other.sandbox.ca_path());
    let outcome = stage.run(command).await;
    assert_eq!(outcome.code, 3, "{outcome:?}");
    assert!(outcome.stdout.contains("TLS failed"), "{outcome:?}");
    let named = other.sandbox.ca_path();
    let named = named.to_str().unwrap();
    let arguments = ["check", "sa/demo-sa", "-n", "rrsa-demo", "--cloud-certificate-authority"];
    let own = stage.sandbox.ca_path();
    assert_eq!(stage.rrsa(&[&arguments[..], &[own.to_str().unwrap()]].concat()).await.code, 0);
    assert_eq!(stage.rrsa(&[&arguments[..], &[named]].concat()).await.code, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_told_when_asked_for_and_no_secret_with_it() {
    let stage = Stage::demo().await;
    for words in [
        &["-v", "check", "sa/demo-sa"][..],
        &["check", "sa/demo-sa", "--verbose"],
        &["check", "sa/demo-sa", "-v=6"],
    ] {
        let told = stage.rrsa(&[words, &["-n", "rrsa-demo"]].concat()).await;
        assert_eq!(told.code, 0, "{told:?}");
        for line in ["GET /api/v1/namespaces/rrsa-demo 200", "?Action=AssumeRoleWithOIDC 200"] {
            assert!(told.stderr.contains(line), "{line}: {}", told.stderr);
        }
    }
    let quiet = stage.rrsa(&["check", "sa/demo-sa", "-n", "rrsa-demo"]).await;
    assert_eq!(quiet.stderr, "");
}
