//! Real kubectl on the sandbox, and us as its plugin.

use std::process::Command;

use crate::stage::{Stage, built, found, path};

/// kubectl with our programs on its path, unless the machine has none.
fn kubectl(stage: &Stage, arguments: &[&str]) -> Option<Command> {
    let kubectl = found("kubectl", "the stories through real kubectl")?;
    let folder = stage.folder("bin");
    let plugin = folder.join("kubectl-rrsa");
    if !plugin.exists() {
        std::os::unix::fs::symlink(built("kubectl-rrsa"), plugin).unwrap();
    }
    let mut command = stage.command(&kubectl, arguments);
    command.env("PATH", format!("{}:{}", folder.display(), path()));
    Some(command)
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_runs_us_as_a_plugin() {
    let stage = Stage::demo().await;
    for (arguments, words) in [
        (vec!["rrsa", "status"], "RRSA:          on"),
        (vec!["rrsa", "check", "sa/demo-sa", "-n", "rrsa-demo"], "✓ identity"),
        (vec!["rrsa", "check", "pod/demo", "--namespace=rrsa-demo", "--context", "sandbox"], "✓ identity"),
        (vec!["plugin", "list"], "kubectl-rrsa"),
    ] {
        let Some(command) = kubectl(&stage, &arguments) else { return };
        let outcome = stage.run(command).await;
        assert_eq!(outcome.code, 0, "{arguments:?}: {outcome:?}");
        assert!(outcome.stdout.contains(words), "{arguments:?}: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_exit_code_goes_through_kubectl() {
    let stage = Stage::demo().await;
    for (arguments, code) in [
        (vec!["rrsa", "check", "sa/nobody", "-n", "rrsa-demo"], 1),
        (vec!["rrsa", "check", "nobody"], 2),
        (vec!["rrsa", "check", "sa/demo-sa", "-n", "rrsa-demo", "--live=none"], 3),
    ] {
        let Some(command) = kubectl(&stage, &arguments) else { return };
        let outcome = stage.run(command).await;
        assert_eq!(outcome.code, code, "{arguments:?}: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_kubectl_works_on_the_sandbox() {
    let stage = Stage::demo().await;
    let Some(command) = kubectl(&stage, &["get", "sa,pods", "-n", "rrsa-demo"]) else { return };
    let outcome = stage.run(command).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    for words in ["serviceaccount/demo-sa", "pod/demo", "1/1", "Running"] {
        assert!(outcome.stdout.contains(words), "{words}\n{}", outcome.stdout);
    }
    let Some(command) = kubectl(&stage, &["get", "--raw", "/.well-known/openid-configuration"]) else {
        return;
    };
    assert!(stage.run(command).await.stdout.contains("https://oidc-ack-cn-hangzhou"));
}
