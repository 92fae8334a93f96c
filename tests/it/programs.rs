//! `rrsa-sandbox` and `rrsa-exec-credential` as programs.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::stage::{Stage, built, minted_file, path};

fn sandbox(arguments: &[&str]) -> Command {
    let (subcommand, rest) = arguments.split_first().unwrap();
    let mut command = Command::new(built("rrsa-sandbox"));
    command.arg(subcommand);
    if let Some(file) = minted_file() {
        command.arg("--minted").arg(file);
    }
    command.args(rest).env_clear().env("PATH", path()).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = sandbox(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn run_ends_as_its_command_ended() {
    for (script, code) in [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143)] {
        assert_eq!(run(&["run", "--", "sh", "-c", script]).0, Some(code), "{script}");
    }
    assert_eq!(run(&["run", "--", "/no/such/program"]).0, Some(127));
    assert_eq!(run(&["run", "--", "/"]).0, Some(126));
}

#[test]
fn run_tells_its_command_where_everything_is() {
    let script = "for name in KUBECONFIG ALIBABA_CLOUD_STS_ENDPOINT RRSA_RAM_ENDPOINT RRSA_IMS_ENDPOINT \
        RRSA_ACK_ENDPOINT RRSA_ISSUER_ENDPOINT ALIBABA_CLOUD_IMDS_ENDPOINT RRSA_CLOUD_CA_FILE RRSA_SANDBOX_DIR RRSA_SANDBOX_CONTROL; \
        do eval \"[ -n \\\"\\$$name\\\" ]\" || echo \"$name is not set\"; done; test -r \"$KUBECONFIG\"";
    assert_eq!(run(&["run", "--", "sh", "-c", script]), (Some(0), String::new(), String::new()));
}

#[test]
fn what_cannot_be_loaded_is_named_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let world = file("world.yaml", "roles:\n- {name: r, trust_policy: {}, colour: red}\n");
    let manifest = file("manifest.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: 'Not A Name'}\n");
    for (option, path, word) in [
        ("--world", world.as_str(), "colour"),
        ("--manifests", manifest.as_str(), "Not A Name"),
        ("--world", "/no/such/file", "/no/such/file"),
    ] {
        let (code, _, stderr) = run(&["run", option, path, "--", "true"]);
        assert_eq!(code, Some(125), "{stderr}");
        assert!(stderr.contains(path) && stderr.contains(word), "{stderr}");
    }
}

#[cfg(unix)]
#[test]
fn serve_prints_one_line_and_leaves_nothing_behind_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("sandbox");
    let mut child =
        sandbox(&["serve", "--dir", dir.to_str().unwrap()]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines.next().unwrap().unwrap();
    assert!(ready.starts_with("rrsa-sandbox is ready: . ") && ready.ends_with("/env.sh"), "{ready}");
    for name in ["kubeconfig", "env.sh", "ca.crt"] {
        assert!(dir.join(name).is_file(), "{name}");
    }
    let checked = Command::new("sh")
        .args(["-c", ". \"$0\"; \"$1\" check sa/demo-sa -n rrsa-demo"])
        .arg(dir.join("env.sh"))
        .arg(built("kubectl-rrsa"))
        .output()
        .unwrap();
    assert!(checked.status.success(), "{checked:?}");
    let ended = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(ended.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(lines.next().is_none(), "one line, no more");
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0, "its files are gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoami_proves_the_environment_of_a_pod() {
    let stage = Stage::demo().await;
    let token = stage.token_file("demo-sa", "sts.aliyuncs.com").await;
    let whoami = |token: &Path| {
        let mut command = stage.command(&built("rrsa-exec-credential"), &["whoami"]);
        command
            .env("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1234567890123456:role/demo-role-for-rrsa")
            .env(
                "ALIBABA_CLOUD_OIDC_PROVIDER_ARN",
                "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0123456789abcdef0123456789abcdef",
            )
            .env("ALIBABA_CLOUD_OIDC_TOKEN_FILE", token);
        command
    };
    let healthy = stage.run(whoami(&token)).await;
    assert_eq!(healthy.code, 0, "{healthy:?}");
    let arn = healthy.json()["arn"].as_str().unwrap().to_owned();
    assert!(arn.starts_with("acs:ram::1234567890123456:assumed-role/demo-role-for-rrsa/"), "{arn}");

    let other = stage.token_file("default", "sts.aliyuncs.com").await;
    let refused = stage.run(whoami(&other)).await;
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{refused:?}");
    assert!(refused.stderr.contains("AuthenticationFail.NoPermission"), "{refused:?}");

    let nothing = stage.run(whoami(&stage.file("empty", "\n"))).await;
    assert_eq!(nothing.code, 1, "{nothing:?}");
    assert!(nothing.stderr.contains("empty"), "{nothing:?}");
    let unset = stage.run(stage.command(&built("rrsa-exec-credential"), &["whoami"])).await;
    assert_eq!(unset.code, 2, "{unset:?}");
    assert!(unset.stderr.contains("ALIBABA_CLOUD_ROLE_ARN is not set"), "{unset:?}");
}

/// Help is read in a terminal of 80 columns, and in pipes.
#[test]
fn help_fits_eighty_columns() {
    for (program, commands) in [
        (
            "kubectl-rrsa",
            &[
                "status",
                "check",
                "list",
                "trust-policy",
                "who-can-assume",
                "describe",
                "explain",
                "kubeconfig",
                "profile",
            ][..],
        ),
        (
            "rrsa-exec-credential",
            &["token", "certificate", "process", "exec", "serve", "whoami", "doctor", "probe"],
        ),
    ] {
        for command in [&[][..]].into_iter().chain(commands.iter().map(std::slice::from_ref)) {
            let mut run = Command::new(built(program));
            run.args(command).arg("--help").env_clear().stdin(Stdio::null());
            let output = run.output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success() && !text.is_empty(), "{program} {command:?}");
            for line in text.lines() {
                assert!(line.chars().count() <= 80, "{program} {command:?}: {line}");
            }
        }
    }
}
