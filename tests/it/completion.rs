//! Completion: scripts of the shells, and live names through kubectl.

use std::os::unix::fs::PermissionsExt as _;

use crate::stage::{Stage, built, found, path};

#[tokio::test(flavor = "multi_thread")]
async fn every_shell_has_a_script() {
    let stage = Stage::demo().await;
    for (shell, says) in [
        ("bash", "-o default kubectl-rrsa"),
        ("zsh", "#compdef kubectl-rrsa"),
        ("fish", "complete -c kubectl-rrsa"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = stage.rrsa(&["completion", shell]).await;
        assert!(!script.stdout.contains("__complete"), "what is for no eyes is not offered");
        assert_eq!(script.code, 0, "{script:?}");
        assert!(script.stdout.contains(says), "{shell}");
    }
    let Some(bash) = found("bash", "the bash script is read by bash") else { return };
    let script = stage.rrsa(&["completion", "bash"]).await.stdout;
    let file = stage.file("completion.bash", &script).display().to_string();
    let read = stage.run(stage.command(&bash, &["-n", &file])).await;
    assert_eq!(read.code, 0, "{read:?}");
    // Options and their values are completed behind a subcommand, however it is spelt.
    for (words, completed) in [
        ("check --li", "--live"),
        ("check --live ep", "ephemeral"),
        ("trust-policy --ro", "--role"),
        ("list -o js", "json"),
        ("check --live = ep", "ephemeral"),
        ("-v che", "check"),
    ] {
        let ask = format!(
            "source '{file}'; COMP_WORDS=(kubectl-rrsa {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             function=$(complete -p kubectl-rrsa | sed 's/.*-F \\([^ ]*\\).*/\\1/'); \
             $function kubectl-rrsa \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
             echo \"${{COMPREPLY[@]}}\""
        );
        let shown = stage.run(stage.command(&bash, &["-c", &ask])).await;
        assert!(shown.stdout.split_whitespace().any(|word| word == completed), "{words}: {shown:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_completes_live_names() {
    let stage = Stage::demo().await;
    let folder = stage.folder("bin");
    std::os::unix::fs::symlink(built("kubectl-rrsa"), folder.join("kubectl-rrsa")).unwrap();
    let script = stage.rrsa(&["completion", "kubectl"]).await.stdout;
    let program = folder.join("kubectl_complete-rrsa");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let complete = |words: &[&str]| {
        let mut command = stage.command(&program, words);
        command.env("PATH", format!("{}:{}", folder.display(), path()));
        stage.run(command)
    };
    for (words, lines) in [
        (&["check", "-n", "rrsa-demo", "sa/"][..], "sa/default\nsa/demo-sa\n:4\n"),
        (&["check", "-n", "rrsa-demo", "pod/d"], "pod/demo\n:4\n"),
        (&["check", "-n", "rrsa"], "rrsa-demo\n:4\n"),
        (&["check", "d"], "deploy/\nds/\n:6\n"),
        (&["check", "-n", "nowhere", "sa/"], ":4\n"),
    ] {
        let shown = complete(words).await;
        assert_eq!((shown.code, shown.stdout.as_str()), (0, lines), "{words:?}: {shown:?}");
    }
    let Some(kubectl) = found("kubectl", "completion through kubectl") else { return };
    let mut command = stage.command(&kubectl, &["__complete", "rrsa", "check", "-n", "rrsa-demo", "sa/demo"]);
    command.env("PATH", format!("{}:{}", folder.display(), path()));
    let shown = stage.run(command).await;
    // kubectl before 1.26 knows nothing of plugins' completion.
    if shown.stdout.starts_with(":") {
        crate::stage::leave_out("completion through kubectl", "this kubectl does not ask plugins");
    } else {
        assert!(shown.stdout.starts_with("sa/demo-sa\n:4"), "{shown:?}");
    }
}
